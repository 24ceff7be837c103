"""The examples as they are, without pipetrace: all are listed, all have one shape, all train, and some more than that."""

import ast
import inspect
import math
import re
import subprocess
import sys
from types import ModuleType

import pytest
from tests.examples.gallery import EXAMPLES, NAMES, fit

pytestmark = pytest.mark.framework


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.py\) \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE
    )
    assert [name for name, _ in listed] == NAMES
    assert all(name == file for name, file in listed)


def test_an_example_trains(name: str, example: ModuleType) -> None:
    model = example.build()
    assert model.name == name
    history = fit(example, model, 64, validation=0.0).history
    assert math.isfinite(history["loss"][0])
    assert model.count_params() > 0


def test_the_same_seed_gives_the_same_rows(example: ModuleType) -> None:
    import keras

    first, again = (keras.tree.flatten(example.rows(8, seed=3)) for _ in range(2))
    assert len(first) == len(again) > 1
    for one, other in zip(first, again, strict=True):
        assert len(one) == 8
        assert (one == other).numpy().all() if hasattr(one, "numpy") else (one == other).all()


def test_one_line_is_pipetraces(example: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(example))
    used = [
        node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "pipetrace"
    ]
    assert len(used) == 1
    assert list(inspect.signature(example.rows).parameters) == ["count", "seed"]
    assert list(inspect.signature(example.build).parameters) == ["seed"]


def test_the_command_line_is_explained() -> None:
    said = subprocess.run(
        [sys.executable, str(EXAMPLES / "residual.py"), "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "residual.trace" in said
    assert "A small residual network" in said
