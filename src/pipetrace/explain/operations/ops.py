"""Operations that are no layers: those of ``keras.ops``, and those that TensorFlow itself names."""

from collections.abc import Mapping, Sequence

from pipetrace.explain.operations.words import Operation, Shape, agree, none_held, sizes
from pipetrace.explain.wording import dimensions, listed
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
    "norm": "takes the length of vectors",
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
    "addv2": "add", "sub": "subtract", "mul": "multiply", "truedivide": "divide", "realdiv": "divide", "div": "divide",
    "divnonan": "divide", "pow": "power", "neg": "negative", "abs": "absolute", "inv": "reciprocal", "clipbyvalue": "clip",
    "softmaxv2": "softmax", "swish": "silu", "select": "where", "selectv2": "where", "matmulv2": "matmul",
    "batchmatmulv2": "matmul", "batchmatmul": "matmul", "reducemean": "mean", "reducesum": "sum", "reducemax": "max",
    "reducemin": "min", "concatv2": "concatenate", "concat": "concatenate", "pack": "stack", "unpack": "unstack",
    "stridedslice": "slice", "getitem": "slice", "gather": "take", "gatherv2": "take", "mirrorpad": "pad", "padv2": "pad",
    "reverse": "flip", "reversev2": "flip", "conv2d": "convolution", "conv": "convolution", "convert": "cast",
    "log_softmax": "logsoftmax", "negate": "negative", "splitv": "split", "slicev2": "slice",
}  # fmt: skip
"""Other names of the same."""


def named(stage: Stage) -> Operation | None:
    """An operation, or several in a row that are told together, in words; None where one of them has none."""
    if not stage.layer or not stage.outputs or stage.parameters.total or not stage.inputs:
        return None
    names = [each.strip() for each in stage.layer.split(",")]
    kinds = [_kind(each) for each in names]
    if not all(kind in BY_VALUE or kind in OTHERS for kind in kinds):
        return None
    taken, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    alone = len(kinds) == 1
    phrases = [_phrase(kind, len(taken) if alone else 1, alone) for kind in kinds]
    # What is done to every value has the form of one of the inputs, or of several together.
    if alone and kinds[0] in BY_VALUE and not _goes_together(taken, given):
        return None
    text = ", then ".join(phrases)
    return Operation(stage.layer, f"{text[0].upper()}{text[1:]}.", _shape(taken, given), none_held(stage))


def _kind(name: str) -> str:
    plain = name.lower().replace("_", "")
    return SAME.get(plain, plain)


def _phrase(kind: str, count: int, alone: bool) -> str:
    if kind in OTHERS:
        return OTHERS[kind]
    if count > 1:
        first, second, what = "the first input", "the second", f"its {count} inputs, value by value"
    elif alone:
        first, second = "every value", "a fixed number"
        what = {"add": "a fixed number to every value", "multiply": "every value by a fixed number"}.get(
            kind, "every value and a fixed number"
        )
    else:
        first, second, what = "one", "the other", "value by value"
    return BY_VALUE[kind].replace("{first}", first).replace("{second}", second).replace("{what}", what)


def _goes_together(taken: Sequence[Shape], given: Shape) -> bool:
    """Whether what is given has, in each axis, the length of an input, or what has one value was repeated."""
    if len(taken) == 1:
        # The other operand is a constant, which may have any form.
        return len(given) >= len(taken[0]) or agree(taken[0], given)
    longest = max(len(shape) for shape in taken)
    return len(given) == longest


def _shape(taken: Sequence[Shape], given: Shape) -> str:
    if {dimensions(shape) for shape in taken} == {dimensions(given)}:
        return "The shape stays."
    return f"From {listed([sizes(shape) for shape in taken])} to {sizes(given)}."
