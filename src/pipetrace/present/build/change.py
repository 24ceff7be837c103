"""How the output of a stage differs in training, such as a dropout's: text and images."""

import numpy as np

from pipetrace.explain.formatting import counted, dimensions, figure, listed, number, share
from pipetrace.explain.layers import operation
from pipetrace.present.build import images
from pipetrace.present.views import Change
from pipetrace.trace.document import Stage, Trace
from pipetrace.trace.summary import Summary

TELLING = 0.005
"""A share of zeros that differs by less is the same."""


def change(trace: Trace, stage: Stage, form: str | None) -> Change | None:
    """The output of a stage in training and in a prediction; None if the trace has only one."""
    if stage.training is None and stage.training_example is None:
        return None
    was, now = stage.example, stage.training_example
    if was is not None and now is not None and was.shape == now.shape and np.array_equal(was, now):
        return Change(
            "In training its output is the same as in a prediction, bit for bit for the example.",
            None,
            None,
        )
    text = " ".join(part for part in (_measured(trace, stage), _example(stage)) if part)
    title = operation(stage).title
    if was is None or now is None or was.ndim == 0:
        return Change(text, None, None)
    # The same scale, so that the same colour is the same value in both.
    scale = (
        None
        if form == "colour" and stage.outputs[0].dtype == "uint8"
        else images.scale_of(was, now)
    )
    drawn = [
        images.tensor(
            each,
            f"The example after {title} {when}, {dimensions(stage.outputs[0].shape)}",
            "grey" if form else "activation",
            whole_scale=scale,
            mask=stage.example_mask,
            form=form,
        )
        for each, when in ((was, "in a prediction"), (now, "in training"))
    ]
    return Change(text, drawn[0], drawn[1])


def _measured(trace: Trace, stage: Stage) -> str | None:
    """Share of zeros, mean and standard deviation of both, if they differ."""
    now, was = stage.training, stage.prediction or stage.summary
    if now is None or was is None or not now.count or not was.count:
        return None
    if now.mean is None or now.std is None or was.mean is None or was.std is None:
        return None
    zeros = _zeros(now), _zeros(was)
    pairs = [
        ("the mean is", figure(now.mean), figure(was.mean)),
        ("the standard deviation", figure(now.std), figure(was.std)),
    ]
    if abs(zeros[0] - zeros[1]) > TELLING:
        pairs.insert(0, ("the share of zeros is", share(zeros[0]), share(zeros[1])))
    rows = trace.run.training.probe_rows
    where = f"In training, measured on {counted(rows, 'row')}," if rows else "In training"
    if all(ours == theirs for _, ours, theirs in pairs):
        both = f"{pairs[0][1]} and {pairs[1][1]}"
        return f"{where} mean and standard deviation are as in a prediction, {both}."
    found = [f"{name} {ours} (in a prediction {theirs})" for name, ours, theirs in pairs]
    return f"{where} {listed(found)}."


def _zeros(summary: Summary) -> float:
    return summary.zeros / summary.count


def _example(stage: Stage) -> str | None:
    """How many of the example's values training sets to 0, or else changes."""
    was, now = stage.example, stage.training_example
    if was is None or now is None or was.shape != now.shape or was.size < 2:
        return None
    cut = int(((was != 0) & (now == 0)).sum())
    if "Dropout" in (stage.layer or ""):
        return f"Of the example's {number(was.size)} values {number(cut)} become 0."
    moved = int((was != now).sum())
    changed = number(moved) if moved < was.size else "All"
    return f"{changed} of the example's {number(was.size)} values change."
