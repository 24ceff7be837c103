"""The document that is shown: texts and rounded numbers. ``build`` makes it from a trace.

Its fields are also the page's wire format: the TypeScript declarations of the viewer are made from
these classes.
"""

from dataclasses import dataclass, field

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


@dataclass(frozen=True, repr=False, eq=False)
class Link(Record):
    """A place of the document, by its id, and its name."""

    id: str
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class Mark(Record):
    """A finding, in short, at the stage or epoch that it concerns.

    Attributes:
        id: of the finding.
        level: its severity: ``error``, ``warning`` or ``note``.
        rule: its code and name.
        text: what is wrong.
    """

    id: str
    level: str
    rule: str
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class FindingView(Record):
    """A finding, worded.

    Attributes:
        id: the place that others link to, such as ``finding/1``.
        level: its severity: ``error``, ``warning`` or ``note``.
        rule: its code and name.
        text: what is wrong, with its number.
        places: the stage and the epochs, as links.
        evidence: the measured numbers, a sentence each.
        why: why it matters.
        advice: what to do.
        change: the same as code, or empty.
        sure: how certain it is, in words; empty if it is certain.
        symptoms: the findings that it causes.
    """

    id: str
    level: str
    rule: str
    text: str
    places: tuple[Link, ...]
    evidence: tuple[str, ...]
    why: str
    advice: str
    change: str
    sure: str
    symptoms: "tuple[FindingView, ...]" = ()


@dataclass(frozen=True, repr=False, eq=False)
class FindingsView(Record):
    """All findings.

    Attributes:
        title: how many there are of each severity and how many rules ran, or that nothing was
            found.
        found: the findings, root causes first.
        failed: the rules that could not run, in sentences.
    """

    title: str = ""
    found: tuple[FindingView, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Change(Record):
    """How a stage's output differs in training: a sentence, and both outputs as images."""

    text: str
    prediction: ImageView | None
    training: ImageView | None


@dataclass(frozen=True, repr=False, eq=False)
class StageView(Record):
    """One stage of the data flow.

    Attributes:
        id: the place that others link to, such as ``stage/conv2d``.
        number: from 1.
        title, name, kind: its title in words, its name in the trace, and its kind.
        input, output: the shapes of the batch.
        does: the operation in a sentence.
        shape: how the output shape comes about.
        parameters, parts: the sum that gives the number of parameters, and its terms in words.
        arithmetic, time: the floating-point operations, and how long a batch takes, in words.
        example: one actual value of the example row.
        measured: statistics of the rows that were measured, in sentences.
        measured_on: how many rows these are.
        image: the stage's output for the example row.
        bars: the same as bars, for class probabilities.
        weights: the stage's kernels as an image.
        distribution: of all rows' values.
        channels: the share of values that are not zero, for each channel.
        wiring: the inputs and users, in sentences, if the order of the stages does not say it.
        written: the strings of the example, if its sentence does not quote them.
        mask: what a mask hides, in a sentence, or None.
        bars_label: what the bars are.
        others: the further outputs for the example row, such as attention weights.
        change: how its output differs in training, or None.
        omitted: what is not shown to keep the page small, or None.
        findings: the findings at this stage.
        courses: what was measured of it after the epochs.
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
    time: str | None
    example: str | None
    measured: tuple[str, ...]
    measured_on: str
    image: ImageView | None
    bars: tuple[Bar, ...]
    weights: ImageView | None
    distribution: Distribution | None
    channels: tuple[Bar, ...]
    wiring: tuple[str, ...] = ()
    written: str | None = None
    mask: str | None = None
    bars_label: str = ""
    others: tuple[ImageView, ...] = ()
    change: Change | None = None
    omitted: str | None = None
    findings: tuple[Mark, ...] = ()
    courses: tuple[Chart, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class GroupView(Record):
    """Stages that can be shown as one: a nested model, a layer of layers, or a repeated block.

    Attributes:
        id: the place that others link to, such as ``group/encoder``.
        name: the command line selects it by this name.
        title: what it is called.
        input, output: the shapes of the batch, like those of a stage.
        text: what it contains, in sentences.
        parameters: how many it holds, its stages' included, and how many of them are trainable.
        first, last: the positions of its first and last stage, from 0.
        expanded: whether its stages are shown.
        findings: the findings at its stages.
    """

    id: str
    name: str
    title: str
    input: str
    output: str
    text: str
    parameters: str
    first: int
    last: int
    expanded: bool
    findings: tuple[Mark, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
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


@dataclass(frozen=True, repr=False, eq=False)
class TrainingView(Record):
    """The training: charts, a table and what a step is.

    Attributes:
        charts: of the loss, then of the other metrics.
        columns: of the table, the most important ones first: epoch, metrics, seconds, what
            happened.
        rows: one for each epoch.
        steps: what a step is; empty if that is unknown.
        note: how the metrics were measured; empty if there are none.
        empty: why there are no epochs, or None.
        absent: whether the model was not trained at all, so that there is nothing to show.
        start: the cells of the row before training, where any metric is known then; else none.
        evaluations: the calls of ``evaluate`` and ``predict``; None without any.
    """

    charts: tuple[Chart, ...]
    columns: tuple[str, ...]
    rows: tuple[EpochRow, ...]
    steps: str
    note: str
    empty: str | None
    absent: bool = False
    start: tuple[str, ...] = ()
    evaluations: Grid | None = None


@dataclass(frozen=True, repr=False, eq=False)
class LayerView(Record):
    """The output of one layer for the predicted row."""

    id: str
    number: int
    title: str
    shape: str
    text: str
    image: ImageView | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True, repr=False, eq=False)
class OutcomeView(Record):
    """One output of the model for a row, drawn as its kind asks for.

    Attributes:
        name: of the output, or None if there is only one.
        form: ``classes``, ``binary``, ``multilabel``, ``numbers``, ``sequence``, ``image``,
            ``mask`` or ``unknown``.
        verdict: the output, the target, and whether they agree.
        bars, bars_label: the probabilities of the classes, and what they are.
        threshold: for a binary output.
        table: for numbers and sequences.
        images: for images and masks: the output, the target, and their difference.
    """

    name: str | None
    form: str
    verdict: str
    bars: tuple[Bar, ...]
    bars_label: str
    threshold: Threshold | None
    table: Grid | None
    images: tuple[ImageView, ...]


@dataclass(frozen=True, repr=False, eq=False)
class PredictionView(Record):
    """One prediction: the row, the result, its layers, and the check in NumPy.

    Attributes:
        id: the place that others link to; ``prediction`` for the first.
        name: in two or three words, such as "The surest wrong one".
        title: the row and why it was chosen.
        verdict: the result, all outputs together.
        outcomes: the result, if it is not the bars of the last layer.
        layers: the output of each layer for this row.
        omitted: the layers whose output was too large to be stored, in a sentence, or None.
        total: how many layers there are, these included.
        check: the result of the recomputation.
    """

    id: str
    name: str
    title: str
    verdict: str
    outcomes: tuple[OutcomeView, ...]
    layers: tuple[LayerView, ...]
    omitted: str | None
    check: str
    total: int = 0


@dataclass(frozen=True, repr=False, eq=False)
class QuestionView(Record):
    """A quiz question; ``evidence`` is the id of the place with the answer, ``place`` its name.

    A hidden answer is -1; ``sealed`` has its salt, digest and explanation, in base64.
    """

    text: str
    options: tuple[str, ...]
    answer: int
    remarks: tuple[str, ...]
    evidence: str
    place: str
    sealed: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Fact(Record):
    """A line of the foot: a name and a text."""

    name: str
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class KeyFigure(Record):
    """A figure under the headline.

    Attributes:
        name: what it is.
        text: its value.
        note: what to compare it with, or what it is a part of; may be empty.
        level: the severity of the worst finding, where it counts findings.
        column: of the table of epochs that it is the last entry of; None for other figures.
    """

    name: str
    text: str
    note: str
    level: str = ""
    column: int | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Document(Record):
    """A whole trace, ready to show.

    Attributes:
        title, kind: its name, and what it is.
        framework: Keras and its backend with their versions.
        facts: rows, epochs, seconds, minutes to read.
        data: the data set, in a sentence.
        notice: a warning about the data, or None.
        headline: the result of the run, in one sentence.
        remark: what else to look at first.
        counting: that positions and filters are counted from 0.
        stages, training, prediction, quiz, insight: the parts; ``prediction`` is None if the run
            ended before it.
        foot: how it was measured.
        others: the predictions after the first.
        events: what went wrong during the run, in sentences.
        graph: how the stages are connected; None for a short chain.
        groups: what can be collapsed, outer ones first.
        focus: the name of the part of the trace that is shown; None for the whole.
        brief: whether there are so many stages that each is shown in short.
        findings: what is wrong, and where.
        figures: the key figures under the headline.
        ablations: what the run became with one thing changed; None where that was not tried.
    """

    title: str
    kind: str
    framework: str
    facts: tuple[str, ...]
    data: str
    notice: str | None
    headline: str
    remark: str
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
    groups: tuple[GroupView, ...] = ()
    focus: str | None = None
    brief: bool = False
    findings: FindingsView = field(default_factory=FindingsView)
    figures: tuple[KeyFigure, ...] = ()
    ablations: Grid | None = None
