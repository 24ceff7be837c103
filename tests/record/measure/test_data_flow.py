"""All rows at every stage, against what NumPy says of the outputs of all rows at once."""

import copy
import gc
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import graphs
from tests.record.models import classifier, rows

import pipetrace
from pipetrace.capture.forward import Forward, Passed
from pipetrace.record.measure import data_flow as module
from pipetrace.record.measure.data_flow import flow
from pipetrace.record.measure.model_pass import ModelPass, extent
from pipetrace.stats import Summariser
from pipetrace.trace import read
from pipetrace.trace.overhead import BUDGET

pytestmark = pytest.mark.framework


def picture_model() -> Any:
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(5, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )


def pictures(count: int) -> Any:
    return np.random.default_rng(0).normal(size=(count, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def traced() -> ModelPass:
    x = pictures(2)
    return ModelPass(Forward(picture_model(), x, [("input", 0)]), [("input", 0)], x)


@pytest.fixture
def measure(traced: ModelPass) -> ModelPass:
    """That of ``picture_model``, of which a test may change anything."""
    return copy.copy(traced)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 1100])
def test_every_figure_is_that_of_all_rows(measure: ModelPass, count: int, fast: bool) -> None:
    x = pictures(count)
    found = flow(measure, x, count, fast=fast)
    outputs = measure.passed(x).outputs
    assert (found.rows, found.total, found.histogram_rows) == (count, count, None)
    assert set(found.summaries) == {"input", "conv", "pool", "flat", "out"}
    for name, summary in found.summaries.items():
        values = outputs[name][0].astype(np.float64)
        assert summary.count == values.size
        assert summary.zeros == (values == 0).sum()
        assert (summary.min, summary.max) == (values.min(), values.max())
        assert summary.mean == pytest.approx(values.mean(), rel=1e-6, abs=1e-9)
        assert summary.std == pytest.approx(values.std(), rel=1e-6)
        assert int(summary.histogram.counts.sum()) == values.size
    channels = found.summaries["conv"].channels
    assert channels is not None
    assert [each.max for each in channels] == outputs["conv"][0].max(axis=(0, 1, 2)).tolist()


def test_beyond_a_number_of_rows_the_histogram_alone_is_of_a_sample(
    measure: ModelPass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HISTOGRAM_ROWS", 100)
    x = pictures(700)
    sampled, exact = flow(measure, x, 700), flow(measure, x, 700, exact=True)
    assert (sampled.histogram_rows, exact.histogram_rows) == (100, None)
    for name, summary in sampled.summaries.items():
        whole = exact.summaries[name]
        assert (summary.count, summary.zeros, summary.min, summary.max) == (
            whole.count,
            whole.zeros,
            whole.min,
            whole.max,
        )
        assert summary.mean == whole.mean
        assert summary.histogram.counts.sum() * 7 == whole.histogram.counts.sum()
    # Evenly spread: the first and the last row are among them.
    places = np.linspace(0, 699, 100).round().astype(int)
    wanted = Summariser(by_channel=False)
    wanted.add(x[places])
    assert np.array_equal(
        wanted.summary().histogram.counts, sampled.summaries["input"].histogram.counts
    )


def test_stages_that_share_their_values_are_counted_once(
    measure: ModelPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(600)
    # As of a flat stage with more values than channels are summarised for.
    measure.extent = replace(measure.extent, by_channel=measure.extent.by_channel - {"flat"})
    made: list[int] = []
    real = Summariser

    class Counted(real):  # type: ignore[misc, valid-type] # a class that is chosen while it runs
        def add(self, values: Any, histogram_of: Any = None) -> None:
            made.append(values.size)
            super().add(values, histogram_of)

    monkeypatch.setattr(module, "Summariser", Counted)
    found = flow(measure, x, 600)
    assert found.summaries["flat"].count == found.summaries["pool"].count
    assert sum(made) == sum(
        found.summaries[name].count for name in ("input", "conv", "pool", "out")
    )


def test_values_that_are_shared_in_some_batches_only(
    measure: ModelPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(700)
    measure.extent = replace(measure.extent, by_channel=measure.extent.by_channel - {"flat"})
    passed, batches = measure.passed, [0]

    def apart(rows: Any) -> Passed:
        found = passed(rows)
        batches[0] += 1
        if batches[0] > 1:
            return Passed({**found.outputs, "flat": (found.outputs["flat"][0] * 2,)}, found.masks)
        return found

    monkeypatch.setattr(measure, "passed", apart)
    found = flow(measure, x, 700)
    pool, flat = found.summaries["pool"], found.summaries["flat"]
    outputs = measure.forward.passed(x).outputs["pool"][0].astype(np.float64).reshape(700, -1)
    together = measure.extent.together
    wanted = np.concatenate([outputs[:together], outputs[together:] * 2])
    assert pool.mean == pytest.approx(outputs.mean(), rel=1e-6)
    assert flat.mean == pytest.approx(wanted.mean(), rel=1e-6)
    assert flat.max == wanted.max()


def test_no_batch_is_held_beyond_the_next(
    measure: ModelPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(2600)
    passed, most = measure.passed, 0
    refs: list[weakref.ref[Any]] = []

    def watched(rows: Any) -> Passed:
        nonlocal most
        gc.collect()
        most = max(most, sum(each() is not None for each in refs))
        found = passed(rows)
        refs.append(weakref.ref(found.outputs["conv"][0]))
        return found

    add = Summariser.add

    def slow(*given: Any) -> None:
        time.sleep(0.01)
        add(*given)

    monkeypatch.setattr(measure, "passed", watched)
    monkeypatch.setattr(Summariser, "add", slow)
    flow(measure, x, 2600)
    assert len(refs) == 11
    assert most <= 2


def test_rows_that_would_take_too_long_pass_evenly_spread(
    measure: ModelPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(3000)
    x[:, 0, 0, 0] = np.arange(3000)
    assert flow(measure, x, 3000, seconds=1e-9).rows == 1
    assert flow(measure, x, 3000, seconds=1e-9, exact=True).rows == 3000
    monkeypatch.setattr(module, "_rows_in", lambda *_: 256)
    found = flow(measure, x, 3000, seconds=1e-9)
    assert (found.rows, found.total, found.summaries["input"].max) == (256, 3000, 2999)


def test_progress_is_told_and_errors_are_raised(
    measure: ModelPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(600)
    told: list[tuple[int, int]] = []
    flow(measure, x, 600, lambda done, total: told.append((done, total)))
    assert told == [(256, 600), (512, 600), (600, 600)]

    def fails(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Summariser, "add", fails)
    with pytest.raises(ZeroDivisionError):
        flow(measure, x, 600)


def test_rows_that_do_not_fit_are_left_out_evenly_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HISTOGRAM_ROWS", 20)
    monkeypatch.setattr(module, "_rows_in", lambda *_: 32)
    x, y = (np.concatenate([each] * 6) for each in rows())
    for after, expected in (("brief", (32, 20, [(568, 600)])), ("all", (600, None, []))):
        recorder = pipetrace.Recorder(tmp_path / "a.trace", verbose=False, after_training=after)
        classifier().fit(x, y, verbose=0, callbacks=[recorder])
        trace = read(tmp_path / "a.trace")
        assert trace.overhead is not None
        left = [
            (each.amount, each.total)
            for each in trace.overhead.skipped
            if each.reason == BUDGET and each.what == "rows"
        ]
        assert (trace.rows, trace.histogram_rows, left) == expected


def test_the_row_itself_is_stored_of_a_model_that_is_too_large_to_be_stored_whole() -> None:
    wide = graphs.stage("image", graphs.INPUT, shape=(100, 100, 3))
    layers = [graphs.stage(f"conv_{at}", "Conv2D", "image", (50, 50, 10)) for at in range(30)]
    sizes = {"image": 30_000} | {each.name: 25_000 for each in layers}
    kept = extent([wide, *layers], sizes, {}).kept
    assert "image" in kept
    assert 1 < len(kept) < 31
