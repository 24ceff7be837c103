"""Watching changes nothing: an example ends the same, to the bit, with and without pipetrace, at every budget."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.examples.compare_runs import BUDGETS, DISTURBED
from tests.examples.gallery import EXAMPLES, FITTED

pytestmark = pytest.mark.framework

FEW = ("gan", "mixed_precision", DISTURBED)
"""One for each way to train and to draw numbers that pipetrace could disturb; ``tests/record/test_doors.py`` has the
ways to give rows."""


def compared(folder: Path, budgets: Sequence[str], names: Sequence[str]) -> Mapping[str, Any]:
    """What ``compare_runs`` found out about each example, in a process of its own."""
    command = [sys.executable, "-m", "tests.examples.compare_runs", str(folder), ",".join(budgets)]
    ended = subprocess.run(
        [*command, *names],
        cwd=EXAMPLES.parent,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"name"')]
    return {line["name"]: line for line in map(json.loads, lines)}


def assert_left_alone(line: Mapping[str, Any], budgets: Sequence[str]) -> None:
    assert "error" not in line, line["error"]
    assert line["unsure"] == [], "two plain runs differ, so the comparison says nothing"
    for kind in ("weight", "optimizer", "history", "random"):
        assert line["values"][kind], kind
    assert line["differ"] == {budget: [] for budget in budgets}


@pytest.mark.slow
def test_recording_leaves_a_few_examples_as_they_are(tmp_path: Path) -> None:
    budgets = ["none"]  # with which most is measured
    found = compared(tmp_path, budgets, FEW)
    assert list(found) == [*FEW]
    # A disturbance is seen: in the generator that was drawn from, and by it in what follows.
    differ = found[DISTURBED].pop("disturbed")
    for name in FEW:
        assert_left_alone(found[name], budgets)
    for kind in ("weight", "optimizer", "history"):
        assert any(name.startswith(kind) for name in differ), kind


@pytest.mark.slow
@pytest.mark.parametrize("names", [FITTED[::2], FITTED[1::2]], ids=["even", "odd"])
def test_recording_leaves_every_example_as_it_is(names: list[str], tmp_path: Path) -> None:
    found = compared(tmp_path, list(BUDGETS), names)
    assert list(found) == names
    for line in found.values():
        assert_left_alone(line, list(BUDGETS))
