"""What went wrong on the way, in sentences: the events of a trace, each with when and where."""

import math

from pipetrace.explain.text import counted, dimensions, figure, listed, number
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
    TARGET_RANGE,
    TARGET_SHAPE,
    TARGETS,
    UNFINISHED,
    WEIGHTS,
    Event,
)

MOST_OF_A_KIND = 8
"""More events of a kind than this are counted."""


def events(trace: Trace) -> tuple[str, ...]:
    """One sentence for each event, in order; of many of one kind the first ones, and how many more there are."""
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


def _is_the_ending(trace: Trace, event: Event) -> bool:
    """Whether the headline tells of this event already, as that which ended the run."""
    return (
        event.kind == EXCEPTION
        and trace.ending.kind == FAILED
        and event.stage == trace.ending.stage
    )


def sentence(trace: Trace, event: Event) -> str:
    """What happened, when and where."""
    make = SENTENCES.get(event.kind)
    text = make(trace, event) if make else f"An event of the kind '{event.kind}'{_when(event)}"
    return f"{text[:1].upper()}{text[1:]}."


def called(stage: Stage) -> str:
    """A stage by its class and its name."""
    return (
        f"{stage.layer} ({stage.name})" if stage.layer and stage.layer != stage.name else stage.name
    )


def _loss(trace: Trace, event: Event) -> str:  # noqa: ARG001 one form for all
    value, last = figure(math.nan if event.value is None else event.value), event.last_finite_step
    if last is None or event.step is None or event.step - last == 1:
        return f"the loss became {value}{_when(event)}"
    known = f"at step {number(last)}" if last else "before the epoch"
    return f"the loss was {value}{_when(event)}; it was last known to be finite {known}"


def _inputs(trace: Trace, event: Event) -> str:
    return f"{_values(event)} of {_place(trace, event) or 'the inputs'} {_broken(event)}"


def _targets(trace: Trace, event: Event) -> str:  # noqa: ARG001
    which = f"target {event.target + 1}" if event.target else "the targets"
    return f"{_values(event)} of {which} {_broken(event)}"


def _output(trace: Trace, event: Event) -> str:
    return f"the first output with NaN or Inf is that of {_place(trace, event)}{_when(event)}"


def _gradient(trace: Trace, event: Event) -> str:
    owner = event.weight or _place(trace, event)
    return f"the gradient of {owner} holds NaN or Inf{_when(event)}, while outputs are still finite"


def _weights(trace: Trace, event: Event) -> str:
    share = f"{number(event.count or 0)} of {counted(event.total or 0, 'value')}"
    owner = event.weight or _place(trace, event)
    return f"{share} of {owner} are NaN or Inf{_when(event)}, the first such weights of the model"


def _exception(trace: Trace, event: Event) -> str:
    place, when = _place(trace, event), _when(event).strip()
    begins = ", ".join(part for part in (when, f"at {place}" if place else "") if part)
    error = " ".join((event.error or "an error was raised").split()).rstrip(". ")
    text = f"{begins}: {error}" if begins else error
    stage = _stage(trace, event)
    if stage is not None and stage.inputs:
        shapes = listed([dimensions(spec.shape) for spec in stage.inputs])
        text += f". It received rows of shape {shapes}"
    return text


def _unfinished(trace: Trace, event: Event) -> str:  # noqa: ARG001
    return f"a call of fit did not come to its end{_when(event)}"


def _no_batches(trace: Trace, event: Event) -> str:  # noqa: ARG001
    return f"the data gave no batch{_when(event)}"


def _data_ended(trace: Trace, event: Event) -> str:  # noqa: ARG001
    steps = f"{number(event.count or 0)} of {counted(event.total or 0, 'step')}"
    return f"the data ended after {steps} of epoch {event.epoch}"


def _output_count(trace: Trace, event: Event) -> str:  # noqa: ARG001
    outputs, targets = counted(event.count or 0, "output"), counted(event.total or 0, "target")
    return f"the model has {outputs} and gets {targets}"


def _target_shape(trace: Trace, event: Event) -> str:
    ours, theirs = (dimensions(shape or ()) for shape in (event.shape, event.target_shape))
    return f"each row of {_place(trace, event)} has the shape {ours}, and its target {theirs}"


def _target_range(trace: Trace, event: Event) -> str:
    scores = counted((event.shape or (0,))[-1] or 0, "score")
    span = f"from {figure(event.low or 0.0)} to {figure(event.high or 0.0)}"
    return f"{_place(trace, event)} gives {scores} for a row, and its targets go {span}"


def _recorder(trace: Trace, event: Event) -> str:  # noqa: ARG001
    when = f" from epoch {event.epoch} on" if event.epoch is not None else ""
    error = " ".join((event.error or "").split()).rstrip(". ")
    return f"not recorded{when}: {event.part or 'a part'}" + (f" ({error})" if error else "")


SENTENCES = {
    LOSS: _loss,
    INPUTS: _inputs,
    TARGETS: _targets,
    OUTPUT: _output,
    GRADIENT: _gradient,
    WEIGHTS: _weights,
    EXCEPTION: _exception,
    UNFINISHED: _unfinished,
    NO_BATCHES: _no_batches,
    DATA_ENDED: _data_ended,
    OUTPUT_COUNT: _output_count,
    TARGET_SHAPE: _target_shape,
    TARGET_RANGE: _target_range,
    RECORDER: _recorder,
}


def _when(event: Event) -> str:
    if event.epoch is None:
        return ""
    step = "" if event.step is None else f", step {number(event.step)}"
    return f" in epoch {event.epoch}{step}"


def _values(event: Event) -> str:
    return counted(event.count, "value") if event.count is not None else "values"


def _broken(event: Event) -> str:
    row = "" if event.row is None else f"row {number(event.row)}"
    if event.count == 1:
        return f"is NaN or Inf, in {row}" if row else "is NaN or Inf"
    return f"are NaN or Inf, the first in {row}" if row else "are NaN or Inf"


def _place(trace: Trace, event: Event) -> str | None:
    stage = _stage(trace, event)
    return event.stage if stage is None else called(stage)


def _stage(trace: Trace, event: Event) -> Stage | None:
    return next((each for each in trace.stages if each.name == event.stage), None)
