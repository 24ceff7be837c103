"""Rows in many files: one process against two workers of Dask, and what each partition costs.

    python -m benchmarks.scale

Each command runs in a process of its own, on few files and on many, in turns. Starting Keras, and the workers, takes the
same for both, so the difference of the two tells what further rows take.
"""

import argparse
import multiprocessing
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = {"one process": (), "--on dask, 2 workers": ("--on", "dask")}
CLASSES, SIDE = 10, 28


def make(folder: Path, files: int, rows: int) -> None:
    """A model, and files of noise in the form of MNIST: what a value is changes no figure below."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import pyarrow
    from pyarrow import parquet

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.save(folder / "model.keras")
    random = np.random.default_rng(0)
    x = random.random((rows, SIDE * SIDE), np.float32)
    y = random.integers(0, CLASSES, rows)
    flat = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(x.reshape(-1)), SIDE * SIDE)
    (folder / "rows").mkdir()
    first = folder / "rows" / "00000.parquet"
    parquet.write_table(pyarrow.table({"x": flat, "y": y}), first)
    for number in range(1, files):
        os.link(first, folder / "rows" / f"{number:05}.parquet")


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives in a process of its own."""
    # A worker of multiprocessing.Pool may have no children, and a cluster has.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def command(folder: Path, pattern: str, engine: tuple[str, ...]) -> tuple[float, float]:
    """Seconds and processor seconds of a command, its workers included."""
    arguments = ["trace", "model.keras", "--data", f"rows/{pattern}", "--quiet", "--force"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "pipetrace", *arguments, *engine], cwd=folder, check=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, sum(
        getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime")
    )


def partition(folder: Path) -> dict[str, float]:
    """What one partition costs: bytes and seconds."""
    from pipetrace.scale.measuring import measured, merged, model_file
    from pipetrace.scale.partitions import find

    found, file = find(str(folder / "rows")), model_file(folder / "model.keras")
    first = measured(found[0], file)
    assert first is not None
    began = time.process_time()
    second = measured(found[1], file)
    measuring = time.process_time() - began
    began = time.process_time()
    for _ in range(20):
        both = merged([first, second])
    merging = (time.process_time() - began) / 20
    assert both is not None
    sampled = sum(each.nbytes for each in first.sample.arrays) + first.numbers.nbytes
    return {
        "bytes": len(pickle.dumps(first)) - sampled,
        "bytes of two": len(pickle.dumps(both)) - 2 * sampled,
        "seconds a row": measuring / first.flow.rows,
        "seconds a merge": merging,
    }


def driver_memory(partitions: int) -> float:
    """Peak memory in MB of a process that has so many small partitions measured by a cluster."""
    import distributed

    from pipetrace.scale.engines import fold

    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        leaves = (client.submit(_leaf, number, pure=False) for number in range(partitions))
        fold(
            leaves,
            lambda group, level: client.submit(_sum, group, pure=False, priority=level + 1),
        ).result()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _leaf(number: int) -> Any:
    """As many bytes as a part of the model above."""
    return np.full(12_000, number)


def _sum(parts: list[Any]) -> Any:
    return sum(parts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--rows", type=int, default=2000, help="of each file")
    parser.add_argument("--pairs", type=int, default=3, help="of commands; 0 leaves them out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        apart(make, folder, asked.files, asked.rows)
        patterns = {10: "0000*.parquet", asked.files: "*.parquet"}
        times: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(asked.pairs):
            for name, engine in ENGINES.items():
                for files, pattern in patterns.items():
                    times.setdefault((name, files), []).append(command(folder, pattern, engine))
        print("| engine | files | seconds | processor seconds | rows a second, further ones |")
        print("| --- | --- | --- | --- | --- |")
        for (name, files), found in times.items():
            wall, used = np.median(found, axis=0)
            least = np.median(times[name, 10], axis=0)[0]
            rate = f"{(files - 10) * asked.rows / (wall - least):,.0f}" if files > 10 else ""
            print(f"| {name} | {files} | {wall:.1f} | {used:.1f} | {rate} |")
        print()
        for name, value in apart(partition, folder).items():
            print(f"{name}: {value:.3g}")
    for count in (100, 1000, 3000):
        print(f"memory of the driver with {count} partitions: {apart(driver_memory, count):.0f} MB")


if __name__ == "__main__":
    main()
