"""Comparison with a baseline, an earlier run: the same stages, and metrics within a tolerance."""

import math
from collections.abc import Iterator

from pipetrace.errors import ArgumentError
from pipetrace.explain import metrics
from pipetrace.explain.events import called
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.formatting import counted, dimensions, listed, number, share
from pipetrace.trace.document import Spec, Stage, Trace

TOLERANCE = 0.1
LISTED_DIFFERENCES = 8
"""Further differences are counted."""


class Baseline(Rule):
    """The run differs from a baseline, an earlier trace.

    Names are not compared, since Keras numbers them anew in every process. These are: the order and
    classes of the stages, the shapes and types of their outputs, the parameters of each, and the
    metrics of the last epoch. A metric may differ by the fraction ``tolerance``, which is no
    negative number, of the baseline's value, or of how far the metric moved over the baseline's
    epochs, whichever is more. The second is for small values: a loss of 0.002 instead of 0.001 is
    the same run if it started at 2.3.
    """

    code = "PT002"
    name = "differs-from-baseline"
    category = "expectation"
    level = ERROR
    needs = ()
    what = (
        "The run differs from its `--baseline`: in stages, shapes or parameters, or in metrics by "
        "more than the tolerance."
    )
    why = "You asked for this check to fail when the run differs from the baseline."

    def __init__(self, baseline: Trace, tolerance: float = TOLERANCE) -> None:
        if not tolerance >= 0 or math.isinf(tolerance):
            raise ArgumentError(
                f"The tolerance must be a fraction from 0 on, received {tolerance}.",
                where="--tolerance",
                hint="Give for example 0.1.",
            )
        self.baseline, self.tolerance = baseline, tolerance

    def check(self, trace: Trace) -> Iterator[Finding]:
        """One finding for the stages and one for the metrics, where they differ."""
        stage, differences = self._stages(trace)
        if differences:
            yield self.found(
                f"The stages differ from the baseline: {_first(differences)}",
                _shortened(differences),
                "If the change is intended, record a new baseline; otherwise undo it.",
                stage=stage,
            )
        differences = list(self._metrics(trace))
        if differences:
            yield self.found(
                f"The metrics differ from the baseline by more than {share(self.tolerance)}: "
                f"{_first(differences)}",
                _shortened(differences),
                "Compare the data, the seed and the arguments of compile and fit. If the metrics "
                "vary this much by chance, raise --tolerance.",
                epochs=[trace.epochs[-1].number] if trace.epochs else [],
            )

    def _stages(self, trace: Trace) -> tuple[str | None, list[Evidence]]:
        """The first stage that differs, and all differences up to the first of another class."""
        found: list[Evidence] = []
        where: str | None = None
        pairs = zip(trace.stages, self.baseline.stages, strict=False)
        for index, (now, before) in enumerate(pairs, 1):
            if (now.kind, now.layer) != (before.kind, before.layer):
                text = f"Stage {index} is {called(now)}; in the baseline it is {called(before)}."
                found.append(Evidence(text))
                return where or now.name, found
            for text in _differences(index, now, before):
                found.append(Evidence(text, place=f"stages[{now.name}]"))
                where = where or now.name
        count, earlier = len(trace.stages), len(self.baseline.stages)
        if count != earlier:
            more = trace.stages[earlier:] or self.baseline.stages[count:]
            names = listed([called(stage) for stage in more[:3]])
            text = (
                f"There are {counted(count, 'stage')}, in the baseline {earlier}; from {names} on."
            )
            found.append(Evidence(text, count))
            where = where or (trace.stages[-1].name if trace.stages else None)
        return where, found

    def _metrics(self, trace: Trace) -> Iterator[Evidence]:
        for name in metrics.names(self.baseline):
            before = [each.metrics[name] for each in self.baseline.epochs if name in each.metrics]
            now = [
                (each.number, each.metrics[name]) for each in trace.epochs if name in each.metrics
            ]
            if not now:
                yield Evidence(f"{name} was not measured; in the baseline it is {before[-1]:.4g}.")
                continue
            epoch, value = now[-1]
            finite = [each for each in before if math.isfinite(each)]
            moved = max(finite) - min(finite) if finite else 0.0
            allowed = self.tolerance * max(abs(before[-1]), moved)
            same = value == before[-1] or (math.isnan(value) and math.isnan(before[-1]))
            if not same and not abs(value - before[-1]) <= allowed:
                low, high = before[-1] - allowed, before[-1] + allowed
                yield Evidence(
                    f"{name} is {value:.4g}; in the baseline it is {before[-1]:.4g} "
                    f"(allowed: {low:.4g} to {high:.4g}).",
                    value,
                    f"epochs[{epoch}].metrics[{name}]",
                )


def _differences(index: int, now: Stage, before: Stage) -> Iterator[str]:
    which = f"Stage {index}, {called(now)},"
    if _shapes(now) != _shapes(before):
        yield f"{which} outputs {_shapes(now)}, in the baseline {_shapes(before)}."
    if now.parameters != before.parameters:
        if now.parameters.total == before.parameters.total:
            yield (
                f"{which} has {counted(now.parameters.trainable, 'trainable parameter')}, "
                f"in the baseline {number(before.parameters.trainable)}."
            )
        else:
            yield (
                f"{which} has {counted(now.parameters.total, 'parameter')}, "
                f"in the baseline {number(before.parameters.total)}."
            )


def _shapes(stage: Stage) -> str:
    return listed([_shape(spec) for spec in stage.outputs]) or "nothing"


def _shape(spec: Spec) -> str:
    return f"{dimensions(spec.shape)} of {spec.dtype}"


def _first(differences: list[Evidence]) -> str:
    more = len(differences) - 1
    text = differences[0].text.rstrip(".")
    text = f"{text[0].lower()}{text[1:]}" if text.startswith(("Stage", "There")) else text
    return f"{text}; and {counted(more, 'more difference')}." if more else f"{text}."


def _shortened(differences: list[Evidence]) -> list[Evidence]:
    more = len(differences) - LISTED_DIFFERENCES
    if more <= 0:
        return differences
    rest = Evidence(f"And {counted(more, 'more difference')}.")
    return [*differences[:LISTED_DIFFERENCES], rest]
