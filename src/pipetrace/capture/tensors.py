"""Following tensors back through the graph that TensorFlow builds while a function is traced."""

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture.backend import load, name, on_tensorflow
from pipetrace.trace.document import Array

Origin: TypeAlias = tuple[str, int]
"""Where a tensor comes from: the name of a stage, and which of its outputs it is."""

TRANSPARENT = frozenset(
    {
        "Identity",
        "Cast",
        "StopGradient",
        "PreventGradient",
        "CheckNumerics",
        "EnsureShape",
        "PlaceholderWithDefault",
    }
)
"""Operations that keep the values, but for their type: the result is the same stage's output."""

ASIDE = frozenset({"Shape", "ShapeN", "Size", "Rank"})
"""Operations that ask how large a tensor is and take none of its values."""

PLUMBING = frozenset(
    {"Const", "ReadVariableOp", "NoOp", "Pack", "VarHandleOp", "Placeholder", "ResourceGather"}
)
"""Operations that bring constants and variables, which are not worth a word of their own."""

NAMES = {
    "AddV2": "add",
    "AddN": "add",
    "BiasAdd": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "RealDiv": "divide",
    "DivNoNan": "divide",
    "MatMul": "matmul",
    "BatchMatMul": "matmul",
    "BatchMatMulV2": "matmul",
    "BatchMatMulV3": "matmul",
    "ConcatV2": "concatenate",
    "StridedSlice": "get_item",
    "Neg": "negative",
    "GatherV2": "take",
    "ExpandDims": "expand_dims",
    "SelectV2": "where",
    "SplitV": "split",
    "Pack": "stack",
}
"""Names of TensorFlow's operations in ``keras.ops``, where more than the spelling differs."""


def components(tensor: Any) -> list[Any]:
    """The plain tensors of a tensor: itself, or the parts of a sparse or ragged one."""
    if not on_tensorflow():
        return [tensor]
    import tensorflow as tf

    return [each for each in tf.nest.flatten(tensor, expand_composites=True) if each is not None]


def dense(tensor: Any) -> Any:
    """A sparse or ragged tensor, or the gradient of single rows of a table, as a plain one."""
    if not on_tensorflow():
        return tensor
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor)
    if isinstance(tensor, tf.RaggedTensor):
        return tensor.to_tensor()
    return tf.convert_to_tensor(tensor) if isinstance(tensor, tf.IndexedSlices) else tensor


def length(tensor: Any) -> Any:
    """The length of the first axis, known when the function runs."""
    if not on_tensorflow():
        return tensor.shape[0]
    import tensorflow as tf

    return tf.shape(dense(tensor))[0]


def copy_of(tensor: Any) -> Any:
    """The same values as another object."""
    if not on_tensorflow():
        return load().ops.copy(tensor)
    import tensorflow as tf

    return tf.identity(tensor)


def key(tensor: Any) -> Any:
    """A key for a tensor while it lives, however often TensorFlow wraps it anew."""
    parts = components(tensor)
    first = parts[0] if parts else tensor
    graph = getattr(first, "graph", None) if not hasattr(first, "numpy") else None
    return (id(graph), first.name) if graph is not None else id(first)


def converter() -> Any:
    """The backend's function that makes a tensor of an array, ``(value, dtype=None)``."""
    if not on_tensorflow():
        return load().ops.convert_to_tensor
    import tensorflow as tf

    return tf.convert_to_tensor


def as_function(function: Any) -> Any:
    """A function as TensorFlow traces it; on another backend itself."""
    if not on_tensorflow():
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)


def outside() -> AbstractContextManager[Any]:
    """A block outside of a function that is being traced: a layer may ask a table for its size,
    which within one is no number yet."""
    if not on_tensorflow():
        return nullcontext()
    import tensorflow as tf

    scope: AbstractContextManager[Any] = tf.init_scope()
    return scope


def own_numbers() -> AbstractContextManager[Any]:
    """A block after which PyTorch draws the numbers that it would have drawn without it; the other
    backends keep no state that a forward pass would change."""
    if name() != "torch":
        return nullcontext()
    torch: Any = importlib.import_module("torch")
    block: AbstractContextManager[Any] = torch.random.fork_rng()
    return block


def next_numbers() -> Array:
    """Four numbers of the backend's own random state, which thereby goes on; JAX has none."""
    if name() == "jax":
        return np.zeros(4)
    library = importlib.import_module(name())
    found = library.random.uniform((4,)) if on_tensorflow() else library.rand(4)
    return np.asarray(found)


def is_local(tensor: Any) -> bool:
    """Whether a tensor belongs to the function being traced, and not to the body of a loop in
    it."""
    if not on_tensorflow():
        return True
    import tensorflow as tf

    if tf.executing_eagerly():
        return True
    graph = tf.compat.v1.get_default_graph()
    return all(getattr(part, "graph", graph) is graph for part in components(tensor))


def traced_back(
    tensor: Any, known: Mapping[Any, Any], *, of_known: bool = False
) -> tuple[list[Any], list[str]]:
    """The known tensors that a tensor's values come from, and the types of operations on the way.

    Both are in the order of computation. A constant meets none, nor does anything outside of a
    traced function. ``known`` has keys of the tensors at which the way ends. With ``of_known`` only
    operations on their values count, and those that draw random floats; not those that compute
    positions, lengths or factors of their own.
    """
    met: list[Any] = []
    passed: list[str] = []
    seen: set[Any] = set()
    following: set[Any] = set()
    waiting = [(each, False) for each in reversed(components(tensor))]
    while waiting:
        each, done = waiting.pop()
        if hasattr(each, "numpy") or not hasattr(each, "op"):
            continue
        operation, place = each.op, key(each)
        if done:
            follows = any(key(source) in following for source in operation.inputs)
            draws = "Random" in operation.type and each.dtype.is_floating
            following |= {key(output) for output in operation.outputs} if follows else set()
            counts = (follows or draws or not of_known) and operation.type not in passed
            if counts and operation.type not in TRANSPARENT | PLUMBING:
                passed.append(operation.type)
            continue
        if place in known:
            following.add(place)
            if place not in met:
                met.append(place)
            continue
        if operation.name in seen or operation.type in ASIDE:
            continue
        seen.add(operation.name)
        waiting.append((each, True))
        waiting += [(source, False) for source in reversed(list(operation.inputs))]
    return met, passed


def operations_behind(tensors: Iterable[Any], *, control: bool = True) -> Iterator[str]:
    """The names of all operations that tensors of a traced function need; with ``control``, to run
    too.
    """
    seen: set[str] = set()
    waiting = [each.op for tensor in tensors for each in components(tensor) if hasattr(each, "op")]
    while waiting:
        operation = waiting.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            yield operation.name
            waiting += [source.op for source in operation.inputs]
            waiting += operation.control_inputs if control else []


def name_of(operations: list[str]) -> str:
    """What a stage of these operations is called: as its last one is in ``keras.ops``."""
    plain = class_of(operations[-1]) if operations else "operation"
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in plain).strip("_")


def class_of(operation: str) -> str:
    """What ``keras.ops`` calls the class of one of TensorFlow's operations."""
    plain = re.sub(r"V\d$", "", operation)
    if operation not in NAMES:
        return plain
    return "".join(part.capitalize() for part in NAMES[operation].split("_"))
