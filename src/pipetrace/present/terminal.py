"""A document in a terminal: colour, charts of characters, feature maps as half-blocks, as wide as the window."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pipetrace.explain.text import counted
from pipetrace.present.findings.terminal import findings
from pipetrace.present.terminal_flow import data_flow
from pipetrace.present.terminal_prediction import prediction, short
from pipetrace.present.terminal_training import training
from pipetrace.present.views import Document, QuestionView

WIDEST = 110
"""Sentences longer than this are hard to follow with the eye, however wide the window."""


def show(made: Document, console: Console, *, file: str = "FILE") -> None:
    """Print a document; of a part of a trace the data flow alone.

    Args:
        made: the document.
        console: where to; its width and colours decide how.
        file: the trace's name, for the commands that show more of it.
    """
    width = min(console.width, WIDEST)
    # NO_COLOR leaves the system in place and drops the colours, so both are asked.
    for part in _parts(
        made, width, colour=console.color_system is not None and not console.no_color, file=file
    ):
        console.print(part, width=width, highlight=False)


def _parts(made: Document, width: int, *, colour: bool, file: str) -> Iterator[RenderableType]:
    yield Text()
    yield _apart(Text(made.title, "bold"), Text(made.framework, "dim"), width)
    yield Text(f"{made.kind} · {' · '.join(made.facts)}", "dim")
    yield Text(made.data, "dim")
    if made.notice:
        yield Text(made.notice, "yellow")
    yield Padding(Text(made.headline, "bold"), (1, 0, 0, 0))
    for sentence in made.events:
        yield Text(sentence, "yellow")
    if not made.focus:
        yield from _findings(made, width)
    part = f" of {made.focus}" if made.focus else ""
    yield _heading(f"Data flow{part} · {counted(len(made.stages), 'stage')}", width)
    yield Text(made.counting, "dim")
    yield from data_flow(made, width, colour=colour, file=file)
    if made.focus:
        return
    yield from _results(made, width, colour=colour)
    if made.quiz:
        yield _heading(f"Quiz · {counted(len(made.quiz), 'question')}", width)
        for number, question in enumerate(made.quiz, 1):
            yield question_text(number, question)
        yield Text("Answer them on the page, or with the command pipetrace quiz.", "dim")
    if made.insight:
        yield _heading("Key insight", width)
        yield Text(" ".join(made.insight))
    yield _heading("About this trace", width)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="dim")
    for fact in made.foot:
        # As Text: in a plain string rich would read what stands in brackets as its markup.
        table.add_row(fact.name, Text(fact.text))
    yield table


def _findings(made: Document, width: int) -> Iterator[RenderableType]:
    """What is wrong, under a heading; a line alone where there is nothing."""
    view = made.findings
    if view.found or view.failed:
        yield _heading("What is wrong, and where", width)
        yield Text(view.title, "dim")
        yield from findings(view)
    elif view.title:
        yield Text(f"{view.title}.", "dim")


def _results(made: Document, width: int, *, colour: bool) -> Iterator[RenderableType]:
    """The training and the predictions."""
    if not made.training.absent:
        yield _heading(f"Training · {counted(len(made.training.rows), 'epoch')}", width)
        yield from training(made.training, width)
    if made.prediction:
        yield _heading(f"Prediction · {counted(len(made.prediction.layers), 'layer')}", width)
        yield from prediction(made.prediction, width, colour=colour)
        for other in made.others:
            yield from short(other)


def question_text(number: int, question: QuestionView) -> RenderableType:
    """A question with its options, unanswered."""
    lines = [Text(f"{number}. {question.text}", "bold")]
    lines += [
        Text.assemble("   ", (letter, "cyan"), f"  {option}")
        for letter, option in zip("ABCD", question.options, strict=False)
    ]
    return Group(Text(), *lines)


def _heading(text: str, width: int) -> RenderableType:
    rule = Rule(Text(f"{text} ", "bold cyan"), align="left", style="dim", characters="─")
    return Padding(rule, (1, 0, 0, 0), expand=width > 0)


def _apart(left: Text, right: Text, width: int) -> RenderableType:
    if left.cell_len + right.cell_len + 2 > width:
        return Group(left, right)
    return Text.assemble(left, " " * (width - left.cell_len - right.cell_len), right)
