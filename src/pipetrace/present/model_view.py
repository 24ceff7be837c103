"""What the page computes values from. ``build/model.py`` makes it from a trace.

As with the views, its fields are the page's wire format.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipetrace.trace.document import Array
from pipetrace.trace.records import Record


@dataclass(frozen=True, repr=False, eq=False)
class InputView(Record):
    """One input of a stage: the stage that it comes from, and which of its outputs it is."""

    source: str
    output: int


@dataclass(frozen=True, repr=False, eq=False)
class ShapeView(Record):
    """The shape of one output, without the axis of rows; 0 for a length that is not fixed."""

    shape: tuple[int, ...]


@dataclass(frozen=True, repr=False, eq=False)
class ModelStage(Record):
    """A stage as the page computes it.

    Attributes:
        name: as in ``StageView``.
        owner: the stage that its weights are named after: the first call of its layer.
        fixed: whether it is before the model, so that it gives the same in all epochs.
        layer: its class; empty where the page only shows it.
        config: its Keras configuration as JSON text, without what only training uses.
        inputs, outputs: what it receives and gives.
        weights: by name, as training left them; only those that fit into the page.
        parameters: how many it holds; 0 where an earlier call of the same layer holds them.
        unit_names: of the values along the last axis, such as the classes; empty if they have none.
        words: what its whole numbers stand for, where that is recorded.
        filters: what each filter's kernel resembles, a sentence each; a single one where that is
            not measured; none where it has no filters, or their weights do not fit.
    """

    name: str
    owner: str
    fixed: bool
    layer: str
    config: str
    inputs: tuple[InputView, ...]
    outputs: tuple[ShapeView, ...]
    weights: Mapping[str, Array]
    parameters: int
    unit_names: tuple[str, ...]
    words: tuple[str, ...]
    filters: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class RowView(Record):
    """A row that was followed through the model.

    Attributes:
        position: which of the trace's predictions it is, counted from 0.
        row: its number in the data.
        label, label_text: its true class and the name of that; None and empty where unknown.
        outputs: by stage what was recorded for it.
    """

    position: int
    row: int
    label: int | None
    label_text: str
    outputs: Mapping[str, Array]


@dataclass(frozen=True, repr=False, eq=False)
class SectionView(Record):
    """Some of the stages of a large model, in their order: a name, theirs, and what they hold."""

    name: str
    stages: tuple[str, ...]
    text: str


@dataclass(frozen=True, repr=False, eq=False)
class KeptInput(Record):
    """What a stage gave for the kept rows.

    Attributes:
        stage: its name.
        values: ``(n, ...)``, or their places in ``levels`` where there is such a list.
    """

    stage: str
    values: Array
    levels: Array | None


@dataclass(frozen=True, repr=False, eq=False)
class KeptView(Record):
    """Rows that the model can be computed for.

    Attributes:
        rows: the number of each in the data, ``(n,)``.
        validation: whether each is of the validation set.
        labels: the true class of each; None where there are no classes.
        inputs: what the model, or the steps before it, received.
        targets: what each output should be.
        outputs: what each output of the trained model was, in the order of ``ModelView.outputs``.
    """

    rows: Array
    validation: Array
    labels: Array | None
    inputs: tuple[KeptInput, ...]
    targets: tuple[Array, ...]
    outputs: tuple[Array, ...]


@dataclass(frozen=True, repr=False, eq=False)
class EpochView(Record):
    """What is kept of an earlier epoch.

    Attributes:
        number: 0 for before training.
        weights: after it, by ``owner/name``; large arrays in 16 bits.
        outputs: for the kept rows after it, in 16 bits; none where they were not recorded.
        filters: by stage, what each of its filters resembled then, as in ``ModelStage``.
    """

    number: int
    weights: Mapping[str, Array]
    outputs: tuple[Array, ...]
    filters: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, repr=False, eq=False)
class ResultView(Record):
    """How the kept rows came out after an epoch: the result, and sentences on its parts."""

    epoch: int
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class OutputView(Record):
    """What one output of the model predicts.

    Attributes:
        name: of the output, or None if there is only one.
        form: as in ``OutcomeView``.
        scale: ``probabilities``, ``logits``, ``scores`` or ``plain``.
        threshold: from where on a single score means yes.
        names: of the classes or labels; none where it predicts neither.
        results: after each epoch of which the outputs are in the page, in words.
    """

    name: str | None
    form: str
    scale: str
    threshold: float
    names: tuple[str, ...]
    results: tuple[ResultView, ...]


@dataclass(frozen=True, repr=False, eq=False)
class ResultsView(Record):
    """How the kept rows came out.

    Attributes:
        validation: whether only the validation rows among them count; else all.
        noun: what a row is called: ``image`` or ``row``.
        note: which rows these are, and whether they are all.
        outputs: of the model, in order.
    """

    validation: bool
    noun: str
    note: str
    outputs: tuple[OutputView, ...]


@dataclass(frozen=True, repr=False, eq=False)
class ModelView(Record):
    """What the page computes values from.

    Attributes:
        stages, rows: the model and what was recorded.
        outputs: which outputs of which stages the model gives.
        class_names: what the classes are called; none where that is not known.
        epochs: earlier epochs, in order.
        last: the number of the epoch that ended last; 0 without training.
        restored: whether the final weights are others than those after that epoch.
        kept: further rows; None where there are none.
        results: how they came out; None where that is not known.
        sections: of the stages of a large model, each in one of them; empty for a small one.
        omitted: what the trace has and the page lacks, in a sentence; empty where it is complete.
    """

    stages: tuple[ModelStage, ...]
    rows: tuple[RowView, ...]
    outputs: tuple[InputView, ...]
    class_names: tuple[str, ...]
    epochs: tuple[EpochView, ...]
    last: int
    restored: bool
    kept: KeptView | None
    results: ResultsView | None
    sections: tuple[SectionView, ...] = ()
    omitted: str = ""
