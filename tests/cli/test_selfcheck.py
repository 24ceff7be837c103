"""``pipetrace selfcheck``: what recording changes is found and named, and what cannot be shown is not counted as shown."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run, is_message

from pipetrace.selfcheck import CheckedRun, Difference, Selfcheck, _elements, as_text

HEAD = """
import os, random, sys, time
import numpy as np
import keras
x = np.arange(60, dtype="float32").reshape(20, 3) / 60
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="hidden"), keras.layers.Dropout(0.5, name="drop"),
                          keras.layers.Dense(1, name="out")], name="small")
model.compile("adam", "mse", metrics=["mae"])
watched = "pipetrace.record.watch" in sys.modules
"""
FIT = "model.fit(x, x[:, :1], epochs=2, verbose=0, validation_split=0.2)\n"

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks a program at one budget; what was found, with the exit code that the command ended with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")

    def checked(program: str, *options: str) -> dict[str, Any]:
        (tmp_path / "train.py").write_text(program)
        ran = run("selfcheck", "--format", "json", "--budget", "0.02", *options, "train.py")
        found: dict[str, Any] = json.loads(ran.out)
        assert found["exit_code"] == ran.code
        return found

    return checked


def named(differences: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(each["kind"], each["name"]) for each in differences}


@pytest.mark.framework
def test_recording_changes_nothing_in_a_program_that_ends_with_a_code(
    check: Check, tmp_path: Path
) -> None:
    found = check(HEAD + FIT + FIT + "print('said')\nsys.exit(3)\n")
    assert (found["exit_code"], found["differences"], found["unsure"]) == (0, [], [])
    assert found["models"] == ["model 1 (small)"]
    assert [(run["recorded"], run["epochs"]) for run in found["runs"]] == [
        (False, 0),
        (False, 0),
        (True, 4),
    ]
    # Two layers with kernel and bias; Adam has two momenta of each, its count and its rate; two metrics of sum and count;
    # loss and metric, and both of validation, of each fit; the state of the dropout.
    assert found["values"] == {
        "weight": 4,
        "optimizer": 10,
        "metric": 4,
        "seed": 1,
        "history": 8,
        "random": 4,
        "ending": 1,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.framework
def test_what_a_recorder_would_change_is_found_by_name(check: Check) -> None:
    disturbed = """
if watched:
    np.random.rand()
    model.layers[0].kernel.assign_add(np.eye(3, 4, dtype="float32") * 1e-7)
"""
    found = check(HEAD + FIT + disturbed)
    assert found["exit_code"] == 1
    assert found["unsure"] == []
    assert named(found["differences"]) == {("weight", "small/hidden/kernel"), ("random", "NumPy")}
    (kernel,) = [each for each in found["differences"] if each["kind"] == "weight"]
    assert (kernel["elements"], kernel["size"], kernel["run"]) == (3, 12, 2)
    assert kernel["largest"] == pytest.approx(1e-7, rel=0.2)


@pytest.mark.slow
@pytest.mark.framework
def test_a_number_drawn_before_the_training_shows_in_all_that_follows(check: Check) -> None:
    found = check(HEAD + "if watched:\n    model.get_layer('drop').seed_generator.next()\n" + FIT)
    assert found["exit_code"] == 1
    assert {kind for kind, _ in named(found["differences"])} == {
        "weight",
        "optimizer",
        "metric",
        "seed",
        "history",
    }


@pytest.mark.slow
@pytest.mark.framework
def test_what_raises_only_when_it_is_recorded_is_a_difference(check: Check) -> None:
    found = check(HEAD + FIT + "if watched:\n    raise ValueError('only then')\n")
    assert found["exit_code"] == 1
    (difference,) = found["differences"]
    assert difference["kind"] == "ending"


@pytest.mark.slow
@pytest.mark.framework
def test_where_two_plain_runs_differ_nothing_is_proven(check: Check) -> None:
    found = check(
        HEAD.replace("model = ", "keras.utils.set_random_seed(time.time_ns() % 2**31)\nmodel = ")
        + FIT
    )
    assert found["exit_code"] == 2
    assert found["differences"] == []
    assert {("weight", "small/hidden/kernel"), ("random", "NumPy")} <= named(found["unsure"])


@pytest.mark.framework
@pytest.mark.parametrize(
    ("program", "slug", "words"),
    [
        pytest.param(
            HEAD + FIT + "raise KeyboardInterrupt\n",
            "script-failed",
            "KeyboardInterrupt",
            marks=pytest.mark.slow,
        ),
        (HEAD + FIT + "os._exit(7)\n", "script-failed", "exit code 7"),
        ("import keras\n", "nothing-to-compare", "fits no model"),
        pytest.param(
            HEAD + "import pipetrace\npipetrace.watch(model, 'own.trace', verbose=False)\n" + FIT,
            "nothing-to-compare",
            "records itself",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(
    program: str, slug: str, words: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(program)
    ran = run("selfcheck", "train.py")
    assert (ran.code, ran.out) == (2, "")
    assert f"[{slug}]" in ran.err
    assert words in ran.err.splitlines()[0]


def test_a_program_that_is_not_there_and_a_budget_that_is_none(run: Run, tmp_path: Path) -> None:
    assert is_message(run("selfcheck", tmp_path / "missing.py"), "bad-argument", "SCRIPT")
    assert is_message(run("selfcheck", "--budget", "much", tmp_path), "bad-argument", "--budget")


@pytest.mark.slow
@pytest.mark.framework
def test_the_program_that_comes_with_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("selfcheck")
    assert ran.code == 0, ran.out
    assert re.findall(r"Run \d of 5, (.*): [\d.]+ s", ran.err) == [
        "plain",
        "plain",
        "recorded, budget 0 %",
        "recorded, budget 2 %",
        "recorded, no limit",
    ]
    assert re.search(r"(\d+) of \1 values are the same", ran.out)
    assert list(tmp_path.iterdir()) == []


def test_the_elements_that_differ() -> None:
    for kind in ("float32", "float64", "int64", "uint8"):
        left = np.arange(24).reshape(2, 3, 4).astype(kind)
        right = left.copy()
        right[1, 0, 2], right[1, 2, 3] = 20, 30
        assert _elements(left, right) == (2, 24, 7.0)
    # A bit is a difference, and NaN is none.
    left = np.array([0.0, np.nan, 1.0], np.float32)
    right = np.array([-0.0, np.nan, np.nan], np.float32)
    assert _elements(left, right) == (2, 3, 0.0)


def test_what_is_said() -> None:
    runs = (
        CheckedRun(False, None, 5.0),
        CheckedRun(False, None, 6.0),
        CheckedRun(True, 0.02, 7.0, 4),
    )
    made = Selfcheck("train.py", ("model 1 (small)",), runs, {"weight": 4}, (), ())
    assert "4 of 4 values" in as_text(made)
    kernel = Difference("weight", "model 1 (small)", "hidden/kernel", 2, 2, 12, 0.25)
    differs = replace(made, differences=(kernel,))
    assert "hidden/kernel: 2 of 12 elements, by at most 0.250" in as_text(differs)
    unsure = replace(made, unsure=(kernel,))
    assert "1 of 4 values differ between two plain runs" in as_text(unsure)
    assert [each.exit_code for each in (made, differs, unsure)] == [0, 1, 2]
