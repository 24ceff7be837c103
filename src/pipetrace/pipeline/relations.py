"""What a step did to the rows, measured on the rows that it received and gave: never told from its name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.pipeline.forms import arrays_of, rows_of
from pipetrace.pipeline.results import Batches, Digests, Parts, Result, Rows, digests, joined
from pipetrace.pipeline.values import UNCHANGED, WINDOWS, Facts, value_facts

REORDERED, SELECTED, REPEATED, SPLIT, BATCHES, TARGETS = (
    "reordered",
    "selected",
    "repeated",
    "split",
    "batches",
    "targets",
)
WHICH_ROWS = frozenset({REORDERED, SELECTED, REPEATED})
"""What says that other rows went on, or in another order, with none of them changed."""
MOST_SIZES = 100
"""Sizes of batches that are listed."""

Origin = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """What was found out about a step.

    Attributes:
        facts: as plain JSON, each with its ``kind`` and the arrays that it speaks ``of``.
        origin: for each row that goes on, the row that it was before the step, or the first one of its window; None
            where that is not known.
    """

    facts: tuple[Facts, ...] = ()
    origin: Origin | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of all facts."""
        return frozenset(each["kind"] for each in self.facts)


def measured(given: Rows, result: Result) -> Measured:
    """What holds between what a step received and what it returned."""
    if given.count is None:
        return Measured()
    if isinstance(result, Parts):
        return _split(given, result)
    if isinstance(result, Batches):
        return _batches(given, result)
    selected = _selection(given, result)
    if selected is not None:
        return selected
    return _values(given, result)


def _selection(given: Rows, result: Rows) -> Measured | None:
    """The same rows in another order, fewer or more often; None where something else happened."""
    if result.count is None and rows_of(result.x) is None:
        return None
    with_targets = given.y is not None or result.y is not None
    before, after = digests(given), digests(result)
    matched = _matched(before, after)
    if matched is not None and before and after:
        moved = {"targets": "moved along"} if with_targets else {}
        return _selected(given, before, after, matched, moved)
    if not with_targets:
        return None
    before, after = digests(given, targets=False), digests(result, targets=False)
    matched = _matched(before, after)
    if matched is None or before is None or after is None:
        return None
    same_targets = _same_array(given.y, result.y)
    if before.rows == after.rows:
        return None  # what changed is the targets
    return _selected(
        given, before, after, matched, {"targets": "left behind" if same_targets else "changed"}
    )


def _same_array(one: Any, other: Any) -> bool:
    before, after = digests(Rows(one)), digests(Rows(other))
    return before is not None and before == after


def _matched(before: Digests | None, after: Digests | None) -> Origin | None:
    """For each row after the step the row that it was, each one taken once as long as they last."""
    if before is None or after is None or before.signature != after.signature:
        return None
    if before.rows == after.rows:
        return np.arange(len(before.rows))
    places: dict[bytes, list[int]] = {}
    for at, row in enumerate(before.rows):
        places.setdefault(row, []).append(at)
    used: Counter[bytes] = Counter()
    found = np.empty(len(after.rows), np.int64)
    for at, row in enumerate(after.rows):
        alike = places.get(row)
        if alike is None:
            return None
        found[at] = alike[used[row] % len(alike)]
        used[row] += 1
    return found


def _selected(
    given: Rows, before: Digests, after: Digests, origin: Origin, more: Facts
) -> Measured:
    rows, left = len(before.rows), len(after.rows)
    if before.rows == after.rows:
        return Measured(({"kind": UNCHANGED, "of": "x" if given.y is None else "x and y"},), origin)
    fact: Facts = {
        "of": "x",
        "before": rows,
        "after": left,
        "distinct": len(set(origin.tolist())),
        **more,
    }
    known = before.counts
    if any(count > known[row] for row, count in after.counts.items()):
        most = max(Counter(origin.tolist()).values())
        return Measured(({"kind": REPEATED, **fact, "most": most},), origin)
    if left == rows:
        moved = sum(one != other for one, other in zip(before.rows, after.rows, strict=True))
        return Measured(({"kind": REORDERED, **fact, "moved": moved},), origin)
    in_order = bool((np.diff(origin) > 0).all())
    return Measured(({"kind": SELECTED, **fact, "in_order": in_order},), origin)


def _values(given: Rows, result: Rows) -> Measured:
    facts: list[Facts] = []
    befores, afters = arrays_of(given.x), arrays_of(result.x)
    for key in befores or {}:
        if afters is not None and befores is not None and befores.keys() == afters.keys():
            of = f"x[{key}]" if key else "x"
            facts += [{**fact, "of": of} for fact in value_facts(befores[key], afters[key])]
    framed = [fact for fact in facts if fact["kind"] == WINDOWS]
    if given.y is not None or result.y is not None:
        facts += _targets(given, result, framed[0] if framed else None)
    return Measured(tuple(facts), _origin(facts, given, result))


def _origin(facts: Sequence[Facts], given: Rows, result: Rows) -> Origin | None:
    """Windows begin at a row of before; where the facts are about each value, the rows stayed where they were."""
    mine = [fact for fact in facts if str(fact["of"]).startswith("x")]
    count = rows_of(result.x)
    if not mine or count is None:
        return None
    if mine[0]["kind"] == WINDOWS:
        return np.arange(count) * int(mine[0]["step"]) + int(mine[0]["start"])
    return np.arange(count) if rows_of(given.x) == count else None


def _targets(given: Rows, result: Rows, window: Facts | None) -> list[Facts]:
    before, after = arrays_of(given.y), arrays_of(result.y)
    if window is not None and after is not None and list(after) == [""]:
        found = _ahead(window, after[""], {"y": before} if before else {"x": arrays_of(given.x)})
        if found:
            return [found]
    if before is None or after is None or before.keys() != after.keys():
        return []
    return [
        {**fact, "of": f"y[{key}]" if key else "y"}
        for key in before
        for fact in value_facts(before[key], after[key])
        if fact["kind"] != UNCHANGED
    ]


def _ahead(window: Facts, targets: NDArray[Any], sources: dict[str, Any]) -> Facts | None:
    """How far behind the end of its window each target stands in the series, where only one distance fits."""
    found: list[Facts] = []
    step, start, count = window["step"], window["start"], len(targets)
    for name, arrays in sources.items():
        series = (arrays or {}).get("")
        if series is None or count != window["windows"]:
            continue
        columns = [(None, series)] if name == "y" or series.ndim == 1 else _columns(series)
        for column, values in columns:
            for first in range(len(values) - (count - 1) * step):
                seen = values[first::step][:count]
                if seen[0].tolist() == targets[0].tolist() and np.array_equal(seen, targets):
                    ahead = first - start - (window["length"] - 1)
                    found.append(
                        {"kind": TARGETS, "of": "y", "from": name, "column": column, "ahead": ahead}
                    )
                if len(found) > 1:
                    return None
    return found[0] if found else None


def _columns(series: NDArray[Any]) -> list[tuple[int | None, NDArray[Any]]]:
    return [(at, series[:, at]) for at in range(series.shape[1])] if series.ndim == 2 else []


def _split(given: Rows, result: Parts) -> Measured:
    parts = [part for _, part in result.parts]
    counts = [part.count for part in parts]
    fact: Facts = {"kind": SPLIT, "of": "x" if given.y is None else "x and y"}
    fact["parts"] = [
        {"name": name, "rows": count} for (name, _), count in zip(result.parts, counts, strict=True)
    ]
    fact["before"] = given.count
    if None not in counts and given.count is not None:
        fact["left_out"] = given.count - sum(count or 0 for count in counts)
    before, after = digests(given), [digests(part) for part in parts]
    if before is None or any(each is None or each.signature != before.signature for each in after):
        return Measured((fact,))
    held = [row for each in after[1:] if each for row in each.rows]
    first = after[0].rows if after[0] else ()
    known, taken = before.counts, Counter([*first, *held])
    if not taken.keys() <= known.keys():
        return Measured((fact,))
    shared = sum(max(0, count - known[row]) for row, count in taken.items())
    training = set(first)
    fact |= {
        "same_rows": True,
        "shared": shared,
        "left_out": sum(max(0, count - taken[row]) for row, count in known.items()),
        # Rows that occur twice in the data may stand on both sides of the split with nobody to blame.
        "alike": sum(row in training for row in held),
        "in_order": (*first, *held) == before.rows,
    }
    return Measured((fact,), _matched(before, after[0]))


def _batches(given: Rows, result: Batches) -> Measured:
    sizes = [each.count or 0 for each in result.batches]
    runs = [[size, len(list(run))] for size, run in groupby(sizes)]
    fact: Facts = {
        "kind": BATCHES,
        "of": "x" if given.y is None else "x and y",
        "before": given.count,
    }
    fact |= {"batches": len(sizes), "rows": sum(sizes)}
    if len(runs) <= 2 and (len(runs) == 1 or (runs[1][1] == 1 and runs[1][0] < runs[0][0])):
        fact |= {
            "size": runs[0][0],
            "full": runs[0][1],
            "rest": runs[1][0] if len(runs) == 2 else 0,
        }
    elif len(runs) <= MOST_SIZES:
        fact["sizes"] = runs
    together = joined(result.batches)
    before, after = digests(given), digests(together) if together is not None else None
    origin = _matched(before, after)
    if before is None or after is None or origin is None:
        return Measured((fact,))
    known, made = before.counts, after.counts
    again = sum(max(0, count - known[row]) for row, count in made.items())
    fact |= {
        "same_rows": True,
        "repeated": again,
        "in_order": after.rows == before.rows[: len(after.rows)],
    }
    fact["left_out"] = sum(max(0, count - made[row]) for row, count in known.items())
    return Measured((fact,), origin)
