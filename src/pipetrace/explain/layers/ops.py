"""Operations that are no layers: those of ``keras.ops``, and those that TensorFlow itself names."""

from collections.abc import Mapping, Sequence

from pipetrace.explain.layers.merging import broadcast
from pipetrace.explain.layers.parts import (
    Operation,
    Shape,
    agree,
    axes_named,
    none_held,
    sentence,
    sizes,
)
from pipetrace.explain.text import dimensions, figure, listed
from pipetrace.trace.document import Stage

BY_VALUE: Mapping[str, str] = {
    "add": "adds {what}",
    "subtract": "subtracts {second} from {first}",
    "multiply": "multiplies {what}",
    "divide": "divides {first} by {second}",
    "maximum": "keeps the larger of {what}",
    "minimum": "keeps the smaller of {what}",
    "power": "raises {first} to the power of {second}",
    "negative": "turns the sign of every value",
    "absolute": "drops the sign of every value",
    "square": "squares every value",
    "sqrt": "takes the square root of every value",
    "rsqrt": "divides 1 by the square root of every value",
    "reciprocal": "divides 1 by every value",
    "exp": "takes the exponential of every value",
    "log": "takes the natural logarithm of every value",
    "log1p": "takes the natural logarithm of 1 plus every value",
    "sin": "takes the sine of every value",
    "cos": "takes the cosine of every value",
    "clip": "cuts every value off at a least and a most",
    "round": "rounds every value",
    "floor": "rounds every value down",
    "ceil": "rounds every value up",
    "sign": "gives the sign of every value, -1, 0 or 1",
    "relu": "sets what is negative to zero (ReLU)",
    "relu6": "sets what is negative to zero and what is above 6 to 6 (ReLU6)",
    "leakyrelu": "shrinks what is negative to a share of itself (leaky ReLU)",
    "elu": "bends what is negative smoothly towards a least value (ELU)",
    "selu": "bends what is negative smoothly towards -1.76 and stretches the rest by 1.05 (SELU)",
    "gelu": "lets what is large pass and fades what is negative out smoothly (GELU)",
    "silu": "multiplies each by its own sigmoid (SiLU, swish)",
    "softplus": "bends each smoothly to above zero (softplus)",
    "sigmoid": "squeezes each into 0 to 1 (sigmoid)",
    "tanh": "squeezes each into -1 to 1 (tanh)",
    "softmax": "turns scores into probabilities that add up to 1 (softmax)",
    "logsoftmax": "turns scores into the logarithms of probabilities (log softmax)",
    "cast": "writes every value as another type of number",
    "identity": "hands on what comes in, unchanged",
    "stopgradient": "hands on what comes in, and lets no gradient back through it",
    "where": "takes each value from one of two, as a condition says",
    "greater": "tells whether {first} is greater than {second}",
    "greaterequal": "tells whether {first} is at least {second}",
    "less": "tells whether {first} is less than {second}",
    "lessequal": "tells whether {first} is at most {second}",
    "equal": "tells whether {first} equals {second}",
    "notequal": "tells whether {first} differs from {second}",
    "squareddifference": "squares the difference of {what}",
}
"""What is done to every value, or to values at the same place; the shape stays, or becomes that of the longest."""

OTHERS: Mapping[str, str] = {
    "matmul": "multiplies rows by columns and adds the products up (matrix product)",
    "dot": "multiplies and adds the products up (dot product)",
    "tensordot": "multiplies along axes and adds the products up",
    "einsum": "multiplies and adds up along named axes (Einstein sum)",
    "biasadd": "adds a bias to every channel",
    "mean": "takes the mean along axes",
    "sum": "adds up along axes",
    "prod": "multiplies along axes",
    "max": "keeps the largest along axes",
    "min": "keeps the smallest along axes",
    "var": "takes the variance along axes",
    "std": "takes the standard deviation along axes",
    "argmax": "gives the place of the largest along an axis",
    "argmin": "gives the place of the smallest along an axis",
    "logsumexp": "takes the logarithm of the sum of the exponentials along axes",
    "norm": "takes the length of vectors",
    "normalize": "divides vectors by their length",
    "cumsum": "adds up step by step along an axis",
    "reshape": "puts the values, in the order they are in, into another form",
    "transpose": "puts the axes into another order",
    "swapaxes": "swaps two axes",
    "moveaxis": "moves axes to other positions",
    "expanddims": "adds an axis of length 1",
    "squeeze": "drops axes of length 1",
    "concatenate": "lays its inputs one after another along an axis",
    "stack": "lays its inputs upon each other along a new axis",
    "split": "cuts it into several along an axis",
    "unstack": "cuts it into several along an axis",
    "slice": "takes a part of it",
    "take": "takes the values at given places",
    "repeat": "repeats its values",
    "tile": "repeats it as a whole",
    "broadcastto": "repeats what has length 1",
    "pad": "adds values around it",
    "flip": "turns an axis round",
    "roll": "shifts along an axis, what leaves at one end enters at the other",
    "sort": "sorts along an axis",
    "onehot": "writes every number as values of which one is 1",
    "convolution": "slides filters over it (convolution)",
    "maxpool": "keeps the largest value of each block",
    "averagepool": "takes the mean of each block",
    "flatten": "lays the values out one after another",
}
"""What is done otherwise; the output has a form of its own."""

SAME: Mapping[str, str] = {
    "addv2": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truedivide": "divide",
    "realdiv": "divide",
    "div": "divide",
    "divnonan": "divide",
    "pow": "power",
    "neg": "negative",
    "abs": "absolute",
    "inv": "reciprocal",
    "clipbyvalue": "clip",
    "softmaxv2": "softmax",
    "swish": "silu",
    "select": "where",
    "selectv2": "where",
    "matmulv2": "matmul",
    "batchmatmulv2": "matmul",
    "batchmatmul": "matmul",
    "reducemean": "mean",
    "reducesum": "sum",
    "reducemax": "max",
    "reducemin": "min",
    "concatv2": "concatenate",
    "concat": "concatenate",
    "pack": "stack",
    "unpack": "unstack",
    "stridedslice": "slice",
    "getitem": "slice",
    "gather": "take",
    "gatherv2": "take",
    "mirrorpad": "pad",
    "padv2": "pad",
    "reverse": "flip",
    "reversev2": "flip",
    "conv2d": "convolution",
    "conv": "convolution",
    "convert": "cast",
    "avgpool": "averagepool",
    "average": "mean",
    "amax": "max",
    "amin": "min",
    "negate": "negative",
    "splitv": "split",
    "slicev2": "slice",
}
"""Other names of the same."""


CONSTANT = "a constant or a weight"
"""What an operation works with beside its one input: no part of the rows, so it is not among the inputs."""

WITH_CONSTANT: Mapping[str, str] = {
    "add": f"adds {CONSTANT} to every value",
    "multiply": f"multiplies every value by {CONSTANT}",
    # Which of the two is on which side is not told.
    "subtract": f"takes the difference of every value and {CONSTANT}",
    "divide": f"takes the quotient of every value and {CONSTANT}",
    "power": f"takes a power of every value and {CONSTANT}",
}
"""The same with one input."""


def named(stage: Stage) -> Operation | None:
    """An operation, or several in a row that are told together, in words; None where one of them has none."""
    if not stage.layer or not stage.outputs or stage.parameters.total or not stage.inputs:
        return None
    kinds = [_kind(each.strip()) for each in stage.layer.split(",")]
    if not all(kind in BY_VALUE or kind in OTHERS for kind in kinds):
        return None
    taken, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    if len(kinds) > 1:
        text = ", then ".join(_in_passing(kind) for kind in kinds)
    elif kinds[0] in BY_VALUE:
        # What is done to every value has the form of its inputs together.
        if not _goes_together(taken, given):
            return None
        text = _by_value(kinds[0], stage)
    else:
        text = _along(OTHERS[kinds[0]], stage)
    return Operation(stage.layer, sentence(text), _shape(kinds, taken, given), none_held(stage))


def _kind(name: str) -> str:
    plain = name.lower().replace("_", "")
    return SAME.get(plain, plain)


def _by_value(kind: str, stage: Stage) -> str:
    """What is done to the values of one input, or of several at the same place."""
    count, low, high = len(stage.inputs), stage.config.get("x_min"), stage.config.get("x_max")
    if kind == "clip" and isinstance(low, int | float) and isinstance(high, int | float):
        return f"cuts every value off at {figure(low)} and {figure(high)}"
    if count > 1:
        words = {
            "first": "the first input",
            "second": "the second",
            "what": f"its {count} inputs, value by value",
        }
        return BY_VALUE[kind].format(**words)
    if kind in WITH_CONSTANT:
        return WITH_CONSTANT[kind]
    return BY_VALUE[kind].format(
        first="every value", second=CONSTANT, what=f"every value and {CONSTANT}"
    )


def _in_passing(kind: str) -> str:
    """What is done as one of several in a row, of whose inputs nothing is known."""
    return OTHERS.get(kind) or BY_VALUE[kind].format(
        first="one", second="the other", what="two, value by value"
    )


def _along(words: str, stage: Stage) -> str:
    """The words with the axes that the configuration tells."""
    if " along axes" not in words or "axis" not in stage.config:
        return words
    axis, shape = stage.config["axis"], stage.inputs[0].shape
    if axis is None:
        return words.replace("along axes", "over all values")
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if not axes or not all(
        isinstance(each, int) and -len(shape) <= each < len(shape) for each in axes
    ):
        return words
    return words.replace("along axes", f"along {axes_named(axes, shape)}")


def _goes_together(taken: Sequence[Shape], given: Shape) -> bool:
    """Whether what is given has the form of the inputs together, what has length 1 repeated."""
    if len(taken) == 1:
        # The other operand is none of the inputs and may have any form, but what comes in is in what comes out.
        return len(given) >= len(taken[0]) and broadcast([taken[0], given]) is not None
    full = [shape[1:] for shape in taken if len(shape) == len(given)]
    together = broadcast(full) if full and given else None
    return together is not None and agree((None, *together), given)


def _shape(kinds: Sequence[str], taken: Sequence[Shape], given: Shape) -> str:
    if kinds == ["concatenate"] and (text := _joined(taken, given)):
        return text
    if {dimensions(shape) for shape in taken} == {dimensions(given)}:
        return "The shape stays."
    return f"From {listed([sizes(shape).rpartition(' ')[0] for shape in taken])} to {sizes(given)}."


def _joined(taken: Sequence[Shape], given: Shape) -> str | None:
    """The sum along the one axis that grew; None where it is not known which that is."""
    if len(taken) < 2 or {len(shape) for shape in taken} != {len(given)}:
        return None
    for axis in range(1, len(given)):
        lengths = [shape[axis] for shape in taken]
        rest = all(
            agree((*shape[:axis], given[axis], *shape[axis + 1 :]), given) for shape in taken
        )
        if rest and None not in lengths and sum(length or 0 for length in lengths) == given[axis]:
            return f"{' + '.join(map(str, lengths))} = {given[axis]} along {axes_named([axis], given)}."
    return None
