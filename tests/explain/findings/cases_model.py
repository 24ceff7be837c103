"""Faulty runs for the rules about the model (PT2, PT3, PT6), and runs that are nearly faulty."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from tests.explain.findings.conftest import a_run, poor, poor_numbers, saturated
from tests.explain.findings.faulty import (
    FLAGS,
    NORMALISED,
    POOR,
    Case,
    Make,
    baselines,
    drawn,
    four,
    frozen,
    gradient,
    numbers,
    outcome,
    run,
    signals,
    slow,
    with_summary,
)

from pipetrace.explain.findings import ERROR, WARNING
from pipetrace.trace import Trace
from pipetrace.trace.document import Parameters, Prediction
from pipetrace.trace.measurements import (
    BatchDependence,
    InitialWeight,
    LossPoint,
    Outcome,
    UntrackedVariables,
    Update,
)

WIDE = outcome(min=-5.0, max=9.0)
REAL = {"whole": False, "max": 7.5, "distinct": None}
MANY_FLAGS = {**FLAGS, "shape": (None, 3)}
ONE_HOT = {"loss": "categorical_crossentropy", "target": MANY_FLAGS}
NAN_WEIGHTS = {(Update, "second/kernel", -1): {"weight_norm": math.nan}}
DRAWN_APART = {"first/kernel": np.random.default_rng(0).normal(size=(8, 16))}
PROJECTION = {
    name: {"layer": "Conv2D", "config": {"kernel_size": [1, 1], "activation": "linear"}}
    for name in ("second", "last")
}
UNIFORM = POOR | outcome(accuracy=0.34, balanced_accuracy=0.333)
LINEAR = baselines(linear_validation=0.6, linear_validation_balanced=0.6)
SILENT = gradient(max=0.0, norm=0.0, rms=0.0, zeros=1.0)
UNMOVED = {(Update, "first/kernel", -1): {"update_norm": 0.0, "from_start": 0.0}}
LOSS_APART = (
    outcome(loss=0.9)
    | outcome("training_mode", loss=0.3)
    | {(Outcome, "training", 0): {"loss": 1.1}}
)
LABELS = {"binary_accuracy": 0.96, "target_sum_min": 0.0, "target_sum_max": 3.0}
FAIR = poor_numbers(0.7)
LARGEST = {"accuracy": 0.5, "val_accuracy": 0.5}
SEVERAL = {"width": 3, "loss": "binary_crossentropy", "last": "sigmoid", "target": MANY_FLAGS}
binary = partial(run, loss="binary_crossentropy", width=1, target=FLAGS)


def duplicates(layer: str) -> dict[Any, dict[str, float]]:
    return {(InitialWeight, f"{layer}/kernel", 0): {"duplicate_units": 1.0}}


def saturating(share: float, stage: str, activation: str, changes: Any = POOR) -> Make:
    """Makes a run in which this share of a stage's outputs lies at the activation's end."""
    made = run(changes, hidden=activation)
    return lambda: with_summary(made(), stage, saturated(share))


def own_loss(times: int) -> Trace:
    """Three rows, of which a loss of one's own is a cross-entropy after so many softmaxes."""
    rows = []
    for label in range(3):
        given = np.array([0.7, 0.2, 0.1])
        powers = np.exp(given)
        used = powers / powers.sum() if times == 2 else given
        loss = -math.log(used[label])
        rows.append(Prediction(label, label, {"last": given}, loss=loss))
    return replace(a_run(POOR, loss="own"), predictions=tuple(rows))


def untracked(changed: bool | None) -> Any:
    """Variables that Keras does not know, which nothing or a loop of one's own trains."""
    figures = {"count": 2, "values": 500, "changed": changed}
    return {(UntrackedVariables, "second", None): figures}


def stretched(batch: float) -> Any:
    """A loss of one's own of eight rows together, which is 1 on average alone."""
    return poor_numbers() | outcome(batch_loss=batch, row_losses=1.0)


def in_own_step(changes: Any, target: tuple[int | None, ...]) -> Trace:
    """A regression whose training step computes the loss, with targets of this shape."""
    return numbers(changes, loss="", training={"losses": {}}, target={**REAL, "shape": target})()


def depending(difference: float) -> Any:
    """The second layer and the prediction change so much where a row passes alone."""
    return {
        (BatchDependence, name, None): {"difference": difference} for name in ("second", "last")
    }


def short(trace: Trace) -> Trace:
    """The same with ten steps an epoch."""
    return replace(trace, epochs=tuple(replace(each, steps=10) for each in trace.epochs))


CASES = [
    Case(
        "PT201 at second",
        run(POOR | signals("second", dead_units=1.0)),
        run(POOR | signals("second", dead_units=0.9)),
        # What lies behind a layer whose outputs are the same for all rows cannot differ.
        run(POOR | signals("second", dead_units=1.0) | signals("first", std=1e-9)),
        # ReLU makes 0 of NaN.
        run(POOR | signals("second", dead_units=1.0) | NAN_WEIGHTS),
    ),
    Case(
        "PT201 at second",
        run(POOR | signals("second", 8, dead_units=0.8)),
        run(POOR | signals("second", 8, dead_units=0.5)),
        # Units that were silent from the start are no doing of the training.
        run(POOR | signals("second", dead_units=0.7)),
    ),
    Case("PT202 at first", saturating(0.8, "first", "tanh"), saturating(0.3, "first", "tanh")),
    Case(
        "PT202 at second",
        saturating(0.7, "second", "sigmoid"),
        saturating(0.7, "second", "sigmoid", {}),
    ),
    Case("PT203 at first", run(POOR, hidden="softmax"), run(POOR, hidden="tanh")),
    Case("PT203 at first", run(POOR, hidden="exponential"), run(hidden="exponential")),
    Case("PT301 at last", binary(POOR), binary(POOR, last="sigmoid")),
    Case(
        "PT302 at last",
        numbers(outcome(target_below_zero=0.5) | poor_numbers(0.4), last="relu"),
        numbers(outcome(target_below_zero=0.005) | poor_numbers(0.4), last="relu"),
    ),
    Case(
        "PT302 at last",
        numbers(outcome(target_above_one=0.3) | poor_numbers(0.6), last="tanh"),
        numbers(outcome(target_above_one=0.3), last="tanh"),
    ),
    Case("PT303 at last", run(WIDE, last="linear"), run(WIDE, last="linear", from_logits=True)),
    # Keras has undone it in the near run: the loss that it reports is that of the probabilities.
    Case(
        "PT304 at last",
        run(POOR, from_logits=True, losses=slow()),
        run(from_logits=True, held=[0.2] * 8),
    ),
    # A loss of one's own, of which the rows tell what it does.
    Case("PT304 at last", partial(own_loss, 2), partial(own_loss, 1)),
    # Each of several outputs is compared with the one target.
    Case(
        "PT305 at last",
        run(loss="mean_squared_error", last="linear", target={"shape": (None,)}),
        numbers(width=3, target={"shape": (None, 3)}),
        level=ERROR,
    ),
    Case(
        "PT305",
        run(POOR, loss="binary_crossentropy", target=MANY_FLAGS),
        run(POOR, loss="binary_crossentropy", last="sigmoid", target=MANY_FLAGS),
    ),
    Case(
        "PT305",
        numbers(poor_numbers(), last="sigmoid", target=FLAGS),
        numbers(last="sigmoid", target=FLAGS),
    ),
    Case(
        "PT305 at last",
        binary(POOR, last="sigmoid", target=REAL),
        binary(last="sigmoid", target={**REAL, "max": 0.9}),
        level=ERROR,
    ),
    Case(
        "PT306 at last",
        run(POOR | outcome(sum_max=2.4), last="sigmoid"),
        run(outcome(sum_max=2.4), last="sigmoid"),
    ),
    Case(
        "PT306 at last",
        run(POOR | outcome(target_binary=1.0, target_sum_max=3.0), **ONE_HOT),
        run(POOR | outcome(target_binary=1.0, target_sum_max=1.0), **ONE_HOT),
    ),
    Case("PT306 at last", binary(last="tanh"), binary(last="tanh", from_logits=True)),
    Case(
        "PT307",
        numbers(outcome(target_mean=1e5, target_std=3e4) | poor_numbers()),
        numbers(outcome(target_mean=12.0, target_std=3.0) | poor_numbers()),
    ),
    Case(
        "PT307",
        numbers(outcome(target_mean=200.0) | poor_numbers()),
        numbers(outcome(target_mean=200.0)),
    ),
    Case("PT308 at last", run(UNIFORM | outcome(std=1e-4)), run(UNIFORM | outcome(std=0.1))),
    Case(
        "PT309",
        run(poor(0.02)),
        run(poor(0.02) | baselines(linear_validation_balanced=0.4, kernel_validation_balanced=0.4)),
    ),
    Case(
        "PT310",
        run(poor(0.02)),
        run(poor(0.02) | {(LossPoint, "training", -1): {"loss": 1.0}}),
        # R2 is made of the squared error.
        numbers(poor_numbers(0.02)),
    ),
    Case("PT320", numbers(metrics={"accuracy": 0.0}), numbers(metrics={"mae": 0.2})),
    Case(
        "PT320",
        numbers(outcome("validation", **LABELS) | FAIR, metrics=LARGEST, **SEVERAL),
        numbers(outcome("validation", **LABELS) | FAIR, metrics={"val_accuracy": 0.97}, **SEVERAL),
    ),
    Case(
        "PT321",
        run(metrics={"accuracy": 0.95, "val_accuracy": 0.7}),
        run(metrics={"accuracy": 0.95, "val_accuracy": 0.92}),
    ),
    # A loss that is 0 where it is measured may be reported as 0.
    Case(
        "PT321",
        numbers(losses=[0.0] * 8),
        numbers({(LossPoint, "training", -1): {"loss": 0.0}}, losses=[0.0] * 8),
    ),
    Case("PT601 at first", partial(four, drawn(0.2), 0.001), partial(four, drawn(0.2), 0.4)),
    Case(
        "PT602 at first",
        run(duplicates("first") | POOR),
        run(duplicates("last") | POOR),
        # They differ after training: what follows treats them differently.
        lambda: replace(a_run(duplicates("first") | POOR), weights=DRAWN_APART),
    ),
    Case("PT603 at first", partial(frozen, math.sqrt(2 / 24), 0.1), partial(frozen, 0.9, 0.1)),
    Case(
        "PT604 at third",
        partial(four, {}, 0.001),
        partial(four, {}, 0.4),
        # A training that has hardly begun may still let the signal grow.
        lambda: short(four({}, 0.001)),
    ),
    Case(
        "PT605 at first",
        run(LINEAR | poor(0.4), hidden="linear"),
        run(LINEAR | poor(0.4), hidden="linear", layers=PROJECTION),
        run(LINEAR, hidden="linear"),
    ),
    Case(
        "PT606 at second",
        run(outcome(balanced_accuracy=0.4, accuracy=0.4), layers=NORMALISED),
        run(outcome(balanced_accuracy=0.9, accuracy=0.9), layers=NORMALISED),
    ),
    # A frozen one uses its averages in both modes.
    Case(
        "PT606 at second",
        run(LOSS_APART, layers=NORMALISED),
        run(
            LOSS_APART, layers={"second": {**NORMALISED["second"], "parameters": Parameters(0, 64)}}
        ),
    ),
    Case(
        "PT607 at first", run(POOR | SILENT | UNMOVED), run(POOR | gradient(max=1e-12, rms=1e-13))
    ),
    Case(
        "PT350 at last",
        numbers(stretched(2.0)),
        numbers(stretched(1.02)),
        # A loss that compares rows on purpose, of a model that learns.
        numbers(stretched(2.0) | poor_numbers(0.5)),
    ),
    # Within a training step of the program's own: what cannot be seen is told by its outcome.
    Case(
        "PT350 at last",
        partial(in_own_step, poor_numbers(0.02), (None,)),
        partial(in_own_step, poor_numbers(0.02), (None, 1)),
        partial(in_own_step, poor_numbers(0.5), (None,)),
        level=WARNING,
    ),
    Case("PT650 at second", run(untracked(None)), run(untracked(True))),
    Case(
        "PT651 at second",
        run(depending(0.3)),
        run(depending(0.005)),
        # A batch normalization that is told to take the batch's own averages does so on purpose.
        run(depending(0.3), layers={"second": {"layer": "BatchNormalization"}}),
    ),
]
