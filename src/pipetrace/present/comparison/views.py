"""What the page of a comparison draws."""

import numpy as np
from numpy.typing import NDArray

from pipetrace.present.drawings import Chart, Grid
from pipetrace.trace.records import Record


class EpochTable(Record):
    """The metrics of all runs after one epoch."""

    epoch: int
    table: Grid


class RowPicture(Record):
    """What a model received for a row, where that is an image."""

    shape: tuple[int, ...]  # height, width, and channels where there are three
    values: NDArray[np.float32]  # float32


class ComparedRow(Record):
    """A row that changed sides."""

    number: str  # in the data, in words
    true: str  # its class
    picture: RowPicture | None  # None where it is no image
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
    labels: tuple[str, ...]  # a letter for each run
    # runs, causes, metrics, classes: tables; None where there is nothing to show
    runs: Grid
    causes: Grid | None
    metrics: Grid | None
    classes: Grid | None
    of_rows: str  # which rows the classes are of
    unknown: str  # what was not recorded in all runs, in words; empty where nothing
    weights: tuple[str, ...]  # how the weights compare, in sentences
    charts: tuple[Chart, ...]  # the metrics of all runs, each in one scale
    epochs: tuple[EpochTable, ...]  # the metrics after each epoch
    rows: ComparedRows | None  # the rows that changed sides; None where none were kept by all
