"""Several runs as one table: chosen, sorted, grouped by process, with the settings that differ."""

import math
import os
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsIndex, overload

from pipetrace.errors import RunsError
from pipetrace.explain import metrics
from pipetrace.run_table.index import Progress, found_files, read_runs
from pipetrace.run_table.row import UNREADABLE, RunRow, values
from pipetrace.run_table.settings import Value
from pipetrace.run_table.where import Condition, unknown
from pipetrace.trace.records import ShownTable
from pipetrace.trace.training.frames import Tabular

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Spread:
    """What a metric is over several runs; ``std`` is that of a sample, None of a single run."""

    count: int
    mean: float
    std: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """The runs of one process: folds of a cross-validation, trials of a tuner, an ensemble."""

    rows: tuple[RunRow, ...]  # of the runs, in their order
    metric: str | None  # that the table compares by
    spread: Spread | None  # of its best values; None where no run has it
    # whether they were made with the same settings, the rows and the seed left aside, as the folds
    # of a cross-validation are
    same_settings: bool


class Runs(Tabular, ShownTable, tuple[RunRow, ...]):
    """The runs of a folder, in order; each a ``RunRow``.

    ``runs.metric`` is the metric that they are compared by: the one that most of them are judged
    by, unless another was asked for.
    """

    metric: str | None = None

    @classmethod
    def of(cls, rows: Iterable[RunRow], metric: str | None = None) -> "Runs":
        """Runs that are compared by a metric.

        Raises:
            RunsError: no run has it.
        """
        made = cls(rows)
        if metric is None:
            counts = Counter(each.score for each in made if each.score)
            metric = counts.most_common(1)[0][0] if counts else None
        elif not any(metric in each.metrics for each in made) and any(e.metrics for e in made):
            known = {name for each in made for name in each.metrics}
            raise unknown(metric, known, f"--metric {metric}")
        made.metric = metric
        return made

    def __repr__(self) -> str:
        return f"Runs({len(self)})"

    @overload
    def __getitem__(self, place: SupportsIndex) -> RunRow: ...
    @overload
    def __getitem__(self, place: slice) -> "Runs": ...
    def __getitem__(self, place: SupportsIndex | slice) -> "RunRow | Runs":
        """One run, or several."""
        found = super().__getitem__(place)
        return found if isinstance(found, RunRow) else self._others(found)

    def _others(self, rows: Iterable[RunRow]) -> "Runs":
        made = Runs(rows)
        made.metric = self.metric
        return made

    def where(self, condition: str) -> "Runs":
        """The runs of which a condition is true, such as ``learning_rate < 0.01``.

        Raises:
            RunsError: it cannot be parsed, or names what no run has.
        """
        parsed, known = Condition(condition), [values(each) for each in self]
        parsed.check_names(known)
        kept = zip(self, known, strict=True)
        return self._others(row for row, each in kept if parsed.holds(each))

    def sorted(self, by: str) -> "Runs":
        """The runs in the order of a column, ``-`` before its name for the highest first.

        Runs without it, or with NaN, come last.

        Raises:
            RunsError: no run has it.
        """
        name, known = by.removeprefix("-"), [values(each) for each in self]
        if known and not any(name in each for each in known):
            raise unknown(name, {each for one in known for each in one}, f"--sort {by}")
        pairs = [(each.get(name), row) for row, each in zip(self, known, strict=True)]
        there = [(value, row) for value, row in pairs if value is not None and not _is_nan(value)]
        there.sort(key=lambda pair: _order(pair[0]), reverse=by.startswith("-"))
        sorted_ones = {id(row) for _, row in there}
        rest = [row for row in self if id(row) not in sorted_ones]
        return self._others([*(row for _, row in there), *rest])

    def best(self, count: int = 1) -> "Runs":
        """The runs with the best values of ``metric``, best first; those without it are left out.

        Raises:
            RunsError: it is not known which way the metric is better.
        """
        way = metrics.direction(self.metric) if self.metric else None
        if way is None and any(each.metrics for each in self):
            raise RunsError(
                f"It is not known whether a high or a low {self.metric or 'metric'} is better.",
                where="--best",
                hint="Name a metric with --metric, or use --sort.",
            )
        return self._others(self.ranked()[:count])

    def ranked(self) -> list[RunRow]:
        """The runs that have a best value of ``metric``, best first."""
        having = [(value, row) for row in self if (value := self.score(row)) is not None]
        rises = metrics.direction(self.metric or "") == metrics.RISES
        return [row for _, row in sorted(having, key=lambda pair: pair[0], reverse=rises)]

    def score(self, row: RunRow) -> float | None:
        """The best value of ``metric`` that a run reached; None where there is none."""
        found = row.metrics.get(self.metric or "")
        return found.best if found else None

    def differing(self) -> dict[str, tuple[Value | None, ...]]:
        """The settings that are not the same in all runs, by name; None where a run has none.

        An argument that only some optimizers or layers have, such as ``optimizer.momentum``, is
        compared among the runs that have it.
        """
        found = [{**each.settings, **_more(each)} for each in self if each.status != UNREADABLE]
        names = dict.fromkeys(name for each in found for name in each)
        columns = {name: tuple(each.get(name) for each in found) for name in names}
        differ = {name: column for name, column in columns.items() if len(set(column)) > 1}
        return {
            name: column
            for name, column in differ.items()
            if name.rpartition(".")[0] not in differ or len({*column} - {None}) > 1
        }

    def groups(self) -> tuple[Group, ...]:
        """The runs that share a process with others: those with the same settings for themselves,
        the others of each process together."""
        alike: dict[tuple[str, Hashable], list[RunRow]] = {}
        others: dict[str, list[RunRow]] = {}
        for row in self:
            if row.process:
                alike.setdefault((row.process, _of_model(row)), []).append(row)
        for (process, _), rows in alike.items():
            if len(rows) == 1:
                others.setdefault(process, []).extend(rows)
        members = [*alike.values(), *others.values()]
        return tuple(self._group(rows) for rows in members if len(rows) > 1)

    def _group(self, rows: Sequence[RunRow]) -> Group:
        found = [value for row in rows if (value := self.score(row)) is not None]
        spread = None
        if found:
            mean = math.fsum(found) / len(found)
            squares = math.fsum((value - mean) ** 2 for value in found)
            std = math.sqrt(squares / (len(found) - 1)) if len(found) > 1 else None
            spread = Spread(len(found), mean, std, min(found), max(found))
        same = len({_of_model(row) for row in rows}) == 1
        return Group(tuple(rows), self.metric, spread, same)

    def columns(self) -> dict[str, list[Value | None]]:
        """All that is known, by name: a list each, with None where a run does not have it."""
        numbers = {id(row): at for at, one in enumerate(self.groups(), 1) for row in one.rows}
        known = [values(row) for row in self]
        names = dict.fromkeys(("run", "status"))
        names |= dict.fromkeys(("created", "title", "epochs", "learning_rate", "parameters"))
        names |= dict.fromkeys(sorted({name for each in known for name in each} - names.keys()))
        made = {name: [each.get(name) for each in known] for name in names}
        return {"run": made.pop("run"), "group": [numbers.get(id(row)) for row in self], **made}


def runs(
    folder: Place | Sequence[Place] = ".",
    *,
    where: str | None = None,
    sort: str | None = None,
    metric: str | None = None,
    cached: bool = True,
) -> Runs:
    """List the traces of a folder and of the folders in it, the oldest first.

    What is read of a trace is kept in the user's cache and read again when the file changes.

    Args:
        folder: a folder, a trace, a pattern such as ``runs/*.trace``, or several of them.
        where: a condition, such as ``learning_rate < 0.01 and val_accuracy > 0.9``.
        sort: the name of a column, ``-`` before it for the highest first.
        metric: that the runs are compared by; the one that most are judged by when left out.
        cached: whether to use and to keep what was read of each trace.

    Raises:
        TraceNotFoundError: there is no such folder or file.
        RunsError: a condition cannot be parsed, or a name is that of nothing that a run has.
    """
    places = [folder] if isinstance(folder, (str, os.PathLike)) else folder
    return listed(places, where=where, sort=sort, metric=metric, cached=cached)


def listed(
    places: Sequence[Place],
    *,
    where: str | None = None,
    sort: str | None = None,
    metric: str | None = None,
    cached: bool = True,
    progress: Progress | None = None,
) -> Runs:
    """The same for several places, with progress."""
    rows = read_runs(found_files(places), progress, cached=cached)
    rows.sort(key=lambda row: (row.created, row.file))
    found = Runs.of(rows, metric)
    if where:
        found = found.where(where)
    return found.sorted(sort) if sort else found


def _order(value: Value) -> tuple[bool, float, str]:
    """Numbers before texts."""
    is_text = isinstance(value, str)
    return is_text, 0.0 if is_text else float(value), str(value) if is_text else ""


def _is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _more(row: RunRow) -> Mapping[str, Value]:
    """What differs between runs beside settings."""
    found = {"parameters": row.parameters, "learning_rate": row.learning_rate, "rows": row.rows}
    return {name: value for name, value in found.items() if value is not None}


def _of_model(row: RunRow) -> Hashable:
    """The settings but those that say which rows and which random numbers."""
    return frozenset(
        (name, value)
        for name, value in row.settings.items()
        if name not in ("data", "validation_rows", "seed") and not name.endswith(".seed")
    )
