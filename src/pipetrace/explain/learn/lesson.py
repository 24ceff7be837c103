"""What a way to learn is made of. The page, the terminal and a notebook draw the same."""

import re
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

from pipetrace.explain.quiz import Question
from pipetrace.trace.document import Array, Stage, Trace
from pipetrace.trace.records import Record

BLANK = "____"
"""What stands in a code or a text where something is to be filled in."""


class Place(Record):
    """A place of the page."""

    address: str  # what follows ``#`` in its address, such as ``stage=conv2d&at=8.15.3``
    text: str  # what it is called
    whole: bool = False  # whether it is the whole image of a stage, not how one value came to be


class Table(Record):
    """Rows below a header; the first column names them."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


class Part(Record):
    """A part to read: a heading, sentences, then a table or code."""

    heading: str  # what it is about
    texts: tuple[str, ...] = ()  # paragraphs
    code: str = ""  # Python to read or copy, or empty
    table: Table | None = None  # or None
    place: Place | None = None  # where the page shows it, or None
    closed: bool = False  # whether it gives something away, and is shown when asked for only


class Slip(Record):
    """A wrong answer that a known mistake gives, and what to tell a person who gave it."""

    answer: str
    remark: str


class Blank(Record):
    """Something to fill in."""

    answer: str  # what belongs there
    within: float  # how far a number may be from it; 0 for an exact answer
    slips: tuple[Slip, ...]  # wrong answers that are known
    # where the answer is hidden, what tells whether an entry is right, or a known slip; else empty
    sealed: tuple[str, ...] = ()


class Exercise(Record):
    """A task with blanks."""

    level: str  # ``easy``, ``medium`` or ``hard``
    text: str  # what to do
    code: str  # with ``____`` for each blank
    blanks: tuple[Blank, ...]  # in their order in the code
    hint: str  # where to look and what to count
    solution: str  # how the answer comes about; encrypted where the answers are hidden
    place: Place | None  # where the page shows it, or None


class Problem(Record):
    """A question with four options."""

    kind: str  # what it asks for, such as "Read a metric"
    level: str  # ``easy``, ``medium`` or ``hard``
    text: str  # the question
    code: str  # what it is about, or empty
    options: tuple[str, ...]  # four, all different
    answer: int  # the index of the right one
    remarks: tuple[str, ...]  # for each option what to tell a person who chose it
    place: Place | None  # where the page shows it, or None
    # where the answer is hidden, what tells whether a chosen option is right; else empty
    sealed: tuple[str, ...] = ()


class Card(Record):
    """A card to turn over: a question, and its answer with the reason."""

    level: str
    front: str
    answer: str
    back: str
    place: Place | None


class Curve(Record):
    """How a binary answer depends on its threshold."""

    name: str  # of the output or label; empty where there is one
    thresholds: tuple[float, ...]  # rising
    # for each threshold how many rows are true positives, false positives, false negatives and true
    # negatives
    counts: tuple[tuple[int, int, int, int], ...]
    start: int  # the index of the threshold that is used
    noun: str  # of what is counted: rows, positions or pixels


class Cells(Record):
    """A confusion matrix."""

    names: tuple[str, ...]  # of the classes
    # a line for each true class, a column for each predicted one
    counts: tuple[tuple[int, ...], ...]
    start: int  # the class that is worked first
    noun: str  # of what is counted: rows, positions or pixels


class Pairs(Record):
    """Predicted numbers beside the measured ones."""

    name: str  # of what is predicted
    pairs: tuple[tuple[float, float], ...]  # the true value and the predicted one of each row


class Lesson(Record):
    """One way to learn from a run."""

    # its name: ``learn``, ``why``, ``deep``, ``visualize``, ``try``, ``challenge``, ``project``,
    # ``review`` or ``metrics``
    mode: str
    about: str  # what is in it, in a few words
    intro: str  # what one does there
    parts: tuple[Part, ...] = ()  # what is read
    steps: tuple[Part, ...] = ()  # places of the page with what to see there, one after the other
    exercises: tuple[Exercise, ...] = ()  # with blanks
    problems: tuple[Problem, ...] = ()  # with options
    cards: tuple[Card, ...] = ()  # to turn over
    # cells, curve, pairs: what the measures are worked from, whichever fits the outputs
    cells: Cells | None = None
    curve: Curve | None = None
    pairs: Pairs | None = None
    absent: str = ""  # why there is nothing for this run; empty if there is
    # other problems of the same kinds, as many or a multiple, for a person who begins again
    spares: tuple[Problem, ...] = ()
    minutes: int = 0  # how long it takes a beginner, computed from what is in it


def stage_place(
    stage: Stage, at: Sequence[int] = (), *, text: str = "", more: str = "", whole: bool = False
) -> Place:
    """The place of a stage, or of a value in it; ``more`` parts of the address: ``epoch=1``."""
    parts = [f"stage={quote(stage.name, safe='')}"]
    if len(at):
        parts.append(f"at={'.'.join(map(str, at))}")
    name = text or stage.layer or stage.name
    return Place("&".join([*parts, *([more] if more else [])]), name, whole)


def place_of(trace: Trace, question: Question) -> Place | None:
    """The place that shows the evidence of a question, with the row that it is about."""
    part, _, name = question.evidence.partition("/")
    if part in ("stage", "prediction") and name in trace.stages.by_name:
        row = "" if question.row is None else f"row={question.row}"
        return stage_place(trace.stages[name], more=row)
    if part == "epoch":
        return Place(f"epoch={name}", f"epoch {name}")
    names = {"training": ("training-title", "training"), "results": ("results", "right and wrong")}
    return Place(*names[part]) if part in names else None


def problem(trace: Trace, question: Question, kind: str, text: str = "", code: str = "") -> Problem:
    """A question of a quiz as a problem of some kind, in its own words or others."""
    return Problem(
        kind=kind,
        level=question.level,
        text=text or question.text,
        code=code,
        options=question.options,
        answer=question.answer,
        remarks=question.remarks,
        place=place_of(trace, question),
    )


def step(heading: str, place: Place, *texts: str) -> Part:
    """A place of the page with what to see there; empty texts are left out."""
    return Part(heading, tuple(text for text in texts if text), place=place)


def largest_at(values: Array) -> tuple[int, ...]:
    """The position of the largest value, the first of several."""
    return tuple(map(int, np.unravel_index(int(values.argmax()), values.shape)))


def sentence(text: str) -> str:
    """A text as a sentence of its own."""
    text = text.strip()
    return re.sub(r"^\w", lambda first: first[0].upper(), text) + (
        "" if text.endswith((".", "!", "?", ":")) else "."
    )
