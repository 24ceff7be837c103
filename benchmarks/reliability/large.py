"""Traces far larger than usual: what each command takes, and how that grows with the file."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.reliability.base_traces import WINDOWED, run_of_images
from benchmarks.reliability.table import Table

from pipetrace.stats import summarise
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    Ending,
    Epoch,
    Group,
    Parameters,
    Spec,
    Stage,
    Weight,
)
from pipetrace.trace.events import DATA_ENDED, GRADIENT, LOSS, OUTPUT, RECORDER, Event
from pipetrace.trace.measurement_table import Measurement
from pipetrace.trace.measurements import Gradient, Signal, Update

TITLE = "Large traces"
STAGES, EVENTS, EPOCHS = 2000, 10_000, 5
PARTS = (16, 4, 1)
"""The trace is tried at a sixteenth, at a quarter, and at its whole size."""
CHANNELS, BLOCK = 4, 10
"""Channels of each stage; stages of each block, of which the last adds its input."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "read": ("-c", "import sys, pipetrace; pipetrace.read(sys.argv[1])", "{trace}"),
    "show": ("-m", "pipetrace", "show", "{trace}", "--plain"),
    "show, expanded": ("-m", "pipetrace", "show", "{trace}", "--plain", "--expand"),
    "page": ("-m", "pipetrace", "page", "{trace}", "-o", "-"),
    "check": ("-m", "pipetrace", "check", "{trace}", "--exit-zero"),
    "quiz": ("-m", "pipetrace", "quiz", "{trace}"),
    "export": ("-m", "pipetrace", "export", "{trace}"),
}


def written(path: Path, stages: int = STAGES, events: int = EVENTS) -> Path:
    """Write a trace of a deep network in blocks, with summaries and figures of every stage.

    Args:
        path: where it goes.
        stages: how many the model has, with the source.
        events: how many happened.
    """
    made = tuple(_stages(stages))
    names = [stage.name for stage in made]
    tensor = np.random.default_rng(0).normal(size=(8, 4, 4, CHANNELS)).astype(np.float32)
    groups = tuple(_group(made[at : at + BLOCK]) for at in range(1, stages - BLOCK, BLOCK))
    run = run_of_images()
    if run.model is not None:
        last = Spec((None, 4, 4, CHANNELS), "float32", names[-1])
        run = replace(run, model=replace(run.model, outputs=(last,)))
    writer = TraceWriter(path, run, made, groups)
    writer.waits = True
    for number in range(1, EPOCHS + 1):
        probe = {name: summarise(tensor * (1 + number / 10)) for name in names}
        weights = {f"{name}/kernel": probe[name] for name in names[1:]}
        metrics = {"loss": 1 / number, "accuracy": 0.1 * number, "val_loss": 1 + (number - 3) ** 2}
        epoch = Epoch(number, metrics, 0.5, 0.001, 30, probe, weights)
        writer.add_epoch(epoch, dict.fromkeys(names, tensor[0]))
        writer.add_measurements(_measurements(names, number))
    writer.add_data_flow(
        24, {name: summarise(tensor) for name in names}, dict.fromkeys(names, tensor[0])
    )
    for number in range(events):
        writer.add_event(_event(number, names))
    writer.end(Ending(FINISHED, epoch=EPOCHS), {"writing": 0.1})
    return path


def _stages(count: int) -> Iterator[Stage]:
    form = Spec((None, 4, 4, CHANNELS), "float32")
    yield Stage("image", SOURCE, None, "image", {"name": "images"}, (), (form,))
    config = {**WINDOWED, "padding": "same", "filters": CHANNELS, "activation": "relu"}
    for number in range(1, count):
        before = ["image" if number == 1 else f"stage_{number - 1}"]
        is_sum = number > BLOCK and number % BLOCK == 0
        if is_sum:
            before.append(f"stage_{number - BLOCK}")
        yield Stage(
            name=f"stage_{number}",
            kind=LAYER,
            layer="Add" if is_sum else "Conv2D",
            path=f"block_{(number - 1) // BLOCK}/stage_{number}",
            config={} if is_sum else config,
            inputs=tuple(Spec(form.shape, form.dtype, each) for each in before),
            outputs=(form,),
            parameters=Parameters(0 if is_sum else 9 * CHANNELS**2),
            weights=() if is_sum else (Weight("kernel", (3, 3, CHANNELS, CHANNELS)),),
            flops=1000,
        )


def _group(inner: tuple[Stage, ...]) -> Group:
    own = Spec((None, 4, 4, CHANNELS), "float32", inner[-1].name)
    path, parameters = inner[0].path.partition("/")[0], sum(each.parameters.total for each in inner)
    return Group(path, "Block", Parameters(parameters), inner[0].inputs, (own,), Parameters(0))


def _measurements(names: list[str], epoch: int) -> Iterator[Measurement]:
    for name in names:
        yield Measurement(name, epoch, Signal(1.0, 0.5, 0.1, 0.1, 0.9, 0.5, CHANNELS))
    for name in names[1:]:
        kernel = f"{name}/kernel"
        yield Measurement(kernel, epoch, Gradient(0.1, 0.01, 0.3, 0.0))
        yield Measurement(kernel, epoch, Update(0.01, 1.0, 0.02 * epoch, 0.001, 0.5))


def _event(number: int, names: list[str]) -> Event:
    epoch, step, stage = number % EPOCHS + 1, number % 30 + 1, names[number % len(names)]
    return (
        Event(LOSS, epoch, step, value=float("nan"), last_finite_step=step - 1),
        Event(OUTPUT, epoch, step, stage, count=3, total=9),
        Event(GRADIENT, epoch, step, stage, weight=f"{stage}/kernel", row=3),
        Event(DATA_ENDED, epoch, step, count=step, total=30),
        Event(RECORDER, epoch, step, part=f"part {number}", error="OSError: full"),
    )[number % 5]


def run(quick: bool, progress: Callable[[str], None]) -> Table:
    """Each command in a process of its own, on traces of several sizes."""
    parts = PARTS[:1] if quick else PARTS
    headings, rows = ["command"], {name: [name] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            stages, events = STAGES // part, EVENTS // part
            path = written(Path(folder) / f"{part}.trace", stages, events)
            size = path.stat().st_size / 1e6
            headings.append(f"{stages:,} stages, {events:,} events, {size:.1f} MB")
            for name in COMMANDS:
                seconds, memory = taken(name, path)
                rows[name].append(f"{seconds:.2f} s, {memory / 1e6:.0f} MB")
                progress(f"{name}, {stages:,} stages: {rows[name][-1]}")
    note = (
        "Traces of a deep network with figures of every stage after each of five epochs: processor time and the most "
        "memory of each command, Python's own included."
    )
    return Table(headings, [tuple(row) for row in rows.values()], note)


def taken(command: str, trace: Path) -> tuple[float, int]:
    """Processor time in seconds, and the most memory in bytes, of a command on a trace.

    Raises:
        RuntimeError: it failed.
    """
    words = [each.format(trace=trace) for each in COMMANDS[command]]
    output = trace.parent / "output.txt"
    # In a process between: one that is started has had the memory of the one that starts it.
    between = [sys.executable, "-c", BETWEEN, str(output), sys.executable, *words]
    answers = subprocess.run(between, check=True, capture_output=True, text=True).stdout.split()
    if int(answers[0]):
        raise RuntimeError(f"{command}: {output.read_text()[-3000:]}")
    return float(answers[1]), int(answers[2]) * 1024


BETWEEN = """
import resource, subprocess, sys
with open(sys.argv[1], "w") as output:
    answers = {"input": b"a\\n" * 9, "stdout": output, "stderr": output}
    code = subprocess.run(sys.argv[2:], **answers).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
