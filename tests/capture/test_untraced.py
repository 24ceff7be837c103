"""Stages as a model was built are those that are seen when it is traced."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.forward import Forward
from pipetrace.capture.untraced import untraced_graph

pytestmark = pytest.mark.framework


def nested(keras: Any) -> Any:
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((2,)), layers.Dense(5), layers.Dropout(0.1)], name="inner"
    )
    return keras.Sequential([keras.Input((4,)), layers.Dense(2), inner, layers.Dense(3)])


def branches(keras: Any) -> Any:
    layers, start = keras.layers, keras.Input((4,))
    one, two = layers.Dense(3)(start), layers.BatchNormalization()(layers.Dense(3)(start))
    both = layers.Concatenate()([layers.Add()([two, one]), one])
    return keras.Model(start, [layers.Dense(2)(both), keras.ops.relu(both) * 2.0])


def shared(keras: Any) -> Any:
    start, layer = keras.Input((4,)), keras.layers.Dense(4)
    return keras.Model(start, layer(layer(start)))


@pytest.mark.parametrize("make", [nested, branches, shared])
def test_the_stages_are_those_of_a_trace(keras: Any, make: Callable[[Any], Any]) -> None:
    model = make(keras)
    traced = Forward(model, np.zeros((2, 4), np.float32), [("input", 0)])
    found = untraced_graph(model, [("input", 0)])
    assert found is not None
    assert found.stages == traced.stages
    assert (found.outputs, tuple(found.groups)) == (traced.outputs, traced.groups)


def test_a_model_that_only_runs_tells_nothing(keras: Any) -> None:
    class Own(keras.Model):  # type: ignore[misc] # Keras has no types
        def call(self, values: Any) -> Any:
            return values

    inner = nested(keras)
    start = keras.Input((4,))
    twice = keras.Model(start, [inner(start), inner(start)])
    for model in (Own(), twice):
        assert untraced_graph(model, [("input", 0)]) is None
