"""What every description is made of: templates, and the checked values that fill them.

A template has a line for each sentence or group of sentences; an indented line continues the one
above::

    Averages the values of each {block}, separately in every channel.
    [apart] The blocks start {apart} apart.

The second line stands where the field ``apart`` is neither empty nor zero. Other conditions are
``[not apart]``, ``[filters>1]``, ``[padding=same]``, and several with commas. A field is computed
from the stage by the function ``fields``, or else it is an entry of the layer's configuration. A
format says how it is written: ``{units:# unit}`` is "10 units", ``{rate:percent}`` is "25 %" (see
``FORMATS``).

The functions that check a stage or its configuration raise ``UnfitError`` where it is not what
Keras' own class would have.
"""

import functools
import inspect
import math
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipetrace.explain.formatting import counted, exact, figure, listed, number, share
from pipetrace.trace.document import Parameters, Stage
from pipetrace.trace.records import Record

Shape = Sequence[int | None]
Template = str | tuple[str, ...]
"""Lines as the top of this file describes; of several templates, one after another."""
Fields = Mapping[str, Any]
LINE = re.compile(r"(?:\[([^\]]+)\] )?(.*)")
"""A line of a template: conditions in brackets where it has any, and the text."""
CONDITION = re.compile(r"([^=>]+)(?:([=>])(.+))?")

TRAINING_ONLY = "At prediction time it changes nothing."
BOTH_TIMES = "The same in training and at prediction time."
ELEMENTWISE = "Every value is changed on its own, so the shape stays the same."
SAME_SHAPE = "The shape stays the same."
SAME_VALUES = "Every value stays in its position, so the shape stays the same."
MANY_INPUTS = (1, 100)
"""How many tensors a layer may take that takes several: its input, states, constants, labels."""


class Operation(Record):
    """A stage in words."""

    title: str  # what it is called, such as "Conv2D"
    does: str  # what it does, one sentence or several
    shape: str | None = None  # how its output shape comes about, or None
    # how many it has, as a sum such as ``3 x 3 x 1 x 32 + 32 = 320``, or None
    parameters: str | None = None
    parts: str | None = None  # what the terms of that sum are, or None


class UnfitError(ValueError):
    """A stage is not what the templates of its class describe."""


NOT_TOLD = (
    UnfitError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What describing a stage may raise whose configuration is not one that Keras writes."""


class Sum(Record):
    """How the number of parameters comes about: the terms as text, and what they add up to."""

    text: str
    total: int


def sum_of(*products: Sequence[int]) -> Sum:
    """Products that are added up: ``3 x 3 x 1 x 32 + 32``. Empty ones are left out."""
    products = tuple(terms for terms in products if terms)
    return Sum(" + ".join(by(terms) for terms in products), sum(map(math.prod, products)))


def _no_fields(_: Stage) -> Fields:
    return {}


class Known(Record):
    """A class of layer with its templates."""

    does: Template  # what the layer does
    shape: Template = ""  # how its output shape comes about
    parts: Template = ""  # what the terms of its parameter sum are; its pieces are joined by commas
    # computes fields from a stage, or raises one of ``NOT_TOLD`` where the stage does not fit. The
    # field ``weights`` is the ``Sum`` that gives the parameters, or None where they are only
    # counted; a class without that field has no parameters.
    fields: Callable[[Stage], Fields] = _no_fields
    inputs: tuple[int, int] = (1, 1)  # how many inputs it takes, the least and the most
    steady: str = ""  # the sentence that says that the shape stays the same, which is then checked

    def describe(self, stage: Stage) -> Operation:
        """Fill the templates. Raises one of ``NOT_TOLD`` where it does not fit them."""
        demand(bool(stage.outputs) and self.inputs[0] <= len(stage.inputs) <= self.inputs[1])
        if self.steady:
            demand(agree(stage.inputs[0].shape, stage.outputs[0].shape))
        fields = self.fields(stage)
        demand("weights" in fields or stage.parameters.total == 0)
        parameters, parts = none_held(stage), None
        if (weights := fields.get("weights")) and weights.total == stage.parameters.total:
            total = number(weights.total)
            alone = weights.text.replace(",", "") == str(weights.total)
            parameters = total if alone else f"{weights.text} = {total}"
            parts = fill(self.parts, fields, stage.config, ", ") or None
        return Operation(
            stage.layer or "",
            fill(self.does, fields, stage.config),
            self.steady or fill(self.shape, fields, stage.config) or None,
            parameters,
            parts,
        )


def within(
    stage: Stage, operation: Callable[[Stage], Operation], extra: int = 0, **changes: Any
) -> dict[str, Any]:
    """The words of the layer that a layer holds, as the fields does, shape, parts and weights.

    ``extra`` parameters are not those of the layer within; ``changes`` is what differs there.
    """
    layer, total = stage.config["layer"], stage.parameters.total
    changes |= {"layer": str(layer["class_name"]), "config": layer["config"]}
    inner = operation(replace(stage, parameters=Parameters(total - extra), **changes))
    left = str(inner.parameters).rpartition(" = ")[0] or str(inner.parameters)
    known = Sum(f"{left} + {extra}" if extra else left, total) if inner.parts else None
    shape, parts = inner.shape or "", inner.parts or ""
    return {"does": inner.does, "shape": shape, "parts": parts, "weights": known}


def fill(template: Template, fields: Fields, config: Fields, joint: str = " ") -> str:
    """The lines of a template whose conditions hold, with their fields."""
    known = {**config, **fields}
    told = (
        _Formatter().vformat(text, (), known)
        for conditions, text in _lines(template)
        if all(_holds(each, known) for each in conditions)
    )
    return joint.join(filter(None, told))


def _holds(condition: str, known: Fields) -> bool:
    if condition.startswith("not "):
        return not _holds(condition.removeprefix("not "), known)
    name, sign, value = CONDITION.fullmatch(condition).groups("")  # type: ignore[union-attr]
    found = known.get(name)
    if sign == "=":
        return str(found) == value
    return whole(found, 0) > int(value) if sign == ">" else bool(found)


@functools.cache
def _lines(template: Template) -> list[tuple[list[str], str]]:
    """The lines of a template with their conditions."""
    found: list[str] = []
    for part in (template,) if isinstance(template, str) else template:
        for line in inspect.cleandoc(part).splitlines():
            if line.startswith(" "):
                found[-1] += f" {line.strip()}"
            else:
                found.append(line)
    pairs = [LINE.fullmatch(line).groups("") for line in found]  # type: ignore[union-attr]
    return [(conditions.split(", ") if conditions else [], text) for conditions, text in pairs]


def table(text: str) -> list[tuple[str, str]]:
    """The rows of a table written as lines "name: template"."""
    rows = [line.partition(": ") for _, line in _lines(text)]
    return [(name, template) for name, _, template in rows if name]


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        """Write a field by one of ``FORMATS``, or with a noun: "# noun", "~ noun" for words."""
        if format_spec.startswith("# "):
            noun, _, nouns = format_spec[2:].partition("/")
            return counted(whole(value), noun, nouns or None)
        if format_spec.startswith("~ "):
            return spelled(whole(value), format_spec[2:])
        return FORMATS[format_spec](value) if format_spec else str(value)


def spelled(value: int, noun: str) -> str:
    """A number with its noun, up to nine as a word: nine weights, 27 weights."""
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    text = words[value - 1] if 0 < value <= len(words) else number(value)
    return f"{text} {noun if value == 1 else noun + 's'}"


def whole(value: Any, least: int = 1) -> int:
    """A whole number of the configuration."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UnfitError(f"no whole number from {least} on: {value!r}")
    return value


def real(value: Any) -> float:
    """A finite number of the configuration."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnfitError(f"no finite number: {value!r}")
    return float(value)


def share_of(value: Any) -> float:
    """A number from 0 to 1 of the configuration."""
    demand(0 <= real(value) <= 1)
    return real(value)


def tuple_of(value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """So many whole numbers of the configuration; a single one stands for all."""
    given = value if isinstance(value, list | tuple) else (value,) * count
    demand(len(given) == count)
    return tuple(whole(each, least) for each in given)


def length_at(shape: Shape, axis: int) -> int:
    """The length of an axis that must be known."""
    length = shape[axis]
    if length is None:
        raise UnfitError(f"no length for axis {axis}")
    return length


def agree(expected: Shape, got: Shape) -> bool:
    """Whether two shapes are the same as far as they are known; the rows are not compared."""
    return len(expected) == len(got) and all(
        one == other or None in (one, other)
        for one, other in zip(expected[1:], got[1:], strict=True)
    )


def demand(holds: bool) -> None:
    """Stop where a stage is not what its class's templates describe."""
    if not holds:
        raise UnfitError("its shapes or configuration are not those of its class")


def none_held(stage: Stage) -> str | None:
    """The number of parameters alone; None where there are none."""
    return number(stage.parameters.total) if stage.parameters.total else None


def numbers(value: Any) -> str:
    """A number of the configuration as it was written: 0.1, 1,000."""
    value = real(value)
    if value.is_integer() and abs(value) < 1e15:
        return number(int(value))
    return exact(value) if abs(value) >= 1e-6 else figure(value)


def bounds(given: Any) -> tuple[float, float]:
    """The range from which a number is drawn: a pair, or a number that stands for both signs."""
    if isinstance(given, list | tuple):
        low, high = given
        return real(low), real(high)
    return -abs(real(given)), abs(real(given))


def _range(write: Callable[[float], str]) -> Callable[[Any], str]:
    """Writes a range from which a number is drawn: "-10 % to 20 %", or a single number."""

    def written(given: Any) -> str:
        low, high = bounds(given)
        return write(low) if low == high else f"{write(low)} to {write(high)}"

    return written


def _percent(value: float) -> str:
    return f"-{share(-value)}" if value < 0 else share(value)


def _chance(given: Any) -> str:
    """The probability that an image is changed, or its range; empty where it always is."""
    low, high = bounds(given)
    if low == high:
        return "" if low == 1 else f", with a probability of {share(low)}"
    return f", with a probability drawn between {share(low)} and {share(high)}"


FORMATS: Mapping[str, Callable[[Any], str]] = {
    ",": lambda value: number(whole(value, 0)),
    "number": numbers,
    "numbers": _range(numbers),
    "percent": lambda value: share(share_of(value)),
    "percents": _range(_percent),
    "percents of size": _range(lambda value: share(1 + value)),
    "degrees": _range(lambda turns: numbers(round(360 * turns, 6))),
    "half degrees": _range(lambda turns: numbers(round(180 * turns, 6))),
    "chance": _chance,
}
"""How the fields of a template are written, by the format that follows their name."""


def by(lengths: Shape) -> str:
    """Lengths with crosses: 3 x 3."""
    return " x ".join("?" if length is None else str(length) for length in lengths)


def same(lengths: Sequence[int]) -> str:
    """A length once where all are alike: 2, or 2 x 3."""
    return str(lengths[0]) if len(set(lengths)) == 1 else by(lengths)


def sentence(words: str) -> str:
    """Words with a capital letter and a period."""
    return f"{words[0].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")


def sizes(shape: Shape) -> str:
    """The axes after the rows with a noun: 26 x 26 x 32 values, 1 value."""
    text = by(list(shape[1:])) or "1"
    return f"{text} {'value' if text == '1' else 'values'}"


def from_to(taken: Sequence[Shape], given: Sequence[Shape]) -> str:
    """What goes in and what comes out: "8 and 8 values in, 16 values out"."""
    first = listed([sizes(shape).rpartition(" ")[0] for shape in taken])
    last = listed([sizes(shape).rpartition(" ")[0] for shape in given])
    if not first or not last:
        return ""
    return f"{first} {'value' if first == '1' else 'values'} in, {last} out"


def shapes_of(stage: Stage) -> str:
    """What goes into a stage and what comes out of it, as ``from_to`` writes it."""
    return from_to([spec.shape for spec in stage.inputs], [spec.shape for spec in stage.outputs])


def axes_named(axes: Sequence[int], shape: Shape) -> str:
    """Axes by number, counted from 1 after the rows: axis 1, axes 1 and 2."""
    at = sorted(axis % len(shape) for axis in axes)
    return f"{'axis' if len(at) == 1 else 'axes'} {listed([str(each) for each in at])}"
