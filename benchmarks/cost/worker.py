"""One measurement in a process of its own: prints what it found as one line of JSON, the last one.

python -m benchmarks.cost.worker NAME '{"argument": 1}'
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def machine() -> Any:
    """What the machine can do."""
    from benchmarks.cost.machine import facts

    return facts()


def training(name: str, rounds: int, peers: int, data: str | None, part: float) -> Any:
    """A training in each way, in turn; the first round is not counted, and peers take part in the first few only."""
    from benchmarks.cost.ways import ACTIVATIONS, BARE, RECORDED, TENSORBOARD, train
    from benchmarks.cost.workloads import workload

    work = workload(name, data, part)
    found: dict[str, list[Any]] = {BARE: [], RECORDED: [], TENSORBOARD: [], ACTIVATIONS: []}
    for number in range(rounds + 1):
        # Who comes first in one round comes second in the next.
        pair = [BARE, RECORDED] if number % 2 else [RECORDED, BARE]
        others = (
            [TENSORBOARD, ACTIVATIONS]
            if 1 <= number <= peers and name in ("digits", "short")
            else []
        )
        for way in pair + others:
            took = train(work, way)
            if number:
                found[way].append(took)
    return {"title": work.title, "ways": found, "epochs": work.epochs}


def flow(rows: int, rounds: int, peers: int, data: str | None) -> Any:
    """All rows at every stage, and predicting them, in turn."""
    from benchmarks.cost import flows
    from benchmarks.cost.workloads import digit_images, digit_model

    x, _ = digit_images(rows, data)
    model = digit_model()
    ways = flows.ways(model, x)
    measure = flows.measure_of(model, x)
    extra = (
        {flows.FETCHED, flows.STATISTICS, flows.NUMPY}
        if rows <= 10_000
        else {flows.FETCHED, flows.STATISTICS}
    )
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, work in ways.items():
            if name in extra and (not 1 <= number <= peers or rows > 10_000):
                continue
            took = flows.seconds(work)
            if number:
                found[name].append(took)
    return {"ways": found, "values": measure.extent.values, "together": measure.extent.together}


def memory(way: str, rows: int) -> Any:
    """The most memory that a process held which passes so many rows; the same of one that only predicts them."""
    import keras
    from benchmarks.cost import flows
    from benchmarks.cost.workloads import digit_model

    from pipetrace.record.measure.data_flow import flow as flow_of

    x, model = flows.endless_rows(rows), digit_model()

    class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        def __len__(self) -> int:
            return math.ceil(rows / 256)

        def __getitem__(self, place: int) -> Any:
            return x[place * 256 : place * 256 + 256]

    if way == flows.PREDICT:
        work: Callable[[], Any] = lambda: model.predict(Batches(), verbose=0)  # noqa: E731
    else:
        measure = flows.measure_of(model, x)
        work = lambda: flow_of(measure, x, rows, exact=way == flows.EXACT)  # noqa: E731
    return {"seconds": flows.seconds(work), "bytes": _peak()}


def showing(rounds: int) -> Any:
    """The whole process `pipetrace show` of a trace of 20 stages and 100 epochs, and the start of others."""
    from benchmarks.cost.showing import times

    return times(rounds)


def size(name: str, epochs: int, data: str | None) -> Any:
    """The bytes of a trace in which everything was recorded after every epoch."""
    import dataclasses

    import numpy as np
    from benchmarks.cost.ways import RECORDED, train
    from benchmarks.cost.workloads import workload

    work = dataclasses.replace(workload(name, data, 1), epochs=epochs)
    if name == "backbone":
        work = dataclasses.replace(
            work, x=np.ascontiguousarray(work.x[:8]), y=work.y[:8], batch_size=8
        )
    found = train(work, RECORDED, budget=None)
    return {"bytes": found["bytes"], "epochs": epochs, "title": work.title}


def _peak() -> int:
    """The most bytes that this process held at once."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def main() -> None:
    """Measure what the arguments name."""
    works: dict[str, Callable[..., Any]] = {
        each.__name__: each for each in (machine, training, flow, memory, showing, size)
    }
    print(json.dumps(works[sys.argv[1]](**json.loads(sys.argv[2]))))


if __name__ == "__main__":
    main()
