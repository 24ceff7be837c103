"""Arrays and statistics of two runs against each other."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pipetrace.comparison.pairing import names, weights
from pipetrace.comparison.records import TensorDifference, WeightsCheck
from pipetrace.trace.document import Array, Trace
from pipetrace.trace.measurements import InitialWeight
from pipetrace.trace.summary import Summary

STATISTICS = ("mean", "std", "min", "max")
COUNTS = ("nan", "positive_infinity", "negative_infinity", "zeros")
MOST_HASHED = 10_000_000
"""Values of weights that go into a model's fingerprint; see ``capture.saved``."""


def difference(name: str, run: int, ours: Array, theirs: Array) -> TensorDifference | None:
    """Where two arrays of a name differ most; None where they are equal, NaN to NaN."""
    if ours.shape != theirs.shape or not {ours.dtype.kind, theirs.dtype.kind} <= set("biuf"):
        if ours.shape == theirs.shape and np.array_equal(ours, theirs):
            return None
        nan = (math.nan, math.nan)
        return TensorDifference(name, run, None, nan, math.nan, math.nan, ours.size, ours.size)
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other)
    both = (one == other) | (np.isnan(one) & np.isnan(other))
    if both.all():
        return None
    apart = np.where(both, 0.0, np.where(np.isnan(apart), np.inf, apart))
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    values = float(one[place]), float(other[place])
    absolute, relative = distances(*values)
    spot = tuple(int(each) for each in place)
    return TensorDifference(
        name, run, spot, values, absolute, relative, int((~both).sum()), one.size
    )


def distances(one: float, other: float) -> tuple[float, float]:
    """The absolute difference of two values, and the same over the larger one."""
    absolute = abs(one - other)
    if not math.isfinite(absolute):
        return math.inf, math.inf
    return absolute, absolute / max(abs(one), abs(other)) if absolute else 0.0


def statistic(ours: Summary, theirs: Summary) -> tuple[str, float, float] | None:
    """The statistic in which two summaries of as many values differ most, with both values; None
    where they agree."""
    counts = [(name, getattr(ours, name), getattr(theirs, name)) for name in COUNTS]
    if apart := next(((name, a, b) for name, a, b in counts if a != b), None):
        return apart[0], float(apart[1]), float(apart[2])
    pairs = [(name, getattr(ours, name), getattr(theirs, name)) for name in STATISTICS]
    known = [(n, a, b) for n, a, b in pairs if a is not None and b is not None and a != b]
    if known:
        return max(known, key=lambda each: distances(each[1], each[2])[0])
    bins = ours.histogram.bits == theirs.histogram.bits
    return (
        ("histogram", math.nan, math.nan) if bins and ours.histogram != theirs.histogram else None
    )


def initial_weights(traces: Sequence[Trace]) -> WeightsCheck:
    """The weights before training of all runs against those of the first."""
    if len({each.run.model_fingerprint for each in traces}) == 1:
        first = traces[0].run
        size = first.model.parameters.total if first.model else 0
        if first.model_fingerprint:
            count = sum(len(stage.weights) for stage in traces[0].stages)
            return WeightsCheck(True, exact=size <= MOST_HASHED, compared=count)
    if all(0 in each.weights_after for each in traces):
        return _checked(traces, [each.weights_after[0] for each in traces])
    return _by_statistics(traces)


def final_weights(traces: Sequence[Trace]) -> WeightsCheck:
    """The weights after training of all runs against those of the first."""
    if not all(each.weights for each in traces):
        return WeightsCheck(None)
    return _checked(traces, [each.weights for each in traces])


def _checked(traces: Sequence[Trace], values: Sequence[Mapping[str, Array]]) -> WeightsCheck:
    first, found, compared, complete = values[0], list[TensorDifference](), 0, True
    exact = not any(each.dtype == np.float16 for of in values for each in of.values())
    for run, (trace, own) in enumerate(zip(traces[1:], values[1:], strict=True), 1):
        theirs = weights(own, trace, names(traces[0], trace))
        complete &= set(first) == set(theirs) and len(theirs) == len(own)
        for name, ours in first.items():
            if name in theirs:
                compared += 1
                apart = difference(name, run, ours, theirs[name])
                found += [apart] if apart else []
    if not compared:
        return WeightsCheck(None)
    equal = complete and not found
    return WeightsCheck(equal, exact=exact, differences=tuple(found), compared=compared)


def _by_statistics(traces: Sequence[Trace]) -> WeightsCheck:
    """Of a large model, whose weights are not kept: by their statistics."""
    found, compared = list[TensorDifference](), 0
    first = traces[0].measurements
    for run, trace in enumerate(traces[1:], 1):
        named = names(traces[0], trace)
        theirs = {
            name: trace.measurements.of(InitialWeight, name, 0)
            for name in trace.measurements.names(InitialWeight)
        }
        by_name = weights(theirs, trace, named)  # type: ignore[arg-type] # names are all it reads
        for name in first.names(InitialWeight):
            if name not in by_name:
                continue
            compared += 1
            ours = first.of(InitialWeight, name, 0)
            values = [
                (getattr(ours, each) or 0.0, getattr(by_name[name], each) or 0.0)
                for each in STATISTICS
            ]
            one, other = max(values, key=lambda pair: distances(*pair)[0])
            if one != other:
                apart = distances(one, other)
                found.append(TensorDifference(name, run, None, (one, other), *apart, 1, 1))
    if not compared:
        return WeightsCheck(None)
    return WeightsCheck(not found, exact=False, differences=tuple(found), compared=compared)
