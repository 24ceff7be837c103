"""Layers that make one tensor of several."""

from collections.abc import Sequence
from functools import partial

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    Shape,
    agree,
    axes_named,
    by,
    demand,
    demand_no_parameters,
    length_at,
)
from pipetrace.explain.text import dimensions, listed
from pipetrace.trace.document import Stage

MOST = 10_000
"""How many inputs a layer may have here."""


def broadcast(shapes: Sequence[Shape]) -> list[int | None] | None:
    """The shape that several have together, what has length 1 repeated; None where they do not go together."""
    longest = max((len(shape) for shape in shapes), default=0)
    result: list[int | None] = []
    for axis in range(-longest, 0):
        lengths = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        known = lengths - {None}
        if len(known) > 1:
            return None
        result.append(next(iter(known)) if known else None if lengths else 1)
    return result


def _by_value(words: str, stage: Stage) -> Operation:
    demand_no_parameters(stage)
    shapes, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    # Keras gives one with fewer axes further ones after the rows.
    longest = max(len(shape) for shape in shapes)
    full = [(*shape[:1], *(1,) * (longest - len(shape)), *shape[1:]) for shape in shapes]
    together = broadcast([shape[1:] for shape in full])
    demand(together is not None and agree((None, *together), given))
    sizes = [dimensions(shape) for shape in shapes]
    does = words.replace("{count}", str(len(shapes)))
    if len(set(sizes)) == 1:
        return Operation(
            stage.layer or "",
            does,
            f"{'Both' if len(shapes) == 2 else 'All'} are {sizes[0]}, and so is the output.",
        )
    return Operation(
        stage.layer or "",
        does,
        f"{listed(sizes)} give {dimensions(given)}: what has length 1 is repeated as often as the others are long.",
    )


def _concatenate(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    shapes, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    axis = stage.config["axis"] % len(given)
    lengths = [shape[axis] for shape in shapes]
    demand(all(len(shape) == len(given) for shape in shapes))
    total = None if None in lengths else sum(length or 0 for length in lengths)
    for shape in shapes:
        demand(agree((*shape[:axis], total, *shape[axis + 1 :]), given))
    last = axis == len(given) - 1
    where = f"along {axes_named([axis], given)}" + (", the last" if last else "")
    text = (
        f"{' + '.join(str(length) for length in lengths)} = {total}"
        if total is not None
        else "Their lengths added up"
    )
    rest = (
        f"; the other axes stay {by([*given[1:axis], *given[axis + 1 :]])}"
        if len(given) > 2
        else ""
    )
    return Operation(
        "Concatenate",
        f"Lays its {len(shapes)} inputs one after another {where}; no value changes.",
        f"{text} {'along that axis' if rest else 'values'}{rest}.",
    )


def _dot(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    given, config = stage.config["axes"], stage.config
    one, other = (spec.shape for spec in stage.inputs)
    pair = given if isinstance(given, list | tuple) else [given, given]
    first, second = pair[0] % len(one), pair[1] % len(other)
    length = length_at(one, first)
    demand(length == length_at(other, second))
    rest = [*one[1:first], *one[first + 1 :], *other[1:second], *other[second + 1 :]]
    demand(agree((None, *(rest or [1])), stage.outputs[0].shape))
    before = "Brings both to length 1, then multiplies" if config.get("normalize") else "Multiplies"
    along = f"{axes_named([first], one)} of the one and {axes_named([second], other)} of the other"
    cosine = (
        ", which is the cosine of the angle between them"
        if config.get("normalize") and not rest
        else ""
    )
    return Operation(
        "Dot",
        f"{before} its two inputs value by value along {along} and adds the {length} products up{cosine}.",
        f"{dimensions(one)} and {dimensions(other)} give {dimensions(stage.outputs[0].shape)}.",
    )


LAYERS = {
    "Add": Known(partial(_by_value, "Adds its {count} inputs, value by value."), inputs=(2, MOST)),
    "Subtract": Known(
        partial(_by_value, "Subtracts the second input from the first, value by value."),
        inputs=(2, 2),
    ),
    "Multiply": Known(
        partial(_by_value, "Multiplies its {count} inputs, value by value."), inputs=(2, MOST)
    ),
    "Average": Known(
        partial(_by_value, "Takes the mean of its {count} inputs, value by value."),
        inputs=(2, MOST),
    ),
    "Maximum": Known(
        partial(_by_value, "Keeps the largest of its {count} inputs, value by value."),
        inputs=(2, MOST),
    ),
    "Minimum": Known(
        partial(_by_value, "Keeps the smallest of its {count} inputs, value by value."),
        inputs=(2, MOST),
    ),
    "Concatenate": Known(_concatenate, "axis", inputs=(1, MOST)),
    "Dot": Known(_dot, "axes", inputs=(2, 2)),
}
"""The merging layers that have words."""
