"""The view of one prediction: a held-out row through the layers, and the check of it in NumPy."""

from pipetrace.explain.facts import probabilities
from pipetrace.explain.operations import operation
from pipetrace.explain.recompute import TOLERANCE, recompute
from pipetrace.explain.wording import dimensions, figure, number, share
from pipetrace.present.view_flow import score_bars, stage_picture
from pipetrace.present.views import LayerView, PredictionView
from pipetrace.trace.document import SOURCE, STEP, Array, Prediction, Stage, Trace


def prediction(trace: Trace) -> PredictionView | None:
    """The view of the trace's first prediction, or None where the run ended before it."""
    if not trace.predictions:
        return None
    made = trace.predictions[0]
    return PredictionView(
        title=f"Row {number(made.row)} of the data, never trained on",
        verdict=_verdict(trace, made),
        layers=tuple(_layer(trace, stage, made, index) for index, stage in enumerate(_shown(trace), 1)),
        check=_check(trace, made),
    )


def _shown(trace: Trace) -> list[Stage]:
    """What the model gets, then what each of its layers makes of it."""
    before = [stage for stage in trace.stages if stage.kind in (SOURCE, STEP)]
    return [*before[-1:], *(stage for stage in trace.stages if stage.kind not in (SOURCE, STEP))]


def _layer(trace: Trace, stage: Stage, made: Prediction, index: int) -> LayerView:
    values = made.outputs[stage.name]
    title = operation(stage).title
    if stage.kind in (SOURCE, STEP):
        title = "Scaled image" if values.ndim == 3 else "Model input"
    return LayerView(
        id=f"prediction/{stage.name}",
        number=index,
        title=title,
        shape=dimensions(stage.outputs[0].shape),
        text=_text(stage, values),
        picture=stage_picture(trace, stage, values, "The held-out row"),
        bars=score_bars(trace, stage, values),
    )


def _text(stage: Stage, values: Array) -> str:
    zeros = float((values == 0).mean())
    low, high = figure(float(values.min())), figure(float(values.max()))
    if stage.config.get("activation") == "softmax":
        return f"{len(values)} probabilities; added up they are {values.sum(dtype=float):.5f}."
    if values.ndim == 3 and values.shape[-1] > 1:
        answering = int((values.max(axis=(0, 1)) > 0).sum())
        return f"{answering} of {values.shape[-1]} maps hold anything above 0; values from {low} to {high}."
    if values.ndim == 1:
        return f"{number(values.size)} values in one row, {share(zeros)} of them 0, the largest {high}."
    return f"Values from {low} to {high}, {share(zeros)} of them 0."


def _verdict(trace: Trace, made: Prediction) -> str:
    names = trace.run.data.class_names
    values = probabilities(trace, made)
    truth = "" if made.label is None else f"'{names[made.label]}'"
    if values is None:
        return (
            f"The scores are not probabilities; the true label is {truth}."
            if truth
            else "The scores are not probabilities."
        )
    order = values.argsort()[::-1]
    first, second = int(order[0]), int(order[1])
    said = f"The model says '{names[first]}' with {share(float(values[first]))}; next comes '{names[second]}' with "
    said += f"{share(float(values[second]))}. "
    if made.label is None:
        return said.strip()
    if made.label == first:
        return f"{said}The true label is {truth}: right."
    return f"{said}The true label is {truth}, which got {share(float(values[made.label]))}: wrong."


def _check(trace: Trace, made: Prediction) -> str:
    if not trace.weights:
        return "The run ended before its weights were stored, so the forward pass was not computed again."
    again = recompute(trace, made)
    if again.unknown is not None and not again.stages:
        return f"The forward pass was not computed again: {again.unknown} is not a stage that this check can compute."
    part = f" up to {again.unknown}, which this check cannot compute" if again.unknown else ""
    verdict = "they agree" if again.agrees else "THEY DO NOT AGREE"
    return (
        f"Computed again in plain NumPy from the stored weights{part}: the largest difference from the recorded outputs is "
        f"{figure(again.difference, 2) if again.difference >= 1e-6 else 'under 0.000001'}, {verdict} to {TOLERANCE:.5f}."
    )
