"""Challenge: five problems against the clock, made from this model's numbers."""

from collections.abc import Iterable, Iterator

from pipetrace.explain.learn.lesson import Lesson, Problem, place_of
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
MINUTES = 20
INTRO = (
    "Five problems from this very model. Each has two attempts; a second attempt counts half. One "
    "clock runs for all of them. When the time is up, you can go on."
)
FAULT = "Find the fault"
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
    (FAULT, (choices.find_the_fault,)),
)


def challenge(trace: Trace, seed: int | str) -> Lesson:
    """A problem of each kind that applies, the hardest there is; others in place of the rest."""
    made: list[Problem] = []
    for kind, generators in KINDS:
        question = next(_hardest(trace, seed, generators), None)
        if question is not None:
            made.append(_problem(trace, kind, question))
    asked = {each.text for each in made}
    for question in _hardest(trace, seed, KINDS[0][1] + KINDS[3][1]):
        if len(made) >= len(KINDS):
            break
        if question.text not in asked:
            made.append(_problem(trace, "About this run", question))
    if not made:
        return Lesson("challenge", ABOUT, MINUTES, "", absent="There is nothing to ask about here.")
    return Lesson("challenge", ABOUT, MINUTES, INTRO, problems=tuple(made))


def _hardest(trace: Trace, seed: int | str, generators: Iterable[Generator]) -> Iterator[Question]:
    known = tuple(generators)
    for level in reversed(LEVELS):
        yield from ask(trace, f"challenge {seed}", known, level)


def _problem(trace: Trace, kind: str, question: Question) -> Problem:
    text, _, rest = question.text.partition("`")
    code, _, after = rest.partition("`. ")
    return Problem(
        kind=kind,
        level=question.level,
        text=f"{text.strip()}: {after}" if code else question.text,
        code=code,
        options=question.options,
        answer=question.answer,
        remarks=question.remarks,
        place=place_of(trace, question),
    )
