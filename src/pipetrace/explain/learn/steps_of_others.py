"""The steps through an embedding, a normalisation and a pooling."""

from typing import Any, NamedTuple

import numpy as np

from pipetrace.explain.facts import words_of
from pipetrace.explain.formatting import (
    as_written,
    comes_to,
    counted,
    figure,
    listed,
    number,
    share,
    signed,
)
from pipetrace.explain.learn.lesson import Part, largest_at, stage_place, step
from pipetrace.explain.quiz.generator import agrees, named
from pipetrace.explain.recompute import received, weight
from pipetrace.trace.document import Array, Stage, Trace

MOST_LISTED = 4
"""Of a block the values that are listed."""


def steps_of_embedding(trace: Trace, stage: Stage) -> list[Part] | None:
    """Five steps; None where the recorded vectors are not rows of the recorded table."""
    table, example = weight(trace, stage, "embeddings"), stage.example
    given = received(trace, stage)
    if stage.layer != "Embedding" or table is None or example is None or given is None:
        return None
    if given.ndim != 1 or example.shape != (len(given), table.shape[1]):
        return None
    numbers = given.astype(int)
    if not len(numbers) or numbers.max() >= len(table) or numbers.min() < 0:
        return None
    if not np.allclose(table[numbers], example, atol=1e-4):
        return None
    at = largest_at(np.abs(example))
    chosen, here = int(numbers[at[0]]), stage_place(stage, at)
    row = table[chosen].astype(float)
    source = trace.stages[stage.inputs[0].source or ""]
    words = words_of(source)
    name = f"number {chosen}"
    name += f" ('{words[chosen]}')" if chosen < len(words) else ""
    times = int((numbers == chosen).sum())
    first = listed([figure(float(each)) for each in row[:MOST_LISTED]])
    return [
        step(
            "One number",
            stage_place(source, (at[0],)),
            f"{named(stage)} takes {counted(len(numbers), 'whole number')}. At place {at[0]} of "
            f"this row it is {name}.",
        ),
        step(
            "Its row of the table",
            here,
            f"The table has a row for every number: {number(len(table))} rows of "
            f"{counted(table.shape[1], 'weight')}, {number(table.size)} parameters. Row {chosen} "
            f"begins with {first}.",
        ),
        step(
            "No sum",
            here,
            f"Nothing is multiplied: the row is copied. Its value {at[1]}, "
            f"{figure(float(row[at[1]]))}, is what Keras recorded at {at[0]} x {at[1]}: "
            f"{figure(float(example[at]))}.",
        ),
        step(
            "All places",
            stage_place(stage, (int(np.flatnonzero(numbers == chosen)[-1]), at[1])),
            "Every place looks into the same table. In this row "
            + (
                f"number {chosen} stands at {times} places and gives the same vector at each."
                if times > 1
                else f"{counted(len(set(numbers.tolist())), 'different number')} occur, number "
                f"{chosen} once."
            ),
        ),
        step("Rows that are alike", here, _alike(table, chosen)),
    ]


def _alike(table: Array, chosen: int) -> str:
    """Which other row of a table points most in the direction of one."""
    row, lengths = table[chosen].astype(float), np.linalg.norm(table, axis=1)
    likeness = table.astype(float) @ row / np.maximum(lengths * lengths[chosen], 1e-12)
    likeness[chosen] = -np.inf
    nearest = int(likeness.argmax())
    return (
        "To the next layer two rows in one direction say much the same. After training, most like "
        f"row {chosen} is row {nearest}: the cosine of their angle is "
        f"{figure(float(likeness[nearest]))}; 1 would be the same direction."
    )


def steps_of_normalization(trace: Trace, stage: Stage) -> list[Part] | None:
    """Four steps; None where the value computed here is not the recorded one."""
    found = normalised(trace, stage)
    if found is None or stage.example is None:
        return None
    here, x = stage_place(stage, found.at), found.value
    source = trace.stages[stage.inputs[0].source or ""]
    apart = x - found.mean
    even = apart / found.spread
    value, mean, spread, scale, shift = map(as_written, found[1:6])
    shown = comes_to((value - mean) / spread, even)
    moved = comes_to(as_written(even) * scale + shift, even * found.scale + found.shift)
    whose = {
        "BatchNormalization": f"of channel {found.at[-1]}, the averages of the training batches",
        "LayerNormalization": "of this position, over its own values",
        "GroupNormalization": f"of {found.group}, over all positions of this row",
    }[stage.layer or ""]
    return [
        step(
            "One value",
            stage_place(source, found.at, text=named(source)),
            f"At {' x '.join(map(str, found.at))} {named(stage)} takes {figure(x)}.",
        ),
        step(
            "Mean and spread",
            here,
            f"It takes the mean {whose}: {figure(found.mean)}; and divides by the standard "
            f"deviation, {figure(found.spread)}: ({figure(x)} {signed(-found.mean)}) / "
            f"{figure(found.spread)} = {shown}.",
        ),
        step(
            "Scale and shift",
            here,
            f"Two numbers that training found put it where the next layer wants it: "
            f"{figure(even)} x {figure(found.scale)} {signed(found.shift)} = "
            f"{moved}. Keras recorded "
            f"{figure(float(stage.example[found.at]))}.",
        ),
        step(
            "All channels",
            here,
            f"Each of the {counted(stage.example.shape[-1], 'channel')} has numbers of its own: "
            f"{number(stage.parameters.total)} parameters, {number(stage.parameters.trainable)} of "
            "which the gradient changes.",
        ),
    ]


class Normalised(NamedTuple):
    """A value before a normalisation, and what it is normalised with."""

    at: tuple[int, ...]
    value: float
    mean: float
    spread: float
    scale: float
    shift: float
    group: str = ""  # of a group normalisation the channels that go together


def normalised(trace: Trace, stage: Stage) -> Normalised | None:
    """The largest value of a normalisation over the last axis, as it comes about."""
    x, example, config = received(trace, stage), stage.example, stage.config
    kinds = ("BatchNormalization", "LayerNormalization", "GroupNormalization")
    if stage.layer not in kinds or x is None or example is None or x.shape != example.shape:
        return None
    axis = config.get("axis", -1)
    if axis not in (-1, x.ndim, [-1], [x.ndim]) or not x.ndim:
        return None
    at = largest_at(np.abs(example))
    group = ""
    if stage.layer == "BatchNormalization":
        mean, variance = (weight(trace, stage, f"moving_{name}") for name in ("mean", "variance"))
        if mean is None or variance is None:
            return None
        middle, square = float(mean[at[-1]]), float(variance[at[-1]])
    else:
        own = x[at[:-1]].astype(float)
        if stage.layer == "GroupNormalization":
            together = x.shape[-1] // abs(int(config["groups"])) if config["groups"] > 0 else 1
            first = at[-1] // together * together
            own = x[..., first : first + together].astype(float)
            group = f"channels {first} to {first + together - 1}" if together > 1 else "its channel"
        middle, square = float(own.mean()), float(own.var())
    gamma, beta = weight(trace, stage, "gamma"), weight(trace, stage, "beta")
    found = Normalised(
        at,
        float(x[at]),
        middle,
        float(np.sqrt(square + float(config.get("epsilon", 1e-3)))),
        1.0 if gamma is None else float(gamma[at[-1]]),
        0.0 if beta is None else float(beta[at[-1]]),
        group,
    )
    made = (found.value - middle) / found.spread * found.scale + found.shift
    return found if agrees(made, example, at) else None


class Pooled(NamedTuple):
    """A value of a pooling and the block that it comes from."""

    at: tuple[int, ...]
    block: Array
    largest: bool


def pooled(trace: Trace, stage: Stage) -> Pooled | None:
    """The largest value of a pooling with its block; None where it cannot be computed."""
    x, example, config, layer = received(trace, stage), stage.example, stage.config, stage.layer
    if x is None or example is None or not layer or "Pooling" not in layer or x.ndim < 2:
        return None
    if config.get("data_format", "channels_last") != "channels_last":
        return None
    at = largest_at(example)
    if layer.startswith("Global"):
        if config.get("keepdims"):
            return None
        block = x[..., at[-1]]
    elif example.ndim == x.ndim and config.get("padding") == "valid":
        axes = x.ndim - 1
        size = np.broadcast_to(np.asarray(config["pool_size"]), axes)
        stride = np.broadcast_to(np.asarray(config.get("strides") or config["pool_size"]), axes)
        cut: tuple[Any, ...] = tuple(
            slice(int(a * s), int(a * s + p)) for a, s, p in zip(at, stride, size, strict=False)
        )
        block = x[(*cut, at[-1])]
    else:
        return None
    largest = "Max" in layer
    value = float(block.max() if largest else block.astype(float).mean())
    return Pooled(at, block, largest) if agrees(value, example, at) else None


def pooled_words(found: Pooled) -> str:
    """How a value of a pooling comes about."""
    values, many = found.block.reshape(-1), found.block.size
    made = float(values.max() if found.largest else values.astype(float).mean())
    shown = [figure(float(each)) for each in values[:MOST_LISTED]]
    told = listed(shown) if many <= MOST_LISTED else f"{', '.join(shown)}, ..."
    what = "the largest" if found.largest else "the mean"
    return (
        f"At {' x '.join(map(str, found.at))} {what} of {counted(many, 'value')} ({told}) goes on: "
        f"{figure(made)}."
    )


def steps_of_pooling(trace: Trace, stage: Stage) -> list[Part] | None:
    """Three steps; None where the value computed here is not the recorded one."""
    found, x = pooled(trace, stage), received(trace, stage)
    if found is None or x is None or stage.example is None:
        return None
    before, after = x.size, stage.example.size
    here = stage_place(stage, found.at)
    return [
        step(
            "A block",
            here,
            f"{named(stage)} looks at blocks of {counted(found.block.size, 'value')}, in each "
            "channel by itself. It has no weights: training changes nothing here.",
        ),
        step("One value", here, pooled_words(found)),
        step(
            "All positions",
            stage_place(stage, largest_at(-stage.example)),
            f"Of {number(before)} values {number(after)} are left, {share(after / before)}.",
        ),
    ]
