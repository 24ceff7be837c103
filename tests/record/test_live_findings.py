"""What is said beside a training: a grave fault at once and once, all of it at the end, and never more than that."""

import itertools
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.rules import WRONG, broken, only, rule, silent

import pipetrace
from pipetrace.record import live_findings
from pipetrace.record.live_findings import LiveFindings


def use(monkeypatch: pytest.MonkeyPatch, at_end: Any, meanwhile: Any) -> None:
    reporter = SimpleNamespace(at_end=at_end, meanwhile=meanwhile)
    monkeypatch.setattr(live_findings, "_load", lambda: reporter)


def fit(path: Path, *, epochs: int = 3, **options: Any) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, name="conv2d"),
            keras.layers.Dense(1, name="dense"),
        ]
    )
    model.compile("sgd", "mse")
    x = np.arange(60, dtype=np.float32).reshape(20, 3) / 60
    recorder = pipetrace.Recorder(path, **options)

    def wait(*_: object) -> None:
        """So that the trace is looked at before the next epoch, however busy the machine is."""
        if recorder._session and recorder._session.state.writer:
            recorder._session.state.writer.wait()

    callbacks = [recorder, keras.callbacks.LambdaCallback(on_epoch_begin=wait)]
    model.fit(x, x[:, :1], epochs=epochs, verbose=0, callbacks=callbacks)
    return model


# The looks, without a framework


def found(code: str, line: str, level: str = "error") -> tuple[Any, str]:
    return SimpleNamespace(code=code, stage=None, level=level, epochs=()), line


def test_the_line_of_an_error_is_said_once() -> None:
    told = itertools.count()

    def look() -> list[str]:
        new = found(f"PT{next(told)}", "new")
        return live_findings.untold([found("PT201", "same"), new, found("PT401", "", "warning")])

    assert look() == ["pipetrace: same", "pipetrace: new"]
    assert look() == ["pipetrace: new"]


def test_after_the_first_look_the_next_waits_for_its_share_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    looks: list[float] = []

    def look(path: Path) -> tuple[()]:
        looks.append(now[0])
        now[0] += 1.0
        return ()

    use(monkeypatch, None, look)
    each = LiveFindings()
    while now[0] < 900:
        each.meanwhile(tmp_path)
        now[0] += 1.0
    assert looks[0] == 100
    # Half a percent of the time: after a look of a second 200 s pass.
    assert 3 <= len(looks) <= 5
    assert all(after - before >= 199 for before, after in itertools.pairwise(looks))
    each.meanwhile(tmp_path)
    each.meanwhile(tmp_path, always=True)
    assert now[0] == looks[-1] + 1


def test_without_words_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_findings, "_load", None)
    assert LiveFindings().meanwhile(tmp_path) == ()
    assert len(list(live_findings.at_end(tmp_path))) == 1  # where the trace is


def test_many_traces_are_told_in_a_few_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = SimpleNamespace(at_end=lambda path: "all\nof it", in_a_line=lambda path: "short")
    monkeypatch.setattr(live_findings, "_load", lambda: reporter)
    told = [list(live_findings.at_end(tmp_path / str(number))) for number in range(9)]
    assert [len(each) for each in told] == [2, 1, 1, 1, 1, 1, 0, 0, 0]
    assert told[0][1] == "all\nof it"
    assert all(each[0].endswith("short") for each in told[1:5])
    # A new cell of a notebook begins anew.
    shell = SimpleNamespace(execution_count=7)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert len(list(live_findings.at_end(tmp_path))) == 2


# What is said of a trace at the end


def said_of(path: Path) -> str:
    """Without the line that says where the trace is."""
    return "\n".join(list(live_findings.at_end(path))[1:])


def test_a_healthy_training_hears_one_line(
    digits_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, silent("PT901"), silent("PT902"))
    _, line = said_of(digits_file).splitlines()  # after what recording took
    assert line == "pipetrace: None of the 2 rules found anything wrong."


def test_notes_are_counted_and_many_findings_cut(
    digits_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (rule(f"PT20{index}", "wrong") for index in range(7))
    only(monkeypatch, *wrong, rule("PT901", "note", level="note"))
    said = said_of(digits_file)
    assert "pipetrace: 7 warnings and 1 note from 8 rules:" in said
    assert said.count(". Warning PT20") == 5
    assert "and 2 more." in said
    assert "PT901" not in said


def test_a_rule_that_raises_is_named_at_the_end(
    digits_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, broken())
    said = " ".join(said_of(digits_file).split())
    assert "pipetrace: The rule PT998 not-written-well raised ZeroDivisionError" in said


# A training

framework = pytest.mark.framework


@framework
def test_an_error_is_said_at_once_and_all_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live_findings, "LOOK_SHARE", 1e9)
    only(monkeypatch, *WRONG, silent())
    model = fit(tmp_path / "run.trace")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    at_once = [line for line in lines if line.startswith("pipetrace: error")]
    assert at_once == [
        "pipetrace: error PT201 dying-units, stage 2, Dense (conv2d), epochs 2 and 3: 61 of 64 units give 0 for every row."
    ]
    end = lines.index(
        f"pipetrace: the trace is {tmp_path / 'run.trace'}; see it with: pipetrace show {tmp_path / 'run.trace'}"
    )
    assert lines.index(at_once[0]) < end
    assert lines[end + 1].startswith("pipetrace: recording took ")
    found = lines.index("pipetrace: 1 error and 1 warning from 5 rules:")
    assert end + 1 < found
    said = "\n".join(line.removeprefix("  ") for line in lines[found + 1 :])
    places = re.findall(r",\s+\S*test_live_findings\.py:\d+", said)
    assert len(places) == 4  # the layers that were constructed here, and the call of fit
    for place in places:
        said = said.replace(place, "")
    assert said.splitlines() == [
        "1. Error PT201 dying-units, stage 2, Dense (conv2d), epochs 2 and 3",
        "   61 of 64 units give 0 for every row.",
        "   Fix: Do something about PT201.",
        '       Dense(64, "dying-units")',
        "       → Dense(64)",
        "   Root cause of: warning PT402 small-steps, stage 3, Dense (dense), epoch 3.",
        "   Root cause of: note PT901 worth-knowing.",
        "2. Warning PT501 falls-still, epoch 1",
        "   The loss fell by 9 % in the last epoch.",
        "   Fix: Do something about PT501.",
    ]
    # Without words the training is the same.
    other = fit(tmp_path / "silent.trace", verbose=False)
    assert "pipetrace" not in capsys.readouterr().err
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@framework
def test_words_that_fail_reach_neither_the_training_nor_the_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(path: Path) -> Any:
        raise ZeroDivisionError("no words")

    use(monkeypatch, fails, fails)
    fit(tmp_path / "run.trace")
    assert capsys.readouterr().err.count("findings failed and is now off") == 1
    trace = pipetrace.read(tmp_path / "run.trace")
    assert (trace.ending.kind, len(trace.epochs)) == ("finished", 3)


@pytest.mark.slow
@framework
def test_the_findings_are_told_where_the_recorder_comes_from_its_own_module(
    tmp_path: Path,
) -> None:
    program = """
        import keras, numpy
        from pipetrace.record.recorder import Recorder
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        x = numpy.ones((8, 1), "float32")
        model.fit(x, x, verbose=0, callbacks=[Recorder("run.trace")])
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.search(r"pipetrace: .* rules", ended.stderr)
