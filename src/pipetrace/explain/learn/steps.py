"""Deep: steps from one value to the whole, each at its place in the page."""

import numpy as np

from pipetrace.explain.facts import first_call, layer_stages
from pipetrace.explain.formatting import dimensions, figure, listed, number, share
from pipetrace.explain.layers import operation
from pipetrace.explain.learn.lesson import (
    Lesson,
    Part,
    Place,
    largest_at,
    sentence,
    stage_place,
    step,
)
from pipetrace.explain.learn.steps_of_attention import steps_of_attention
from pipetrace.explain.learn.steps_of_convolution import steps_of_convolution
from pipetrace.explain.learn.steps_of_dense import steps_of_dense
from pipetrace.explain.learn.steps_of_others import (
    pooled,
    pooled_words,
    steps_of_embedding,
    steps_of_normalization,
    steps_of_pooling,
)
from pipetrace.explain.learn.steps_of_recurrent import steps_of_recurrent
from pipetrace.explain.overhead import REASONS
from pipetrace.explain.quiz.generator import has_known_shapes, named
from pipetrace.trace.document import Array, Stage, Trace

ABOUT = "from one value to the whole, in steps"
INTRO = (
    "Each step opens its place in the pipeline. Look at it before you go on; every control of the "
    "page works as always, so "
)
CHOICES = "move the window, choose another filter or another row.", "choose another value or row."
"""What can be done at a convolution, and at other stages."""
FAMILIES = (
    *("Conv", "Attention", "LSTM", "GRU", "RNN", "Bidirectional", "Embedding", "Dense"),
    *("Normalization", "Pooling", ""),
)
"""What is looked into, by its class: the first family that the model has."""
WEIGHTS = ("final weights", "after training")
"""Parts of a recording without which there are no weights."""
MAKERS = (
    steps_of_convolution,
    steps_of_attention,
    steps_of_recurrent,
    steps_of_embedding,
    steps_of_dense,
    steps_of_normalization,
    steps_of_pooling,
)


def deep(trace: Trace) -> Lesson:
    """The steps through the stage that tells most."""
    stage = _stage(trace)
    if stage is None or stage.example is None:
        return Lesson("deep", ABOUT, "", absent="No output of a layer was recorded.")
    known = (make(trace, stage) for make in MAKERS)
    made = next(filter(None, known), None) or _steps_of_any(trace, stage, stage.example)
    does = CHOICES["Conv" not in (stage.layer or "")]
    intro = f"{INTRO}{does} {row_words(trace)}".strip()
    return Lesson("deep", ABOUT, intro, steps=(*made, _next(trace, stage)))


def row_words(trace: Trace) -> str:
    """Which row the steps are about; empty where the page has none to open with."""
    if not trace.predictions:
        return ""
    row = number(trace.predictions[0].row)
    return f"The numbers are of row {row}, with which the page opens: each step goes back to it."


def _stage(trace: Trace) -> Stage | None:
    known = [
        stage
        for stage in layer_stages(trace)
        if has_known_shapes(stage) and stage.example is not None and stage.example.size
    ]
    weighted = [stage for stage in known if stage.parameters.total] or known
    for family in FAMILIES:
        for stage in weighted:
            if family in (stage.layer or ""):
                return stage
    return None


def _steps_of_any(trace: Trace, stage: Stage, example: Array) -> list[Part]:
    """The steps through a layer of any other kind, from what was recorded of it."""
    told, numeric = operation(stage), example.dtype.kind in "fiub"
    values = (
        np.where(np.isfinite(example), example, -np.inf) if numeric else np.zeros(example.shape)
    )
    high, low = largest_at(values), largest_at(-values)
    here, source = stage_place(stage, high), trace.stages.by_name.get(stage.inputs[0].source or "")
    steps = []
    if source is not None and source.example is not None and source.example.size:
        given = dimensions(source.example.shape) or "one value"
        text = f"{named(stage)} takes what {named(source)} gives: {given} for this row."
        steps.append(step("What comes in", stage_place(source), text))
    steps.append(step("What it does", here, sentence(told.does)))
    if told.shape:
        steps.append(step("Its shape", here, sentence(told.shape)))
    if told.parameters:
        parts = sentence(told.parts) if told.parts else ""
        total = sentence(f"Parameters: {told.parameters}")
        steps.append(step("What training can change", here, total, parts))
    steps += _without_sums(trace, stage, here)
    if numeric:
        text = (
            f"For this row the largest of its {number(example.size)} values is "
            f"{figure(float(example[high]))}, at {_place(high)}. Below it stands how this value "
            "came to be, where the page can compute it."
        )
        steps.append(step("Its strongest value", here, text))
        text = (
            f"The smallest is {figure(float(example[low]))}, at {_place(low)}; "
            f"{share(float((example == 0).mean()))} of them are 0."
        )
        steps.append(step("The others", stage_place(stage, low), text))
    return steps


def _without_sums(trace: Trace, stage: Stage, here: Place) -> list[Part]:
    """Why no sum is told of a layer with weights: they were not recorded, if so."""
    owner = first_call(trace, stage)
    if not stage.weights or all(f"{owner}/{each.name}" in trace.weights for each in stage.weights):
        return []
    skipped = trace.overhead.skipped if trace.overhead else ()
    reasons = [REASONS.get(each.reason, "") for each in skipped if each.what in WEIGHTS]
    why = "A trace has room for the smaller weights of a large model only"
    if not trace.weights:
        why = next(filter(None, reasons), "This trace has no weights after training")
    text = f"Not recorded: the weights of {named(stage)}, so its sums cannot be shown. {why}."
    return [step("Its sums", here, text)]


def _next(trace: Trace, stage: Stage) -> Part:
    """The stages that take the output."""
    users = [
        each
        for each in trace.stages
        if any(spec.source == stage.name for spec in each.inputs) and each.outputs
    ]
    if not users:
        text = f"Nothing comes after {named(stage)}: its output is the model's answer."
        return step("The end", stage_place(stage), text)
    block = pooled(trace, users[0])
    return step(
        "The next stage",
        stage_place(users[0], block.at if block else (), whole=True),
        f"What {named(stage)} gives goes to {listed([named(each) for each in users[:3]])}.",
        sentence(operation(users[0]).does),
        pooled_words(block) if block else "",
    )


def _place(at: tuple[int, ...]) -> str:
    return f"position {' x '.join(map(str, at))}" if len(at) > 1 else f"place {at[0] if at else 0}"
