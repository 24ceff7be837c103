"""Each part of the recorder, broken on purpose: it is said once, the trace tells, and the training does not feel it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import FORMS, as_arrays, classifier

import pipetrace

pytestmark = [pytest.mark.framework, pytest.mark.filterwarnings("ignore:.*shuffle:UserWarning")]

BREAKS = {
    "stages": "pipetrace.record.describe.forward_class",
    "probe": "pipetrace.record.measure.epoch.EpochPass.summaries",
    "weights": "pipetrace.record.measure.epoch.WeightSummaries.of",
    "data flow": "pipetrace.record.finish.flow",
    "training mode": "pipetrace.record.measure.after_training.training.has_modes",
    "prediction": "pipetrace.record.measure.after_training.choose",
    "final weights": "pipetrace.record.measure.after_training.stored_weights",
    "loss checks": "pipetrace.record.measure.failure.are_sound",
    "rows": "pipetrace.capture.data.batches.joined",
    "writing": "pipetrace.trace.writer.TraceWriter.add_epoch",
    "start": "pipetrace.record.session.Session.begin",
    "data facts": "pipetrace.record.measure.dataset.targets_of",
}
"""Something that each part does, by the name under which it reports."""
ALONE = ("stages", "rows", "writing", "start")
"""Parts without which others have nothing to do."""
TOGETHER = tuple(part for part in BREAKS if part not in ALONE)


def broken(*arguments: Any, **options: Any) -> Any:
    raise ZeroDivisionError("broken on purpose")


def state(model: Any) -> list[Any]:
    return [np.array(each.numpy()) for each in [*model.variables, *model.optimizer.variables]]


@pytest.fixture(scope="module")
def bare() -> Callable[[str], list[Any]]:
    known: dict[str, list[Any]] = {}

    def train(form: str) -> list[Any]:
        if form not in known:
            model = classifier()
            model.fit(**FORMS[form](), epochs=2, verbose=0)
            known[form] = state(model)
        return known[form]

    return train


@pytest.mark.parametrize(
    "parts",
    [
        *((part,) for part in ALONE),
        TOGETHER,
        *(pytest.param((part,), marks=pytest.mark.slow) for part in TOGETHER),
    ],
    ids=", ".join,
)
def test_a_broken_part_is_left_out_and_the_training_goes_on(
    parts: tuple[str, ...],
    bare: Callable[[str], list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    form = "dataset" if parts == ("rows",) else "arrays"
    for part in parts:
        monkeypatch.setattr(BREAKS[part], broken)
    model = classifier()
    model.fit(
        **FORMS[form](),
        epochs=2,
        verbose=0,
        callbacks=[pipetrace.Recorder(tmp_path / "run.trace", verbose=False, budget=None)],
    )
    for ours, theirs in zip(state(model), bare(form), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    said = capsys.readouterr().err
    assert said.count("failed and is now off") == len(parts)
    for part in parts:
        assert f"pipetrace: Recording {part} failed and is now off" in said
    assert said.count("broken on purpose") == len(parts)
    if parts == ("start",):
        return  # then there is nothing to record with
    trace = pipetrace.read(tmp_path / "run.trace")
    if parts == ("writing",):
        assert not trace.epochs
        return
    assert [epoch.number for epoch in trace.epochs] == [1, 2]
    assert sorted((each.kind, str(each.part), str(each.error)) for each in trace.events) == sorted(
        ("recorder", part, "ZeroDivisionError: broken on purpose") for part in parts
    )
    assert trace.ending.kind == "finished"


def test_a_full_disk_costs_the_trace_and_not_the_training(
    bare: Callable[[str], list[Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource
    import signal

    model = classifier()
    recorder = pipetrace.Recorder(tmp_path / "run.trace", verbose=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
        model.fit(**as_arrays(), epochs=2, verbose=0, callbacks=[recorder])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    for ours, theirs in zip(state(model), bare("arrays"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert capsys.readouterr().err.count("writing failed and is now off") == 1


def test_a_folder_that_goes_away_while_training_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    recorder = pipetrace.Recorder(folder / "run.trace", verbose=False)
    folder.rmdir()
    classifier().fit(**as_arrays(), epochs=1, verbose=0, callbacks=[recorder])
    assert "writing failed and is now off" in capsys.readouterr().err
