"""The metrics of several runs epoch by epoch, with the noise of seeds."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from pipetrace.comparison.records import Course, Effect
from pipetrace.explain.ablations.rows import noise
from pipetrace.explain.facts import validation_rows
from pipetrace.explain.metrics import SHARES, base
from pipetrace.explain.metrics import names as metric_names
from pipetrace.trace.document import Trace
from pipetrace.trace.records import same

LEARNING_RATE = "learning_rate"


def courses(traces: Sequence[Trace], settings: Sequence[int]) -> tuple[Course, ...]:
    """Each metric of the runs, ``loss`` first, then the learning rate where it is known."""
    ordered = dict.fromkeys(name for trace in traces for name in metric_names(trace))
    by_epoch = [{each.number: dict(each.metrics) for each in trace.epochs} for trace in traces]
    for trace, known in zip(traces, by_epoch, strict=True):
        for epoch in trace.epochs:
            if epoch.learning_rate is not None:
                known[epoch.number].setdefault(LEARNING_RATE, epoch.learning_rate)
                ordered.setdefault(LEARNING_RATE)
    least = 1 / max(1, min(map(validation_rows, traces)))
    numbers = tuple(sorted({number for each in by_epoch for number in each}))
    return tuple(_course(name, numbers, by_epoch, settings, least) for name in ordered)


def _course(
    name: str,
    numbers: tuple[int, ...],
    by_epoch: Sequence[Mapping[int, Mapping[str, float]]],
    settings: Sequence[int],
    least: float,
) -> Course:
    values = tuple(tuple(run.get(number, {}).get(name) for number in numbers) for run in by_epoch)
    smallest = least if SHARES.search(base(name)) else 0.0
    effects = [
        effect
        for at, number in enumerate(numbers if name != LEARNING_RATE else ())  # set, not measured
        for other in range(1, max(settings) + 1)
        if (effect := _effect(number, other, [of[at] for of in values], settings, smallest))
    ]
    first = next((number for at, number in enumerate(numbers) if _differ(values, at)), None)
    return Course(name, numbers, values, first, tuple(effects))


def _differ(values: Sequence[Sequence[float | None]], at: int) -> bool:
    known = [of[at] for of in values if of[at] is not None]
    return not all(same(each, known[0]) for each in known[1:])


def _effect(
    epoch: int,
    other: int,
    values: Sequence[float | None],
    settings: Sequence[int],
    least: float,
) -> Effect | None:
    before, after = (
        [v for v, each in zip(values, settings, strict=True) if each == of and v is not None]
        for of in (0, other)
    )
    if not before or not after:
        return None
    # Means of NaN and Inf are NaN and Inf, which fmean gives as well.
    return Effect(other, epoch, fmean(before), fmean(after), noise(before, after, least))
