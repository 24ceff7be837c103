"""The stages before a model, as far as they are known when its recording begins."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from pipetrace.capture import nests
from pipetrace.pipeline.forms import is_dataset, is_flat
from pipetrace.pipeline.passage import Passage, run_steps
from pipetrace.pipeline.results import Batches, joined
from pipetrace.pipeline.results import Rows as StepRows
from pipetrace.pipeline.stage_facts import stages_of
from pipetrace.stats import summarise
from pipetrace.trace.document import Array, Spec, Stage, Summary

MOST_SUMMARISED = 200_000_000
"""Values of a step's result beyond which it is not summarised."""


@dataclass(frozen=True, eq=False)
class Before:
    """What rows passed before the model.

    Attributes:
        stages: the source and the steps.
        sources: for each array of the model the stage that gave it, and which of its outputs.
        summaries: of the stages' outputs over all rows.
        row: the number in the source of the first row that the model gets, or None.
        way: gives what a row was at each stage, without the axis of rows, as far as known.
    """

    stages: tuple[Stage, ...]
    sources: tuple[tuple[str, int], ...]
    summaries: Mapping[str, Summary]
    row: int | None
    way: Callable[[int], Mapping[str, Array]]


def before(passage: Passage) -> Before:
    """The stages before the model, with what they were."""
    stages: tuple[Stage, ...] = stages_of(passage, Stage, Spec)
    last = stages[-1]
    places = list(range(len(last.outputs) or 1))
    in_order = nests.flatten(_numbered(passage.train.x, count()))
    sources = [
        (last.name, place) for place in (in_order if len(in_order) == len(places) else places)
    ]
    summaries: dict[str, Summary] = {}
    # The stages of a dataset have no rows that could be seen without taking them.
    whole = [passage.source, *(_result(step) for step in passage.steps)]
    if len(whole) == len(stages):
        for stage, rows in zip(stages, whole, strict=True):
            values = _single(rows.x)
            if (
                values is not None
                and values.dtype.kind in "biuf"
                and 0 < values.size <= MOST_SUMMARISED
            ):
                summaries[stage.name] = summarise(values)

    def way(row: int) -> dict[str, Array]:
        found = {}
        for stage, values in zip(stages, passage.way(row), strict=False):
            one = _single(values) if values is not None and len(whole) == len(stages) else None
            if one is not None:
                found[stage.name] = one
        return found

    return Before(stages, tuple(sources), summaries, _origin(passage), way)


def _origin(passage: Passage) -> int | None:
    """Which row of the source the first row of what is trained on was."""
    at = 0
    for step in reversed(passage.steps):
        origin = step.measured.origin
        if origin is None or at >= len(origin):
            return None
        at = int(origin[at])
    return at


def _numbered(x: Any, numbers: Iterator[int]) -> Any:
    """The structure with a number for each array, in the order of a stage's outputs.

    Keras takes the arrays of a dictionary in the order of the keys, which need not be that one.
    """
    if isinstance(x, Mapping):
        return {key: _numbered(each, numbers) for key, each in x.items()}
    if isinstance(x, (list, tuple)) and not is_flat(x):
        return [_numbered(each, numbers) for each in x]
    return next(numbers)


def _result(step: Any) -> StepRows:
    """What a step gave, its batches put together."""
    together = joined(step.result.batches) if isinstance(step.result, Batches) else None
    return together or step.goes_on


def _single(values: Any) -> Array | None:
    """A value as one array, or None where it is several or none."""
    found = (
        nests.plain_arrays(values)
        if hasattr(values, "shape") or hasattr(values, "to_numpy")
        else None
    )
    if found is None and isinstance(values, (int, float, str, np.generic)):
        found = np.asarray(values)
    return found if isinstance(found, np.ndarray) else None


def before_dataset(source: Any, taken: Collection[str]) -> Before | None:
    """The stages of a ``tf.data.Dataset``, as far as they can be read; None of anything else.

    Args:
        source: what ``fit`` gets.
        taken: names that layers have.
    """
    if not is_dataset(source):
        return None
    found = before(run_steps(source))
    names = {
        stage.name: stage.name if stage.name not in taken else f"{stage.name} (step)"
        for stage in found.stages
    }
    stages = tuple(
        replace(
            stage,
            name=names[stage.name],
            path=names[stage.name],
            inputs=tuple(
                replace(spec, source=names.get(spec.source or "")) for spec in stage.inputs
            ),
        )
        for stage in found.stages
    )
    return replace(
        found, stages=stages, sources=tuple((names[name], output) for name, output in found.sources)
    )
