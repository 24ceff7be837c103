"""The first batches of a training, copied on their way; none is lost, changed or moved."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipetrace.capture import structures
from pipetrace.capture.backend import load, on_tensorflow
from pipetrace.capture.distributed.processes import own_rows
from pipetrace.capture.tensors import dense

MOST_ROWS = 512
MOST_BYTES = 32_000_000


class BatchRecorder:
    """Hands batches from Keras' iterator to the training function and keeps a copy.

    The training function is compiled for an iterator of a certain form, so as long as batches are
    kept it gets another one of the same form for each step, over the very batches that Keras'
    iterator gave. Where such an iterator cannot be made nothing is kept and the training function
    gets Keras' own. One call of it takes ``steps`` batches. It stops at ``rows`` or ``size``, or
    when ``enough``, asked once there is something, says that it has taken long enough.
    """

    def __init__(
        self,
        steps: int,
        rows: int = MOST_ROWS,
        size: int = MOST_BYTES,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self.batches: list[Any] = []
        self.done = self._has_ended = False
        self._steps, self._rows, self._size, self._enough = max(1, steps), rows, size, enough
        self._taken: list[Any] = []

    def __call__(self, iterator: Any) -> Any:
        """The iterator to use for this step, whose source may raise anything; ``copy`` keeps what
        it gives.
        """
        if self.done:
            return iterator
        if isinstance(iterator, list):  # on PyTorch the step gets the batches themselves
            self._taken += iterator
            return iterator
        if not _can_be_imitated(iterator):
            self.done = True
            return iterator
        try:
            for _ in range(self._steps):
                self._taken.append(next(iterator))
        except StopIteration:
            # One pass is enough; what stands first may be another row the next time.
            self.done = self._has_ended = True
        return _iterator_over(self._taken, iterator) if self._taken else iterator

    def copy(self) -> None:
        """Copy what was taken for this step."""
        taken, self._taken = self._taken, []
        self.batches += [copied(batch) for batch in taken]
        self.done = (
            self.done or self.rows() >= self._rows or self._bytes() >= self._size or self._enough()
        )

    @property
    def is_full(self) -> bool:
        """Whether it stopped before the data ended, so that there may be more."""
        return self.done and not self._has_ended

    def rows(self) -> int:
        """How many rows were seen."""
        return sum(rows_of(batch) for batch in self.batches)

    def _bytes(self) -> int:
        return sum(each.nbytes for batch in self.batches for each in structures.arrays(batch))


def _can_be_imitated(iterator: Any) -> bool:
    """Whether another iterator can have the same form, before anything is taken from this one."""
    if not on_tensorflow():
        return True
    import tensorflow as tf

    if not isinstance(iterator, tf.data.Iterator):
        return False  # of a distribution strategy, which gives each replica its own
    try:
        spec = iterator.element_spec
        made: Any = _of_form(tf.data.Dataset.range(0), spec).element_spec
    except Exception:  # an element that has no such form
        return False
    return bool(made == spec)


def _iterator_over(batches: list[Any], source: Any) -> Any:
    """An iterator over some batches that has the form of the one which they come from.

    A dataset out of a Python generator would do, too. But from its first one on, under Python 3.11,
    TensorFlow has the whole process return each array of 128 kB or more to the system, for which
    every later step of the training pays.
    """
    if not on_tensorflow():
        return iter(batches)
    import tensorflow as tf

    spec = source.element_spec
    parts = [_of_form(tf.data.Dataset.from_tensors(batch), spec) for batch in batches]
    whole = functools.reduce(lambda one, other: one.concatenate(other), parts)
    # Nothing is to be rewritten or asked for ahead of its step for so short a way.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return iter(whole.with_options(options))


def _of_form(dataset: Any, spec: Any) -> Any:
    """A dataset that is told to have elements of a form, such as batches of any number of rows."""
    import tensorflow as tf

    variant = tf.data.experimental.to_variant(dataset)
    return tf.data.experimental.from_variant(variant, spec)


def split(batch: Any) -> tuple[Any, Any, Any]:
    """A batch as ``x, y, sample_weight``."""
    x, y, weight = load().utils.unpack_x_y_sample_weight(batch)
    return x, y, weight


def packed(x: Any, y: Any, weight: Any) -> Any:
    """A batch of ``x, y, sample_weight``, as ``fit`` hands it to the training step."""
    return load().utils.pack_x_y_sample_weight(x, y, weight)


def alike(batches: list[Any]) -> list[Any]:
    """The batches whose rows have the shape of the first batch's; padded texts may differ."""
    shapes = [
        [None if each is None else each.shape[1:] for each in structures.flatten(batch)]
        for batch in batches
    ]
    return [batch for batch, shape in zip(batches, shapes, strict=True) if shape == shapes[0]]


def joined(batches: list[Any]) -> Any:
    """Batches as one: those whose rows have the first batch's shape."""
    parts = alike(batches)
    return structures.mapped(
        lambda *each: None if each[0] is None else np.concatenate(each), *parts
    )


def of_call(train: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The batch that ``train_on_batch`` was called with, ``(x, y, weight)``; None where unknown."""
    given = inspect.signature(train).bind(*args, **kwargs).arguments
    names = ("x", "y", "sample_weight")
    found = [structures.plain_arrays(given.get(name)) for name in names]
    return None if found[0] is None else packed(*found)


def metrics_of(model: Any, result: Any) -> dict[str, Any]:
    """What ``train_on_batch`` gave, by the names of the metrics."""
    if isinstance(result, Mapping):
        return {str(name): value for name, value in result.items()}
    values = list(result) if isinstance(result, (list, tuple)) else [result]
    # Keras keeps those that ``compile`` was given in one metric that lists them.
    found = [getattr(each, "metrics", None) or [each] for each in model.metrics]
    names = [str(each.name) for part in found for each in part]
    return dict(zip(names, values, strict=False))


def are_same(one: Any, other: Any) -> bool:
    """Whether two batches hold the same values."""
    pairs = [structures.arrays(each) for each in (one, other)]
    return len(pairs[0]) == len(pairs[1]) and all(
        mine.shape == theirs.shape
        and np.array_equal(mine[:1], theirs[:1])
        and np.array_equal(mine, theirs)
        for mine, theirs in zip(*pairs, strict=True)
    )


def copied(batch: Any) -> Any:
    """A copy of a batch, as arrays; of one that several processes share, their own rows."""

    def copy(each: Any) -> Any:
        if not on_tensorflow():
            return None if each is None else np.array(own_rows(each))
        import tensorflow as tf

        if isinstance(each, tf.experimental.Optional):  # Keras' way of giving no weights, say
            each = each.get_value() if each.has_value() else None
        return None if each is None else np.array(dense(each))

    return structures.mapped(copy, batch)


def rows_of(batch: Any) -> int:
    """How many rows a batch has."""
    first = structures.flatten(batch)[0]
    return len(first) if first.ndim else 1
