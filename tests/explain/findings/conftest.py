"""Runs made by hand: a sound one of a small network, which each test changes to have a fault."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from tests import documents
from tests.documents import a_model, a_trace

from pipetrace.explain.findings import NOTE, Finding, findings
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    Ending,
    Epoch,
    Parameters,
    Spec,
    Stage,
    Weight,
)
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import (
    KERNEL,
    LINEAR,
    TRAINING,
    TRAINING_MODE,
    VALIDATION,
    BaselineModel,
    BatchDependence,
    ClassOutcome,
    DatasetCheck,
    Dimensions,
    FitArguments,
    Gradient,
    InitialWeight,
    LossPoint,
    Outcome,
    ShiftedTargets,
    Signal,
    StepLosses,
    UntrackedVariables,
    Update,
)
from pipetrace.trace.rows import Target

Figures: TypeAlias = dict[tuple[Any, str, int | None], Any]
"""Records by kind, name and epoch."""

ROWS, HELD = 700, 300
WIDTHS = {"first": (8, 16), "second": (16, 16), "last": (16, 3)}
"""The kernels of the sound run: eight columns, two hidden layers of 16, three classes."""


def stages_of(
    hidden: str, last: str, width: int, layers: Mapping[str, Mapping[str, Any]]
) -> tuple[Stage, ...]:
    """The source and three Dense layers; ``layers`` changes their fields."""
    given = Spec((None, 8), "float32")
    found = [Stage("rows", SOURCE, None, "rows", {}, (given,), (given,))]
    for name, (fan_in, fan_out) in WIDTHS.items():
        units = width if name == "last" else fan_out
        config = {"units": units, "activation": last if name == "last" else hidden}
        inner = replace(found[-1].outputs[0], source=found[-1].name)
        weights = (Weight("kernel", (fan_in, units)), Weight("bias", (units,)))
        stage = Stage(
            name,
            LAYER,
            "Dense",
            name,
            config,
            (inner,),
            (Spec((None, units), "float32"),),
            Parameters(fan_in * units + units),
            weights,
        )
        found.append(replace(stage, **layers.get(name, {})))
    return tuple(found)


SAME_COLUMNS: dict[str, Any] = {
    "inputs_padded": 0.0,
    "overlapping": 0.0,
    "column_shift": 0.04,
    "column_scale": 1.03,
    "column_sign": 0.0,
}


def sound_figures(epochs: int, width: int) -> Figures:
    """What a training measures that goes well."""
    found: Figures = {}
    for epoch in range(epochs + 1):
        found |= _of_epoch(epoch)
    for name, (fan_in, fan_out) in WIDTHS.items():
        std = math.sqrt(2 / (fan_in + fan_out))
        found[InitialWeight, f"{name}/kernel", 0] = InitialWeight(
            0.0, std, -2 * std, 2 * std, fan_in, fan_out, duplicate_units=0.0
        )
        found[Dimensions, name, None] = Dimensions(3.0, fan_out)
    for rows, count in ((TRAINING, ROWS), (VALIDATION, HELD), (TRAINING_MODE, ROWS)):
        found[Outcome, rows, None] = replace(SOUND, rows=count)
    each = ROWS // width
    for label in range(width):
        outcome = ClassOutcome(each, each, round(0.95 * each))
        found[ClassOutcome, f"training/{label}", None] = outcome
    found[FitArguments, "fit", None] = FitArguments(shuffle=True, validation_split=0.0)
    found[DatasetCheck, TRAINING, None] = DatasetCheck(
        rows=ROWS,
        distinct=ROWS,
        contradictory=0.0,
        possible_rows=math.inf,
        input_rms=1.0,
        inputs_not_finite=0,
        targets_not_finite=0,
        class_runs=460,
        expected_class_runs=467.0,
        **SAME_COLUMNS,
    )
    found[DatasetCheck, VALIDATION, None] = DatasetCheck(
        rows=HELD,
        distinct=HELD,
        input_rms=1.0,
        inputs_not_finite=0,
        targets_not_finite=0,
        seen_in_training=0.0,
        unseen_classes=0.0,
        class_shift=0.02,
        class_shift_sigmas=0.1,
        **SAME_COLUMNS,
    )
    found[UntrackedVariables, "model", None] = UntrackedVariables(count=0, values=0)
    found[BatchDependence, "last", None] = BatchDependence(1e-6)
    for name in (LINEAR, KERNEL):
        found[BaselineModel, name, None] = BaselineModel(600, True, 0.94, 0.94, 0.94, 0.94, 0.94)
    for name in ("-2", "-1", "1", "2", "reversed"):
        found[ShiftedTargets, name, None] = ShiftedTargets(0.33)
    found[ShiftedTargets, "0", None] = ShiftedTargets(0.94)
    return found


def _of_epoch(epoch: int) -> Figures:
    """What is measured after an epoch, 0 for before training."""
    found: Figures = {}
    for name in ("rows", *WIDTHS):
        found[Signal, name, epoch] = Signal(
            rms=1.0,
            std=0.9,
            dead_units=0.1 * (name not in ("rows", "last")),
            std_low=0.7,
            std_high=1.1,
            mean_rms=0.3,
            units=16,
        )
    loss = 1.1 * 0.6**epoch
    found[LossPoint, TRAINING, epoch] = LossPoint(loss, 0.0)
    for place, name in enumerate(WIDTHS):
        size = 0.01 * (place + 1)
        found[Gradient, f"{name}/kernel", epoch] = Gradient(size, size / 10, size, 0.0)
        if epoch:
            found[Update, f"{name}/kernel", epoch] = Update(0.3, 4.0, 2.0, 0.004, 0.5)
    if epoch:
        found[StepLosses, TRAINING, epoch] = StepLosses(
            22, 0, loss, loss, loss / 2, 2 * loss, loss, noise=0.05, jumps=0.0
        )
    return found


SOUND = Outcome(
    not_finite=0,
    min=0.0,
    max=1.0,
    mean=1 / 3,
    std=0.4,
    sum_min=1.0,
    sum_max=1.0,
    target_min=0.0,
    target_max=2.0,
    target_mean=1.0,
    target_std=0.8,
    target_binary=0.67,
    target_below_minus_one=0.0,
    target_below_zero=0.0,
    target_above_one=0.33,
    loss=0.02,
    accuracy=0.95,
    balanced_accuracy=0.95,
    majority_share=0.34,
    classes=3,
    classes_present=3,
    log_loss=0.2,
)
"""The outcome of a model that is nearly always right on three classes."""
SHARED = (
    *("not_finite", "min", "max", "mean", "sum_min", "sum_max", "target_max"),
    *("target_below_minus_one", "target_below_zero", "target_above_one", "loss"),
)
REGRESSION = Outcome(
    **{name: getattr(SOUND, name) for name in SHARED},
    std=0.97,
    target_min=-2.0,
    target_mean=0.0,
    target_std=1.0,
    target_binary=0.0,
    r2=0.95,
)
"""The same for numbers."""


@dataclass(frozen=True)
class Made:
    """How a made-up run differs from the sound one.

    Attributes:
        epochs: how many.
        losses, held: training and validation loss of each epoch.
        hidden, last: activations.
        width: units of the last layer.
        loss: its name.
        from_logits: of the loss.
        target: fields of the target.
        numbers: whether it is a regression, whose outcome is R2 (0.95) instead of an accuracy.
        training: fields of the training, such as ``batch_size``.
        layers: fields of stages, by name.
        metrics: further metrics, the same in all epochs.
    """

    epochs: int = 8
    losses: Sequence[float] | None = None
    held: Sequence[float] | None = None
    hidden: str = "relu"
    last: str = "softmax"
    width: int = 3
    loss: str = "sparse_categorical_crossentropy"
    from_logits: bool = False
    target: Mapping[str, Any] | None = None
    numbers: bool = False
    training: Mapping[str, Any] | None = None
    layers: Mapping[str, Mapping[str, Any]] | None = None
    metrics: Mapping[str, float] | None = None


def figures_of(made: Made, changes: Mapping[Any, Mapping[str, Any]]) -> Figures:
    """The sound figures with changes."""
    figures = sound_figures(made.epochs, made.width)
    if made.numbers:
        for rows in (TRAINING, VALIDATION, TRAINING_MODE):
            count = figures[Outcome, rows, None].rows
            figures[Outcome, rows, None] = replace(REGRESSION, rows=count)
        for name in (LINEAR, KERNEL):
            baseline = figures[BaselineModel, name, None]
            figures[BaselineModel, name, None] = replace(baseline, classification=False)
    for (kind, name, epoch), more in changes.items():
        all_epochs = [key for key in figures if key[:2] == (kind, name)]
        for key in all_epochs if epoch == -1 else [(kind, name, epoch)]:
            figures[key] = replace(figures.get(key, kind()), **more)
    return figures


def data_of(made: Made) -> dict[str, Any]:
    """Three classes, or numbers from -2 to 2."""
    target = Target(None, (None,), "int64", True, 0.0, 2.0, 1.0, 0.8, 3)
    if made.numbers:
        target = replace(target, dtype="float32", whole=False, min=-2.0, distinct=None)
    target = replace(target, **(made.target or {}))
    names = tuple(map(str, range(made.width)))
    rows = {"available": ROWS, "rows": ROWS, "validation_rows": HELD}
    return {**rows, "origin": "fit", "class_names": names, "targets": (target,)}


def training_of(made: Made) -> dict[str, Any]:
    """Adam with batches of 32."""
    optimizer = {"optimizer": "Adam", "optimizer_config": {"learning_rate": 0.001}}
    how = {"epochs": made.epochs, "batch_size": 32, "loss": made.loss, "metrics": ("accuracy",)}
    how |= {"seed": 0, "probe_rows": 32, "losses": {"": made.loss}}
    return {**how, **optimizer, "from_logits": made.from_logits, **(made.training or {})}


def epochs_of(made: Made, batch: int) -> tuple[Epoch, ...]:
    """Losses that fall by 40 % an epoch, unless others are given."""
    own = made.losses
    if own is None:
        own = [1.1 * 0.6 ** (number + 1) for number in range(made.epochs)]
    both = zip(own, own if made.held is None else made.held, strict=True)
    return tuple(
        Epoch(
            number,
            {"loss": first, "val_loss": second, **(made.metrics or {})},
            1.0,
            0.001,
            -(-ROWS // batch),
        )
        for number, (first, second) in enumerate(both, 1)
    )


def a_run(changes: Mapping[Any, Mapping[str, Any]] | None = None, **options: Any) -> Trace:
    """The sound run with changes.

    Args:
        changes: figures over the sound ones, by kind, name and epoch; an epoch of -1 means all.
        options: fields of ``Made``.
    """
    made = Made(**options)
    stages = stages_of(made.hidden, made.last, made.width, made.layers or {})
    model = a_model(stages, [replace(stages[-1].outputs[0], source="last")], "Sequential")
    training = training_of(made)
    measurements = (
        Measurement(name, epoch, values)
        for (_, name, epoch), values in figures_of(made, changes or {}).items()
    )
    return a_trace(
        stages,
        documents.a_run(data=data_of(made), training=training, model=replace(model, layers=3)),
        rows=ROWS,
        epochs=epochs_of(made, training["batch_size"] or 32),
        ending=Ending(FINISHED, epoch=made.epochs),
        measurements=Measurements(measurements),
    )


class Changes(dict[Any, Any]):
    """Figures to change; ``a | b`` puts those of ``b`` over those of ``a``, figure by figure."""

    def __or__(self, other: Any) -> "Changes":
        return Changes(
            {key: {**self.get(key, {}), **other.get(key, {})} for key in [*self, *other]}
        )

    def __ror__(self, other: Any) -> "Changes":
        return Changes(other) | self


def poor(skill: float = 0.0) -> Changes:
    """Changes for an outcome of this skill on all kinds of rows, of classes and of numbers."""
    share = 1 / 3 + skill * 2 / 3
    values = {"accuracy": share, "balanced_accuracy": share}
    return Changes(
        {(Outcome, rows, None): dict(values) for rows in (TRAINING, VALIDATION, TRAINING_MODE)}
    )


def poor_numbers(skill: float = 0.0) -> Changes:
    """The same for numbers."""
    return Changes(
        {(Outcome, rows, None): {"r2": skill} for rows in (TRAINING, VALIDATION, TRAINING_MODE)}
    )


def saturated(share: float, bound: float = 1.0) -> Any:
    """The summary of a thousand values, this share of them at a bound."""
    many = round(1000 * share)
    rest = np.linspace(0.3 * bound, 0.7 * bound, 1000 - many)
    return summarise(
        np.concatenate([np.full(many, 0.999 * bound), rest]).astype(np.float32)[:, None],
        by_channel=False,
    )


def told(trace: Trace, *, notes: bool = False) -> dict[str, Finding]:
    """The findings of a trace and their symptoms by their codes; warnings and errors, or all."""
    found = [each for cause in findings(trace) for each in (cause, *cause.symptoms)]
    return {each.code: each for each in found if notes or each.level != NOTE}
