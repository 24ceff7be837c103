"""What went wrong on the way, in sentences: the events of a trace, each with when and where."""

import math

from pipetrace.explain.facts import stage_of
from pipetrace.explain.formatting import counted, dimensions, figure, listed, number
from pipetrace.trace.document import FAILED, Stage, Trace
from pipetrace.trace.events import (
    DATA_ENDED,
    EXCEPTION,
    GRADIENT,
    INPUTS,
    LOSS,
    NO_BATCHES,
    OUTPUT,
    OUTPUT_COUNT,
    RECORDER,
    REPLICAS,
    TARGET_RANGE,
    TARGET_SHAPE,
    TARGETS,
    UNFINISHED,
    WEIGHTS,
    Event,
)

MOST_OF_A_KIND = 8
"""More events of a kind than this are counted."""

SENTENCES = {
    LOSS: "the loss became {value}{when}{since}",
    INPUTS: "{values} of {place} {broken}",
    TARGETS: "{values} of {target} {broken}",
    OUTPUT: "the first layer with NaN or Inf in its output was {place}{when}",
    GRADIENT: "the gradient of {weight} held NaN or Inf{when}, while outputs were still finite",
    WEIGHTS: "the first weights with NaN or Inf were {weight}{when} ({share})",
    EXCEPTION: "{place_and_time}{error}{received}",
    UNFINISHED: "a call of fit did not finish{when}",
    NO_BATCHES: "the data gave no batch{when}",
    DATA_ENDED: "the data ended{when}, after {steps}",
    OUTPUT_COUNT: "the model has {outputs} but gets {targets}",
    TARGET_SHAPE: "each row of {place} has shape {shape}, but its target has shape {target_shape}",
    TARGET_RANGE: "for each row, {place} gives {scores}, but its targets go from {low} to {high}",
    REPLICAS: "the copies of the model ended with different values of {weight}{when}",
    RECORDER: "recording {part} failed{when} and was turned off{because}",
}
"""The sentence of each kind; ``_parts`` fills it in. None begins with a name, whose letters must
stay as they are."""


def events(trace: Trace) -> tuple[str, ...]:
    """One sentence for each event; of many of one kind the first ones, and how many follow."""
    found: list[str] = []
    seen: dict[str, int] = {}
    for event in trace.events:
        seen[event.kind] = seen.get(event.kind, 0) + 1
        if seen[event.kind] <= MOST_OF_A_KIND and not _is_the_ending(trace, event):
            found.append(sentence(trace, event))
    found += [
        f"{count - MOST_OF_A_KIND} more events of the kind '{kind}' followed."
        for kind, count in seen.items()
        if count > MOST_OF_A_KIND
    ]
    return tuple(dict.fromkeys(found))


def sentence(trace: Trace, event: Event) -> str:
    """What happened, when and where."""
    template = SENTENCES.get(event.kind, "something of the kind '{kind}' happened{when}")
    text = template.format(**_parts(trace, event))
    return f"{text[:1].upper()}{text[1:]}."


def called(stage: Stage) -> str:
    """A stage by its class and its name."""
    return (
        f"{stage.layer} ({stage.name})" if stage.layer and stage.layer != stage.name else stage.name
    )


def _is_the_ending(trace: Trace, event: Event) -> bool:
    """Whether the headline tells of this event already, as that which ended the run."""
    ended = trace.ending.kind == FAILED and event.stage == trace.ending.stage
    return event.kind == EXCEPTION and ended


def _parts(trace: Trace, event: Event) -> dict[str, str]:
    """Everything that a sentence may name."""
    stage = stage_of(trace, event.stage)
    place = called(stage) if stage else event.stage or "the model"
    count, total, shape = event.count or 0, event.total or 0, event.shape or (0,)
    when = "" if event.epoch is None else f" in epoch {event.epoch}"
    if event.epoch is not None and event.step is not None and event.kind != DATA_ENDED:
        when += f", step {number(event.step)}"
    at = f"at {place}" if event.stage else ""
    before = ", ".join(part for part in (when.strip(), at) if part)
    error = " ".join((event.error or "").split()).rstrip(". ")
    received = listed([dimensions(spec.shape) for spec in stage.inputs]) if stage else ""
    return {
        "kind": event.kind,
        "place": place if event.stage or event.kind != INPUTS else "the inputs",
        "when": when,
        "value": figure(math.nan if event.value is None else event.value),
        "since": _last_known(event),
        "values": counted(event.count, "value") if event.count is not None else "values",
        "broken": _broken(event),
        "target": f"target {event.target + 1}" if event.target else "the targets",
        "weight": event.weight or place,
        "share": f"{number(count)} of {counted(total, 'value')}",
        "place_and_time": f"{before}: " if before else "",
        "error": error or "an error was raised",
        "received": f". It received rows of shape {received}" if received else "",
        "steps": f"{number(count)} of {counted(total, 'step')}",
        "outputs": counted(count, "output"),
        "targets": counted(total, "target"),
        "shape": dimensions(event.shape or ()),
        "target_shape": dimensions(event.target_shape or ()),
        "scores": counted(shape[-1] or 0, "score"),
        "low": figure(event.low or 0.0),
        "high": figure(event.high or 0.0),
        "part": event.part or "a part",
        "because": f": {error}" if error else "",
    }


def _last_known(event: Event) -> str:
    """Since when the loss may not have been finite, where the steps between were not checked."""
    last = event.last_finite_step
    if last is None or event.step is None or event.step - last == 1:
        return ""
    known = f"at step {number(last)}" if last else "before the epoch"
    return f" or before; it was last known to be finite {known}"


def _broken(event: Event) -> str:
    verb = "is" if event.count == 1 else "are"
    row = "" if event.row is None else f", first in row {number(event.row)}"
    return f"{verb} NaN or Inf{row.replace('first ', '') if event.count == 1 else row}"
