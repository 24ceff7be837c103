"""Where it went wrong: the stage that raised, or the first one whose values are not finite."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np

from pipetrace.capture import gradients, nests
from pipetrace.capture.backend import load
from pipetrace.capture.facts import losses
from pipetrace.capture.failing import failing_graph
from pipetrace.capture.weights import Weights
from pipetrace.record.recording import Recording
from pipetrace.record.words import in_short
from pipetrace.trace.document import Array, Stage
from pipetrace.trace.events import (
    EXCEPTION,
    GRADIENT,
    INPUTS,
    LOSS,
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
SEARCHED = 2048
"""Rows that are searched for the place where a value first was not finite."""


def are_sound(copies: Weights) -> bool:
    """Whether copies of weights are few enough to be remembered, and all finite."""
    if sum(values.size for values in copies.values()) > MOST_REMEMBERED:
        return False
    return all(np.isfinite(values).all() for values in copies.values() if values.dtype.kind == "f")


def not_finite(session: Recording, loss: float, sound: int) -> list[Event]:
    """The loss is not a number any more: when, and the first stage where that can be seen.

    Args:
        session: of the recording.
        loss: what it is.
        sound: the last step of the epoch after which it was still a number.
    """
    when = (session.epoch, session.step)
    found = [Event(LOSS, *when, value=loss, last_finite_step=sound)]
    for look in (_in_the_rows, _in_a_gradient, _in_the_weights):
        event = look(session)
        if event is not None:
            found.append(replace(event, epoch=session.epoch, step=session.step))
            # Values that are not finite make a loss of NaN; an infinite one has another cause beside them.
            if event.kind not in (INPUTS, TARGETS) or math.isnan(loss):
                break
    return found


def _in_the_rows(session: Recording) -> Event | None:
    """Values that were broken before the model, or become so within it while its weights are still sound."""
    if session.rows is None:
        return None
    for (name, _), values in zip(session.names, load().tree.flatten(session.rows.x), strict=False):
        place = _first_broken(values)
        if place is not None:
            return Event(INPUTS, stage=name, row=place, count=_not_finite(values))
    for place, values in enumerate(
        load().tree.flatten(session.rows.y) if session.rows.y is not None else ()
    ):
        row = _first_broken(values)
        if row is not None:
            return Event(TARGETS, target=place, row=row, count=_not_finite(values))
    return None


def _in_a_gradient(session: Recording) -> Event | None:
    """With the weights of the last sound epoch: the first stage whose output, or then whose gradient, breaks."""
    measure, rows = session.measure, session.rows
    if measure is None or rows is None or not session.good:
        return None
    few = rows.taken(slice(0, min(len(rows), SEARCHED, measure.extent.candidates)))
    variables = measure.forward.variables()
    for start in range(0, len(few), measure.extent.together):
        part = few.taken(slice(start, start + measure.extent.together))
        passed = measure.passed(part.x, session.good)
        for stage in measure.forward.stages:
            if any(
                _first_broken(values) is not None for values in passed.outputs.get(stage.name, ())
            ):
                return Event(OUTPUT, stage=stage.name)
    if few.y is None:
        return None
    broken: list[Any] = []
    for start in range(0, len(few), measure.extent.together):
        part = few.taken(slice(start, start + measure.extent.together))
        x = nests.as_fit_gets(part.x)
        broken = gradients.not_finite(session.model, session.good, x, part.y)
        if broken:
            break
    owners = {id(variable): name for name, variable in variables.items()}
    named = [name for each in broken if (name := owners.get(id(each)))]
    order = {name: place for place, name in enumerate(variables)}
    if not named:
        return None
    # The gradient comes from the end, so the last stage in the order of execution is where it broke.
    last = max(named, key=lambda name: order[name])
    return Event(GRADIENT, stage=last.rpartition("/")[0], weight=last)


def _in_the_weights(session: Recording) -> Event | None:
    if session.measure is None:
        return None
    for name, variable in session.measure.forward.variables().items():
        values = variable.numpy()
        if _first_broken(values.reshape(-1)) is not None:
            return Event(
                WEIGHTS,
                stage=name.rpartition("/")[0],
                weight=name,
                count=_not_finite(values),
                total=int(values.size),
            )
    return None


def of_exception(
    session: Recording, error: Exception
) -> tuple[str | None, tuple[Event, ...], tuple[Stage, ...]]:
    """What raised.

    Returns:
        the name of the stage, where it was one; the facts that belong to it; and the stages up to the one that raised,
        where a whole pass was never seen.
    """
    when = session.moment()
    stage = _named_in(session, str(error))
    seen: tuple[Stage, ...] = ()
    if stage is None and session.rows is not None:
        x = nests.as_fit_gets(session.rows.taken(slice(0, min(len(session.rows), 256))).x)
        names = session.names or [
            (f"input_{place + 1}", 0) for place, _ in enumerate(load().tree.flatten(x))
        ]
        graph = failing_graph(session.model, x, names, session.taken)
        stage = next((node.stage.name for node in graph.nodes if not node.stage.outputs), None)
        seen = graph.stages if stage is not None else ()
    events = [Event(EXCEPTION, *when, stage, error=in_short(error))]
    if stage is None:
        events += _misfit(session, when)
    return stage, tuple(events), seen


def _misfit(session: Recording, when: tuple[int | None, int | None]) -> list[Event]:
    """The forms of outputs and targets, where they do not go together."""
    if session.rows is None or session.rows.y is None or session.measure is None:
        return []
    outputs = session.measure.forward.outputs
    targets = load().tree.flatten(session.rows.y)
    if len(outputs) != len(targets):
        return [Event(OUTPUT_COUNT, *when, count=len(outputs), total=len(targets))]
    found = []
    sparse = any("sparse" in name for name in losses(session.model).values())
    for output, target in zip(outputs, targets, strict=True):
        shape = (None, *target.shape[1:])
        width = output.shape[-1] if len(output.shape) > 1 else None
        values = target.astype(np.float64) if target.dtype.kind in "biuf" else None
        fits = output.shape in {shape, (*shape, 1)} or shape == (*output.shape, 1)
        # Only a sparse loss takes the number of a class in place of a score for each.
        fits = fits or (sparse and len(shape) in (len(output.shape) - 1, len(output.shape)))
        if not fits:
            event = Event(TARGET_SHAPE, *when, output.source)
            found.append(replace(event, shape=output.shape, target_shape=shape))
        elif values is not None and values.size and width and values.max() >= max(2, width):
            event = Event(TARGET_RANGE, *when, output.source, shape=output.shape)
            found.append(replace(event, low=float(values.min()), high=float(values.max())))
    return found


def _named_in(session: Recording, text: str) -> str | None:
    """The stage that an error of TensorFlow's names: it tells the place as a path of layer names."""
    if session.measure is None:
        return None
    places = re.findall(r"[\w.:-]+(?:/[\w.:-]+)+", text)
    parts = [
        {re.sub(r"_\d+$", "", part) for part in place.split("/")} | set(place.split("/"))
        for place in places
    ]
    for stage, operation in zip(
        session.measure.forward.stages, session.measure.forward.operations, strict=True
    ):
        name = str(getattr(operation, "name", stage.name))
        if any(name in part for part in parts):
            return stage.name
    return None


def _not_finite(values: Array) -> int:
    """How many values are NaN or Inf."""
    return int((~np.isfinite(values.astype(np.float64))).sum())


def _first_broken(values: Any) -> int | None:
    """The first row with a value that is not finite, or None."""
    if values.dtype.kind != "f":
        return None
    finite = np.isfinite(values.astype(np.float32) if values.dtype.itemsize < 4 else values)
    if finite.all():
        return None
    rows = finite.reshape(len(finite), -1).all(axis=1) if finite.ndim else finite[None]
    return int(np.argmin(rows))
