"""Which tensors have an axis of rows: as measured, of position tables, graphs and written batch sizes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.trace.document import Stage, Trace
from pipetrace.trace.measurements import Signal

pytestmark = pytest.mark.framework

ROWS, BATCH = 40, 8


def recorded(model: Any, x: Any, y: Any, path: Path) -> Trace:
    model.compile("sgd", "mse")
    callbacks = [pipetrace.Recorder(path, verbose=False, budget=None)]
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=callbacks)
    trace = pipetrace.read(path)
    assert trace.events == ()
    assert trace.rows == ROWS
    return trace


def shapes(stage: Stage) -> tuple[list[Any], list[Any]]:
    return [each.shape for each in stage.inputs], [each.shape for each in stage.outputs]


def counts(trace: Trace, *names: str) -> list[int]:
    return [trace.stages[name].summary.count for name in names]  # type: ignore[union-attr]


def test_a_position_table_is_counted_once_and_has_no_rows(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    class Positions(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.token = keras.layers.Embedding(9, 4, name="token")
            self.place = keras.layers.Embedding(5, 4, name="place")

        def call(self, tokens: Any) -> Any:
            return self.token(tokens) + self.place(tf.range(tf.shape(tokens)[-1]))

    tokens = keras.Input((None,), dtype="int64")
    hidden = keras.layers.GlobalAveragePooling1D()(Positions()(tokens))
    model = keras.Model(tokens, keras.layers.Dense(1, name="score")(hidden))
    x = np.random.default_rng(0).integers(0, 9, (ROWS, 5))
    trace = recorded(model, x, np.ones((ROWS, 1)), tmp_path / "run.trace")
    assert shapes(trace.stages["place"]) == ([(5,)], [(5, 4)])
    assert shapes(trace.stages["token"]) == ([(None, 5)], [(None, 5, 4)])
    assert counts(trace, "token", "place", "score") == [ROWS * 20, 20, ROWS]
    place = trace.stages["place"].example
    assert place is not None
    np.testing.assert_array_equal(place, trace.weights["place/embeddings"][:5])
    # All rows share it, so nothing tells how it differs from row to row.
    assert {"token", "score"} <= set(trace.measurements.names(Signal))
    assert "place" not in trace.measurements.names(Signal)


def test_the_nodes_of_a_graph_are_no_rows(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    class Graph(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.nodes = tf.constant(np.random.default_rng(1).random((7, 3)), tf.float32)
            self.hidden = keras.layers.Dense(6, name="hidden")
            self.score = keras.layers.Dense(1, name="score")

        def call(self, chosen: Any) -> Any:
            return self.score(tf.gather(self.hidden(self.nodes), tf.squeeze(chosen, -1)))

    model = Graph()
    x = np.random.default_rng(0).integers(0, 7, (ROWS, 1))
    model(x[:1])
    trace = recorded(model, x, np.ones((ROWS, 1)), tmp_path / "run.trace")
    assert shapes(trace.stages["hidden"]) == ([(7, 3)], [(7, 6)])
    assert trace.stages["hidden"].flops is None
    assert shapes(trace.stages["score"])[1] == [(None, 1)]
    assert counts(trace, "hidden", "score") == [42, ROWS]


def test_a_model_with_its_batch_size_written_in_gets_whole_batches(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    class Noisy(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.spread = keras.layers.Dense(3, name="spread")
            self.score = keras.layers.Dense(1, name="score")

        def call(self, x: Any) -> Any:
            noise = self.spread(tf.random.normal((BATCH, 2)))
            return self.score(x + noise)

    model = Noisy()
    x = np.random.default_rng(0).random((ROWS, 3), np.float32)
    model(x[:BATCH])
    trace = recorded(model, x, np.ones((ROWS, 1), np.float32), tmp_path / "run.trace")
    assert shapes(trace.stages["spread"]) == ([(BATCH, 2)], [(BATCH, 3)])
    assert shapes(trace.stages["score"]) == ([(None, 3)], [(None, 1)])
    assert counts(trace, "spread", "score") == [BATCH * 3, ROWS]
