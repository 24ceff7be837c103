"""A saved model against a run: its outputs for the rows that the run kept, then stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from pipetrace.comparison.records import UNKNOWN, ModelComparison, StageCheck, TensorDifference
from pipetrace.comparison.tensors import difference
from pipetrace.comparison.words import small
from pipetrace.errors import IncompleteTraceError
from pipetrace.explain import task
from pipetrace.explain.formatting import counted, has_rows, listed, number
from pipetrace.stats.outcomes import predicted_labels
from pipetrace.trace.document import Array, Trace

TOLERANCE = 1e-5
"""What float32 loses in another order of additions, as another backend has it."""


class Gives(Protocol):
    """What a saved model gives for the rows; see ``record.replay``."""

    @property
    def outputs(self) -> tuple[Array, ...]:
        """Of the model, for all rows."""

    @property
    def stages(self) -> Mapping[str, Array]:
        """The first output of each stage for the first rows."""

    @property
    def values(self) -> Mapping[str, str]:
        """What gave it."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """By the names that a trace has."""


def rows_of(trace: Trace, name: str) -> tuple[Mapping[str, Array], int]:
    """The inputs of the rows that a run kept, those followed first, and how many these are.

    Raises:
        IncompleteTraceError: it kept none.
    """
    if trace.kept_rows is None or not len(trace.kept_rows.numbers):
        raise IncompleteTraceError(
            "The run kept no rows to pass through a model.",
            where=name,
            hint="Record it again with --after-training all; very large rows are not kept.",
        )
    return trace.kept_rows.inputs, max(1, len(_followed(trace)))


def _followed(trace: Trace) -> list[Mapping[str, Array]]:
    """The outputs of the stages for the first of the kept rows, as far as they were followed."""
    kept = trace.kept_rows
    by_row = {(each.validation, each.row): each.outputs for each in trace.predictions}
    found: list[Mapping[str, Array]] = []
    if kept is not None:
        for place in zip(kept.validation.tolist(), kept.numbers.tolist(), strict=True):
            if place not in by_row:
                break
            found.append(by_row[place])
    return found


def compared_model(
    trace: Trace, run: str, model: str, gives: Gives, tolerance: float = TOLERANCE
) -> ModelComparison:
    """What differs between a saved model and a run that kept rows, by what the model gives for
    these.

    A stage is guilty if its output differs and so do those of all stages that follow from it: an
    exporter may join two layers, after which the stage between them has other values and the next
    one the same.
    """
    kept, followed = trace.kept_rows, _followed(trace)
    assert kept is not None  # noqa: S101 rows_of refuses others
    stages = tuple(_stages(trace, followed, gives, tolerance))
    outputs = tuple(_outputs(trace, gives, tolerance))
    guilty = _guilty(trace, stages)
    first = _at(guilty, followed, gives) if guilty else None
    made = ModelComparison(
        run=run,
        model=model,
        rows=len(kept.numbers),
        followed=len(followed),
        tolerance=tolerance,
        outputs=outputs,
        stages=stages,
        changed=_changed(trace, gives),
        first=first,
        row=int(kept.numbers[first.place[0]]) if first and first.place else None,
        upstream=tuple(_upstream(trace, stages, guilty)) if guilty else (),
        weights=tuple(_weights(trace, gives)),
    )
    return replace(made, headline=" ".join(_headline(made)))


def _check(
    stage: str, value: str, ours: Array, theirs: Array | None, tolerance: float
) -> StageCheck:
    if theirs is None or ours.shape != theirs.shape or ours.dtype.kind not in "biuf":
        return StageCheck(stage)
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    largest = float(np.abs(one[np.isfinite(one)]).max(initial=0.0))
    apart = difference(stage, 1, ours, theirs)
    absolute = apart.absolute if apart else 0.0
    means = float(one.mean()), float(other.mean())
    equal = absolute <= tolerance * max(1.0, largest)
    return StageCheck(stage, value, absolute, largest, means, equal)


def _stages(
    trace: Trace, followed: Sequence[Mapping[str, Array]], gives: Gives, tolerance: float
) -> Iterator[StageCheck]:
    for stage in trace.stages:
        if stage.layer is None:
            continue  # sources and steps come before the model
        theirs = gives.stages.get(stage.name)
        by_row = bool(stage.outputs) and has_rows(stage.outputs[0])
        known = all(stage.name in each for each in followed)
        if not followed or not by_row or not known or theirs is None:
            yield StageCheck(stage.name)
            continue
        ours = np.stack([each[stage.name] for each in followed])
        value = gives.values[stage.name]
        yield _check(stage.name, value, ours, theirs[: len(followed)], tolerance)


def _outputs(trace: Trace, gives: Gives, tolerance: float) -> Iterator[StageCheck]:
    kept, model = trace.kept_rows, trace.run.model
    for at, ours in enumerate(kept.outputs if kept else ()):
        spec = model.outputs[at] if model and at < len(model.outputs) else None
        name = (spec.source if spec else None) or f"output {at + 1}"
        theirs = gives.outputs[at] if at < len(gives.outputs) else None
        yield _check(name, f"output {at + 1}", ours, theirs, tolerance)


def _guilty(trace: Trace, stages: Sequence[StageCheck]) -> StageCheck | None:
    after: dict[str, set[str]] = {stage.name: set() for stage in trace.stages}
    for stage in reversed(trace.stages):
        for each in stage.inputs:
            if each.source in after:
                after[each.source] |= {stage.name, *after[stage.name]}
    equal = {each.stage for each in stages if each.equal}
    differing = (each for each in stages if each.equal is False)
    return next((each for each in differing if not after[each.stage] & equal), None)


def _upstream(trace: Trace, stages: Sequence[StageCheck], guilty: StageCheck) -> Iterator[str]:
    before, by_name = set[str](), trace.stages.by_name
    waiting = [guilty.stage]
    while waiting:
        for each in by_name[waiting.pop()].inputs:
            source = each.source
            if source is not None and source in by_name and source not in before:
                before.add(source)
                waiting.append(source)
    yield from (each.stage for each in stages if each.equal and each.stage in before)


def _at(
    guilty: StageCheck, followed: Sequence[Mapping[str, Array]], gives: Gives
) -> TensorDifference | None:
    ours = np.stack([each[guilty.stage] for each in followed])
    return difference(guilty.stage, 1, ours, gives.stages[guilty.stage][: len(followed)])


def _weights(trace: Trace, gives: Gives) -> Iterator[TensorDifference]:
    for name, ours in trace.weights.items():
        if name in gives.weights and (apart := difference(name, 1, ours, gives.weights[name])):
            yield apart


def _changed(trace: Trace, gives: Gives) -> int | None:
    output, kept = task.only(trace), trace.kept_rows
    if kept is None or output is None or output.form not in (task.CLASSES, task.BINARY):
        return None
    if len(gives.outputs) != 1 or gives.outputs[0].shape != kept.outputs[0].shape:
        return None
    ours, theirs = (predicted_labels(each) for each in (kept.outputs[0], gives.outputs[0]))
    return int((ours != theirs).sum())


def _headline(made: ModelComparison) -> Iterator[str]:
    rows = counted(made.rows, "row")
    most = small(max((each.absolute or 0.0 for each in made.outputs), default=0.0))
    if made.verdict == UNKNOWN:
        yield "The outputs cannot be compared: their number or shape is another one."
        return
    if all(each.equal for each in made.outputs):
        yield f"The model gives the outputs of the run for {rows}."
        yield f"The largest difference is {most}, within the tolerance of {made.tolerance:g}."
    else:
        yield f"The model's outputs for {rows} differ from those of the run by up to {most}."
        if made.changed is not None:
            other = (
                f"another class for {made.changed}" if made.changed else "the same class for all"
            )
            yield f"It predicts {other} of them."
        if made.first is None:
            yield "Which stage is the first is unknown: no stage in between could be compared."
    if made.first is not None:
        yield from _first_words(made, made.first)
    if made.weights:
        named = listed([f"{each.name} by {small(each.absolute)}" for each in made.weights[:3]])
        more = len(made.weights) - 3
        yield f"Weights that differ: {named}{f', and {more} more' if more > 0 else ''}."


def _first_words(made: ModelComparison, first: TensorDifference) -> Iterator[str]:
    yield f"Stage {first.name} is the first that differs."
    if first.place is not None and made.row is not None:
        where = f"At {list(first.place[1:])} of row {number(made.row)}"
        yield f"{where} it gives {first.values[1]:.9g} instead of {first.values[0]:.9g}."
    yield f"A tolerance of {small(first.absolute)} would be needed."
    if made.upstream:
        yield f"Equal upstream: {listed(made.upstream)}."
