"""How long each stage of a forward pass takes, read from a clock within TensorFlow's graph."""

from typing import Any

from pipetrace.capture import internals
from pipetrace.capture.backend import on_tensorflow
from pipetrace.capture.forward import Forward
from pipetrace.capture.hook import clocked
from pipetrace.capture.tensors import key
from pipetrace.capture.weights import tensors_of


def can_be_timed() -> bool:
    """Whether the backend has a graph with a clock in it; TensorFlow alone has."""
    return on_tensorflow()


class StageTimes(Forward):
    """The model once more, with a look at the clock before and after each of some operations.

    A stage begins when all its inputs are there and the stage before it is done, so two stages
    never run at once. On a GPU, whose work is only queued, a value of each tensor is fetched before
    the clock is read. Arguments are those of ``Forward``; the model has a ``call``.
    """

    def __init__(self, operations: list[Any], *args: Any, **kwargs: Any) -> None:
        self._operations, self.timed = operations, list[str]()
        super().__init__(*args, **kwargs)

    def seconds(self, rows: Any) -> dict[str, float]:
        """How long each stage takes for some rows, in one pass."""
        import tensorflow as tf

        given = self._keras.tree.map_structure(tf.convert_to_tensor, rows)
        # TensorFlow's rewriting would drop the fetched values, which nothing reads.
        with internals.as_traced():
            found = self.function(tensors_of(self._variables, None), given)
        return dict(zip(self.timed, map(float, found), strict=True))

    def _trace(self, given: list[Any], rows: Any) -> Any:
        clock = _Clock(self._keras, self._operations)
        with clocked(clock):
            super()._trace(given, rows)
        took = {
            node.stage.name: clock.took[key(node.tensors[0])]
            for node in self._nodes
            if node.tensors and key(node.tensors[0]) in clock.took
        }
        self.timed = list(took)
        return list(took.values())


class _Clock:
    """Reads the time before and after some operations."""

    def __init__(self, keras: Any, operations: list[Any]) -> None:
        self._keras, self._timed = keras, {id(each) for each in operations if each is not None}
        self._began: dict[int, Any] = {}
        # how long each took, a tensor, by the key of its first output
        self.took: dict[Any, Any] = {}

    def begins(self, operation: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Read the time once the inputs are there, and let the operation wait for that."""
        import tensorflow as tf

        if id(operation) not in self._timed:
            return args, kwargs
        inputs = [each for each in tf.nest.flatten((args, kwargs)) if tf.is_tensor(each)]
        began = self._began[id(operation)] = _now(inputs)

        def after(value: Any) -> Any:
            if not isinstance(value, tf.Tensor):
                return value
            with tf.control_dependencies([began]):
                waiting = tf.identity(value)
            mask = internals.mask_of(value)
            if mask is not None:
                internals.set_mask(waiting, mask)
            return waiting

        found: tuple[Any, Any] = self._keras.tree.map_structure(after, (args, kwargs))
        return found

    def ends(self, operation: Any, outputs: list[Any]) -> None:
        """Read the time once the outputs are there."""
        began = self._began.pop(id(operation), None)
        if began is not None and outputs:
            self.took[key(outputs[0])] = _now(outputs) - began


def _now(tensors: list[Any]) -> Any:
    """The time in seconds, read when a value of each of these is known to the processor."""
    import tensorflow as tf

    first = [tf.reshape(each, [-1])[:1] for each in tensors if isinstance(each, tf.Tensor)]
    with tf.device("CPU:0"):
        fetched = [tf.identity(each) for each in first]
        with tf.control_dependencies(fetched):
            return tf.timestamp()
