"""The steps through an LSTM, a GRU or a simple recurrent layer, alone or in both directions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipetrace.explain.formatting import (
    added,
    as_written,
    comes_to,
    counted,
    figure,
    multiplied,
    number,
    signed,
)
from pipetrace.explain.learn.lesson import Part, Place, stage_place, step
from pipetrace.explain.quiz.generator import named
from pipetrace.explain.recompute import received, weight
from pipetrace.trace.document import Array, Stage, Trace

NEAR = 1e-3
"""How far a computed state may be from the recorded one."""
GATE = (
    "A gate is a sigmoid of a weighted sum of this step's values and of all states, so it is "
    "between 0 and 1."
)
COMPARED = "the page computes it again and compares both."


@dataclass(frozen=True)
class Run:
    """What a recurrent layer computes of a row."""

    x: Array  # what it reads, ``(steps, features)``
    states: Array  # before the first step and after each, ``(steps + 1, units)``
    memories: Array  # the same of an LSTM's cell; empty for other layers
    gates: dict[str, Array]  # what each gate gives at each step, ``(steps, units)``

    def last_gates(self, unit: int) -> dict[str, float]:
        """What each gate of a unit gives at the last step."""
        return {name: float(values[-1, unit]) for name, values in self.gates.items()}


def steps_of_recurrent(trace: Trace, stage: Stage) -> list[Part] | None:
    """Six to eight steps; None where the state computed here is not the recorded one."""
    runs = recurrent_runs(trace, stage)
    if not runs or stage.example is None:
        return None
    run, is_sequence = runs[0], stage.example.ndim > 1
    unit = int(np.abs(run.states[-1]).argmax())
    last = (len(run.x) - 1,) if is_sequence else ()
    here = stage_place(stage, (*last, unit))
    kind = str(_inner(stage)[0].get("class_name"))
    make = {"LSTM": _lstm, "GRU": _gru, "SimpleRNN": _simple}[kind]
    return [
        _reads(trace, stage, run, kind if len(runs) > 1 else ""),
        _remembers(run, here, unit),
        *make(run, here, unit),
        _over_time(stage, run, unit, is_sequence),
        _units(stage, run, unit, stage.parameters.total // len(runs), last),
        *(_other_way(stage, each, (0,) if is_sequence else ()) for each in runs[1:]),
    ]


def recurrent_runs(trace: Trace, stage: Stage) -> list[Run]:
    """The states and gates of the row at every step, in double precision; of a layer that reads in
    both directions those of the forward one first. Empty where they do not give what was recorded.
    """
    x, recorded = received(trace, stage), stage.example
    if x is None or x.ndim != 2 or not len(x) or recorded is None:
        return []
    ways = _inner(stage)
    runs = [
        _run(trace, stage, way, x[::-1] if is_backward else x)
        for is_backward, way in enumerate(ways)
    ]
    found = [each for each in runs if each is not None]
    if not ways or len(found) < len(ways):
        return []
    ends = [each.states[-1] for each in found]
    if recorded.ndim > 1:
        turns = (1, -1)
        ends = [each.states[1:][::turn] for each, turn in zip(found, turns, strict=False)]
    made = np.concatenate(ends, axis=-1)
    near = made.shape == recorded.shape and np.allclose(made, recorded, atol=NEAR)
    return found if near else []


def _inner(stage: Stage) -> list[Mapping[str, Any]]:
    """The configuration of the recurrent layer, or of the two whose outputs are joined."""
    if stage.layer != "Bidirectional":
        return [{"class_name": stage.layer, "config": stage.config}]
    both = [stage.config.get("layer"), stage.config.get("backward_layer")]
    known = [each for each in both if isinstance(each, Mapping) and "config" in each]
    return known if stage.config.get("merge_mode") == "concat" and len(known) == 2 else []


def _run(trace: Trace, stage: Stage, way: Mapping[str, Any], x: Array) -> Run | None:
    config, inner = way["config"], stage.layer == "Bidirectional"
    usual = config.get("activation") == "tanh"
    usual &= bool(config.get("go_backwards")) == (inner and way is not _inner(stage)[0])
    usual &= config.get("recurrent_activation", "sigmoid") == "sigmoid"
    make = {"LSTM": _run_lstm, "GRU": _run_gru, "SimpleRNN": _run_simple}.get(way["class_name"])
    names = {each.name.rpartition("/")[2]: each.name for each in stage.weights}
    if inner:
        own = [each.name for each in stage.weights if each.name.startswith(f"{config['name']}/")]
        names = {name.rpartition("/")[2]: name for name in own}
    kernel, recurrent, bias = (
        weight(trace, stage, names.get(name, name))
        for name in ("kernel", "recurrent_kernel", "bias")
    )
    if kernel is None or recurrent is None or make is None or not usual:
        return None
    if kernel.shape[0] != x.shape[1]:
        return None
    added = np.zeros(kernel.shape[1]) if bias is None else bias.astype(float)
    numbers = (x.astype(float), kernel.astype(float), recurrent.astype(float))
    return make(*numbers, added, len(recurrent))


def _sigmoid(values: Array) -> Array:
    made: Array = 0.5 * (1 + np.tanh(values / 2))
    return made


def _run_lstm(x: Array, kernel: Array, recurrent: Array, bias: Array, units: int) -> Run:
    state, memory = np.zeros(units), np.zeros(units)
    states, memories, gates = [state], [memory], []
    for values in x:
        let_in, forget, new, out = np.split(values @ kernel + state @ recurrent + bias, 4)
        found = _sigmoid(let_in), _sigmoid(forget), np.tanh(new), _sigmoid(out)
        memory = found[1] * memory + found[0] * found[2]
        state = found[3] * np.tanh(memory)
        states.append(state)
        memories.append(memory)
        gates.append(found)
    names = ("input", "forget", "candidate", "output")
    columns = np.swapaxes(np.array(gates), 0, 1)
    return Run(x, np.array(states), np.array(memories), dict(zip(names, columns, strict=True)))


def _run_gru(x: Array, kernel: Array, recurrent: Array, bias: Array, units: int) -> Run:
    state = np.zeros(units)
    states, gates = [state], []
    after = bias.ndim > 1  # the reset gate is applied behind the recurrent sum, as is the default
    own, theirs = (bias[0], bias[1]) if after else (bias, np.zeros_like(bias))
    for values in x:
        given, carried = values @ kernel + own, state @ recurrent + theirs
        keep = _sigmoid(given[:units] + carried[:units])
        reset = _sigmoid(given[units : 2 * units] + carried[units : 2 * units])
        told = reset * carried[2 * units :]
        if not after:
            told = (reset * state) @ recurrent[:, 2 * units :]
        new = np.tanh(given[2 * units :] + told)
        state = keep * state + (1 - keep) * new
        states.append(state)
        gates.append((keep, reset, new))
    columns = np.swapaxes(np.array(gates), 0, 1)
    names = ("update", "reset", "candidate")
    return Run(x, np.array(states), np.zeros(0), dict(zip(names, columns, strict=True)))


def _run_simple(x: Array, kernel: Array, recurrent: Array, bias: Array, units: int) -> Run:
    states, sums = [np.zeros(units)], []
    for values in x:
        sums.append((values @ kernel + bias, states[-1] @ recurrent))
        states.append(np.tanh(sums[-1][0] + sums[-1][1]))
    given, carried = np.swapaxes(np.array(sums), 0, 1)
    return Run(x, np.array(states), np.zeros(0), {"input": given, "state": carried})


def _reads(trace: Trace, stage: Stage, run: Run, both: str) -> Part:
    source, last = trace.stages[stage.inputs[0].source or ""], len(run.x) - 1
    feature = int(np.abs(run.x[-1]).argmax())
    return step(
        "One step in time",
        stage_place(source, (last, feature)),
        f"{named(stage)} reads {counted(len(run.x), 'step')} of {counted(run.x.shape[1], 'value')} "
        f"each, one after another. The last one, step {last}, has "
        f"{figure(float(run.x[-1, feature]))}"
        + (f" as its largest value, at place {feature}." if run.x.shape[1] > 1 else "."),
        f"Two layers of class {both} read them: one from the first step to the last, the other "
        "from the last to the first. The first of them comes first here."
        if both
        else "",
    )


def _remembers(run: Run, here: Place, unit: int) -> Part:
    return step(
        "What it remembers",
        here,
        f"Each unit carries a state from step to step, 0 at the start. Before the last step that "
        f"of unit {unit} is {figure(float(run.states[-2, unit]))}: it is all that the unit knows "
        "of the steps so far.",
    )


def _lstm(run: Run, here: Place, unit: int) -> list[Part]:
    gates, after = run.last_gates(unit), float(run.states[-1, unit])
    memory, carried = float(run.memories[-1, unit]), float(run.memories[-2, unit])
    kept, new = gates["forget"] * carried, gates["input"] * gates["candidate"]
    state = comes_to(as_written(gates["output"]) * math.tanh(as_written(memory)), after)
    return [
        step(
            "The gates",
            here,
            f"{GATE} Forget gate: {figure(gates['forget'])}. Input gate: "
            f"{figure(gates['input'])}. Output gate: {figure(gates['output'])}.",
            f"The candidate, a tanh of such a sum, is what could be stored: "
            f"{figure(gates['candidate'])}.",
        ),
        step(
            "The new memory",
            here,
            "The forget gate keeps its share of the old memory: "
            f"{multiplied(gates['forget'], carried)}. The input gate lets in its share of the "
            f"candidate: {multiplied(gates['input'], gates['candidate'])}. Together: "
            f"{added(kept, new)}.",
        ),
        step(
            "The new state",
            here,
            f"The output gate shows its share of the memory: {figure(gates['output'])} x "
            f"tanh({figure(memory)}) = {state}. Keras recorded {figure(after)}; {COMPARED}",
        ),
    ]


def _gru(run: Run, here: Place, unit: int) -> list[Part]:
    gates, (before, after) = run.last_gates(unit), map(float, run.states[-2:, unit])
    keep, new = gates["update"], gates["candidate"]
    shares, values = (keep, 1 - keep), (before, new)
    pairs = zip(map(as_written, shares), map(as_written, values), strict=True)
    state = comes_to(sum(part * value for part, value in pairs), after)
    return [
        step(
            "The gates",
            here,
            f"{GATE} Update gate: {figure(keep)}. Reset gate: {figure(gates['reset'])}: so much of "
            "what the states say counts for the candidate.",
        ),
        step(
            "The candidate",
            here,
            f"A tanh of the sum of this step's values and of what the reset gate let through: "
            f"{figure(new)}.",
        ),
        step(
            "The new state",
            here,
            f"The update gate mixes old and new: {figure(keep)} x {figure(before)} + "
            f"{figure(1 - keep)} x {figure(new)} = {state}. Keras recorded {figure(after)}; "
            f"{COMPARED}",
        ),
    ]


def _simple(run: Run, here: Place, unit: int) -> list[Part]:
    given, carried = run.last_gates(unit).values()
    after = float(run.states[-1, unit])
    state = comes_to(math.tanh(as_written(given) + as_written(carried)), after)
    return [
        step(
            "Two sums",
            here,
            f"The values of this step, each times its weight, and the bias give {figure(given)}. "
            f"The states of all units before, each times its weight, give {figure(carried)}.",
        ),
        step(
            "The new state",
            here,
            f"tanh({figure(given)} {signed(carried)}) = {state}. Keras recorded {figure(after)}; "
            f"{COMPARED}",
        ),
    ]


def _over_time(stage: Stage, run: Run, unit: int, is_sequence: bool) -> Part:
    course = run.states[:, unit]
    moved, high = int(np.abs(np.diff(course)).argmax()), int(course[1:].argmax())
    return step(
        "All steps",
        stage_place(stage, (moved, unit) if is_sequence else (unit,)),
        "The same weights are used at every step. In this row the state of unit "
        f"{unit} changed most at step {moved}, from {figure(float(course[moved]))} to "
        f"{figure(float(course[moved + 1]))}; it was highest after step {high}, "
        f"{figure(float(course[high + 1]))}.",
    )


def _other_way(stage: Stage, run: Run, time: tuple[int, ...]) -> Part:
    units, last = run.states.shape[1], run.states[-1]
    unit = int(np.abs(last).argmax())
    return step(
        "The other direction",
        stage_place(stage, (*time, units + unit)),
        f"The second layer starts at step {len(run.x) - 1} and ends at step 0, with weights of its "
        f"own. Its {counted(units, 'unit')} come behind those of the first, from place {units} on.",
        f"Its unit {unit} ends at {figure(float(last[unit]))}. Keras recorded this value.",
    )


def _units(stage: Stage, run: Run, unit: int, parameters: int, time: tuple[int, ...]) -> Part:
    last = run.states[-1]
    other = int(np.argsort(-np.abs(last), kind="stable")[min(1, len(last) - 1)])
    return step(
        "All units",
        stage_place(stage, (*time, other)),
        f"Each of {counted(len(last), 'unit')} has weights of its own: "
        f"{number(parameters)} parameters, however long the sequence is.",
        f"Look at unit {other}, which ends at {figure(float(last[other]))}."
        if other != unit
        else "",
    )
