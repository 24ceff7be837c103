"""Predictions: a row through the layers, the outcome, and the check in NumPy."""

from dataclasses import replace

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.facts import layer_stages, own_pipeline, trained
from pipetrace.explain.formatting import (
    counted,
    dimensions,
    figure,
    has_rows,
    listed,
    number,
    shape,
    share,
)
from pipetrace.explain.layers import operation
from pipetrace.explain.recompute import TOLERANCE, recompute
from pipetrace.present.build import images
from pipetrace.present.build.data_flow import score_bars, stage_image
from pipetrace.present.build.outcome import outcomes
from pipetrace.present.views import LayerView, OutcomeView, PredictionView
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    STEP,
    STOPPED,
    Array,
    Prediction,
    Stage,
    Trace,
)

FIT = "fit"
"""The origin of rows that a training got."""

REASONS = {
    "right": ("a correct prediction", "predicted correctly"),
    "surest wrong": (
        "the most confident mistake",
        "the wrong prediction with the highest confidence",
    ),
    "least sure": ("the least confident", "the prediction with the lowest confidence"),
    "best": ("the best", "the one with the smallest loss"),
    "worst": ("the worst", "the one with the largest loss"),
}
"""Why a row was chosen: as a name, and in the title."""
BUDGET = 1_000_000
"""So many bytes of a page the images of one prediction's layers may take."""
MOST_OMITTED = 6


def predictions(trace: Trace) -> tuple[PredictionView, ...]:
    """The predictions of the trace: the first in full, the others with input and outcome."""
    return tuple(
        _prediction(trace, made, position) for position, made in enumerate(trace.predictions)
    )


def _prediction(trace: Trace, made: Prediction, position: int) -> PredictionView:
    found = outcomes(trace, made)
    prefix = "prediction" if position == 0 else f"prediction-{position + 1}"
    shown = _shown(trace)
    if position:
        ends = {output.stage for output in task.outputs(trace)}
        shown = [stage for stage in shown if stage.kind in (SOURCE, STEP) or stage.name in ends]
    all_layers = [stage for stage in shown if stage.outputs]
    layers = _lightened(
        tuple(
            _layer(trace, stage, made, f"{prefix}/{stage.name}", at)
            for at, stage in enumerate(all_layers, 1)
            if stage.name in made.outputs
        )
    )
    return PredictionView(
        id=prefix,
        name=_name(made),
        title=_title(trace, made),
        verdict=_verdict(found),
        outcomes=tuple(each for each in found if not _in_layers(each, layers)),
        layers=layers,
        omitted=_omitted(
            [stage for stage in shown if stage.name not in made.outputs and stage.outputs]
        ),
        check=_check(trace, made) if position == 0 else "",
        total=len(all_layers),
    )


def _name(made: Prediction) -> str:
    name = REASONS.get(made.reason, (f"row {number(made.row)}", ""))[0]
    return f"{name[0].upper()}{name[1:]}"


def _title(trace: Trace, made: Prediction) -> str:
    # Rows that a training got are counted by what they were for; those of a file by their place in
    # it.
    rows = (
        "data"
        if trace.run.data.origin != FIT
        else "validation rows"
        if made.validation
        else "training rows"
    )
    text = f"Row {number(made.row)} of the {rows if trained(trace) else 'data'}"
    if made.reason in REASONS:
        text += f", {REASONS[made.reason][1]}"
    if trained(trace):
        # What fit is given to validate on may be rows that it trains on as well.
        apart = (
            "not used in training" if trace.run.data.origin != FIT else "from the validation set"
        )
        text += f", {apart}" if made.validation else ", used in training"
    return f"{text}; its own loss is {figure(made.loss)}" if made.loss is not None else text


def _verdict(found: tuple[OutcomeView, ...]) -> str:
    if not found:
        return "The outcome is unknown: the trace does not contain the outputs of the model."
    if len(found) == 1:
        return found[0].verdict
    return " ".join(f"{each.name}: {each.verdict}" for each in found)


def _in_layers(outcome: OutcomeView, layers: tuple[LayerView, ...]) -> bool:
    """Whether the layers show all that an output has to show beside its verdict."""
    if outcome.threshold or outcome.table or outcome.images:
        return False
    return not outcome.bars or any(layer.bars == outcome.bars for layer in layers)


def _shown(trace: Trace) -> list[Stage]:
    """What the model gets, then what each of its layers makes of it."""
    before = [stage for stage in trace.stages if stage.kind in (SOURCE, STEP)]
    inside = layer_stages(trace)
    taken = {spec.source for stage in inside for spec in stage.inputs}
    return [*([stage for stage in before if stage.name in taken] or before[-1:]), *inside]


def _layer(trace: Trace, stage: Stage, made: Prediction, place: str, index: int) -> LayerView:
    values = made.outputs[stage.name]
    title = operation(stage).title
    if stage.kind in (SOURCE, STEP):
        grey = values.ndim == 3 and values.shape[-1] in task.CHANNELS
        title = "Scaled image" if grey and own_pipeline(trace) else "Model input"
    row = "The validation row" if made.validation else "The row"
    return LayerView(
        id=place,
        number=index,
        title=title,
        shape=dimensions(stage.outputs[0].shape),
        text=_unchanged(stage, made) or _text(trace, stage, values),
        image=stage_image(trace, stage, values, row) if values.size else None,
        bars=score_bars(trace, stage, values),
    )


def _lightened(layers: tuple[LayerView, ...]) -> tuple[LayerView, ...]:
    """The layers with as many images as a page can carry, from both ends inwards."""
    order = sorted(range(len(layers)), key=lambda at: min(at, len(layers) - 1 - at))
    used, found = 0, list(layers)
    for at in order:
        used += images.weight(layers[at].image)
        if used > BUDGET:
            found[at] = replace(layers[at], image=None)
    return tuple(found)


def _unchanged(stage: Stage, made: Prediction) -> str:
    """That a layer such as a dropout gives what it receives; empty where it does not."""
    source = stage.inputs[0] if stage.inputs and stage.kind == LAYER else None
    was = made.outputs.get(source.source or "") if source and not source.output else None
    now = made.outputs[stage.name]
    same = was is not None and was.shape == now.shape and np.array_equal(was, now)
    return "Changes nothing in this prediction: its output is its input." if same else ""


def _text(trace: Trace, stage: Stage, values: Array) -> str:
    if values.dtype.kind not in "fiub":
        first = values.reshape(-1)[:1]
        return (
            f"{counted(values.size, 'text')}, the first '{_letters(first[0])}'."
            if values.size
            else "No text."
        )
    if not values.size:
        return "No values."
    if not np.isfinite(values).all():
        broken = int(values.size - np.isfinite(values).sum())
        return f"{number(broken)} of {counted(values.size, 'value')} are not finite."
    zeros = float((values == 0).mean())
    low, high = figure(float(values.min())), figure(float(values.max()))
    if values.size == 1:
        return f"The only value is {low}."
    if stage.config.get("activation") == "softmax" and values.ndim == 1:
        return f"{len(values)} probabilities with the sum {values.sum(dtype=float):.5f}."
    if values.ndim == 3 and values.shape[-1] > 1 and stage.kind not in (SOURCE, STEP):
        answering = int((values.max(axis=(0, 1)) > 0).sum())
        maps = f"{answering} of {values.shape[-1]} maps have values above 0"
        return f"{maps}; values from {low} to {high}."
    if values.ndim == 1:
        count = number(values.size)
        return f"{count} values in one list, {share(zeros)} of them 0, the largest {high}."
    if not has_rows(stage.outputs[0]):
        whose = shape(stage.outputs[0], 1, trace.run.training.batch_size)
        return f"{whose}: values from {low} to {high}, {share(zeros)} of them 0."
    is_image = stage.name in task.flat_images(trace)
    if values.ndim == 2 and stage.kind not in (SOURCE, STEP) and not is_image:
        steps, each = values.shape
        size = f"{counted(steps, 'step')} of {counted(each, 'value')}"
        return f"{size}, from {low} to {high}, {share(zeros)} of them 0."
    return f"Values from {low} to {high}, {share(zeros)} of them 0."


def _letters(text: object) -> str:
    found = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return f"{found[:80]}..." if len(found) > 80 else found


def _omitted(stages: list[Stage]) -> str | None:
    if not stages:
        return None
    named = [
        f"{stage.name} ({dimensions(stage.outputs[0].shape)})" for stage in stages[:MOST_OMITTED]
    ]
    if len(stages) > MOST_OMITTED:
        named.append(f"{len(stages) - MOST_OMITTED} more")
    return f"Too large to store: {listed(named)}."


def _check(trace: Trace, made: Prediction) -> str:
    if not trace.weights:
        if trace.ending.kind in (FINISHED, STOPPED):
            return "The trace holds no weights, so the forward pass was not recomputed."
        return (
            "The run ended before its weights were stored, so the forward pass was not recomputed."
        )
    if any(
        values.dtype.kind == "f" and not np.isfinite(values).all()
        for values in made.outputs.values()
    ):
        return "Some recorded outputs are not finite, so the forward pass was not recomputed."
    again = recompute(trace, made)
    if again.unknown is not None and not again.stages:
        return f"The forward pass was not recomputed: this check cannot compute {again.unknown}."
    part = f" up to {again.unknown}, which this check cannot compute" if again.unknown else ""
    verdict = "they agree" if again.agrees else "THEY DO NOT AGREE"
    small = again.difference < 1e-6
    difference = "under 0.000001" if small else figure(again.difference, 2)
    return (
        f"Recomputed in NumPy from the stored weights{part}: the largest difference from the "
        f"recorded outputs is {difference}; {verdict} to {TOLERANCE:.5f}."
    )
