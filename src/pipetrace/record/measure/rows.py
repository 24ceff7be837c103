"""Passing rows through a model and summarising what they become at every stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipetrace.capture import facts, nests
from pipetrace.capture.forward import Forward, Passed
from pipetrace.capture.tensors import Origin
from pipetrace.capture.weights import Weights
from pipetrace.record.measure.limits import Extent, extent
from pipetrace.stats import can_summarise, summarise
from pipetrace.trace.document import SOURCE, Array, Spec, Stage
from pipetrace.trace.summary import Summary


@dataclass(frozen=True)
class Rows:
    """Rows as the model gets them.

    Attributes:
        x: an array or a structure of arrays, the first axis the rows.
        y: what the outputs should be, in the same way, or None where that is not known.
        weight: of each row in the loss, or None.
        complete: whether these are all rows there are.
    """

    x: Any
    y: Any = None
    weight: Any = None
    complete: bool = True

    def __len__(self) -> int:
        first = self.arrays[0]
        return len(first) if first.ndim else 1

    @property
    def arrays(self) -> list[Array]:
        """The arrays of ``x``, in Keras' order."""
        return nests.flatten(self.x)

    @property
    def targets(self) -> list[Array]:
        """The arrays of ``y``, in Keras' order; none where the targets are not known."""
        return nests.arrays(self.y)

    def taken(self, places: Any) -> "Rows":
        """The rows at some places, a slice or indices."""
        x, y, weight = (nests.taken(each, places) for each in (self.x, self.y, self.weight))
        return Rows(x, y, weight, complete=False)


def sources(names: Sequence[str], x: Any, config: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages that the rows come from, one for each array."""
    found = []
    for name, values in zip(names, nests.flatten(x), strict=True):
        dtype = "string" if values.dtype.kind in "OSU" else str(values.dtype)
        spec = Spec((None, *values.shape[1:]), dtype)
        found.append(Stage(name, SOURCE, None, name, dict(config), (spec,), (spec,)))
    return tuple(found)


def source_names(model: Any, x: Any) -> list[str]:
    """What the sources are called: as the keys of a dictionary, as the model's inputs, or by their number."""
    keys = nests.leaf_names(x)
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


class Measure:
    """A model's forward pass with the stages before it.

    Args:
        forward: the compiled pass.
        names: the stages that the arrays come from, and which of their outputs they are, in the order of the arrays.
        x: a few rows, to learn how large the outputs are.
    """

    def __init__(self, forward: Forward, names: Sequence[Origin], x: Any) -> None:
        self.forward, self.names = forward, list(names)
        one = self.passed(nests.taken(x, slice(0, 1)))
        sizes = {name: sum(each.size for each in values) for name, values in one.outputs.items()}
        channels = {
            name: values[0].shape[-1] if values[0].ndim > 1 else 1
            for name, values in one.outputs.items()
        }
        places = [Stage(name, SOURCE, None, name, {}, (), ()) for name in dict(self.names)]
        self.extent: Extent = extent([*places, *forward.stages], sizes, channels)

    def passed(self, x: Any, instead: Weights | None = None) -> Passed:
        """The outputs of all stages, the sources among them.

        Args:
            x: rows as the model gets them.
            instead: weights to use in place of those that the model has.
        """
        given: dict[str, dict[int, Array]] = {}
        for (name, output), values in zip(self.names, nests.flatten(x), strict=True):
            given.setdefault(name, {})[output] = values
        # Keras takes the arrays of a dictionary in the order of the keys, which need not be that of the outputs.
        sources = {name: tuple(of[output] for output in sorted(of)) for name, of in given.items()}
        found = self.forward.passed(nests.as_fit_gets(x), instead)
        return Passed({**sources, **found.outputs}, found.masks)

    def examples(self, passed: Passed, place: int = 0) -> dict[str, tuple[Array, ...]]:
        """One row of what was passed, without the axis of rows, as far as it is not too large to store."""
        return {
            name: tuple(
                row_of(each, spec, place)
                for each, spec in zip(values, self._specs(name, values), strict=True)
            )
            for name, values in passed.outputs.items()
            if name in self.extent.kept
        }

    def probe(self, passed: Passed, *, channels: bool = True) -> dict[str, Summary]:
        """The summaries of a few rows.

        Args:
            passed: what they became.
            channels: whether channels are summarised each by itself, where they are few enough.
        """
        each = self.extent.by_channel_each_epoch if channels else frozenset()
        return {
            name: summarise(as_rows(values[0]), by_channel=name in each, bits=self.extent.bits)
            for name, values in passed.outputs.items()
            if can_summarise(values[0]) and values[0].size
        }

    def _specs(self, name: str, values: Sequence[Array]) -> tuple[Spec, ...]:
        for stage in self.forward.stages:
            if stage.name == name:
                return stage.outputs
        return tuple(Spec((None, *each.shape[1:]), str(each.dtype)) for each in values)


def row_of(values: Array, spec: Spec, place: int) -> Array:
    """One row, or the whole where there is no axis of rows."""
    if spec.shape[:1] != (None,) or not values.ndim:
        return values
    # A single text, taken out of its array, would be no array any more.
    return np.asarray(values[place], values.dtype)


def is_numbers(values: Array) -> bool:
    """Whether an array holds numbers that NumPy computes with."""
    return values.dtype.kind in "biuf"


def as_rows(values: Array) -> Array:
    """The values with an axis of rows, of one where there is none."""
    return values if values.ndim else values[None]
