"""Comparison with a baseline, an earlier run: the same stages, and metrics within a tolerance."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipetrace.comparison import words
from pipetrace.comparison.compare import compared
from pipetrace.comparison.pairing import pairs
from pipetrace.comparison.records import DATA, LAYERS, STEPS, Comparison, Difference, Missing
from pipetrace.errors import ArgumentError
from pipetrace.explain import metrics
from pipetrace.explain.events import called
from pipetrace.explain.findings.engine import CheckOptions
from pipetrace.explain.findings.finding import ERROR, WARNING, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.formatting import counted, dimensions, listed, number, share
from pipetrace.trace import opened
from pipetrace.trace.document import Stage, Trace
from pipetrace.trace.records import same

TOLERANCE = 0.1
LISTED_DIFFERENCES = 8
"""Further differences are counted."""
OURS, THEIRS = "this run", "the baseline"


class Baseline(Rule):
    """The run differs from a baseline, an earlier trace.

    Both are compared as ``pipetrace compare`` does, so names that Keras numbers anew in every
    process do not count. The stages have to be the same: their order, classes, configuration,
    shapes and parameters. A metric may differ by the fraction ``tolerance``, which is no negative
    number, of the baseline's value, or of how far the metric moved over the baseline's epochs,
    whichever is more. The second is for small values: a loss of 0.002 instead of 0.001 is the same
    run if it started at 2.3. Every setting that differs is told as a possible cause.
    """

    code = "PT002"
    name = "differs-from-baseline"
    category = "expectation"
    level = ERROR
    needs = ()
    what = (
        "The run differs from its `--baseline`: in its stages, or in metrics by more than the "
        "tolerance. Settings that differ are named first."
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
        """One finding where stages or metrics differ: causes first."""
        made = compared([trace, self.baseline], [OURS, THEIRS])
        runs = zip(made.runs, (OURS, THEIRS), strict=True)
        made = replace(made, runs=tuple(replace(run, label=label) for run, label in runs))
        causes = [each for each in words.causes(made) if each.decides]
        failing = [each for each in causes if _is_of_stages(each)]
        stages = [_told(each, trace) for each in failing] or list(_shapes(trace, self.baseline))
        differing = list(self._metrics(trace))
        if not stages and not differing:
            return
        settings = [_told(each, trace) for each in causes if each not in failing]
        told = [*stages, *settings] if failing else [*settings, *stages]
        told = told or [Evidence(_sentence(text)) for text in words.headline(made)]
        yield self.found(
            self._text(made, stages, differing),
            [*_shortened(told), *_shortened(differing)],
            _advice(causes),
            stage=next(
                (each.stage for each in failing if each.stage in trace.stages.by_name), None
            ),
            epochs=[trace.epochs[-1].number] if trace.epochs and differing else [],
        )

    def _text(self, made: Comparison, stages: list[Evidence], differing: list[Evidence]) -> str:
        said = []
        if settings := words.settings_text(made):
            said.append(f"The run differs from its baseline in {settings}.")
        elif stages:
            said.append(f"The stages differ from those of the baseline: {_first(stages)}")
        if differing:
            much = share(self.tolerance)
            said.append(f"The metrics differ by more than {much}: {_first(differing)}")
        return " ".join(said)

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
            if not same(value, before[-1]) and not abs(value - before[-1]) <= allowed:
                low, high = before[-1] - allowed, before[-1] + allowed
                yield Evidence(
                    f"{name} is {value:.4g}; in the baseline it is {before[-1]:.4g} "
                    f"(allowed: {low:.4g} to {high:.4g}).",
                    value,
                    f"epochs[{epoch}].metrics[{name}]",
                )


def check_options(given: Mapping[str, Any]) -> CheckOptions:
    """The options of a check by the names of the command's; ``baseline`` is a trace or its path.

    The ``format`` of a report, which pyproject.toml sets too, is none of them.
    """
    known = {name: value for name, value in given.items() if value is not None and name != "format"}
    baseline, tolerance = known.pop("baseline", None), known.pop("tolerance", TOLERANCE)
    conditions = () if baseline is None else (Baseline(opened(baseline), tolerance),)
    return CheckOptions(**{"level": WARNING, **known}, conditions=conditions)


def _is_of_stages(each: Difference) -> bool:
    """Whether a difference is one of the stages. What only one version of Keras has in a
    configuration is none."""
    of_stage = each.kind in (LAYERS, STEPS) or (each.kind == DATA and each.stage is not None)
    known = not any(isinstance(value, Missing) for value in each.values)
    return of_stage and (known or each.name == "stage")


def _told(each: Difference, trace: Trace) -> Evidence:
    now, before = (words.cell_text(each, value, "absent") for value in each.values)
    place = f"stages[{each.stage}]" if each.stage in trace.stages.by_name else ""
    return Evidence(
        f"{words.name_text(each)} is {now}; in the baseline it is {before}.", place=place
    )


def _shapes(trace: Trace, baseline: Trace) -> Iterator[Evidence]:
    """Stages whose configurations are the same, and not what they give or hold."""
    if not trace.stages or not baseline.stages:
        if trace.stages or baseline.stages:
            which = THEIRS if trace.stages else OURS
            yield Evidence(f"The stages of {which} are not recorded.")
        return
    for now, before in pairs(trace.stages, baseline.stages):
        for each in _differences(now, before) if now and before else ():
            yield Evidence(each, place=f"stages[{now.name}]" if now else "")


def _differences(now: Stage, before: Stage) -> Iterator[str]:
    shapes = [
        listed([f"{dimensions(spec.shape)} of {spec.dtype}" for spec in each.outputs]) or "nothing"
        for each in (now, before)
    ]
    if shapes[0] != shapes[1]:
        yield f"{called(now)} outputs {shapes[0]}, in the baseline {shapes[1]}."
    held = now.parameters, before.parameters
    if held[0] != held[1]:
        kind = "" if held[0].total != held[1].total else "trainable "
        counts = [each.trainable if kind else each.total for each in held]
        noun = f"{kind}parameter"
        yield f"{called(now)} has {counted(counts[0], noun)}, in the baseline {number(counts[1])}."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _advice(causes: list[Difference]) -> str:
    if causes:
        return "If the change is intended, record a new baseline; otherwise undo it."
    return (
        "Nothing that was set differs. Set the same seed in both runs; if the metrics vary this "
        "much by chance, raise --tolerance."
    )


def _first(differences: list[Evidence]) -> str:
    more = len(differences) - 1
    text = differences[0].text.rstrip(".")
    return f"{text}; and {counted(more, 'more difference')}." if more else f"{text}."


def _shortened(differences: list[Evidence]) -> list[Evidence]:
    more = len(differences) - LISTED_DIFFERENCES
    if more <= 0:
        return differences
    rest = Evidence(f"And {counted(more, 'more difference')}.")
    return [*differences[:LISTED_DIFFERENCES], rest]
