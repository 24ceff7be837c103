"""Trainings with one thing changed: their start, what is kept after a kill, and what is refused."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from pipetrace.ablate.changes import Edit
from pipetrace.ablate.runs import Ablating, Job, Plan, _check_same_run
from pipetrace.ablate.sources import of_program, of_trace
from pipetrace.errors import ArgumentError, DamagedTraceError, OutputExistsError, RetrainError
from pipetrace.trace import Trace, read
from pipetrace.trace.codec import encode_json
from pipetrace.trace.document import FINISHED
from pipetrace.trace.training import Ablation
from pipetrace.trace.writer import store_ablations

PROGRAM = """
import keras
import numpy as np
x = np.{rows}((40, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dropout(0.5, name="drop"),
                          keras.layers.Dense(1, name="out")])
model.compile("adam", "mse", metrics=["mae"])
{fit}
model.save("written.keras")
"""
FIT = """
saved = keras.callbacks.ModelCheckpoint("best.keras")
model.fit(x, x.sum(axis=1), epochs=2, verbose=2, validation_split=0.25, callbacks=[saved])
"""
SEEDED, UNSEEDED = "random.default_rng(0).random", "random.default_rng().random"


@pytest.fixture(autouse=True)
def two_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each training is a process of its own, which takes seconds to load the framework."""
    monkeypatch.setattr("pipetrace.ablate.runs.BASELINE_SEEDS", 2)


def of_seed_1(trace: Trace) -> list[str]:
    return [each.change for each in trace.ablations if each.seed == 1]


@pytest.fixture
def digits(tmp_path: Path, digits_file: Path) -> Path:
    """A copy, for ablations are stored in the trace."""
    return Path(shutil.copy(digits_file, tmp_path))


@pytest.mark.framework
def test_a_run_begins_where_the_recorded_one_began(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipetrace.ablate.runs.BASELINE_SEEDS", 1)
    trace = read(digits)
    plan = Plan(of_trace(trace, digits), tmp_path / "abl", changes=("no_pooling",), jobs=2)
    assert Ablating(plan, trace, digits).run() == digits
    found = read(digits).ablations
    assert [each.seed for each in found] == [1, 1]
    assert {each.change for each in found} == {"none", "no_pooling"}
    assert {each.ending for each in found} == {FINISHED}
    baseline, pooled = (
        read(tmp_path / "abl" / f"{name}.trace") for name in ("baseline-1", "no_pooling-1")
    )
    # The baseline is the recorded run, bit for bit.
    assert [each.metrics for each in baseline.epochs] == [each.metrics for each in trace.epochs]
    for name, values in trace.weights.items():
        np.testing.assert_array_equal(values, baseline.weights[name])
    first = trace.weights_after[0]
    np.testing.assert_array_equal(pooled.weights_after[0]["conv2d/kernel"], first["conv2d/kernel"])
    assert pooled.weights["dense/kernel"].shape == (26 * 26 * 32, 10)
    assert [stage.layer for stage in pooled.stages][-4:] == [
        "Conv2D",
        "Identity",
        "Flatten",
        "Dense",
    ]
    assert (summary := baseline.stages[0].summary) is None or summary.max == 1.0
    # A model that is rebuilt without a change trains to the same weights: same start, same order.
    rebuilt = Job("rebuilt", Edit({"conv2d": {}}), 1)
    Ablating(plan)._one(rebuilt)
    again = read(plan.folder / rebuilt.name)
    assert again.weights.keys() == trace.weights.keys()
    for name, values in trace.weights.items():
        np.testing.assert_array_equal(values, again.weights[name])


@pytest.mark.slow
@pytest.mark.framework
def test_without_scaling_the_rows_are_as_they_were_recorded(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipetrace.ablate.runs.BASELINE_SEEDS", 1)
    trace = read(digits)
    plan = Plan(of_trace(trace, digits), tmp_path / "abl", changes=("no_scaling",), jobs=2)
    Ablating(plan, trace, digits).run()
    unscaled = read(tmp_path / "abl" / "no_scaling-1.trace")
    assert unscaled.epochs[0].metrics["loss"] > 2 * trace.epochs[0].metrics["loss"]
    summary = unscaled.stages[0].summary
    assert summary is None or summary.max == 255.0  # a busy machine leaves it out
    with pytest.raises(ArgumentError, match="no_dropout"):
        Ablating(Plan(plan.source, plan.folder, changes=("no_dropout",)), trace, digits).run()


@pytest.mark.framework
@pytest.mark.slow
def test_a_kill_loses_only_the_training_in_flight(digits: Path, tmp_path: Path) -> None:
    folder = tmp_path / "abl"
    program = (
        "from pipetrace.ablate import runs; from pipetrace.cli import main\n"
        "runs.BASELINE_SEEDS = 2; main()"
    )
    command = [sys.executable, "-c", program, "ablate", str(digits), "-o", str(folder)]
    command += ["--change", "linear_model", "--quiet"]
    process = subprocess.Popen(command, start_new_session=True)
    first, second = folder / "baseline-1.trace", folder / "baseline-2.trace"
    until = time.monotonic() + 300
    while not second.exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = read(first).cost
    assert read(first).ending.kind == FINISHED
    left = second.stat().st_mtime_ns
    time.sleep(1)  # what it had started ends with it
    assert second.stat().st_mtime_ns == left
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert read(first).cost == kept
    assert of_seed_1(read(digits)) == ["none", "linear_model"]
    assert {each.seed for each in read(digits).ablations if each.change == "none"} == {1, 2}
    # Another seed is another run.
    one, other = (read(each).weights_after[0]["conv2d/kernel"] for each in (first, second))
    assert not np.array_equal(one, other)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "train.py"


def plan_of(program: Path, *changes: str, minutes: float | None = None) -> Plan:
    source = of_program(str(program), (), is_module=False)
    return Plan(source, program.parent / "abl", changes=changes, minutes=minutes, jobs=2)


@pytest.mark.slow
@pytest.mark.framework
def test_of_a_program_only_the_first_fit_runs(program: Path) -> None:
    program.write_text(PROGRAM.format(rows=SEEDED, fit=FIT))
    own = program.parent / "own.trace"
    done = subprocess.run(
        [sys.executable, "-m", "pipetrace", "run", "-o", str(own), str(program)], check=False
    )
    assert done.returncode == 0
    (program.parent / "written.keras").unlink()
    (program.parent / "best.keras").unlink()
    plan = plan_of(program, "untrained_layers", "half_rows")
    assert Ablating(plan, path=own).run() == own
    place = plan.folder / "baseline-1.trace"
    assert read(place).ablations == read(own).ablations
    assert {each.name for each in program.parent.iterdir()} == {"train.py", "own.trace", "abl"}
    found = {(each.change, each.seed): each for each in read(place).ablations}
    assert len(found) == 4
    frozen, half = (
        read(place.with_name(f"{name}-1.trace")) for name in ("untrained_layers", "half_rows")
    )
    start = read(place).weights_after[0]["hidden/kernel"]
    np.testing.assert_array_equal(frozen.weights["hidden/kernel"], start)
    assert (half.fits[0].rows, half.fits[0].validation_rows) == (15, 10)
    program.write_text(PROGRAM.format(rows=SEEDED, fit=FIT.replace("epochs=2", "epochs=3")))
    with pytest.raises(OutputExistsError):
        Ablating(plan_of(program)).run()
    for other in (replace(read(own).fits[0].training, epochs=3), None):
        with closing(sqlite3.connect(own)) as database, database:
            fits = [replace(read(own).fits[0], **({"training": other} if other else {"rows": 1}))]
            fits = [replace(each, fingerprint="" if other else "0") for each in fits]
            text = encode_json([asdict(each) for each in fits])
            database.execute("UPDATE run SET value = ? WHERE key = 'fits'", (text,))
        with pytest.raises(RetrainError, match="another run"):
            _check_same_run(own, read(place))


@pytest.mark.framework
@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(PROGRAM.format(rows=UNSEEDED, fit=FIT), "other rows", marks=pytest.mark.slow),
        pytest.param(
            PROGRAM.format(rows=SEEDED, fit=""), "calls fit of no", marks=pytest.mark.slow
        ),
        ("print('no model')", "does not import Keras"),
        ("import os; os._exit(3)", "without a trace"),
        ("raise ValueError('no rows')", "no rows"),
    ],
)
def test_what_cannot_be_trained_again_is_refused(program: Path, text: str, words: str) -> None:
    program.write_text(text.replace('model.save("written.keras")', ""))
    with pytest.raises(RetrainError, match=words):
        Ablating(plan_of(program, "no_dropout")).run()


@pytest.mark.framework
def test_when_the_time_is_over_no_training_begins(program: Path) -> None:
    program.write_text(PROGRAM.format(rows=SEEDED, fit=FIT))
    ablating = Ablating(plan_of(program, "no_dropout", minutes=0))
    assert [each.change for each in read(ablating.run()).ablations] == ["none"]
    assert ablating.left == 2


def test_a_trace_without_its_rows_is_refused(digits_trace: Trace, digits_file: Path) -> None:
    run = digits_trace.run
    other = replace(run, title="other"), replace(run, data=replace(run.data, fingerprint="0"))
    for each in other:
        with pytest.raises(RetrainError):
            of_trace(replace(digits_trace, run=each), digits_file)
    assert of_trace(digits_trace, digits_file)["plan"]["rows"] == 200


def test_ablations_are_read_as_they_were_stored(digits_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    path.write_bytes(digits_file.read_bytes())
    made = (
        Ablation("none", 1, "finished", 2, {"loss": 0.5, "val_loss": float("nan")}, 10, 1.5),
        Ablation("no_pooling", 1, "failed", layers=("pool",), error="it does not fit"),
    )
    store_ablations(path, made[:1])
    store_ablations(path, made)
    assert read(path).ablations == made
    assert read(digits_file).ablations == ()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("""UPDATE run SET value = '[{"change": 1}]' WHERE key = 'ablations'""")
    with pytest.raises(DamagedTraceError):
        read(path)


def test_processes_are_ended_with_what_they_started() -> None:
    from pipetrace.ablate.runs import _end

    code = "import subprocess; subprocess.run(['sleep', '600'])"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    _end(process)
    assert process.wait(60) == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
