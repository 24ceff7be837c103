"""Attention: every position is compared with every other, and averages what it finds there."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import permutations

from pipetrace.explain.formatting import dimensions
from pipetrace.explain.layers.parts import (
    Fields,
    Known,
    Shape,
    Sum,
    agree,
    axes_named,
    by,
    demand,
    length_at,
    whole,
)
from pipetrace.trace.document import Stage

Product = tuple[tuple[int, ...], tuple[int, ...]]
"""The shape of a kernel, and of its bias; nothing where there is none."""

ROLES = ("query", "value", "key")

FURTHER = """
[sliding_window] A position looks at most {sliding_window:,} positions away.
[dropout] During training, a random {dropout:percent} of the weights is set to 0.
[use_gate] A gate computed from the query scales the result.
"""
MANY_HEADS = (
    """
{Each} attends to {others}, in {heads:# head} (positions that a mask hides are skipped).
In each head, a position's query ({compared:# number}) is compared with the key of every position by
    dot products.
Softmax turns these scores into weights that add up to 1, and the values ({averaged:# number} each)
    are averaged with these weights.
[shared] The {heads} heads share {shared:# set} of keys and values.
The results of all heads are combined into {out}.
"""
    + FURTHER
)
ONE_HEAD = (
    """
{Each} attends to {others} (positions that a mask hides are skipped).
[additive] For the score of two positions, their {compared:# number} are added in pairs, passed
    through tanh and summed.
[not additive] The score of two positions is the dot product of their {compared:# number}.
Softmax turns these scores into weights that add up to 1, and the values ({averaged:# number} each)
    are averaged with these weights.
"""
    + FURTHER
)
SHAPE = """
[query] {query} in, {given} out: the positions stay the same.
[not query] The positions stay the same.
[scores] The second output holds the attention weights, {scores}.
"""


def _roles(stage: Stage) -> list[tuple[Shape, Shape, Shape]]:
    """What may be the query, the value and the key among the inputs, as Keras orders them first.

    Arguments given by name are recorded in the order of their names, so the true order may differ.
    """
    shapes: list[Shape] = [spec.shape for spec in stage.inputs]
    named = {spec.name: spec.shape for spec in stage.inputs if spec.name in ROLES}
    if {"query", "value"} <= named.keys():
        return [(named["query"], named["value"], named.get("key", named["value"]))]
    demand(0 < len(shapes) <= 3)
    if len(shapes) == 3:
        return [(one, two, three) for one, two, three in permutations(shapes)]
    return [(shapes[0], shapes[-1], shapes[-1])]


def _product(products: Sequence[Product]) -> Sum:
    """The sum over kernels with their biases, alike ones counted."""
    texts, total = [], 0
    for (kernel, bias), times in Counter(products).items():
        text = by(kernel) + (f" + {by(bias)}" if bias else "")
        total += times * (math.prod(kernel) + (math.prod(bias) if bias else 0))
        texts.append(text if times == 1 else f"{times} x ({text})" if bias else f"{times} x {text}")
    return Sum(" + ".join(texts), total)


def _positions(stage: Stage, query: Shape, value: Shape) -> dict[str, str]:
    """Who looks at whom, and the fields of ``SHAPE``."""
    here, there = list(query[1:-1]), list(value[1:-1])
    others = f"all {by(there)} positions"
    if None in here or None in there:
        others = "all positions"
    elif here == there == [1]:
        others = "itself alone"
    axes = stage.config.get("attention_axes")
    if axes and sorted(axis % len(query) for axis in axes) != list(range(1, len(query) - 1)):
        others = f"all positions along {axes_named(axes, query)}"
    count = by(here)
    each = "Each position" if None in here or here == [1] else f"Each of the {count} positions"
    scores = stage.outputs[1].shape if len(stage.outputs) > 1 else ()
    return {
        "Each": each,
        "others": others if here == there else f"{others} of the second input",
        "query": dimensions(query) if here else "",
        "given": dimensions(stage.outputs[0].shape),
        "scores": dimensions(scores) if scores else "",
    }


def _many_heads(
    stage: Stage, heads: tuple[int, int], width: tuple[int, int], out: Sequence[int]
) -> Fields:
    """The fields of ``MANY_HEADS``.

    ``heads`` are those of the queries, and of the keys and values; ``width`` is how many numbers a
    head's query and key have, and its value; ``out`` the lengths of what is returned at each
    position, those of the query where empty.
    """
    config, given, bias = stage.config, stage.outputs[0].shape, bool(stage.config["use_bias"])
    fits = [
        roles for roles in _roles(stage) if agree((*roles[0][:-1], *(out or roles[0][-1:])), given)
    ]
    demand(bool(fits) and min(map(len, fits[0])) > 2)
    sums = []
    for query, value, key in fits:
        ends = tuple(out) or (length_at(query, -1),)
        kernels = [
            (query, heads[0], width[0]),
            (key, heads[1], width[0]),
            (value, heads[1], width[1]),
        ]
        if config.get("use_gate"):
            kernels.append((query, heads[0], width[1]))
        products: list[Product] = [
            ((length_at(shape, -1), count, each), (count, each) if bias else ())
            for shape, count, each in kernels
        ]
        sums.append(_product([*products, ((heads[0], width[1], *ends), ends if bias else ())]))
    at = next((at for at, each in enumerate(sums) if each.total == stage.parameters.total), 0)
    query, value, _ = fits[at]
    end = by(list(given[len(query) - 1 :]))
    return {
        **_positions(stage, query, value),
        "heads": heads[0],
        "shared": 0 if heads[0] == heads[1] else heads[1],
        "compared": width[0],
        "averaged": width[1],
        "out": f"{end} value{'s' * (end != '1')} for each position",
        "weights": sums[at],
    }


def _multi_head(stage: Stage) -> Fields:
    config, out = stage.config, stage.config.get("output_shape")
    heads, key = whole(config["num_heads"]), whole(config["key_dim"])
    value = key if config.get("value_dim") is None else whole(config["value_dim"])
    axes = config.get("attention_axes")
    demand(axes is None or isinstance(axes, list | tuple))
    ends = [] if out is None else list(out) if isinstance(out, list | tuple) else [out]
    return _many_heads(stage, (heads, heads), (key, value), [whole(each) for each in ends])


def _grouped(stage: Stage) -> Fields:
    config = stage.config
    queries, others = whole(config["num_query_heads"]), whole(config["num_key_value_heads"])
    width = whole(config["head_dim"])
    return _many_heads(stage, (queries, others), (width, width), [])


def _one_head(stage: Stage) -> Fields:
    config, additive = stage.config, stage.layer == "AdditiveAttention"
    fits = [
        roles
        for roles in _roles(stage)
        if agree((*roles[0][:-1], roles[1][-1]), stage.outputs[0].shape)
        and roles[0][-1] == roles[2][-1]
    ]
    query, value, _ = fits[0]
    width, joined = length_at(query, -1), config.get("score_mode") == "concat"
    scales = (width if additive else 1) * bool(config["use_scale"])
    count = scales + joined
    return {
        **_positions(stage, query, value),
        "additive": additive or joined,
        "compared": width,
        "averaged": length_at(value, -1),
        "scaled": scales,
        "joined": joined,
        "weights": Sum(str(count), count) if count else None,
    }


PROJECTIONS = "the weights of queries, keys and values, and those that combine the heads"
SCALES = """
[scaled] {scaled:# scale} for the scores
[joined] one weight for the scores
"""
LAYERS = {
    "MultiHeadAttention": Known(MANY_HEADS, SHAPE, PROJECTIONS, _multi_head, (1, 3)),
    "GroupedQueryAttention": Known(MANY_HEADS, SHAPE, PROJECTIONS, _grouped, (1, 3)),
    "Attention": Known(ONE_HEAD, SHAPE, SCALES, _one_head, (1, 3)),
    "AdditiveAttention": Known(ONE_HEAD, SHAPE, SCALES, _one_head, (1, 3)),
}
"""The attention layers."""
