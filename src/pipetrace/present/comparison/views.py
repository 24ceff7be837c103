"""What the page of a comparison draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipetrace.present.drawings import Chart, Grid
from pipetrace.trace.records import Record


@dataclass(frozen=True, repr=False, eq=False)
class EpochTable(Record):
    """The metrics of all runs after one epoch."""

    epoch: int
    table: Grid


@dataclass(frozen=True, repr=False, eq=False)
class RowPicture(Record):
    """What a model received for a row, where that is an image.

    Attributes:
        shape: height, width, and channels where there are three.
        values: float32.
    """

    shape: tuple[int, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, repr=False, eq=False)
class ComparedRow(Record):
    """A row that changed sides.

    Attributes:
        number: in the data, in words.
        true: its class.
        picture: None where it is no image.
        predicted: after each of the epochs of ``ComparedRows``, by each run.
        right: whether that is right, in the same way.
    """

    number: str
    true: str
    picture: RowPicture | None
    predicted: tuple[tuple[str, ...], ...]
    right: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, repr=False, eq=False)
class ComparedRows(Record):
    """The rows that changed sides.

    Attributes:
        texts: how many there are, in sentences.
        epochs: after which predictions are known; the last one stands for after training.
        rows: those that the page has.
        omitted: how many it has not, in words; empty where it has all.
    """

    texts: tuple[str, ...]
    epochs: tuple[int, ...]
    rows: tuple[ComparedRow, ...]
    omitted: str


@dataclass(frozen=True, repr=False, eq=False)
class ComparisonView(Record):
    """A comparison of runs, rounded and worded.

    Attributes:
        title: the names of the runs.
        headline: what it comes to.
        labels: a letter for each run.
        runs, causes, metrics, classes: tables; None where there is nothing to show.
        of_rows: which rows the classes are of.
        unknown: what was not recorded in all runs, in words; empty where nothing.
        weights: how the weights compare, in sentences.
        charts: the metrics of all runs, each in one scale.
        epochs: the metrics after each epoch.
        rows: the rows that changed sides; None where none were kept by all.
    """

    title: str
    headline: str
    labels: tuple[str, ...]
    runs: Grid
    causes: Grid | None
    metrics: Grid | None
    classes: Grid | None
    of_rows: str
    unknown: str
    weights: tuple[str, ...]
    charts: tuple[Chart, ...]
    epochs: tuple[EpochTable, ...]
    rows: ComparedRows | None
