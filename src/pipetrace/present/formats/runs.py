"""A table of runs: for the terminal, as an HTML file, as CSV and as JSON."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pipetrace.explain import metrics
from pipetrace.explain.findings.finding import LEVELS, NOTE
from pipetrace.explain.formatting import counted, figure, listed, number, points
from pipetrace.explain.headline import STATUS
from pipetrace.present.blocks import GAP, Block, Paragraph
from pipetrace.present.drawings import Grid
from pipetrace.present.formats.csv import csv_text
from pipetrace.present.formats.json import encode, indented
from pipetrace.present.text import parts_that_fit, text_width, write_text_of
from pipetrace.run_table.row import UNREADABLE, RunRow
from pipetrace.run_table.settings import Value
from pipetrace.run_table.table import Group, Runs

VERSION = 1
"""The version of the JSON; it changes if a key is removed or changes its meaning."""
LONGEST_NAME = 32
MOST_CODES = 2
MOST_TABLES = 3
"""Tables below each other, of which each has the columns that fit."""
ON_A_SCREEN = 40
"""Lines of a table; of longer ones there is only the first, as the others have the same lines."""
ROOM = 2
"""Characters that stay free at the right of a table."""
ALL_COLUMNS = 1_000_000
"""A width, in characters, at which no column is left out."""


def runs_blocks(found: Runs, width: int | None = None) -> Iterator[Block]:
    """The table, what all runs have in common, groups with their spread, and unreadable files."""
    if not found:
        yield Paragraph("No runs.")
        return
    readable = [row for row in found if row.status != UNREADABLE]
    yield Paragraph(f"{counted(len(readable), 'run')}{_compared(found)}.{_common(found)}")
    yield GAP
    columns = _columns(found)
    files = columns.pop("run")
    room = max(map(len, files))
    padded = [name.ljust(room) for name in files]  # other columns are right-aligned
    columns = {"run".ljust(room): padded, **columns}
    names, rows = [*columns], [*zip(*columns.values(), strict=True)]
    tables = parts_that_fit(names, rows, (width or text_width()) - ROOM)
    most = MOST_TABLES if len(padded) <= ON_A_SCREEN else 1
    for part in tables[:most]:
        if part is not tables[0]:
            yield GAP
        cells = [tuple(row[at] for at in part) for row in rows]
        yield Grid.plain("Runs", [names[at] for at in part], cells)
    left = [names[at] for part in tables[most:] for at in part[1:]]
    if left:
        some = listed([*left[:5], *(["others"] if len(left) > 5 else [])])
        more = counted(len(left), "more column")
        yield GAP
        yield Paragraph(f"{more} with --format csv, json or html: {some}.", "note")
    if len(found) > ON_A_SCREEN:
        yield Paragraph("Fewer runs with --best or --where.", "note")
    if rules := _rules(found):
        yield GAP
        yield Grid.plain("Findings", ("finding", "severity", "runs"), rules)
    for each in found.groups():
        yield GAP
        yield Paragraph(_spread(found, each))
    broken = [row for row in found if row.status == UNREADABLE]
    for row in broken:
        yield GAP if row is broken[0] else Paragraph("")
        yield Paragraph(f"Unreadable: {row.file}. {row.problem} [{row.slug}]", "warning")


def runs_as_text(found: Runs) -> str:
    """The table as plain text."""
    return write_text_of(runs_blocks(found))


def runs_as_json(found: Runs) -> str:
    """Everything that is known of each run, and the groups."""
    made = {
        "version": VERSION,
        "metric": found.metric,
        "runs": list(found),
        "groups": [
            encode(each) | {"rows": [row.file for row in each.rows]} for each in found.groups()
        ],
    }
    return indented(made)


def runs_as_csv(found: Runs) -> str:
    """All columns, an empty cell where a run does not have it."""
    columns = found.columns()
    return csv_text(columns, zip(*columns.values(), strict=True))


def _compared(found: Runs) -> str:
    known = found.metric and len(found) > 1
    return f", compared by {metrics.title(found.metric or '')}" if known else ""


def _common(found: Runs) -> str:
    """What is the same in all runs, of what a reader asks for first."""
    readable = [row for row in found if row.status != UNREADABLE]
    rates = {row.learning_rate for row in readable}
    sizes = {row.parameters for row in readable}
    said = []
    if len(rates) == 1 and (rate := rates.pop()) is not None:
        said.append(f"learning rate {_written(rate)}")
    if len(sizes) == 1 and (size := sizes.pop()) is not None:
        said.append(counted(size, "parameter"))
    of = "All have" if len(readable) > 1 else "It has"
    return f" {of} {listed(said)}." if said else ""


def _columns(found: Runs, *, whole: bool = False) -> dict[str, list[str]]:
    """The cells of each column; a group has a line of its own before those of its runs."""
    lines = lines_of(found)
    names = _short_names([row.file for row in found], whole=whole)
    columns: dict[str, list[str]] = {
        "run": [
            counted(len(each.rows), "run")
            if isinstance(each, Group)
            else f"{'  ' * inside}{names[each.file]}"
            for each, inside in lines
        ]
    }

    def add(name: str, cell: Callable[[RunRow], str], group: Callable[[Group], str]) -> None:
        columns[name] = [
            group(each) if isinstance(each, Group) else cell(each) for each, _ in lines
        ]

    add("status", lambda row: STATUS.get(row.status, row.status).lower(), _group_status)
    add("epochs", _epochs, lambda _: "")
    if found.metric:
        add(f"best {metrics.title(found.metric)}", lambda row: _best(found, row), _mean)
    differing, readable = found.differing(), [e for e in found if e.status != UNREADABLE]
    places = {id(row): at for at, row in enumerate(readable)}
    order = ["learning_rate", "parameters", "rows"]
    order = [name for name in order if name in differing]
    order += [name for name in differing if name not in order]
    if _rules(found):
        add("findings", _codes, lambda _: "")
    for name in order:
        column = differing[name]
        add(
            name.replace("learning_rate", "learning rate"),
            lambda row, of=column: _written(of[places[id(row)]]) if id(row) in places else "",  # type: ignore[misc]
            lambda _: "",
        )
    return columns


def lines_of(found: Runs) -> list[tuple[RunRow | Group, bool]]:
    """Runs and groups in order, each group at the place of its first run."""
    of = {id(row): group for group in found.groups() for row in group.rows}
    lines: list[tuple[RunRow | Group, bool]] = []
    for row in found:
        group = of.get(id(row))
        if group is None:
            lines.append((row, False))
        elif group.rows[0] is row:
            lines += [(group, False), *((each, True) for each in group.rows)]
    return lines


def _short_names(files: Sequence[str], *, whole: bool) -> dict[str, str]:
    """The paths without the folder that all share, long ones cut in the middle."""
    folder = os.path.commonpath([str(Path(each).parent) for each in files] or ["."])
    found = {}
    for each in files:
        name = os.path.relpath(each, folder) if folder else each
        if len(name) > LONGEST_NAME and not whole:
            half = LONGEST_NAME // 2 - 1
            name = f"{name[:half]}…{name[-half - 1 :]}"
        found[each] = name
    return found


def _group_status(group: Group) -> str:
    finished = sum(row.status == "finished" for row in group.rows)
    return "finished" if finished == len(group.rows) else f"{finished} finished"


def _epochs(row: RunRow) -> str:
    planned = row.settings.get("planned_epochs", row.epochs)
    if row.status == UNREADABLE:
        return ""
    return f"{row.epochs} of {planned}" if planned != row.epochs else str(row.epochs)


def _best(found: Runs, row: RunRow) -> str:
    metric = row.metrics.get(found.metric or "")
    if metric is None or found.metric is None:
        return ""
    return metrics.written(found.metric, metric.last if metric.best is None else metric.best)


def _mean(group: Group) -> str:
    if group.spread is None or group.metric is None:
        return ""
    mean, std = group.spread.mean, group.spread.std
    written = metrics.written(group.metric, mean)
    if std is None:
        return written
    return f"{written} ± {figure(100 * std if written.endswith('%') else std, 2)}"


def _codes(row: RunRow) -> str:
    """The rules of the errors and warnings, errors first."""
    levels = {each.code: each.level for each in reversed(row.findings) if each.level != NOTE}
    codes = sorted(levels, key=lambda code: (LEVELS.index(levels[code]), code))
    more = f" +{len(codes) - MOST_CODES}" if len(codes) > MOST_CODES else ""
    return " ".join(codes[:MOST_CODES]) + more


def _rules(found: Runs) -> tuple[tuple[str, str, str], ...]:
    """Each error and warning with the number of runs that have it, errors first."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for row in found:
        seen = {each.code: each for each in reversed(row.findings) if each.level != NOTE}
        counts.update((LEVELS.index(e.level), e.code, e.name) for e in seen.values())
    order = sorted(counts.items(), key=lambda pair: (pair[0][0], -pair[1], pair[0]))
    return tuple(
        (f"{code} {name}", LEVELS[level], str(runs)) for (level, code, name), runs in order
    )


def _written(value: Value | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        plain = 1e-7 <= abs(value) < 1e7
        return np.format_float_positional(value, trim="-") if plain else f"{value:g}"
    return value


def _spread(found: Runs, group: Group) -> str:
    """A group in a sentence."""
    names = _short_names([row.file for row in found], whole=True)
    first, last = names[group.rows[0].file], names[group.rows[-1].file]
    same = "the same settings" if group.same_settings else "different settings"
    said = f"{counted(len(group.rows), 'run')} of one process with {same}, {first} to {last}"
    spread = group.spread
    if spread is None or group.metric is None:
        return f"{said}."
    low, mean, high = (
        metrics.written(group.metric, each) for each in (spread.low, spread.mean, spread.high)
    )
    std = ""
    if spread.std is not None:
        written = points if mean.endswith("%") else figure
        std = f", standard deviation {written(spread.std)}"
    of = "" if spread.count == len(group.rows) else f" of {counted(spread.count, 'run')}"
    return (
        f"{said}: mean of the best {metrics.title(group.metric)}{of} {mean}{std}, "
        f"from {low} to {high}."
    )


def table_of(found: Runs) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The names of all columns, and their cells line by line."""
    columns = _columns(found, whole=True) if found else {}
    return tuple(columns), list(zip(*columns.values(), strict=True))
