"""What the words of every kind of stage are made of: the parts of a sentence, checked figures, sums that must come out."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipetrace.explain.text import exact, figure, listed, number
from pipetrace.trace.document import Stage

Shape = Sequence[int | None]


@dataclass(frozen=True)
class Operation:
    """A stage in words.

    Attributes:
        title: what it is called, such as "Conv2D".
        does: what it does, one sentence or two.
        shape: how its output shape comes about, one sentence, or None.
        parameters: the sum that gives the number of its parameters, such as ``3 x 3 x 1 x 32 + 32 = 320``, or None.
        parts: what the terms of that sum are, or None.
    """

    title: str
    does: str
    shape: str | None = None
    parameters: str | None = None
    parts: str | None = None


class UnfitError(ValueError):
    """A stage is not what the words of its class speak of: its class has another's name, or was tampered with."""


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
"""What making words of a configuration may raise that is not one of Keras' own."""


@dataclass(frozen=True)
class Known:
    """A class of layer that has words of its own.

    Attributes:
        describe: puts it into words, or raises one of ``NOT_TOLD`` where the stage is not one of that class.
        needs: what its configuration must have.
        axes: how many axes its input and its output must have, the rows among them; any where None.
        inputs: how many inputs it takes, the least and the most.
    """

    describe: Callable[[Stage], Operation]
    needs: str | None = None
    axes: int | None = None
    inputs: tuple[int, int] = (1, 1)

    def fits(self, stage: Stage) -> bool:
        """Whether the stage has what the words speak of."""
        if not stage.outputs or (self.needs and self.needs not in stage.config):
            return False
        if not self.inputs[0] <= len(stage.inputs) <= self.inputs[1]:
            return False
        return self.axes is None or {self.axes} == {
            len(stage.inputs[0].shape),
            len(stage.outputs[0].shape),
        }


ACTIVATIONS = {
    "relu": "sets what is negative to zero (ReLU)",
    "softmax": "turns the {units} scores into probabilities that add up to 1 (softmax)",
    "sigmoid": "squeezes each into 0 to 1 (sigmoid)",
    "tanh": "squeezes each into -1 to 1 (tanh)",
    "relu6": "sets what is negative to zero and what is above 6 to 6 (ReLU6)",
    "leaky_relu": "shrinks what is negative to a small share of itself (leaky ReLU)",
    "elu": "bends what is negative smoothly towards -1 (ELU)",
    "selu": "bends what is negative smoothly towards -1.76 and stretches the rest by 1.05 (SELU)",
    "celu": "bends what is negative smoothly towards -1 (CELU)",
    "gelu": "lets what is large pass and fades what is negative out smoothly (GELU)",
    "silu": "multiplies each by its own sigmoid, which fades what is negative out smoothly (SiLU, swish)",
    "hard_silu": "fades what is negative out by straight pieces (hard SiLU)",
    "mish": "lets what is large pass and fades what is negative out smoothly (Mish)",
    "softplus": "bends each smoothly to above zero, log(1 + exp(x)) (softplus)",
    "softsign": "squeezes each into -1 to 1 by x / (1 + |x|) (softsign)",
    "exponential": "takes the exponential of each (exp)",
    "hard_sigmoid": "squeezes each into 0 to 1 by straight pieces (hard sigmoid)",
    "hard_tanh": "cuts each off at -1 and 1 (hard tanh)",
    "log_sigmoid": "takes the logarithm of the sigmoid of each (log sigmoid)",
    "log_softmax": "turns the {units} scores into the logarithms of probabilities (log softmax)",
    "sparsemax": "turns the {units} scores into shares that add up to 1, many of them exactly 0 (sparsemax)",
}
"""What an activation does, after "and"."""


def then(config: Mapping[str, Any], units: int, bias: bool = False) -> str:
    """What comes after a weighing: the bias, where the configuration has one or always, and the activation; a period."""
    parts = _ends(config, units, bias)
    if not parts:
        return "."
    return f", {parts[0]} and {parts[1]}." if len(parts) > 1 else f" and {parts[0]}."


def afterwards(config: Mapping[str, Any], units: int, bias: bool = False) -> str:
    """The same after a sentence of its own: "; then adds a bias."."""
    parts = _ends(config, units, bias)
    return f"; then {' and '.join(parts)}." if parts else "."


def _ends(config: Mapping[str, Any], units: int, bias: bool) -> list[str]:
    phrase = activation(config.get("activation"), units)
    return ["adds a bias"] * bool(bias or config.get("use_bias", True)) + (
        [phrase] if phrase else []
    )


def activation(given: Any, units: int) -> str | None:
    """What an activation of the configuration does, after "and"; None for one that changes nothing."""
    if not given or given == "linear":
        return None
    name = given if isinstance(given, str) else str(given.get("class_name", "an activation"))
    if name in ("softmax", "log_softmax", "sparsemax") and units == 1:
        return f"applies {name}, which makes the same of every single score"
    return ACTIVATIONS.get(name, f"applies {name}").replace("{units}", str(units))


def by(lengths: Sequence[int | None]) -> str:
    """Lengths with crosses: 3 x 3."""
    return " x ".join("?" if length is None else str(length) for length in lengths)


def same(lengths: Sequence[int]) -> str:
    """A length once where all are alike: 2, or 2 x 3."""
    return str(lengths[0]) if len(set(lengths)) == 1 else by(lengths)


def sentence(words: str) -> str:
    """Words with a capital letter and a period."""
    return f"{words[0].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")


def whole(value: Any, least: int = 1) -> int:
    """A whole number of the configuration.

    Raises:
        UnfitError: it is none, or is less than it may be.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UnfitError(f"no whole number from {least} on: {value!r}")
    return value


def real(value: Any) -> float:
    """A finite number of the configuration.

    Raises:
        UnfitError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnfitError(f"no finite number: {value!r}")
    return float(value)


def share_of(value: Any) -> float:
    """A number from 0 to 1 of the configuration.

    Raises:
        UnfitError: it is none.
    """
    if not 0 <= real(value) <= 1:
        raise UnfitError(f"no share: {value!r}")
    return real(value)


def tuple_of(value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """So many whole numbers of the configuration; a single one stands for all.

    Raises:
        UnfitError: they are not that.
    """
    if isinstance(value, list | tuple):
        if len(value) != count:
            raise UnfitError(f"not {count} of them: {value!r}")
        return tuple(whole(each, least) for each in value)
    return (whole(value, least),) * count


def length_at(shape: Shape, axis: int) -> int:
    """The length of an axis that must be known.

    Raises:
        UnfitError: it is not.
    """
    length = shape[axis]
    if length is None:
        raise UnfitError(f"no length for axis {axis}")
    return length


def agree(expected: Shape, got: Shape) -> bool:
    """Whether two shapes are the same as far as they are known; the rows are not asked."""
    return len(expected) == len(got) and all(
        one == other or None in (one, other)
        for one, other in zip(expected[1:], got[1:], strict=True)
    )


def demand(holds: bool) -> None:
    """Stop the words of a class where the stage is not what they speak of.

    Raises:
        UnfitError: it does not hold.
    """
    if not holds:
        raise UnfitError("its shapes are not those of its class")


def demand_same_shape(stage: Stage) -> None:
    """Stop where the first output has not the shape of the first input.

    Raises:
        UnfitError: it has not.
    """
    demand(agree(stage.inputs[0].shape, stage.outputs[0].shape))


def demand_no_parameters(stage: Stage) -> None:
    """Stop where a stage holds parameters that its class has not.

    Raises:
        UnfitError: it does.
    """
    demand(stage.parameters.total == 0)


def summed(stage: Stage, text: str, total: int, parts: str) -> tuple[str, str | None]:
    """The sum that gives the number of parameters, and its terms; the number alone where the layer has others."""
    if total != stage.parameters.total:
        return number(stage.parameters.total), None
    return f"{text} = {number(total)}" if text != str(total) else number(total), parts


def parameters(stage: Stage, terms: Sequence[int], bias: int, parts: str) -> tuple[str, str | None]:
    """One product and a bias that give the number of parameters."""
    return tally(stage, [terms, [bias]] if bias else [terms], parts)


def tally(stage: Stage, products: Sequence[Sequence[int]], parts: str) -> tuple[str, str | None]:
    """Several products that add up to the number of parameters; those of nothing are left out."""
    text = " + ".join(by(terms) for terms in products)
    return summed(stage, text, sum(math.prod(terms) for terms in products), parts)


def none_held(stage: Stage) -> str | None:
    """The number of parameters of a stage of which nothing more is known; None where it has none."""
    return number(stage.parameters.total) if stage.parameters.total else None


def numbers(value: float) -> str:
    """A number of the configuration as it was written: 0.1, 1,000."""
    if float(value).is_integer() and abs(value) < 1e15:
        return number(int(value))
    return exact(value) if abs(value) >= 1e-6 else figure(value)


def sizes(shape: Shape) -> str:
    """The axes after the rows with a noun: 26 x 26 x 32 values, 1 value."""
    text = by(list(shape[1:])) or "1"
    return f"{text} {'value' if text == '1' else 'values'}"


def channels_first(stage: Stage) -> bool:
    """Whether the channels come before the places."""
    return stage.config.get("data_format") == "channels_first"


def places_of(stage: Stage, shape: Shape) -> tuple[int | None, ...]:
    """The lengths of the axes that are places, such as height and width."""
    return tuple(shape[2:]) if channels_first(stage) else tuple(shape[1:-1])


def channels_of(stage: Stage, shape: Shape) -> int | None:
    """How many channels there are."""
    return shape[1] if channels_first(stage) else shape[-1]


def arranged(stage: Stage, places: Shape, channels: int | None) -> tuple[int | None, ...]:
    """A batch's shape of places and channels."""
    return (None, channels, *places) if channels_first(stage) else (None, *places, channels)


def directions(sums: Sequence[str], noun: str = "place", single: bool = False) -> str:
    """A sum for each direction with its noun, one sum where all are alike.

    Args:
        sums: such as ``28 - 3 + 1 = 26``.
        noun: what is counted.
        single: whether the first comes to one.
    """
    nouns = noun if single else f"{noun}s"
    if len(sums) == 1:
        return f"{sums[0]} {nouns}"
    if len(set(sums)) == 1:
        return f"{sums[0]} {nouns} in each direction"
    if len(sums) == 2:
        return f"{sums[0]} {nouns} down and {sums[1]} across"
    return f"{sums[0]} {nouns} in depth, {sums[1]} down and {sums[2]} across"


def axes_named(axes: Sequence[int], shape: Shape) -> str:
    """Axes by number, counted from 1 after the rows: axis 1, axes 1 and 2."""
    positions = sorted(axis % len(shape) for axis in axes)
    return (
        f"{'axis' if len(positions) == 1 else 'axes'} {listed([str(each) for each in positions])}"
    )
