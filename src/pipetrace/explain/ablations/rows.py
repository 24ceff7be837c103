"""The ablations of a run, each compared with the run as it is and with the noise of its seeds."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from pipetrace.explain.ablations.words import Words, words
from pipetrace.explain.cache import once
from pipetrace.explain.facts import validation_rows
from pipetrace.explain.fits import own_losses
from pipetrace.explain.formatting import counted, figure, number, points, share
from pipetrace.explain.judgement import judgement
from pipetrace.explain.metrics import FALLS, SHARES, VALIDATION, base, direction, title, writer
from pipetrace.trace.document import Trace
from pipetrace.trace.records import Record
from pipetrace.trace.training import NONE, Ablation

STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}
"""The 97.5 % quantiles of Student's t distribution, by its degrees of freedom."""
NORMAL = 1.96
"""The same for more of them."""
MOST_NAMED = 2
"""Layers that are named in a sentence; where more are changed, none is."""
NOISE_RULE = (
    "A difference is larger than the noise if the spread of the seeds gives it in fewer than 5 % "
    "of cases, by Student's t, and if it is more than one row."
)


class Side(Record):
    """The runs with a change, or those without any."""

    values: tuple[float, ...]  # the metric that is compared, one for each seed
    metrics: Mapping[str, float]  # the means of all metrics, by name
    parameters: int | None  # of the model; None where unknown
    seconds: float | None  # of the epochs, on average; None where unknown

    @property
    def mean(self) -> float | None:
        """The mean of the values; None without any."""
        return _mean(self.values) if self.values else None


class AblationRow(Record):
    """One change of the run, and what came of it."""

    code: str  # of the change, such as ``no_pooling``
    title: str  # the change in words
    concerns: str  # ``the layers``, ``the rows`` or ``the optimizer``
    layers: tuple[str, ...]  # the names of the layers that were removed or changed
    # by which the runs are compared, such as ``val_accuracy``; empty where there is none
    metric: str
    # before, after: the runs without the change, and with it
    before: Side
    after: Side
    # the largest difference that other seeds explain; None where that is not known
    noise: float | None
    error: str | None  # why it could not be trained to its end; None otherwise
    text: str = ""  # the result in a few sentences

    @property
    def effect(self) -> float | None:
        """The mean with the change minus that without; NaN or Inf where training broke; None where
        one is missing."""
        if self.before.mean is None or self.after.mean is None:
            return None
        return self.after.mean - self.before.mean

    @property
    def is_larger(self) -> bool | None:
        """Whether the effect is larger than the noise; None where that is not known."""
        if self.effect is None or self.noise is None:
            return None
        return not math.isfinite(self.effect) or abs(self.effect) > self.noise

    @property
    def is_worse(self) -> bool | None:
        """Whether the change makes the run worse; None where that is not known."""
        way = direction(self.metric)
        if self.effect is None or way is None or not self.effect:
            return None
        return not math.isfinite(self.effect) or (self.effect > 0) == (way == FALLS)


@once
def ablations(trace: Trace) -> tuple[AblationRow, ...]:
    """The ablations of a run, the largest effects first; none before ``pipetrace ablate`` ran.

    Effects that are larger than the noise come before others, what could not be tried comes last.
    """
    by_code: dict[str, list[Ablation]] = {}
    for each in trace.ablations:
        by_code.setdefault(each.change, []).append(each)
    as_it_is = by_code.pop(NONE, [])
    metric = compared_by(trace)
    before = _side(as_it_is, metric)
    found = [_row(trace, metric, before, changed) for changed in by_code.values()]
    return tuple(sorted(found, key=_order))


def _order(row: AblationRow) -> tuple[bool, bool, float]:
    size = -1.0 if row.effect is None else abs(row.effect)
    return row.effect is None, not row.is_larger, -size if math.isfinite(size) else -math.inf


def _mean(values: Sequence[float]) -> float:
    # NaN and Inf stay what they are, which math.fsum refuses of Inf and -Inf together.
    return sum(values) / len(values)


@once
def compared_by(trace: Trace) -> str:
    """The metric by which ablations are compared: that of the run's judgement, else a loss, else
    another whose better way is known."""
    score, own = judgement(trace).score, own_losses(trace)
    asked = [f"{VALIDATION if score.validation else ''}{score.metric}"] if score else []
    runs = [each for each in trace.ablations if each.change == NONE]
    known = dict.fromkeys(name for each in runs for name in each.metrics)
    if own:  # Keras' own loss, which nobody updates, is none
        known = {name: None for name in known if name not in ("loss", f"{VALIDATION}loss")}
    losses = [f"{part}{name}" for part in (VALIDATION, "") for name in own or ("loss",)]
    others = sorted(filter(direction, known), key=lambda name: not name.startswith(VALIDATION))
    return next((name for name in (*asked, *losses, *others) if name in known), "")


def _side(runs: Sequence[Ablation], metric: str) -> Side:
    names = dict.fromkeys(name for each in runs for name in each.metrics)
    by_name = {
        name: [each.metrics[name] for each in runs if name in each.metrics] for name in names
    }
    seconds = [each.seconds for each in runs if each.seconds is not None]
    return Side(
        values=tuple(by_name.get(metric, ())),
        metrics={name: _mean(values) for name, values in by_name.items()},
        parameters=next((each.parameters for each in runs if each.parameters is not None), None),
        seconds=_mean(seconds) if seconds else None,
    )


def _row(trace: Trace, metric: str, before: Side, changed: Sequence[Ablation]) -> AblationRow:
    said, after = words(changed[0].change), _side(changed, metric)
    is_share = bool(SHARES.search(base(metric)))
    least = 1 / max(1, validation_rows(trace)) if is_share else 0.0
    row = AblationRow(
        code=changed[0].change,
        title=said.title,
        concerns=said.concerns,
        layers=changed[0].layers,
        metric=metric,
        before=before,
        after=after,
        noise=noise(before.values, after.values, least),
        error=next((each.error for each in changed if each.error), None),
    )
    return replace(row, text=" ".join(_sentences(trace, row, said)))


def noise(before: Sequence[float], after: Sequence[float], least: float = 0.0) -> float | None:
    """The largest difference of two means that the spread of seeds explains; see ``NOISE_RULE``.

    It is the half of the 95 % interval of the difference, with one variance for both groups, and
    ``least`` at the least; None where a group is empty or no group has two values.
    """
    groups = [list(filter(math.isfinite, each)) for each in (before, after)]
    freedom = sum(max(0, len(each) - 1) for each in groups)
    if not len(groups[0]) or not after or not freedom:
        return None
    squares = sum(sum((v - _mean(each)) ** 2 for v in each) for each in groups if each)
    factor = STUDENT.get(freedom, NORMAL)
    size = math.sqrt(squares / freedom * (1 / len(before) + 1 / len(after)))
    return max(factor * size, least)


def _sentences(trace: Trace, row: AblationRow, said: Words) -> Iterable[str]:
    where = f" ({', '.join(row.layers)})" if 0 < len(row.layers) <= MOST_NAMED else ""
    if row.effect is None:
        why = (row.error or "it was not trained").rstrip(".")
        yield f"{row.title}{where}: not measured. {why[:1].upper()}{why[1:]}."
        return
    write = writer(trace, row.metric)
    now, then = row.after.mean or 0.0, row.before.mean or 0.0
    name = title(row.metric).replace("val ", "validation ")
    if not math.isfinite(now):
        yield f"{row.title}{where}, training broke: {name} became {figure(now)}."
        return
    mean = " on average" if len(row.after.values) > 1 else ""
    if write(now) == write(then):
        yield f"{row.title}{where}, {name} stays at {write(now)}{mean}."
    else:
        yield f"{row.title}{where}, {name} is {write(now)}{mean} instead of {write(then)}."
    yield _judged(row, said, apart(trace))
    if row.before.parameters != row.after.parameters and row.after.parameters is not None:
        was = f" instead of {number(row.before.parameters)}" if row.before.parameters else ""
        yield f"The model has {counted(row.after.parameters, 'parameter')}{was}."


def spread(trace: Trace) -> str:
    """How far the seeds of the run as it is are apart, and which differences count for that; empty
    where it has one."""
    rows = ablations(trace)
    values = next((each.before.values for each in rows), ())
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return ""
    write, seeds = apart(trace), counted(len(values), "seed")
    text = f"The {seeds} of the run as it is differ by {write(max(values) - min(values))}"
    limits = sorted({each.noise for each in rows if each.noise is not None})
    if not limits:
        return f"{text}."
    low, high = write(limits[0]), write(limits[-1])
    less = "" if low == high else ", for some changes less"
    return (
        f"{text}: with that spread and so few seeds, luck alone explains a difference of up to "
        f"{high}{less} (by Student's t), so only a larger one counts."
    )


def apart(trace: Trace) -> Callable[[float], str]:
    """How a difference of the metric by which ablations are compared is written."""
    return points if writer(trace, compared_by(trace)) is share else figure


def _judged(row: AblationRow, said: Words, write: Callable[[float], str]) -> str:
    if row.is_larger is None or row.noise is None:
        return "The noise of other seeds was not measured."
    luck = f"Other seeds explain up to {write(row.noise)}"
    if not row.is_larger:
        return f"{luck}, so this is within the noise."
    better = f": {said.part} helps" if row.is_worse else ": the run is better with this change"
    known = better if row.is_worse is not None else ""
    return f"{luck}, so this is larger than the noise{known}."
