"""The model for the page: stages, weights and recorded rows, to compute values from."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.facts import first_call, stage_of, words_of
from pipetrace.explain.filters import filter_texts
from pipetrace.present.build.detail import DETAILS, NORMAL, Detail, left_out, of_rows
from pipetrace.present.build.graph.sections import section_views
from pipetrace.present.build.results import results_view
from pipetrace.present.model_view import (
    EpochView,
    InputView,
    KeptInput,
    KeptView,
    ModelStage,
    ModelView,
    RowView,
    ShapeView,
)
from pipetrace.stats.outcomes import class_labels
from pipetrace.trace.document import SOURCE, STEP, Array, Spec, Stage, Trace
from pipetrace.trace.rows import KeptRows
from pipetrace.trace.rows.kept import compact, halved, narrowed

TRAINING_ONLY = ("initializer", "regularizer", "constraint")
"""Ends of the keys of a configuration that say nothing of a prediction."""
LOOK_UPS = ("TextVectorization", "StringLookup", "IntegerLookup", "Discretization", "Hashing")
"""Layers without weights that training changes, which the page does not compute."""
LONGEST_CONFIG = 20_000
"""Characters of a stage's configuration; what is longer, such as a vocabulary, is left out."""


def model_view(
    trace: Trace, detail: Detail = DETAILS[NORMAL], rows: int | None = None
) -> ModelView | None:
    """What the page computes from; None for a trace without recorded rows or stages."""
    if not trace.stages or not trace.predictions:
        return None
    chosen = of_rows(trace, rows)
    weights, outputs = _weights(trace, detail.weights), _rows(chosen, detail.outputs)
    lacking = sum(len(each.outputs) for each in chosen.predictions)
    lacking -= sum(len(each.outputs) for each in outputs)
    skipped = len(trace.predictions) - len(chosen.predictions)
    further = _kept(trace, detail.kept, rows)
    shown = 0 if further is None else len(further.rows)
    epochs, unseen = _epochs(trace, detail.epochs, shown)
    beyond = len(trace.kept_rows.numbers) - shown if trace.kept_rows else 0
    if shown == rows:
        skipped, beyond = skipped + beyond, 0
    last = trace.epochs[-1].number if trace.epochs else 0
    restored = last in trace.weights_after
    ends = _inputs(trace.run.model.outputs if trace.run.model else ())
    return ModelView(
        stages=tuple(_stage(trace, stage, weights) for stage in trace.stages if stage.outputs),
        rows=outputs,
        outputs=ends,
        class_names=trace.run.data.class_names,
        epochs=epochs,
        last=last,
        restored=restored,
        kept=further,
        results=results_view(trace, further, epochs, ends, last + restored),
        sections=section_views(trace),
        omitted=left_out(skipped, len(trace.weights) - len(weights), lacking, beyond, unseen),
    )


def _stage(trace: Trace, stage: Stage, weights: Mapping[str, Array]) -> ModelStage:
    layer, config = _computed(stage)
    text = json.dumps(_plain(config), default=str)
    owner = first_call(trace, stage)
    return ModelStage(
        name=stage.name,
        owner=owner,
        fixed=_is_fixed(trace, stage),
        layer=layer,
        config=text if len(text) <= LONGEST_CONFIG else "{}",
        inputs=_inputs(stage.inputs),
        outputs=tuple(
            ShapeView(shape=tuple(length or 0 for length in spec.shape[1:]))
            for spec in stage.outputs
        ),
        weights={
            each.name: weights[f"{owner}/{each.name}"]
            for each in stage.weights
            if f"{owner}/{each.name}" in weights
        },
        parameters=stage.parameters.total if owner == stage.name else 0,
        unit_names=_unit_names(trace, stage),
        words=words_of(stage),
        filters=filter_texts(trace, stage) if f"{owner}/kernel" in weights else (),
    )


def _inputs(specs: Sequence[Spec]) -> tuple[InputView, ...]:
    return tuple(
        InputView(source=spec.source, output=spec.output)
        for spec in specs
        if spec.source is not None
    )


def _is_fixed(trace: Trace, stage: Stage) -> bool:
    """Whether no epoch changes what a stage gives: a source, a step, or a look-up of theirs."""
    before = [stage_of(trace, spec.source) for spec in stage.inputs]
    return stage.kind in (SOURCE, STEP) or (
        stage.layer in LOOK_UPS and all(each and _is_fixed(trace, each) for each in before)
    )


def _unit_names(trace: Trace, stage: Stage) -> tuple[str, ...]:
    """The names of the classes, for the output that has one value for each, or of the columns."""
    data = trace.run.data
    ends = {output.stage for output in task.outputs(trace) if output.form == task.CLASSES}
    if stage.name in ends and stage.outputs[0].shape[-1] == len(data.class_names):
        return data.class_names
    of_columns = len(stage.outputs[0].shape) == 2 and _keeps_columns(trace, stage)
    fits = of_columns and stage.outputs[0].shape[-1] == len(data.feature_names)
    return data.feature_names if fits else ()


def _keeps_columns(trace: Trace, stage: Stage) -> bool:
    """Whether a stage is the one source, or changes each of its columns by itself."""
    sources = [spec.source for spec in stage.inputs]
    if not any(sources):
        return sum(not any(spec.source for spec in each.inputs) for each in trace.stages) == 1
    scales = stage.kind == STEP or stage.layer in ("Normalization", "Rescaling")
    before = stage_of(trace, sources[0])
    return scales and len(sources) == 1 and before is not None and _keeps_columns(trace, before)


def _computed(stage: Stage) -> tuple[str, Mapping[str, Any]]:
    """The layer and the settings that a stage is computed by; a step that divides rescales."""
    if stage.kind == STEP and stage.config.get("operation") == "divide":
        return "Rescaling", {"scale": 1 / stage.config["by"], "offset": 0.0}
    return stage.layer or "", stage.config


def _plain(config: Any) -> Any:
    """A configuration without what only training uses."""
    if isinstance(config, Mapping):
        return {
            key: _plain(value)
            for key, value in config.items()
            if not str(key).endswith(TRAINING_ONLY)
        }
    return [_plain(value) for value in config] if isinstance(config, list | tuple) else config


def _weights(trace: Trace, left: int) -> dict[str, Array]:
    """The weights that fit into so many bytes, the smallest first."""
    kept: dict[str, Array] = {}
    for name, values in sorted(trace.weights.items(), key=lambda item: item[1].nbytes):
        left -= values.nbytes
        if left < 0:
            break
        if values.dtype.kind in "fiub":
            kept[name] = values
    return kept


def _rows(trace: Trace, left: int) -> tuple[RowView, ...]:
    """The recorded rows with those of their outputs that fit into so many bytes."""
    sources = {
        stage.name for stage in trace.stages if all(spec.source is None for spec in stage.inputs)
    }
    wanted = [
        (name not in sources, number, values.nbytes, name, values)
        for number, made in enumerate(trace.predictions)
        for name, values in made.outputs.items()
        if values.dtype.kind in "fiub"
    ]
    kept: list[dict[str, Array]] = [{} for _ in trace.predictions]
    for _, number, size, name, values in sorted(wanted, key=lambda each: each[:4]):
        left -= size
        if left < 0:
            break
        kept[number][name] = values
    return tuple(_row(trace, position, outputs) for position, outputs in enumerate(kept) if outputs)


def _row(trace: Trace, position: int, outputs: Mapping[str, Array]) -> RowView:
    names, made = trace.run.data.class_names, trace.predictions[position]
    label = made.label
    known = label is not None and label < len(names)
    return RowView(
        position=position,
        row=made.row,
        label=label,
        label_text=names[label] if known and label is not None else "",
        outputs=dict(outputs),
    )


def _epochs(trace: Trace, left: int, rows: int) -> tuple[tuple[EpochView, ...], int]:
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


def _kept(trace: Trace, left: int, most: int | None) -> KeptView | None:
    """The first kept rows that fit into the bytes left, at the most so many; None without any."""
    rows = trace.kept_rows
    if rows is None or not len(rows.numbers):
        return None
    inputs = tuple(_input(trace, name, values) for name, values in rows.inputs.items())
    numbers = (narrowed(rows.numbers), *(each.values for each in inputs), *rows.outputs)
    size = sum(each.nbytes for each in (*numbers, *map(narrowed, rows.targets)))
    count = min(len(rows.numbers), int(left * len(rows.numbers) / max(1, size)))
    few = slice(0, count if most is None else min(count, most))
    labels = _labels_of(trace, rows)
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


def _labels_of(trace: Trace, rows: KeptRows) -> Array | None:
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
