"""What ``benchmarks.reliability`` tries of traces, a few times each."""

import cProfile
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from benchmarks.reliability import forged_files, large, traces, writing
from benchmarks.reliability.table import Table

from pipetrace.errors import DamagedTraceError
from pipetrace.trace import lazy_summaries, read

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


# Traces of very many stages and events: counted calls, and memory

STAGES, TIMES = 32, 4
MANY = 5000
"""Calls of which it matters how their number grows."""


def calls(folder: Path, stages: int) -> Counter[str]:
    """How often each function is called where a trace is read and put out in every form."""
    path = large.written(folder / f"{stages}.trace", stages, 5 * stages)
    profile = cProfile.Profile()
    profile.enable()
    outcome = forged_files.outcome_of(path)
    profile.disable()
    assert outcome == (forged_files.WHOLE, "")
    found = Counter[str]()
    for each in profile.getstats():
        found[str(each.code)] += each.callcount
    return found


def test_no_function_is_called_for_each_pair_of_stages_or_events(tmp_path: Path) -> None:
    forged_files.outcome_of(large.written(tmp_path / "first.trace", 30, 30))  # imports modules
    few, many = calls(tmp_path, STAGES), calls(tmp_path, TIMES * STAGES)
    grown = {
        name: (few[name], count)
        for name, count in many.items()
        if count > MANY and count > 2 * TIMES * few[name]
    }
    assert grown == {}


def test_old_summaries_are_let_go_of_and_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = large.written(tmp_path / "large.trace", 30, 0)
    whole = read(path)
    monkeypatch.setattr(lazy_summaries, "LEAST", 0)
    monkeypatch.setattr(lazy_summaries, "MOST_RECENT", 100_000)
    trace = read(path)
    for _ in range(2):
        for epoch, same in zip(trace.epochs, whole.epochs, strict=True):
            assert [*epoch.probe.items()] == [*same.probe.items()]
            assert [*epoch.weights.items()] == [*same.weights.items()]
    held = trace.epochs[0].probe._contents._recent  # type: ignore[attr-defined]
    assert 0 < sum(size for _, size in held.values()) <= 100_000
    # Forged files decode to much more than their size.
    monkeypatch.setattr(lazy_summaries, "DECODED_GROWTH", 1)
    with pytest.raises(DamagedTraceError):
        [[*epoch.probe.items()] for epoch in read(path).epochs]
