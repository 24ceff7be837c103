"""Watching changes nothing: an example ends the same, to the bit, with and without pipetrace, at every budget."""

import contextlib
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

FEW = (
    "gan",
    "mixed_precision",
    DISTURBED,
)
"""One for each way to train and to draw numbers that pipetrace could disturb; ``tests/record/test_doors.py`` has the
ways to give rows."""


def compared(folder: Path, budgets: Sequence[str], *parts: Sequence[str]) -> Mapping[str, Any]:
    """What ``compare_runs`` found out about each example; a process of its own, at once, for each part of them."""
    command = [sys.executable, "-m", "tests.examples.compare_runs", str(folder), ",".join(budgets)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with contextlib.ExitStack() as stack:
        running = []
        for place, part in enumerate(parts):
            said = stack.enter_context((folder / f"{place}.err").open("w"))
            options: Any = {
                "cwd": EXAMPLES.parent,
                "env": environment,
                "stderr": said,
                "text": True,
            }
            process = subprocess.Popen([*command, *part], stdout=subprocess.PIPE, **options)
            running.append(stack.enter_context(process))
        told = [process.communicate()[0] for process in running]
    for place, process in enumerate(running):
        assert process.returncode == 0, (folder / f"{place}.err").read_text()[-3000:]
    lines = [
        json.loads(line)
        for text in told
        for line in text.splitlines()
        if line.startswith('{"name"')
    ]
    return {line["name"]: line for line in lines}


def assert_left_alone(line: Mapping[str, Any], budgets: Sequence[str]) -> None:
    assert "error" not in line, line["error"]
    assert line["unsure"] == [], "two plain runs differ, so the comparison says nothing"
    for kind in ("weight", "optimizer", "history", "random"):
        assert line["values"][kind], kind
    assert line["differ"] == {budget: [] for budget in budgets}


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
def test_recording_leaves_every_example_as_it_is(tmp_path: Path) -> None:
    found = compared(tmp_path, list(BUDGETS), FITTED[::2], FITTED[1::2])
    assert sorted(found) == FITTED
    for name in FITTED:
        assert_left_alone(found[name], list(BUDGETS))
