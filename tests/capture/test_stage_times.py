"""The time of each stage: which stages are timed, and that a slow one is found to be slow."""

from typing import Any

import numpy as np
import pytest
from tests.capture.conftest import Sample

from pipetrace.capture.forward import Forward
from pipetrace.capture.stage_times import StageTimes

pytestmark = pytest.mark.framework


def timed(model: Any, rows: Any) -> tuple[Forward, StageTimes]:
    forward = Forward(model, rows, [("rows", 0)])
    return forward, StageTimes(forward.operations, model, rows, [("rows", 0)])


def test_every_layer_of_any_model_is_timed(sample: Sample) -> None:
    forward, times = timed(sample.model, sample.rows)
    stages = zip(forward.stages, forward.operations, strict=True)
    assert [*times.seconds(sample.rows)] == [each.name for each, made in stages if made is not None]
    assert times.stages == forward.stages


def test_a_mask_reaches_the_layer_behind_it(keras: Any) -> None:
    received = list[bool]()

    class Behind(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        supports_masking = True

        def call(self, rows: Any, mask: Any = None) -> Any:
            received.append(mask is not None)
            return rows

    hidden = keras.layers.Embedding(9, 4, mask_zero=True)
    model = keras.Sequential([keras.Input((5,), dtype="int32"), hidden, Behind()])
    received.clear()
    rows = np.arange(10, dtype="int32").reshape(2, 5) % 9
    _, times = timed(model, rows)
    assert received == [True, True]
    assert len(times.seconds(rows)) == 2


def test_the_slow_layer_takes_most_and_ten_times_the_work_takes_longer(
    keras: Any,
) -> None:
    import tensorflow as tf

    class Busy(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, turns: int, **more: Any) -> None:
            super().__init__(**more)
            self.turns = turns

        def call(self, rows: Any) -> Any:
            square = tf.zeros((64, 64)) + tf.reduce_sum(rows) * 1e-9
            done = tf.while_loop(
                lambda turn, _: turn < self.turns,
                lambda turn, values: (turn + 1, tf.tanh(values @ square)),
                (0, square),
            )
            return rows + tf.reduce_sum(done[1])

    layers = [
        keras.layers.Dense(16, name="before"),
        Busy(200, name="slow"),
        keras.layers.Dense(16, name="between"),
        Busy(2000, name="slower"),
        keras.layers.Dense(16, name="after"),
    ]
    rows = np.ones((8, 16), np.float32)
    _, times = timed(keras.Sequential([keras.Input((16,)), *layers]), rows)
    took = [times.seconds(rows) for _ in range(15)]
    least = {name: min(each[name] for each in took) for name in took[0]}
    assert [*least] == [layer.name for layer in layers]
    quick = max(least[name] for name in ("before", "between", "after"))
    assert least["slow"] > 5 * quick
    assert least["slower"] > 3 * least["slow"]
