"""How the rows of the page came out: what each output predicts, and the results in words."""

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.facts import class_name, row_noun, train_rows, trained, validation_rows
from pipetrace.explain.formatting import figure, number
from pipetrace.explain.results import results
from pipetrace.present.model_view import (
    EpochView,
    InputView,
    KeptView,
    OutputView,
    ResultsView,
    ResultView,
)
from pipetrace.stats.outcomes import threshold
from pipetrace.trace.document import Array, Trace

SAME = 0.01
"""Outputs that differ by less, as a share of the largest, are the same but for rounding."""


def results_view(
    trace: Trace,
    kept: KeptView | None,
    epochs: tuple[EpochView, ...],
    outputs: tuple[InputView, ...],
    end: int,
) -> ResultsView | None:
    """What the page tells of its kept rows; None without them, or where their targets are unknown.

    The ``outputs`` are in the order of those of the rows; ``end`` is the number that stands for the
    model as training left it.
    """
    if kept is None or len(kept.targets) != len(kept.outputs):
        return None
    validation = bool(kept.validation.any())
    shown = kept.validation if validation else np.ones_like(kept.validation)
    given = {**{each.number: each.outputs for each in epochs if each.outputs}, end: kept.outputs}
    known = {(each.stage, each.index): each for each in task.outputs(trace)}
    made = []
    for position, source in enumerate(outputs):
        output = known.get((source.source, source.output))
        if output is None:
            return None
        made.append(
            OutputView(
                name=output.name,
                # Numbers in steps are compared like any others.
                form=task.NUMBERS
                if output.what == task.NUMBERS and output.form == task.SEQUENCE
                else output.form,
                scale=output.scale,
                threshold=threshold(kept.outputs[position]) if output.of_classes else 0.5,
                names=_names(trace, output),
                results=_results(
                    trace,
                    output,
                    kept,
                    {at: each[position] for at, each in given.items()},
                    shown,
                    position,
                ),
            )
        )
    return ResultsView(
        validation=validation,
        noun=row_noun(trace),
        note=_note(trace, int(shown.sum()), validation=validation) + _varies(trace, kept, outputs),
        outputs=tuple(made),
    )


def _results(
    trace: Trace,
    output: task.Output,
    kept: KeptView,
    given: dict[int, Array],
    shown: Array,
    position: int,
) -> tuple[ResultView, ...]:
    found = []
    made_for = {
        epoch: values[shown].astype(np.float32) if values.dtype.kind == "f" else values[shown]
        for epoch, values in given.items()
    }
    first = min((epoch for epoch in given if epoch), default=0)
    for epoch, values in made_for.items():
        made = results(
            trace,
            output,
            values,
            kept.targets[position][shown],
            kept.rows[shown],
            (first, made_for[first]) if epoch > first > 0 else None,
        )
        if made is not None:
            found.append(ResultView(epoch=epoch, title=made.title, sentences=made.sentences))
    return tuple(found)


def _names(trace: Trace, output: task.Output) -> tuple[str, ...]:
    """The classes or the labels of an output."""
    names, count = trace.run.data.class_names, output.shape[-1] or 0
    if output.what == task.MULTILABEL:
        return names if len(names) == count else tuple(f"label {at}" for at in range(count))
    return tuple(class_name(trace, at, output).strip("'") for at in range(output.classes))


def _varies(trace: Trace, kept: KeptView, outputs: tuple[InputView, ...]) -> str:
    """That a row gave other outputs when it was passed again, as where a layer draws at random."""
    for made in trace.predictions:
        places = np.flatnonzero(kept.rows == made.row)
        for position, source in enumerate(outputs):
            once = made.outputs.get(source.source) if source.output == 0 else None
            if once is None or not len(places) or once.dtype.kind != "f":
                continue
            again = kept.outputs[position][places[0]].astype(float)
            if once.shape != again.shape or not np.isfinite([once, again]).all():
                continue
            difference = float(np.abs(once - again).max(initial=0))
            if difference > SAME * max(1.0, float(np.abs(once).max(initial=0))):
                return (
                    f" The model does not give the same output each time: row {number(made.row)}, "
                    f"passed twice, differs by up to {figure(difference)}. So the figures "
                    "here may differ from those of its prediction."
                )
    return ""


def _note(trace: Trace, shown: int, *, validation: bool) -> str:
    """Which rows these are, and whether they are all."""
    total = validation_rows(trace) if validation else train_rows(trace)
    kind = "validation rows" if validation else "training rows" if trained(trace) else "rows"
    text = f"All {number(shown)} {kind} are in this page."
    if not total:
        text = f"{number(shown)} of the {kind} are in this page."
    if shown < total:
        text = f"{number(shown)} of the {number(total)} {kind} are in this page, mistakes first: "
        text += "among them, mistakes are more frequent than among all."
    return text
