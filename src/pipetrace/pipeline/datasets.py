"""A ``tf.data.Dataset`` as it tells of itself: its stages, what each was made with, and the form of its elements.

Nothing is imported, iterated or changed. What a stage was made with stands in attributes that are no promise of
TensorFlow's, so each one is asked for with care: one that is missing is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipetrace.pipeline.forms import dtype_name, is_dataset

SETTINGS = {
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
FUNCTIONS = ("_map_func", "_predicate", "_scan_func", "_reduce_func", "_key_func")
OPERATIONS = {
    "TensorSlice": "slices",
    "Tensor": "tensors",
    "Range": "range",
    "Map": "map",
    "ParallelMap": "map",
    "Shuffle": "shuffle",
    "Batch": "batch",
    "ParallelBatch": "batch",
    "PaddedBatch": "padded batch",
    "DenseToRagged": "ragged batch",
    "Unbatch": "unbatch",
    "Rebatch": "rebatch",
    "Prefetch": "prefetch",
    "Repeat": "repeat",
    "Cache": "cache",
    "Filter": "filter",
    "Take": "take",
    "Skip": "skip",
    "Zip": "zip",
    "Window": "window",
    "FlatMap": "flat map",
    "Interleave": "interleave",
    "ParallelInterleave": "interleave",
    "Concatenate": "concatenate",
    "Shard": "shard",
    "Options": "options",
    "TakeWhile": "take while",
    "Scan": "scan",
    "Unique": "unique",
    "Enumerate": "enumerate",
    "Generator": "generator",
    "IgnoreErrors": "ignore errors",
}
"""What a dataset's class is called without the word Dataset, and what its stage does in a word."""
INFINITE, UNKNOWN = -1, -2
"""What ``cardinality()`` gives where it gives no number."""
MOST_STAGES = 200


@dataclass(frozen=True)
class Element:
    """One tensor of an element: its key or position, its shape as the dataset tells it, and its type.

    Attributes:
        key: such as ``0`` or ``image``; empty where an element is one tensor.
        shape: None where not even the number of axes is told.
        dtype: None for what is no tensor, such as a dataset within the dataset.
        type: the class of the specification, such as ``TensorSpec``.
    """

    key: str
    shape: tuple[int | None, ...] | None
    dtype: str | None
    type: str


@dataclass(frozen=True)
class DatasetStage:
    """One stage of a dataset.

    Attributes:
        operation: such as ``map``; the class's own name where it is not one of the known.
        type: the class.
        settings: what it was made with, as far as it tells.
        elements: the tensors of one element.
        batched: whether an element holds many rows: how many batchings came before.
        cardinality: how many elements it has; None where that is not known before it runs.
        infinite: whether it never ends.
        inputs: the positions of the stages that it takes from.
    """

    operation: str
    type: str
    settings: Mapping[str, Any]
    elements: tuple[Element, ...]
    batched: int
    cardinality: int | None
    infinite: bool
    inputs: tuple[int, ...]

    @property
    def config(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "operation": self.operation,
            "class": self.type,
            "settings": dict(self.settings),
            "elements": [
                {
                    "key": each.key,
                    "shape": None if each.shape is None else list(each.shape),
                    "dtype": each.dtype,
                    "type": each.type,
                }
                for each in self.elements
            ],
            "batched": self.batched,
            "cardinality": self.cardinality,
            "infinite": self.infinite,
        }


def describe_dataset(dataset: Any) -> tuple[DatasetStage, ...]:
    """The stages of a dataset, those that others take from first, the dataset itself last."""
    found: list[DatasetStage] = []
    places: dict[int, int] = {}
    _walk(dataset, found, places)
    return tuple(found)


def _walk(dataset: Any, found: list[DatasetStage], places: dict[int, int]) -> int | None:
    if id(dataset) in places:
        return places[id(dataset)]
    if len(found) + len(places) > MOST_STAGES:
        return None
    places[id(dataset)] = -1
    inner = [_walk(each, found, places) for each in _inputs(dataset)]
    inputs = tuple(place for place in inner if place is not None and place >= 0)
    places[id(dataset)] = len(found)
    found.append(
        _stage(dataset, inputs, max([found[place].batched for place in inputs], default=0))
    )
    return len(found) - 1


def _stage(dataset: Any, inputs: tuple[int, ...], batched: int) -> DatasetStage:
    kind = type(dataset).__name__
    word = kind.strip("_").removesuffix("V2").removesuffix("V1").removesuffix("Dataset")
    operation = OPERATIONS.get(word, word)
    size = _asked(lambda: int(dataset.cardinality()))
    if operation in ("batch", "padded batch", "ragged batch"):
        batched += 1
    if operation == "unbatch":
        batched = max(0, batched - 1)
    return DatasetStage(
        operation=operation,
        type=kind,
        settings=_settings(dataset),
        elements=_elements(_asked(lambda: dataset.element_spec)),
        batched=batched,
        cardinality=size if isinstance(size, int) and size >= 0 else None,
        infinite=size == INFINITE,
        inputs=inputs,
    )


def _inputs(dataset: Any) -> list[Any]:
    told = _asked(lambda: list(dataset._inputs()))
    if told is None:
        several = _asked(lambda: list(dataset._datasets)) or []
        told = several or [_asked(lambda: dataset._input_dataset)]
    return [each for each in told if is_dataset(each)]


def _settings(dataset: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, attribute in SETTINGS.items():
        value = _number(_told(dataset, attribute))
        if value is not None and value != "":
            found[name] = value
    # Without a seed of its own both are 0, and which numbers are drawn is left to chance.
    if "seed" in found and not found["seed"] and not found.get("global_seed"):
        del found["seed"]
    found.pop("global_seed", None)
    for attribute in FUNCTIONS:
        function = _told(_told(dataset, attribute), "_func")
        if function is not None:
            name = str(getattr(function, "__qualname__", type(function).__name__))
            found["function"] = (
                "a lambda" if name.endswith("<lambda>") else name.replace("<locals>.", "")
            )
    return found


def _elements(spec: Any, key: str = "") -> tuple[Element, ...]:
    if isinstance(spec, Mapping):
        items = [(str(name), each) for name, each in spec.items()]
    elif isinstance(spec, tuple | list):
        items = [(str(at), each) for at, each in enumerate(spec)]
    elif spec is None:
        return ()
    else:
        dtype = getattr(spec, "dtype", None)
        return (
            Element(
                key, _shape(spec), None if dtype is None else dtype_name(dtype), type(spec).__name__
            ),
        )
    return tuple(
        one for name, each in items for one in _elements(each, f"{key}/{name}" if key else name)
    )


def _shape(spec: Any) -> tuple[int | None, ...] | None:
    lengths = _asked(lambda: list(spec.shape)) if getattr(spec, "dtype", None) is not None else None
    return (
        None if lengths is None else tuple(None if each is None else int(each) for each in lengths)
    )


def _number(value: Any) -> Any:
    """A plain number or text out of a tensor; None where it is none, or its value is not known yet."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    plain = _asked(lambda: value.numpy() if value.shape == () else None)
    plain = _asked(plain.item) if hasattr(plain, "item") else plain
    if isinstance(plain, bytes):
        return plain.decode(errors="replace")
    return plain if isinstance(plain, bool | int | float | str) else None


def _told(value: Any, attribute: str) -> Any:
    return _asked(lambda: getattr(value, attribute))


def _asked(question: Any) -> Any:
    """The answer, or None: these attributes are nobody's promise."""
    try:
        return question()
    except Exception:
        return None
