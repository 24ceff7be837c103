"""Weights after epochs and kept rows: what is written is read back, and what does not fit is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import DamagedTraceError
from pipetrace.trace import TraceWriter, read
from pipetrace.trace.document import Array, Ending
from pipetrace.trace.rows import KeptRows
from pipetrace.trace.rows.kept import compact, halved

RANDOM = np.random.default_rng(3)


def kept() -> KeptRows:
    images = (RANDOM.integers(0, 256, (5, 4, 4, 1)) / np.float32(255)).astype(np.float32)
    outputs = RANDOM.random((5, 3)).astype(np.float32)
    return KeptRows(
        numbers=np.array([7, 1, 900, 3, 4]),
        validation=np.array([False, True, True, True, True]),
        inputs={"input": images},
        targets=(np.array([0, 1, 2, 2, 1]),),
        outputs=(outputs,),
        outputs_after={0: (outputs * 0,), 12: (outputs / 2,)},
    )


@pytest.fixture
def written(tmp_path: Path, recording: Any) -> Path:
    path = tmp_path / "kept.trace"
    writer = TraceWriter(path, recording.run, recording.stages)
    kernel = RANDOM.normal(0, 0.1, (500, 3)).astype(np.float32)
    for epoch in range(5):
        forgotten = [epoch - 1] if epoch % 2 == 0 and epoch else []
        weights = {"dense/kernel": kernel + epoch, "dense/bias": kernel[0] + epoch}
        writer.add_weights_after(epoch, weights, forgotten)
    writer.add_kept_rows(kept())
    writer.end(Ending("finished"), {})
    return path


def test_kept_rows_and_the_weights_that_were_not_forgotten_are_read_back(written: Path) -> None:
    trace = read(written)
    assert list(trace.weights_after) == [0, 2, 4]
    for epoch, weights in trace.weights_after.items():
        kernel, bias = weights["dense/kernel"], weights["dense/bias"]
        assert [str(kernel.dtype), str(bias.dtype)] == ["float16", "float32"]
        assert np.abs(kernel[0] - bias).max() <= 0.0005 * np.abs(kernel).max()
        assert bias.mean() == pytest.approx(epoch, abs=0.2)
    rows = trace.kept_rows
    assert rows is not None
    assert rows.inputs["input"].dtype == np.float32
    assert list(rows.outputs_after) == [0, 12]
    np.testing.assert_array_equal(rows.outputs[0] / 2, rows.outputs_after[12][0])


@pytest.mark.parametrize(
    ("values", "dtype", "levels"),
    [
        (np.arange(300) % 200, np.uint8, None),
        (np.array([-3, 70_000]), np.int32, None),
        (np.array([2**40, 1]), np.int64, None),
        (np.array([3, 1], np.uint8), np.uint8, None),
        (np.arange(600) % 256 / np.float32(255), np.uint8, 256),
        (np.array([np.nan, 1.0, np.inf, np.nan]), np.uint8, 3),
        (np.linspace(0, 1, 257), np.float64, None),
        (np.r_[np.zeros(5000), np.arange(300.0)], np.float64, None),
        (np.array([True, False]), np.bool_, None),
        (np.array(["a", "b"], object), np.object_, None),
    ],
)
def test_fewer_bytes_hold_the_same_values(values: Array, dtype: type, levels: int | None) -> None:
    stored, found = compact(values)
    assert stored.dtype == dtype
    assert (None if found is None else len(found)) == levels
    np.testing.assert_array_equal(stored if found is None else found[stored], values)


@pytest.mark.parametrize(
    ("factor", "is_halved"), [(1.0, True), (1e5, False), (1e-6, False), (np.nan, False)]
)
def test_only_what_loses_little_is_halved(factor: float, is_halved: bool) -> None:
    values = RANDOM.uniform(-1, 1, 2000).astype(np.float32) * np.float32(factor)
    found = halved(values)
    assert (found.dtype == np.float16) is is_halved
    assert halved(values[:1000]) is not found
    assert halved(values[:1000]).dtype == np.float32
    error = np.nan_to_num(np.abs(found.astype(np.float64) - values)).max()
    assert error <= 0.0005 * np.nan_to_num(np.abs(values)).max()


TENSOR = "INSERT OR REPLACE INTO tensor VALUES (?, ?, 'uint8', ?, ?)"


@pytest.mark.parametrize(
    ("part", "name", "shape", "data"),
    [
        ("kept/row", "number", "[4]", bytes(4)),
        ("kept/row", "number", "[5, 1]", bytes(5)),
        ("kept/row", "validation", "[5]", bytes(5)),
        ("kept/input", "input", "[4, 16]", bytes(64)),
        ("kept/input", "nowhere", "[5]", bytes(5)),
        ("kept/input", "input", "[5, 4, 4, 1]", bytes([255] * 80)),
        ("kept/level", "input", "[1, 100]", bytes(100)),
        ("kept/target", "0", "[4]", bytes(4)),
        ("kept/output", "1", "[5, 3]", bytes(15)),
        ("kept/output/12", "0", "[5, 2]", bytes(10)),
        ("kept/output/x", "0", "[5, 3]", bytes(15)),
        ("weight/-1", "dense/bias", "[3]", bytes(3)),
        ("weight/3", "dense/bias", "[2]", bytes(2)),
    ],
)
def test_what_does_not_fit_is_refused(
    written: Path, part: str, name: str, shape: str, data: bytes
) -> None:
    read(written)
    with closing(sqlite3.connect(written)) as database, database:
        database.execute(TENSOR, (part, name, shape, data))
    with pytest.raises(DamagedTraceError):
        read(written)
