"""Dense layers, embeddings, masking, and the layers that run foreign code."""

import math
from collections.abc import Sequence
from typing import Any

from pipetrace.explain.formatting import counted, listed, number
from pipetrace.explain.layers.activation import activated
from pipetrace.explain.layers.parts import (
    MANY_INPUTS,
    SAME_SHAPE,
    Fields,
    Known,
    Sum,
    agree,
    by,
    demand,
    length_at,
    numbers,
    real,
    shapes_of,
    sizes,
    sum_of,
    table,
    whole,
)
from pipetrace.trace.document import Stage

MOST_NAMED = 100
"""A pipeline of more layers than this is called by its class alone."""

DENSE = """
[width>1] {Each} has one weight for each of the {width:,} inputs.
[width>1, use_bias] The inputs are multiplied by the weights, summed, and a bias is added.
[width>1, not use_bias] The inputs are multiplied by the weights and summed.
[width=1, use_bias] {Each} multiplies the one input by its weight and adds its bias.
[width=1, not use_bias] {Each} multiplies the one input by its weight.
[everywhere] The same weights are used at every position.
{activation}
"""
DENSE_SHAPE = """
[units>1] One output for each of the {units:,} units{everywhere}.
[units=1] One output{everywhere}.
"""
DENSE_WEIGHTS = """
one weight for each input and unit, {count:,}
[use_bias] and one bias for each unit
"""
EINSUM = """
Multiplies its input by a kernel of {kernel} weights, with axes paired as in the equation
    {equation}.
[summed] The products are summed over {summed}.
[biased] A bias is added.
{activation}
"""
EMBEDDING = """
[not reversed] Replaces each integer from 0 to {last:,} with its vector of {width:# learned number}.
[padded] The integer 0 marks padding, which later layers skip.
[reversed] Works as an embedding in reverse: each of {entries:# entry/entries} gets a score, the dot
    product of the input and that entry's {width:# learned number}.
[apart] These numbers are a second table, separate from the one for looking up.
"""


def _dense(stage: Stage) -> Fields:
    units, width = whole(stage.config["units"]), length_at(stage.inputs[0].shape, -1)
    demand(agree((*stage.inputs[0].shape[:-1], units), stage.outputs[0].shape))
    biased = bool(stage.config.get("use_bias", True))
    return {
        "Each": f"Each of the {number(units)} units" if units > 1 else "The unit",
        "width": width,
        "everywhere": " at each position" if len(stage.inputs[0].shape) > 2 else "",
        "activation": activated(stage),
        "count": width * units,
        "use_bias": biased,
        "weights": sum_of([width, units], [units] * biased),
    }


def _einsum_dense(stage: Stage) -> Fields:
    equation = str(stage.config["equation"])
    held = {weight.name: weight.shape for weight in stage.weights}
    left, result = equation.replace(" ", "").split("->")
    taken, kernel = left.split(",")
    demand(len(kernel) == len(held["kernel"]))
    _demand_axes(stage, (taken, kernel, result), held["kernel"])
    return {
        "kernel": by(held["kernel"]),
        "equation": f"{taken},{kernel}->{result}",
        "summed": listed([letter for letter in kernel if letter in taken and letter not in result]),
        "biased": "bias" in held,
        "activation": activated(stage),
        "shapes": shapes_of(stage),
        "weights": sum_of(held["kernel"], held.get("bias", ())),
    }


def _demand_axes(stage: Stage, letters: tuple[str, str, str], kernel: Sequence[int]) -> None:
    """Stop where the axes of one letter differ in length; "..." leaves axes without a letter."""
    if "..." in letters[0] + letters[2]:
        return
    shapes = (stage.inputs[0].shape, kernel, stage.outputs[0].shape)
    lengths: dict[str, int] = {}
    for word, shape in zip(letters, shapes, strict=True):
        demand(len(word) == len(shape))
        for letter, length in zip(word, shape, strict=True):
            demand(length is None or lengths.setdefault(letter, length) == length)


def _embedding(stage: Stage) -> Fields:
    config, taken, given = stage.config, stage.inputs[0].shape, stage.outputs[0].shape
    entries, width = whole(config["input_dim"]), whole(config["output_dim"])
    untied = config.get("tie_weights") is False
    fields = {
        "entries": entries,
        "last": entries - 1,
        "width": width,
        "untied": untied,
        "weights": Sum(
            f"{'2 x ' * untied}{number(entries)} x {number(width)}", entries * width * (1 + untied)
        ),
    }
    if stage.layer == "ReversibleEmbedding" and len(given) == len(taken):
        demand(agree((*taken[:-1], entries), given) and taken[-1] == width)
        return {**fields, "reversed": True, "apart": untied}
    demand(agree((*taken, width), given))
    fields["padded"] = bool(config.get("mask_zero"))
    lengths = [*taken[1:], width]
    if len(lengths) > 1 and None not in lengths:
        fields["vectors"] = f"{by(lengths[:-1])} vector{'s' * (lengths[:-1] != [1])}"
        fields["product"] = (
            f"{by(lengths)} = {number(math.prod(length or 0 for length in lengths))}"
        )
    return fields


def _foreign(stage: Stage) -> Fields:
    """The fields of ``FOREIGN``; such a layer may hold any number of parameters."""
    config = stage.config
    fields: dict[str, Any] = {"weights": None, "shapes": shapes_of(stage)}
    if stage.layer == "Lambda":
        function = config["function"]
        name = function.get("config") if isinstance(function, dict) else None
        known = isinstance(name, str)
        fields["function"] = f"the function {name}" if known else "a function of the model's author"
    if stage.layer == "TFSMLayer":
        name = config["call_endpoint"]
        fields["endpoint"] = f", its endpoint {name}" if isinstance(name, str) else ""
    if stage.layer == "Pipeline":
        names = [str(layer["class_name"]) for layer in config["layers"]]
        demand(0 < len(names) <= MOST_NAMED)
        fields |= {"count": counted(len(names), "layer"), "names": listed(names)}
    return fields


def _activity(stage: Stage) -> Fields:
    by_size, by_square = real(stage.config["l1"]), real(stage.config["l2"])
    terms = [f"{numbers(by_size)} x the sum of absolute values"] if by_size else []
    terms += [f"{numbers(by_square)} x the sum of squares"] if by_square else []
    return {"terms": listed(terms)}


def _input_layer(stage: Stage) -> Fields:
    demand(agree(stage.config["batch_shape"], stage.outputs[0].shape))
    return {"sizes": sizes(stage.outputs[0].shape)}


TABLE = """
[vectors] {vectors} of {width:# number}: {product} values.
[reversed] {entries:# score} at each position.
"""
TABLE_PARTS = """
{width:# number} for each of {entries:# integer}
[untied] once to look up and once to score
"""
FOREIGN = """
Pipeline: Passes the rows through {count} in turn: {names}.
Lambda: Applies {function}; what it computes is not recorded in the trace.
TFSMLayer: Runs a function saved by TensorFlow{endpoint}; what it computes is not recorded in the
    trace.
JaxLayer: Runs a function written in JAX; what it computes is not recorded in the trace.
FlaxLayer: Runs a Flax module; what it computes is not recorded in the trace.
TorchModuleWrapper: Runs a PyTorch module; what it computes is not recorded in the trace.
"""
LAYERS = {
    "Dense": Known(DENSE, DENSE_SHAPE, DENSE_WEIGHTS, _dense),
    "EinsumDense": Known(EINSUM, "{shapes}.", "the kernel\n[biased] and the bias", _einsum_dense),
    "Embedding": Known(EMBEDDING, TABLE, TABLE_PARTS, _embedding),
    "ReversibleEmbedding": Known(EMBEDDING, TABLE, TABLE_PARTS, _embedding),
    "Masking": Known(
        """
        Hides every step whose values all equal {mask_value:number} from later layers, and sets its
            values to 0.
        """,
        steady="A hidden step stays in its position, so the shape stays the same.",
    ),
    "Identity": Known("Returns its input unchanged.", steady=SAME_SHAPE),
    "ActivityRegularization": Known(
        """
        Returns its input unchanged.
        [terms] During training, adds a penalty to the loss: {terms}, averaged over the rows.
        """,
        steady=SAME_SHAPE,
        fields=_activity,
    ),
    "InputLayer": Known(
        "Passes the rows on unchanged, {sizes} each.", fields=_input_layer, inputs=(0, 1)
    ),
    **{
        name: Known(text, "{shapes}.", fields=_foreign, inputs=MANY_INPUTS)
        for name, text in table(FOREIGN)
    },
}
"""The dense layers and embeddings, and what runs foreign code."""
