"""Every name of Keras that it does not promise, in one place.

Where the installed Keras no longer has what a function needs, the function gives what an absent
value gives, and whoever records notes that the part was not recorded. ``supports_...`` tells that
where it is asked for. ``tests/capture/test_internals.py`` is the contract; it runs against the
oldest and the newest Keras that pyproject names.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

import numpy as np

from pipetrace.capture.backend import load, on_tensorflow

FIT_LOCALS = frozenset({"x", "y", "validation_data", "callbacks", "epoch_iterator"})
"""Local variables of Keras' ``fit`` that are read from its frame."""
CALLBACK_METHODS = (
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_train_end",
)
"""What Keras calls of its list of callbacks while a ``fit`` runs."""
NAME_COUNTERS = "object_name_uids"
"""What Keras' state of a thread calls the counters for automatic names."""
SEED_GENERATOR = "global_seed_generator"
"""What it calls the generator of seeds where a program gives none."""
DATASET_INPUTS = "_inputs"
"""The method that gives the datasets that a dataset takes from."""
DATASET_SETTINGS = {
    "buffer_size": "_buffer_size",
    "batch_size": "_batch_size",
    "drop_remainder": "_drop_remainder",
    "count": "_count",
    "size": "_size",
    "shift": "_shift",
    "stride": "_stride",
    "parallel_calls": "_num_parallel_calls",
    "cycle_length": "_cycle_length",
    "block_length": "_block_length",
    "reshuffle": "_reshuffle_each_iteration",
    "shards": "_num_shards",
    "index": "_index",
    "start": "_start",
    "stop": "_stop",
    "step": "_step",
    "seed": "_seed2",
    "global_seed": "_seed",
    "file": "_filename",
}
"""What a stage may have been made with, and the attribute that holds it."""
DATASET_FUNCTIONS = ("_map_func", "_predicate", "_scan_func", "_reduce_func", "_key_func")
"""Attributes that hold the function of a stage."""


# The running fit: a callback is given neither the rows nor Keras' list of callbacks.


def fit_locals(model: Any) -> Mapping[str, Any] | None:
    """The local variables of this thread's innermost ``fit`` of a model, to be read only."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model:
            found = frame.f_locals
            if found.keys() >= FIT_LOCALS:
                return found
        frame = frame.f_back
    return None


def supports_callback_list() -> bool:
    """Whether Keras' list of callbacks has the methods that ``hearing`` wraps."""
    kind = load().callbacks.CallbackList
    return all(callable(getattr(kind, name, None)) for name in CALLBACK_METHODS)


def hear_errors(callback_list: Any, failed: Callable[[BaseException], None]) -> Callable[[], None]:
    """Call ``failed`` with what callbacks of a bare ``Recorder``'s list raise, until the result is
    called.
    """

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return original(*args, **kwargs)
            except BaseException as error:
                failed(error)
                raise

        return wrapper

    wrappers = {
        name: around(getattr(callback_list, name))
        for name in CALLBACK_METHODS
        if hasattr(callback_list, name)
    }
    for name, wrapper in wrappers.items():
        setattr(callback_list, name, wrapper)

    def undo() -> None:
        for name, wrapper in wrappers.items():
            if vars(callback_list).get(name) is wrapper:
                delattr(callback_list, name)

    return undo


# The functions that Keras compiles for training and validation, as attributes of the model.


def supports_step_functions(model: Any) -> bool:
    """Whether Keras keeps its training step in ``model.train_function``."""
    return hasattr(model, "train_function") and callable(
        getattr(model, "make_train_function", None)
    )


def steps_per_call(model: Any) -> int:
    """How many steps one call of the training function makes."""
    return int(getattr(model, "steps_per_execution", 1) or 1)


def is_end_of_data(error: BaseException) -> bool:
    """Whether TensorFlow raised this since the data has no further batch."""
    if not on_tensorflow():
        return False
    import tensorflow as tf

    return isinstance(error, tf.errors.OutOfRangeError)


# How TensorFlow prepares a function that runs for the first time.


@contextlib.contextmanager
def as_traced() -> Iterator[None]:
    """A block in which this thread's functions run as they were traced.

    Otherwise TensorFlow first rewrites the graph to make it faster. For a function that runs a few
    times that takes longer than it saves: half of what its first call takes. A function has to be
    called within such a block each time, as it would be prepared anew otherwise.
    """
    eager = _eager()
    if eager is None:
        yield
        return
    import tensorflow as tf

    before = eager.function_call_options
    config = tf.compat.v1.ConfigProto.FromString(before.config_proto_serialized)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    kind = type(before)
    eager.function_call_options = kind(executor_type=before.executor_type, config_proto=config)
    try:
        yield
    finally:
        eager.function_call_options = before


def _eager() -> Any:
    found = _asked(getattr(sys.modules.get("tensorflow.python.eager.context"), "context", None))
    options = getattr(found, "function_call_options", None)
    return found if isinstance(getattr(options, "config_proto_serialized", None), bytes) else None


# Masks, which Keras carries along with tensors.


def supports_masks() -> bool:
    """Whether tensors carry Keras' masks in the way that is read here."""
    load()
    return hasattr(sys.modules.get("keras.src.backend.common.masking"), "get_keras_mask")


def mask_of(tensor: Any) -> Any:
    """The mask that a tensor carries, or None."""
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor: Any, mask: Any) -> None:
    """Have a tensor carry a mask."""
    tensor._keras_mask = mask


# Automatic names, which Keras numbers by counters of the thread.


def own_names() -> AbstractContextManager[None]:
    """A block whose automatic names are counted apart, in a copy of the thread's counters.

    Running a layer may make operations, which Keras names by the next number. Without support, or
    while nobody has imported Keras, nothing is done.
    """
    return _kept(NAME_COUNTERS, lambda counters: None if counters is None else counters.copy())


def own_seeds() -> AbstractContextManager[None]:
    """A block after which the thread has the generator of seeds that it had before, or none."""
    return _kept(SEED_GENERATOR, lambda generator: generator)


@contextlib.contextmanager
def _kept(name: str, within: Callable[[Any], Any]) -> Iterator[None]:
    """A block after which an attribute of the thread's is what it was; in it, what that gives."""
    state = _global_state()
    if state is None or not hasattr(state, "set_global_attribute"):
        yield
        return
    before = state.get_global_attribute(name)
    state.set_global_attribute(name, within(before))
    try:
        yield
    finally:
        state.set_global_attribute(name, before)


def _global_state() -> Any:
    return sys.modules.get("keras.src.backend.common.global_state")


# Layers, seeds, and which classes are Keras' own.


def supports_all_layers() -> bool:
    """Whether a layer lists the layers in it, also those of custom layers."""
    return callable(getattr(load().layers.Layer, "_flatten_layers", None))


def all_layers(model: Any) -> list[Any]:
    """A model and all layers in it, at every depth; without support only those that are public."""
    with contextlib.suppress(Exception):  # whatever a model of somebody's own is
        return list(model._flatten_layers())
    return list(_public_layers(model, set()))


def _public_layers(layer: Any, seen: set[int]) -> Iterator[Any]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer
    for inner in [*(getattr(layer, "layers", None) or []), getattr(layer, "layer", None)]:
        if inner is not None:
            yield from _public_layers(inner, seen)


def built_calls(model: Any) -> list[tuple[Any, list[Any], list[Any]]] | None:
    """The calls that a model was built of: each operation with the tensors it got and gave.

    None of what is no sequential or functional model, or may call its layers in another way.
    """
    keras = load()
    with contextlib.suppress(Exception):  # whatever a model of somebody's own is
        if isinstance(model, keras.Model) and is_of_keras(type(model)):
            function = getattr(model, "_functional", model)
            by_depth = function._nodes_by_depth
            nodes = [each for depth in sorted(by_depth, reverse=True) for each in by_depth[depth]]
            return [
                (each.operation, list(each.arguments.keras_tensors), list(each.outputs))
                for each in nodes
                if not each.is_input
            ]
    return None


def supports_seed() -> bool:
    """Whether Keras remembers the seed of ``keras.utils.set_random_seed``; it does from 3.9 on."""
    return callable(getattr(_rng_utils(), "get_random_seed", None))


def seed() -> int | None:
    """The seed that ``keras.utils.set_random_seed`` was given; None where it is not known."""
    if not supports_seed():
        return None
    found = _rng_utils().get_random_seed()
    return int(found) if hasattr(found, "__index__") else None


def _rng_utils() -> Any:
    load()
    return sys.modules.get("keras.src.utils.rng_utils")


def is_of_keras(kind: type) -> bool:
    """Whether a class is one of Keras' own, which its users see as one thing."""
    return kind.__module__.partition(".")[0] == "keras"


# The stages of a tf.data.Dataset.


def supports_dataset_inputs(dataset: Any) -> bool:
    """Whether a dataset tells what it takes from."""
    return isinstance(_asked(lambda: list(getattr(dataset, DATASET_INPUTS)())), list)


def dataset_inputs(dataset: Any) -> list[Any]:
    """The datasets that a dataset takes from; none without support."""
    return _asked(lambda: list(getattr(dataset, DATASET_INPUTS)())) or []


def drawn_shares(selector: Any) -> list[float] | None:
    """By which shares the selector of ``sample_from_datasets`` draws from the datasets: none where
    they change from element to element; None of any other dataset."""
    function: Any = getattr(_asked(lambda: selector._map_func), "_func", None)
    if "sample_from_datasets" not in str(getattr(function, "__qualname__", "")):
        return None
    logits = _asked(lambda: np.float64(function.__closure__[0].cell_contents).reshape(-1))
    return [] if logits is None else (np.exp(logits) / np.exp(logits).sum()).tolist()


def dataset_settings(dataset: Any) -> dict[str, Any]:
    """What a stage of a dataset was made with; a setting that is missing is left out."""
    found: dict[str, Any] = {}
    for name, attribute in DATASET_SETTINGS.items():
        value = _plain_number(_asked(lambda attribute=attribute: getattr(dataset, attribute)))
        if value is not None and value != "":
            found[name] = value
    # Without a seed of its own both are 0, and which numbers are drawn is left to chance.
    if "seed" in found and not found["seed"] and not found.get("global_seed"):
        del found["seed"]
    found.pop("global_seed", None)
    for attribute in DATASET_FUNCTIONS:
        function = getattr(
            _asked(lambda attribute=attribute: getattr(dataset, attribute)), "_func", None
        )
        if function is not None:
            name = str(getattr(function, "__qualname__", type(function).__name__))
            is_lambda = name.endswith("<lambda>")
            found["function"] = "a lambda" if is_lambda else name.replace("<locals>.", "")
    return found


def _plain_number(value: Any) -> Any:
    """A plain number or string out of a tensor; None where it is none, or not known yet."""
    if not isinstance(value, bool | int | float | str):
        value = _asked(lambda: value.numpy() if value.shape == () else None)
        value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, bool | int | float | str) else None


def _asked(question: Any) -> Any:
    """The answer, or None: these attributes are nobody's promise."""
    try:
        return question()
    except Exception:
        return None


def unsupported(model: Any) -> tuple[str, ...]:
    """What the installed Keras gives no access to, as a trace names it."""
    checks = {
        "steps": supports_step_functions(model),
        "masks": supports_masks(),
        "inner layers": supports_all_layers(),
        "seed": supports_seed(),
    }
    return tuple(name for name, supported in checks.items() if not supported)
