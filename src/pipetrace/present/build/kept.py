"""For the page: the weights of earlier epochs, and the rows that the model can be computed for."""

from collections.abc import Mapping

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.filters import filter_texts
from pipetrace.present.model_view import EpochView, KeptInput, KeptView
from pipetrace.stats.outcomes import class_labels
from pipetrace.trace.document import STEP, Array, Trace
from pipetrace.trace.rows import KeptRows
from pipetrace.trace.rows.kept import compact, halved, narrowed


def epochs(trace: Trace, left: int, rows: int) -> tuple[tuple[EpochView, ...], int]:
    """The earlier epochs with weights or outputs, as many as fit, evenly spread; and how many do
    not.
    """
    outputs = trace.kept_rows.outputs_after if trace.kept_rows else {}
    made = [
        EpochView(
            number=number,
            weights={
                name: values
                for name, values in trace.weights_after.get(number, {}).items()
                if values.dtype.kind in "fiub"
            },
            outputs=tuple(halved(each[:rows]) for each in outputs.get(number, ())),
            filters=_filters(trace, trace.weights_after.get(number, {})),
        )
        for number in sorted({*trace.weights_after, *outputs})
    ]
    sizes = [sum(each.nbytes for each in (*of.weights.values(), *of.outputs)) for of in made]
    count = min(len(made), left // max(1, *sizes)) if made else 0
    places = np.linspace(0, len(made) - 1, count).round().astype(int)
    return tuple(made[place] for place in places), len(made) - count


def _filters(trace: Trace, weights: Mapping[str, Array]) -> dict[str, tuple[str, ...]]:
    told = {stage.name: filter_texts(trace, stage, weights) for stage in trace.stages}
    return {name: texts for name, texts in told.items() if texts}


def kept(trace: Trace, left: int, most: int | None) -> KeptView | None:
    """The first kept rows that fit into the bytes left, at the most so many; None without any."""
    rows = trace.kept_rows
    if rows is None or not len(rows.numbers):
        return None
    inputs = tuple(_input(trace, name, values) for name, values in rows.inputs.items())
    numbers = (narrowed(rows.numbers), *(each.values for each in inputs), *rows.outputs)
    size = sum(each.nbytes for each in (*numbers, *map(narrowed, rows.targets)))
    count = min(len(rows.numbers), int(left * len(rows.numbers) / max(1, size)))
    few = slice(0, count if most is None else min(count, most))
    labels = _labels(trace, rows)
    return KeptView(
        rows=narrowed(rows.numbers)[few],
        validation=rows.validation[few],
        labels=None if labels is None else labels[few],
        inputs=tuple(
            KeptInput(stage=each.stage, values=each.values[few], levels=each.levels)
            for each in inputs
        ),
        targets=tuple(narrowed(each)[few] for each in rows.targets if each.dtype.kind in "fiub"),
        outputs=tuple(each[few] for each in rows.outputs),
    )


def _labels(trace: Trace, rows: KeptRows) -> Array | None:
    """The true class of each row, for a model that tells one class of a row."""
    forms = [output.form for output in task.outputs(trace)]
    if forms not in ([task.CLASSES], [task.BINARY]) or len(rows.targets) != 1:
        return None
    labels = class_labels(rows.targets[0], rows.outputs[0].shape)
    return None if labels is None else narrowed(labels)


def _input(trace: Trace, name: str, values: Array) -> KeptInput:
    """What a stage gave; of a step that divides, what it received, as that takes no more bytes."""
    stored, levels = compact(values)
    stage = trace.stage(name)
    if levels is not None and stage.kind == STEP and stage.config.get("operation") == "divide":
        by, source = np.float32(stage.config["by"]), stage.inputs[0].source
        whole = np.rint(levels * by)
        if source is not None and np.array_equal((whole / by).astype(levels.dtype), levels):
            return KeptInput(stage=source, values=stored, levels=whole.astype(np.float32))
    return KeptInput(stage=name, values=stored, levels=levels)
