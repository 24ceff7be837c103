"""A table of runs: conditions, order, the best, what differs, groups, data frames."""

import math
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.run_table.conftest import NAN, Write

import pipetrace
from pipetrace.errors import ArgumentError, MissingLibraryError, RunsError
from pipetrace.run_table.table import Runs
from pipetrace.trace import Trace


@pytest.fixture
def found(write: Write, tmp_path: Path) -> Runs:
    """Four runs: a good one, one with a tiny learning rate, one that became NaN, one unreadable."""
    write("good.trace", 0.7, 0.9, 0.8, learning_rate=0.003, batch_size=16)
    write("slow.trace", 0.1, 0.2, learning_rate=1e-5, seed=3)
    write("nan.trace", 0.3, NAN, learning_rate=0.1, optimizer="SGD", ending="failed")
    (tmp_path / "odd.trace").write_text("odd")
    return pipetrace.runs(tmp_path)


def stems(found: Any) -> list[str]:
    return [Path(row.file).stem for row in found]


WHERE = (
    ("learning_rate < 0.01", "good slow"),
    ("0.001 <= learning_rate < 0.01", "good"),
    ("best_val_accuracy > 0.85 and epochs == 3", "good"),
    ("val_accuracy > 0.85", ""),
    ('optimizer == "SGD" or not batch_size >= 32', "good nan"),
    ("status in ('failed', 'unreadable')", "odd nan"),
    ('"slow" in run', "slow"),
    ("not learning_rate < 0.01", "nan"),  # unknown is not false
    ("learning_rate == None", "odd"),
    ("learning_rate != None", "good slow nan"),
    ("conv2d.filters == 32 and -1 < parameters", "good slow nan"),
    ("codes != None and findings >= 0 and seed == 3", "slow"),
    ("problem != ''", "odd"),
)


def test_a_condition_keeps_the_runs_it_is_true_of(found: Runs) -> None:
    for text, expected in WHERE:
        assert sorted(stems(found.where(text))) == sorted(expected.split()), text


REFUSED = (
    "__import__('os').system('touch x')",
    "open('x')",
    "epochs.__class__",
    "[each for each in (1, 2)]",
    "epochs ** 9 > 1",
    "lambda: 1",
    "epochs < ",
    "epochs < 'a'",
    "-status == 1",
    "epochs < 1j",
    "nothing_of_the_kind > 1",
    "f'{epochs}' == '1'",
    "(" * 500 + "1" + ")" * 500,
    "1 < " * 2000 + "1",
)


def test_anything_else_is_refused_and_nothing_is_run(found: Runs) -> None:
    for text in REFUSED:
        with pytest.raises(RunsError) as raised:
            found.where(text)
        assert raised.value.slug == "bad-condition"


def test_runs_are_sorted_with_what_is_missing_last(found: Runs) -> None:
    assert stems(found) == ["odd", "good", "slow", "nan"]  # by the time they began
    for by, expected in (
        ("learning_rate", "slow good nan odd"),
        ("-learning_rate", "nan good slow odd"),
        ("-val_accuracy", "good slow odd nan"),
        ("optimizer", "good slow nan odd"),
    ):
        assert stems(found.sorted(by)) == expected.split(), by
    with pytest.raises(RunsError):
        found.sorted("nothing")


def test_the_best_runs_by_the_metric_that_most_are_judged_by(found: Runs, tmp_path: Path) -> None:
    assert found.metric == "val_accuracy"
    assert stems(found.best(2)) == ["good", "nan"]
    assert found[1].metrics["val_accuracy"].best_epoch == 2
    by_loss = pipetrace.runs(tmp_path, metric="val_loss")
    assert stems(by_loss.best(9)) == ["good", "nan", "slow"]
    with pytest.raises(RunsError):
        pipetrace.runs(tmp_path, metric="val_f1")


def test_what_differs_is_found_and_the_rest_is_not(write: Write, tmp_path: Path) -> None:
    write("a.trace", 0.5, optimizer="SGD", optimizer_config={"momentum": 0.9})
    write("b.trace", 0.5, optimizer="Adam", layers={"conv2d": {"filters": 64}})
    differing = pipetrace.runs(tmp_path).differing()
    assert differing == {"optimizer": ("SGD", "Adam"), "conv2d.filters": (32, 64)}


def test_runs_of_one_process_are_a_group_with_mean_and_spread(write: Write, tmp_path: Path) -> None:
    scores = (0.7, 0.8, 0.95)
    for fold, score in enumerate(scores):
        write(f"fold-{fold}.trace", score, 0.1, process=3, seed=fold)
    for rate in (0.1, 0.2):
        write(f"trial-{rate}.trace", 0.5, process=3, learning_rate=rate)
    write("alone.trace", 0.99)
    for name in ("odd", "odd-2"):
        (tmp_path / f"{name}.trace").write_text("of no process")
    folds, trials = pipetrace.runs(tmp_path).groups()
    assert (stems(folds.rows), folds.same_settings) == (["fold-0", "fold-1", "fold-2"], True)
    assert folds.spread is not None
    assert folds.spread.mean == pytest.approx(statistics.mean(scores))
    assert folds.spread.std == pytest.approx(statistics.stdev(scores))
    assert (folds.spread.low, folds.spread.high, folds.spread.count) == (0.7, 0.95, 3)
    assert (stems(trials.rows), trials.same_settings) == (["trial-0.1", "trial-0.2"], False)


def test_findings_are_those_of_the_trace(write: Write, tmp_path: Path) -> None:
    path = write("a.trace", 0.9, NAN, ending="failed")
    (row,) = pipetrace.runs(tmp_path)
    expected = {each.code for each in pipetrace.findings(path)}
    assert "PT801" in {each.code for each in row.findings}
    assert {each.code for each in row.findings} >= expected


def test_the_history_and_the_columns_of_a_trace(write: Write) -> None:
    trace = pipetrace.read(write("a.trace", 0.5, 0.75))
    assert trace.history == {
        "loss": [0.5, 0.25],
        "val_accuracy": [0.5, 0.75],
        "val_loss": [1.5, 1.25],
    }
    columns = trace.columns()
    assert columns["epoch"] == [1, 2]
    assert {len(each) for each in columns.values()} == {2}


class Frames:
    """A library that makes a frame of columns, as pandas and polars do."""

    def __init__(self, name: str) -> None:
        self.name = name

    def DataFrame(self, columns: Any, **options: Any) -> Any:  # the libraries' own name
        return SimpleNamespace(columns=columns, library=self.name)


def test_a_frame_is_made_by_the_library_that_is_there(
    digits_trace: Trace, found: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    for made in (digits_trace, found):
        monkeypatch.setattr("pipetrace.trace.training.frames.find_spec", lambda name: None)
        for library in ("pandas", "polars"):
            monkeypatch.delitem(sys.modules, library, raising=False)
        with pytest.raises(MissingLibraryError):
            made.to_frame()
        with pytest.raises(ArgumentError):
            made.to_frame("spark")
        monkeypatch.setitem(sys.modules, "polars", Frames("polars"))
        assert made.to_frame().library == "polars"
        assert made.to_frame().columns.keys() == made.columns().keys()
        monkeypatch.setitem(sys.modules, "pandas", Frames("pandas"))
        assert made.to_frame().library == "pandas"
        assert made.to_frame("polars").library == "polars"
    assert len(found.columns()["run"]) == 4
    last = found.columns()["val_accuracy"][3]
    assert isinstance(last, float)
    assert math.isnan(last)
