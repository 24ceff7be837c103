"""The hook: sees the call of every Keras operation while a model runs once.

Every Keras layer and every operation of a functional graph goes through ``Operation.__call__``, a layer through
``Layer.__call__`` first, which casts and converts its arguments. Both are wrapped for the time of one forward pass, so
that the tensors seen are the very objects that one layer handed to the next; that identity is what joins the graph.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipetrace.capture.backend import load


@dataclass
class Call:
    """One call of one operation.

    Attributes:
        operation: the Keras layer or operation.
        path: the names of the operations that it was called within, outermost first, its own last.
        inputs, outputs: the tensors it received and gave, flattened, in order.
        inner: how many calls happened within it; a call with none is a leaf.
    """

    operation: Any
    path: tuple[str, ...]
    inputs: list[Any]
    outputs: list[Any] = field(default_factory=list)
    inner: int = 0


class _Listener(threading.local):
    """The calls being listened to in this thread: another thread's models are not ours."""

    def __init__(self) -> None:
        self.calls: list[Call] | None = None
        self.open: list[Call] = []


_listener = _Listener()
_lock = threading.Lock()
_wrapped = 0
_originals: list[tuple[Any, Callable[..., Any]]] = []


@contextmanager
def watch() -> Iterator[list[Call]]:
    """Record every Keras call in this thread until the block ends, in the order in which the calls begin.

    Yields:
        the list, which fills as calls happen.
    """
    before, _listener.calls = _listener.calls, []
    stack, _listener.open = _listener.open, []
    _wrap()
    try:
        yield _listener.calls
    finally:
        _unwrap()
        _listener.calls, _listener.open = before, stack


def _wrap() -> None:
    global _wrapped  # noqa: PLW0603 the wrapped classes are process-wide as well
    keras = load()
    with _lock:
        _wrapped += 1
        if _wrapped > 1:
            return
        for owner in (keras.Operation, keras.layers.Layer):
            original = owner.__dict__["__call__"]
            _originals.append((owner, original))
            owner.__call__ = _listening(original, keras)


def _unwrap() -> None:
    global _wrapped  # noqa: PLW0603
    with _lock:
        _wrapped -= 1
        while not _wrapped and _originals:
            owner, original = _originals.pop()
            owner.__call__ = original


def _listening(original: Callable[..., Any], keras: Any) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls, stack = _listener.calls, _listener.open
        # A layer's call arrives twice, as Layer and, from within, as Operation; the outer one has the tensors as they
        # were handed over.
        if calls is None or (stack and stack[-1].operation is self):
            return original(self, *args, **kwargs)
        for outer in stack:
            outer.inner += 1
        path = (*(stack[-1].path if stack else ()), str(self.name))
        seen = Call(self, path, _tensors(keras, (args, kwargs)))
        calls.append(seen)
        stack.append(seen)
        try:
            result = original(self, *args, **kwargs)
        finally:
            stack.pop()
        seen.outputs = _tensors(keras, result)
        return result

    return call


def _tensors(keras: Any, nest: Any) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(nest) if keras.ops.is_tensor(leaf)]
