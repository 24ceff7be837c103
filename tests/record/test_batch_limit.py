"""Neither the model nor its loss ever gets more rows at once than a batch of the training had."""

from pathlib import Path
from typing import Any

import pytest
from tests.record.models import BATCH, rows

import pipetrace
from pipetrace.trace import Trace, read
from pipetrace.trace.overhead import NOT_BY_ROW

pytestmark = pytest.mark.framework


def noted(values: Any, counts: list[int]) -> Any:
    """The values, whose number of rows is noted whenever they are computed."""
    import tensorflow as tf

    def note(count: Any) -> Any:
        counts.append(int(count))
        return count

    count = tf.ensure_shape(tf.numpy_function(note, [tf.shape(values)[0]], tf.int32), ())
    return values * tf.cast(count - count + 1, values.dtype)


def watched(path: Path, loss: Any, passed: list[int], way: str) -> Trace:
    """Train on batches of 16 rows, given in some way, by a model that notes how many rows it gets."""
    import keras
    import tensorflow as tf

    class Noting(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, values: Any) -> Any:
            return noted(values, passed)

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), Noting(), keras.layers.Dense(3)])
    model.compile("sgd", loss)
    x, y = rows()
    given: dict[str, Any] = {"x": x, "y": y, "batch_size": BATCH, "validation_split": 0.2}
    if way != "arrays":
        given = {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH), "shuffle": False}
    of_recorder = (x, y) if way == "rows and dataset" else ()
    recorder = pipetrace.Recorder(path, *of_recorder, verbose=False, budget=None)
    model.fit(**given, epochs=2, callbacks=[recorder], verbose=0)
    return read(path)


@pytest.mark.parametrize("way", ["arrays", "dataset", "rows and dataset"])
def test_a_loss_that_compares_pairs_gets_a_batch_at_most(tmp_path: Path, way: str) -> None:
    import tensorflow as tf

    of_loss, of_model = list[int](), list[int]()

    def contrastive(labels: Any, made: Any) -> Any:
        made = noted(made, of_loss)
        distances = tf.reduce_sum((made[:, None] - made[None]) ** 2, -1)
        alike = tf.cast(tf.reshape(labels, (-1, 1)) == tf.reshape(labels, (1, -1)), made.dtype)
        return tf.reduce_mean(alike * distances + (1 - alike) * tf.nn.relu(1 - distances), -1)

    trace = watched(tmp_path / "run.trace", contrastive, of_model, way)
    assert max(of_loss) == max(of_model) == BATCH
    assert trace.overhead is not None
    assert ("row losses", NOT_BY_ROW) in {
        (each.what, each.reason) for each in trace.overhead.skipped
    }
    assert [each.loss for each in trace.predictions] == [None] * len(trace.predictions) != []
    assert trace.rows
    assert any(each.kind == "gradient" for each in trace.measurements)


def test_a_loss_of_single_rows_is_theirs(tmp_path: Path) -> None:
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trace = watched(tmp_path / "run.trace", loss, [], "arrays")
    assert trace.overhead is not None
    assert trace.overhead.skipped == ()
    assert all(each.loss is not None for each in trace.predictions)
