"""Watching changes nothing: every example ends the same, to the bit, with and without pipetrace, at every budget."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import pytest
from tests.examples.compare_runs import BUDGETS
from tests.examples.gallery import EXAMPLES, NAMES

pytestmark = pytest.mark.framework


@functools.cache
def compared() -> Mapping[str, Any]:
    """What ``compare_runs`` found out about every example, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        found = subprocess.run(
            [sys.executable, "-m", "tests.examples.compare_runs", folder],
            cwd=EXAMPLES.parent,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
    lines = [json.loads(line) for line in found.stdout.splitlines() if line.startswith('{"name"')]
    assert found.returncode == 0, found.stderr[-3000:]
    return {line["name"]: line for line in lines}


def test_every_example_was_compared() -> None:
    assert list(compared()) == [*NAMES, "disturbed"]


def test_a_disturbance_would_be_seen() -> None:
    line = compared()["disturbed"]
    assert line["unsure"] == []
    differ = line["differ"]["disturbed"]
    # The generator that was drawn from, and by it the weights, the optimizer and the loss.
    for kind in ("generator", "weight", "optimizer", "history"):
        assert any(name.startswith(kind) for name in differ), kind


def test_recording_leaves_an_example_as_it_is(name: str) -> None:
    line = compared()[name]
    assert "error" not in line, line["error"]
    assert list(line["differ"]) == list(BUDGETS)
    for budget, differ in line["differ"].items():
        assert [each for each in differ if each not in line["unsure"]] == [], (
            f"at a budget of {budget}"
        )


def test_two_plain_runs_agree_so_that_the_comparison_says_something(name: str) -> None:
    line = compared()[name]
    assert line["unsure"] == []
    for kind in ("weight", "optimizer", "metric", "history", "random"):
        assert line["values"][kind], kind
