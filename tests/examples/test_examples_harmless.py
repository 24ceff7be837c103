"""Watching changes nothing: every example ends with the same weights, to the bit, with and without pipetrace."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import pytest
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
    assert line["recorded"] != line["plain"]
    assert line["again"] == line["plain"]


def test_recording_leaves_an_example_as_it_is(name: str) -> None:
    line = compared()[name]
    assert "error" not in line, line["error"]
    if line["again"] is not None and line["again"] != line["plain"]:
        pytest.skip("two plain runs differ from each other already")
    parts = ("weights and states", "optimizer", "history")
    differ = [part for part, ours, theirs in zip(parts, line["recorded"], line["plain"], strict=True) if ours != theirs]
    assert differ == []
