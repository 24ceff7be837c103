"""Deep: seven steps from one value to the whole, each at its place in the page."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from pipetrace.explain.facts import dead_channels, layer_stages
from pipetrace.explain.filters import filter_texts
from pipetrace.explain.formatting import counted, dimensions, figure, listed, number, share
from pipetrace.explain.layers import operation
from pipetrace.explain.learn.lesson import Lesson, Part, Place, sentence, signed, stage_place
from pipetrace.explain.quiz.generator import (
    activated,
    activation_name,
    agrees,
    has_known_shapes,
    named,
    received,
    weight,
)
from pipetrace.trace.document import Array, Stage, Trace

At: TypeAlias = tuple[int, ...]
ABOUT = "from one value to the whole, in steps"
MINUTES = 15
INTRO = (
    "Each step opens its place in the pipeline below. Look there before you go on; every control "
    "of "
    "the page works as always, so move the window, choose another filter or another row."
)
FAMILIES = ("Conv", "Attention", "LSTM", "GRU", "RNN", "Bidirectional", "Dense", "")
"""What is looked into, by its class: the first family that the model has."""


def deep(trace: Trace) -> Lesson:
    """The steps through the stage that tells most."""
    stage = _stage(trace)
    if stage is None:
        return Lesson("deep", ABOUT, MINUTES, "", absent="No output of a layer was recorded.")
    made = None
    for family in (_convolution, _dense):
        made = made or family(trace, stage)
    return Lesson("deep", ABOUT, MINUTES, INTRO, steps=tuple(made or _any(trace, stage)))


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


def _convolution(trace: Trace, stage: Stage) -> list[Part] | None:
    """The steps through a convolution whose value can be computed from what was recorded."""
    found, example = window_at(trace, stage), stage.example
    if found is None or example is None:
        return None
    at, window, weights, bias = found
    products = window * weights
    total = float(products.sum())
    value, channel, where = float(example[at]), at[-1], _position(at)
    name, size = named(stage), " x ".join(map(str, window.shape[:-1]))
    depth, maps = window.shape[-1], example[..., channel]
    here = stage_place(stage, at)
    texts = filter_texts(trace, stage)
    most = np.unravel_index(int(np.abs(products).argmax()), products.shape)
    others = tuple(map(int, np.unravel_index(int(maps.argmin()), maps.shape)))
    zeros = int((window == 0).sum())
    strongest = example.reshape(-1, example.shape[-1]).max(axis=0)
    second = int(np.argsort(-strongest, kind="stable")[min(1, len(strongest) - 1)])
    dead = len(dead_channels(stage))
    steps = [
        Part(
            "A patch",
            (
                (
                    f"{name} does not look at the whole input at once. At {where} its window "
                    "covers "
                    f"{size} values{f' in each of {depth} channels' if depth > 1 else ''}: "
                    f"{number(window.size)} numbers from {figure(float(window.min()))} to "
                    f"{figure(float(window.max()))}, "
                    f"{number(zeros) if zeros else 'none'} of "
                    "them 0."
                ),
            ),
            place=here,
        ),
        Part(
            "The kernel",
            (
                (
                    f"Filter {channel} has one weight for each of these {number(window.size)} "
                    "values, "
                    f"from {figure(float(weights.min()))} to {figure(float(weights.max()))}; they "
                    "are "
                    "the same at every position, and training found them."
                ),
                *([sentence(texts[channel])] if channel < len(texts) else []),
                (
                    "Each value is multiplied by its weight. The largest product is "
                    f"{figure(float(window[most]))} x {figure(float(weights[most]))} = "
                    f"{figure(float(products[most]))}; all {number(window.size)} together are "
                    f"{figure(total)}."
                ),
            ),
            place=here,
        ),
        Part(
            "The bias",
            (
                f"The filter adds its own number, {figure(bias)}, wherever it looks: "
                f"{figure(total)} {signed(bias)} = {figure(total + bias)}. Where a patch is all "
                "0, the bias alone is left."
                if bias
                else "This filter adds nothing: its bias is 0 or it has none.",
            ),
            place=here,
        ),
        Part(
            "The activation",
            (
                (
                    f"The activation is {activation_name(stage)}: from {figure(total + bias)} it "
                    "makes "
                    f"{figure(value)}. Keras recorded {figure(value)} at this place; the page "
                    "computes "
                    "it again and compares both."
                ),
            ),
            place=here,
        ),
        Part(
            "All positions",
            (
                (
                    "The window moves on and the same weights are used again: "
                    f"{' x '.join(map(str, maps.shape))} = {number(maps.size)} positions give the "
                    "map "
                    f"of filter {channel}. In this row {share(float((maps == 0).mean()))} of it "
                    "are 0, "
                    f"the largest value is {figure(float(maps.max()))}."
                ),
                (
                    f"The step has moved to {_position((*others, channel))}, where it is weakest. "
                    "Slide the "
                    "window (press p) and watch the map being filled."
                ),
            ),
            place=stage_place(stage, (*others, channel)),
        ),
        Part(
            "All filters",
            (
                (
                    f"{name} has {counted(example.shape[-1], 'filter')}, each with weights of its "
                    "own: "
                    f"{number(stage.parameters.total)} parameters. Each gives one channel of the "
                    f"output, {dimensions(example.shape)}."
                ),
                f"For this row filter {second} is the next strongest, with "
                f"{figure(float(strongest[second]))} at most."
                + (
                    f" {counted(dead, 'filter')} gave 0 for every row that was measured."
                    * bool(dead)
                ),
            ),
            place=_strongest(stage, example, second),
        ),
    ]
    return [*steps, _next(trace, stage)]


def window_at(trace: Trace, stage: Stage) -> tuple[At, Array, Array, float] | None:
    """The strongest place of a convolution that can be computed: its window, weights and bias."""
    config, example, x = stage.config, stage.example, received(trace, stage)
    kernel, bias = weight(trace, stage, "kernel"), weight(trace, stage, "bias")
    axes = {"Conv1D": 1, "Conv2D": 2, "Conv3D": 3}.get(stage.layer or "")
    if axes is None or example is None or x is None or kernel is None:
        return None
    plain = config.get("data_format") == "channels_last" and config.get("groups", 1) == 1
    if (
        not plain
        or example.ndim != axes + 1
        or x.ndim != axes + 1
        or config.get("padding")
        not in (
            "valid",
            "same",
        )
    ):
        return None
    at = tuple(int(each) for each in np.unravel_index(int(example.argmax()), example.shape))
    steps = np.broadcast_to(np.asarray(config.get("strides", 1)), axes)
    gaps = np.broadcast_to(np.asarray(config.get("dilation_rate", 1)), axes)
    covered = (np.asarray(kernel.shape[:axes]) - 1) * gaps + 1
    padding = [(0, 0)] * (axes + 1)
    if config["padding"] == "same":
        for axis in range(axes):
            needed = (example.shape[axis] - 1) * steps[axis] + covered[axis] - x.shape[axis]
            padding[axis] = (max(0, int(needed)) // 2, (max(0, int(needed)) + 1) // 2)
    padded = np.pad(x.astype(np.float64), padding)
    cut = tuple(
        slice(int(place * step), int(place * step + size), int(gap))
        for place, step, size, gap in zip(at, steps, covered, gaps, strict=False)
    )
    window, weights = padded[cut], kernel[..., at[-1]].astype(np.float64)
    if window.shape != weights.shape:
        return None
    added = float(bias[at[-1]]) if bias is not None else 0.0
    value = activated(stage, float((window * weights).sum()) + added)
    return (
        (at, window, weights, added) if value is not None and agrees(value, example, at) else None
    )


def _dense(trace: Trace, stage: Stage) -> list[Part] | None:
    """The steps through a Dense layer on a list of values."""
    x, example = received(trace, stage), stage.example
    kernel, bias = weight(trace, stage, "kernel"), weight(trace, stage, "bias")
    if stage.layer != "Dense" or x is None or kernel is None or example is None:
        return None
    if x.ndim != 1 or kernel.shape != (len(x), *example.shape):
        return None
    unit = int(np.abs(example).argmax())
    products = x.astype(np.float64) * kernel[:, unit]
    most, added = int(np.abs(products).argmax()), float(bias[unit]) if bias is not None else 0.0
    total, value = float(products.sum()), float(example[unit])
    pro, contra = float(products[products > 0].sum()), float(products[products < 0].sum())
    names, here = trace.run.data.feature_names, stage_place(stage, (unit,))
    input_name = f"'{names[most]}'" if len(names) == len(x) else f"input {most}"
    source = trace.stages[stage.inputs[0].source or ""]
    other = int(np.argsort(-np.abs(example), kind="stable")[min(1, len(example) - 1)])
    steps = [
        Part(
            "One value",
            (
                (
                    f"{named(stage)} takes {counted(len(x), 'value')}. The one that matters most "
                    "for "
                    f"unit {unit} in this row is {input_name}: {figure(float(x[most]))}."
                ),
            ),
            place=stage_place(source, _place_in(source, most), text=named(source)),
        ),
        Part(
            "Its weight",
            (
                (
                    f"Unit {unit} has one weight for every input. This one is "
                    f"{figure(float(kernel[most, unit]))}, so it adds {figure(float(x[most]))} x "
                    f"{figure(float(kernel[most, unit]))} = {figure(float(products[most]))}."
                ),
            ),
            place=here,
        ),
        Part(
            "The sum",
            (
                (
                    f"All {number(len(x))} products: those above 0 add {figure(pro)}, those below "
                    "take "
                    f"{figure(-contra)} away; {figure(total)} is left."
                ),
            ),
            place=here,
        ),
        Part(
            "The bias",
            (
                f"The unit adds its own number: {figure(total)} {signed(added)} = "
                f"{figure(total + added)}."
                if added
                else "This unit adds nothing: its bias is 0 or it has none.",
            ),
            place=here,
        ),
        Part(
            "The activation",
            (
                (
                    f"The activation is {activation_name(stage)}; the recorded value is "
                    f"{figure(value)}. The page computes it again and compares both."
                ),
            ),
            place=here,
        ),
        Part(
            "All units",
            (
                (
                    f"{counted(len(example), 'unit')} do the same with weights of their own: "
                    f"{number(stage.parameters.total)} parameters. In this row "
                    f"{number(int((example == 0).sum()))} of them give 0; look at unit {other}, "
                    "which "
                    f"gives {figure(float(example[other]))}."
                ),
            ),
            place=stage_place(stage, (other,)),
        ),
    ]
    return [*steps, _next(trace, stage)]


def _any(trace: Trace, stage: Stage) -> list[Part]:
    """The steps through a layer of any other kind, from what was recorded of it."""
    example, told = stage.example, operation(stage)
    if example is None:
        return []
    source = trace.stages.by_name.get(stage.inputs[0].source or "")
    at = tuple(map(int, np.unravel_index(int(_comparable(example).argmax()), example.shape)))
    low = tuple(map(int, np.unravel_index(int(_comparable(example).argmin()), example.shape)))
    here, steps = stage_place(stage, at), list[Part]()
    if source is not None and source.example is not None and source.example.size:
        steps.append(
            Part(
                "What comes in",
                (
                    (
                        f"{named(stage)} takes what {named(source)} gives: "
                        f"{dimensions(source.example.shape) or 'one value'} for this row."
                    ),
                ),
                place=stage_place(source),
            )
        )
    steps.append(Part("What it does", (sentence(told.does),), place=here))
    if told.shape:
        steps.append(Part("Its shape", (sentence(told.shape),), place=here))
    if told.parameters:
        steps.append(
            Part(
                "What training can change",
                (
                    sentence(f"Parameters: {told.parameters}"),
                    *([sentence(told.parts)] if told.parts else []),
                ),
                place=here,
            )
        )
    if example.dtype.kind in "fiub":
        steps.append(
            Part(
                "Its strongest value",
                (
                    (
                        f"For this row the largest of its {number(example.size)} values is "
                        f"{figure(float(example[at]))}, at {_position(at, named_axes=False)}. "
                        "Below it "
                        "stands how this value came to be, where the page can compute it."
                    ),
                ),
                place=here,
            )
        )
        steps.append(
            Part(
                "The others",
                (
                    (
                        f"The smallest is {figure(float(example[low]))}, at "
                        f"{_position(low, named_axes=False)}; "
                        f"{share(float((example == 0).mean()))} of them are 0."
                    ),
                ),
                place=stage_place(stage, low),
            )
        )
    return [*steps, _next(trace, stage)]


def _next(trace: Trace, stage: Stage) -> Part:
    """The stages that take the output."""
    users = [
        each
        for each in trace.stages
        if any(spec.source == stage.name for spec in each.inputs) and each.outputs
    ]
    if not users:
        return Part(
            "The end",
            (f"Nothing comes after {named(stage)}: its output is the model's answer.",),
            place=stage_place(stage),
        )
    names = listed([named(each) for each in users[:3]])
    return Part(
        "The next stage",
        (
            f"What {named(stage)} gives goes to {names}.",
            sentence(operation(users[0]).does),
        ),
        place=stage_place(users[0]),
    )


def _position(at: Sequence[int], *, named_axes: bool = True) -> str:
    """A position in words; the last axis of a convolution's output, its filter, is left out."""
    if not at:
        return "its only place"
    if not named_axes:
        return f"position {' x '.join(map(str, at))}" if len(at) > 1 else f"place {at[0]}"
    axes = {1: ("step",), 2: ("line", "column"), 3: ("slice", "line", "column")}
    places = at[:-1] if len(at) > 1 and len(at) - 1 in axes else at
    names: Sequence[str] = axes.get(len(places), ("place",) * len(places))
    return ", ".join(f"{name} {place}" for name, place in zip(names, places, strict=False))


def _strongest(stage: Stage, example: Array, channel: int) -> Place:
    maps = example[..., channel]
    return stage_place(
        stage, (*map(int, np.unravel_index(int(maps.argmax()), maps.shape)), channel)
    )


def _place_in(stage: Stage, index: int) -> tuple[int, ...]:
    """The position of a value of a list in the stage that gives it."""
    if stage.example is None or math.prod(stage.example.shape) <= index:
        return ()
    return tuple(map(int, np.unravel_index(index, stage.example.shape)))


def _comparable(values: Array) -> Array:
    """Values that can be compared: strings by their place, NaN as the smallest."""
    if values.dtype.kind not in "fiub":
        return np.zeros(values.shape)
    return np.where(np.isfinite(values), values, -np.inf)
