"""A document as plain text: prose and columns to be read aloud, piped and compared."""

import textwrap
from collections.abc import Iterator

from pipetrace.explain.text import counted
from pipetrace.present.findings.plain import findings
from pipetrace.present.plain_flow import data_flow
from pipetrace.present.plain_results import WIDTH, prediction, short, training
from pipetrace.present.views import Document, QuestionView


def plain(made: Document, *, file: str = "FILE") -> str:
    """The whole document, lines of at most 88 characters except where a table needs more; of a part its data flow.

    Args:
        made: the document.
        file: the trace's name, for the commands that show more of it.
    """
    return "\n".join(_lines(made, file)) + "\n"


def _lines(made: Document, file: str) -> Iterator[str]:
    yield from _wrapped(made.title)
    yield from _wrapped(f"{made.kind}. {made.framework}. {', '.join(made.facts)}.")
    yield from _wrapped(made.data)
    if made.notice:
        yield from _wrapped(made.notice)
    yield ""
    yield from _wrapped(made.headline)
    for sentence in made.events:
        yield from _wrapped(sentence)
    if not made.focus:
        yield from _findings(made)
    part = f" of {made.focus}" if made.focus else ""
    yield from _heading(f"Data flow{part}: {counted(len(made.stages), 'stage')}")
    yield from _wrapped(made.counting)
    yield from data_flow(made, _wrapped, file)
    if made.focus:
        return
    yield from _results(made)
    if made.quiz:
        yield from _heading(f"Quiz: {counted(len(made.quiz), 'question')}")
        for number, question in enumerate(made.quiz, 1):
            yield from _question(number, question)
    if made.insight:
        yield from _heading("Key insight")
        for sentence in made.insight:
            yield from _wrapped(sentence)
    yield from _heading("About this trace")
    for fact in made.foot:
        yield from _wrapped(f"{fact.name}: {fact.text}", 2)


def _findings(made: Document) -> Iterator[str]:
    """What is wrong, under a heading; a line alone where there is nothing."""
    view = made.findings
    if view.found or view.failed:
        yield from _heading("What is wrong, and where")
        yield from findings(view, _wrapped)
    elif view.title:
        yield from _wrapped(f"{view.title}.")


def _results(made: Document) -> Iterator[str]:
    """The training and the predictions."""
    if not made.training.absent:
        yield from _heading("Training")
        yield from training(made.training, _wrapped)
    if made.prediction:
        yield from _heading(f"Prediction: {counted(len(made.prediction.layers), 'layer')}")
        yield from prediction(made.prediction, _wrapped)
        for other in made.others:
            yield from short(other, _wrapped)


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield text
    yield "-" * len(text)


def _wrapped(text: str, indent: int = 0) -> list[str]:
    # A number stays on one line with its percent sign.
    joined = text.replace(" %", "\u00a0%")
    lines = textwrap.wrap(
        joined,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
    )
    return [line.replace("\u00a0", " ") for line in lines]


def _question(number: int, question: QuestionView) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"{number}. {question.text}")
    for letter, option in zip("ABCD", question.options, strict=False):
        yield from _wrapped(f"{letter}. {option}", 3)
