"""Writing a trace while it runs: one SQLite file, one transaction for each epoch."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from pipetrace.trace.claim import Claim, claim, this_process
from pipetrace.trace.codec import (
    encode_details,
    encode_figures,
    encode_json,
    encode_number,
    encode_tensor,
)
from pipetrace.trace.contents import Contents
from pipetrace.trace.document import Array, Ending, Epoch, Group, Prediction, Run, Stage
from pipetrace.trace.events import Event
from pipetrace.trace.live_file import Changes, LiveFile
from pipetrace.trace.measurement_table import Measurement
from pipetrace.trace.output_place import output_exists, write_error
from pipetrace.trace.overhead import Overhead
from pipetrace.trace.rows import KeptRows
from pipetrace.trace.rows.kept import halved, kept_parts, numbered
from pipetrace.trace.schema import APPLICATION_ID, SCHEMA, TABLES, Database, add_group, add_stage
from pipetrace.trace.summary import Summary
from pipetrace.trace.training import Ablation, Evaluation

EpochFacts: TypeAlias = tuple[Epoch, Mapping[str, Array], Overhead | None]
"""What is written of an epoch: its metrics, the example row's outputs, the overhead so far."""


class TraceWriter:
    """The open trace of a run; an ``OutputError`` where there cannot be one.

    The file appears under its name when it is a complete, readable trace of no epochs. From then on
    each method is one transaction, so a reader finds whole epochs, also after ``kill -9``.
    Summaries and examples of the stages may come later. ``force`` replaces a file that exists. A
    claim made before is let go of when the trace ends. The ``path`` may become ``run-2.trace``
    where somebody else writes ``run.trace``; what is written ``waits`` for ``publish`` where that
    is set.
    """

    def __init__(
        self,
        path: Path,
        run: Run,
        stages: tuple[Stage, ...],
        groups: tuple[Group, ...] = (),
        *,
        force: bool = False,
        claimed: Claim | None = None,
    ) -> None:
        # waits: whether what is written waits for ``publish``
        # path: where it goes indeed: ``run-2.trace`` where somebody else writes ``run.trace``
        self.path, self.waits = path, False
        self._contents = Contents()
        with self._explained():
            self._claim = claimed or claim(path.absolute())
        self.path = self._claim.path
        self._file = LiveFile(self.path)
        if self.path.exists() and not force:
            self._claim.release()
            raise output_exists(self.path)
        try:
            with self._explained():
                self._file.create(lambda database: _create(database, run, stages, groups))
        except BaseException:
            self._claim.release()
            raise

    def describe(self, run: Run, stages: tuple[Stage, ...], groups: tuple[Group, ...] = ()) -> None:
        """Replace what is known of the run, as when the first rows have shown the stages."""
        with self._transaction() as database:
            for table in ("spec", "weight", "stage", "group_spec", "stage_group"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 our own names
            _add_facts(database, run, stages, groups)

    def resume(self, claimed: Claim) -> bool:
        """Open the trace again and delete what was measured after the last epoch; False where
        replaced.
        """
        if claimed.path != self.path or not self._file.is_as_it_was:
            return False
        self._claim = claimed
        with self._transaction() as database:
            for table in ("ending", "cost", "prediction"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 our own names
            database.execute(
                "DELETE FROM summary WHERE part IN ('rows', 'mask', 'training', 'prediction')"
            )
            database.execute(
                "DELETE FROM tensor WHERE part = 'weight' OR part LIKE 'prediction/%'"
                " OR part LIKE 'target/%' OR part LIKE 'kept/%'"
            )
            database.execute("DELETE FROM measurement WHERE epoch IS NULL")
            self._contents.tidy(database)
            _put(database, "rows", 0)
            _put(database, "histogram_rows", None)
            _put(database, "overhead", None)
            _put(database, "writer", this_process())
        return True

    def add_epoch(
        self, epoch: Epoch, examples: Mapping[str, Array], overhead: Overhead | None = None
    ) -> None:
        """Add a finished epoch, the example row's outputs after it, and the overhead so far."""
        with self._transaction() as database:
            if overhead is not None:
                _put(database, "overhead", asdict(overhead))
            rate = None if epoch.learning_rate is None else encode_number(epoch.learning_rate)
            database.execute(
                "INSERT INTO epoch VALUES (?, ?, ?, ?)",
                (epoch.number, epoch.seconds, rate, epoch.steps),
            )
            database.executemany(
                "INSERT INTO metric VALUES (?, ?, ?)",
                [
                    (epoch.number, name, encode_number(value))
                    for name, value in epoch.metrics.items()
                ],
            )
            for name, summary in epoch.probe.items():
                self._contents.add_summary(database, "probe", name, epoch.number, summary)
            for name, summary in epoch.weights.items():
                self._contents.add_summary(database, "weight", name, epoch.number, summary)
            _put_tensors(database, "example", examples)

    def add_data_flow(
        self,
        rows: int,
        summaries: Mapping[str, Summary],
        examples: Mapping[str, Array],
        histogram_rows: int | None = None,
    ) -> None:
        """Add what all rows, in histograms maybe some, were at each stage, and the example row's
        outputs.
        """
        with self._transaction() as database:
            _put(database, "rows", rows)
            _put(database, "histogram_rows", histogram_rows)
            for name, summary in summaries.items():
                self._contents.add_summary(database, "rows", name, None, summary)
            _put_tensors(database, "example", examples)

    def add_details(
        self, part: str, summaries: Mapping[str, Summary], examples: Mapping[str, Array]
    ) -> None:
        """Add what only some stages have, by name.

        The part is ``mask``, ``training`` or ``prediction``; or ``example/1`` and so on for further
        outputs, which have no summaries.
        """
        with self._transaction() as database:
            for name, summary in summaries.items():
                self._contents.add_summary(database, part, name, None, summary)
            _put_tensors(database, part, examples)

    def add_event(self, event: Event) -> None:
        """Add something that happened."""
        with self._transaction() as database:
            _put_event(database, event)

    def add_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        """Replace what the model was evaluated on so far."""
        with self._transaction() as database:
            _put(database, "evaluations", [asdict(each) for each in evaluations])

    def add_measurements(self, measurements: Iterable[Measurement]) -> None:
        """Add further figures."""
        with self._transaction() as database:
            for each in measurements:
                figures = self._contents.add(
                    database, ("measurement", each.kind, each.name), encode_figures(each.figures)
                )
                values = (each.kind, each.name, each.epoch, figures)
                database.execute("INSERT INTO measurement VALUES (NULL, ?, ?, ?, ?)", values)

    def add_prediction(self, prediction: Prediction) -> None:
        """Add one row's way through all stages."""
        with self._transaction() as database:
            loss = None if prediction.loss is None else encode_number(prediction.loss)
            number = database.execute(
                "INSERT INTO prediction VALUES (NULL, ?, ?, ?, ?, ?)",
                (prediction.row, prediction.label, prediction.reason, loss, prediction.validation),
            ).lastrowid
            _put_tensors(database, f"prediction/{number}", prediction.outputs)
            _put_tensors(database, f"target/{number}", numbered(prediction.targets))

    def add_weights(self, weights: Mapping[str, Array]) -> None:
        """Add the weights as they are after training."""
        with self._transaction() as database:
            _put_tensors(database, "weight", weights)

    def add_weights_after(
        self, epoch: int, weights: Mapping[str, Array], forgotten: Iterable[int] = ()
    ) -> None:
        """Add the weights as an epoch, 0 for before training, left them, large ones in 16 bits.

        The weights of the ``forgotten`` epochs are deleted.
        """
        with self._transaction() as database:
            for each in forgotten:
                database.execute("DELETE FROM tensor WHERE part = ?", (f"weight/{each}",))
            halves = {name: halved(values) for name, values in weights.items()}
            _put_tensors(database, f"weight/{epoch}", halves)

    def add_kept_rows(self, rows: KeptRows) -> None:
        """Add rows to compute the model for."""
        with self._transaction() as database:
            for part, tensors in kept_parts(rows):
                _put_tensors(database, part, tensors)

    def end(
        self, ending: Ending, cost: Mapping[str, float], overhead: Overhead | None = None
    ) -> None:
        """Say how the run ended and what recording cost but for this last writing, and close the
        file.
        """
        with self._transaction() as database:
            _put(database, "overhead", None if overhead is None else asdict(overhead))
            database.executemany("INSERT OR REPLACE INTO cost VALUES (?, ?)", list(cost.items()))
            _put_ending(database, ending)
        self.publish()
        self.close()

    def amend(self, evaluations: Sequence[Evaluation]) -> None:
        """Add evaluations after the end, unless somebody moved, changed or replaced the file."""
        with self._explained():
            claimed = claim(self.path)
        try:
            if claimed.path == self.path and self._file.is_as_it_was:
                self.add_evaluations(evaluations)
                self.publish()
        finally:
            self._file.drop_hidden()
            claimed.release()

    def give_up(self, ending: Ending, event: Event) -> None:
        """Say how the run ended, and that recording failed, when something could not be written."""
        with self._explained(), self._file.in_place() as database:
            _put_event(database, event)
            _put_ending(database, ending)

    def publish(self) -> None:
        """Let readers see what was written."""
        with self._whole(), self._explained():
            self._file.publish()

    def close(self) -> None:
        """Let go of the file, without an ending where none was written."""
        self._file.drop_hidden()
        self._claim.release()

    @contextmanager
    def _transaction(self) -> Iterator[Changes]:
        with self._whole(), self._explained():
            yield self._file.open()
        if not self.waits:
            self.publish()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What fails within leaves nothing behind."""
        try:
            yield
        except BaseException:
            self._contents.forget()  # what is taken back can be referred to no more
            self._file.drop_hidden()
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise write_error(self.path, error) from error


def store_ablations(path: Path, ablations: Iterable[Ablation]) -> None:
    """Write ablations into a trace that has ended, in place of those that it has, at once."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            _put(database, "ablations", [asdict(each) for each in ablations])
    except (sqlite3.Error, OSError) as error:
        raise write_error(path, error) from error


def _create(
    database: sqlite3.Connection,
    run: Run,
    stages: tuple[Stage, ...],
    groups: tuple[Group, ...],
) -> None:
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {SCHEMA}")
    database.executescript(f"BEGIN;{TABLES}")
    _put(database, "rows", 0)
    _put(database, "writer", this_process())
    _add_facts(database, run, stages, groups)
    database.execute("COMMIT")


def _add_facts(
    database: Database, run: Run, stages: tuple[Stage, ...], groups: tuple[Group, ...]
) -> None:
    for key, value in asdict(run).items():
        _put(database, key, value)
    for position, stage in enumerate(stages):
        add_stage(database, position, stage)
    for position, group in enumerate(groups):
        add_group(database, position, group)


def _put(database: Database, key: str, value: object) -> None:
    database.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, encode_json(value)))


def _put_event(database: Database, event: Event) -> None:
    values = (event.kind, event.epoch, event.step, event.stage, encode_details(event))
    database.execute("INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?)", values)


def _put_ending(database: Database, ending: Ending) -> None:
    row = (ending.kind, ending.error, ending.stage, ending.epoch, ending.step, ending.rule)
    database.execute("DELETE FROM ending")
    database.execute("INSERT INTO ending VALUES (?, ?, ?, ?, ?, ?)", row)


def _put_tensors(database: Changes, part: str, tensors: Mapping[str, Array]) -> None:
    rows = [(part, name, *encode_tensor(values)) for name, values in tensors.items()]
    database.executemany("INSERT OR REPLACE INTO tensor VALUES (?, ?, ?, ?, ?)", rows)
