"""Reading a trace, also while it is written and after its writer was killed."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from pipetrace.errors import ArgumentError, TraceError
from pipetrace.trace.checks import check_order, check_tables, record
from pipetrace.trace.claim import is_alive
from pipetrace.trace.codec import (
    decode_number,
    decode_shape,
    decode_tensor,
    from_bytes,
    from_json,
)
from pipetrace.trace.document import (
    KILLED,
    RUNNING,
    Array,
    Ending,
    Epoch,
    Group,
    ModelFacts,
    Parameters,
    Prediction,
    Run,
    Spec,
    Stage,
    Stages,
    Trace,
    Weight,
)
from pipetrace.trace.events import Event
from pipetrace.trace.lazy_summaries import DAMAGE, OF_STAGES, Contents, Summaries, damaged
from pipetrace.trace.measurement_table import Measurements
from pipetrace.trace.opening import check_header, check_identity, connect, copied
from pipetrace.trace.overhead import Overhead
from pipetrace.trace.rows.kept import check_weights, kept_rows
from pipetrace.trace.schema import SCHEMA
from pipetrace.trace.summary import Summary
from pipetrace.trace.training import Ablation


def read(path: str | os.PathLike[str]) -> Trace:
    """Read a trace.

    No code of the file runs. It holds plain values and no pickle. A file with anything but our
    tables is refused: views, triggers, virtual tables and computed columns would run expressions.
    Types, counts, sizes and order of everything are checked, so whoever gets the trace may rely on
    them. Only the summaries and figures of epochs are looked at when they are asked for, and raise
    ``DamagedTraceError`` then. Characters of texts that cannot be seen are replaced, and texts of
    more than 10,000 characters are cut.

    Args:
        path: the file; or an address that fsspec knows, such as ``s3://bucket/run.trace``, of which
            a copy is kept in the user's cache.

    Returns:
        the trace as of the last finished transaction.

    Raises:
        TraceNotFoundError: there is no such file.
        StorageError: the storage of an address does not answer, or refuses this machine.
        MissingLibraryError: a library that reads such addresses is not installed.
        NotATraceError: the file is something else.
        NewerTraceError: the file was written under a newer schema.
        DamagedTraceError: the file is a damaged trace.
    """
    place = Path(path)
    if "://" in str(path):
        from pipetrace.storage import local_copy

        place = local_copy(str(path))
    check_header(place)
    try:
        with closing(connect(place)) as database:
            # One transaction, so that a writer beside us changes nothing while we look.
            database.execute("BEGIN")
            check_identity(place, database)
            size, tables = place.stat().st_size, copied(database)
        try:
            return _Reader(tables, Contents(tables, size, place)).trace()
        finally:
            tables.set_progress_handler(None, 0)  # its time does not run for what is asked later
    except DAMAGE as error:
        raise damaged(place, error) from error


def is_running(path: Path) -> bool:
    """Whether a trace has no ending and the process that writes it lives; False where it cannot be
    read. Nothing else of it is read or checked."""
    try:
        check_header(path)
        with closing(connect(path)) as database:
            ended = database.execute("SELECT 1 FROM ending LIMIT 1").fetchone()
            return not ended and is_alive(_writer(database))
    except (TraceError, *DAMAGE):
        return False


def writer_of(path: Path) -> str:
    """A mark of the process that wrote a trace, the same for all traces of the process; empty where
    that cannot be read."""
    try:
        with closing(connect(path)) as database:
            writer = _writer(database)
        return ":".join(str(writer[key]) for key in ("host", "pid", "started"))
    except DAMAGE:
        return ""


def _writer(database: sqlite3.Connection) -> dict[str, Any]:
    query = "SELECT CAST(value AS BLOB) FROM run WHERE key = 'writer'"
    return _object(from_json(database.execute(query).fetchone()[0]))


Given: TypeAlias = Trace | str | os.PathLike[str]
"""A trace, or the path of one."""


def opened(given: Given) -> Trace:
    """A trace as it is, or read from its path; an ``ArgumentError`` for anything else."""
    if isinstance(given, Trace):
        return given
    if isinstance(given, (str, os.PathLike)):
        return read(given)
    raise ArgumentError(
        f"Expected a trace or the path of one, received {type(given).__name__}.",
        where="trace",
        hint="Give what pipetrace.read returns, or the path of a trace.",
    )


class _Reader:
    """The tables of one file, as a document."""

    def __init__(self, database: sqlite3.Connection, contents: Contents) -> None:
        self.database, self.contents = database, contents
        check_tables(database)
        # The same few names stand in thousands of rows.
        database.text_factory = lru_cache(2048)(from_bytes)
        run = database.execute("SELECT key, CAST(value AS BLOB) FROM run")
        self.facts = {key: from_json(value) for key, value in run}
        self.summaries = contents.rows(OF_STAGES)

    def trace(self) -> Trace:
        groups, stages = tuple(self._groups()), Stages(self._stages())
        model = self.facts["model"]
        run = record(Run, self.facts, model=None if model is None else record(ModelFacts, model))
        predictions = tuple(self._predictions())
        check_order(stages, groups, run.model, predictions)
        weights, after = self._tensors("weight"), self._by_epoch("weight")
        check_weights(weights, after)
        overhead = self.facts.get("overhead")
        counts = record(Counts, self.facts)
        return Trace(
            schema=SCHEMA,
            run=run,
            stages=stages,
            rows=counts.rows,
            epochs=tuple(self._epochs()),
            predictions=predictions,
            weights=weights,
            ending=self._ending(),
            cost=dict(self.database.execute("SELECT part, seconds FROM cost").fetchall()),
            groups=groups,
            events=tuple(self._events()),
            histogram_rows=counts.histogram_rows,
            overhead=None if overhead is None else record(Overhead, overhead),
            measurements=self._measurements(),
            weights_after=after,
            kept_rows=kept_rows(self._tensors, self._by_epoch("kept/output"), stages),
            ablations=counts.ablations,
        )

    def _groups(self) -> Iterator[Group]:
        rows = self.database.execute(
            "SELECT position, path, layer, trainable, frozen, own_trainable, own_frozen "
            "FROM stage_group ORDER BY position"
        )
        specs = self._specs("group_spec", "stage_group")
        for position, path, layer, *counts in rows:
            trainable, frozen, own_trainable, own_frozen = counts
            yield Group(
                path=path,
                layer=layer,
                own=Parameters(own_trainable, own_frozen),
                inputs=tuple(specs.get((position, "input"), ())),
                outputs=tuple(specs.get((position, "output"), ())),
                parameters=Parameters(trainable, frozen),
            )

    def _stages(self) -> Iterator[Stage]:
        parts = {part: self._tensors(part) for part in ("example", "mask", "training")}
        others, specs, weights = self._others(), self._specs("spec", "stage"), self._weights()
        rows = self.database.execute(
            "SELECT name, kind, layer, path, CAST(config AS BLOB), trainable, frozen, flops "
            "FROM stage ORDER BY position"
        )
        for name, kind, layer, path, config, trainable, frozen, flops in rows:
            yield Stage(
                name=name,
                kind=kind,
                layer=layer,
                path=path,
                config=_object(from_json(config)),
                inputs=tuple(specs.get((name, "input"), ())),
                outputs=tuple(specs.get((name, "output"), ())),
                parameters=Parameters(trainable, frozen),
                weights=tuple(weights.get(name, ())),
                flops=flops,
                summary=self._summary("rows", name),
                example=parts["example"].get(name),
                others=tuple(others.get(name, ())),
                mask=self._summary("mask", name),
                example_mask=parts["mask"].get(name),
                training=self._summary("training", name),
                prediction=self._summary("prediction", name),
                training_example=parts["training"].get(name),
            )

    def _others(self) -> dict[str, list[Array]]:
        """The further outputs of the example row, by stage, in order."""
        found: dict[str, list[Array]] = {}
        for tensors in self._by_epoch("example").values():
            for name, values in tensors.items():
                found.setdefault(name, []).append(values)
        return found

    def _specs(self, table: str, owner: str) -> dict[tuple[str | int, str], list[Spec]]:
        """The specs by whose they are and their role, in order."""
        rows = self.database.execute(
            f"SELECT {owner}, role, shape, dtype, source, output, name "  # noqa: S608 our own
            f"FROM {table} ORDER BY position"
        )
        found: dict[tuple[str | int, str], list[Spec]] = {}
        for of, role, shape, *rest in rows:
            found.setdefault((of, role), []).append(Spec(decode_shape(shape), *rest))
        return found

    def _weights(self) -> dict[str, list[Weight]]:
        rows = self.database.execute(
            "SELECT stage, name, shape, trainable FROM weight ORDER BY position"
        )
        found: dict[str, list[Weight]] = {}
        for stage, name, shape, trainable in rows:
            lengths = tuple(axis for axis in decode_shape(shape) if axis is not None)
            found.setdefault(stage, []).append(Weight(name, lengths, bool(trainable)))
        return found

    def _epochs(self) -> Iterator[Epoch]:
        metrics: dict[int, dict[str, float]] = {}
        for number, name, value in self.database.execute("SELECT epoch, name, value FROM metric"):
            metrics.setdefault(number, {})[name] = decode_number(value)
        rows = self.database.execute(
            "SELECT number, seconds, learning_rate, steps FROM epoch ORDER BY number"
        )
        for number, seconds, rate, steps in rows:
            yield Epoch(
                number=number,
                metrics=metrics.get(number, {}),
                seconds=seconds,
                learning_rate=None if rate is None else decode_number(rate),
                steps=steps,
                probe=Summaries("probe", number, self.contents),
                weights=Summaries("weight", number, self.contents),
            )

    def _predictions(self) -> Iterator[Prediction]:
        query = "SELECT id, row, label, reason, loss, validation FROM prediction ORDER BY id"
        for number, row, label, reason, loss, validation in self.database.execute(query).fetchall():
            yield Prediction(
                row=row,
                label=label,
                outputs=self._tensors(f"prediction/{number}"),
                reason=reason,
                loss=None if loss is None else decode_number(loss),
                targets=tuple(self._tensors(f"target/{number}").values()),
                validation=bool(validation),
            )

    def _events(self) -> Iterator[Event]:
        query = "SELECT kind, epoch, step, stage, CAST(details AS BLOB) FROM event ORDER BY id"
        for kind, epoch, step, stage, details in self.database.execute(query):
            columns = {"kind": kind, "epoch": epoch, "step": step, "stage": stage}
            yield record(Event, from_json(details), **columns)

    def _tensors(self, part: str) -> dict[str, Array]:
        rows = self.database.execute(
            "SELECT name, dtype, shape, data FROM tensor WHERE part = ? ORDER BY rowid", (part,)
        )
        return {name: decode_tensor(dtype, shape, data) for name, dtype, shape, data in rows}

    def _by_epoch(self, part: str) -> dict[int, dict[str, Array]]:
        """The tensors of the parts ``part/0``, ``part/1``, ..., by these numbers, in order."""
        query = "SELECT DISTINCT part FROM tensor WHERE part LIKE ?"
        parts = self.database.execute(query, (f"{part}/%",)).fetchall()
        ends = [each[len(part) + 1 :] for (each,) in parts]
        if not all(each.isdecimal() for each in ends):
            raise ValueError(f"a part of {part!r} without a number")
        numbers = sorted(map(int, ends))
        return {number: self._tensors(f"{part}/{number}") for number in numbers}

    def _summary(self, part: str, name: str) -> Summary | None:
        row = self.summaries.get((part, None), {}).get(name)
        return None if row is None else self.contents.summary(row, stays=True)

    def _measurements(self) -> Measurements:
        rows = self.database.execute(MEASUREMENTS).fetchall()
        return Measurements(rows, self.contents.figures)

    def _ending(self) -> Ending:
        query = "SELECT kind, error, stage, epoch, step, rule FROM ending"
        row = self.database.execute(query).fetchone()
        if row:
            return Ending(*row)
        last = self.database.execute("SELECT max(number) FROM epoch").fetchone()[0]
        writer = _object(self.facts.get("writer", {}))
        return Ending(RUNNING if is_alive(writer) else KILLED, epoch=last)


@dataclass(frozen=True)
class Counts:
    """How many rows the data flow measured, of how many its histograms are, and the ablations."""

    rows: int
    histogram_rows: int | None = None
    ablations: tuple[Ablation, ...] = ()


MEASUREMENTS = "SELECT kind, name, epoch, figures FROM measurement ORDER BY id"


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no JSON object where one is expected")  # noqa: TRY004 a damaged file
    return value
