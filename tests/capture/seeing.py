"""A model's stages as they are seen, and the rows that the tests pass through it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pipetrace.capture.forward import Forward
from pipetrace.trace.document import Array, Stage

CHANCE = np.random.default_rng(0)
ROWS = CHANCE.normal(size=(5, 6)).astype(np.float32)
SEQUENCES = CHANCE.normal(size=(4, 7, 6)).astype(np.float32)
WORDS = np.array([[3, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], np.int64)


def seen(model: Any, rows: Any, *names: str, **options: Any) -> Forward:
    return Forward(model, rows, [(name, 0) for name in names or ("rows",)], **options)


def wires(forward: Forward) -> dict[str, list[tuple[str | None, int]]]:
    """Where the inputs of each stage come from."""
    return {
        stage.name: [(spec.source, spec.output) for spec in stage.inputs]
        for stage in forward.stages
    }


def sources(forward: Forward) -> dict[str, list[str | None]]:
    return {stage.name: [spec.source for spec in stage.inputs] for stage in forward.stages}


def stage(forward: Forward, name: str) -> Stage:
    (found,) = [each for each in forward.stages if each.name == name]
    return found


def chain(keras: Any, shape: tuple[int, ...], *layers: Any, **options: Any) -> Any:
    """A Sequential of these layers, for rows of this shape."""
    return keras.Sequential([keras.layers.Input(shape, **options), *layers])


def subclassed(keras: Any, call: Callable[[Any, Any], Any], rows: Any = ROWS, **parts: Any) -> Any:
    """A model of layers and of a function that calls them, which is all that is known of it."""

    class Own(keras.Model):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__(name="own")
            for name, part in parts.items():
                setattr(self, name, part)

        def call(self, rows: Any) -> Any:
            return call(self, rows)

    model = Own()
    model(rows)
    return model


def holds_true(forward: Forward, model: Any, rows: Any) -> dict[str, Array]:
    """The outputs of all stages; the model's own are checked against the model."""
    passed = forward.passed(rows).outputs
    import keras

    expected = keras.tree.flatten(
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, rows), training=False)
    )
    assert len(expected) == len(forward.outputs)
    for spec, values in zip(forward.outputs, expected, strict=True):
        own = passed[str(spec.source)][spec.output]
        np.testing.assert_allclose(own, np.asarray(values), atol=1e-6)
    return {name: values[0] for name, values in passed.items()}
