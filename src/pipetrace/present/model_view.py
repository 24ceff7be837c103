"""What the page computes values from. ``build/model.py`` makes it from a trace.

As with the views, its fields are the page's wire format.
"""

from collections.abc import Mapping

from pipetrace.trace.document import Array
from pipetrace.trace.records import Record


class InputView(Record):
    """One input of a stage: the stage that it comes from, and which of its outputs it is."""

    source: str
    output: int


class ShapeView(Record):
    """The shape of one output, without the axis of rows; 0 for a length that is not fixed."""

    shape: tuple[int, ...]


class ModelStage(Record):
    """A stage as the page computes it."""

    name: str  # as in ``StageView``
    owner: str  # the stage that its weights are named after: the first call of its layer
    fixed: bool  # whether it is before the model, or looks up what is: the same in all epochs
    layer: str  # its class; empty where the page only shows it
    config: str  # its Keras configuration as JSON text, without what only training uses
    # inputs, outputs: what it receives and gives
    inputs: tuple[InputView, ...]
    outputs: tuple[ShapeView, ...]
    # by name, as training left them; only those that fit into the page
    weights: Mapping[str, Array]
    parameters: int  # how many it holds; 0 where an earlier call of the same layer holds them
    # of the values along the last axis, such as the classes; empty if they have none
    unit_names: tuple[str, ...]
    words: tuple[str, ...]  # what its whole numbers stand for, where that is recorded
    # what each filter's kernel resembles, a sentence each; a single one where that is not measured;
    # none where it has no filters, or their weights do not fit
    filters: tuple[str, ...]


class RowView(Record):
    """A row that was followed through the model."""

    position: int  # which of the trace's predictions it is, counted from 0
    row: int  # its number in the data
    # label, label_text: its true class and the name of that; None and empty where unknown
    label: int | None
    label_text: str
    outputs: Mapping[str, Array]  # by stage what was recorded for it


class SectionView(Record):
    """Some of the stages of a large model, in their order: a name, theirs, and what they hold."""

    name: str
    stages: tuple[str, ...]
    text: str


class KeptInput(Record):
    """What a stage gave for the kept rows."""

    stage: str  # its name
    values: Array  # ``(n, ...)``, or their places in ``levels`` where there is such a list
    levels: Array | None


class KeptView(Record):
    """Rows that the model can be computed for."""

    rows: Array  # the number of each in the data, ``(n,)``
    validation: Array  # whether each is of the validation set
    labels: Array | None  # the true class of each; None where there are no classes
    inputs: tuple[KeptInput, ...]  # what the model, or the steps before it, received
    targets: tuple[Array, ...]  # what each output should be
    # what each output of the trained model was, in the order of ``ModelView.outputs``
    outputs: tuple[Array, ...]


class EpochView(Record):
    """What is kept of an earlier epoch."""

    number: int  # 0 for before training
    weights: Mapping[str, Array]  # after it, by ``owner/name``; large arrays in 16 bits
    # for the kept rows after it, in 16 bits; none where they were not recorded
    outputs: tuple[Array, ...]
    # by stage, what each of its filters resembled then, as in ``ModelStage``
    filters: Mapping[str, tuple[str, ...]]


class ResultView(Record):
    """How the kept rows came out after an epoch: the result, and sentences on its parts."""

    epoch: int
    title: str
    sentences: tuple[str, ...]


class OutputView(Record):
    """What one output of the model predicts."""

    name: str | None  # of the output, or None if there is only one
    form: str  # as in ``OutcomeView``
    scale: str  # ``probabilities``, ``logits``, ``scores`` or ``plain``
    threshold: float  # from where on a single score means yes
    names: tuple[str, ...]  # of the classes or labels; none where it predicts neither
    # after each epoch of which the outputs are in the page, in words
    results: tuple[ResultView, ...]


class ResultsView(Record):
    """How the kept rows came out."""

    validation: bool  # whether only the validation rows among them count; else all
    noun: str  # what a row is called: ``image`` or ``row``
    note: str  # which rows these are, and whether they are all
    outputs: tuple[OutputView, ...]  # of the model, in order


class ModelView(Record):
    """What the page computes values from."""

    # stages, rows: the model and what was recorded
    stages: tuple[ModelStage, ...]
    rows: tuple[RowView, ...]
    outputs: tuple[InputView, ...]  # which outputs of which stages the model gives
    class_names: tuple[str, ...]  # what the classes are called; none where that is not known
    epochs: tuple[EpochView, ...]  # earlier epochs, in order
    last: int  # the number of the epoch that ended last; 0 without training
    restored: bool  # whether the final weights are others than those after that epoch
    kept: KeptView | None  # further rows; None where there are none
    results: ResultsView | None  # how they came out; None where that is not known
    # of the stages of a large model, each in one of them; empty for a small one
    sections: tuple[SectionView, ...] = ()
    # what the trace has and the page lacks, in a sentence; empty where it is complete
    omitted: str = ""
