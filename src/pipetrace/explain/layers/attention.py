"""Attention: places that look at places, and mix what they find by shares that add up to 1."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import permutations

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    Shape,
    agree,
    by,
    demand,
    length_at,
    none_held,
    share_of,
    summed,
    whole,
)
from pipetrace.explain.text import counted, dimensions, share
from pipetrace.trace.document import Stage

Product = tuple[tuple[int, ...], tuple[int, ...]]
"""The shape of a kernel, and of its bias; nothing where there is none."""

ROLES = ("query", "value", "key")


def _roles(stage: Stage) -> list[tuple[Shape, Shape, Shape]]:
    """What may be the query, the value and the key among the inputs, as Keras orders them first.

    Arguments given by name come in the order of their names, so that another order than Keras' own may be the true one.
    """
    shapes: list[Shape] = [spec.shape for spec in stage.inputs]
    named = {spec.name: spec.shape for spec in stage.inputs if spec.name in ROLES}
    if {"query", "value"} <= named.keys():
        return [(named["query"], named["value"], named.get("key", named["value"]))]
    demand(0 < len(shapes) <= 3)
    if len(shapes) == 3:
        return [(one, two, three) for one, two, three in permutations(shapes)]
    return [(shapes[0], shapes[-1], shapes[-1])]


def _product(products: Sequence[Product]) -> tuple[str, int]:
    """The sum over kernels with their biases, alike ones counted, and what it comes to."""
    texts, total = [], 0
    for (kernel, bias), times in Counter(products).items():
        text = by(kernel) + (f" + {by(bias)}" if bias else "")
        total += times * (math.prod(kernel) + (math.prod(bias) if bias else 0))
        texts.append(text if times == 1 else f"{times} x ({text})" if bias else f"{times} x {text}")
    return " + ".join(texts), total


def _many_heads(
    stage: Stage, heads: tuple[int, int], width: tuple[int, int], out: Sequence[int]
) -> Operation:
    """Attention of several heads.

    Args:
        stage: whose words are wanted.
        heads: how many the queries have, and how many the keys and values have.
        width: how many numbers a head's query and key have, and how many its value has.
        out: the lengths of what is given at each place; those of the query where empty.
    """
    config, given = stage.config, stage.outputs[0].shape
    fits = [
        roles for roles in _roles(stage) if agree((*roles[0][:-1], *(out or roles[0][-1:])), given)
    ]
    demand(bool(fits) and min(map(len, fits[0])) > 2)
    bias, found = bool(config["use_bias"]), None
    for query, value, key in fits:
        ends = tuple(out) or (length_at(query, -1),)
        projections = [
            (query, heads[0], width[0]),
            (key, heads[1], width[0]),
            (value, heads[1], width[1]),
        ]
        if config.get("use_gate"):
            projections.append((query, heads[0], width[1]))
        products: list[Product] = [
            ((length_at(shape, -1), count, each), (count, each) if bias else ())
            for shape, count, each in projections
        ]
        text, total = _product([*products, ((heads[0], width[1], *ends), ends if bias else ())])
        if total == stage.parameters.total:
            found = summed(
                stage, text, total, "what makes queries, keys and values, and what joins the heads"
            )
            break
    else:
        query, value, key = fits[0]
    shared = (
        ""
        if heads[0] == heads[1]
        else f" ({counted(heads[1], 'head')} for keys and values, shared)"
    )
    does = (
        f"{_looks(query, value)} in {counted(heads[0], 'head')}{shared}: each head makes {width[0]} numbers of a place, "
        f"its query, and compares them by products with the {width[0]} that it makes of every place, the keys; softmax "
        f"turns these scores into shares that add up to 1, and by them the head mixes the {width[1]} numbers of each "
        f"place, the values. The heads together are weighed into {by(list(given[len(query) - 1 :]))} values."
    )
    return Operation(
        stage.layer or "",
        does + _more(stage),
        f"{_shape(query, given)}{_shares(stage)}",
        *(found or (none_held(stage), None)),
    )


def _looks(query: Shape, value: Shape) -> str:
    places, others = list(query[1:-1]), list(value[1:-1])
    number = by(places)
    noun = "place" if places == [1] else "places"
    if None in places:
        return "Lets each place look at all places" + (
            "" if places == others else " of the second input"
        )
    if places == others:
        return f"Lets each of {number} {noun} look at all {number}"
    return f"Lets each of {number} {noun} look at {by(others)} places of the second input"


def _more(stage: Stage) -> str:
    words = ""
    if window := stage.config.get("sliding_window"):
        words += f" A place looks no further than {whole(window)} places."
    if rate := stage.config.get("dropout"):
        words += f" In training a random {share(share_of(rate))} of the shares is set to zero."
    if stage.config.get("use_gate"):
        words += " A gate made of the query lets through only part of it."
    return words


def _shape(query: Shape, given: Shape) -> str:
    return (
        f"{dimensions(query)} in, {dimensions(given)} out: the places stay."
        if query[1:-1]
        else "The places stay."
    )


def _shares(stage: Stage) -> str:
    if len(stage.outputs) < 2:
        return ""
    return f" The second output holds the shares, {dimensions(stage.outputs[1].shape)}."


def _multi_head(stage: Stage) -> Operation:
    config = stage.config
    heads, key = whole(config["num_heads"]), whole(config["key_dim"])
    value = key if config.get("value_dim") is None else whole(config["value_dim"])
    out = config.get("output_shape")
    demand(
        config.get("attention_axes") is None or isinstance(config["attention_axes"], list | tuple)
    )
    lengths = (
        []
        if out is None
        else [whole(each) for each in (out if isinstance(out, list | tuple) else [out])]
    )
    return _many_heads(stage, (heads, heads), (key, value), lengths)


def _grouped(stage: Stage) -> Operation:
    config = stage.config
    queries, others = whole(config["num_query_heads"]), whole(config["num_key_value_heads"])
    width = whole(config["head_dim"])
    return _many_heads(stage, (queries, others), (width, width), [])


def _plain(stage: Stage) -> Operation:
    additive = stage.layer == "AdditiveAttention"
    for query, value, key in _roles(stage):
        if agree((*query[:-1], value[-1]), stage.outputs[0].shape) and query[-1] == key[-1]:
            break
    else:
        demand(False)
    width, config = length_at(query, -1), stage.config
    held: list[str] = []
    count = 0
    if config.get("use_scale"):
        held.append(
            "one scale for each of the compared numbers" if additive else "one scale for all scores"
        )
        count += width if additive else 1
    if config.get("score_mode") == "concat":
        held.append("one weight for the scores")
        count += 1
    how = f"the product of their {width} numbers"
    if additive or config.get("score_mode") == "concat":
        how = f"the tanh of their {width} numbers' sums, added up"
    total, parts = (
        summed(stage, str(count), count, " and ".join(held)) if count else (none_held(stage), None)
    )
    return Operation(
        stage.layer or "",
        f"{_looks(query, value)}: the score of two places is {how}; softmax turns a place's scores into shares that add "
        f"up to 1, and by them the {length_at(value, -1)} numbers of the places are mixed.{_more(stage)}",
        f"{_shape(query, stage.outputs[0].shape)}{_shares(stage)}",
        total,
        parts,
    )


LAYERS = {
    "MultiHeadAttention": Known(_multi_head, "num_heads", inputs=(1, 3)),
    "GroupedQueryAttention": Known(_grouped, "num_query_heads", inputs=(1, 3)),
    "Attention": Known(_plain, "use_scale", inputs=(1, 3)),
    "AdditiveAttention": Known(_plain, "use_scale", inputs=(1, 3)),
}
"""The attention layers that have words."""
