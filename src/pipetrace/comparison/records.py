"""What a comparison found. Values of runs stand in the order of the runs, the first one first."""

from collections.abc import Mapping
from dataclasses import field
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
    GIVEN = "given, value not recorded"
    NOT_RECORDED = "not recorded"


class ComparedRun(Record):
    """One of the runs."""

    label: str  # ``A`` for the first
    name: str  # of its file, or its title where it was given as a trace
    title: str  # of its trace
    status: str  # how it ended: ``finished``, ``failed`` and so on
    error: str | None  # why it failed; None otherwise
    epochs: int  # how many it finished
    parameters: int | None  # of its model; None where not recorded
    setting: int = 0  # which setting it has, from 0; runs of one setting differ in their seeds only


class Difference(Record):
    """One thing that was set differently: a possible cause."""

    kind: str  # one of ``KINDS``
    name: str  # such as ``learning_rate``, ``--epochs``, or ``kernel_regularizer.l2``
    values: tuple[Any, ...]  # one for each run; ``Missing`` where it has none
    stage: str | None = None  # whose configuration it is; None where of none
    decides: bool = True  # whether runs that differ in it have different settings


class TensorDifference(Record):
    """Where an array of a run differs most from that of the first run."""

    name: str  # of the weight or the stage, in the first run
    run: int  # the number of the other run, from 1
    place: tuple[int, ...] | None  # of the largest difference; None where the shapes differ
    # of the first and of the other run there; NaN where the shapes differ
    values: tuple[float, float]
    absolute: float  # the largest absolute difference, the tolerance that would be needed
    relative: float  # the same over the larger of the two values there
    differing: int  # how many values differ
    size: int  # how many there are


class WeightsCheck(Record):
    """The weights of all runs against those of the first, before or after training."""

    equal: bool | None  # whether they are; None where a run did not record them
    exact: bool = True  # whether to the last bit, and not as kept in 16 bits or by statistics
    differences: tuple[TensorDifference, ...] = ()  # of each weight of each run that differs
    compared: int = 0  # how many weights were compared


class Effect(Record):
    """What a setting changed in a metric."""

    setting: int  # the other one, from 1
    epoch: int  # after which
    # before, after: the means of the runs of the first setting, and of the other
    before: float
    after: float
    # the largest difference that the spread of seeds explains; None where not known
    noise: float | None

    @property
    def difference(self) -> float:
        """The mean of the other setting minus that of the first."""
        return self.after - self.before

    @property
    def is_larger(self) -> bool | None:
        """Whether the difference is larger than the noise; None where that is not known."""
        return None if self.noise is None else not abs(self.difference) <= self.noise


class Course(Record):
    """A metric epoch by epoch."""

    name: str  # as Keras names it, or ``learning_rate``
    epochs: tuple[int, ...]  # the numbers of all epochs that any run has
    # for each run one for each epoch; None where it has none
    values: tuple[tuple[float | None, ...], ...]
    first: int | None  # the first epoch after which two runs differ; None where none does
    effects: tuple[Effect, ...] = ()  # for each further setting, after each epoch that both have

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


class ClassRow(Record):
    """One class: how many rows it has, and how many are correct; None where not recorded."""

    index: int
    name: str
    rows: tuple[int | None, ...]
    correct: tuple[int | None, ...]


class RowSides(Record):
    """A row that all runs kept, and on which side it is in each."""

    number: int  # in the data
    validation: bool  # whether it was not trained on
    true: int  # its class
    predicted: tuple[int, ...]  # by each run; -1 where its output is NaN or Inf
    # of each run in its prediction; None where outputs are no probabilities
    confidence: tuple[float | None, ...]
    right: tuple[bool, ...]  # whether each run is right
    # the predictions after earlier epochs, where all runs kept these
    after: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


class Rows(Record):
    """The rows that all runs kept."""

    common: int  # how many there are, with the same inputs and the same target in each run
    right: tuple[int, ...]  # how many of them each run predicts right
    changed: tuple[RowSides, ...]  # those that are right in one run and wrong in another


class FirstDifference(Record):
    """Where two runs that were meant to be equal differ first, in the order of the data flow."""

    run: int  # the number of the other run, from 1
    epoch: int | None  # after which; 0 for before training; None for after training
    stage: str | None  # where; None of a metric
    what: str  # ``weights``, ``output``, ``gradient`` or ``metric``
    name: str  # of the weight, the stage or the metric
    figure: str | None  # which statistic the values are, such as ``mean``; None of single values
    place: tuple[int, ...] | None  # of the largest difference in the array; None of statistics
    values: tuple[float, float]  # of the first and of the other run
    # absolute, relative: the tolerance that would be needed
    absolute: float
    relative: float
    upstream: tuple[str, ...] = ()  # the stages before it, whose recorded values are equal
    # the epochs before it of which all that both recorded is equal
    equal_epochs: tuple[int, ...] = ()


class Comparison(Record, Shown):
    """Several runs compared with the first one."""

    verdict: str  # ``same``, ``seeds``, ``unseeded``, ``diverged``, ``settings`` or ``unknown``
    runs: tuple[ComparedRun, ...]  # in the order in which they were given
    differences: tuple[Difference, ...]  # possible causes, in the order of ``KINDS``
    unknown: tuple[str, ...]  # what some run did not record, so that it could not be compared
    # initial_weights, weights: before and after training
    initial_weights: WeightsCheck
    weights: WeightsCheck
    courses: tuple[Course, ...]  # the metrics
    of_rows: str  # the rows of ``classes``: ``validation`` or ``training``; empty without any
    # outcomes by class; none where the runs tell no classes, or other ones
    classes: tuple[ClassRow, ...]
    rows: Rows | None  # the rows that all kept; None where there are none
    # where runs that were meant to be equal differ first; None otherwise
    first: FirstDifference | None
    headline: str = ""  # what it comes to, in a few sentences

    @property
    def exit_code(self) -> int:
        """0 where all results are the same, 1 where runs differ, 2 where that is not known."""
        return {SAME: 0, UNKNOWN: 2}.get(self.verdict, 1)


class StageCheck(Record):
    """The output of a stage of a saved model against what the run recorded."""

    stage: str  # its name in the run
    value: str = ""  # what gave it in the model, such as ``layer conv2d``; empty where nothing did
    absolute: float | None = None  # the largest difference; None where it was not compared
    largest: float = 0.0  # the largest absolute value that the run recorded there
    means: tuple[float, float] | None = None  # of the run and of the model
    # whether the difference is within the tolerance; None where it was not compared
    equal: bool | None = None


class ModelComparison(Record):
    """A saved model against a run, on the rows that the run kept."""

    # run, model: the names of their files
    run: str
    model: str
    rows: int  # how many rows passed the model
    followed: int  # of how many of them the stages are compared
    tolerance: float  # by how much a value may differ, times the largest one of its stage or 1
    outputs: tuple[StageCheck, ...]  # the model's outputs, by the stages that give them
    stages: tuple[StageCheck, ...]  # in the order of the data flow
    # for how many rows the model predicts another class; None where there are none
    changed: int | None
    # where the outputs of the guilty stage differ most; None where none is found
    first: TensorDifference | None
    row: int | None  # the number in the data of the row where that is
    upstream: tuple[str, ...]  # the stages before it that were compared and are equal
    # those of the model that differ from the run's; of a Keras model only
    weights: tuple[TensorDifference, ...] = ()
    headline: str = ""  # what it comes to, in a few sentences

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
