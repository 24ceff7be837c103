"""Passing rows through a model: every stage's output, and how much of it is measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipetrace.capture import facts, structures
from pipetrace.capture.forward import Forward, Passed
from pipetrace.capture.tensors import Origin
from pipetrace.capture.weights import Weights
from pipetrace.record.measure.rows import Rows
from pipetrace.stats import COARSE, COARSER, can_summarise, summarise
from pipetrace.trace.document import SOURCE, Array, Spec, Stage
from pipetrace.trace.summary import Summary

VALUES_TOGETHER = 32_000_000
"""Values of all stages that are held at a time: 128 MB of float32."""
PROBE_ROWS = 256
"""Rows that pass after every epoch. With 256 rows a share of one half is known to six percentage
points (two standard errors)."""
CANDIDATE_VALUES = 200_000_000
"""Values of all stages among whose rows the predictions to show are chosen."""
ALL_CHANNELS, MOST_CHANNELS = 2048, 1024
"""Channels of all stages, and of one, that get own summaries; each takes 16 kB meanwhile."""
CHANNELS_EACH_EPOCH = 256
"""The same for the summaries after every epoch, which add up in the file."""
ROW_VALUES, STAGE_VALUES = 500_000, 250_000
"""Values that are stored for one row over all stages, and of one stage."""
MANY_STAGES = 40
"""From so many stages on the summaries after every epoch have wider bins, a fifth of the size."""


@dataclass(frozen=True)
class Extent:
    """What is measured of a model."""

    together: int  # rows that pass the model at a time
    probe: int  # rows that pass after every epoch
    candidates: int  # rows among which the predictions to show are chosen, at the most
    by_channel: frozenset[str]  # names of the stages whose channels are summarised each by itself
    by_channel_each_epoch: frozenset[str]  # those whose channels are summarised after every epoch
    values: int  # of all stages for one row
    kept: frozenset[str]  # names of the stages whose output is stored for single rows
    bits: int  # of the histograms after every epoch


def extent(
    stages: Sequence[Stage], sizes: Mapping[str, int], channels: Mapping[str, int]
) -> Extent:
    """What to measure, by how many values each stage gives for a row, and its channels."""
    whole = max(1, sum(sizes.values()))
    room = min(max(1, VALUES_TOGETHER // whole), PROBE_ROWS)
    return Extent(
        together=room,
        probe=room,
        candidates=max(1, CANDIDATE_VALUES // whole),
        by_channel=_as_fits(stages, channels, ALL_CHANNELS, MOST_CHANNELS),
        by_channel_each_epoch=_as_fits(stages, channels, CHANNELS_EACH_EPOCH, CHANNELS_EACH_EPOCH),
        values=whole,
        kept=_as_fits(stages, sizes, ROW_VALUES, STAGE_VALUES),
        bits=COARSE if len(stages) < MANY_STAGES else COARSER,
    )


def _as_fits(
    stages: Sequence[Stage], sizes: Mapping[str, int], room: int, largest: int
) -> frozenset[str]:
    """The stages that fit: the rows themselves first, then the small stages."""
    found = set()
    order = sorted(stages, key=lambda each: (each.kind != SOURCE, sizes.get(each.name, math.inf)))
    for stage in order:
        size = sizes.get(stage.name)
        if size is None or size > largest or size > room:
            continue
        room -= size
        found.add(stage.name)
    return frozenset(found)


def sources(names: Sequence[str], x: Any, config: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages that the rows come from, one for each array."""
    found = []
    for name, values in zip(names, structures.flatten(x), strict=True):
        dtype = "string" if values.dtype.kind in "OSU" else str(values.dtype)
        spec = Spec((None, *values.shape[1:]), dtype)
        found.append(Stage(name, SOURCE, None, name, dict(config), (spec,), (spec,)))
    return tuple(found)


def source_names(model: Any, x: Any) -> list[str]:
    """Names for the sources: keys of a dictionary, names of the model's inputs, or numbers."""
    keys = structures.leaf_names(x)
    inputs = facts.input_names(model)
    taken_names = set(facts.layer_names(model)) - set(inputs)
    names = []
    for place, found in enumerate(keys):
        given = inputs[place] if len(inputs) == len(keys) else ""
        automatic = not given or given.startswith(("keras_tensor", "input_layer"))
        plain = "input" if len(keys) == 1 else f"input_{place + 1}"
        name = found or (plain if automatic else given)
        names.append(f"{name}_rows" if name in taken_names else name)
    return names


def batch_names(batch: Sequence[Any]) -> list[str]:
    """Names for a batch's arrays: ``input``, ``target`` and ``weight``, numbered if several."""
    found = []
    for word, part in zip(("input", "target", "weight"), batch, strict=False):
        count = len(structures.flatten(part))
        found += [word if count == 1 else f"{word}_{place + 1}" for place in range(count)]
    return found


class ModelPass:
    """A model's forward pass with the stages before it.

    ``names`` has for each array the stage and the output that it comes from; a few rows tell how
    large the outputs are; the model and its loss may get ``most`` rows at a time: those of a batch.
    """

    def __init__(
        self, forward: Forward, names: Sequence[Origin], x: Any, most: int = PROBE_ROWS
    ) -> None:
        self.forward, self.names = forward, list(names)
        self.losses = facts.RowLosses(forward.model, most)  # gives the loss of single rows
        forward.find_rows(structures.as_fit_gets(structures.taken(x, slice(0, 3))), most)
        one = self.passed(structures.taken(x, slice(0, 1)))
        sizes = {name: sum(each.size for each in values) for name, values in one.outputs.items()}
        channels = {
            name: values[0].shape[-1] if values[0].ndim > 1 else 1
            for name, values in one.outputs.items()
        }
        given = {name for name, _ in self.names}
        # the stages of whose first output the first axis grows with the rows
        self.samples = {*given, *forward.samples}
        # those of which it is that of the rows
        self.by_row = given | {
            stage.name for stage in forward.stages if stage.outputs[0].shape[:1] == (None,)
        }
        places = [Stage(name, SOURCE, None, name, {}, (), ()) for name in dict(self.names)]
        self.extent: Extent = extent([*places, *forward.stages], sizes, channels)
        self.limit(most)

    @property
    def tells_classes(self) -> bool:
        """Whether an output's largest score may be an answer.

        It is one under a loss of Keras' own, and behind a softmax. A loss of somebody's own may
        make an embedding of it, whose largest value means nothing.
        """
        stages = {stage.name: stage for stage in self.forward.stages}
        ends = [stages[spec.source] for spec in self.forward.outputs if spec.source in stages]
        return facts.has_loss_of_keras(self.forward.model) or any(
            each.layer == "Softmax" or each.config.get("activation") == "softmax" for each in ends
        )

    def limit(self, most: int) -> None:
        """Pass no more rows at a time from now on, as another ``fit`` may have smaller batches."""
        self.losses.most = most
        self.extent = replace(self.extent, together=min(most, self.extent.probe))
        self.forward.most, self.forward.most_final = self.extent.together, most

    def passed(self, x: Any, instead: Weights | None = None) -> Passed:
        """The outputs of all stages, the sources among them, with the model's weights or others."""
        given: dict[str, dict[int, Array]] = {}
        for (name, output), values in zip(self.names, structures.flatten(x), strict=True):
            given.setdefault(name, {})[output] = values
        # Keras takes the arrays of a dictionary by sorted keys, not in the outputs' order.
        sources = {name: tuple(of[output] for output in sorted(of)) for name, of in given.items()}
        found = self.forward.passed(structures.as_fit_gets(x), instead)
        return Passed({**sources, **found.outputs}, found.masks)

    def outputs_in(self, passed: Passed) -> list[Array]:
        """What the model itself gives, one array for each output."""
        return [
            passed.outputs[str(spec.source)][spec.output]
            for spec in self.forward.outputs
            if spec.source in passed.outputs
        ]

    def examples(self, passed: Passed, place: int = 0) -> dict[str, tuple[Array, ...]]:
        """One row at every stage, without the axis of rows; too large stages are left out."""
        return {
            name: tuple(
                row_of(each, spec, place)
                for each, spec in zip(values, self._specs(name, values), strict=True)
            )
            for name, values in passed.outputs.items()
            if name in self.extent.kept
        }

    def summaries(self, passed: Passed) -> dict[str, Summary]:
        """The summaries of every stage's first output."""
        each = self.extent.by_channel_each_epoch
        return {
            name: summarise(as_rows(values[0]), by_channel=name in each, bits=self.extent.bits)
            for name, values in passed.outputs.items()
            if can_summarise(values[0]) and values[0].size
        }

    def outputs_of(self, rows: Rows, instead: Weights | None = None) -> list[Array]:
        """The model's outputs for any number of rows, in parts, with its weights or others."""
        if not len(rows):
            return []
        found = self.forward.final(structures.as_fit_gets(rows.x), instead)
        return self.outputs_in(self.passed(rows.x, instead)) if found is None else found

    def _specs(self, name: str, values: Sequence[Array]) -> tuple[Spec, ...]:
        for stage in self.forward.stages:
            if stage.name == name:
                return stage.outputs
        return tuple(Spec((None, *each.shape[1:]), str(each.dtype)) for each in values)


def row_of(values: Array, spec: Spec, place: int) -> Array:
    """One row, or the whole where there is no axis of rows."""
    if spec.shape[:1] != (None,) or not values.ndim:
        return values
    # A single string, taken out of its array, would be no array.
    return np.asarray(values[place], values.dtype)


def is_numbers(values: Array) -> bool:
    """Whether an array holds numbers that NumPy computes with."""
    return values.dtype.kind in "biuf"


def as_rows(values: Array) -> Array:
    """The values with an axis of rows, of one where there is none."""
    return values if values.ndim else values[None]
