"""Recurrent layers: they read step after step, and carry a state along."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pipetrace.explain.formatting import counted, listed, share
from pipetrace.explain.layers.convolution import SLIDING_SHAPE, sliding
from pipetrace.explain.layers.parts import (
    MANY_INPUTS,
    Fields,
    Known,
    Operation,
    Sum,
    agree,
    by,
    demand,
    length_at,
    share_of,
    tuple_of,
    whole,
    within,
)
from pipetrace.trace.document import Spec, Stage
from pipetrace.trace.records import Record

STATE = {
    "SimpleRNN": "The new state mixes the step's values with the previous state.",
    "LSTM": "Gates decide what to add to the state, what to forget and what to output (LSTM).",
    "GRU": "Gates decide how much of the state to keep and how much to replace (GRU).",
}
FURTHER = """
[stateful] Each batch starts from the state in which the batch before it ended.
[started] It starts from the state that it is given.
[dropped] During training, a random {dropped} is set to 0.
[states] {states:# further output}: the state after the last step.
"""
RECURRENT = (
    """
Reads {steps} of {width:# value} one after another{way}, and carries a state of {units:# number}
    from step to step.
{how}
[return_sequences] Returns its output at every step.
[not return_sequences] Returns its output after the last step.
"""
    + FURTHER
)
CELL = """
Does one step: computes a new state of {units:# number} from {width:# value} and the previous state.
{how}
"""
BIDIRECTIONAL = (
    """
Reads {steps} twice, forwards and backwards, with separate weights for each direction ({kind}).
[merge_mode=concat] The two results{after} are joined.
[merge_mode=sum] The two results{after} are added.
[merge_mode=mul] The two results{after} are multiplied.
[merge_mode=ave] The two results{after} are averaged.
[merge_mode=None] Both results{after} are returned.
"""
    + FURTHER
)
CONV_LSTM = (
    """
Reads {steps} one after another, and carries a state of {filters:# feature map} from step to step.
Gates decide what to add to the state, what to forget and what to output. They are computed by
    convolution, with a window of {window} (ConvLSTM).
[strided] The window moves {stride} positions at a time.
[return_sequences] Returns the feature maps at every step.
[not return_sequences] Returns the feature maps after the last step.
"""
    + FURTHER
)
CONV_LSTM_PARTS = """
4 times {area:# weight} for each of {channels:# channel} and {filters:# state map}
for each of {filters:# filter}
[use_bias] and one bias each
"""
UNITS = """
[return_sequences] One number for each of {units:# unit} at every step.
[not return_sequences] One number for each of {units:# unit} after the last step.
"""
BOTH_DIRECTIONS = """
[units, merge_mode=concat] {sum} numbers{ends}.
[units, merge_mode=None] {units:# number}{ends} for each direction.
[units, not merge_mode=concat, not merge_mode=None] {units:# number}{ends}, as each direction has.
"""
TIME_DISTRIBUTED = """
Applies the same layer, with the same weights, at {steps}.
{does}
"""
MOST_CELLS = 100


class Cell(Record):
    """What is done at one step."""

    # ``SimpleRNN``, ``LSTM``, ``GRU``; another class, which is not known here; or "cells"
    kind: str
    units: int  # how many numbers it returns; 0 where that is not known
    how: str  # the sentence on how it computes them
    weights: Sum | None = None  # the sum that gives its parameters; None where that is not known
    held: str = ""  # in words, what the sum adds up


def _simple_cell(kind: str, config: Mapping[str, Any], width: int) -> Cell:
    units, bias = whole(config["units"]), bool(config["use_bias"])
    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[kind]
    # A GRU that resets after the product has a bias for what comes in and one for the state.
    biases = (2 if kind == "GRU" and config.get("reset_after") else 1) * bias
    text = f"({width} + {units}) x {units}"
    text += f" + {'2 x ' * (biases == 2)}{units}" if biases else ""
    if gates > 1:
        text = f"{gates} x ({text})" if biases else f"{gates} x {text}"
    times = f"{gates} times " if gates > 1 else ""
    added = ("", ", and a bias", ", and two biases")[biases]
    held = f"{times}a weight for every input and every number of the state{added}"
    total = gates * ((width + units) * units + biases * units)
    return Cell(
        kind, units, STATE[kind], Sum(text, total), f"{held}, for each of {counted(units, 'unit')}"
    )


def _cell(layer: Mapping[str, Any], width: int) -> Cell:
    """A cell, or the cell of a layer, from its configuration and the values of a step."""
    name, config = str(layer["class_name"]), layer["config"]
    if name.removesuffix("Cell") in STATE:
        return _simple_cell(name.removesuffix("Cell"), config, width)
    if name == "RNN":
        return _cell(config["cell"], width)
    if name != "StackedRNNCells":
        return Cell(name, 0, f"A cell of class {name} computes it.")
    cells: list[Cell] = []
    demand(0 < len(config["cells"]) <= MOST_CELLS)
    for each in config["cells"]:
        cells.append(_cell(each, cells[-1].units if cells else width))
    kinds = listed([f"{cell.kind} of {cell.units}" if cell.units else cell.kind for cell in cells])
    how = f"It passes through {counted(len(cells), 'stacked cell')}: {kinds}."
    sums = [cell.weights for cell in cells if cell.weights]
    if len(sums) < len(cells):
        return Cell("cells", cells[-1].units, how)
    both = Sum(" + ".join(each.text for each in sums), sum(each.total for each in sums))
    return Cell("cells", cells[-1].units, how, both, "one cell after another")


def _further(stage: Stage, config: Mapping[str, Any], results: int = 1) -> dict[str, Any]:
    """The fields of ``FURTHER``, and how many steps are read."""
    drops = [
        f"{share(share_of(config[key]))} of {what}"
        for key, what in (("dropout", "the inputs"), ("recurrent_dropout", "the state"))
        if config.get(key)
    ]
    count = stage.inputs[0].shape[1]
    steps = f"the {count} steps" if count is None or count > 1 else "the one step"
    return {
        "stateful": bool(config.get("stateful")),
        "started": not config.get("stateful") and len(stage.inputs) > 1,
        "dropped": listed(drops),
        "states": max(0, len(stage.outputs) - results),
        "steps": steps.replace("None ", ""),
    }


def _reads(stage: Stage) -> Fields:
    """An RNN, LSTM, GRU or SimpleRNN."""
    config, taken, given = stage.config, stage.inputs[0].shape, stage.outputs[0].shape
    width, every = length_at(taken, -1), bool(config["return_sequences"])
    cell = _cell({"class_name": stage.layer, "config": config}, width)
    # A user's own cell may read and carry anything.
    form = [cell.units] if cell.units else given[1 + every :]
    demand(len(taken) == 3 or not cell.units)
    demand(agree((None, taken[1], *form) if every else (None, *form), given))
    way = ", from the last to the first" if config.get("go_backwards") else ""
    units = cell.units or length_at(given, -1)
    return {**vars(cell), **_further(stage, config), "width": width, "units": units, "way": way}


def _one_step(stage: Stage) -> Fields:
    """A cell by itself, or several stacked."""
    width = length_at(stage.inputs[0].shape, -1)
    cell = _cell({"class_name": stage.layer, "config": stage.config}, width)
    demand(agree((None, cell.units), stage.outputs[0].shape))
    return {**vars(cell), "width": width}


def _bidirectional(stage: Stage) -> Fields:
    layer, mode = stage.config["layer"], stage.config["merge_mode"]
    config, taken, given = layer["config"], stage.inputs[0].shape, stage.outputs[0].shape
    width = length_at(taken, -1)
    cell, back = _cell(layer, width), _cell(stage.config.get("backward_layer") or layer, width)
    demand(mode in ("concat", "sum", "mul", "ave", None))
    units, every = cell.units, bool(config["return_sequences"])
    together = 2 * units if mode == "concat" else units
    if units:
        demand(agree((None, taken[1], together) if every else (None, together), given))
    weights, held, (one, other) = None, "forwards and backwards", (cell.weights, back.weights)
    if one and one == other:
        text = one.text if cell.kind in ("LSTM", "GRU") else f"({one.text})"
        weights, held = Sum(f"2 x {text}", 2 * one.total), f"for each direction {cell.held}"
    elif one and other:
        weights = Sum(f"{one.text} + {other.text}", one.total + other.total)
    known = bool(units) and cell.kind in STATE
    return {
        **_further(stage, config, 2 if mode is None else 1),
        "kind": f"{cell.kind} of {counted(units, 'unit')}" if known else str(layer["class_name"]),
        "after": " at every step" if every else " after the last step",
        "units": units,
        "sum": f"{units} + {units} = {together}",
        "ends": " at every step" if every else "",
        "held": held,
        "weights": weights,
    }


def time_distributed(operation: Callable[[Stage], Operation]) -> Known:
    """A layer that applies another one, which ``operation`` words, at every step."""

    def fields(stage: Stage) -> Fields:
        taken, given = stage.inputs[0], stage.outputs[0]
        demand(len(taken.shape) > 2 and len(given.shape) > 1)
        demand(agree(taken.shape[:2], given.shape[:2]))
        inputs, outputs, count = (_without_steps(taken),), (_without_steps(given),), taken.shape[1]
        return {
            **within(stage, operation, inputs=inputs, outputs=outputs),
            "steps": "every step" if count is None else f"each of {counted(count, 'step')}",
            "kept": "The steps stay." if count is None else f"The {counted(count, 'step')} stay.",
        }

    return Known(TIME_DISTRIBUTED, "{shape}\n{kept}", "{parts}", fields, (1, 2))


def _without_steps(spec: Spec) -> Spec:
    return replace(spec, shape=(spec.shape[0], *spec.shape[2:]))


def _conv_lstm(dims: int, stage: Stage) -> Fields:
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
    return {
        **_further(stage, config),
        **sliding(flat, window),
        "area": math.prod(window),
        "channels": channels,
        "weights": Sum(f"4 x ({weighing} + {filters})" if bias else f"4 x {weighing}", total),
    }


LAYERS = {
    **{name: Known(RECURRENT, UNITS, "{held}", _reads, MANY_INPUTS) for name in (*STATE, "RNN")},
    **{
        name: Known(
            CELL, "One number for each of {units:# unit}.", "{held}", _one_step, MANY_INPUTS
        )
        for name in (*(f"{each}Cell" for each in STATE), "StackedRNNCells")
    },
    "Bidirectional": Known(BIDIRECTIONAL, BOTH_DIRECTIONS, "{held}", _bidirectional, MANY_INPUTS),
    **{
        f"ConvLSTM{dims}D": Known(
            CONV_LSTM, SLIDING_SHAPE, CONV_LSTM_PARTS, partial(_conv_lstm, dims), MANY_INPUTS
        )
        for dims in (1, 2, 3)
    },
}
"""The recurrent layers."""
