"""``pipetrace selfcheck``: what recording changes is found and named, and what cannot be shown is not counted as shown."""

from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run, is_message

from pipetrace.errors import PipetraceError
from pipetrace.selfcheck import Selfcheck, _differences, selfcheck

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
DISTURBED = """
if watched:
    np.random.rand()
    model.layers[0].kernel.assign_add(np.eye(3, 4, dtype="float32") * 1e-7)
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    return tmp_path / "train.py"


@pytest.mark.slow
@pytest.mark.framework
def test_recording_changes_nothing_in_a_program_that_ends_with_a_code(
    run: Run, script: Path
) -> None:
    script.write_text(HEAD + FIT + FIT + "print('said')\nsys.exit(3)\n")
    ran = run("selfcheck", "train.py")
    assert ran.code == 0, ran.out
    # Two layers with kernel and bias, and the state of the dropout; Adam has two momenta of each weight, its count and
    # its rate; loss and metric, and both of validation, of each fit.
    assert "weight 5, optimizer 10, history 8, random 4, ending 1." in ran.out
    assert list(script.parent.iterdir()) == [script]


@pytest.mark.framework
def test_what_a_recorder_would_change_is_found_by_name(script: Path) -> None:
    script.write_text(HEAD + FIT + DISTURBED)
    found = selfcheck("train.py")
    assert (found.exit_code, found.unsure) == (1, ())
    assert found.values == {"weight": 5, "optimizer": 10, "history": 4, "random": 4, "ending": 1}
    assert {(*each.key, each.elements) for each in found.differences} == {
        ("weight", "model 1 (small)", "small/hidden/kernel [0]", 3),
        ("random", "", "NumPy", 625),  # the first draw makes all 624 words anew
    }


@pytest.mark.slow
@pytest.mark.framework
def test_other_ways_to_differ(script: Path) -> None:
    draws = "if watched:\n    model.get_layer('drop').seed_generator.next()\n"
    script.write_text(HEAD + draws + FIT + "if watched:\n    raise ValueError('only then')\n")
    found = selfcheck("train.py")
    kinds = {each.key[0] for each in found.differences}
    assert (found.exit_code, kinds) == (1, {"weight", "optimizer", "history", "ending"})
    seeded = "keras.utils.set_random_seed(time.time_ns() % 2**31)\nmodel = "
    script.write_text(HEAD.replace("model = ", seeded) + FIT)
    found = selfcheck("train.py")
    assert (found.exit_code, found.differences) == (2, ())
    assert {"weight", "random"} <= {each.key[0] for each in found.unsure}


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
        ("import os\nos._exit(7)\n", "script-failed", "exit code 7"),
        ("print('no model')\n", "nothing-to-compare", "fits no model"),
        pytest.param(
            HEAD + "import pipetrace\npipetrace.watch(model, 'own.trace', verbose=False)\n" + FIT,
            "nothing-to-compare",
            "records itself",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(
    program: str, slug: str, words: str, script: Path
) -> None:
    script.write_text(program)
    with pytest.raises(PipetraceError, match=words) as raised:
        selfcheck("train.py")
    assert raised.value.slug == slug


def test_a_program_that_is_not_there_and_a_budget_that_is_none(run: Run, tmp_path: Path) -> None:
    assert is_message(run("selfcheck", tmp_path / "missing.py"), "bad-argument", "SCRIPT")
    assert is_message(run("selfcheck", "--budget", "much", tmp_path), "bad-argument", "--budget")


def test_the_elements_that_differ() -> None:
    key = ("weight", "", "kernel")

    def elements(left: np.ndarray, right: np.ndarray) -> list[int | None]:
        return [each.elements for each in _differences({key: left}, {key: right})]

    for kind in ("float32", "float64", "int64", "uint8"):
        left = np.arange(24).reshape(2, 3, 4).astype(kind)
        right = left.copy()
        right[1, 0, 2], right[1, 2, 3] = 20, 30
        assert elements(left, right) == [2]
        assert elements(left, right[:1]) == [None]
    # A bit is a difference, and NaN is none.
    left = np.array([0.0, np.nan, 1.0], np.float32)
    assert elements(left, np.array([-0.0, np.nan, np.nan], np.float32)) == [2]
    assert elements(left, left.copy()) == []
    assert [each.elements for each in _differences({key: left}, {})] == [None]
    differs = tuple(_differences({key: left}, {}))
    found = [Selfcheck({"weight": 1}, *each) for each in (((), ()), ((), differs), (differs, ()))]
    assert [each.exit_code for each in found] == [0, 1, 2]
