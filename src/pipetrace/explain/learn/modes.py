"""The nine ways to learn from a run."""

from collections.abc import Callable

from pipetrace.errors import ArgumentError
from pipetrace.explain.facts import layer_stages, of_shown_row
from pipetrace.explain.formatting import listed
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.layers import operation
from pipetrace.explain.learn.assignment import assignment
from pipetrace.explain.learn.challenge import challenge
from pipetrace.explain.learn.exercises import exercises
from pipetrace.explain.learn.lesson import Lesson
from pipetrace.explain.learn.measures import metrics
from pipetrace.explain.learn.minutes import WORDS_PER_MINUTE, timed
from pipetrace.explain.learn.overview import learn
from pipetrace.explain.learn.review import review
from pipetrace.explain.learn.steps import deep
from pipetrace.explain.learn.why import why
from pipetrace.explain.observations import observations
from pipetrace.trace.document import Trace

VISUALIZE = "visualize"
STAGE, CHARTS = 45, 300
"""Seconds to look into a stage, and at the charts, the results and the questions of a training."""
MOST_STAGES = 12


def _visualize(trace: Trace) -> Lesson:
    said = [operation(each) for each in layer_stages(trace)[:MOST_STAGES]]
    told = [text or "" for each in said for text in (each.does, each.shape, each.parameters)]
    told += [*insight(trace), *(each.text for each in observations(trace)), headline(trace)]
    reading = sum(len(text.split()) for text in told) / WORDS_PER_MINUTE
    looking = STAGE * min(MOST_STAGES, len(trace.stages)) + CHARTS * bool(trace.epochs)
    return Lesson(
        VISUALIZE,
        "the measured pipeline trace, with time to try its controls",
        "The pipeline, training and results of this run, as they were measured.",
        absent="" if trace.stages else "No stage was recorded.",
        minutes=max(1, round(reading + looking / 60)),
    )


MODES: dict[str, Callable[[Trace, int | str], Lesson]] = {
    "learn": lambda trace, _: learn(trace),
    "why": lambda trace, _: why(trace),
    "deep": lambda trace, _: deep(trace),
    VISUALIZE: lambda trace, _: _visualize(trace),
    "try": exercises,
    "challenge": challenge,
    "project": lambda trace, _: assignment(trace),
    "review": review,
    "metrics": lambda trace, _: metrics(trace),
}
"""In the order in which they are offered."""


def lesson(trace: Trace, mode: str, seed: int | str = 0) -> Lesson:
    """A way to learn, by its name in ``MODES``, drawn by a seed; an ``ArgumentError`` for other
    names.
    """
    if mode not in MODES:
        raise ArgumentError(
            f"There is no mode {mode!r}.", where="mode", hint=f"Give {listed(list(MODES), 'or')}."
        )
    return timed(MODES[mode](of_shown_row(trace), seed))


def lessons(trace: Trace, seed: int | str = 0) -> tuple[Lesson, ...]:
    """All ways to learn from a run, in order; what is drawn is drawn by ``seed``."""
    shown = of_shown_row(trace)
    return tuple(timed(make(shown, seed)) for make in MODES.values())
