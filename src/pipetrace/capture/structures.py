"""Structures of arrays: an array, or tuples and dictionaries of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pipetrace.capture.backend import load
from pipetrace.trace.document import Array


def flatten(structure: Any) -> list[Any]:
    """The leaves in Keras' order: dictionaries by their sorted keys."""
    found: list[Any] = load().tree.flatten(structure)
    return found


def arrays(structure: Any) -> list[Array]:
    """The leaves that are there; None is left out."""
    return [each for each in flatten(structure) if each is not None]


def leaf_names(structure: Any) -> list[str | None]:
    """The innermost key of each leaf, or None, in the order of ``flatten``."""
    return [
        next((key for key in reversed(path) if isinstance(key, str)), None)
        for path, _ in load().tree.flatten_with_path(structure)
    ]


def mapped(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """The structure with the function's results as leaves."""
    return load().tree.map_structure(function, structure, *others)


def taken(structure: Any, places: Any) -> Any:
    """Some rows of every array, a slice or indices; None stays None."""
    return mapped(lambda each: None if each is None else each[places], structure)


def plain_arrays(structure: Any) -> Any:
    """Arrays, tensors or frames as NumPy arrays, same structure; None of anything else."""
    if structure is None or callable(getattr(structure, "__next__", None)):
        return None
    try:
        leaves = flatten(structure)
        if not leaves or not all(_is_arrays(leaf) for leaf in leaves):
            return None
        return mapped(_as_array, structure)
    except Exception:  # a lazy or broken container of somebody's own
        return None


def column_names(structure: Any) -> tuple[str, ...]:
    """What a data frame calls its columns; none for anything else."""
    try:
        if not hasattr(structure, "to_numpy"):
            return ()
        return tuple(map(str, structure.columns))
    except Exception:  # no frame, or a broken one of somebody's own
        return ()


def as_fit_gets(structure: Any) -> Any:
    """Arrays with the floats in Keras' ``floatx``; None stays None."""
    floatx = load().config.floatx()

    def cast(values: Any) -> Any:
        floats = values is not None and values.dtype.kind == "f" and values.dtype.name != floatx
        return values.astype(floatx) if floats else values

    return mapped(cast, structure)


def _is_arrays(leaf: Any) -> bool:
    return hasattr(leaf, "to_numpy") or (hasattr(leaf, "shape") and hasattr(leaf, "dtype"))


def _as_array(leaf: Any) -> Any:
    values = leaf.to_numpy() if hasattr(leaf, "to_numpy") else np.asarray(leaf)
    if values.dtype == object and not values.ndim:
        raise TypeError("NumPy takes it for one object, as it does a sparse matrix")
    return values
