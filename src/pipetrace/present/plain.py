"""A document as plain text: prose and columns to be read aloud, piped and compared."""

import textwrap
from collections.abc import Iterator

from pipetrace.present.views import Document, LayerView, QuestionView, StageView, TrainingView

WIDTH = 88


def plain(made: Document) -> str:
    """The whole document, lines of at most 88 characters except where a table needs more."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: Document) -> Iterator[str]:
    yield from _wrapped(made.title)
    yield from _wrapped(f"{made.kind}. {made.framework}. {', '.join(made.facts)}.")
    yield from _wrapped(made.data)
    if made.notice:
        yield from _wrapped(made.notice)
    yield ""
    yield from _wrapped(made.headline)
    yield from _heading(f"Data flow: {len(made.stages)} stages")
    yield from _wrapped(made.counting)
    for stage in made.stages:
        yield ""
        yield from _stage(stage)
    yield from _heading("Training")
    yield from _training(made.training)
    if made.prediction:
        yield from _heading(f"Prediction: {len(made.prediction.layers)} layers")
        yield from _wrapped(f"{made.prediction.title}. {made.prediction.verdict}")
        for layer in made.prediction.layers:
            yield from _layer(layer)
        yield from _wrapped(made.prediction.check)
    if made.quiz:
        yield from _heading(f"Quiz: {len(made.quiz)} questions")
        for number, question in enumerate(made.quiz, 1):
            yield from _question(number, question)
    if made.insight:
        yield from _heading("Key insight")
        for sentence in made.insight:
            yield from _wrapped(sentence)
    yield from _heading("About this trace")
    for fact in made.foot:
        yield from _wrapped(f"{fact.name}: {fact.text}", 2)


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield text
    yield "-" * len(text)


def _wrapped(text: str, indent: int = 0) -> list[str]:
    # A number stays on one line with its percent sign.
    joined = text.replace(" %", "\u00a0%")
    lines = textwrap.wrap(
        joined, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent, break_long_words=False
    )
    return [line.replace("\u00a0", " ") for line in lines]


def _stage(stage: StageView) -> Iterator[str]:
    yield f"{stage.number}. {stage.title} ({stage.name})"
    yield from _wrapped(stage.output if stage.input == stage.output else f"{stage.input} -> {stage.output}", 3)
    yield from _wrapped(stage.does, 3)
    if stage.shape:
        yield from _wrapped(stage.shape, 3)
    if stage.parameters:
        yield from _wrapped(f"Parameters: {stage.parameters}{f' ({stage.parts})' if stage.parts else ''}.", 3)
    if stage.arithmetic:
        yield from _wrapped(f"Arithmetic: {stage.arithmetic}.", 3)
    if stage.example:
        yield from _wrapped(f"Example: {stage.example}", 3)
    if stage.bars:
        yield from _wrapped("Scores: " + ", ".join(f"{bar.name}: {bar.text}" for bar in stage.bars) + ".", 3)
    if stage.measured:
        yield from _wrapped(f"Measured: {' '.join(stage.measured)}", 3)


def _training(view: TrainingView) -> Iterator[str]:
    yield from _wrapped(view.steps)
    yield from _wrapped(view.note)
    if view.empty:
        yield view.empty
        return
    yield ""
    *columns, _ = view.columns
    widths = [max(len(column), *(len(row.cells[index]) for row in view.rows)) for index, column in enumerate(columns)]
    yield "  ".join(column.rjust(width) for column, width in zip(columns, widths, strict=True))
    for row in view.rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row.cells, widths, strict=True))
    yield ""
    for row in view.rows:
        yield from _wrapped(f"Epoch {row.epoch}: {row.observation}")


def _layer(layer: LayerView) -> Iterator[str]:
    yield ""
    yield f"Layer {layer.number}: {layer.title}, {layer.shape}"
    yield from _wrapped(layer.text, 3)
    width = max((len(bar.name) for bar in layer.bars), default=0)
    for bar in layer.bars:
        yield f"   {bar.name.rjust(width)}  {bar.text}{'  <- the largest' if bar.marked else ''}"
    if layer.bars:
        yield ""


def _question(number: int, question: QuestionView) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"{number}. {question.text}")
    for letter, option in zip("ABCD", question.options, strict=False):
        yield from _wrapped(f"{letter}. {option}", 3)
