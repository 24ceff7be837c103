"""Activations: as the last part of another layer, and as layers of their own."""

from typing import Any

from pipetrace.explain.layers.parts import (
    ELEMENTWISE,
    SAME_SHAPE,
    Fields,
    Known,
    axes_named,
    by,
    demand,
    real,
    sum_of,
)
from pipetrace.explain.layers.windows import channels_first
from pipetrace.trace.document import Stage

ACTIVATIONS = {
    "relu": "ReLU {then}replaces negative values with 0.",
    "softmax": "Softmax {then}turns the {scores} into probabilities that add up to 1.",
    "sigmoid": "The sigmoid {then}maps each value into the range 0 to 1.",
    "tanh": "Tanh {then}maps each value into the range -1 to 1.",
    "relu6": "ReLU6 {then}replaces negative values with 0, and values above 6 with 6.",
    "leaky_relu": "Leaky ReLU {then}multiplies negative values by a small factor.",
    "elu": "ELU {then}replaces negative values x with exp(x) - 1, which levels off at -1.",
    "selu": "SELU {then}multiplies positive values by 1.05; negative ones level off at -1.76.",
    "celu": "CELU {then}replaces negative values x with exp(x) - 1, which levels off at -1.",
    "gelu": "GELU {then}keeps large values and smoothly fades negative values out towards 0.",
    "silu": "SiLU (swish) {then}multiplies each value by its own sigmoid.",
    "hard_silu": "Hard SiLU {then}multiplies each value by its own hard sigmoid.",
    "mish": "Mish {then}keeps large values and smoothly fades negative values out towards 0.",
    "softplus": "Softplus {then}replaces each value x with log(1 + exp(x)), never negative.",
    "softsign": "Softsign {then}replaces each value x with x / (1 + |x|), between -1 and 1.",
    "exponential": "The exponential {then}replaces each value x with exp(x).",
    "hard_sigmoid": "The hard sigmoid {then}maps each value into 0 to 1, by a straight line.",
    "hard_tanh": "Hard tanh {then}limits each value to the range -1 to 1.",
    "log_sigmoid": "The log sigmoid {then}replaces each value with the logarithm of its sigmoid.",
    "log_softmax": "Log softmax {then}turns the {scores} into logarithms of probabilities.",
    "sparsemax": "Sparsemax {then}turns the {scores} into probabilities, some exactly 0.",
}
"""What an activation does to the values, by its name in Keras."""
OTHER = "The activation {name} is {then}applied."
SINGLE = "The {name} of a single score is always the same, whatever the score is."
NORMALISING = frozenset({"softmax", "log_softmax", "sparsemax", "glu"})
"""Activations that work on all values along the last axis together."""


def activated(stage: Stage, then: str = "then ") -> str:
    """The sentence on the activation in a stage's configuration; empty for none or a linear one."""
    given: Any = stage.config.get("activation")
    if not given or given == "linear":
        return ""
    name = given if isinstance(given, str) else str(given.get("class_name", "of its own"))
    return _named(name, stage, then)


def _named(name: str, stage: Stage, then: str) -> str:
    """The sentence on an activation along the last axis of the stage's output."""
    shape = stage.outputs[0].shape
    length = shape[-1] if shape else None
    if name in NORMALISING and length == 1:
        return SINGLE.format(name=name.replace("_", " "))
    scores = f"{length} scores" if length else "scores along the last axis"
    if length and len(shape) > 2:
        scores += " along the last axis" if channels_first(stage) else " at each position"
    return ACTIVATIONS.get(name, OTHER).format(name=name, then=then, scores=scores)


def _activation(stage: Stage) -> Fields:
    demand(stage.config["activation"] not in NORMALISING or bool(stage.outputs[0].shape[-1]))
    return {"activation": activated(stage, "")}


def _relu(stage: Stage) -> Fields:
    config = stage.config
    return {
        "slope": real(config.get("negative_slope") or 0),
        "below": real(config.get("threshold") or 0),
        "top": None if config["max_value"] is None else real(config["max_value"]),
        "limited": config["max_value"] is not None,
    }


def _prelu(stage: Stage) -> Fields:
    shared, taken = list(stage.config["shared_axes"] or []), stage.inputs[0].shape
    demand(all(isinstance(axis, int) and 0 < axis < len(taken) for axis in shared))
    lengths = [1 if axis in shared else taken[axis] for axis in range(1, len(taken))]
    return {
        "shared": axes_named(shared, taken) if shared else "",
        "lengths": by(lengths),
        "weights": sum_of([length or 0 for length in lengths if length != 1] or [1]),
    }


def _softmax(stage: Stage) -> Fields:
    given, shape = stage.config["axis"], stage.outputs[0].shape
    axes = list(given) if isinstance(given, list | tuple) else [given]
    lengths = [shape[axis] for axis in axes]
    last = len(axes) == 1 and axes[0] % len(shape) == len(shape) - 1 and bool(lengths[0])
    return {
        "last": _named("softmax", stage, "") if last else "",
        "axes": axes_named(axes, shape),
    }


LAYERS = {
    "Activation": Known(
        does="""
            {activation}
            [not activation] Returns its input unchanged (linear).
        """,
        steady=SAME_SHAPE,
        fields=_activation,
    ),
    "ReLU": Known(
        does="""
            [not slope, not below] Replaces negative values with 0 (ReLU).
            [not slope, below] Replaces values below {below:number} with 0 (ReLU).
            [slope, not below] Multiplies negative values by {slope:number} (leaky ReLU).
            [slope, below] Replaces values below {below:number} with {slope:number} times the
                difference (leaky ReLU).
            [limited] Values above {top:number} become {top:number}.
        """,
        steady=ELEMENTWISE,
        fields=_relu,
    ),
    "LeakyReLU": Known(
        "Multiplies negative values by {negative_slope:number} and keeps the rest (leaky ReLU).",
        steady=ELEMENTWISE,
    ),
    "ELU": Known(
        does="Lets negative values level off smoothly at {lowest:number} and keeps the rest (ELU).",
        steady=ELEMENTWISE,
        fields=lambda stage: {"lowest": -real(stage.config["alpha"])},
    ),
    "PReLU": Known(
        does="""
            Multiplies negative values by a learned factor and keeps the rest (PReLU).
            [not shared] Each position has its own factor.
            [shared] The factors are shared along {shared}.
        """,
        steady=ELEMENTWISE,
        parts="one factor for each of {lengths}",
        fields=_prelu,
    ),
    "Softmax": Known(
        does="""
            {last}
            [not last] Turns the scores along {axes} into probabilities that add up to 1 (softmax).
        """,
        steady=SAME_SHAPE,
        fields=_softmax,
        inputs=(1, 2),
    ),
}
"""The activation layers."""
