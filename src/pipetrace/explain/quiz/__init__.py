"""Questions about a run, from its own figures; wrong answers are mistakes people make."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from pipetrace.explain.facts import of_shown_row
from pipetrace.explain.quiz import (
    choices,
    convolution,
    epochs,
    measures,
    parameters,
    prediction,
    shapes,
    totals,
    training,
    values,
    windows,
)
from pipetrace.explain.quiz.generator import OPTIONS, Draft, Generator
from pipetrace.trace import Given, opened
from pipetrace.trace.document import Trace
from pipetrace.trace.records import ShownTable


def generators_of(*modules: ModuleType) -> tuple[Generator, ...]:
    """The kinds that modules of this package define."""
    known = (each for module in modules for each in vars(module).values())
    return tuple(each for each in known if isinstance(each, Generator))


WINDOWS = (generators_of(windows), generators_of(convolution))
COURSE = (generators_of(training, epochs),)
REST = (
    generators_of(prediction, measures),
    generators_of(parameters, totals),
    generators_of(values),
    generators_of(shapes),
    generators_of(choices),
)
"""The generators by what they ask about. A quiz takes one from each part in turn: what a window
sees or computes, what training did, and the rest."""
GENERATORS = tuple(each for part in (*WINDOWS, *COURSE, *REST) for each in part)
LENGTH = 3
TRIES = 3
"""How often each generator is asked in turn for a question that was not asked yet."""


@dataclass(frozen=True)
class Question:
    """A question with four options.

    Attributes:
        text: the question.
        options: four answers, all different.
        answer: the index of the right one.
        explanation: why it is right, with the figures.
        remarks: for each option what to tell a person who chose it; for the right one the
            explanation.
        evidence: the part of the trace that shows it: ``stage/conv2d``, ``epoch/1``, ``training``,
            ``results`` or ``prediction/dense``.
        level: ``easy``, ``medium`` or ``hard``.
        skill: what it takes, such as ``shapes`` or ``parameters``.
        row: the number in the data of the row that it is about, if it is about one.
    """

    text: str
    options: tuple[str, ...]
    answer: int
    explanation: str
    remarks: tuple[str, ...]
    evidence: str
    level: str = ""
    skill: str = ""
    row: int | None = None


class Quiz(ShownTable, tuple[Question, ...]):
    """The questions of a quiz, which a notebook shows as a table."""

    __slots__ = ()


def quiz(trace: Given, seed: int | str = 0, questions: int = LENGTH) -> Quiz:
    """Questions on this run, from its different parts in turn.

    Args:
        trace: the run, or the path of its trace.
        seed: for the choice of questions, their numbers and the order of options, such as the name
            of a student; the same seed gives the same quiz.
        questions: how many.

    Returns:
        fewer questions where there is not as much to ask about.
    """
    trace = of_shown_row(opened(trace))
    source = f"{seed} {trace.run.model_fingerprint} {trace.run.data.fingerprint}"
    made: dict[str, Question] = {}
    for generator, draft in _drafts(trace, source):
        if len(made) >= questions:
            break
        if draft.text not in made:
            made[draft.text] = _question(generator, draft, _chance(source, draft.text))
    return Quiz(made.values())


def ask(
    trace: Trace, seed: int | str, generators: Iterable[Generator], level: str = ""
) -> Iterator[Question]:
    """Questions of some kinds, and of one level or any, in an order by the seed, each once."""
    source = f"{seed} {trace.run.model_fingerprint} {trace.run.data.fingerprint}"
    kinds = [each for each in generators if level in ("", each.level)]
    kinds = _chance(source, level).sample(kinds, len(kinds))
    for generator, draft in _drafted(trace, source, kinds):
        yield _question(generator, draft, _chance(source, draft.text))


def _drafts(trace: Trace, source: str) -> Iterator[tuple[Generator, Draft]]:
    """Questions that can be asked, from the parts in turn; a kind comes again, about something
    else, when all others were asked."""
    for again in range(TRIES):
        chance = _chance(source, again)
        left = [
            _drafted(trace, f"{source} {again}", chance.sample(part, len(part)))
            for parts in (WINDOWS, COURSE, REST)
            for part in chance.sample(parts, len(parts))
        ]
        while left:
            for part in tuple(left):
                found = next(part, None)
                if found is None:
                    left.remove(part)
                else:
                    yield found


def _drafted(
    trace: Trace, source: str, part: Iterable[Generator]
) -> Iterator[tuple[Generator, Draft]]:
    for generator in part:
        draft = generator.draft(trace, _chance(source, generator.name))
        if draft is not None and len(draft.wrong) >= OPTIONS - 1:
            yield generator, draft


def _chance(*parts: object) -> random.Random:
    """Whether one question applies, as of what was measured in seconds, changes no other one."""
    return random.Random(" ".join(map(str, parts)))  # noqa: S311 no secret


def _question(generator: Generator, draft: Draft, chance: random.Random) -> Question:
    options = [(draft.right, draft.explanation), *chance.sample(draft.wrong, OPTIONS - 1)]
    chance.shuffle(options)
    return Question(
        text=draft.text,
        options=tuple(text for text, _ in options),
        answer=[text for text, _ in options].index(draft.right),
        explanation=draft.explanation,
        remarks=tuple(remark for _, remark in options),
        evidence=draft.evidence,
        level=generator.level,
        skill=generator.skill,
        row=draft.about.get("row"),
    )
