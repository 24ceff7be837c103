"""What ``benchmarks.reliability`` tries of traces, a few times each."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from benchmarks.reliability import traces, writing
from benchmarks.reliability.table import Table

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

TRIED: dict[str, Callable[[], Counter[str]]] = {
    "kills": lambda: traces.kills(writing.synthetic, traces.PHASES),
    "two writers": lambda: traces.together(2),
    "copies": lambda: traces.copies(10),
    **{name: partial(traces.disk, name) for name in traces.DISKS},
}


@pytest.mark.parametrize("name", TRIED)
def test_no_trace_is_lost(name: str) -> None:
    found = TRIED[name]()
    assert found.total() > 0
    assert [each for each in found if each.startswith("LOST")] == []


def test_a_loss_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    assert traces.outcome(path, ["made", "epoch 1"]).startswith("LOST")
    writing.synthetic(path, lambda _: None, pause=0, epochs=2)
    assert traces.outcome(path, ["made", *(f"epoch {each}" for each in range(5))]).startswith(
        "LOST"
    )
    assert traces.outcome(path, ["made", "epoch 1", "epoch 2"]).startswith("LOST: ending")
    path.write_bytes(path.read_bytes()[:5000])
    assert traces.trouble(path).startswith("LOST")


def test_a_table_is_markdown() -> None:
    lines = Table(("tried", "times"), [("a", 3)]).markdown().splitlines()
    assert [line.count("|") for line in lines] == [3, 3, 3]
