"""Where it went wrong: the stage that raised, or the first one whose values are not finite."""

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipetrace.capture import structures, training
from pipetrace.capture.eager import forward_class, gradients_of
from pipetrace.capture.facts import losses
from pipetrace.capture.nodes import Graph
from pipetrace.capture.tensors import Origin
from pipetrace.capture.weights import Weights
from pipetrace.errors import in_short
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.rows import Rows
from pipetrace.trace.document import Array, Stage, stage_of_weight
from pipetrace.trace.events import (
    EXCEPTION,
    GRADIENT,
    INPUTS,
    OUTPUT,
    OUTPUT_COUNT,
    TARGET_RANGE,
    TARGET_SHAPE,
    TARGETS,
    WEIGHTS,
    Event,
)

MOST_REMEMBERED = 4_000_000
"""Weights of a larger model are not remembered from epoch to epoch."""
SEARCHED_ROWS = 2048
"""Rows that are searched for the place where a value first was not finite."""


@dataclass(frozen=True)
class Suspect:
    """What is searched for the cause of a failure."""

    model: Any  # that is trained
    measure: ModelPass | None  # its forward pass, or None where its stages were never seen
    rows: Rows | None  # those to look at, or None where none are known
    names: list[Origin]  # for each array of the rows the stage that it comes from
    taken: frozenset[str]  # the names of the stages before the model
    together: int  # rows that the model may get at a time


def are_sound(copies: Weights) -> bool:
    """Whether copies of weights are few enough to be remembered, and all finite."""
    if sum(values.size for values in copies.values()) > MOST_REMEMBERED:
        return False
    return all(np.isfinite(values).all() for values in copies.values() if values.dtype.kind == "f")


def not_finite(suspect: Suspect, loss: float, sound: Weights) -> list[Event]:
    """The first places where values are not finite, after the loss has become NaN or Inf.

    ``sound`` are the last weights that were all finite; none where they were not remembered.
    """
    found = []
    looks: tuple[Callable[[], Event | None], ...] = (
        lambda: _in_the_rows(suspect),
        lambda: _in_a_pass(suspect, sound),
        lambda: _in_the_weights(suspect),
    )
    for look in looks:
        event = look()
        if event is not None:
            found.append(event)
            # Rows that are not finite make a loss of NaN; an infinite one has another cause too.
            if event.kind not in (INPUTS, TARGETS) or math.isnan(loss):
                break
    return found


def _in_the_rows(suspect: Suspect) -> Event | None:
    """Values that were not finite before they came to the model."""
    if suspect.rows is None:
        return None
    for (name, _), values in zip(suspect.names, suspect.rows.arrays, strict=False):
        row = _first_broken(values)
        if row is not None:
            return Event(INPUTS, stage=name, row=row, count=_not_finite(values))
    for place, values in enumerate(suspect.rows.targets):
        row = _first_broken(values)
        if row is not None:
            return Event(TARGETS, target=place, row=row, count=_not_finite(values))
    return None


def _in_a_pass(suspect: Suspect, sound: Weights) -> Event | None:
    """With the last finite weights: the first stage whose output or gradient is not finite."""
    measure = suspect.measure
    if measure is None or not sound:
        return None
    parts = _searched(suspect)
    if (found := _in_the_outputs(measure, parts, sound)) is not None:
        return found
    if not parts or parts[0].y is None or not getattr(suspect.model, "compiled", False):
        return None
    broken: list[Any] = []
    gradients: training.Gradients | None = None
    for part in parts:
        x = structures.as_fit_gets(part.x)
        gradients = gradients or gradients_of(suspect.model, x, part.y)
        broken = gradients.not_finite(x, part.y, None, sound)
        if broken:
            break
    keys = {id(variable) for variable in broken}
    named = [name for name, each in measure.forward.variables().items() if id(each) in keys]
    if not named:
        return None
    # The gradient comes from the end, so it broke at the last stage in the order of execution.
    return Event(GRADIENT, stage=_owner(measure, named[-1]), weight=named[-1])


def _searched(suspect: Suspect) -> list[Rows]:
    """The rows to search, as many at a time as the model may get."""
    measure, rows = suspect.measure, suspect.rows
    if measure is None or rows is None:
        return []
    few = rows.taken(slice(0, min(len(rows), SEARCHED_ROWS, measure.extent.candidates)))
    together = measure.extent.together
    return [few.taken(slice(start, start + together)) for start in range(0, len(few), together)]


def _in_the_outputs(
    measure: ModelPass, parts: Sequence[Rows], instead: Weights | None = None
) -> Event | None:
    """The first stage whose output is not finite, with the model's weights or others."""
    for part in parts:
        outputs = measure.passed(part.x, instead).outputs
        for stage in measure.forward.stages:
            if any(_first_broken(values) is not None for values in outputs.get(stage.name, ())):
                return Event(OUTPUT, stage=stage.name)
    return None


def _not_finite_now(suspect: Suspect) -> list[Event]:
    """Where a model that gives NaN or Inf got it from. A loss may raise for that, as PyTorch's
    binary crossentropy does."""
    if suspect.measure is None:
        return []
    found = _in_the_outputs(suspect.measure, _searched(suspect))
    if found is None:
        return []
    return [_in_the_rows(suspect) or _in_the_weights(suspect) or found]


def _owner(measure: ModelPass, weight: str) -> str:
    return stage_of_weight(weight, {stage.name for stage in measure.forward.stages})


def _in_the_weights(suspect: Suspect) -> Event | None:
    if suspect.measure is None:
        return None
    for name, values in suspect.measure.forward.weights().items():
        if _first_broken(values.reshape(-1)) is not None:
            count, total = _not_finite(values), int(values.size)
            stage = _owner(suspect.measure, name)
            return Event(WEIGHTS, stage=stage, weight=name, count=count, total=total)
    return None


def of_exception(
    suspect: Suspect, error: Exception
) -> tuple[str | None, list[Event], tuple[Stage, ...]]:
    """What raised: the name of the stage, where it was one; the events that belong to it; and the
    stages up to it, where a whole pass was never seen.
    """
    stage = _named_in(suspect, str(error))
    seen: tuple[Stage, ...] = ()
    rows = suspect.rows
    if stage is None and rows is not None:
        x = structures.as_fit_gets(rows.taken(slice(0, min(len(rows), suspect.together))).x)
        graph = failing_graph(suspect.model, x, suspect.names, suspect.taken)
        stage = next((node.stage.name for node in graph.nodes if not node.stage.outputs), None)
        seen = graph.stages if stage is not None else ()
    events = [Event(EXCEPTION, stage=stage, error=in_short(error))]
    if stage is None:
        events += _misfit(suspect) or _not_finite_now(suspect)
    return stage, events, seen


def failing_graph(
    model: Any, x: Any, sources: Sequence[Origin], taken: Collection[str] = ()
) -> Graph:
    """The stages of a model that fails on rows, which come from ``sources``; the last has no
    outputs.
    """
    kind = forward_class()
    forward = kind.__new__(kind)
    try:
        # What was seen is wanted although it raises.
        forward.__init__(model, x, sources, taken=taken)  # type: ignore[misc]
    except Exception:
        return forward.seen
    place = forward.failing(x)
    if place is None:
        return forward.seen
    nodes = forward.seen.nodes[: place + 1]
    nodes[-1] = replace(nodes[-1], stage=replace(nodes[-1].stage, outputs=()))
    return replace(forward.seen, nodes=nodes)


def _misfit(suspect: Suspect) -> list[Event]:
    """The shapes of outputs and targets, where they do not go together."""
    rows = suspect.rows
    if rows is None or rows.y is None or suspect.measure is None:
        return []
    outputs, targets = suspect.measure.forward.outputs, rows.targets
    if len(outputs) != len(targets):
        return [Event(OUTPUT_COUNT, count=len(outputs), total=len(targets))]
    found = []
    sparse = any("sparse" in name for name in losses(suspect.model).values())
    for output, target in zip(outputs, targets, strict=True):
        shape = (None, *target.shape[1:])
        width = output.shape[-1] if len(output.shape) > 1 else None
        values = target.astype(np.float64) if target.dtype.kind in "biuf" else None
        fits = output.shape in {shape, (*shape, 1)} or shape == (*output.shape, 1)
        # Only a sparse loss takes the number of a class in place of a score for each.
        fits = fits or (sparse and len(shape) in (len(output.shape) - 1, len(output.shape)))
        event = Event(TARGET_SHAPE, stage=output.source, shape=output.shape)
        if not fits:
            found.append(replace(event, target_shape=shape))
        elif values is not None and values.size and width and values.max() >= max(2, width):
            low, high = float(values.min()), float(values.max())
            found.append(replace(event, kind=TARGET_RANGE, low=low, high=high))
    return found


def _named_in(suspect: Suspect, text: str) -> str | None:
    """The stage that an error of TensorFlow names: it gives the place as a path of layer names."""
    if suspect.measure is None:
        return None
    places = re.findall(r"[\w.:-]+(?:/[\w.:-]+)+", text)
    parts = [
        {re.sub(r"_\d+$", "", part) for part in place.split("/")} | set(place.split("/"))
        for place in places
    ]
    forward = suspect.measure.forward
    for stage, operation in zip(forward.stages, forward.operations, strict=True):
        name = str(getattr(operation, "name", stage.name))
        if any(name in part for part in parts):
            return stage.name
    return None


def _not_finite(values: Array) -> int:
    """How many values are NaN or Inf."""
    return int((~np.isfinite(values.astype(np.float64))).sum())


def _first_broken(values: Array) -> int | None:
    """The first row with a value that is not finite, or None."""
    if values.dtype.kind != "f":
        return None
    finite = np.isfinite(values.astype(np.float32) if values.dtype.itemsize < 4 else values)
    if finite.all():
        return None
    rows = finite.reshape(len(finite), -1).all(axis=1) if finite.ndim else finite[None]
    return int(np.argmin(rows))
