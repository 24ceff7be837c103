"""``pipetrace selfcheck``: what recording changes is found and named, and what cannot be shown is not counted as shown."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from tests.cli.conftest import Run, is_message

from pipetrace.present.selfcheck import show
from pipetrace.record import selfcheck as checking
from pipetrace.trace.selfcheck import Difference, Ran, Selfcheck, Tally

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
    tallies = {each["kind"]: each["values"] for each in found["tallies"]}
    # Two layers with kernel and bias; Adam has two momenta of each, its count and its rate; two metrics of sum and count; the
    # loss, the metric and both of validation, and the epochs, of each fit.
    assert (tallies["weight"], tallies["optimizer"], tallies["metric"], tallies["history"]) == (
        4,
        10,
        4,
        10,
    )
    assert tallies["generator"] == 1
    assert all(each["agree"] == each["values"] == each["same"][0] for each in found["tallies"])
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.framework
def test_what_a_recorder_would_change_is_found_by_name(check: Check) -> None:
    disturbed = """
if watched:
    np.random.rand()
    model.layers[0].kernel.assign_add(np.eye(3, 4, dtype="float32") * 1e-7)
    model.left = 1
    os.environ["LEFT"] = "1"
    import atexit, threading
    atexit.register(print)
    threading.Thread(target=time.sleep, args=(3,), name="left behind", daemon=True).start()
    keras.Model.left = lambda self: None
"""
    found = check(HEAD + FIT + disturbed)
    assert found["exit_code"] == 1
    assert found["unsure"] == []
    assert named(found["differences"]) == {
        ("weight", "small/hidden/kernel"),
        ("random", "numpy.random"),
        ("left", "attributes of the model and its layers"),
        ("left", "environment"),
        ("left", "functions to call at the end of Python"),
        ("left", "threads"),
        ("left", "methods of Keras"),
    }
    of = {each["name"]: each for each in found["differences"]}
    kernel = of["small/hidden/kernel"]
    assert (kernel["elements"], kernel["size"], kernel["place"], kernel["run"]) == (
        3,
        12,
        [0, 0],
        2,
    )
    assert kernel["largest"] == pytest.approx(1e-7, rel=0.2)
    assert float(kernel["recorded"]) - float(kernel["plain"]) == pytest.approx(1e-7, rel=0.3)
    assert of["environment"]["added"] == ["LEFT=1"]
    assert of["threads"]["added"] == ["left behind (daemon)"]


@pytest.mark.slow
@pytest.mark.framework
def test_a_number_drawn_before_the_training_shows_in_all_that_follows(check: Check) -> None:
    found = check(HEAD + "if watched:\n    model.get_layer('drop').seed_generator.next()\n" + FIT)
    assert found["exit_code"] == 1
    assert {kind for kind, _ in named(found["differences"])} == {
        "weight",
        "optimizer",
        "metric",
        "generator",
        "history",
    }


@pytest.mark.slow
@pytest.mark.framework
def test_what_raises_only_when_it_is_recorded_is_a_difference(check: Check) -> None:
    found = check(HEAD + FIT + "if watched:\n    raise ValueError('only then')\n")
    assert found["exit_code"] == 1
    (difference,) = found["differences"]
    assert difference["kind"] == "ending"
    assert "ValueError: only then" in difference["added"]


@pytest.mark.framework
def test_where_two_plain_runs_differ_nothing_is_proven(check: Check) -> None:
    found = check(
        HEAD.replace("model = ", "keras.utils.set_random_seed(time.time_ns() % 2**31)\nmodel = ")
        + FIT
    )
    assert found["exit_code"] == 2
    assert found["differences"] == []
    assert {("weight", "small/hidden/kernel"), ("random", "numpy.random")} <= named(found["unsure"])
    weights = next(each for each in found["tallies"] if each["kind"] == "weight")
    assert weights["agree"] < weights["values"]
    assert weights["same"] == [weights["agree"]]


@pytest.mark.slow
@pytest.mark.framework
def test_a_difference_is_found_beside_what_is_not_proven(check: Check) -> None:
    found = check(
        HEAD
        + FIT
        + "np.random.seed(time.time_ns() % 2**31)\nif watched:\n    keras.config.set_epsilon(1)\n"
    )
    assert found["exit_code"] == 1
    assert named(found["differences"]) == {("left", "settings of Keras")}
    assert named(found["unsure"]) == {("random", "numpy.random")}


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
    ran = run("selfcheck", "--plain")
    assert ran.code == 0, ran.out
    assert re.findall(r"Run \d of 5, (.*): [\d.]+ s", ran.err) == [
        "plain",
        "plain",
        "recorded, budget 0 %",
        "recorded, budget 2 %",
        "recorded, no limit",
    ]
    assert re.search(r"Recording changed nothing: (\d+) of \1 values are the same", ran.out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "uint8"])
def test_the_elements_that_differ(kind: str) -> None:
    left = np.arange(24).reshape(2, 3, 4).astype(kind)
    right = left.copy()
    right[1, 0, 2], right[1, 2, 3] = 20, 30
    found = checking._elements(left, right)
    assert (found["elements"], found["size"], found["place"], found["largest"]) == (
        2,
        24,
        (1, 0, 2),
        7.0,
    )


def test_a_bit_is_a_difference_and_nan_is_none() -> None:
    left, right = (
        np.array([0.0, np.nan, 1.0], np.float32),
        np.array([-0.0, np.nan, np.nan], np.float32),
    )
    found = checking._elements(left, right)
    assert (found["elements"], found["place"], found["largest"]) == (2, (0,), 0.0)
    assert (
        checking._elements(np.array([1.0], np.float32), np.array([1.5], np.float32))["largest"]
        == 0.5
    )


def drawn(found: Selfcheck, width: int) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as held:
        show(found, console)
    return held.get()


def made(**options: Any) -> Selfcheck:
    runs = (
        Ran(False, None, 5.0),
        Ran(False, None, 6.0),
        Ran(True, 0.02, 7.0, 4),
        Ran(True, None, 8.0, 4),
    )
    tallies = options.pop(
        "tallies", (Tally("weight", 4, 4, (4, 4)), Tally("left", 18, 18, (18, 18)))
    )
    return Selfcheck(
        "train.py",
        0,
        False,
        ("model 1 (small)",),
        runs,
        tallies,
        **{"unsure": (), "differences": (), **options},
    )


@pytest.mark.parametrize("width", [60, 100])
def test_what_is_said(width: int) -> None:
    same = " ".join(drawn(made(), width).split())
    assert (
        "Recording changed nothing: 22 of 22 values are the same, bit by bit, at every budget."
        in same
    )
    kernel = Difference(
        "weight", "model 1 (small)", "hidden/kernel", 3, 2, 12, (0, 1), "0.5", "0.25", 0.25
    )
    differs = " ".join(
        drawn(made(tallies=(Tally("weight", 4, 4, (4, 3)),), differences=(kernel,)), width).split()
    )
    assert (
        "With the recorder, no limit: model 1 (small), weight hidden/kernel: 2 of 12 elements differ"
        in differs
    )
    assert "[0, 1] is 0.5 plain and 0.25 recorded, at most by 0.250." in differs
    assert "1 differs" in differs
    assert "Recording made a difference in 1 of 4 values." in differs
    unsure = " ".join(
        drawn(made(tallies=(Tally("weight", 4, 0, (0, 0)),), unsure=(kernel,)), width).split()
    )
    assert "0 of 4 ? ?" in unsure
    assert "same" not in unsure.replace("are the same with", "")
    assert "Not proven: 4 of 4 values differ between two plain runs." in unsure
    assert max(map(len, drawn(made(), width).splitlines())) <= width
