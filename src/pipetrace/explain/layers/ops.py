"""Operations that are no layers: those of ``keras.ops``, and those that TensorFlow itself names."""

from collections.abc import Sequence

from pipetrace.explain.formatting import dimensions, figure
from pipetrace.explain.layers.merging import broadcast
from pipetrace.explain.layers.parts import (
    SAME_SHAPE,
    Operation,
    Shape,
    agree,
    axes_named,
    from_to,
    none_held,
    sentence,
    table,
)
from pipetrace.trace.document import Stage

ELEMENT_BY_ELEMENT = """
add: adds {what} | adds {constant} to every value
subtract: subtracts {second} from {first} | takes the difference of every value and {constant}
multiply: multiplies {what} | multiplies every value by {constant}
divide, truedivide, div: divides {first} by {second} | divides one by the other:
    every value and {constant}
maximum: keeps the larger of {what}
minimum: keeps the smaller of {what}
power, pow: raises {first} to the power of {second} | raises one to the power of the other: every
    value and {constant}
negative, negate: reverses the sign of every value
absolute, abs: takes the absolute value of every value
square: squares every value
sqrt: takes the square root of every value
rsqrt: divides 1 by the square root of every value
reciprocal, inv: divides 1 by every value
exp: takes the exponential of every value
log: takes the natural logarithm of every value
log1p: takes the natural logarithm of 1 plus every value
sin: takes the sine of every value
cos: takes the cosine of every value
clip, clipbyvalue: limits every value to a minimum and a maximum
round: rounds every value
floor: rounds every value down
ceil: rounds every value up
sign: replaces every value with its sign: -1, 0 or 1
relu: replaces negative values with 0 (ReLU)
relu6: replaces negative values with 0, and values above 6 with 6 (ReLU6)
leakyrelu: multiplies negative values by a small factor (leaky ReLU)
elu: lets negative values level off smoothly (ELU)
selu: multiplies positive values by 1.05 and lets negative ones level off at -1.76 (SELU)
gelu: keeps large values and smoothly fades negative values out towards 0 (GELU)
randomstandardnormal, statelessrandomnormal: draws random numbers from the normal distribution
randomuniform, statelessrandomuniform: draws random numbers from 0 to 1
silu, swish: multiplies each value by its own sigmoid (SiLU, swish)
softplus: replaces each value x with log(1 + exp(x)) (softplus)
sigmoid: maps each value into the range 0 to 1 (sigmoid)
tanh: maps each value into the range -1 to 1 (tanh)
softmax: turns scores into probabilities that add up to 1 (softmax)
logsoftmax: turns scores into logarithms of probabilities (log softmax)
cast, convert: converts every value to another data type
identity: returns its input unchanged
stopgradient: returns its input unchanged and stops the gradient from flowing back
where, select: takes each value from one of two tensors, depending on a condition
greater: tests whether {first} is greater than {second}
greaterequal: tests whether {first} is at least {second}
less: tests whether {first} is less than {second}
lessequal: tests whether {first} is at most {second}
equal: tests whether {first} equals {second}
notequal: tests whether {first} differs from {second}
squareddifference: squares the difference of {what}
"""
"""What is done element by element, so that the output has the shape of the inputs, broadcast.

A line has the names of an operation, in small letters without underscores, and what it does. After
a bar stands what it does with one input: the trace does not record on which side that one is.
"""

OTHERS = """
matmul, batchmatmul: multiplies matrices: rows by columns, with the
    products summed
dot: takes dot products: multiplies and sums
tensordot: multiplies along axes and sums the products
einsum: multiplies and sums along named axes (Einstein summation)
mean, reducemean, average: averages along axes
sum, reducesum: sums along axes
prod: multiplies along axes
max, reducemax, amax: keeps the largest value along axes
min, reducemin, amin: keeps the smallest value along axes
var: takes the variance along axes
std: takes the standard deviation along axes
argmax: finds the position of the largest value along an axis
argmin: finds the position of the smallest value along an axis
logsumexp: takes the logarithm of the sum of the exponentials along axes
norm: takes the length of vectors (norm)
normalize: divides vectors by their length
cumsum: takes running sums along an axis
reshape: rearranges the values into another shape, in the same order
transpose: puts the axes into another order
swapaxes: swaps two axes
moveaxis: moves axes to other positions
expanddims: adds an axis of length 1
squeeze: removes axes of length 1
concatenate, concat: joins its inputs along an axis
stack: stacks its inputs along a new axis
split: splits its input along an axis
unstack, unpack: splits its input along an axis
slice, getitem: takes a part of its input
take, gather: picks the values at given positions
repeat: repeats the values
tile: repeats its input as a whole
broadcastto: repeats axes of length 1 (broadcasting)
pad, mirrorpad: adds values around its input
flip, reverse: reverses the order along an axis
roll: shifts the values along an axis; those that leave at one end enter at the other
sort: sorts along an axis
onehot: writes every number as values of which one is 1
convolution, conv2d, conv: slides filters over its input (convolution)
maxpool: keeps the largest value of each block
averagepool, avgpool: averages each block
flatten: writes the values as one list
"""
"""What is done otherwise; the output has a shape of its own."""
CONSTANT = "a constant or a weight"
"""The other operand of an operation with one input."""


PARTS = ("slice", "getitem")
"""What takes a part, unless it gives all values with an axis more or fewer, as ``x[:, None]``."""


def _without_ones(shape: Shape) -> list[int | None]:
    return [length for length in shape if length != 1]


def _by_name(text: str) -> dict[str, str]:
    return {name: words for names, words in table(text) for name in names.split(", ")}


BY_VALUE, OTHERWISE = _by_name(ELEMENT_BY_ELEMENT), _by_name(OTHERS)


def named(stage: Stage) -> Operation | None:
    """An operation in words, or several that form one stage; None, or a ``KeyError``, where one has
    no words."""
    if not stage.layer or not stage.outputs or stage.parameters.total or not stage.inputs:
        return None
    kinds = [each.strip().lower().replace("_", "") for each in stage.layer.split(",")]
    taken, given = [spec.shape for spec in stage.inputs], stage.outputs[0].shape
    if len(kinds) > 1:
        text = ", then ".join(_in_passing(kind) for kind in kinds)
    elif kinds[0] in BY_VALUE:
        if not _goes_together(taken, given):
            return None
        text = _by_value(kinds[0], stage)
    elif kinds[0] in PARTS and len(taken) == 1 and _without_ones(taken[0]) == _without_ones(given):
        text = OTHERWISE["expanddims" if len(given) > len(taken[0]) else "squeeze"]
    else:
        text = _along(OTHERWISE[kinds[0]], stage)
    return Operation(stage.layer, sentence(text), _shape(text, taken, given), none_held(stage))


def _by_value(kind: str, stage: Stage) -> str:
    """What is done to the values of one input, or of several in the same position."""
    count, low, high = len(stage.inputs), stage.config.get("x_min"), stage.config.get("x_max")
    if kind.startswith("clip") and isinstance(low, int | float) and isinstance(high, int | float):
        return f"limits every value to the range {figure(low)} to {figure(high)}"
    several, _, one = BY_VALUE[kind].partition(" | ")
    if count > 1:
        what = f"its {count} inputs, element by element"
        return several.format(first="the first input", second="the second", what=what)
    what = f"every value and {CONSTANT}"
    words = {"first": "every value", "second": CONSTANT, "what": what, "constant": CONSTANT}
    return (one or several).format(**words)


def _in_passing(kind: str) -> str:
    """What is done as one of several in a row, of whose inputs nothing is known."""
    if kind in OTHERWISE:
        return OTHERWISE[kind]
    words = {"first": "one", "second": "the other", "what": "two tensors, element by element"}
    return BY_VALUE[kind].partition(" | ")[0].format(**words)


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
        # The other operand is not recorded and may have any shape that fits the input.
        return len(given) >= len(taken[0]) and broadcast([taken[0], given]) is not None
    full = [shape[1:] for shape in taken if len(shape) == len(given)]
    together = broadcast(full) if full and given else None
    return together is not None and agree((None, *together), given)


def _shape(text: str, taken: Sequence[Shape], given: Shape) -> str:
    if text == OTHERWISE["concatenate"] and (words := _joined(taken, given)):
        return words
    if {dimensions(shape) for shape in taken} == {dimensions(given)}:
        return SAME_SHAPE
    return f"{from_to(taken, [given])}."


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
            text = " + ".join(map(str, lengths))
            return f"{text} = {given[axis]} along {axes_named([axis], given)}."
    return None
