"""The steps through a multi-head attention: scores, softmax and weighted sum of one head."""

from dataclasses import dataclass

import numpy as np

from pipetrace.explain.formatting import counted, figure, number, share
from pipetrace.explain.learn.lesson import Part, position_of, stage_place, step
from pipetrace.explain.quiz.generator import named, weight
from pipetrace.trace.document import Array, Stage, Trace

NEAR = 1e-3
"""How far the computed output may be from the recorded one."""


@dataclass(frozen=True)
class Heads:
    """What an attention computes of a row."""

    query: Array  # the positions that ask, ``(queries, width)``
    # scores, shares: before and behind the softmax, ``(heads, queries, keys)``
    scores: Array
    shares: Array
    values: Array  # what each position offers, ``(keys, heads, depth)``
    output: Array  # ``(queries, width)``


def heads_of(trace: Trace, stage: Stage) -> Heads | None:
    """All heads in double precision; None where their output is not the recorded one."""
    if stage.layer != "MultiHeadAttention" or stage.example is None or stage.example.ndim != 2:
        return None
    given = [trace.stages.by_name.get(spec.source or "") for spec in stage.inputs[:3]]
    arrays = [each.example for each in given if each is not None and each.example is not None]
    if len(arrays) != len(given) or not arrays or any(each.ndim != 2 for each in arrays):
        return None
    query, value = arrays[0], arrays[min(1, len(arrays) - 1)]
    key = arrays[2] if len(arrays) > 2 else value
    made = [
        _projected(trace, stage, name, x)
        for name, x in (("query", query), ("key", key), ("value", value))
    ]
    kernel = weight(trace, stage, "attention_output/kernel")
    bias = weight(trace, stage, "attention_output/bias")
    if kernel is None or any(each is None for each in made):
        return None
    asked, offered, told = (np.asarray(each) for each in made)
    scores = np.einsum("qhd,khd->hqk", asked, offered) / np.sqrt(asked.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    output = np.einsum("hqk,khd,hdo->qo", shares, told, kernel.astype(float))
    output += 0.0 if bias is None else bias
    near = output.shape == stage.example.shape and np.allclose(output, stage.example, atol=NEAR)
    return Heads(query, scores, shares, told, output) if near else None


def _projected(trace: Trace, stage: Stage, name: str, x: Array) -> Array | None:
    kernel, bias = weight(trace, stage, f"{name}/kernel"), weight(trace, stage, f"{name}/bias")
    if kernel is None or kernel.shape[0] != x.shape[-1]:
        return None
    found: Array = np.einsum("pi,ihd->phd", x.astype(float), kernel.astype(float))
    return found + (0.0 if bias is None else bias)


def steps_of_attention(trace: Trace, stage: Stage) -> list[Part] | None:
    """Six steps, of the query and the head that look most at one position."""
    found = heads_of(trace, stage)
    if found is None:
        return None
    head, query, key = position_of(found.shares, int(found.shares.argmax()))
    unit = int(np.abs(found.output[query]).argmax())
    shown = f"head={head}" if head else ""
    here = stage_place(stage, (query, unit), more=shown)
    scores, shares = found.scores[head, query], found.shares[head, query]
    mixed = shares @ found.values[:, head]
    depth = int(np.abs(mixed).argmax())
    part, source = float(shares[key] * found.values[key, head, depth]), stage.inputs[0].source or ""
    least = int(scores.argmin())
    return [
        step(
            "One position asks",
            stage_place(trace.stages[source], (query, 0)),
            f"{named(stage)} takes {counted(len(found.query), 'position')} of "
            f"{counted(found.query.shape[1], 'value')}. Position {query} is looked at here: its "
            "values, times the weights of the query, make the question that it asks.",
        ),
        step(
            "The scores",
            here,
            f"In head {head} the question is compared with the key of every position: products, "
            f"summed and divided by the root of their number. Position {key} scores "
            f"{figure(float(scores[key]))}, the highest; position {least} "
            f"{figure(float(scores[least]))}, the lowest.",
        ),
        step(
            "The softmax",
            here,
            f"e to each score, divided by their sum, gives {counted(len(scores), 'share')} that "
            f"add up to 1. Position {key} gets {share(float(shares[key]))}; "
            f"{share(1 / len(scores))} would be all alike.",
        ),
        step(
            "The weighted sum",
            here,
            f"Each position offers values of its own, and the shares weigh them. Of the "
            f"{counted(len(mixed), 'value')} of this head, number {depth} is "
            f"{figure(float(mixed[depth]))}; position {key} adds {figure(part)} of it.",
        ),
        step(
            "All heads together",
            here,
            f"Each of {counted(len(found.scores), 'head')} has weights of its own. Their values, "
            "times the weights of the output, add up to "
            f"{figure(float(found.output[query, unit]))} at position {query}, value {unit}. Keras "
            "recorded this value.",
        ),
        _all_positions(stage, found, head, query),
    ]


def _all_positions(stage: Stage, found: Heads, head: int, query: int) -> Part:
    looked = found.shares[head].argmax(axis=-1)
    own = (
        int((looked == np.arange(len(looked))).sum())
        if found.shares.shape[1] == len(found.values)
        else 0
    )
    other = (query + 1) % len(looked)
    text = (
        f"Position {other} looks most at position {int(looked[other])}, with "
        f"{share(float(found.shares[head, other].max()))}."
    )
    more = f" {own} of {len(looked)} look most at themselves." if own else ""
    return step(
        "All positions",
        stage_place(stage, (other, 0), more=f"head={head}" if head else ""),
        f"Every position asks in the same way, with the same "
        f"{number(stage.parameters.total)} parameters. {text}{more}",
    )
