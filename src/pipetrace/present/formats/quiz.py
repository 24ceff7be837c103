"""A quiz in the formats of people, programs and learning platforms."""

from collections.abc import Callable, Iterator, Mapping

from pipetrace.explain.formatting import counted
from pipetrace.explain.quiz import LENGTH, quiz
from pipetrace.present.blocks import GAP, LETTERS, Block, Labelled, Paragraph, Question
from pipetrace.present.build.document import facts_that_fit, place, seed_of
from pipetrace.present.formats.anki import anki
from pipetrace.present.formats.gift import gift
from pipetrace.present.formats.json import indented
from pipetrace.present.formats.moodle import moodle
from pipetrace.present.formats.qti import qti
from pipetrace.present.formats.sheet import Sheet, identity_of
from pipetrace.present.quiz_prompt import nothing_to_ask
from pipetrace.present.text import write_text_of
from pipetrace.trace.document import Trace

VERSION = 1
"""The version of the JSON of a quiz; it changes if a key is removed or changes its meaning."""


def sheet(
    trace: Trace,
    quiz_seed: int | str | None = None,
    questions: int = LENGTH,
    *,
    title: str | None = None,
    answers: bool = False,
) -> Sheet:
    """The quiz of a trace; the run's own seed and title where others are left out.

    ``answers``: whether text and JSON have the answers. An ``IncompleteTraceError`` where there is
    nothing to ask about.
    """
    seed = seed_of(trace, quiz_seed)
    with facts_that_fit(trace):
        asked = quiz(trace, seed, questions)
        places = tuple(place(trace, each.evidence) for each in asked)
    if not asked:
        raise nothing_to_ask()
    identity = identity_of(trace, seed)
    return Sheet(title or trace.run.title, str(seed), identity, tuple(asked), places, answers)


def quiz_blocks(made: Sheet) -> Iterator[Block]:
    """The questions; with answers, each with the right one and what is wrong with the others."""
    yield Paragraph(made.title, "strong")
    yield Paragraph(f"{counted(len(made.questions), 'question')}, seed {made.seed}.", "note")
    for number, (question, seen) in enumerate(zip(made.questions, made.places, strict=True), 1):
        yield Question(number, question.text, question.options)
        if made.answers:
            right = question.answer
            yield Labelled("Answer", f"{LETTERS[right]}. {question.remarks[right]}")
            for index, remark in enumerate(question.remarks):
                if index != right:
                    yield Labelled(f"Not {LETTERS[index]}", remark)
            yield Labelled("See", seen)
    yield GAP


def quiz_as_text(made: Sheet) -> str:
    """A quiz as plain text."""
    return write_text_of(quiz_blocks(made))


def quiz_as_json(made: Sheet) -> str:
    """A quiz for programs: with answers, each option says whether it is right, and why."""
    written = {
        "version": VERSION,
        "title": made.title,
        "seed": made.seed,
        "questions": [
            {
                "text": each.text,
                "level": each.level,
                "skill": each.skill,
                "row": each.row,
                "options": [
                    {"letter": letter, "text": text}
                    | (
                        {"right": index == each.answer, "remark": each.remarks[index]}
                        if made.answers
                        else {}
                    )
                    for index, (letter, text) in enumerate(zip(LETTERS, each.options, strict=False))
                ],
                "evidence": each.evidence,
                "place": seen,
            }
            for each, seen in zip(made.questions, made.places, strict=True)
        ],
    }
    return indented(written)


QUIZ_FORMS: Mapping[str, Callable[[Sheet], str | bytes]] = {
    "text": quiz_as_text,
    "json": quiz_as_json,
    "gift": gift,
    "moodle": moodle,
    "qti": qti,
    "anki": anki,
}
"""By the names that ``config.CHOICES`` lists for the command line."""
SUFFIXES = {
    "text": ".txt",
    "json": ".json",
    "gift": ".gift",
    "moodle": ".xml",
    "qti": ".qti.zip",
    "anki": ".apkg",
}
BINARY = frozenset({"qti", "anki"})
"""The formats that are no text."""
