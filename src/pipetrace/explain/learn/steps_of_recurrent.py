"""The steps through an LSTM, a GRU or a simple recurrent layer, at its last step in time."""

from dataclasses import dataclass

import numpy as np

from pipetrace.explain.formatting import counted, figure, number
from pipetrace.explain.learn.lesson import Part, Place, position_of, signed, stage_place, step
from pipetrace.explain.quiz.generator import named, received, weight
from pipetrace.trace.document import Array, Stage, Trace

NEAR = 1e-3
"""How far a computed state may be from the recorded one."""


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
    """Six or seven steps; None where the state computed here is not the recorded one."""
    run = recurrent_run(trace, stage)
    if run is None or stage.example is None:
        return None
    unit = int(np.abs(run.states[-1]).argmax())
    time = len(run.x) - 1
    here = stage_place(stage, (time, unit) if stage.example.ndim > 1 else (unit,))
    make = {"LSTM": _lstm, "GRU": _gru, "SimpleRNN": _simple}[stage.layer or ""]
    return [
        _reads(trace, stage, run),
        _remembers(run, here, unit),
        *make(run, here, unit),
        _over_time(stage, run, unit),
        _units(stage, run, unit),
    ]


def recurrent_run(trace: Trace, stage: Stage) -> Run | None:
    """The states and gates of the row at every step, in double precision."""
    x, config = received(trace, stage), stage.config
    kernel, recurrent = weight(trace, stage, "kernel"), weight(trace, stage, "recurrent_kernel")
    usual = config.get("activation") == "tanh" and not config.get("go_backwards")
    usual &= config.get("recurrent_activation", "sigmoid") == "sigmoid"
    make = {"LSTM": _run_lstm, "GRU": _run_gru, "SimpleRNN": _run_simple}.get(stage.layer or "")
    if x is None or x.ndim != 2 or kernel is None or recurrent is None or make is None or not usual:
        return None
    units = len(recurrent)
    bias = weight(trace, stage, "bias")
    added = np.zeros(kernel.shape[1]) if bias is None else bias.astype(float)
    if not len(x) or kernel.shape[0] != x.shape[1] or stage.example is None:
        return None
    run = make(x.astype(float), kernel.astype(float), recurrent.astype(float), added, units)
    recorded = stage.example
    made = run.states[1:] if recorded.ndim > 1 else run.states[-1]
    return run if made.shape == recorded.shape and np.allclose(made, recorded, atol=NEAR) else None


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


def _reads(trace: Trace, stage: Stage, run: Run) -> Part:
    source, last = trace.stages[stage.inputs[0].source or ""], len(run.x) - 1
    feature = int(np.abs(run.x[-1]).argmax())
    return step(
        "One step in time",
        stage_place(source, (last, feature)),
        f"{named(stage)} reads {counted(len(run.x), 'step')} of {counted(run.x.shape[1], 'value')} "
        f"each, one after another. The last one, step {last}, has "
        f"{figure(float(run.x[-1, feature]))}"
        + (f" as its largest value, at place {feature}." if run.x.shape[1] > 1 else "."),
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
    kept, added = gates["forget"] * carried, gates["input"] * gates["candidate"]
    return [
        step(
            "The gates",
            here,
            "A gate is a sigmoid of a weighted sum of this step's values and of all states, so it "
            f"is between 0 and 1. Forget gate: {figure(gates['forget'])}. Input gate: "
            f"{figure(gates['input'])}. Output gate: {figure(gates['output'])}.",
            f"The candidate, a tanh of such a sum, is what could be stored: "
            f"{figure(gates['candidate'])}.",
        ),
        step(
            "The new memory",
            here,
            f"The forget gate keeps its share of the old memory: {figure(gates['forget'])} x "
            f"{figure(carried)} = {figure(kept)}. The input gate lets in its share of the "
            f"candidate: {figure(gates['input'])} x {figure(gates['candidate'])} = "
            f"{figure(added)}. Together: {figure(memory)}.",
        ),
        step(
            "The new state",
            here,
            f"The output gate shows its share of the memory: {figure(gates['output'])} x "
            f"tanh({figure(memory)}) = {figure(after)}. Keras recorded this value; the page "
            "computes it again and compares both.",
        ),
    ]


def _gru(run: Run, here: Place, unit: int) -> list[Part]:
    gates, (before, after) = run.last_gates(unit), map(float, run.states[-2:, unit])
    keep, new = gates["update"], gates["candidate"]
    return [
        step(
            "The gates",
            here,
            "A gate is a sigmoid of a weighted sum of this step's values and of all states, so it "
            f"is between 0 and 1. Update gate: {figure(keep)}. Reset gate: "
            f"{figure(gates['reset'])}: so much of what the states say counts for the candidate.",
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
            f"{figure(1 - keep)} x {figure(new)} = {figure(after)}. Keras recorded this value; the "
            "page computes it again and compares both.",
        ),
    ]


def _simple(run: Run, here: Place, unit: int) -> list[Part]:
    given, carried = run.last_gates(unit).values()
    after = float(run.states[-1, unit])
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
            f"tanh({figure(given)} {signed(carried)}) = {figure(after)}. Keras recorded this "
            "value; the page computes it again and compares both.",
        ),
    ]


def _over_time(stage: Stage, run: Run, unit: int) -> Part:
    course = run.states[:, unit]
    moved = int(np.abs(np.diff(course)).argmax())
    shown = (moved, unit) if stage.example is not None and stage.example.ndim > 1 else (unit,)
    high = int(course[1:].argmax())
    return step(
        "All steps",
        stage_place(stage, shown),
        "The same weights are used at every step. In this row the state of unit "
        f"{unit} changed most at step {moved}, from {figure(float(course[moved]))} to "
        f"{figure(float(course[moved + 1]))}; it was highest after step {high}, "
        f"{figure(float(course[high + 1]))}.",
    )


def _units(stage: Stage, run: Run, unit: int) -> Part:
    last = run.states[-1]
    other = int(np.argsort(-np.abs(last), kind="stable")[min(1, len(last) - 1)])
    time = (len(run.x) - 1,) if stage.example is not None and stage.example.ndim > 1 else ()
    at = position_of(last, other)
    return step(
        "All units",
        stage_place(stage, (*time, *at)),
        f"Each of {counted(len(last), 'unit')} has weights of its own: "
        f"{number(stage.parameters.total)} parameters, however long the sequence is.",
        f"Look at unit {other}, which ends at {figure(float(last[other]))}."
        if other != unit
        else "",
    )
