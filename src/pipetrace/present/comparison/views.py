"""What the page of a comparison draws."""

from pipetrace.present.drawings import Chart, Grid
from pipetrace.trace.records import Record


class EpochCells(Record):
    """The metrics after one epoch."""

    epoch: int
    cells: tuple[tuple[str, ...], ...]  # for each metric one for each run, in words


class ComparedStage(Record):
    """A stage of the runs, side by side."""

    title: str  # what it does, in words
    names: tuple[str | None, ...]  # its name in each run; None where a run has no such stage
    differs: tuple[str, ...]  # what was set differently there
    table: Grid  # what is known of it after training
    charts: tuple[Chart, ...]  # what was measured of it after the epochs, each in one scale


class ComparedRow(Record):
    """A row that changed sides."""

    row: int  # its number in the data
    true: str  # its class
    # after each of the epochs of ``ComparedRows``, by each run
    predicted: tuple[tuple[str, ...], ...]
    right: tuple[tuple[bool, ...], ...]  # whether that is right, in the same way


class ComparedRows(Record):
    """The rows that changed sides."""

    texts: tuple[str, ...]  # how many there are, in sentences
    # after which predictions are known; the last one stands for after training
    epochs: tuple[int, ...]
    rows: tuple[ComparedRow, ...]  # those that the page has
    omitted: str  # how many it has not, in words; empty where it has all


class ComparisonView(Record):
    """A comparison of runs, rounded and worded."""

    title: str  # the names of the runs
    headline: str  # what it comes to
    # labels, roles: a letter and a colour for each run
    labels: tuple[str, ...]
    roles: tuple[str, ...]
    pages: tuple[str, ...]  # the address of the page of each run; none where they have none
    # runs, causes, metrics, classes: tables; None where there is nothing to show
    runs: Grid
    causes: Grid | None
    metrics: Grid | None
    classes: Grid | None
    of_rows: str  # which rows the classes are of
    unknown: str  # what was not recorded in all runs, in words; empty where nothing
    weights: tuple[str, ...]  # how the weights compare, in sentences
    charts: tuple[Chart, ...]  # the metrics of all runs, each in one scale
    measured: tuple[str, ...]  # the names of the metrics
    epochs: tuple[EpochCells, ...]  # the metrics after each epoch
    final: tuple[tuple[str, ...], ...]  # the same after the last epoch of each run
    lengths: tuple[int, ...]  # how many epochs each run has
    stages: tuple[ComparedStage, ...]  # in the order of the data flow
    # whether the runs began with the same weights, so that their filters and units correspond;
    # None where that is not known
    same_start: bool | None
    # what the page lacks of each run, or why it cannot show its values; empty where it lacks
    # nothing
    omitted: tuple[str, ...]
    rows: ComparedRows | None  # the rows that changed sides; None where none were kept by all
