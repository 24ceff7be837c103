"""The view of the data flow: every stage with its shapes, words, example and measurements."""

import math
import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from pipetrace.explain import task
from pipetrace.explain.facts import measured_rows, stage_times
from pipetrace.explain.formatting import (
    counted,
    dimensions,
    figure,
    full_shape,
    listed,
    number,
    shape,
    share,
)
from pipetrace.explain.layers import operation
from pipetrace.explain.remarks import example, measured, place
from pipetrace.present.build import images
from pipetrace.present.build.change import change
from pipetrace.present.build.detail import DETAILS, NORMAL
from pipetrace.present.build.graph.wiring import Wiring, described, wiring
from pipetrace.present.drawings import Bar, ImageView
from pipetrace.present.views import StageView
from pipetrace.trace.document import SOURCE, STEP, Array, Spec, Stage, Trace

INPUT_SCALE = {"uint8": (0.0, 255.0)}
AS_IMAGES = (
    "Rescaling",
    "Resizing",
    "CenterCrop",
    "Normalization",
    "RandAugment",
    "MixUp",
    "CutMix",
    "AugMix",
)
"""Layers that give images, beside those whose names begin with Random."""
MOST_CHANNELS = 128
"""The activity of more channels than this is not drawn."""
MOST_TEXTS, LONGEST_TEXT = 5, 160


def data_flow(
    trace: Trace, shown: Collection[str] = (), image_bytes: int = DETAILS[NORMAL].images
) -> tuple[StageView, ...]:
    """One view for each stage; axes are named where a form of shape is first used.

    Where not all can keep their images, in so many bytes of a page, the stages ``shown`` do first.
    """
    rows = measured_rows(trace)
    wires = wiring(trace)
    made = tuple(
        _stage(trace, wires, stage, index, rows) for index, stage in enumerate(trace.stages)
    )
    return _lightened(made, shown, image_bytes)


def stage_image(
    trace: Trace, stage: Stage, values: Array, of: str, mask: Array | None = None
) -> ImageView | None:
    """A row as it leaves a stage; what is drawn as bars has none."""
    if _of_classes(trace, stage) or values.size == 1:
        return None
    label = f"{of} after {operation(stage).title}, {dimensions(stage.outputs[0].shape)}"
    form = _form(stage, values)
    if stage.kind in (SOURCE, STEP) or form:
        scale = INPUT_SCALE.get(stage.outputs[0].dtype)
        return images.tensor(values, label, "grey", whole_scale=scale, mask=mask, form=form)
    return images.tensor(values, label, "activation", mask=mask)


def score_bars(trace: Trace, stage: Stage, values: Array) -> tuple[Bar, ...]:
    """The probabilities of the classes as bars, the largest marked; none for another stage."""
    output = _of_classes(trace, stage)
    if output is None or values.shape != (output.classes,):
        return ()
    shares, names = task.shares(output, values), trace.run.data.class_names
    given = values if shares is None else shares
    if len(names) != len(given):
        names = tuple(f"class {index}" for index in range(len(given)))
    return images.scores(given, names)


def _bars_label(trace: Trace, stage: Stage) -> str:
    """What the bars of a stage are."""
    output = _of_classes(trace, stage)
    if output is None:
        return ""
    most = f"{images.MOST_BARS} largest of the " if output.classes > images.MOST_BARS else ""
    made = " that the loss makes of the scores" if output.scale == task.LOGITS else ""
    return f"The {most}{number(output.classes)} probabilities{made} for the example"


def _of_classes(trace: Trace, stage: Stage) -> task.Output | None:
    """The output of the model that gives one probability for each class, if the stage is that."""
    for output in task.outputs(trace):
        known = output.scale in (task.PROBABILITIES, task.LOGITS)
        if (
            output.stage == stage.name
            and output.index == 0
            and output.form == task.CLASSES
            and known
        ):
            return output
    return None


def _stage(trace: Trace, wires: Wiring, stage: Stage, index: int, rows: int) -> StageView:
    words = operation(stage)
    values = stage.example
    channels = (stage.summary.channels if stage.summary else None) or ()
    kernel = trace.weights.get(f"{stage.name}/kernel")
    form = None if values is None else _form(stage, values)
    counts, batch = _rows(stage, rows), trace.run.training.batch_size
    image = stage.name in task.flat_images(trace)
    full, shown = image or index == 0 or stage.kind == SOURCE, example(trace, stage)
    return StageView(
        id=f"stage/{stage.name}",
        number=index + 1,
        title=words.title,
        name=stage.name,
        kind=stage.kind,
        input=_shapes(stage.inputs or stage.outputs, counts[0], batch, full=full, is_image=image),
        output=_shapes(stage.outputs, counts[1], batch, full=full, is_image=image, noun="output")
        or "no output: it failed here",
        does=words.does,
        shape=words.shape,
        parameters=words.parameters or ("0" if stage.kind not in (SOURCE, STEP) else None),
        parts=words.parts,
        arithmetic=f"{number(stage.flops)} per row" if stage.flops else None,
        time=_time(trace, stage),
        example=shown,
        measured=measured(trace, stage),
        measured_on=rows_of(stage, stage.summary.count) if stage.summary else "",
        image=None if values is None else _image(trace, stage, values),
        bars=() if values is None else score_bars(trace, stage, values),
        weights=None if kernel is None else _kernels(trace, stage, kernel, words.title),
        distribution=images.distribution(stage.summary, words.title) if stage.summary else None,
        channels=images.channel_activity(channels)
        if stage.config.get("activation") == "relu" and len(channels) <= MOST_CHANNELS
        else (),
        wiring=described(trace, wires, stage),
        written=None if values is None or shown else written(values),
        mask=_mask(stage),
        bars_label=_bars_label(trace, stage),
        others=_others(stage, words.title),
        change=change(trace, stage, form),
    )


def _rows(stage: Stage, rows: int) -> tuple[int | str, int | str]:
    """The rows that a stage received and gave; a step before the model may change their number."""
    counts = stage.config.get("rows") if stage.kind in (SOURCE, STEP) else None
    facts = stage.config.get("dataset")
    if isinstance(facts, dict) and not facts.get("batched"):  # its elements are rows
        if facts.get("infinite"):
            return "endless", "endless"
        counts = facts.get("cardinality")
    pair = counts if isinstance(counts, list) and len(counts) == 2 else [counts, counts]
    before, after = (each if isinstance(each, int) and each >= 0 else rows for each in pair)
    return before, after


def rows_of(stage: Stage, values: int) -> str:
    """How many rows gave so many values of a stage's output, as far as its shape tells."""
    shape = stage.outputs[0].shape[1:] if stage.outputs else (None,)
    whole = [length for length in shape if length]
    if len(whole) < len(shape) or values % math.prod(whole):
        return "the rows"
    return counted(values // math.prod(whole), "row")


def _shapes(
    specs: Sequence[Spec],
    rows: int | str,
    batch: int | None,
    *,
    full: bool,
    is_image: bool,
    noun: str = "input",
) -> str:
    """The shapes of a stage's inputs or outputs; several that are alike are counted."""
    write = partial(full_shape, is_image=is_image) if full else shape
    texts = [write(spec, rows, batch) for spec in specs]
    counts = {text: texts.count(text) for text in texts}
    if len(counts) == 1:
        [(text, times)] = counts.items()
        return f"{times} {noun}s, each {text}" if times > 1 else text
    return listed(
        [f"{times} times {text}" if times > 1 else text for text, times in counts.items()]
    )


def _image(trace: Trace, stage: Stage, values: Array) -> ImageView | None:
    """The example with the place that its sentence speaks of."""
    image = stage_image(trace, stage, values, "The example", stage.example_mask)
    at = place(trace, stage)
    fits = image and at and image.note is None and image.kind == "maps"
    return replace(image, mark=(at[2], at[0], at[1])) if image and at and fits else image


def _kernels(trace: Trace, stage: Stage, kernel: Array, title: str) -> ImageView | None:
    """The kernels, opened at the filter whose map is shown beside the words."""
    kernels = images.kernels(kernel, f"The {kernel.shape[-1]} kernels of {title} after training")
    at = place(trace, stage)
    return (
        replace(kernels, mark=(at[2], 0, 0))
        if kernels and at and at[2] < kernels.shape[0]
        else kernels
    )


def _form(stage: Stage, values: Array) -> str | None:
    """Whether what leaves a stage is a image to be shown as one, in colour or in grey."""
    layer = stage.layer or ""
    if (
        stage.kind not in (SOURCE, STEP)
        and not layer.startswith("Random")
        and layer not in AS_IMAGES
    ):
        return None
    if values.ndim == 3 and values.shape[-1] == 3 and min(values.shape[:2]) >= 4:
        return "colour"
    if values.ndim == 3 and values.shape[-1] == 1 and min(values.shape[:2]) >= 4:
        return "grey"
    return "grey" if values.ndim == 2 and stage.outputs[0].dtype == "uint8" else None


def written(values: Array) -> str | None:
    """A tensor of texts in quotes; None for numbers, which have sentences of their own."""
    if values.dtype.kind not in "OSU":
        return None
    texts = [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
        for each in values.reshape(-1)[:MOST_TEXTS]
    ]
    quoted = [f"“{text[:LONGEST_TEXT]}{'…' * (len(text) > LONGEST_TEXT)}”" for text in texts]
    more = values.size - len(texts)
    return f"{', '.join(quoted)}{f' and {number(more)} more' if more else ''}"


def _mask(stage: Stage) -> str | None:
    """What a mask hides of the example, and of all rows."""
    parts = []
    if stage.example_mask is not None and stage.example_mask.size:
        hidden, total = int((~stage.example_mask.astype(bool)).sum()), stage.example_mask.size
        parts.append(f"{number(hidden)} of {counted(total, 'step')} hidden in the example")
    if stage.mask is not None and stage.mask.count:
        parts.append(
            f"{share(stage.mask.zeros / stage.mask.count)} of the steps hidden in all rows"
        )
    return f"{', '.join(parts)}." if parts else None


def _others(stage: Stage, title: str) -> tuple[ImageView, ...]:
    """The further outputs: attention weights by head, queries down and keys across, or states."""
    found = []
    attention = "Attention" in (stage.layer or "")
    for index, values in enumerate(stage.others):
        if attention and values.ndim in (2, 3):
            label = f"Attention weights of {title}: a line for each query, the keys across"
            heads = values if values.ndim == 3 else values[None]
            found.append(images.tensor(heads, label, "activation", form="heads"))
        else:
            found.append(
                images.tensor(
                    values, f"Output {index + 2} of {title} for the example", "activation"
                )
            )
    return tuple(each for each in found if each)


def _time(trace: Trace, stage: Stage) -> str | None:
    times = stage_times(trace)
    total = sum(each.seconds or 0 for each in times.values())
    if stage.name not in times or not total:
        return None
    seconds, rows = times[stage.name].seconds or 0, times[stage.name].rows or 0
    return (
        f"{figure(1000 * seconds)} ms for a batch of {counted(rows, 'row')}, "
        f"{share(seconds / total)} of the forward pass"
    )


def _lightened(
    made: Sequence[StageView], shown: Collection[str], left: int
) -> tuple[StageView, ...]:
    """The stages, the last ones without images and charts if the page would grow too large."""
    kept: dict[int, StageView] = {}
    for index in sorted(range(len(made)), key=lambda each: (made[each].name not in shown, each)):
        stage = made[index]
        size = _size(stage)
        if size <= left:
            left -= size
            kept[index] = stage
        else:
            kept[index] = replace(
                stage,
                image=None,
                weights=None,
                distribution=None,
                channels=(),
                others=(),
                change=replace(stage.change, prediction=None, training=None)
                if stage.change
                else None,
                omitted="Its images are omitted to keep the page small. Show them with: "
                "pipetrace show FILE --stage "
                f"{shlex.quote(stage.name)}",
            )
    return tuple(kept[index] for index in range(len(made)))


def _size(stage: StageView) -> int:
    drawn = [stage.image, stage.weights, *stage.others]
    if stage.change:
        drawn += [stage.change.prediction, stage.change.training]
    charts = sum(map(len, stage.distribution.texts)) + 600 if stage.distribution else 0
    return sum(map(images.weight, drawn)) + charts + 70 * len(stage.channels)
