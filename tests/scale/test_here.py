"""Files measured one by one in this process, against all of their rows in one array."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scale.conftest import SIZES, Files

from pipetrace.present.progress import Silent
from pipetrace.record.measure.after_training import SAMPLED_ROWS
from pipetrace.record.pipeline import record_saved
from pipetrace.scale import measuring
from pipetrace.scale.engines import fold
from pipetrace.scale.partitions import Partition, find
from pipetrace.scale.record import record_partitions
from pipetrace.trace import Trace, read
from pipetrace.trace.measurements import TRAINING, ClassOutcome, DatasetCheck, Outcome
from pipetrace.trace.overhead import SPREAD

pytestmark = pytest.mark.framework
pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def both(
    files: Files, tmp_path_factory: pytest.TempPathFactory, silent: Silent
) -> tuple[Trace, Trace]:
    """The trace of the files, and that of one array."""
    folder = tmp_path_factory.mktemp("both")
    parts = record_partitions(
        files.model, find(files.pattern), None, folder / "parts.trace", silent
    )
    whole = record_saved(files.model, files.x, files.y, folder / "whole.trace", silent, exact=True)
    return read(parts), read(whole)


def test_the_figures_are_those_of_all_rows(both: tuple[Trace, Trace]) -> None:
    ours, theirs = both
    assert (ours.rows, ours.histogram_rows) == (sum(SIZES), None)
    assert [each.name for each in ours.stages] == [each.name for each in theirs.stages]
    for mine, yours in zip(ours.stages, theirs.stages, strict=True):
        summary, other = mine.summary, yours.summary
        assert summary is not None
        assert other is not None
        channels = zip(summary.channels or (), other.channels or (), strict=True)
        for one, two in ((summary, other), *channels):
            assert (one.count, one.zeros, one.nan) == (two.count, two.zeros, two.nan)
            assert [one.min, one.max, one.mean, one.std] == pytest.approx(
                [two.min, two.max, two.mean, two.std], rel=1e-5, abs=1e-6
            )
            assert one.histogram.counts.sum() == one.count
    source = [each.stages["input"].summary.histogram for each in both]  # type: ignore[union-attr]
    assert source[0].keys.tolist() == source[1].keys.tolist()
    assert source[0].counts.tolist() == source[1].counts.tolist()


def test_the_outcomes_are_those_of_all_rows(both: tuple[Trace, Trace]) -> None:
    ours, theirs = (each.measurements.of(Outcome, TRAINING) for each in both)
    assert ours.rows == sum(SIZES)
    for each in fields(Outcome):
        one, two = getattr(ours, each.name), getattr(theirs, each.name)
        assert one == (two if two is None else pytest.approx(two, rel=1e-5)), each.name
    for label in range(3):
        name = f"{TRAINING}/{label}"
        first, second = (each.measurements.of(ClassOutcome, name) for each in both)
        assert first.rows
        assert (first.rows, first.predicted) == (second.rows, second.predicted)
        assert first.correct == second.correct


def test_single_rows_are_those_of_their_numbers(both: tuple[Trace, Trace], files: Files) -> None:
    ours = both[0]
    assert ours.kept_rows is not None
    assert len(set(ours.kept_rows.numbers.tolist())) == len(ours.kept_rows.numbers) > 100
    assert np.array_equal(ours.kept_rows.inputs["input"], files.x[ours.kept_rows.numbers])
    assert np.array_equal(ours.kept_rows.targets[0], files.y[ours.kept_rows.numbers])
    assert len(ours.predictions) > 1
    for each in ours.predictions:
        assert np.array_equal(each.outputs["input"], files.x[each.row])
    example = ours.stages["input"].example
    assert example is not None
    assert np.array_equal(example, files.x[0])


def test_what_needs_all_rows_at_once_is_not_recorded(both: tuple[Trace, Trace]) -> None:
    ours = both[0]
    assert not ours.measurements.names(DatasetCheck)
    assert ours.overhead is not None
    assert [each.what for each in ours.overhead.skipped if each.reason == SPREAD] == [
        "dataset checks"
    ]
    data, target = ours.run.data, ours.run.data.targets[0]
    assert (data.available, data.partitions, data.complete) == (sum(SIZES), len(SIZES), True)
    assert (target.whole, target.min, target.max, target.distinct) == (True, 0, 2, 3)


@pytest.mark.parametrize(("rows", "total"), [(1, 1), (5000, 1), (700, 3), (700, 12), (2, 9000)])
def test_the_sample_is_spread_over_the_partitions(rows: int, total: int) -> None:
    every = [
        measuring.sampled_places(Partition(number, total, "", ("",)), rows, rows * 4)
        for number in range(total)
    ]
    wanted = min(SAMPLED_ROWS, rows * total)
    assert wanted - total <= sum(map(len, every)) <= wanted
    assert len(every[0])
    for each in every:
        assert len(set(each.tolist())) == len(each)
        assert all(0 <= place < rows for place in each)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 64, 65, 600])
def test_neighbours_are_merged_in_order_and_few_are_held(count: int) -> None:
    held, most = 0, 0

    def items() -> Any:
        nonlocal held, most
        for number in range(count):
            held += 1
            most = max(most, held)
            yield (number,)

    def combine(group: list[tuple[int, ...]], level: int) -> tuple[int, ...]:
        nonlocal held
        held -= len(group) - 1
        assert 2 <= len(group) <= measuring.FAN_IN + 1
        return tuple(number for each in group for number in each)

    assert fold(items(), combine) == tuple(range(count))
    assert (held, most <= 1 + 4 * measuring.FAN_IN) == (1, True)


def test_columns_that_differ_are_told(files: Files, tmp_path: Path, silent: Silent) -> None:
    from pipetrace.errors import (
        ColumnsError,
        CountMismatchError,
        DataNotFoundError,
        ModelInputError,
    )

    def refused(kind: type[Exception], *arrays: dict[str, Any]) -> None:
        folder = tmp_path / kind.__name__
        folder.mkdir()
        for number, each in enumerate(arrays):
            np.savez(folder / f"{number}.npz", **each)
        with pytest.raises(kind):
            record_partitions(files.model, find(str(folder)), None, folder / "no.trace", silent)
        assert not (folder / "no.trace").exists()

    x, y = files.x[:4], files.y[:4]
    refused(ColumnsError, {"x": x, "y": y}, {"x": x, "y": y.astype(np.int32)})
    refused(CountMismatchError, {"x": x, "y": y[:3]})
    refused(DataNotFoundError, {"x": x[:0], "y": y[:0]})
    refused(ModelInputError, {"x": np.array(["a"] * 36).reshape(6, 6), "y": np.zeros(6)})
