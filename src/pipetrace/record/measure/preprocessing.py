"""The stages before a model, as far as they are known when its recording begins."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from pipetrace.capture import structures
from pipetrace.capture.data.datasets import dataset_stages, element_specs
from pipetrace.pipeline.kinds import is_dataset, is_flat
from pipetrace.pipeline.run import Passage, stages_of
from pipetrace.stats import summarise
from pipetrace.trace.document import Array, Stage
from pipetrace.trace.summary import Summary

MOST_SUMMARISED = 200_000_000
"""Values of a step's result beyond which it is not summarised."""


@dataclass(frozen=True, eq=False)
class Before:
    """What rows passed before the model."""

    stages: tuple[Stage, ...]  # the source and the steps
    # for each array that the model gets, the stage that gave it, and which of its outputs it is
    sources: tuple[tuple[str, int], ...]
    summaries: Mapping[str, Summary]  # of the stages' outputs over all rows
    # the number in the source of the first row that the model gets; None if not known
    row: int | None
    # for a row that the model gets, what it was at each stage, without the axis of rows, as far as
    # that is known
    way: Callable[[int], Mapping[str, Array]]


def before(passage: Passage) -> Before:
    """The stages before the model, with what they were."""
    source, names = passage.source.x, [ran.step.name for ran in passage.steps]
    first = dataset_stages(source, taken=names) if is_dataset(source) else ()
    outputs = {
        ran.step.name: element_specs(ran.value) for ran in passage.steps if is_dataset(ran.value)
    }
    stages = stages_of(passage, first=first, outputs=outputs)
    last = stages[-1]
    places = list(range(len(last.outputs) or 1))
    in_order = structures.flatten(_numbered(passage.train.x, count()))
    sources = [
        (last.name, place) for place in (in_order if len(in_order) == len(places) else places)
    ]
    summaries: dict[str, Summary] = {}
    # None of a dataset's stages has rows that could be looked at without taking them.
    known = stages[len(first) :] if first else stages
    whole = [*(() if first else (passage.source,)), *(ran.rows for ran in passage.steps)]
    for stage, rows in zip(known, whole, strict=True):
        values = _single(rows.x)
        if values is None or values.dtype.kind not in "biuf":
            continue
        if 0 < values.size <= MOST_SUMMARISED:
            summaries[stage.name] = summarise(values)

    def way(row: int) -> dict[str, Array]:
        found = {}
        values = passage.history(row)[1 if first else 0 :]
        for stage, value in zip(known, values, strict=True):
            one = _single(value) if value is not None else None
            if one is not None:
                found[stage.name] = one
        return found

    return Before(stages, tuple(sources), summaries, passage.origin(), way)


def _numbered(x: Any, numbers: Iterator[int]) -> Any:
    """The structure with a number in place of each array, in the order of a stage's outputs.

    Keras takes the arrays of a dictionary in the order of the keys, which need not be that one.
    """
    if isinstance(x, Mapping):
        return {key: _numbered(each, numbers) for key, each in x.items()}
    if isinstance(x, (list, tuple)) and not is_flat(x):
        return [_numbered(each, numbers) for each in x]
    return next(numbers)


def _single(values: Any) -> Array | None:
    """A value as one array, or None where it is several or none."""
    found = (
        structures.plain_arrays(values)
        if hasattr(values, "shape") or hasattr(values, "to_numpy")
        else None
    )
    if found is None and isinstance(values, (int, float, str, np.generic)):
        found = np.asarray(values)
    return found if isinstance(found, np.ndarray) else None


def before_dataset(source: Any, taken: Collection[str]) -> Before | None:
    """The stages of a ``tf.data.Dataset`` that a ``fit`` gets; None of anything else."""
    if not is_dataset(source):
        return None
    stages = dataset_stages(source, taken=taken)
    last = stages[-1]
    sources = tuple((last.name, place) for place in range(len(last.outputs) or 1))
    return Before(stages, sources, {}, None, lambda _: {})
