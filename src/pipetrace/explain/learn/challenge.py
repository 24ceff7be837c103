"""Challenge: five problems against the clock, made from this model's numbers."""

from collections.abc import Iterator, Sequence

from pipetrace.explain.learn.lesson import Lesson, Problem, problem
from pipetrace.explain.quiz import (
    Question,
    ask,
    choices,
    convolution,
    epochs,
    generators_of,
    measures,
    shapes,
    values,
    windows,
)
from pipetrace.explain.quiz.generator import LEVELS, Generator
from pipetrace.trace.document import Trace

ABOUT = "five problems against the clock"
INTRO = (
    "Five problems from this very model. Each has two attempts; a second attempt counts half. One "
    "clock runs for all of them. When the time is up, you can go on."
)
SETS = 3
"""So many challenges, as far as there are other problems, for a person who begins again."""
KINDS = (
    ("Predict the output", generators_of(values, convolution, windows, shapes)),
    ("Choose the layer", (choices.choose_layer,)),
    (
        "Set a hyperparameter",
        (
            choices.kernel_for_size,
            choices.pool_for_size,
            choices.units_for_parameters,
            choices.batch_for_updates,
        ),
    ),
    ("Read a metric", generators_of(measures, epochs)),
    ("Find the fault", (choices.find_the_fault,)),
)


def challenge(trace: Trace, seed: int | str) -> Lesson:
    """A problem of each kind that applies, the hardest there is; others in place of the rest."""
    made = _set(trace, f"challenge {seed}", ())
    spares: list[Problem] = []
    for again in range(1, SETS):
        more = _set(trace, f"challenge {seed} {again}", (*made, *spares))
        spares += more if len(more) == len(made) else ()
    if not made:
        return Lesson("challenge", ABOUT, "", absent="There is nothing to ask about here.")
    return Lesson("challenge", ABOUT, INTRO, problems=tuple(made), spares=tuple(spares))


def _set(trace: Trace, seed: str, before: Sequence[Problem]) -> list[Problem]:
    """The problems of one challenge, none of which was asked before."""
    made: list[Problem] = []
    asked = {each.text + each.code for each in before}
    more = ("About this run", KINDS[0][1] + KINDS[3][1])
    for kind, generators in (*KINDS, *[more] * len(KINDS)):
        found = (_problem(trace, kind, each) for each in _hardest(trace, seed, generators))
        new = next((each for each in found if each.text + each.code not in asked), None)
        if new is not None and len(made) < len(KINDS):
            made.append(new)
            asked.add(new.text + new.code)
    return made


def _hardest(trace: Trace, seed: str, generators: Sequence[Generator]) -> Iterator[Question]:
    for level in reversed(LEVELS):
        yield from ask(trace, seed, generators, level)


def _problem(trace: Trace, kind: str, question: Question) -> Problem:
    text, _, rest = question.text.partition(choices.CHANGED)
    code, _, asked = rest.rpartition(". ")
    told = f"{text} is changed to the line shown here. {asked}" if code else ""
    return problem(trace, question, kind, told, code)
