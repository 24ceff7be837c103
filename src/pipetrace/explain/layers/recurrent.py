"""Recurrent layers: steps read one after another, with numbers that are carried along."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipetrace.explain.layers.convolution import conv_shape
from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    agree,
    by,
    demand,
    length_at,
    none_held,
    same,
    share_of,
    summed,
    tuple_of,
    whole,
)
from pipetrace.explain.text import counted, listed, share
from pipetrace.trace.document import Spec, Stage

HOW = {
    "SimpleRNN": "each step mixed with what is remembered",
    "LSTM": "with gates that say what to take in, what to forget and what to give (LSTM)",
    "GRU": "with gates that say what to renew and what to forget (GRU)",
}
MOST = 100
"""How many tensors a recurrent layer may get: its rows, its states, its constants; and how many cells it may have."""


@dataclass(frozen=True)
class Cell:
    """What is done at one step.

    Attributes:
        kind: ``SimpleRNN``, ``LSTM``, ``GRU``; another class, which is not known here; or several, joined.
        units: how many numbers it gives.
        how: how it does that, or None.
        text, total: the sum that gives its parameters, and what it comes to; None where that is not known.
        held: in words, what the sum adds up.
    """

    kind: str
    units: int
    how: str | None = None
    text: str | None = None
    total: int = 0
    held: str = ""


def _simple_cell(kind: str, config: Mapping[str, Any], width: int) -> Cell:
    units, bias = whole(config["units"]), bool(config["use_bias"])
    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[kind]
    # A GRU that resets after the product has a bias for what comes in and one for what is remembered.
    biases = (2 if kind == "GRU" and config.get("reset_after") else 1) * bias
    weighing = f"({width} + {units}) x {units}"
    text = weighing + (f" + {'2 x ' * (biases == 2)}{units}" if biases else "")
    if gates > 1:
        text = f"{gates} x ({text})" if biases else f"{gates} x {text}"
    total = gates * ((width + units) * units + biases * units)
    times = f"{gates} times " if gates > 1 else ""
    added = {0: "", 1: " and a bias", 2: " and two biases"}[biases]
    held = f"{times}a weight for each of {width} values and {units} remembered numbers{added}, for each of {units} units"
    return Cell(kind, units, HOW[kind], text, total, held)


def _cell(layer: Mapping[str, Any], width: int) -> Cell:
    """A cell, or the cell of a layer, from its serialised configuration.

    Args:
        layer: ``class_name`` and ``config``.
        width: how many values come in at a step.
    """
    name, config = str(layer["class_name"]), layer["config"]
    if name.removesuffix("Cell") in HOW:
        return _simple_cell(name.removesuffix("Cell"), config, width)
    if name == "RNN":
        return _cell(config["cell"], width)
    if name != "StackedRNNCells":
        return Cell(name, 0)
    cells: list[Cell] = []
    demand(0 < len(config["cells"]) <= MOST)
    for each in config["cells"]:
        cells.append(_cell(each, cells[-1].units if cells else width))
    kinds = listed([f"{cell.kind} of {cell.units}" if cell.units else cell.kind for cell in cells])
    how = f"through {counted(len(cells), 'cell')} one upon the other: {kinds}"
    if any(cell.text is None for cell in cells):
        return Cell("cells", cells[-1].units, how)
    text = " + ".join(str(cell.text) for cell in cells)
    return Cell(
        "cells",
        cells[-1].units,
        how,
        text,
        sum(cell.total for cell in cells),
        "the cells one after another",
    )


def _sum(stage: Stage, cell: Cell) -> tuple[str | None, str | None]:
    return (
        summed(stage, cell.text, cell.total, cell.held) if cell.text else (none_held(stage), None)
    )


def _extras(stage: Stage, config: Mapping[str, Any], results: int = 1) -> str:
    """What further sentences say: from where it starts, what it drops in training, what else than results it gives."""
    words = []
    if config.get("stateful"):
        words.append("It goes on from where the batch before it ended.")
    elif len(stage.inputs) > 1:
        words.append("It starts from the state that it is given.")
    drops = [
        f"{share(share_of(config[key]))} of {what}"
        for key, what in (("dropout", "what comes in"), ("recurrent_dropout", "what is remembered"))
        if config.get(key)
    ]
    if drops:
        words.append(f"In training a random {' and '.join(drops)} is set to zero.")
    if len(stage.outputs) > results:
        apart = counted(len(stage.outputs) - results, "further output")
        words.append(f"{apart[0].upper()}{apart[1:]}: what it remembers after the last step.")
    return "".join(f" {each}" for each in words)


def _steps(stage: Stage) -> str:
    count = stage.inputs[0].shape[1]
    return (
        "the steps"
        if count is None
        else f"the {counted(count, 'step')}"
        if count > 1
        else "the one step"
    )


def _reads(stage: Stage, layer: Mapping[str, Any]) -> Operation:
    """An RNN, LSTM, GRU or SimpleRNN."""
    config, taken = layer["config"], stage.inputs[0].shape
    width = length_at(taken, -1)
    cell = _cell(layer, width)
    given = stage.outputs[0].shape
    units = cell.units or length_at(given, -1)
    every = bool(config["return_sequences"])
    # A cell of somebody's own may read and remember anything.
    form = [units] if cell.units else given[1 + every :]
    demand(
        (len(taken) == 3 or not cell.units)
        and agree((None, taken[1], *form) if every else (None, *form), given)
    )
    way = ", from the last to the first," if config.get("go_backwards") else ""
    how = f", {cell.how}" if cell.how else f", by a cell of class {cell.kind}"
    does = (
        f"Reads {_steps(stage)} of {counted(width, 'value')} one after another{way} and carries "
        f"{counted(units, 'remembered number')} along{how}; gives those of {'every' if every else 'the last'} step."
    )
    ends = "at every step" if every else "after the last step"
    return Operation(
        stage.layer or "",
        does + _extras(stage, config),
        f"{'Each of ' if units > 1 else ''}{counted(units, 'unit')} gives one number {ends}.",
        *_sum(stage, cell),
    )


def _layer(stage: Stage) -> Operation:
    return _reads(stage, {"class_name": stage.layer, "config": stage.config})


def _one_step(stage: Stage) -> Operation:
    """A cell by itself, or several upon each other."""
    width = length_at(stage.inputs[0].shape, -1)
    cell = _cell({"class_name": stage.layer, "config": stage.config}, width)
    demand(agree((None, cell.units), stage.outputs[0].shape))
    return Operation(
        stage.layer or "",
        f"Does one step: takes {counted(width, 'value')} and what is remembered, and gives {cell.units} new remembered "
        f"numbers, {cell.how}.",
        f"{'Each of ' if cell.units > 1 else ''}{counted(cell.units, 'unit')} gives one number.",
        *_sum(stage, cell),
    )


MERGED = {
    "concat": "lays the two results one after another",
    "sum": "adds the two results",
    "mul": "multiplies the two results",
    "ave": "takes the mean of the two results",
    None: "gives both results",
}


def _bidirectional(stage: Stage) -> Operation:
    layer, mode = stage.config["layer"], stage.config["merge_mode"]
    config, taken, given = layer["config"], stage.inputs[0].shape, stage.outputs[0].shape
    width = length_at(taken, -1)
    cell = _cell(layer, width)
    units, every = cell.units, bool(config["return_sequences"])
    together = 2 * units if mode == "concat" else units
    if units:
        demand(agree((None, taken[1], together) if every else (None, together), given))
    merged, parts = MERGED[mode], None
    kind = (
        f"{cell.kind} of {counted(units, 'unit')}"
        if units and cell.kind in HOW
        else str(layer["class_name"])
    )
    total: str | None = none_held(stage)
    back = _cell(stage.config.get("backward_layer") or layer, width)
    if cell.text and back.text == cell.text:
        text = f"2 x {cell.text}" if cell.kind in ("LSTM", "GRU") else f"2 x ({cell.text})"
        total, parts = summed(stage, text, 2 * cell.total, f"for each way {cell.held}")
    elif cell.text and back.text:
        total, parts = summed(
            stage, f"{cell.text} + {back.text}", cell.total + back.total, "forwards and backwards"
        )
    ends = "at every step" if every else "each taken after its last step"
    shape = f"One result of {units} numbers for each way"
    if mode == "concat":
        shape = f"{units} + {units} = {together} numbers"
    elif mode is not None:
        shape = f"The result has {counted(units, 'number')} as each way has"
    return Operation(
        "Bidirectional",
        f"Reads {_steps(stage)} twice, forwards and backwards, each way with weights of its own ({kind}), and {merged}, "
        f"{ends}.{_extras(stage, config, 2 if mode is None else 1)}",
        f"{shape}{' at every step' if every else ''}." if units else None,
        total,
        parts,
    )


def time_distributed(operation: Callable[[Stage], Operation]) -> Callable[[Stage], Operation]:
    """The words of a layer that does the same at every step.

    Args:
        operation: puts the layer within into words.
    """

    def describe(stage: Stage) -> Operation:
        layer, taken, given = stage.config["layer"], stage.inputs[0], stage.outputs[0]
        demand(
            len(taken.shape) > 2
            and len(given.shape) > 1
            and agree(taken.shape[:2], given.shape[:2])
        )
        inner = operation(
            replace(
                stage,
                layer=str(layer["class_name"]),
                config=layer["config"],
                inputs=(_without_steps(taken),),
                outputs=(_without_steps(given),),
            )
        )
        count = taken.shape[1]
        steps = (
            "every step"
            if count is None
            else f"each of {counted(count, 'step')}"
            if count > 1
            else "the one step"
        )
        kept = f"The {counted(count, 'step')} stay." if count and count > 1 else "The steps stay."
        return Operation(
            "TimeDistributed",
            f"Does the same at {steps}, with the same weights: {inner.does[0].lower()}{inner.does[1:]}",
            f"{inner.shape} {kept}" if inner.shape else kept,
            inner.parameters,
            inner.parts,
        )

    return describe


def _without_steps(spec: Spec) -> Spec:
    return replace(spec, shape=(spec.shape[0], *spec.shape[2:]))


def _conv_lstm(dims: int, stage: Stage) -> Operation:
    config, taken, given = stage.config, stage.inputs[0], stage.outputs[0]
    filters, window = whole(config["filters"]), tuple_of(config["kernel_size"], dims)
    every, first = bool(config["return_sequences"]), config.get("data_format") == "channels_first"
    demand(len(taken.shape) == dims + 3 and len(given.shape) == dims + 2 + every)
    channels = length_at(taken.shape, 2 if first else -1)
    flat = replace(
        stage, inputs=(_without_steps(taken),), outputs=(_without_steps(given) if every else given,)
    )
    demand(flat.outputs[0].shape[1 if first else -1] == filters)
    bias = bool(config["use_bias"])
    weighing = f"{by(window)} x ({channels} + {filters}) x {filters}"
    total = 4 * filters * ((channels + filters) * math.prod(window) + bias)
    text = f"4 x ({weighing} + {filters})" if bias else f"4 x {weighing}"
    held = f"4 times {math.prod(window)} weights for each of {channels} channels and {filters} remembered maps, for each "
    held += f"of {counted(filters, 'filter')}" + ", and one bias each" * bias
    step = tuple_of(config.get("strides") or 1, dims)
    return Operation(
        stage.layer or "",
        f"Reads {_steps(stage)} one after another and carries {counted(filters, 'remembered map')} along, with gates that "
        f"say what to take in, what to forget and what to give; it weighs by sliding "
        f"{counted(filters, 'filter')} of {f'length {window[0]}' if dims == 1 else by(window)} with stride {same(step)} "
        f"(ConvLSTM); gives the maps of {'every' if every else 'the last'} step.{_extras(stage, config)}",
        conv_shape(flat, window, f"each of {filters} filters gives a channel"),
        *summed(stage, text, total, held),
    )


CELLS = ("SimpleRNNCell", "LSTMCell", "GRUCell")
LAYERS = {
    **{name: Known(_layer, "units", inputs=(1, MOST)) for name in HOW},
    "RNN": Known(_layer, "cell", inputs=(1, MOST)),
    **{name: Known(_one_step, "units", inputs=(1, MOST)) for name in CELLS},
    "StackedRNNCells": Known(_one_step, "cells", inputs=(1, MOST)),
    "Bidirectional": Known(_bidirectional, "merge_mode", inputs=(1, MOST)),
    **{
        f"ConvLSTM{dims}D": Known(partial(_conv_lstm, dims), "filters", inputs=(1, MOST))
        for dims in (1, 2, 3)
    },
}
"""The recurrent layers that have words."""
