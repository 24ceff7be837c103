"""The document that is shown: texts and rounded numbers. ``build`` makes it from a trace.

Its fields are also the page's wire format: the TypeScript declarations of the viewer are made from
these classes.
"""

from dataclasses import field

from pipetrace.present.drawings import (
    Bar,
    Chart,
    Distribution,
    GraphView,
    Grid,
    ImageView,
    Threshold,
)
from pipetrace.trace.records import Record


class Link(Record):
    """A place of the document, by its id, and its name."""

    id: str
    text: str


class Mark(Record):
    """A finding, in short, at the stage or epoch that it concerns."""

    id: str  # of the finding
    level: str  # its severity: ``error``, ``warning`` or ``note``
    rule: str  # its code and name
    text: str  # what is wrong


class FindingView(Record):
    """A finding, worded."""

    id: str  # the place that others link to, such as ``finding/1``
    level: str  # its severity: ``error``, ``warning`` or ``note``
    rule: str  # its code and name
    text: str  # what is wrong, with its number
    places: tuple[Link, ...]  # the stage and the epochs, as links
    evidence: tuple[str, ...]  # the measured numbers, a sentence each
    why: str  # why it matters
    advice: str  # what to do
    change: str  # the same as code, or empty
    sure: str  # how certain it is, in words; empty if it is certain
    symptoms: "tuple[FindingView, ...]" = ()  # the findings that it causes


class FindingsView(Record):
    """All findings."""

    # how many there are of each severity and how many rules ran, or that nothing was found
    title: str = ""
    found: tuple[FindingView, ...] = ()  # the findings, root causes first
    failed: tuple[str, ...] = ()  # the rules that could not run, in sentences


class Change(Record):
    """How a stage's output differs in training: a sentence, and both outputs as images."""

    text: str
    prediction: ImageView | None
    training: ImageView | None


class StageView(Record):
    """One stage of the data flow."""

    id: str  # the place that others link to, such as ``stage/conv2d``
    number: int  # from 1
    # title, name, kind: its title in words, its name in the trace, and its kind
    title: str
    name: str
    kind: str
    # input, output: the shapes of the batch
    input: str
    output: str
    does: str  # the operation in a sentence
    shape: str | None  # how the output shape comes about
    # parameters, parts: the sum that gives the number of parameters, and its terms in words
    parameters: str | None
    parts: str | None
    arithmetic: str | None  # the floating-point operations in words
    time: str | None  # how long a batch takes, in words
    example: str | None  # one actual value of the example row
    measured: tuple[str, ...]  # statistics of the rows that were measured, in sentences
    measured_on: str  # how many rows these are
    image: ImageView | None  # the stage's output for the example row
    bars: tuple[Bar, ...]  # the same as bars, for class probabilities
    weights: ImageView | None  # the stage's kernels as an image
    distribution: Distribution | None  # of all rows' values
    channels: tuple[Bar, ...]  # the share of values that are not zero, for each channel
    # the inputs and users, in sentences, if the order of the stages does not say it
    wiring: tuple[str, ...] = ()
    written: str | None = None  # the strings of the example, if its sentence does not quote them
    mask: str | None = None  # what a mask hides, in a sentence, or None
    bars_label: str = ""  # what the bars are
    # the further outputs for the example row, such as attention weights
    others: tuple[ImageView, ...] = ()
    change: Change | None = None  # how its output differs in training, or None
    omitted: str | None = None  # what is not shown to keep the page small, or None
    findings: tuple[Mark, ...] = ()  # the findings at this stage
    courses: tuple[Chart, ...] = ()  # what was measured of it after the epochs


class GroupView(Record):
    """Stages that can be shown as one: a nested model, a layer of layers, or a repeated block."""

    id: str  # the place that others link to, such as ``group/encoder``
    name: str  # the command line selects it by this name
    title: str  # what it is called
    # input, output: the shapes of the batch, like those of a stage
    input: str
    output: str
    text: str  # what it contains, in sentences
    parameters: str  # how many it holds, its stages' included, and how many of them are trainable
    # first, last: the positions of its first and last stage, from 0
    first: int
    last: int
    expanded: bool  # whether its stages are shown
    findings: tuple[Mark, ...] = ()  # the findings at its stages


class EpochRow(Record):
    """A row of the training table: its numbers as text, the observation, new findings.

    ``border`` says what is new where a further ``fit`` begins with this epoch; empty elsewhere.
    """

    id: str
    epoch: int
    cells: tuple[str, ...]
    exact: tuple[str, ...]
    observation: str
    findings: tuple[Mark, ...] = ()
    border: str = ""


class TrainingView(Record):
    """The training: charts, a table and what a step is."""

    charts: tuple[Chart, ...]  # of the loss, then of the other metrics
    # of the table, the most important ones first: epoch, metrics, seconds, what happened
    columns: tuple[str, ...]
    rows: tuple[EpochRow, ...]  # one for each epoch
    steps: str  # what a step is; empty if that is unknown
    note: str  # how the metrics were measured; empty if there are none
    empty: str | None  # why there are no epochs, or None
    # whether the model was not trained at all, so that there is nothing to show
    absent: bool = False
    # the cells of the row before training, where any metric is known then; else none
    start: tuple[str, ...] = ()
    evaluations: Grid | None = None  # the calls of ``evaluate`` and ``predict``; None without any


class LayerView(Record):
    """The output of one layer for the predicted row."""

    id: str
    number: int
    title: str
    shape: str
    text: str
    image: ImageView | None
    bars: tuple[Bar, ...]


class OutcomeView(Record):
    """One output of the model for a row, drawn as its kind asks for."""

    name: str | None  # of the output, or None if there is only one
    # ``classes``, ``binary``, ``multilabel``, ``numbers``, ``sequence``, ``image``, ``mask`` or
    # ``unknown``
    form: str
    verdict: str  # the output, the target, and whether they agree
    # bars, bars_label: the probabilities of the classes, and what they are
    bars: tuple[Bar, ...]
    bars_label: str
    threshold: Threshold | None  # for a binary output
    table: Grid | None  # for numbers and sequences
    # for images and masks: the output, the target, and their difference
    images: tuple[ImageView, ...]


class PredictionView(Record):
    """One prediction: the row, the result, its layers, and the check in NumPy."""

    id: str  # the place that others link to; ``prediction`` for the first
    name: str  # in two or three words, such as "The surest wrong one"
    title: str  # the row and why it was chosen
    verdict: str  # the result, all outputs together
    outcomes: tuple[OutcomeView, ...]  # the result, if it is not the bars of the last layer
    layers: tuple[LayerView, ...]  # the output of each layer for this row
    # the layers whose output was too large to be stored, in a sentence, or None
    omitted: str | None
    check: str  # the result of the recomputation
    total: int = 0  # how many layers there are, these included


class QuestionView(Record):
    """A quiz question; ``evidence`` is the id of the place with the answer, ``place`` its name.

    ``row`` is the number in the data of the row that it is about, if it is about one. A hidden
    answer is -1; ``sealed`` has its salt, digest and explanation, in base64.
    """

    text: str
    options: tuple[str, ...]
    answer: int
    remarks: tuple[str, ...]
    evidence: str
    place: str
    row: int | None = None
    sealed: tuple[str, ...] = ()


class Fact(Record):
    """A line of the foot: a name and a text."""

    name: str
    text: str


class KeyFigure(Record):
    """A figure under the headline."""

    name: str  # what it is
    text: str  # its value
    note: str  # what to compare it with, or what it is a part of; may be empty
    level: str = ""  # the severity of the worst finding, where it counts findings
    # of the table of epochs that it is the last entry of; None for other figures
    column: int | None = None


class Document(Record):
    """A whole trace, ready to show."""

    # title, kind: its name, and what it is
    title: str
    kind: str
    framework: str  # Keras and its backend with their versions
    facts: tuple[str, ...]  # rows, epochs, seconds, minutes to read
    data: str  # the data set, in a sentence
    notice: str | None  # a warning about the data, or None
    headline: str  # the result of the run, in one sentence
    remark: str  # what else to look at first
    counting: str  # that positions and filters are counted from 0
    # stages, training, prediction, quiz, insight: the parts; ``prediction`` is None if the run
    # ended before it
    stages: tuple[StageView, ...]
    training: TrainingView
    prediction: PredictionView | None
    quiz: tuple[QuestionView, ...]
    insight: tuple[str, ...]
    foot: tuple[Fact, ...]  # how it was measured
    others: tuple[PredictionView, ...] = ()  # the predictions after the first
    events: tuple[str, ...] = ()  # what went wrong during the run, in sentences
    graph: GraphView | None = None  # how the stages are connected; None for a short chain
    groups: tuple[GroupView, ...] = ()  # what can be collapsed, outer ones first
    focus: str | None = None  # the name of the part of the trace that is shown; None for the whole
    brief: bool = False  # whether there are so many stages that each is shown in short
    findings: FindingsView = field(default_factory=FindingsView)  # what is wrong, and where
    figures: tuple[KeyFigure, ...] = ()  # the key figures under the headline
    # what the run became with one thing changed; None where that was not tried
    ablations: Grid | None = None
