"""The examples as programs: all are listed, all have one shape, and one line of each is pipetrace's."""

import ast
import inspect
import re
import sys

import pytest
from tests.examples.gallery import EXAMPLES, NAMES, load

pytestmark = pytest.mark.framework


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.py\) \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE
    )
    assert [name for name, _ in listed] == NAMES
    assert all(name == file for name, file in listed)


def test_the_same_seed_gives_the_same_rows() -> None:
    import keras

    for name in NAMES:
        first, again = (keras.tree.flatten(load(name).rows(8, seed=3)) for _ in range(2))
        assert len(first) == len(again) > 1, name
        for one, other in zip(first, again, strict=True):
            assert len(one) == 8, name
            same = one == other
            assert (same.numpy() if hasattr(one, "numpy") else same).all(), name


def test_one_line_is_pipetraces() -> None:
    for name in NAMES:
        example = load(name)
        tree = ast.parse(inspect.getsource(example))
        used = [
            node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "pipetrace"
        ]
        assert len(used) == 1, name
        assert list(inspect.signature(example.rows).parameters) == ["count", "seed"], name
        assert list(inspect.signature(example.build).parameters) == ["seed"], name


def test_the_command_line_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLES / "residual.py"), "--help"])
    with pytest.raises(SystemExit):
        load("residual").main()
    said = capsys.readouterr().out
    for option in ("--epochs", "--rows", "--trace"):
        assert option in said
    assert "residual.trace" in said
