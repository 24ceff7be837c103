"""The steps through an attention: scores, softmax and weighted sum of one head."""

from dataclasses import dataclass

import numpy as np

from pipetrace.explain.formatting import counted, figure, share
from pipetrace.explain.learn.lesson import Part, largest_at, stage_place, step
from pipetrace.explain.quiz.generator import named
from pipetrace.explain.recompute import weight
from pipetrace.trace.document import Array, Stage, Trace

ATTENTIONS = ("MultiHeadAttention", "Attention")
"""With weights for queries, keys and values, and without."""
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
    scale: float  # what each sum of products is multiplied with, to a score


def heads_of(trace: Trace, stage: Stage) -> Heads | None:
    """All heads in double precision; None where their output is not the recorded one."""
    if stage.layer not in ATTENTIONS or stage.example is None or stage.example.ndim != 2:
        return None
    given = [trace.stages.by_name.get(spec.source or "") for spec in stage.inputs[:3]]
    arrays = [each.example for each in given if each is not None and each.example is not None]
    if len(arrays) != len(given) or not arrays or any(each.ndim != 2 for each in arrays):
        return None
    query, value = arrays[0], arrays[min(1, len(arrays) - 1)]
    key = arrays[2] if len(arrays) > 2 else value
    is_plain = stage.layer == "Attention"
    made = [
        x[:, None].astype(float) if is_plain else _projected(trace, stage, name, x)
        for name, x in (("query", query), ("key", key), ("value", value))
    ]
    kernel = weight(trace, stage, "attention_output/kernel")
    bias = weight(trace, stage, "attention_output/bias")
    learned = weight(trace, stage, "scale")
    if is_plain:
        kernel = np.eye(value.shape[1])[None]
        unknown = stage.config.get("use_scale") and learned is None
        is_dot = stage.config.get("score_mode") == "dot" and query.shape[1] == key.shape[1]
        if unknown or not is_dot:
            return None
    if kernel is None or any(each is None for each in made):
        return None
    asked, offered, told = (np.asarray(each) for each in made)
    scale = 1 / np.sqrt(asked.shape[-1])
    if is_plain:
        scale = 1.0 if learned is None else float(learned)
    scores = np.einsum("qhd,khd->hqk", asked, offered) * scale
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    output = np.einsum("hqk,khd,hdo->qo", shares, told, kernel.astype(float))
    output += 0.0 if bias is None else bias
    near = output.shape == stage.example.shape and np.allclose(output, stage.example, atol=NEAR)
    return Heads(query, scores, shares, told, output, scale) if near else None


def _projected(trace: Trace, stage: Stage, name: str, x: Array) -> Array | None:
    kernel, bias = weight(trace, stage, f"{name}/kernel"), weight(trace, stage, f"{name}/bias")
    if kernel is None or kernel.shape[0] != x.shape[-1]:
        return None
    found: Array = np.einsum("pi,ihd->phd", x.astype(float), kernel.astype(float))
    return found + (0.0 if bias is None else bias)


def steps_of_attention(trace: Trace, stage: Stage) -> list[Part] | None:
    """Five or six steps, of the query and the head that look most at one position."""
    found = heads_of(trace, stage)
    if found is None:
        return None
    head, query, key = largest_at(found.shares)
    unit = int(np.abs(found.output[query]).argmax())
    shown = f"head={head}" if head else ""
    here = stage_place(stage, (query, unit), more=shown)
    scores, shares = found.scores[head, query], found.shares[head, query]
    mixed = shares @ found.values[:, head]
    depth = int(np.abs(mixed).argmax())
    part, source = float(shares[key] * found.values[key, head, depth]), stage.inputs[0].source or ""
    least = int(scores.argmin())
    projects = stage.layer == "MultiHeadAttention"
    asks = "its values, times the weights of the query, make" if projects else "its values are"
    scaled = " and divided by the root of their number" if projects else ""
    if not projects and stage.parameters.total:
        scaled = f" and multiplied by {figure(found.scale)}, which training found"
    told = "" if projects else " Keras recorded this value."
    steps = [
        step(
            "One position asks",
            stage_place(trace.stages[source], (query, 0)),
            f"{named(stage)} takes {counted(len(found.query), 'position')} of "
            f"{counted(found.query.shape[1], 'value')}. Position {query} is looked at here: "
            f"{asks} the question that it asks.",
        ),
        step(
            "The scores",
            here,
            (f"In head {head} the" if projects else "The")
            + f" question is compared with the key of every position: products, summed{scaled}. "
            f"Position {key} scores "
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
            f"{counted(len(mixed), 'value')}{' of this head' * projects}, number {depth} is "
            f"{figure(float(mixed[depth]))}; position {key} adds {figure(part)} of it.{told}",
        ),
    ]
    if projects:
        together = (
            f"Each of {counted(len(found.scores), 'head')} has weights of its own. Their values, "
            "times the weights of the output, add up to "
            f"{figure(float(found.output[query, unit]))} at position {query}, value {unit}. Keras "
            "recorded this value."
        )
        steps.append(step("All heads together", here, together))
    return [*steps, _all_positions(stage, found, head, query)]


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
        "Every position asks in the same way, with the same "
        f"{counted(stage.parameters.total, 'parameter')}. {text}{more}"
        if stage.parameters.total
        else f"Every position asks in the same way; there are no parameters. {text}{more}",
    )
