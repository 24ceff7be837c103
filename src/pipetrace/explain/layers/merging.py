"""Layers that make one tensor of several."""

from collections.abc import Sequence

from pipetrace.explain.formatting import dimensions, listed
from pipetrace.explain.layers.parts import (
    MANY_INPUTS,
    Fields,
    Known,
    Shape,
    agree,
    axes_named,
    by,
    demand,
    length_at,
)
from pipetrace.trace.document import Stage

ELEMENT_BY_ELEMENT = {
    "Add": "Adds its {count} inputs, element by element.",
    "Subtract": "Subtracts the second input from the first, element by element.",
    "Multiply": "Multiplies its {count} inputs, element by element.",
    "Average": "Averages its {count} inputs, element by element.",
    "Maximum": "Keeps the largest of its {count} inputs, element by element.",
    "Minimum": "Keeps the smallest of its {count} inputs, element by element.",
}
SEVERAL = (2, MANY_INPUTS[1])
PAIR = (2, 2)


def broadcast(shapes: Sequence[Shape]) -> list[int | None] | None:
    """The shape that several are broadcast to; None where they do not fit together."""
    longest = max((len(shape) for shape in shapes), default=0)
    result: list[int | None] = []
    for axis in range(-longest, 0):
        lengths = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        known = lengths - {None}
        if len(known) > 1:
            return None
        result.append(next(iter(known)) if known else None if lengths else 1)
    return result


def _element_by_element(stage: Stage) -> Fields:
    shapes, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    # Keras gives one with fewer axes further ones after the rows.
    longest = max(len(shape) for shape in shapes)
    full = [(*shape[:1], *(1,) * (longest - len(shape)), *shape[1:]) for shape in shapes]
    together = broadcast([shape[1:] for shape in full])
    demand(together is not None and agree((None, *together), given))
    sizes = [dimensions(shape) for shape in shapes]
    return {
        "count": len(shapes),
        "alike": len(set(sizes)) == 1,
        "All": "Both" if len(shapes) == 2 else "All",
        "size": sizes[0],
        "sizes": listed(sizes),
        "given": dimensions(given),
    }


def _concatenate(stage: Stage) -> Fields:
    shapes, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    axis = stage.config["axis"] % len(given)
    lengths = [shape[axis] for shape in shapes]
    demand(all(len(shape) == len(given) for shape in shapes))
    total = None if None in lengths else sum(length or 0 for length in lengths)
    for shape in shapes:
        demand(agree((*shape[:axis], total, *shape[axis + 1 :]), given))
    return {
        "count": len(shapes),
        "axis": axes_named([axis], given) + (", the last" if axis == len(given) - 1 else ""),
        "known": total is not None,
        "sum": f"{' + '.join(str(length) for length in lengths)} = {total}",
        "unit": "along that axis" if len(given) > 2 else "values",
        "rest": by([*given[1:axis], *given[axis + 1 :]]),
    }


def _dot(stage: Stage) -> Fields:
    given, normalised = stage.config["axes"], bool(stage.config.get("normalize"))
    one, other = (spec.shape for spec in stage.inputs)
    pair = given if isinstance(given, list | tuple) else [given, given]
    first, second = pair[0] % len(one), pair[1] % len(other)
    length = length_at(one, first)
    demand(length == length_at(other, second))
    rest = [*one[1:first], *one[first + 1 :], *other[1:second], *other[second + 1 :]]
    demand(agree((None, *(rest or [1])), stage.outputs[0].shape))
    return {
        "first": axes_named([first], one),
        "second": axes_named([second], other),
        "length": length,
        "normalised": normalised,
        "cosine": normalised and not rest,
        "one": dimensions(one),
        "other": dimensions(other),
        "given": dimensions(stage.outputs[0].shape),
    }


LAYERS = {
    **{
        name: Known(
            does=words,
            shape="""
                [alike] {All} inputs have the shape {size}, and so has the output.
                [not alike] {sizes} give {given}: axes of length 1 are repeated (broadcasting).
            """,
            fields=_element_by_element,
            inputs=PAIR if name == "Subtract" else SEVERAL,
        )
        for name, words in ELEMENT_BY_ELEMENT.items()
    },
    "Concatenate": Known(
        does="Joins its {count} inputs along {axis}; no value changes.",
        shape="""
            [known] {sum} {unit}.
            [not known] The lengths along that axis are added up.
            [rest] The other axes stay {rest}.
        """,
        fields=_concatenate,
        inputs=MANY_INPUTS,
    ),
    "Dot": Known(
        does="""
            [normalised] Scales both inputs to length 1 first.
            Takes the dot product of its two inputs along {first} of the first and {second} of the
                second: the {length:# product} are summed.
            [cosine] The result is their cosine similarity.
        """,
        shape="{one} and {other} give {given}.",
        fields=_dot,
        inputs=PAIR,
    ),
}
"""The merging layers."""
