"""The trace document: frozen facts. ``explain`` makes words from them."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray

from pipetrace.trace.events import Event
from pipetrace.trace.measurement_table import Measurements
from pipetrace.trace.overhead import Overhead
from pipetrace.trace.records import ByName, Record, Shown, brief
from pipetrace.trace.rows import KeptRows, Target
from pipetrace.trace.summary import Summary
from pipetrace.trace.training import (
    Ablation,
    Config,
    Evaluation,
    Fit,
    StepFacts,
    Training,
    with_ends,
)
from pipetrace.trace.training.frames import EpochTable

Array: TypeAlias = NDArray[Any]

SOURCE, STEP, LAYER, OP = "source", "step", "layer", "op"
"""The kinds of stage: source of rows, step before the model, Keras layer, other Keras operation."""

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
INTERRUPTED, KILLED, RUNNING = "interrupted", "killed", "running"
"""How a run ended. Without a written ending it is ``running`` while the writing process lives, then
``killed``."""

DROPPED = "..."
"""What stands in a command for a value that was not recorded."""


@dataclass(frozen=True)
class Spec:
    """The form of one tensor."""

    shape: tuple[int | None, ...]  # the length of each axis; None stands for the rows, as in Keras
    dtype: str  # such as ``float32``
    # for an input, the stage whose output it is; None for what comes from outside
    source: str | None = None
    output: int = 0  # for an input, which of that stage's outputs it is, 0 for the first
    name: str | None = None  # its key, where the tensors stand in a dictionary; None otherwise


@dataclass(frozen=True)
class Parameters:
    """How many parameters a stage holds: trainable and frozen."""

    trainable: int = 0
    frozen: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.trainable + self.frozen


@dataclass(frozen=True)
class Weight:
    """One variable of a stage, such as the kernel: its name, its shape, and whether it trains."""

    name: str
    shape: tuple[int, ...]
    trainable: bool = True


class Stage(Record):
    """One thing that the data passes."""

    name: str  # unique in the trace, such as ``conv2d``
    kind: str  # ``source``, ``step``, ``layer`` or ``op``
    # class of the layer or operation, such as ``Conv2D``; None for a source or a step
    layer: str | None
    # where it sits when nested, such as ``encoder/conv1``; ``encoder:2`` is a second call
    path: str
    config: Config  # what it was made with; for a layer, its Keras configuration
    # inputs, outputs: the specs of the tensors that it received and gave. No outputs: it failed.
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    parameters: Parameters = Parameters()  # how many weights it has
    weights: tuple[Weight, ...] = ()  # its variables
    # floating-point operations for one row, a multiply-add counted as two; None where not counted
    flops: int | None = None
    # of ``outputs[0]`` over all rows; None where not measured, or not numbers
    summary: Summary | None = None
    # ``outputs[0]`` for the example row, without the axis of rows, or None
    example: Array | None = None
    # the further outputs for the example row, such as LSTM states or attention weights
    others: tuple[Array, ...] = ()
    # where ``outputs[0]`` carries a mask, its summary over all rows; 0 means hidden
    mask: Summary | None = None
    example_mask: Array | None = None  # the mask of ``example``, True where it is not hidden
    # for a stage that behaves differently in training, the summary of its output on the probe rows
    # in training mode
    training: Summary | None = None
    prediction: Summary | None = None  # the same in prediction mode
    training_example: Array | None = None  # its output for the example row in training mode


def stage_of_weight(weight: str, stages: Container[str]) -> str:
    """The name of the stage that a weight is of: ``attention`` for ``attention/query/kernel``, as
    its class has layers within.
    """
    stage = weight.rpartition("/")[0]
    while "/" in stage and stage not in stages:
        stage = stage.rpartition("/")[0]
    return stage


class Stages(ByName[Stage]):
    """Stages, found by place and by name."""


@dataclass(frozen=True)
class Group:
    """Several stages that belong together: a nested model, or a layer made of layers."""

    path: str  # the beginning of the paths of its stages
    layer: str  # its class, such as ``Functional``
    # the parameters that it holds itself, beside those of its stages
    own: Parameters = Parameters()
    # inputs, outputs: the specs of the tensors that it received and gave
    inputs: tuple[Spec, ...] = ()
    outputs: tuple[Spec, ...] = ()
    # all that it holds, its stages' included, each variable counted once
    parameters: Parameters = Parameters()


class Epoch(Record):
    """What one epoch measured."""

    number: int  # 1 for the first
    # as Keras names them, such as ``loss`` and ``val_loss``. Training metrics are averages over the
    # epoch's steps; the ``val_`` ones were taken after the last step.
    metrics: Mapping[str, float]
    seconds: float  # wall time of the epoch's training and validation, without the recording
    # at the end of the epoch, or None where the optimizer tells none
    learning_rate: float | None = None
    steps: int | None = None  # how many batches the epoch had, or None
    # for each stage, the summary of its output on the probe rows, after the epoch
    probe: Mapping[str, Summary] = field(default_factory=dict)
    # for each weight (``conv2d/kernel``), its summary after the epoch
    weights: Mapping[str, Summary] = field(default_factory=dict)


class Prediction(Record):
    """One row that was passed through every stage after training."""

    row: int  # its number in the data
    label: int | None  # its true class, or None where unknown or not a class
    # for each stage, its output for this row, without the axis of rows. Very large outputs may be
    # missing.
    outputs: Mapping[str, Array]
    # why this row: ``right``, ``surest wrong``, ``least sure``, ``best``, ``worst``, or ``row``
    # where the outcome was not the reason
    reason: str = "row"
    loss: float | None = None  # the loss of this row alone, where it was measured
    # what the outputs should have been, in the order of the model's outputs
    targets: tuple[Array, ...] = ()
    validation: bool = True  # whether it is a validation row, which was not trained on


@dataclass(frozen=True)
class Ending:
    """How the run ended."""

    kind: str  # ``finished``, ``stopped``, ``failed``, ``interrupted``, ``killed`` or ``running``
    # its class and its message, as Keras or Python wrote it; None without one
    error: str | None = None
    # stage, epoch, step: where it happened, where that is known
    stage: str | None = None
    epoch: int | None = None
    step: int | None = None
    # the code of the rule whose error stopped it, with ``stop_on``; None otherwise
    rule: str | None = None


class Data(Record):
    """Which rows ran."""

    # name, description, notice, origin: as the source gives them
    name: str
    description: str
    notice: str | None
    origin: str
    available: int  # how many rows the source has; 0 where it does not tell
    fingerprint: str  # SHA-256 of the values and labels of the rows that were used
    class_names: tuple[str, ...]  # what the labels stand for; none where there are no classes
    # how many training rows each class has; none where there are no classes
    class_counts: tuple[int, ...]
    # how many rows validation measured; None where unknown, 0 without any
    validation_rows: int | None
    example_row: int  # the number in the data of the row that the data flow shows
    example_label: int | None  # its true class
    example_value: float | None  # the value of the source whose way through the steps is shown
    # how many rows an epoch trains on; None where unknown, or without training
    rows: int | None = None
    targets: tuple[Target, ...] = ()  # one for each output, as measured on the rows that were seen
    complete: bool = True  # whether the recorder saw all rows, or only the first batches
    # what the columns of the rows are called; none where they have no names
    feature_names: tuple[str, ...] = ()
    # how many parts the rows lie in, each measured by itself; None for arrays
    partitions: int | None = None


class ModelFacts(Record):
    """The model as a whole."""

    name: str  # as Keras names it
    layer: str  # its class, such as ``Functional``
    parameters: Parameters  # all of them, each counted once
    layers: int  # how many layers it has, those of nested models included
    # each names the stage, which of its outputs it is, and its key where the outputs are a
    # dictionary
    outputs: tuple[Spec, ...] = ()
    # the Keras configuration of a sequential or functional model as it was when recording began,
    # with the calls of its layers; empty for others, and for a very large one
    config: Config = field(default_factory=dict)
    # for layers that draw a random seed when they are made, by their path, the place of that draw
    # after ``keras.utils.set_random_seed``, from 0; empty where not known
    seed_places: Mapping[str, int] = field(default_factory=dict)


class Run(Record):
    """What ran, where and when."""

    title: str  # what the trace is called
    created: str  # when the recording began, ISO 8601 with the zone
    command: str  # how it was started
    versions: Mapping[str, str]  # of pipetrace, Python, Keras, the backend, NumPy
    backend: str  # the framework behind Keras, such as ``tensorflow``
    platform: str  # the operating system and processor
    model_fingerprint: str  # SHA-256 of the model's configuration and initial weights
    data: Data
    training: Training
    model: ModelFacts | None = None  # its totals and outputs
    step: StepFacts | None = None  # what a training step does
    fits: tuple[Fit, ...] = ()  # the calls of ``fit``; see ``Trace.fits``
    # the calls of ``evaluate`` and ``predict``; see ``Trace.evaluations``
    evaluations: tuple[Evaluation, ...] = ()
    # where the program constructs layers, by stage, such as ``train.py:12``, relative to the folder
    # that it ran in; only those of which its source leaves no doubt, none in an anonymous trace
    constructed_at: Mapping[str, str] = field(default_factory=dict)


class Trace(Record, Shown, EpochTable):
    """A recording, read back: facts only.

    Attributes:
        schema: the version of the file's layout.
        run: what ran.
        stages: in the order of execution; also by name: ``stages["conv2d"]``.
        rows: how many rows the data flow measured.
        epochs: the finished ones.
        predictions: rows followed through every stage.
        weights: the model's weights after training, ``conv2d/kernel`` to array.
        ending: how it ended.
        cost: what recording took, in seconds, by part.
        groups: what holds several stages, outer ones first.
        events: what went wrong on the way, in order.
        histogram_rows: of how many rows the data flow's histograms are; None where of all.
        overhead: what recording took beside its budget; None where no budget was kept.
        measurements: further figures, by kind, name and epoch.
        weights_after: what is kept of the weights before training (epoch 0) and after epochs that
            are evenly spread; those after the last one are ``weights``, unless it is here too.
        kept_rows: rows to compute the model for; None where none are kept.
        ablations: trainings with one thing changed, from ``pipetrace ablate``; none before that.
    """

    schema: int
    run: Run
    stages: Stages
    rows: int
    epochs: tuple[Epoch, ...]
    predictions: tuple[Prediction, ...]
    weights: Mapping[str, Array]
    ending: Ending
    cost: Mapping[str, float]
    groups: tuple[Group, ...] = ()
    events: tuple[Event, ...] = ()
    histogram_rows: int | None = None
    overhead: Overhead | None = None
    measurements: Measurements = field(default_factory=Measurements)
    weights_after: Mapping[int, Mapping[str, Array]] = field(default_factory=dict)
    kept_rows: KeptRows | None = None
    ablations: tuple[Ablation, ...] = ()

    def __post_init__(self) -> None:
        """Let the stages be found by name, whichever tuple was given."""
        if not isinstance(self.stages, Stages):
            object.__setattr__(self, "stages", Stages(self.stages))

    @property
    def fits(self) -> tuple[Fit, ...]:
        """The calls of ``fit``, each with its own settings, its first and its last epoch."""
        return with_ends(self.run.fits, self.epochs[-1].number if self.epochs else 0)

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The calls of ``evaluate`` and ``predict`` that ``fit`` did not make, equal ones once."""
        return self.run.evaluations

    def __repr__(self) -> str:
        parts = {"stage": self.stages, "epoch": self.epochs, "prediction": self.predictions}
        counts = [f"{len(of)} {name}{'s' * (len(of) != 1)}" for name, of in parts.items()]
        return f"Trace({', '.join([brief(self.run.title), self.ending.kind, *counts])})"

    def stage(self, name: str) -> Stage:
        """The stage of that name: ``stages[name]``.

        Raises:
            UnknownStageError: there is none; it is a KeyError too.
        """
        return self.stages[name]
