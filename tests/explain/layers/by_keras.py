"""Layers that Keras builds, with their words, for tests of the sums in them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from tests.keras_layers import called
from tests.sums import came_out

from pipetrace.explain.layers import Operation, operation
from pipetrace.trace.document import Stage

drawn = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


fewer = settings(drawn, max_examples=25)


def told(layer: Any, inputs: Sequence[Any]) -> tuple[Stage, Operation]:
    """The stage of a layer that Keras builds on such inputs, and its words, which are its own."""
    stage = called(layer, inputs)
    assert stage.parameters.total == layer.count_params()
    words = operation(stage)
    assert not re.search(r"\b(layer|operation) of class\b", words.does), (words.does, stage)
    came_out(words.does)
    return stage, words


def chosen(data: st.DataObject) -> Callable[[int], int]:
    """Draws a number from 1 on."""
    return lambda top: data.draw(st.integers(1, top))


def counted(words: Operation, stage: Stage) -> None:
    """The parameters stand as a sum that comes to what Keras counts, and its terms are named."""
    assert came_out(words.parameters) == [stage.parameters.total], (
        words.parameters,
        stage.parameters,
    )
    assert words.parts


def arranged(first: bool, lengths: Sequence[int], channels: int) -> tuple[int, ...]:
    return (channels, *lengths) if first else (*lengths, channels)


def spatial(stage: Stage, first: bool) -> tuple[int, ...]:
    shape = stage.outputs[0].shape
    return tuple(int(length or 0) for length in (shape[2:] if first else shape[1:-1]))
