"""Several runs compared with the first one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

from pipetrace.comparison.courses import courses
from pipetrace.comparison.divergence import first_difference
from pipetrace.comparison.outcomes import by_class, rows
from pipetrace.comparison.records import (
    DIVERGED,
    SAME,
    SEED,
    SEEDS,
    SETTINGS,
    UNKNOWN,
    UNSEEDED,
    ComparedRun,
    Comparison,
    Course,
    WeightsCheck,
)
from pipetrace.comparison.settings import differences, settings_of
from pipetrace.comparison.tensors import final_weights, initial_weights
from pipetrace.comparison.words import headline
from pipetrace.errors import ArgumentError
from pipetrace.trace import Given, opened
from pipetrace.trace.document import Trace


def compare(first: Given, *others: Given) -> Comparison:
    """What differs between runs, causes first.

    Args:
        first: a trace, or its path.
        others: those that are compared with it; several of one setting tell the noise of seeds.

    Raises:
        ArgumentError: there are no others.
        TraceError: a file is no trace, or cannot be read.
    """
    given = (first, *others)
    if len(given) < 2:
        raise ArgumentError(
            f"A comparison needs two runs or more, received {len(given)}.",
            where="compare",
            hint="Give the paths of at least two traces.",
        )
    traces = [opened(each) for each in given]
    return compared(traces, [_name(*pair) for pair in zip(given, traces, strict=True)])


def compared(traces: Sequence[Trace], names: Sequence[str]) -> Comparison:
    """The same of two traces or more that were read, with the names of their files."""
    found = differences(traces)
    settings = settings_of(found, len(traces))
    of_rows, classes = by_class(traces)
    runs = tuple(
        ComparedRun(
            label(at),
            name,
            trace.run.title,
            trace.ending.kind,
            trace.ending.error,
            len(trace.epochs),
            trace.run.model.parameters.total if trace.run.model else None,
            settings[at],
        )
        for at, (trace, name) in enumerate(zip(traces, names, strict=True))
    )
    before = initial_weights(traces)
    made = Comparison(
        verdict=UNKNOWN,
        runs=runs,
        differences=found,
        unknown=tuple(_unknown(traces, before)),
        initial_weights=before,
        weights=final_weights(traces),
        courses=courses(traces, settings),
        of_rows=of_rows,
        classes=classes,
        rows=rows(traces),
        first=None,
    )
    verdict, first = _verdict(traces, made), None
    if verdict in (DIVERGED, SAME):
        pairs = (first_difference(traces[0], each, at) for at, each in enumerate(traces[1:], 1))
        first = next(filter(None, pairs), None)
    made = replace(made, verdict=DIVERGED if first else verdict, first=first)
    return replace(made, headline=" ".join(headline(made)))


def label(number: int) -> str:
    """A letter for each run: A to Z, then AA and so on."""
    before, last = divmod(number, 26)
    return f"{label(before - 1) if before else ''}{ascii_uppercase[last]}"


def _name(given: Given, trace: Trace) -> str:
    return trace.run.title if isinstance(given, Trace) else Path(given).name


def _verdict(traces: Sequence[Trace], made: Comparison) -> str:
    """What a comparison comes to, before its first difference is looked for."""
    if any(run.setting for run in made.runs):
        return SETTINGS
    results = [each.first is None for each in made.courses if _is_shared(each)]
    results += [len(set(each.correct)) == 1 for each in made.classes]
    results += [] if made.weights.equal is None else [made.weights.equal]
    results += [not made.rows.changed] if made.rows else []
    if not results:
        return UNKNOWN
    ends = len({(run.status, run.epochs) for run in made.runs}) == 1
    if ends and all(results) and made.initial_weights.equal is not False:
        return SAME
    if any(each.kind == SEED for each in made.differences):
        return SEEDS
    no_seed = all(each.run.training.seed is None for each in traces)
    return UNSEEDED if no_seed and made.initial_weights.equal is False else DIVERGED


def _is_shared(course: Course) -> bool:
    """Whether two runs have a value of one epoch."""
    return any(
        sum(of[at] is not None for of in course.values) > 1 for at in range(len(course.epochs))
    )


def _unknown(traces: Sequence[Trace], before: WeightsCheck) -> Iterator[str]:
    """What some run did not record, so that it could not be compared."""
    runs = [each.run for each in traces]
    if not all(each.command for each in runs):
        yield "the command"
    if not all(each.data.fingerprint for each in runs):
        yield "the fingerprint of the rows"
    if not all(each.stages for each in traces):
        yield "the stages"
    if before.equal is None:
        yield "the initial weights"
    if not all(each.weights for each in traces):
        yield "the weights after training"
    if not all(each.kept_rows for each in traces):
        yield "the outputs of single rows"
