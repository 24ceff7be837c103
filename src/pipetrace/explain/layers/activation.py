"""Layers that are an activation: every value is bent by itself, or all along an axis are turned into shares."""

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    activation,
    axes_named,
    by,
    demand,
    demand_no_parameters,
    demand_same_shape,
    numbers,
    parameters,
    real,
    sentence,
)
from pipetrace.trace.document import Stage

STAYS = "Every value is changed by itself, so the shape stays."


def _activation(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    given, last = stage.config["activation"], stage.outputs[0].shape[-1]
    phrase = activation(given, last or 0)
    together = given in ("softmax", "log_softmax", "sparsemax", "glu")
    demand(not together or bool(last))
    words = sentence(phrase) if phrase else "Hands on what comes in, unchanged (linear)."
    return Operation("Activation", words, "The shape stays." if together else STAYS)


def _relu(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    config = stage.config
    slope, threshold = real(config.get("negative_slope") or 0), real(config.get("threshold") or 0)
    top = config["max_value"]
    what = "is negative" if threshold == 0 else f"is below {numbers(threshold)}"
    apart = "itself" if threshold == 0 else f"its distance from {numbers(threshold)}"
    low = (
        f"multiplies what {what} by {numbers(slope)}"
        if slope and not threshold
        else f"sets what {what} to zero"
    )
    if slope and threshold:
        low = f"turns what {what} into {numbers(slope)} times {apart}"
    high = (
        f" and what is above {numbers(real(top))} to {numbers(real(top))}"
        if top is not None and not slope
        else ""
    )
    if top is not None and slope:
        high = f" and sets what is above {numbers(real(top))} to {numbers(real(top))}"
    return Operation("ReLU", sentence(f"{low}{high} (ReLU)"), STAYS)


def _leaky(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    slope = numbers(real(stage.config["negative_slope"]))
    return Operation(
        "LeakyReLU",
        f"Multiplies what is negative by {slope} and leaves the rest (leaky ReLU).",
        STAYS,
    )


def _elu(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    lowest = numbers(-real(stage.config["alpha"]))
    return Operation(
        "ELU", f"Bends what is negative smoothly towards {lowest} and leaves the rest (ELU).", STAYS
    )


def _prelu(stage: Stage) -> Operation:
    demand_same_shape(stage)
    shared = list(stage.config["shared_axes"] or [])
    taken = stage.inputs[0].shape
    demand(all(isinstance(axis, int) and 0 < axis < len(taken) for axis in shared))
    lengths = [1 if axis in shared else taken[axis] for axis in range(1, len(taken))]
    held = [length or 0 for length in lengths if length != 1]
    over = f", shared along {axes_named(shared, taken)}" if shared else ""
    return Operation(
        "PReLU",
        f"Multiplies what is negative by a learned slope and leaves the rest; a slope of its own for each place{over}.",
        STAYS,
        *parameters(stage, held or [1], 0, f"a slope for each of {by(lengths)}"),
    )


def _softmax(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    given, shape = stage.config["axis"], stage.outputs[0].shape
    axes = given if isinstance(given, list | tuple) else [given]
    lengths = [shape[axis] for axis in axes]
    if len(axes) == 1 and axes[0] % len(shape) == len(shape) - 1 and lengths[0]:
        everywhere = " at each place" if len(shape) > 2 else ""
        phrase = str(activation("softmax", lengths[0])).replace(
            " scores", f" scores{everywhere}", 1
        )
        return Operation("Softmax", sentence(phrase), "The shape stays.")
    return Operation(
        "Softmax",
        f"Turns the scores along {axes_named(axes, shape)} into probabilities that add up to 1 (softmax).",
        "The shape stays.",
    )


LAYERS = {
    "Activation": Known(_activation, "activation"),
    "ReLU": Known(_relu, "max_value", inputs=(1, 1)),
    "LeakyReLU": Known(_leaky, "negative_slope"),
    "ELU": Known(_elu, "alpha"),
    "PReLU": Known(_prelu, "shared_axes"),
    "Softmax": Known(_softmax, "axis", inputs=(1, 2)),
}
"""The activation layers that have words."""
