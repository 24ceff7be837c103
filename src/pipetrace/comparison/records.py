"""What a comparison found. Values of runs stand in the order of the runs, the first one first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipetrace.trace.records import Record, Shown

PROGRAM, DATA, STEPS, LAYERS = "program", "data", "steps", "layers"
OPTIMIZER, LOSS, TRAINING, SEED, VERSIONS = "optimizer", "loss", "training", "seed", "versions"
"""The kinds of cause, in the order in which they are reported."""
KINDS = (PROGRAM, DATA, STEPS, LAYERS, OPTIMIZER, LOSS, TRAINING, SEED, VERSIONS)

SAME, SEEDS, UNSEEDED = "same", "seeds", "unseeded"
DIVERGED, SETTINGS, UNKNOWN = "diverged", "settings", "unknown"
"""What a comparison comes to: all results are the same; the settings are the same and the seeds
differ, or no seed was set; settings and seeds are the same and results differ; settings differ; no
result was recorded that could be compared."""
WEIGHTS, OUTPUT, METRIC, GRADIENT = "weights", "output", "metric", "gradient"
"""What differs first."""


class Missing(StrEnum):
    """Why a run has no value."""

    ABSENT = "absent"
    NOT_RECORDED = "not recorded"


@dataclass(frozen=True, repr=False, eq=False)
class ComparedRun(Record):
    """One of the runs.

    Attributes:
        label: ``A`` for the first.
        name: of its file, or its title where it was given as a trace.
        title: of its trace.
        status: how it ended: ``finished``, ``failed`` and so on.
        error: why it failed; None otherwise.
        epochs: how many it finished.
        parameters: of its model; None where not recorded.
        setting: which setting it has, from 0; runs of one setting differ in their seeds only.
    """

    label: str
    name: str
    title: str
    status: str
    error: str | None
    epochs: int
    parameters: int | None
    setting: int = 0


@dataclass(frozen=True, repr=False, eq=False)
class Difference(Record):
    """One thing that was set differently: a possible cause.

    Attributes:
        kind: one of ``KINDS``.
        name: such as ``learning_rate``, ``--epochs``, or ``kernel_regularizer.l2``.
        values: one for each run; ``Missing`` where it has none.
        stage: whose configuration it is; None where of none.
        decides: whether runs that differ in it have different settings.
    """

    kind: str
    name: str
    values: tuple[Any, ...]
    stage: str | None = None
    decides: bool = True


@dataclass(frozen=True, repr=False, eq=False)
class TensorDifference(Record):
    """Where an array of a run differs most from that of the first run.

    Attributes:
        name: of the weight or the stage, in the first run.
        run: the number of the other run, from 1.
        place: of the largest difference; None where the shapes differ.
        values: of the first and of the other run there; NaN where the shapes differ.
        absolute: the largest absolute difference, the tolerance that would be needed.
        relative: the same over the larger of the two values there.
        differing: how many values differ.
        size: how many there are.
    """

    name: str
    run: int
    place: tuple[int, ...] | None
    values: tuple[float, float]
    absolute: float
    relative: float
    differing: int
    size: int


@dataclass(frozen=True, repr=False, eq=False)
class WeightsCheck(Record):
    """The weights of all runs against those of the first, before or after training.

    Attributes:
        equal: whether they are; None where a run did not record them.
        exact: whether to the last bit, and not as kept in 16 bits or by statistics.
        differences: of each weight of each run that differs.
        compared: how many weights were compared.
    """

    equal: bool | None
    exact: bool = True
    differences: tuple[TensorDifference, ...] = ()
    compared: int = 0


@dataclass(frozen=True, repr=False, eq=False)
class Effect(Record):
    """What a setting changed in a metric.

    Attributes:
        setting: the other one, from 1.
        epoch: after which.
        before, after: the means of the runs of the first setting, and of the other.
        noise: the largest difference that the spread of seeds explains; None where not known.
    """

    setting: int
    epoch: int
    before: float
    after: float
    noise: float | None

    @property
    def difference(self) -> float:
        """The mean of the other setting minus that of the first."""
        return self.after - self.before

    @property
    def is_larger(self) -> bool | None:
        """Whether the difference is larger than the noise; None where that is not known."""
        return None if self.noise is None else not abs(self.difference) <= self.noise


@dataclass(frozen=True, repr=False, eq=False)
class Course(Record):
    """A metric epoch by epoch.

    Attributes:
        name: as Keras names it, or ``learning_rate``.
        epochs: the numbers of all epochs that any run has.
        values: for each run one for each epoch; None where it has none.
        first: the first epoch after which two runs differ; None where none does.
        effects: for each further setting, after each epoch that both have.
    """

    name: str
    epochs: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    first: int | None
    effects: tuple[Effect, ...] = ()

    @property
    def last(self) -> tuple[float | None, ...]:
        """The value of each run after the last epoch that it finished."""
        return tuple(
            next((each for each in reversed(of) if each is not None), None) for of in self.values
        )

    @property
    def final_effects(self) -> tuple[Effect, ...]:
        """Of each setting the effect after the last epoch that both have."""
        by_setting = {each.setting: each for each in self.effects}
        return tuple(by_setting.values())


@dataclass(frozen=True, repr=False, eq=False)
class ClassRow(Record):
    """One class: how many rows it has, and how many are correct; None where not recorded."""

    index: int
    name: str
    rows: tuple[int | None, ...]
    correct: tuple[int | None, ...]


@dataclass(frozen=True, repr=False, eq=False)
class RowSides(Record):
    """A row that all runs kept, and on which side it is in each.

    Attributes:
        number: in the data.
        validation: whether it was not trained on.
        true: its class.
        predicted: by each run; -1 where its output is NaN or Inf.
        confidence: of each run in its prediction; None where outputs are no probabilities.
        right: whether each run is right.
        after: the predictions after earlier epochs, where all runs kept these.
    """

    number: int
    validation: bool
    true: int
    predicted: tuple[int, ...]
    confidence: tuple[float | None, ...]
    right: tuple[bool, ...]
    after: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False, eq=False)
class Rows(Record):
    """The rows that all runs kept.

    Attributes:
        common: how many there are, with the same inputs and the same target in each run.
        right: how many of them each run predicts right.
        changed: those that are right in one run and wrong in another.
    """

    common: int
    right: tuple[int, ...]
    changed: tuple[RowSides, ...]


@dataclass(frozen=True, repr=False, eq=False)
class FirstDifference(Record):
    """Where two runs that were meant to be equal differ first, in the order of the data flow.

    Attributes:
        run: the number of the other run, from 1.
        epoch: after which; 0 for before training; None for after training.
        stage: where; None of a metric.
        what: ``weights``, ``output``, ``gradient`` or ``metric``.
        name: of the weight, the stage or the metric.
        figure: which statistic the values are, such as ``mean``; None of single values.
        place: of the largest difference in the array; None of statistics.
        values: of the first and of the other run.
        absolute, relative: the tolerance that would be needed.
        upstream: the stages before it, whose recorded values are equal.
        equal_epochs: the epochs before it of which all that both recorded is equal.
    """

    run: int
    epoch: int | None
    stage: str | None
    what: str
    name: str
    figure: str | None
    place: tuple[int, ...] | None
    values: tuple[float, float]
    absolute: float
    relative: float
    upstream: tuple[str, ...] = ()
    equal_epochs: tuple[int, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Record, Shown):
    """Several runs compared with the first one.

    Attributes:
        verdict: ``same``, ``seeds``, ``unseeded``, ``diverged``, ``settings`` or ``unknown``.
        runs: in the order in which they were given.
        differences: possible causes, in the order of ``KINDS``.
        unknown: what some run did not record, so that it could not be compared.
        initial_weights, weights: before and after training.
        courses: the metrics.
        of_rows: the rows of ``classes``: ``validation`` or ``training``; empty without any.
        classes: outcomes by class; none where the runs tell no classes, or other ones.
        rows: the rows that all kept; None where there are none.
        first: where runs that were meant to be equal differ first; None otherwise.
        headline: what it comes to, in a few sentences.
    """

    verdict: str
    runs: tuple[ComparedRun, ...]
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    initial_weights: WeightsCheck
    weights: WeightsCheck
    courses: tuple[Course, ...]
    of_rows: str
    classes: tuple[ClassRow, ...]
    rows: Rows | None
    first: FirstDifference | None
    headline: str = ""

    @property
    def exit_code(self) -> int:
        """0 where all results are the same, 1 where runs differ, 2 where that is not known."""
        return {SAME: 0, UNKNOWN: 2}.get(self.verdict, 1)


@dataclass(frozen=True, repr=False, eq=False)
class StageCheck(Record):
    """The output of a stage of a saved model against what the run recorded.

    Attributes:
        stage: its name in the run.
        value: what gave it in the model, such as ``layer conv2d``; empty where nothing did.
        absolute: the largest difference; None where it was not compared.
        largest: the largest absolute value that the run recorded there.
        means: of the run and of the model.
        equal: whether the difference is within the tolerance; None where it was not compared.
    """

    stage: str
    value: str = ""
    absolute: float | None = None
    largest: float = 0.0
    means: tuple[float, float] | None = None
    equal: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class ModelComparison(Record, Shown):
    """A saved model against a run, on the rows that the run kept.

    Attributes:
        run, model: the names of their files.
        rows: how many rows passed the model.
        followed: of how many of them the stages are compared.
        tolerance: by how much a value may differ, times the largest one of its stage or 1.
        outputs: the model's outputs, by the stages that give them.
        stages: in the order of the data flow.
        changed: for how many rows the model predicts another class; None where there are none.
        first: where the outputs of the guilty stage differ most; None where none is found.
        row: the number in the data of the row where that is.
        upstream: the stages before it that were compared and are equal.
        weights: those of the model that differ from the run's; of a Keras model only.
        headline: what it comes to, in a few sentences.
    """

    run: str
    model: str
    rows: int
    followed: int
    tolerance: float
    outputs: tuple[StageCheck, ...]
    stages: tuple[StageCheck, ...]
    changed: int | None
    first: TensorDifference | None
    row: int | None
    upstream: tuple[str, ...]
    weights: tuple[TensorDifference, ...] = ()
    headline: str = ""

    @property
    def verdict(self) -> str:
        """``same``, ``diverged`` in an output or a weight, or ``unknown`` where an output could not
        be compared."""
        known = [each.equal for each in self.outputs if each.equal is not None]
        if len(known) < max(1, len(self.outputs)):
            return UNKNOWN
        return SAME if all(known) and not self.weights else DIVERGED

    @property
    def exit_code(self) -> int:
        """0 where the outputs are the same, 1 where they differ, 2 where that is not known."""
        return {SAME: 0, UNKNOWN: 2}.get(self.verdict, 1)
