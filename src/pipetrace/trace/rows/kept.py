"""Weights after epochs and kept rows, as tensors of the file: in as few bytes as they need.

``docs/trace-format.md`` has the parts of the table ``tensor``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from pipetrace.trace.document import Array, Stage
from pipetrace.trace.rows import KeptRows

MOST_LEVELS, MOST_TRIED, MOST_LISTED = 256, 4096, 2**24
"""Different floats that are written as a list, values that are looked at first, and values that are
read as places in a list."""
FEWEST_HALVED, LEAST_HALVED = 1024, 1e-4
"""Values of an array that is written in 16 bits, and the size that its largest has at the least:
below 2**-14 a float16 has fewer digits."""
NARROW = (np.uint8, np.int16, np.uint16, np.int32)
"""Types of whole numbers, the narrowest first."""

Tensors = Mapping[str, Array]


def halved(values: Array) -> Array:
    """Many floats in 16 bits, within 0.05 % of the largest one; else the same values."""
    if values.dtype.kind != "f" or values.size < FEWEST_HALVED or not np.isfinite(values).all():
        return values
    in_range = LEAST_HALVED <= np.abs(values).max() <= np.finfo(np.float16).max
    return values.astype(np.float16) if in_range else values


def narrowed(values: Array) -> Array:
    """Whole numbers in the narrowest type that holds them; others as they are."""
    if values.dtype.kind in "iu" and values.size:
        low, high = values.min(), values.max()
        for dtype in NARROW:
            of = np.iinfo(dtype)
            if of.min <= low and high <= of.max and of.bits < 8 * values.itemsize:
                return values.astype(dtype)
    return values


def compact(values: Array) -> tuple[Array, Array | None]:
    """The same values in fewer bytes: whole numbers in a narrower type, and floats of at most 256
    different values, such as scaled pixels, as places in a list of these, which comes second.
    """
    if values.dtype.kind in "iu":
        return narrowed(values), None
    if values.dtype.kind == "f" and len(np.unique(values.reshape(-1)[:MOST_TRIED])) <= MOST_LEVELS:
        levels, places = np.unique(values, return_inverse=True)
        if len(levels) <= MOST_LEVELS:
            return places.reshape(values.shape).astype(np.uint8), levels
    return values, None


def kept_parts(rows: KeptRows) -> Iterator[tuple[str, Tensors]]:
    """Kept rows as the parts of the table, each with tensors by name."""
    yield "kept/row", {"number": rows.numbers, "validation": rows.validation}
    made = {name: compact(values) for name, values in rows.inputs.items()}
    yield "kept/input", {name: values for name, (values, _) in made.items()}
    yield "kept/level", {name: levels for name, (_, levels) in made.items() if levels is not None}
    yield "kept/target", numbered(map(narrowed, rows.targets))
    yield "kept/output", numbered(rows.outputs)
    for epoch, outputs in rows.outputs_after.items():
        yield f"kept/output/{epoch}", numbered(outputs)


def numbered(arrays: Iterable[Array]) -> dict[str, Array]:
    """Arrays by their places: ``0``, ``1``, ..."""
    return {str(place): each for place, each in enumerate(arrays)}


def kept_rows(
    part: Callable[[str], Tensors], by_epoch: Mapping[int, Tensors], stages: Iterable[Stage]
) -> KeptRows | None:
    """The kept rows again, checked; None where there are none.

    ``part`` gives the tensors of a part; ``by_epoch`` has those of outputs after earlier epochs. A
    ``ValueError`` or ``LookupError`` where they do not fit together.
    """
    found, levels = part("kept/row"), part("kept/level")
    if not found:
        return None
    rows = KeptRows(
        numbers=(numbers := found["number"]),
        validation=found["validation"],
        inputs={
            name: _listed(values, levels[name]) if name in levels else values
            for name, values in part("kept/input").items()
        },
        targets=tuple(part("kept/target").values()),
        outputs=tuple(part("kept/output").values()),
        outputs_after={epoch: tuple(each.values()) for epoch, each in by_epoch.items()},
    )
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise ValueError("the kept rows have no numbers")
    if rows.validation.dtype != bool:
        raise ValueError("it is not said which kept rows are of the validation set")
    for each in (rows.validation, *rows.inputs.values(), *rows.targets, *rows.outputs):
        if each.shape[:1] != numbers.shape:
            raise ValueError("values are kept of another number of rows")
    for outputs in rows.outputs_after.values():
        if [each.shape for each in outputs] != [each.shape for each in rows.outputs]:
            raise ValueError("an output of the kept rows has two shapes")
    if not set(rows.inputs) <= {stage.name for stage in stages if stage.outputs}:
        raise ValueError("the kept rows come from a stage that gives none")
    return rows


def _listed(places: Array, levels: Array) -> Array:
    if levels.ndim != 1 or places.dtype != np.uint8 or places.size > MOST_LISTED:
        raise ValueError("kept values are no places in a list")
    found: Array = levels[places]
    return found


def check_weights(weights: Tensors, after: Mapping[int, Tensors]) -> None:
    """Raise a ``ValueError`` unless each weight has one shape in all epochs, and holds numbers."""
    shapes = {name: values.shape for name, values in weights.items()}
    for of_epoch in after.values():
        for name, values in of_epoch.items():
            if shapes.setdefault(name, values.shape) != values.shape:
                raise ValueError(f"the weight {name!r} has two shapes")
            if values.dtype.kind not in "biuf":
                raise ValueError(f"the weight {name!r} holds no numbers")
