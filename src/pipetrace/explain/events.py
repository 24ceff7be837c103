"""What went wrong on the way, in sentences: the events of a trace, each with when and where."""

from pipetrace.explain.text import dimensions, listed
from pipetrace.trace.document import DATA, EXCEPTION, FAILED, RECORDER, Event, Stage, Trace

OPENINGS = {RECORDER: "The recorder left something out"}
"""What an event is, where its own message does not begin with it."""
MOST = 8
"""More events of a kind than this are counted."""


def events(trace: Trace) -> tuple[str, ...]:
    """One sentence for each event, in order; of many of one kind the first ones, and how many more there are."""
    found: list[str] = []
    seen: dict[str, int] = {}
    for event in trace.events:
        seen[event.kind] = seen.get(event.kind, 0) + 1
        if seen[event.kind] <= MOST and not _is_the_ending(trace, event):
            found.append(_sentence(trace, event))
    found += [
        f"{count - MOST} more events of the kind '{kind}' followed."
        for kind, count in seen.items()
        if count > MOST
    ]
    return tuple(dict.fromkeys(found))


def _is_the_ending(trace: Trace, event: Event) -> bool:
    """Whether the headline tells of this event already, as that which ended the run."""
    return (
        event.kind == EXCEPTION
        and trace.ending.kind == FAILED
        and event.stage == trace.ending.stage
    )


def _sentence(trace: Trace, event: Event) -> str:
    when = [f"epoch {event.epoch}"] if event.epoch is not None else []
    when += [f"step {event.step}"] if event.step is not None else []
    # A message that says itself when it was needs no other time before it.
    when = [] if f"epoch {event.epoch}" in event.message else when
    where = f"in {', '.join(when)}" if when else ""
    stage = next((each for each in trace.stages if each.name == event.stage), None)
    # What is wrong with the data says itself where they came in.
    place = None if event.kind == DATA else called(stage) if stage else event.stage
    message = " ".join(event.message.split()).rstrip(". ")
    if event.kind in OPENINGS:
        opening = " ".join(part for part in (OPENINGS[event.kind], where) if part)
        return f"{opening}: {message}."
    begins = f"{where[0].upper()}{where[1:]}" if where else ""
    begins = (
        f"{begins}, at {place}" if begins and place else begins or (f"At {place}" if place else "")
    )
    text = f"{begins}: {message}." if begins else f"{message[:1].upper()}{message[1:]}."
    if event.kind == EXCEPTION and stage is not None and stage.inputs:
        text += (
            f" It had received rows of {listed([dimensions(spec.shape) for spec in stage.inputs])}."
        )
    return text


def called(stage: Stage) -> str:
    """A stage by its class and its name."""
    return (
        f"{stage.layer} ({stage.name})" if stage.layer and stage.layer != stage.name else stage.name
    )
