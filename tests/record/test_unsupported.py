"""Where Keras or the data gives no access, the trace says so and states no false fact."""

from pathlib import Path
from typing import Any

import pytest
from tests.record.models import as_dataset, as_split, classifier, rows

import pipetrace
from pipetrace.capture import internals
from pipetrace.trace import Trace
from pipetrace.trace.overhead import UNSUPPORTED

pytestmark = [pytest.mark.framework, pytest.mark.filterwarnings("ignore:.*shuffle:UserWarning")]


def fitted(path: Path, arguments: dict[str, Any], door: str = "callback") -> Trace:
    model = classifier()
    if door == "watch":
        with pipetrace.watch(model, path, verbose=False, budget=None):
            model.fit(**arguments, epochs=2, verbose=0)
    else:
        recorder = pipetrace.Recorder(path, verbose=False, budget=None)
        model.fit(**arguments, epochs=2, verbose=0, callbacks=[recorder])
    return pipetrace.read(path)


def unsupported(trace: Trace) -> set[str]:
    assert trace.overhead is not None
    return {each.what for each in trace.overhead.skipped if each.reason == UNSUPPORTED}


def test_an_iterator_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a distribution strategy, which gives each replica rows of its own."""
    monkeypatch.setattr("pipetrace.capture.data.batches._can_be_imitated", lambda iterator: False)
    trace = fitted(tmp_path / "run.trace", as_dataset())
    assert trace.stages == ()
    assert [epoch.number for epoch in trace.epochs] == [1, 2]
    assert unsupported(trace) == {"stages"}
    assert trace.overhead is not None
    assert {each.what for each in trace.overhead.skipped} == {"stages"}


def test_a_fit_whose_arguments_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internals, "fit_locals", lambda model: None)
    trace = fitted(tmp_path / "bare.trace", as_split())
    assert unsupported(trace) == {"fit arguments"}
    assert trace.run.data.validation_rows is None
    assert trace.run.data.rows is None
    assert [stage.name for stage in trace.stages if stage.kind == "layer"] == [
        "hidden",
        "norm",
        "drop",
        "answer",
    ]
    # The doors that wrap ``fit`` need no frame.
    watched = fitted(tmp_path / "watched.trace", as_split(), "watch")
    assert unsupported(watched) == set()
    assert (watched.run.data.rows, watched.run.data.validation_rows) == (80, 20)


def test_what_an_older_keras_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("masks", "all_layers", "seed"):
        monkeypatch.setattr(internals, f"supports_{name}", lambda: False)
    x, y = rows()
    trace = fitted(tmp_path / "run.trace", {"x": x, "y": y})
    assert unsupported(trace) == {"masks", "inner layers", "seed"}
    assert trace.run.training is not None
    assert trace.run.training.seed is None
