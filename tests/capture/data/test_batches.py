from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.data import batches
from pipetrace.capture.data.batches import BatchRecorder, joined, split
from pipetrace.capture.structures import as_fit_gets, plain_arrays

pytestmark = pytest.mark.framework

X = np.arange(42, dtype=np.float32).reshape(14, 3)
Y = np.arange(14) % 3


def dataset(count: int = 14, size: int = 2) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X[:count], Y[:count])).batch(size)


def structured() -> Any:
    import tensorflow as tf

    parts = ({"b": X, "a": (X[:, :1], Y)}, {"out": Y}, X[:, 0])
    return tf.data.Dataset.from_tensor_slices(parts).batch(4)


def taken(tee: BatchRecorder, iterator: Any, steps: int) -> list[Any]:
    """All that a training function gets which takes so many batches a call, as Keras' own does."""
    import tensorflow as tf

    found: list[Any] = []
    while True:
        given = tee(iterator)
        tee.copy()
        assert given.element_spec == iterator.element_spec
        try:
            for _ in range(steps):
                found += [next(given)]
        except (StopIteration, tf.errors.OutOfRangeError):
            return found


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    import keras

    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        keras.tree.assert_same_structure(one, other)
        for left, right in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True):
            assert np.asarray(left).dtype == np.asarray(right).dtype
            np.testing.assert_array_equal(np.asarray(left), np.asarray(right))


@pytest.mark.parametrize("steps", [1, 3, 20])
@pytest.mark.parametrize("count", [1, 12, 14])
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_every_batch_is_handed_on_once_and_in_order(steps: int, count: int) -> None:
    tee = BatchRecorder(steps)
    found = taken(tee, iter(dataset(count)), steps)
    assert_same(found, list(dataset(count)))
    assert_same(tee.batches, list(dataset(count)))
    assert tee.done
    assert tee.rows() == count


@pytest.mark.parametrize("steps", [1, 3])
def test_structures_are_handed_on_as_they_are(steps: int) -> None:
    tee = BatchRecorder(steps)
    assert_same(taken(tee, iter(structured()), steps), list(structured()))
    assert_same(tee.batches, list(structured()))


@pytest.mark.parametrize("kind", ["sparse", "ragged", "text"])
def test_elements_that_are_no_plain_arrays(kind: str) -> None:
    import tensorflow as tf

    def source() -> Any:
        if kind == "sparse":
            return tf.data.Dataset.from_tensor_slices(
                tf.sparse.from_dense([[0, 1], [2, 0], [0, 3]])
            ).batch(2)
        if kind == "ragged":
            return tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1, 2], [], [3]])).batch(
                2
            )
        return tf.data.Dataset.from_tensor_slices(["a", "bc", "\u00fc"]).batch(2)

    def dense(element: Any) -> Any:
        if isinstance(element, tf.SparseTensor):
            return tf.sparse.to_dense(element).numpy()
        return (
            element.to_tensor().numpy() if isinstance(element, tf.RaggedTensor) else element.numpy()
        )

    tee = BatchRecorder(1)
    found = taken(tee, iter(source()), 1)
    assert_same([dense(each) for each in found], [dense(each) for each in source()])
    assert_same(tee.batches, [dense(each) for each in source()])


def test_a_source_that_raises_says_what_it_raised() -> None:
    import tensorflow as tf

    def broken() -> Iterator[Any]:
        yield X[:2]
        raise RuntimeError("the disk is gone")

    made = tf.data.Dataset.from_generator(
        broken, output_signature=tf.TensorSpec((None, 3), tf.float32)
    )
    tee, iterator = BatchRecorder(1), iter(made)
    np.testing.assert_array_equal(next(tee(iterator)), X[:2])
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        tee(iterator)


def test_it_stops_at_so_many_rows_and_the_rest_goes_its_own_way() -> None:
    tee, iterator = BatchRecorder(1, rows=5), iter(dataset())
    found = taken(tee, iterator, 1)
    assert_same(found, list(dataset()))
    assert tee.done
    assert tee.rows() == 6
    assert_same(tee.batches, list(dataset().take(3)))
    assert tee(iterator) is iterator


def test_it_stops_at_so_many_bytes() -> None:
    batch = 2 * 3 * 4 + 2 * 8
    tee = BatchRecorder(2, size=3 * batch)
    assert_same(taken(tee, iter(dataset()), 2), list(dataset()))
    assert len(tee.batches) == 4
    assert_same(tee.batches, list(dataset().take(4)))


def test_what_is_kept_is_a_copy() -> None:
    tee, iterator = BatchRecorder(1), iter(dataset())
    given = next(tee(iterator))
    tee.copy()
    kept = tee.batches[0][0]
    kept[:] = -1
    np.testing.assert_array_equal(given[0], X[:2])


def test_an_iterator_of_another_kind_is_handed_on_untouched() -> None:
    import tensorflow as tf

    class Distributed:
        element_spec = tf.TensorSpec((None, 3), tf.float32)
        asked = 0

        def __next__(self) -> Any:
            self.asked += 1
            return X[:2]

    tee, iterator = BatchRecorder(1), Distributed()
    assert tee(iterator) is iterator
    assert (iterator.asked, tee.batches, tee.done) == (0, [], True)


def test_elements_of_which_no_iterator_can_be_made_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tensorflow as tf

    def refuse(*_: Any, **__: Any) -> Any:
        raise TypeError("not of this kind")

    tee, iterator = BatchRecorder(1), iter(dataset())
    monkeypatch.setattr(tf.data.experimental, "from_variant", refuse)
    assert tee(iterator) is iterator
    assert (tee.batches, tee.done) == ([], True)
    assert_same(list(iterator), list(dataset()))


@pytest.mark.parametrize("kind", ["none", "optional"])
def test_no_weights_in_place_of_weights(kind: str) -> None:
    import tensorflow as tf

    def source() -> Any:
        if kind == "none":
            return dataset().map(lambda x, y: (x, y, None))
        # What Keras makes of None out of a generator.
        return dataset().map(lambda x, y: (x, y, tf.experimental.Optional.empty(None)))

    tee = BatchRecorder(1)
    found = taken(tee, iter(source()), 1)
    assert_same([each[:2] for each in found], list(dataset()))
    assert [each is None or not each.has_value() for *_, each in found] == [True] * 7
    assert_same([each[:2] for each in tee.batches], list(dataset()))
    x, y, weight = split(joined(tee.batches))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert weight is None


def test_optional_values_that_are_there() -> None:
    import tensorflow as tf

    made = tf.data.Dataset.range(3).map(tf.experimental.Optional.from_value)
    tee = BatchRecorder(1)
    assert [int(each.get_value()) for each in taken(tee, iter(made), 1)] == [0, 1, 2]
    assert [int(each) for each in tee.batches] == [0, 1, 2]


def test_a_batch_as_rows_targets_and_weights() -> None:
    assert split((1, 2, 3)) == (1, 2, 3)
    assert split((1, 2)) == (1, 2, None)
    assert split((1,)) == (1, None, None)
    assert split(X)[0] is X


def test_batches_put_together() -> None:
    x, y = joined([(X[:2], Y[:2]), (X[2:4], Y[2:4]), (X[4:5], Y[4:5])])
    np.testing.assert_array_equal(x, X[:5])
    np.testing.assert_array_equal(y, Y[:5])
    # Texts of a bucket of their own length: rows of the first shape are taken, with their targets.
    x, y = joined([(X[:2], Y[:2]), (X[2:4, :2], Y[2:4]), (X[4:6], Y[4:6])])
    np.testing.assert_array_equal(x, X[[0, 1, 4, 5]])
    np.testing.assert_array_equal(y, Y[[0, 1, 4, 5]])


class Frame:
    """What pandas and polars give: an array on demand."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return self.values


def test_arrays_are_taken_in_every_form() -> None:
    import keras
    import tensorflow as tf

    found = plain_arrays({"b": [X, tf.constant(Y)], "a": (Frame(X[:, 0]), keras.ops.ones((14,)))})
    assert list(found) == ["b", "a"]
    assert isinstance(found["b"], list)
    assert isinstance(found["a"], tuple)
    assert all(isinstance(each, np.ndarray) for each in keras.tree.flatten(found))
    np.testing.assert_array_equal(found["b"][1], Y)
    np.testing.assert_array_equal(found["a"][0], X[:, 0])
    assert plain_arrays(X) is X
    assert plain_arrays(np.array(["a", "b"], object)).tolist() == ["a", "b"]
    assert plain_arrays(keras.Variable(Y)).tolist() == Y.tolist()


def test_what_is_no_array_is_none() -> None:
    import keras

    class Lazy(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        def __len__(self) -> int:
            raise AssertionError("asked")

        def __getitem__(self, index: int) -> Any:
            raise AssertionError("asked")

    class Broken:
        shape, dtype = (3,), np.float32

        def __array__(self, *_: Any, **__: Any) -> Any:
            raise OSError("gone")

    given = iter([X])
    others: list[Any] = [
        None,
        given,
        dataset(),
        "rows.npz",
        b"rows",
        [1, 2],
        [[1, 2], [3]],
        [],
        {},
        [X, "text"],
        {"a": X, "b": 3},
        Lazy(),
        Broken(),
        object(),
    ]
    assert [plain_arrays(each) for each in others] == [None] * len(others)
    assert next(given) is X


class Matrix:
    """What scipy's sparse matrices are to NumPy: an object."""

    shape, dtype = X.shape, X.dtype


@pytest.mark.parametrize("kind", ["tensorflow", "scipy", "ragged"])
def test_sparse_and_ragged_rows_are_no_plain_arrays(kind: str) -> None:
    import tensorflow as tf

    made: dict[str, Callable[[], Any]] = {
        "tensorflow": lambda: tf.sparse.from_dense(X),
        "scipy": Matrix,
        "ragged": lambda: tf.ragged.constant([[1.0], [2.0, 3.0]]),
    }
    given = made[kind]()
    assert plain_arrays(given) is None
    assert plain_arrays([X, given]) is None
    assert plain_arrays(np.float32(3)).shape == ()


def test_floats_as_fit_makes_them() -> None:
    import keras

    found = as_fit_gets(
        {"a": X.astype(np.float64), "b": [Y, X.astype(np.float16)], "c": np.array(["x"], object)}
    )
    assert [each.dtype.name for each in keras.tree.flatten(found)] == [
        "float32",
        "int64",
        "float32",
        "object",
    ]
    np.testing.assert_array_equal(found["a"], X)
    assert as_fit_gets(X) is X
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        assert as_fit_gets(X).dtype == np.float64
    finally:
        keras.config.set_floatx(before)


def test_a_batch_without_rows_counts_as_one() -> None:
    assert batches.rows_of(np.float32(3) * np.ones(())) == 1
    assert batches.rows_of({"a": X}) == 14
