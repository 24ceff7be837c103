"""Dense layers, embeddings, masking, and the layers that hand over to something that a trace does not hold."""

import math
from collections.abc import Callable, Sequence

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    agree,
    by,
    demand,
    demand_no_parameters,
    demand_same_shape,
    length_at,
    none_held,
    numbers,
    parameters,
    real,
    sentence,
    sizes,
    summed,
    tally,
    then,
    whole,
)
from pipetrace.explain.text import counted, listed, number
from pipetrace.trace.document import Stage

MOST_NAMED = 100
"""How many layers of a pipeline are listed at most; one of more is called by its class."""


def _dense(stage: Stage) -> Operation:
    units, width = whole(stage.config["units"]), length_at(stage.inputs[0].shape, -1)
    demand(agree((*stage.inputs[0].shape[:-1], units), stage.outputs[0].shape))
    everywhere = " at each place" if len(stage.inputs[0].shape) > 2 else ""
    values = f"all {number(width)} values" if width != 1 else "the one value"
    does = f"Weighs {values}{everywhere} for each of {counted(units, 'unit')}"
    parts = f"one weight for each value and unit, {number(width * units)}"
    bias = units if stage.config.get("use_bias", True) else 0
    return Operation(
        "Dense",
        does + then(stage.config, units),
        f"{'Each of ' if units != 1 else ''}{counted(units, 'unit')} gives one number{everywhere}.",
        *parameters(
            stage, [width, units], bias, f"{parts}, and one bias for each unit" if bias else parts
        ),
    )


def _einsum_dense(stage: Stage) -> Operation:
    config = stage.config
    equation, held = (
        str(config["equation"]),
        {weight.name: weight.shape for weight in stage.weights},
    )
    left, result = equation.replace(" ", "").split("->")
    taken, kernel = left.split(",")
    demand(len(kernel) == len(held["kernel"]))
    _demand_axes(stage, (taken, kernel, result), held["kernel"])
    summed_over = [letter for letter in kernel if letter in taken and letter not in result]
    over = f", adding up over {listed(summed_over)}" if summed_over else ""
    bias = held.get("bias", ())
    units = length_at(stage.outputs[0].shape, -1)
    ends = then({"use_bias": "bias" in held, "activation": config.get("activation")}, units)
    products = [held["kernel"], *([bias] if "bias" in held else [])]
    weights = (
        f"a kernel of {by(held['kernel'])} weights"
        if len(held["kernel"]) > 1
        else f"{held['kernel'][0]} weights"
    )
    return Operation(
        "EinsumDense",
        f"Multiplies what comes in by {weights}, the axes paired as {taken},{kernel}->{result} says{over}{ends}",
        f"{sizes(stage.inputs[0].shape)} become {sizes(stage.outputs[0].shape)}.",
        *tally(stage, products, "the kernel" + ", and the bias" * ("bias" in held)),
    )


def _demand_axes(stage: Stage, letters: tuple[str, str, str], kernel: Sequence[int]) -> None:
    """Stop where the axes that have one letter have not one length; not asked where some have none."""
    if "..." in letters[0] + letters[2]:
        return
    shapes = (stage.inputs[0].shape, kernel, stage.outputs[0].shape)
    lengths: dict[str, int] = {}
    for word, shape in zip(letters, shapes, strict=True):
        demand(len(word) == len(shape))
        for letter, length in zip(word, shape, strict=True):
            demand(length is None or lengths.setdefault(letter, length) == length)


def _embedding(stage: Stage) -> Operation:
    config, taken, given = stage.config, stage.inputs[0].shape, stage.outputs[0].shape
    entries, width = whole(config["input_dim"]), whole(config["output_dim"])
    demand(agree((*taken, width), given))
    hidden = (
        " The number 0 stands for padding, which later layers pass over."
        if config.get("mask_zero")
        else ""
    )
    each = "each whole number" if len(taken) > 1 else "the whole number"
    untied = config.get("tie_weights") is False
    terms = f"{'2 x ' * untied}{number(entries)} x {number(width)}"
    total = entries * width * (2 if untied else 1)
    parts = f"{counted(width, 'number')} for each of {counted(entries, 'entry', 'entries')}"
    lengths = [*taken[1:], width]
    shape = None
    if len(lengths) > 1 and None not in lengths:
        noun = "entry" if lengths[:-1] == [1] else "entries"
        values = number(math.prod(length or 0 for length in lengths))
        shape = f"{by(lengths[:-1])} {noun} of {width}: {by(lengths)} = {values}."
    top = "which is 0" if entries == 1 else f"from 0 to {number(entries - 1)}"
    return Operation(
        stage.layer or "",
        f"Looks up {counted(width, 'learned number')} for {each}, {top}.{hidden}",
        shape,
        *summed(stage, terms, total, parts + ", once to look up and once to score" * untied),
    )


def _reversible_embedding(stage: Stage) -> Operation:
    config, taken, given = stage.config, stage.inputs[0].shape, stage.outputs[0].shape
    entries, width = whole(config["input_dim"]), whole(config["output_dim"])
    if len(given) != len(taken):
        return _embedding(stage)
    demand(agree((*taken[:-1], entries), given) and taken[-1] == width)
    untied = config.get("tie_weights") is False
    which = (
        "a second set of weights" if untied else "the same numbers that it looks entries up with"
    )
    return Operation(
        "ReversibleEmbedding",
        f"Goes the way back: scores each of {counted(entries, 'entry', 'entries')} by {which}, the {width} products "
        "added up.",
        f"{counted(width, 'value')} become {counted(entries, 'score')}.",
        *summed(
            stage,
            f"{'2 x ' * untied}{number(entries)} x {number(width)}",
            entries * width * (2 if untied else 1),
            f"{counted(width, 'number')} for each of {counted(entries, 'entry', 'entries')}",
        ),
    )


def _lambda(stage: Stage) -> Operation:
    function = stage.config["function"]
    name = function.get("config") if isinstance(function, dict) else None
    what = (
        f"the function {name}"
        if isinstance(name, str)
        else "a function that the model's author wrote"
    )
    return Operation(
        "Lambda",
        f"Applies {what}; what that does is not in the trace.",
        f"{sizes(stage.inputs[0].shape)} {_become(stage)} {sizes(stage.outputs[0].shape)}.",
        none_held(stage),
    )


def _become(stage: Stage) -> str:
    return "becomes" if sizes(stage.inputs[0].shape) == "1 value" else "become"


def _masking(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    value = numbers(real(stage.config["mask_value"]))
    return Operation(
        "Masking",
        f"Hides every step whose values all equal {value} from the layers after it, and sets its values to 0.",
        "A hidden step keeps its place, so the shape stays.",
    )


def _identity(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    return Operation("Identity", "Hands on what comes in, unchanged.", "The shape stays.")


def _activity(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    by_size, by_square = real(stage.config["l1"]), real(stage.config["l2"])
    terms = [f"{numbers(by_size)} x the sum of the values without their signs"] if by_size else []
    terms += [f"{numbers(by_square)} x the sum of their squares"] if by_square else []
    added = (
        f"In training adds {' and '.join(terms)}, averaged over the rows, to the loss; the"
        if terms
        else "The"
    )
    return Operation(
        "ActivityRegularization", f"{added} values pass unchanged.", "The shape stays."
    )


def _input_layer(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    demand(agree(stage.config["batch_shape"], stage.outputs[0].shape))
    return Operation(
        "InputLayer",
        f"Takes the rows in, {sizes(stage.outputs[0].shape)} each, and changes nothing.",
    )


def _outside(what: str) -> Callable[[Stage], Operation]:
    """A layer that runs what another framework made."""

    def describe(stage: Stage) -> Operation:
        given = listed([sizes(spec.shape) for spec in stage.outputs])
        taken = listed([sizes(spec.shape) for spec in stage.inputs])
        endpoint = stage.config.get("call_endpoint")
        named = f", its endpoint {endpoint}" if isinstance(endpoint, str) else ""
        return Operation(
            stage.layer or "",
            f"Runs {what}{named}; what it computes is not in the trace.",
            f"{sentence(taken)[:-1]} in, {given} out.",
            none_held(stage),
        )

    return describe


def _pipeline(stage: Stage) -> Operation:
    names = [str(layer["class_name"]) for layer in stage.config["layers"]]
    demand(0 < len(names) <= MOST_NAMED)
    return Operation(
        "Pipeline",
        f"Passes the rows through {counted(len(names), 'layer')} in turn: {listed(names)}.",
        f"{sizes(stage.inputs[0].shape)} {_become(stage)} {sizes(stage.outputs[0].shape)}.",
        none_held(stage),
    )


LAYERS = {
    "Dense": Known(_dense, "units"),
    "EinsumDense": Known(_einsum_dense, "equation"),
    "Embedding": Known(_embedding, "input_dim"),
    "ReversibleEmbedding": Known(_reversible_embedding, "input_dim"),
    "Lambda": Known(_lambda, "function"),
    "Masking": Known(_masking, "mask_value"),
    "Identity": Known(_identity),
    "ActivityRegularization": Known(_activity, "l1"),
    "InputLayer": Known(_input_layer, "batch_shape", inputs=(0, 1)),
    "Pipeline": Known(_pipeline, "layers"),
    "TFSMLayer": Known(_outside("a function that TensorFlow saved"), "filepath", inputs=(0, 99)),
    "JaxLayer": Known(_outside("a function written in JAX"), "call_fn", inputs=(0, 99)),
    "FlaxLayer": Known(_outside("a Flax module"), "module", inputs=(0, 99)),
    "TorchModuleWrapper": Known(_outside("a PyTorch module"), "module", inputs=(0, 99)),
}
"""The dense layers and their like that have words."""
