"""The rows of the table: what was measured, what it is to be, and what no way could go below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        figure: what was measured.
        others: the same by the ways of today.
        ours: the median.
        spread: the least and the most.
        target: what it is to be.
        met: whether it is.
        bound: what no way could go below on this machine.
        above: how far above that it is.
        note: what else belongs to it.
    """

    figure: str
    others: str
    ours: str
    spread: str
    target: str
    met: bool
    bound: str
    above: str
    note: str = ""


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """The ratio of each round."""
    return [each / other for each, other in zip(ours, theirs, strict=False)]


def of_training(
    found: dict[str, Any], machine: dict[str, Any], *, seconds: float | None = None
) -> Row:
    """A training with the recorder beside one without.

    Args:
        found: what the worker measured.
        machine: its facts.
        seconds: what the recorder may add, where that is the target instead of two per cent.
    """
    ways = {name: [each["seconds"] for each in took] for name, took in found["ways"].items()}
    bare, ours = ways["bare"], ways["pipetrace"]
    told = found["ways"]["pipetrace"]
    usual = median(bare)
    # What was summarised has to be read once; what passed for it has to be computed.
    least = median(each["values"] for each in told) * 4 / machine["bandwidth"]
    least += median(each["operations"] for each in told) / machine["peak"]
    others = "; ".join(
        f"{name} {median(ratios(ways[name], bare)):.2f}"
        for name in ("all activations", "TensorBoard")
        if ways[name]
    )
    spent = median(each["spent"] for each in told)
    wait = median(each["during"] for each in told)
    after = median(each["after"] for each in told)
    note = (
        f"bare {usual:.2f} s; the recorder's own account: {spent:.2f} s, of which training waited for {wait:.2f} s; "
        f"when training was over {after:.2f} s of work, and fit returned after "
        f"{median([each['whole'] for each in told]) - median(ours):.2f} s"
    )
    if seconds is None:
        each = ratios(ours, bare)
        limit = 1.02
        return Row(
            found["title"],
            others,
            f"{median(each):.3f}",
            f"{min(each):.3f} to {max(each):.3f}",
            f"{limit}",
            median(each) <= limit,
            f"{1 + least / usual:.4f}",
            f"{(median(each) - 1) * usual - least:+.2f} s",
            note,
        )
    more = [one - other for one, other in zip(ours, bare, strict=True)]
    return Row(
        found["title"],
        others,
        f"+{median(more):.2f} s",
        f"{min(more):+.2f} to {max(more):+.2f} s",
        f"+{seconds} s",
        median(more) <= seconds,
        f"+{least:.3f} s",
        f"{median(more) - least:+.2f} s",
        note,
    )


def of_work(found: dict[str, Any]) -> Row:
    """The processor time of a training with the recorder beside one without, which a busy machine changes least."""
    ways = {name: [each["processor"] for each in took] for name, took in found["ways"].items()}
    each = ratios(ways["pipetrace"], ways["bare"])
    others = "; ".join(
        f"{name} {median(ratios(ways[name], ways['bare'])):.2f}"
        for name in ("all activations", "TensorBoard")
        if ways[name]
    )
    more = median(ways["pipetrace"]) - median(ways["bare"])
    return Row(
        f"the same, processor time ({found['title'].split(',')[0]})",
        others,
        f"{median(each):.3f}",
        f"{min(each):.3f} to {max(each):.3f}",
        "1.02",
        median(each) <= 1.02,
        "",
        f"{more:+.2f} s",
    )


def of_flow(
    found: dict[str, Any], machine: dict[str, Any], rows: int, way: str, target: float
) -> Row:
    """All rows at every stage, beside predicting them."""
    ways = found["ways"]
    plain, ours = ways["predict"], ways[way]
    each = ratios(ours, plain)
    # The model has to pass in any case; what it gives on its way has to be read once.
    quick = median(ways["predict, batches of 256"])
    least = quick + rows * found["values"] * 4 / machine["bandwidth"]
    names = ("all outputs", "all outputs, NumPy statistics")
    others = "; ".join(
        f"{name} {median(ratios(ways[name], plain)):.1f}" for name in names if ways[name]
    )
    note = (
        f"predict {median(plain):.2f} s, in batches of 256 {quick:.2f} s, beside which the ratio is "
        f"{median(ratios(ours, ways['predict, batches of 256'])):.2f}"
    )
    slow = ways.get("exact, without numba")
    if slow:
        note += f"; without numba {median(ratios(slow, plain)):.2f}"
    return Row(
        f"data flow, {rows:,} rows, {'everything exact' if way == 'exact' else 'histogram from 10,000'} / predict",
        others,
        f"{median(each):.2f}",
        f"{min(each):.2f} to {max(each):.2f}",
        f"{target}",
        median(each) <= target,
        f"{least / median(plain):.2f}",
        f"{median(ours) / least:.1f} times",
        note,
    )


def of_memory(found: dict[tuple[str, int], dict[str, Any]], values: int, together: int) -> Row:
    """The most memory beside a process that only predicts."""
    counts = sorted({rows for _, rows in found})
    over = {
        rows: max(found[way, rows]["bytes"] for way in ("exact", "sampled"))
        - found["predict", rows]["bytes"]
        for rows in counts
    }
    # One batch of all outputs is summarised while the next one passes.
    least = 2 * together * values * 4
    most = max(over.values())
    return Row(
        f"peak memory over predict, {counts[0]:,} to {counts[-1]:,} rows",
        f"all outputs of all rows: {counts[-1] * values * 4 / 1e9:,.0f} GB",
        f"{most / 1e6:.0f} MB",
        ", ".join(f"{rows:,}: {over[rows] / 1e6:.0f} MB" for rows in counts),
        "200 MB",
        most <= 200e6,
        f"{least / 1e6:.0f} MB",
        f"{most / least:.1f} times",
    )


def of_showing(found: dict[str, Any]) -> Row:
    """The whole process `pipetrace show`."""
    ways = found["ways"]
    ours, imports = ways["pipetrace show"], ways["import sqlite3, numpy, rich, click"]
    return Row(
        f"pipetrace show, {found['stages']} stages, {found['epochs']} epochs, whole process",
        f"import keras {median(ways['import keras']):.2f} s",
        f"{median(ours):.2f} s",
        f"{min(ours):.2f} to {max(ours):.2f} s",
        "0.3 s",
        median(ours) <= 0.3,
        f"{median(imports):.2f} s",
        f"{median(ours) / median(imports):.1f} times",
        f"Python alone {median(ways['python']):.3f} s; the trace has {found['bytes'] / 1e6:.1f} MB",
    )


def of_size(found: dict[str, Any], limit: float) -> Row:
    """The bytes of a trace."""
    title = found["title"].split(",")[0]
    return Row(
        f"trace file, {title}, {found['epochs']} epochs",
        "",
        f"{found['bytes'] / 1e6:.2f} MB",
        "",
        f"{limit:g} MB",
        found["bytes"] <= limit * 1e6,
        "",
        "",
    )
