"""Whether a run is like an earlier one: the same stages, and metrics near the earlier ones."""

import math
from collections.abc import Iterator

from pipetrace.errors import ArgumentError
from pipetrace.explain import metrics
from pipetrace.explain.events import called
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import counted, dimensions, listed, number, share
from pipetrace.trace.document import Spec, Stage, Trace

TOLERANCE = 0.1
MOST = 8
"""Of more differences the first ones are told, and how many follow."""


class Likeness(Rule):
    """The run is not like an earlier one that was good.

    Names are not compared, since Keras numbers them anew in every process: the order and classes of the stages, the
    shapes and types of what they give, the parameters of each, and the metrics of the last epoch are.

    Args:
        good: the earlier recording.
        tolerance: a metric may differ by this share of its earlier value, or of how far it moved over the epochs of the
            earlier run, whichever is more. The second is for what fell to nearly nothing: a loss of 0.002 after one of
            0.001 that began at 2.3 is no other run.
        called: what the earlier one is called, such as its file.

    Raises:
        ArgumentError: the tolerance is negative or no number.
    """

    code = "PT002"
    name = "unlike-before"
    category = "expectation"
    level = ERROR
    what = "The run differs from the one that `--like` names: stages, shapes, parameters, or metrics beyond the tolerance."
    why = "Whoever gave the earlier run takes it for what this one should be."

    def __init__(
        self, good: Trace, tolerance: float = TOLERANCE, called: str = "the earlier run"
    ) -> None:
        if not tolerance >= 0 or math.isinf(tolerance):
            raise ArgumentError(
                f"A tolerance of {tolerance} was given.",
                where="--tolerance",
                hint="Give a share from 0 on, such as 0.1.",
            )
        self.good, self.tolerance, self.called = good, tolerance, called

    def check(self, trace: Trace) -> Iterator[Finding]:
        """One finding for the stages and one for the metrics, where they differ."""
        stage, told = self._stages(trace)
        if told:
            text = f"The stages differ from those of {self.called}: {_first(told)}"
            advice = "Where the change is meant, record the earlier run anew; otherwise undo it."
            yield self.found(text, _kept(told), advice, stage=stage)
        figures = list(self._metrics(trace))
        if figures:
            text = (
                f"The metrics differ from those of {self.called} by more than "
                f"{share(self.tolerance)}: {_first(figures)}"
            )
            advice = (
                "Where the stages are the same, compare the data, the seed and what compile and fit received; where chance "
                "alone moves a metric as far, give a larger --tolerance."
            )
            epochs = [trace.epochs[-1].number] if trace.epochs else []
            yield self.found(text, _kept(figures), advice, epochs=epochs)

    def _stages(self, trace: Trace) -> tuple[str | None, list[Evidence]]:
        """The first stage that differs, and all differences up to where the stages are no more the same."""
        told: list[Evidence] = []
        where: str | None = None
        for index, (now, before) in enumerate(zip(trace.stages, self.good.stages, strict=False), 1):
            if _kind(now) != _kind(before):
                told.append(
                    Evidence(f"Stage {index} is {called(now)}, before it was {called(before)}.")
                )
                return where or now.name, told
            for text in _differences(index, now, before):
                told.append(Evidence(text, place=f"stages[{now.name}]"))
                where = where or now.name
        count, earlier = len(trace.stages), len(self.good.stages)
        if count != earlier:
            more = trace.stages[earlier:] or self.good.stages[count:]
            names = listed([called(stage) for stage in more[:3]])
            told.append(
                Evidence(
                    f"There are {counted(count, 'stage')}, before there were {earlier}; from {names} on.",
                    count,
                )
            )
            where = where or (trace.stages[-1].name if trace.stages else None)
        return where, told

    def _metrics(self, trace: Trace) -> Iterator[Evidence]:
        for name in metrics.names(self.good):
            before = [epoch.metrics[name] for epoch in self.good.epochs if name in epoch.metrics]
            now = [
                (epoch.number, epoch.metrics[name])
                for epoch in trace.epochs
                if name in epoch.metrics
            ]
            if not now:
                yield Evidence(f"{name} was not measured, before it was {before[-1]:.4g}.")
                continue
            epoch, value = now[-1]
            finite = [each for each in before if math.isfinite(each)]
            moved = max(finite) - min(finite) if finite else 0.0
            room = self.tolerance * max(abs(before[-1]), moved)
            same = value == before[-1] or (math.isnan(value) and math.isnan(before[-1]))
            if not same and not abs(value - before[-1]) <= room:
                low, high = before[-1] - room, before[-1] + room
                text = f"{name} is {value:.4g}, before it was {before[-1]:.4g}; {low:.4g} to {high:.4g} would be like it."
                yield Evidence(text, value, f"epochs[{epoch}].metrics[{name}]")


def _kind(stage: Stage) -> tuple[str, str | None]:
    return stage.kind, stage.layer


def _differences(index: int, now: Stage, before: Stage) -> Iterator[str]:
    which = f"Stage {index}, {called(now)},"
    if [_form(spec) for spec in now.outputs] != [_form(spec) for spec in before.outputs]:
        yield f"{which} gives {_forms(now)}, before {_forms(before)}."
    if now.parameters != before.parameters:
        if now.parameters.total == before.parameters.total:
            yield (
                f"{which} trains {number(now.parameters.trainable)} of its parameters, before "
                f"{number(before.parameters.trainable)}."
            )
        else:
            yield f"{which} has {counted(now.parameters.total, 'parameter')}, before {number(before.parameters.total)}."


def _form(spec: Spec) -> tuple[tuple[int | None, ...], str]:
    return spec.shape, spec.dtype


def _forms(stage: Stage) -> str:
    return (
        listed([f"{dimensions(spec.shape)} of {spec.dtype}" for spec in stage.outputs]) or "nothing"
    )


def _first(told: list[Evidence]) -> str:
    more = len(told) - 1
    text = told[0].text.rstrip(".")
    text = f"{text[0].lower()}{text[1:]}" if text.startswith(("Stage", "There")) else text
    return f"{text}; and {counted(more, 'more difference')}." if more else f"{text}."


def _kept(told: list[Evidence]) -> list[Evidence]:
    more = len(told) - MOST
    return (
        [*told[:MOST], Evidence(f"{counted(more, 'more difference')} followed.")]
        if more > 0
        else told
    )
