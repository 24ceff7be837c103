"""What is shown, ready to draw: every text worded, every number rounded, every place on a scale computed.

The terminal and the page draw these and decide nothing. Their fields are also the page's wire format: the TypeScript
declarations of the viewer are made from these classes.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipetrace.present.findings.views import FindingsView, Mark
from pipetrace.present.graph.views import FoldView, GraphView


@dataclass(frozen=True)
class Picture:
    """A tensor to look at.

    Attributes:
        kind: ``maps`` (one or more grids), ``colour`` (a red, a green and a blue one, drawn as one), ``steps`` (one line
            for each step, its channels across), ``vector`` (one row of values, drawn folded).
        label: what it shows, for who cannot see it.
        shape: of ``values``: maps, rows, columns.
        values: float32, the exact ones.
        low, high: the ends of the colour scale.
        low_text, high_text: the same in words.
        ramp: ``grey`` and ``activation`` from low to high, ``signed`` around zero.
        names: what each map is called.
        mark: the map, row and column of the value that the words beside it speak of, or None.
        texts: each value rounded, where there are few enough to be written into the picture; otherwise empty.
        note: what of the tensor is not drawn, or None.
        hidden: the rows that a mask hides.
    """

    kind: str
    label: str
    shape: tuple[int, int, int]
    values: NDArray[np.float32]
    low: float
    high: float
    low_text: str
    high_text: str
    ramp: str
    names: tuple[str, ...]
    mark: tuple[int, int, int] | None
    texts: tuple[str, ...]
    note: str | None = None
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its length from 0 to 1, its value in words, and whether it is the one to look at."""

    name: str
    length: float
    text: str
    marked: bool


@dataclass(frozen=True)
class Distribution:
    """A histogram.

    Attributes:
        label: what it shows, in a sentence.
        heights: of the bars, the highest 1.
        low_text, high_text: the ends of the axis.
        texts: for each bar its range and count.
    """

    label: str
    heights: tuple[float, ...]
    low_text: str
    high_text: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What a stage gives while it trains, beside what it gives in a prediction: a sentence, and both as pictures."""

    text: str
    prediction: Picture | None
    training: Picture | None


@dataclass(frozen=True)
class StageView:
    """One stage of the data flow.

    Attributes:
        id: the place that others point to, such as ``stage/conv2d``.
        number: from 1.
        title, name, kind: what it is called, in words, in the trace, and which kind it is.
        input, output: the shapes of the batch.
        does: the operation in a sentence.
        shape: how the output shape comes about.
        parameters, parts: the sum that gives the number of parameters, and its terms in words.
        arithmetic: the floating-point operations in words.
        example: one actual value of the example row.
        measured: what all rows were, in sentences.
        picture: the example row as it leaves the stage.
        bars: the example row as bars, for the last stage.
        weights: the stage's kernels as a picture.
        distribution: of all rows' values.
        channels: for each channel, the share of its values that is not zero.
        wiring: whom it receives from and who uses it, in sentences, where the order of the stages does not tell.
        written: the texts of the example, where its sentence does not have them.
        mask: what a mask hides, in a sentence, or None.
        bars_label: what the bars are.
        others: the further outputs for the example row, such as the weights of an attention.
        change: what it does differently while it trains, or None.
        left_out: what is not shown of it to keep the whole small, or None.
        findings: what the rules found there.
    """

    id: str
    number: int
    title: str
    name: str
    kind: str
    input: str
    output: str
    does: str
    shape: str | None
    parameters: str | None
    parts: str | None
    arithmetic: str | None
    example: str | None
    measured: tuple[str, ...]
    picture: Picture | None
    bars: tuple[Bar, ...]
    weights: Picture | None
    distribution: Distribution | None
    channels: tuple[Bar, ...]
    wiring: tuple[str, ...] = ()
    written: str | None = None
    mask: str | None = None
    bars_label: str = ""
    others: tuple[Picture, ...] = ()
    change: Change | None = None
    left_out: str | None = None
    findings: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place from 0 to 1, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Point:
    """A measured point: epoch, places from 0 to 1, and the value in words; ``y`` is None where it is not finite."""

    epoch: int
    x: float
    y: float | None
    text: str


@dataclass(frozen=True)
class Series:
    """A line of a chart."""

    name: str
    role: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """A line chart over epochs.

    Attributes:
        title: what is measured, with its unit.
        label: the chart in a sentence, for who cannot see it.
        x, y: the ticks.
        series: the lines, ``role`` telling training from validation.
        reference: a level to compare with, such as guessing, or None.
        best: the epoch to mark, or None.
        best_text: why it is marked.
    """

    title: str
    label: str
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    series: tuple[Series, ...]
    reference: Tick | None
    best: int | None
    best_text: str | None


@dataclass(frozen=True)
class EpochRow:
    """One row of the training table: its figures as text, the observation, and the findings that begin there."""

    id: str
    epoch: int
    cells: tuple[str, ...]
    exact: tuple[str, ...]
    observation: str
    findings: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class TrainingView:
    """The training: charts, a table and what a step is.

    Attributes:
        charts: of the loss, then of the other metrics.
        columns: of the table, the most important ones first: epoch, metrics, seconds, what happened.
        rows: one for each epoch.
        steps: what a step is; empty where that is not known.
        note: how the figures were taken; empty where there are none.
        empty: why there are no epochs, or None.
        absent: whether the model was not to be trained, so that there is nothing to show.
    """

    charts: tuple[Chart, ...]
    columns: tuple[str, ...]
    rows: tuple[EpochRow, ...]
    steps: str
    note: str
    empty: str | None
    absent: bool = False


@dataclass(frozen=True)
class LayerView:
    """One layer of the prediction: what the held-out row became."""

    id: str
    number: int
    title: str
    shape: str
    text: str
    picture: Picture | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Threshold:
    """A share on a line from 0 to 1, the threshold that it is compared with, and the comparison in words."""

    at: float
    limit: float
    text: str


@dataclass(frozen=True)
class Grid:
    """A small table.

    Attributes:
        label: what it shows.
        columns: their names.
        rows: the cells as texts.
        marks: for each row ``right``, ``wrong``, ``hidden`` or nothing.
        note: what is left out, or None.
    """

    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[str, ...]
    note: str | None


@dataclass(frozen=True)
class OutcomeView:
    """What one output of the model gave for a row, in its own form.

    Attributes:
        name: of the output, or None where there is only one.
        form: ``classes``, ``binary``, ``multilabel``, ``numbers``, ``sequence``, ``image``, ``mask`` or ``unknown``.
        verdict: what was said, what was meant, and whether they are the same.
        bars, bars_label: the shares of the classes, and what they are.
        threshold: for yes or no.
        table: for numbers and sequences.
        pictures: for images and masks: the output, the target, and their difference.
    """

    name: str | None
    form: str
    verdict: str
    bars: tuple[Bar, ...]
    bars_label: str
    threshold: Threshold | None
    table: Grid | None
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class PredictionView:
    """One prediction: which row, what came out, its layers, and the check in NumPy.

    Attributes:
        id: the place that others point to; ``prediction`` for the first.
        name: in two or three words, such as "the surest wrong one".
        title: which row it is, and why it was chosen.
        verdict: what came out, all outputs together.
        outcomes: what came out, where it has another form than the bars of the last layer.
        layers: what the row became in each of them.
        left_out: the layers whose output was too large to be kept, in a sentence, or None.
        check: what computing it again gave.
    """

    id: str
    name: str
    title: str
    verdict: str
    outcomes: tuple[OutcomeView, ...]
    layers: tuple[LayerView, ...]
    left_out: str | None
    check: str


@dataclass(frozen=True)
class QuestionView:
    """A quiz question; ``evidence`` is the id of the place that shows the answer, ``place`` its name."""

    text: str
    options: tuple[str, ...]
    answer: int
    remarks: tuple[str, ...]
    evidence: str
    place: str


@dataclass(frozen=True)
class Fact:
    """A line of the foot: a name and a text."""

    name: str
    text: str


@dataclass(frozen=True)
class Document:
    """A whole trace, ready to show.

    Attributes:
        title, kind: what it is called, and what it is.
        framework: Keras and its backend with their versions.
        facts: rows, epochs, seconds, minutes to read.
        data: which data, in a sentence.
        notice: what must be said of the data, or None.
        headline: what the run reached, in one line.
        stages, training, prediction, quiz, insight: the parts; ``prediction`` is None where the run ended before it.
        others: the predictions after the first.
        events: what went wrong on the way, in sentences.
        counting: how places and filters are counted.
        foot: how it was measured.
        graph: how the stages are connected; None for a short chain.
        folds: what can be shown as one, outer ones first.
        part: what of the trace it is, where it is a part of it; None for the whole.
        brief: whether there are so many stages that each is shown in short.
        findings: what is wrong, and where.
    """

    title: str
    kind: str
    framework: str
    facts: tuple[str, ...]
    data: str
    notice: str | None
    headline: str
    counting: str
    stages: tuple[StageView, ...]
    training: TrainingView
    prediction: PredictionView | None
    quiz: tuple[QuestionView, ...]
    insight: tuple[str, ...]
    foot: tuple[Fact, ...]
    others: tuple[PredictionView, ...] = ()
    events: tuple[str, ...] = ()
    graph: GraphView | None = None
    folds: tuple[FoldView, ...] = ()
    part: str | None = None
    brief: bool = False
    findings: FindingsView = field(default_factory=FindingsView)
