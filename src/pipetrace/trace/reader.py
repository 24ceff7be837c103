"""Reading a trace, also while it is written and after its writer was killed."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.trace.claim import is_alive
from pipetrace.trace.codec import (
    clean,
    decode_event,
    decode_figures,
    decode_number,
    decode_tensor,
    from_bytes,
    from_json,
)
from pipetrace.trace.document import (
    KILLED,
    RUNNING,
    Array,
    Data,
    Ending,
    Epoch,
    Group,
    ModelFacts,
    Parameters,
    Prediction,
    Run,
    Spec,
    Stage,
    Target,
    Trace,
    Training,
    Weight,
)
from pipetrace.trace.lazy_summaries import DAMAGE, Row, Summaries, damaged, summary_of
from pipetrace.trace.measured import Measurements
from pipetrace.trace.measurements import Figures
from pipetrace.trace.opening import check_header, check_identity, connect
from pipetrace.trace.overhead import Overhead, Skipped
from pipetrace.trace.schema import SCHEMA
from pipetrace.trace.summary import Summary


def read(path: str | os.PathLike[str]) -> Trace:
    """Read a trace.

    No code of the file runs. It holds plain values and no pickle. A file with anything but our
    tables is refused: views, triggers, virtual tables and computed columns would run expressions.
    Control characters in texts become U+FFFD, so that they cannot steer a terminal.

    Args:
        path: the file.

    Returns:
        the trace as of the last finished transaction.

    Raises:
        TraceNotFoundError: there is no such file.
        NotATraceError: the file is something else.
        NewerTraceError: the file was written under a newer schema.
        DamagedTraceError: the file is a damaged trace.
    """
    place = Path(path)
    check_header(place)
    try:
        with closing(connect(place)) as database:
            check_identity(place, database)
            return _Reader(place, database).trace()
    except DAMAGE as error:
        raise damaged(place, error) from error


def _cleaned(values: Array) -> Array:
    if values.dtype != object:
        return values
    found = np.empty(values.shape, object)
    found.reshape(-1)[:] = [clean(each) for each in values.reshape(-1).tolist()]
    found.setflags(write=False)
    return found


class _Reader:
    """The tables of one open file, as a document."""

    def __init__(self, place: Path, database: sqlite3.Connection) -> None:
        self.place, self.database = place, database
        # One transaction, so that a writer beside us does not change the file between two tables.
        database.execute("BEGIN")
        # These texts are JSON, which is cleaned when it is parsed.
        self.figures = dict(database.execute(FIGURES).fetchall())
        # The same few names stand in thousands of rows.
        database.text_factory = lru_cache(2048)(from_bytes)
        self.facts = {
            key: from_json(value) for key, value in database.execute("SELECT key, value FROM run")
        }
        self.summaries = self._summaries()

    def trace(self) -> Trace:
        return Trace(
            schema=SCHEMA,
            run=self._run(),
            stages=tuple(self._stages()),
            rows=int(self.facts["rows"]),
            epochs=tuple(self._epochs()),
            predictions=tuple(self._predictions()),
            weights=self._tensors("weight"),
            ending=self._ending(),
            cost={
                part: float(seconds)
                for part, seconds in self.database.execute("SELECT part, seconds FROM cost")
            },
            groups=tuple(self._groups()),
            events=tuple(decode_event(*row) for row in self.database.execute(EVENTS)),
            histogram_rows=_whole(self.facts.get("histogram_rows")),
            overhead=_overhead(self.facts.get("overhead")),
            measurements=self._measurements(),
        )

    def _run(self) -> Run:
        facts = self.facts
        data, training = dict(facts["data"]), dict(facts["training"])
        for key in ("class_names", "class_counts"):
            data[key] = tuple(data[key])
        data["targets"] = tuple(_record(Target, each) for each in data.get("targets", ()))
        for key in ("metrics", "callbacks"):
            training[key] = tuple(training.get(key, ()))
        plain = {
            key: facts[key]
            for key in Run.__dataclass_fields__
            if key not in ("data", "training", "model")
        }
        return Run(
            **plain, data=Data(**data), training=Training(**training), model=_model(facts["model"])
        )

    def _groups(self) -> Iterator[Group]:
        rows = self.database.execute(
            "SELECT position, path, layer, trainable, frozen, own_trainable, own_frozen "
            "FROM stage_group ORDER BY position"
        )
        for position, path, layer, *counts in rows.fetchall():
            trainable, frozen, own_trainable, own_frozen = map(int, counts)
            yield Group(
                path=path,
                layer=layer,
                own=Parameters(own_trainable, own_frozen),
                inputs=self._specs(position, "input", table="group_spec", owner="stage_group"),
                outputs=self._specs(position, "output", table="group_spec", owner="stage_group"),
                parameters=Parameters(trainable, frozen),
            )

    def _stages(self) -> Iterator[Stage]:
        parts = {part: self._tensors(part) for part in ("example", "mask", "training")}
        others = self._others()
        rows = self.database.execute(
            "SELECT name, kind, layer, path, config, trainable, frozen, flops FROM stage"
            " ORDER BY position"
        )
        for name, kind, layer, path, config, trainable, frozen, flops in rows.fetchall():
            yield Stage(
                name=name,
                kind=kind,
                layer=layer,
                path=path,
                config=from_json(config),
                inputs=self._specs(name, "input"),
                outputs=self._specs(name, "output"),
                parameters=Parameters(int(trainable), int(frozen)),
                weights=self._weights(name),
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
        parts = self.database.execute(
            "SELECT DISTINCT part FROM tensor WHERE part LIKE 'example/%'"
        ).fetchall()
        for (part,) in sorted(parts, key=lambda row: int(row[0].partition("/")[2])):
            for name, values in self._tensors(part).items():
                found.setdefault(name, []).append(values)
        return found

    def _specs(
        self, of: str | int, role: str, *, table: str = "spec", owner: str = "stage"
    ) -> tuple[Spec, ...]:
        rows = self.database.execute(
            f"SELECT shape, dtype, source, output, name FROM {table} "  # noqa: S608 our own table
            f"WHERE {owner} = ? AND role = ? ORDER BY position",
            (of, role),
        )
        return tuple(Spec(_shape(shape), *rest) for shape, *rest in rows)

    def _weights(self, stage: str) -> tuple[Weight, ...]:
        rows = self.database.execute(
            "SELECT name, shape, trainable FROM weight WHERE stage = ? ORDER BY position", (stage,)
        )
        return tuple(
            Weight(name, tuple(json.loads(shape)), bool(trainable))
            for name, shape, trainable in rows
        )

    def _epochs(self) -> Iterator[Epoch]:
        metrics: dict[int, dict[str, float]] = {}
        for number, name, value in self.database.execute("SELECT epoch, name, value FROM metric"):
            metrics.setdefault(number, {})[name] = decode_number(value)
        rows = self.database.execute(
            "SELECT number, seconds, learning_rate, steps FROM epoch ORDER BY number"
        )
        for number, seconds, rate, steps in rows.fetchall():
            yield Epoch(
                number=number,
                metrics=metrics.get(number, {}),
                seconds=float(seconds),
                learning_rate=None if rate is None else decode_number(rate),
                steps=steps,
                probe=self._of_epoch("probe", number),
                weights=self._of_epoch("weight", number),
            )

    def _predictions(self) -> Iterator[Prediction]:
        query = "SELECT id, row, label, reason, loss, held_out FROM prediction ORDER BY id"
        for number, row, label, reason, loss, held_out in self.database.execute(query).fetchall():
            yield Prediction(
                row=row,
                label=label,
                outputs=self._tensors(f"prediction/{number}"),
                reason=reason,
                loss=None if loss is None else decode_number(loss),
                targets=tuple(self._tensors(f"target/{number}").values()),
                held_out=bool(held_out),
            )

    def _tensors(self, part: str) -> dict[str, Array]:
        rows = self.database.execute(
            "SELECT name, dtype, shape, data FROM tensor WHERE part = ? ORDER BY rowid", (part,)
        )
        return {
            name: _cleaned(decode_tensor(dtype, shape, data)) for name, dtype, shape, data in rows
        }

    def _summaries(self) -> dict[tuple[str, int | None], dict[str, Row]]:
        """What the summaries are made of, by part and epoch."""
        found: dict[tuple[str, int | None], dict[str, Row]] = {}
        for row in self.database.execute(SUMMARIES):
            found.setdefault((row[0], row[2]), {})[row[1]] = row
        return found

    def _summary(self, part: str, name: str) -> Summary | None:
        row = self.summaries.get((part, None), {}).get(name)
        return None if row is None else summary_of(row)

    def _of_epoch(self, part: str, number: int) -> Summaries:
        return Summaries(self.summaries.get((part, number), {}), self.place)

    def _measurements(self) -> Measurements:
        texts = self.figures
        stored = ((*row, texts[number]) for *row, number in self.database.execute(MEASUREMENTS))
        return Measurements(stored, partial(_figures, self.place))

    def _ending(self) -> Ending:
        row = self.database.execute("SELECT kind, error, stage, epoch, step FROM ending").fetchone()
        if row:
            return Ending(*row)
        last = self.database.execute("SELECT max(number) FROM epoch").fetchone()[0]
        return Ending(RUNNING if is_alive(self.facts.get("writer", {})) else KILLED, epoch=last)


SUMMARIES = """
SELECT part, name, epoch, count, nan, positive_infinity, negative_infinity, zeros, min, max, mean,
       std, whole.data,
       coalesce(parts.data, channels)  -- a reference to nothing stays a number, which is refused
FROM summary
LEFT JOIN content AS whole ON whole.id = histogram
LEFT JOIN content AS parts ON parts.id = channels
ORDER BY summary.id
"""
FIGURES = "SELECT id, data FROM content WHERE id IN (SELECT figures FROM measurement)"
MEASUREMENTS = "SELECT kind, name, epoch, figures FROM measurement ORDER BY id"
EVENTS = "SELECT kind, epoch, step, stage, details FROM event ORDER BY id"


def _model(facts: Any) -> ModelFacts | None:
    if facts is None:
        return None
    outputs = tuple(_record(Spec, each) for each in facts["outputs"])
    return ModelFacts(
        **{**facts, "parameters": Parameters(**facts["parameters"]), "outputs": outputs}
    )


def _figures(place: Path, kind: type[Figures], text: str) -> Figures:
    """Figures that are decoded when they are asked for, maybe after the file is gone."""
    try:
        return decode_figures(kind, text)
    except DAMAGE as error:
        raise damaged(place, error) from error


def _overhead(facts: Any) -> Overhead | None:
    if facts is None:
        return None
    return Overhead(**{**facts, "skipped": tuple(Skipped(**each) for each in facts["skipped"])})


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _record(kind: Any, facts: Any) -> Any:
    return kind(**{**facts, "shape": tuple(facts["shape"])})


def _shape(text: str) -> tuple[int | None, ...]:
    return tuple(None if axis is None else int(axis) for axis in json.loads(text))
