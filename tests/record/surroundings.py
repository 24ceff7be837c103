"""What a process is like beside its models: hooks, threads, files, settings. Written so that two processes can be compared."""

import atexit
import contextlib
import gc
import logging
import os
import re
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

PLAIN = (bool, int, float, str, bytes, type(None))
OPEN_FILES = Path("/proc/self/fd")
CLASSES = (
    "Model",
    "layers.Layer",
    "Operation",
    "Loss",
    "Metric",
    "Optimizer",
    "Variable",
    "callbacks.Callback",
    "callbacks.CallbackList",
    "callbacks.History",
    "utils.PyDataset",
)
"""Of Keras, whose methods are looked at, with those of all that they inherit from."""


def surroundings() -> dict[str, tuple[str, ...]]:
    """What is there now, by name, each in texts that are the same in two processes that did the same."""
    found = {
        "threads": tuple(sorted(_threads())),
        "open files": tuple(sorted(_open_files())),
        "environment": tuple(sorted(f"{name}={value}" for name, value in os.environ.items())),
        "warnings filters": tuple(map(repr, warnings.filters)),
        "logging": tuple(_logging()),
        "signal handlers": tuple(_signals()),
        "hooks": tuple(_hooks()),
        "import path": (*sys.path, *(_told(each) for each in sys.meta_path)),
        "settings of Python": tuple(_python()),
        "settings of NumPy": (*map(repr, sorted(np.geterr().items())), repr(np.geterrcall())),
    }
    if "keras" in sys.modules:
        found["settings of Keras"] = tuple(_keras())
        found["methods of Keras"] = tuple(
            f"{name}: {_told(value)}" for name, value in methods().items()
        )
    if "tensorflow" in sys.modules:
        found["settings of TensorFlow"] = tuple(_tensorflow())
    return found


def methods() -> dict[str, Any]:
    """Every function and property of Keras' main classes, and of those that they inherit from, by its name."""
    keras: Any = sys.modules["keras"]
    kinds: dict[str, type] = {}
    for name in CLASSES:
        found: Any = keras
        for part in name.split("."):
            found = getattr(found, part, None)
        for kind in getattr(found, "__mro__", ()):
            if kind is not object:
                kinds.setdefault(f"{kind.__module__}.{kind.__qualname__}", kind)
    return {
        f"{where}.{name}": value
        for where, kind in sorted(kinds.items())
        for name, value in sorted(vars(kind).items())
        if callable(value) or isinstance(value, property | classmethod | staticmethod)
    }


@contextlib.contextmanager
def noting_at_exit(found: list[str]) -> Iterator[None]:
    """Within the block note what is registered to be called when Python ends, less what is taken back; Python does not tell."""
    register, unregister = atexit.register, atexit.unregister

    def registered(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        found.append(_told(function))
        return register(function, *args, **kwargs)

    def unregistered(function: Callable[..., Any]) -> None:
        name = _told(function)
        found[:] = [each for each in found if each != name]
        unregister(function)

    atexit.register, atexit.unregister = registered, unregistered  # type: ignore[assignment]
    try:
        yield
    finally:
        atexit.register, atexit.unregister = register, unregister


def attributes(model: Any) -> tuple[str, ...]:
    """The attributes of a model and of all its layers: their types, small values, and where functions come from."""
    lines = []
    for layer in dict.fromkeys(
        [model, *getattr(model, "_flatten_layers", lambda **_: ())(include_self=False)]
    ):
        name = getattr(layer, "path", None) or type(layer).__name__
        lines += [f"{name}.{key}: {_kind(value)}" for key, value in sorted(vars(layer).items())]
    return tuple(lines)


def _kind(value: Any) -> str:
    if isinstance(value, PLAIN):
        return repr(value)[:80]
    if callable(value) and hasattr(value, "__code__"):
        return _told(value)
    if isinstance(value, list | tuple | dict | set):
        return f"{type(value).__name__} of {len(value)}"
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _told(value: Any) -> str:
    """A function by its name and file, wrapped or not; anything else by its type."""
    for inner in ("fget", "__func__"):
        value = getattr(value, inner, None) or value
    code = getattr(value, "__code__", None)
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    module = getattr(value, "__module__", None) or type(value).__module__
    return f"{module}.{name}" + (f" ({Path(code.co_filename).stem}.{code.co_name})" if code else "")


def _threads() -> Iterator[str]:
    for thread in threading.enumerate():
        # Those that TensorFlow made itself are known to Python once they call it, whenever that is.
        if not isinstance(thread, threading._DummyThread):
            yield f"{re.sub(r'[0-9]+', '#', thread.name)}{' (daemon)' if thread.daemon else ''}"


def _open_files() -> Iterator[str]:
    """The files that are open, of a system that tells; pipes and devices are not looked at."""
    with contextlib.suppress(OSError):
        for each in OPEN_FILES.iterdir():
            with contextlib.suppress(OSError):
                target = str(each.readlink())
                if target.startswith("/") and not target.startswith(("/dev/", "/proc/")):
                    yield target


def _logging() -> Iterator[str]:
    loggers: Mapping[str, Any] = {"root": logging.getLogger(), **logging.Logger.manager.loggerDict}
    for name, logger in sorted(loggers.items()):
        handlers = [type(each).__qualname__ for each in getattr(logger, "handlers", ())]
        level = getattr(logger, "level", 0)
        if handlers or level or getattr(logger, "filters", ()):
            yield f"{name}: level {level}, handlers {handlers}, {len(logger.filters)} filters"
    yield f"disabled up to {logging.root.manager.disable}"


def _signals() -> Iterator[str]:
    for number in sorted(signal.valid_signals()):
        handler = signal.getsignal(number)
        told = (
            _told(handler) if callable(handler) and hasattr(handler, "__code__") else repr(handler)
        )
        yield f"{number!r}: {re.sub(r' at 0x[0-9a-f]+', '', told)}"


def _hooks() -> Iterator[str]:
    for owner, names in (
        (sys, ("excepthook", "unraisablehook", "displayhook", "breakpointhook")),
        (threading, ("excepthook",)),
    ):
        for name in names:
            yield f"{owner.__name__}.{name}: {_told(getattr(owner, name))}"
    for name in ("gettrace", "getprofile"):
        yield f"sys.{name}: {_kind(getattr(sys, name)())}"
        yield f"threading.{name}: {_kind(getattr(threading, name)())}"
    yield f"sys.get_asyncgen_hooks: {sys.get_asyncgen_hooks()}"
    yield f"gc.callbacks: {[_told(each) for each in gc.callbacks]}"
    yield f"logging.lastResort: {_kind(logging.lastResort)}"


def _python() -> Iterator[str]:
    yield f"working folder {Path.cwd()}"
    yield f"stdout {_kind(sys.stdout)}, stderr {_kind(sys.stderr)}, stdin {_kind(sys.stdin)}"
    yield f"recursion limit {sys.getrecursionlimit()}, switch interval {sys.getswitchinterval()}"
    yield f"garbage collection {gc.isenabled()}, {gc.get_threshold()}, debug {gc.get_debug()}"
    yield f"socket timeout {socket.getdefaulttimeout()}"
    yield f"thread stack size {threading.stack_size()}"


def _keras() -> Iterator[str]:
    config: Any = sys.modules["keras"].config
    for name in (
        "backend",
        "floatx",
        "epsilon",
        "image_data_format",
        "is_interactive_logging_enabled",
        "is_traceback_filtering_enabled",
        "is_flash_attention_enabled",
        "max_epochs",
        "max_steps_per_epoch",
    ):
        if hasattr(config, name):
            yield f"{name}: {getattr(config, name)()}"
    yield f"dtype_policy: {config.dtype_policy().name}"


def _tensorflow() -> Iterator[str]:
    tf: Any = sys.modules["tensorflow"]
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config as op_config

    eager = context.context()
    yield f"run eagerly {tf.config.functions_run_eagerly()}, eager {tf.executing_eagerly()}"
    yield f"soft device placement {tf.config.get_soft_device_placement()}"
    yield f"threads between operations {eager.inter_op_parallelism_threads}, within {eager.intra_op_parallelism_threads}"
    yield f"deterministic {op_config.is_op_determinism_enabled()}"
    yield f"jit {tf.config.optimizer.get_jit()!r}, {sorted(tf.config.optimizer.get_experimental_options().items())}"
    yield f"logger level {tf.get_logger().level}"
    yield f"executor {'async' if getattr(eager, 'is_async', lambda: False)() else 'sync'}"
