"""The hook: sees the call of every Keras operation while a model runs once.

Every Keras layer and every operation of a functional graph goes through ``Operation.__call__``, a
layer through ``Layer.__call__`` first, which casts and converts its arguments. Both are wrapped for
the time of one forward pass, so that the tensors seen are the very objects that one layer handed to
the next; that identity is what joins the graph.
"""

import functools
import inspect
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.capture.tensors import copy_of


@dataclass
class Call:
    """One call of one operation."""

    operation: Any  # the Keras layer or operation
    # inputs, outputs: the tensors it received and gave, flattened, in order
    inputs: list[Any]
    # input_names, output_names: for each the key that it had in a dictionary, or None
    input_names: list[str | None] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    output_names: list[str | None] = field(default_factory=list)
    # for each output the Keras mask that it carries, or None
    masks: list[Any] = field(default_factory=list)
    outer: "Call | None" = None  # the call that it happened within, or None
    is_leaf: bool = True  # whether no call happened within it
    error: BaseException | None = None  # what it raised, or None


class TookTooLongError(BaseException):
    """Raised within a model that is traced for longer than it may; its layers do not catch it."""


class _Listener(threading.local):
    """The calls being listened to in this thread: another thread's models are not ours."""

    def __init__(self) -> None:
        self.calls: list[Call] | None = None
        self.open: list[Call] = []
        self.until = math.inf
        self.clock: Any = None


_listener = _Listener()
_lock = threading.Lock()
_wrapped = 0
_originals: list[tuple[Any, Callable[..., Any], Callable[..., Any]]] = []


@contextmanager
def clocked(clock: Any) -> Iterator[None]:
    """Have the calls of the block timed by ``clock``: ``begins`` gets an operation and its
    arguments and gives those to call it with, ``ends`` gets it and its outputs."""
    before, _listener.clock = _listener.clock, clock
    try:
        yield
    finally:
        _listener.clock = before


@contextmanager
def watch(until: float = math.inf, within: Any = None) -> Iterator[list[Call]]:
    """Record every Keras call in this thread until the block ends, into a list that fills
    meanwhile.

    What a layer of Keras' own calls within itself is not recorded: an LSTM's cell, the dense layers
    of an attention. Inside the block a layer that hands on its very input gives a copy of it, so
    that the two can be told apart. ``within`` is the model whose training step makes the calls.

    Raises:
        TookTooLongError: out of a call within the block, from ``until`` of ``perf_counter`` on.
    """
    outer = [] if within is None else [Call(within, [])]
    before, _listener.calls = _listener.calls, [*outer]
    stack, _listener.open = _listener.open, [*outer]
    limit, _listener.until = _listener.until, until
    _wrap()
    try:
        yield _listener.calls
    finally:
        _unwrap()
        _listener.calls, _listener.open, _listener.until = before, stack, limit


def is_closed(keras: Any, operation: Any) -> bool:
    """Whether an operation is one stage, whatever it is made of: every layer of Keras is."""
    if not isinstance(operation, keras.layers.Layer) or isinstance(operation, keras.Model):
        return False
    own = internals.is_of_keras(type(operation))
    # The cell of an RNN runs within a loop, whose tensors cannot leave it.
    return own or isinstance(operation, (keras.layers.RNN, keras.layers.Wrapper))


def _wrap() -> None:
    global _wrapped  # noqa: PLW0603 the wrapped classes are process-wide as well
    keras = load()
    with _lock:
        _wrapped += 1
        if _wrapped > 1:
            return
        for owner in (keras.Operation, keras.layers.Layer):
            original = owner.__dict__["__call__"]
            ours = _listening(original, keras)
            _originals.append((owner, original, ours))
            owner.__call__ = ours


def _unwrap() -> None:
    global _wrapped  # noqa: PLW0603
    with _lock:
        _wrapped -= 1
        while not _wrapped and _originals:
            owner, original, ours = _originals.pop()
            # Somebody may have wrapped ours meanwhile; without listeners it only calls through.
            if owner.__dict__["__call__"] is ours:
                owner.__call__ = original


def _listening(original: Callable[..., Any], keras: Any) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls, stack = _listener.calls, _listener.open
        # A layer's call arrives twice, as Layer and, from within, as Operation; the outer one has
        # the tensors as they were handed over.
        if calls is None or (
            stack and (stack[-1].operation is self or is_closed(keras, stack[-1].operation))
        ):
            return original(self, *args, **kwargs)
        if time.perf_counter() > _listener.until:
            raise TookTooLongError
        seen = Call(self, [], outer=stack[-1] if stack else None)
        if seen.outer is not None:
            seen.outer.is_leaf = False
        seen.input_names, seen.inputs = _without_masks(self, *_tensors(keras, (args, kwargs)))
        calls.append(seen)
        stack.append(seen)
        if _listener.clock is not None:
            args, kwargs = _listener.clock.begins(self, args, kwargs)
        try:
            result = _with_scores(keras, original, self, args, kwargs)
        except BaseException as error:
            seen.error = error
            raise
        finally:
            stack.pop()
        result, extra = result
        if seen.is_leaf:
            result = _fresh(keras, result, seen.inputs)
        seen.output_names, seen.outputs = _tensors(keras, result)
        seen.output_names += [name for name, _ in extra]
        seen.outputs += [values for _, values in extra]
        if _listener.clock is not None:
            _listener.clock.ends(self, seen.outputs)
        seen.masks = [internals.mask_of(tensor) for tensor in seen.outputs]
        return result

    return call


def _with_scores(
    keras: Any, original: Callable[..., Any], layer: Any, args: Any, kwargs: Any
) -> tuple[Any, list[tuple[str, Any]]]:
    """Call an operation; Keras' attentions also give their weights, unseen by their caller."""
    kind: Any = type(layer)
    attends = is_closed(keras, layer) and "return_attention_scores" in _parameters(kind)
    if not attends or "return_attention_scores" in kwargs:
        return original(layer, *args, **kwargs), []
    result, scores = original(layer, *args, **kwargs, return_attention_scores=True)
    return result, [("attention", scores)]


@functools.cache
def _parameters(kind: Any) -> frozenset[str]:
    return (
        frozenset(inspect.signature(kind.call).parameters) if hasattr(kind, "call") else frozenset()
    )


def _fresh(keras: Any, result: Any, inputs: list[Any]) -> Any:
    """The result with a copy of every tensor that is an unchanged input, as of Dropout."""
    received = {id(tensor) for tensor in inputs}

    def copied(tensor: Any) -> Any:
        if id(tensor) not in received or not hasattr(tensor, "dtype"):
            return tensor
        copy = copy_of(tensor)
        mask = internals.mask_of(tensor)
        if mask is not None:
            internals.set_mask(copy, mask)
        return copy

    return keras.tree.map_structure(copied, result)


def _without_masks(
    operation: Any, names: list[str | None], tensors: list[Any]
) -> tuple[list[str | None], list[Any]]:
    """The tensors without the masks that Keras carries along with them and passes on by itself."""
    kind: Any = type(operation)
    arguments = _parameters(kind)
    carried = any(internals.mask_of(tensor) is not None for tensor in tensors)

    def is_mask(name: str | None) -> bool:
        return (
            carried
            and name is not None
            and (name == "mask" or name.removesuffix("_mask") in arguments - {name})
        )

    kept = [
        (name, tensor) for name, tensor in zip(names, tensors, strict=True) if not is_mask(name)
    ]
    return [name for name, _ in kept], [tensor for _, tensor in kept]


def _tensors(keras: Any, nest: Any) -> tuple[list[str | None], list[Any]]:
    """The tensors in a structure with the keys that they stand under."""
    names: list[str | None] = []
    found: list[Any] = []
    for path, leaf in keras.tree.flatten_with_path(nest):
        if keras.ops.is_tensor(leaf):
            keys = [key for key in path if isinstance(key, str)]
            names.append(keys[-1] if keys else None)
            found.append(leaf)
    return names, found
