"""What a value is: the shape and type of an array, the parts of a dictionary, and anything else by its own class."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

import numpy as np
from numpy.typing import NDArray

(
    ARRAY,
    FRAME,
    SERIES,
    SPARSE,
    TUPLE,
    LIST,
    DICT,
    TEXT,
    SCALAR,
    NOTHING,
    DATASET,
    GENERATOR,
    ITERATOR,
    OTHER,
) = (
    "array",
    "frame",
    "series",
    "sparse",
    "tuple",
    "list",
    "dict",
    "text",
    "scalar",
    "nothing",
    "dataset",
    "generator",
    "iterator",
    "other",
)
"""The kinds of value that are told apart."""

MOST_PARTS = 16
"""Parts of a container that are described one by one; of a longer one the first, and how many there are."""
MOST_DENSE = 50_000_000
"""Values of a sparse matrix that are written out to be measured."""


@dataclass(frozen=True)
class Form:
    """What a value is, with no claim that it does not support.

    Attributes:
        kind: one of the kinds above.
        type: its class, such as ``ndarray`` or ``DataFrame``.
        module: where the class is from, such as ``numpy``.
        shape: of an array, a frame, a series or a sparse matrix; None for anything else.
        dtype: the same; of a frame with several types, ``mixed``.
        rows: how many it has; None for what has none.
        parts: what a container holds, by key or position.
        columns: the columns of a frame, with their types.
        length: ``len`` of a container or of something else that tells it.
        name: of a generator, the function that makes it.
    """

    kind: str
    type: str
    module: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    rows: int | None = None
    parts: "tuple[tuple[str, Form], ...]" = ()
    columns: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    name: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The same as plain JSON, without what does not apply."""
        found: dict[str, Any] = {"kind": self.kind, "type": self.type, "module": self.module}
        for key in ("dtype", "rows", "length", "name"):
            if (value := getattr(self, key)) is not None:
                found[key] = value
        if self.shape is not None:
            found["shape"] = list(self.shape)
        if self.parts:
            found["parts"] = [{"key": key, **part.config} for key, part in self.parts]
        if self.columns:
            found["columns"] = [list(column) for column in self.columns]
        return found


def form_text(form: Form) -> str:
    """A form in a few words, for error messages: "an array of shape (1000, 28, 28) and type uint8"."""
    if form.shape is not None:
        lengths = ", ".join(map(str, form.shape)) + ("," if len(form.shape) == 1 else "")
        noun = {
            ARRAY: "an array",
            FRAME: "a data frame",
            SERIES: "a series",
            SPARSE: "a sparse matrix",
        }[form.kind]
        return f"{noun} of shape ({lengths}) and type {form.dtype}"
    if form.parts:
        inner = ", ".join(
            f"{key}: {form_text(part)}" if form.kind == DICT else form_text(part)
            for key, part in form.parts[:3]
        )
        many = ", ..." if (form.length or 0) > min(3, len(form.parts)) else ""
        return f"a {form.kind} of {form.length:,} ({inner}{many})"
    words = {
        TEXT: "a text",
        NOTHING: "None",
        DATASET: "a tf.data.Dataset",
        GENERATOR: "a generator",
    }
    return words.get(form.kind, f"an object of class {form.type}")


def form_of(value: Any) -> Form:
    """What a value is. Nothing is consumed: a generator or a dataset is described from outside."""
    kind = kind_of(value)
    named: dict[str, Any] = {
        "kind": kind,
        "type": type(value).__name__,
        "module": type(value).__module__,
    }
    if kind in (ARRAY, SERIES, SPARSE):
        shape = tuple(int(each) for each in value.shape)
        return Form(
            **named, shape=shape, dtype=dtype_name(value.dtype), rows=shape[0] if shape else None
        )
    if kind == FRAME:
        names = [str(each) for each in value.columns]
        types = [dtype_name(each) for each in value.dtypes]
        return Form(
            **named,
            shape=(len(value), len(names)),
            dtype=types[0] if len(set(types)) == 1 else "mixed",
            rows=len(value),
            columns=tuple(zip(names, types, strict=True)),
        )
    if kind in (TUPLE, LIST, DICT):
        pairs = list(value.items()) if kind == DICT else list(enumerate(value[: MOST_PARTS + 1]))
        flat = is_flat(value)
        shown = 1 if flat else MOST_PARTS
        parts = tuple((str(key), form_of(each)) for key, each in pairs[:shown])
        return Form(**named, parts=parts, length=len(value), rows=rows_of(value))
    if kind in (TEXT, SCALAR, NOTHING, DATASET):
        return Form(**named, length=len(value) if kind == TEXT else None)
    name = getattr(value, "__qualname__", None) if kind == GENERATOR else None
    return Form(**named, length=length_of(value), name=name)


def kind_of(value: Any) -> str:
    """Which kind of value it is, told by what it can do: pandas, SciPy and TensorFlow need not be there."""
    for classes, kind in BY_CLASS:
        if isinstance(value, classes):
            return kind
    return next((kind for can, kind in BY_ABILITY if can(value)), OTHER)


def is_dataset(value: Any) -> bool:
    """Whether it is a ``tf.data.Dataset``, told without TensorFlow."""
    return any(
        each.__module__.startswith("tensorflow.python.data.") and each.__name__ == "DatasetV2"
        for each in type(value).__mro__
    )


def dtype_name(dtype: Any) -> str:
    """A dtype's plain name: ``float32`` for NumPy's, TensorFlow's and PyTorch's own, ``str`` for texts of any length."""
    if getattr(dtype, "kind", None) in ("U", "S"):
        return "str" if dtype.kind == "U" else "bytes"
    name = getattr(dtype, "name", None)
    return name if isinstance(name, str) and name else str(dtype).rpartition(".")[2]


def length_of(value: Any) -> int | None:
    """``len``, where the value tells one."""
    try:
        return len(value)
    except Exception:  # somebody's own class may raise anything
        return None


def rows_of(value: Any) -> int | None:
    """How many rows a value has: the length of the first axis, of all its parts alike; None where there are none."""
    kind = kind_of(value)
    if kind in (FRAME, SERIES):
        return len(value)
    if kind in (ARRAY, SPARSE):
        shape = tuple(value.shape)
        return int(shape[0]) if shape and shape[0] is not None else None
    if is_flat(value):
        return len(value)
    if kind in (TUPLE, LIST, DICT):
        parts = list(value.values()) if kind == DICT else list(value)
        counts = {rows_of(part) for part in parts}
        return counts.pop() if len(counts) == 1 else None
    return None


def is_flat(value: Any) -> bool:
    """Whether a list holds texts or numbers, one a row."""
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


def pick(value: Any, rows: NDArray[np.int64]) -> Any:
    """Rows of a value by their numbers, as the same kind of value; of a tensor, as an array."""
    kind = kind_of(value)
    if kind in (FRAME, SERIES):
        return value.iloc[rows]
    if kind == DICT:
        return {key: pick(each, rows) for key, each in value.items()}
    if kind in (TUPLE, LIST):
        return (
            [value[at] for at in rows.tolist()]
            if is_flat(value)
            else type(value)([pick(each, rows) for each in value])
        )
    return value.tocsr()[rows] if kind == SPARSE else np.asarray(value)[rows]


def copied(value: Any) -> Any:
    """A copy that can be changed without changing the value; what cannot be copied is given as it is."""
    kind = kind_of(value)
    if kind == ARRAY:
        return value.copy() if isinstance(value, np.ndarray) else value
    if kind in (FRAME, SERIES, SPARSE):
        return value.copy()
    if kind == DICT and type(value) is dict:
        return {key: copied(each) for key, each in value.items()}
    if kind == LIST and type(value) is list:
        return list(value) if is_flat(value) else [copied(each) for each in value]
    if kind == TUPLE and type(value) is tuple:
        return tuple(copied(each) for each in value)
    return copy.copy(value) if kind in (DICT, LIST) else value


def array_of(value: Any) -> NDArray[Any] | None:
    """The value as NumPy has it, to be measured; None where it is not one array of one type, or too large for it."""
    kind = kind_of(value)
    if kind == ARRAY:
        return value if isinstance(value, np.ndarray) else _converted(value)
    if kind == SERIES:
        return _converted(value.to_numpy())
    if kind == FRAME:
        return _converted(value.to_numpy()) if form_of(value).dtype != "mixed" else None
    if kind == SPARSE:
        return _converted(value.toarray()) if int(np.prod(value.shape)) <= MOST_DENSE else None
    if is_flat(value):
        return _converted(value)
    return None


def arrays_of(value: Any, key: str = "") -> dict[str, NDArray[Any]] | None:
    """The arrays that a value is made of, by their place in it; None where a part of it is none."""
    kind = kind_of(value)
    if kind in (TUPLE, LIST, DICT) and not is_flat(value):
        pairs = value.items() if kind == DICT else enumerate(value)
        found: dict[str, NDArray[Any]] = {}
        for name, part in pairs:
            inner = arrays_of(part, f"{key}/{name}" if key else str(name))
            if inner is None:
                return None
            found.update(inner)
        return found or None
    if kind == FRAME and (array := array_of(value)) is None:
        return {
            f"{key}/{name}" if key else str(name): np.asarray(value[name].to_numpy())
            for name in value.columns
        }
    array = array_of(value)
    return None if array is None else {key: array}


def same(one: Any, other: Any) -> bool | None:
    """Whether two values hold the same arrays to the bit; None where that cannot be told."""
    ones, others = arrays_of(one), arrays_of(other)
    if ones is None or others is None:
        return None
    return ones.keys() == others.keys() and all(same_bits(ones[key], others[key]) for key in ones)


def same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are alike to the bit: a NaN is like itself, and the types count."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.hasobject:
        return all(a is b or bool(a == b) for a, b in zip(one.ravel(), other.ravel(), strict=True))
    # As bytes, since NaN is unlike itself as a number. Equal numbers, the usual case, are told without a copy.
    if one.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    width = (
        np.dtype(f"u{one.dtype.itemsize}") if one.dtype.itemsize in (2, 4, 8) else np.dtype("u1")
    )
    return bool(
        np.array_equal(
            np.ascontiguousarray(one).view(width), np.ascontiguousarray(other).view(width)
        )
        if one.ndim
        else one.tobytes() == other.tobytes()
    )


def _is_tensor(value: Any) -> bool:
    return (
        hasattr(value, "__array__")
        and hasattr(value, "shape")
        and hasattr(value, "dtype")
        and _has_lengths(value)
    )


def _has_lengths(value: Any) -> bool:
    try:
        return all(each is not None for each in tuple(value.shape))
    except (TypeError, ValueError):
        return False


def _converted(value: Any) -> NDArray[Any] | None:
    try:
        return np.asarray(value)
    except Exception:  # a tensor on another device, or rows of different lengths
        return None


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda value: all(hasattr(value, name) for name in names)


BY_CLASS: tuple[tuple[Any, str], ...] = (
    (type(None), NOTHING),
    ((str, bytes), TEXT),
    ((bool, int, float, complex, np.generic), SCALAR),
    (Mapping, DICT),
    (tuple, TUPLE),
    (list, LIST),
    (np.ndarray, ARRAY),
    (type, OTHER),
)
BY_ABILITY: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (is_dataset, DATASET),
    (_has("iloc", "to_numpy", "columns"), FRAME),
    (_has("iloc", "to_numpy"), SERIES),
    (_has("tocsr", "nnz"), SPARSE),
    (_is_tensor, ARRAY),
    (lambda value: isinstance(value, GeneratorType), GENERATOR),
    (lambda value: isinstance(value, Iterator), ITERATOR),
)
"""How kinds are told apart, the first that fits."""
