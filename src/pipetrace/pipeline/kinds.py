"""What a value is: an array, a frame, a container of them, or something else by its class."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAY, FRAME, SERIES, SPARSE = "array", "frame", "series", "sparse"
TUPLE, LIST, DICT = "tuple", "list", "dict"
DATASET, GENERATOR, OTHER = "dataset", "generator", "other"

MOST_PARTS = 16
"""Parts of a container that are described one by one; of a longer one the first, and how many."""
MOST_DENSE = 50_000_000
"""Values of a sparse matrix that are written out to be measured."""
NOUNS = {
    ARRAY: "an array",
    FRAME: "a data frame",
    SERIES: "a series",
    SPARSE: "a sparse matrix",
    DATASET: "a tf.data.Dataset",
    GENERATOR: "a generator",
}


@dataclass(frozen=True)
class Kind:
    """What a value is, with no claim that it does not support."""

    kind: str  # one of the kinds above
    type: str  # its class, such as ``ndarray`` or ``DataFrame``
    # shape, dtype: of an array, a frame, a series or a sparse matrix; a frame with several types
    # has the dtype ``mixed``
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    rows: int | None = None  # how many it has; None for what has none
    parts: "tuple[tuple[str, Kind], ...]" = ()  # what a container holds, by key or position
    columns: tuple[tuple[str, str], ...] = ()  # the columns of a frame, with their types
    length: int | None = None  # of a container

    @property
    def config(self) -> dict[str, Any]:
        """The same as plain JSON, without what does not apply."""
        found: dict[str, Any] = {"kind": self.kind, "type": self.type}
        for key in ("dtype", "rows", "length"):
            if (value := getattr(self, key)) is not None:
                found[key] = value
        if self.shape is not None:
            found["shape"] = list(self.shape)
        if self.parts:
            found["parts"] = [{"key": key, **part.config} for key, part in self.parts]
        if self.columns:
            found["columns"] = [list(column) for column in self.columns]
        return found

    def __str__(self) -> str:
        """In a few words, for errors: "an array of shape (1000, 28, 28) and type uint8"."""
        if self.shape is not None:
            return f"{NOUNS[self.kind]} of shape {self.shape} and type {self.dtype}"
        if self.parts:
            inner = ", ".join(
                f"{key}: {part}" if self.kind == DICT else str(part) for key, part in self.parts[:3]
            )
            more = ", ..." if (self.length or 0) > min(3, len(self.parts)) else ""
            return f"a {self.kind} of {self.length:,} ({inner}{more})"
        return NOUNS.get(self.kind, f"an object of class {self.type}")


def described(value: Any) -> Kind:
    """What a value is. Nothing is consumed: a generator or a dataset is described from outside."""
    kind, type_ = kind_of(value), type(value).__name__
    if kind in (ARRAY, SERIES, SPARSE):
        shape = tuple(int(each) for each in value.shape)
        return Kind(kind, type_, shape, dtype_name(value.dtype), shape[0] if shape else None)
    if kind == FRAME:
        names = tuple(str(each) for each in value.columns)
        types = [dtype_name(each) for each in value.dtypes]
        dtype = types[0] if len(set(types)) == 1 else "mixed"
        columns = tuple(zip(names, types, strict=True))
        return Kind(kind, type_, (len(value), len(names)), dtype, len(value), columns=columns)
    if kind in (TUPLE, LIST, DICT):
        shown = 1 if is_flat(value) else MOST_PARTS
        parts = tuple((str(key), described(each)) for key, each in _parts(value)[:shown])
        return Kind(kind, type_, rows=rows_of(value), parts=parts, length=len(value))
    return Kind(kind, type_)


def kind_of(value: Any) -> str:
    """The kind, told by what a value can do: pandas, SciPy and TensorFlow need not be there."""
    if isinstance(value, np.ndarray):
        return ARRAY
    for class_, kind in ((Mapping, DICT), (tuple, TUPLE), (list, LIST), (GeneratorType, GENERATOR)):
        if isinstance(value, class_):
            return kind
    if value is None or isinstance(value, type | str | bytes | int | float | complex | np.generic):
        return OTHER
    if is_dataset(value):
        return DATASET
    if hasattr(value, "iloc") and hasattr(value, "to_numpy"):
        return FRAME if hasattr(value, "columns") else SERIES
    if hasattr(value, "tocsr") and hasattr(value, "nnz"):
        return SPARSE
    if hasattr(value, "__array__") and hasattr(value, "dtype") and _has_lengths(value):
        return ARRAY
    return OTHER


def is_dataset(value: Any) -> bool:
    """Whether it is a ``tf.data.Dataset``, told without TensorFlow."""
    return any(
        each.__module__.startswith("tensorflow.python.data.") and each.__name__ == "DatasetV2"
        for each in type(value).__mro__
    )


def dtype_name(dtype: Any) -> str:
    """``float32`` for NumPy's, TensorFlow's and PyTorch's own; ``str`` for strings."""
    if getattr(dtype, "kind", None) in ("U", "S"):
        return "str" if dtype.kind == "U" else "bytes"
    name = getattr(dtype, "name", None)
    return name if isinstance(name, str) and name else str(dtype).rpartition(".")[2]


def rows_of(value: Any) -> int | None:
    """The length of the first axis, of all parts alike; None where there is none."""
    kind = kind_of(value)
    if kind in (FRAME, SERIES) or is_flat(value):
        return len(value)
    if kind in (ARRAY, SPARSE):
        return int(value.shape[0]) if value.shape else None
    if kind in (TUPLE, LIST, DICT):
        counts = {rows_of(part) for _, part in _parts(value)}
        return counts.pop() if len(counts) == 1 else None
    return None


def is_flat(value: Any) -> bool:
    """Whether a list holds strings or numbers, one per row."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, str | bytes | bool | int | float | np.generic) for each in value)
    )


def take(value: Any, start: int, stop: int) -> Any:
    """Rows of a value, as the same kind of value."""
    kind = kind_of(value)
    if kind in (FRAME, SERIES):
        return value.iloc[start:stop]
    if kind == DICT:
        return {key: take(each, start, stop) for key, each in value.items()}
    if kind in (TUPLE, LIST) and not is_flat(value):
        return type(value)([take(each, start, stop) for each in value])
    return (value.tocsr() if kind == SPARSE else value)[start:stop]


def copied(value: Any) -> Any:
    """A copy that a step may change; what cannot be copied is given as it is."""
    kind = kind_of(value)
    if kind in (FRAME, SERIES, SPARSE) or isinstance(value, np.ndarray):
        return value.copy()
    if kind == DICT and type(value) is dict:
        return {key: copied(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return list(value) if is_flat(value) else type(value)(copied(each) for each in value)
    return copy.copy(value) if kind in (DICT, LIST) else value


def arrays_of(value: Any, key: str = "") -> dict[str, NDArray[Any]] | None:
    """The arrays that a value is made of, by their place in it; None where a part of it is none."""
    kind = kind_of(value)
    if kind in (TUPLE, LIST, DICT) and not is_flat(value):
        pairs = _parts(value)
    elif kind == FRAME and described(value).dtype == "mixed":
        pairs = [(str(name), value[name]) for name in value.columns]
    else:
        array = _array_of(value, kind)
        return None if array is None else {key: array}
    found: dict[str, NDArray[Any]] = {}
    for name, part in pairs:
        inner = arrays_of(part, f"{key}/{name}" if key else str(name))
        if inner is None:
            return None
        found.update(inner)
    return found or None


def array_of(value: Any) -> NDArray[Any] | None:
    """The value as NumPy has it; None where it is not one array of one type, or too large."""
    return _array_of(value, kind_of(value))


def _array_of(value: Any, kind: str) -> NDArray[Any] | None:
    try:
        if kind in (FRAME, SERIES):
            return None if described(value).dtype == "mixed" else np.asarray(value.to_numpy())
        if kind == SPARSE:
            small = int(np.prod(value.shape)) <= MOST_DENSE
            return np.asarray(value.toarray()) if small else None
        return np.asarray(value) if kind == ARRAY or is_flat(value) else None
    except Exception:  # a tensor on another device, or rows of different lengths
        return None


def _parts(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items() if isinstance(value, Mapping) else enumerate(value))


def _has_lengths(value: Any) -> bool:
    try:
        return all(each is not None for each in tuple(value.shape))
    except (AttributeError, TypeError, ValueError):
        return False
