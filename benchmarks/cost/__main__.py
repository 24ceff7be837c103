"""What recording costs: ratios taken side by side in one run, on the machine that this runs on.

    python -m benchmarks.cost [--data FOLDER] [--rounds 5] [--only training,flow,...] [--quick] [--markdown FILE] [--json FILE]

Each figure is the median of alternating repeats in one process; each process stands for itself, so that none warms
another one up. With FOLDER, MNIST's IDX files give the images; the built-in digits do otherwise. The peers come with the
extra `benchmarks` (pip install 'pipetrace[cpu,benchmarks]'). Everything takes about forty minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cost.rows import Row, of_flow, of_memory, of_showing, of_size, of_training, of_work
from rich.console import Console
from rich.table import Table

TRAININGS = ("digits", "short", "backbone", "lstm", "mlp")
PARTS = ("training", "flow", "memory", "show", "size")
ROOT = Path(__file__).resolve().parent.parent.parent


class Bench:
    """The measurements that were asked for.

    Args:
        arguments: of the command line.
        console: where it is said how far it is.
    """

    def __init__(self, arguments: argparse.Namespace, console: Console) -> None:
        self._arguments, self._console = arguments, console
        self._data = str(Path(arguments.data).resolve()) if arguments.data else None
        self.raw: dict[str, Any] = {}
        self.machine: dict[str, Any] = {}

    def rows(self) -> list[Row]:
        """Measure it all."""
        self.machine = self._run("machine")
        only = self._arguments.only.split(",") if self._arguments.only else PARTS
        works: dict[str, Callable[[], list[Row]]] = {
            "training": self._training,
            "flow": self._flow,
            "memory": self._memory,
            "show": self._show,
            "size": self._size,
        }
        return [row for part in only for row in works[part]()]

    def _training(self) -> list[Row]:
        quick, rounds = self._arguments.quick, self._arguments.rounds
        found = []
        for name in self._arguments.trainings.split(","):
            more = {
                "rounds": rounds if name != "short" else 2 * rounds,
                "peers": 0 if self._arguments.no_peers else 1 if quick else 2,
            }
            took = self._run(
                "training", name=name, data=self._data, part=0.2 if quick else 1.0, **more
            )
            found.append(of_training(took, self.machine, seconds=0.3 if name == "short" else None))
            if name != "short":
                found.append(of_work(took))
        return found

    def _flow(self) -> list[Row]:
        rounds = self._arguments.rounds
        small = self._run("flow", rows=10_000, rounds=rounds, peers=1, data=self._data)
        large_rows = 20_000 if self._arguments.quick else 100_000
        large = self._run(
            "flow", rows=large_rows, rounds=max(1, rounds // 2), peers=0, data=self._data
        )
        return [
            of_flow(small, self.machine, 10_000, "exact", 2.5),
            of_flow(large, self.machine, large_rows, "sampled", 1.6),
        ]

    def _memory(self) -> list[Row]:
        counts = (1000, 10_000) if self._arguments.quick else (1000, 10_000, 100_000, 1_000_000)
        found = {
            (way, rows): self._run("memory", way=way, rows=rows)
            for rows in counts
            for way in ("predict", "exact", "sampled")
        }
        return [of_memory(found, 33_242, 240)]

    def _show(self) -> list[Row]:
        return [of_showing(self._run("showing", rounds=4 * self._arguments.rounds))]

    def _size(self) -> list[Row]:
        quick = self._arguments.quick
        return [
            of_size(self._run("size", name="short", epochs=5, data=self._data), 2),
            of_size(self._run("size", name="backbone", epochs=5 if quick else 100, data=None), 20),
        ]

    def _run(self, work: str, /, **options: Any) -> Any:
        title = " ".join(
            [
                work,
                *(
                    f"{key}={value}"
                    for key, value in options.items()
                    if key not in ("data", "part")
                ),
            ]
        )
        began = time.perf_counter()
        with self._console.status(title):
            command = [sys.executable, "-m", "benchmarks.cost.worker", work, json.dumps(options)]
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ), check=False
            )
        if done.returncode:
            sys.exit(f"{title} failed:\n{done.stderr[-3000:]}")
        self._console.print(f"{title}: {time.perf_counter() - began:.0f} s")
        found = json.loads(done.stdout.splitlines()[-1])
        self.raw[title] = found
        return found


def table(rows: list[Row]) -> Table:
    """The rows for a terminal."""
    made = Table(title="What recording costs", show_lines=True)
    for heading in ("figure", "others", "ours", "spread", "target", "met", "bound", "above it"):
        made.add_column(heading)
    for row in rows:
        met = "yes" if row.met else "[bold red]no[/]"
        made.add_row(
            row.figure, row.others, row.ours, row.spread, row.target, met, row.bound, row.above
        )
    return made


def markdown(rows: list[Row], facts: list[str]) -> str:
    """The same for a document."""
    lines = [
        "| figure | others | ours (median) | spread | target | met | bound | above it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        met = "yes" if row.met else "**no**"
        cells = (
            row.figure,
            row.others,
            row.ours,
            row.spread,
            row.target,
            met,
            row.bound,
            row.above,
        )
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"- {row.figure}: {row.note}." for row in rows if row.note]
    return "\n".join([*facts, "", *lines, "", *notes, ""])


def _machine_facts(machine: dict[str, Any]) -> list[str]:
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; {machine['versions']}"
    reads = f"{machine['bandwidth'] / 1e9:.1f} GB/s read from memory, {machine['copying'] / 1e9:.1f} GB/s copied by one core"
    computes = f"{machine['peak'] / 1e9:.0f} GFLOP/s in a matrix product of float32"
    return [
        f"{where}; load at the start {machine['load']}.",
        f"Measured in the same run: {reads}, {computes}.",
    ]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", help="a folder of MNIST's IDX files; the built-in digits are used without it"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each pair is repeated (default: 5)"
    )
    parser.add_argument("--only", help=f"parts to measure, of {','.join(PARTS)} (default: all)")
    parser.add_argument(
        "--trainings", default=",".join(TRAININGS), help="which of them (default: all)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a look: fewer epochs and rows, which meets no target"
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="leave out the other ways, which take longest"
    )
    parser.add_argument("--markdown", help="write the table for a document into this file")
    parser.add_argument("--json", help="write all that was measured into this file")
    arguments = parser.parse_args()
    for name, given, known in (
        ("--only", arguments.only, PARTS),
        ("--trainings", arguments.trainings, TRAININGS),
    ):
        if unknown := sorted(set((given or known[0]).split(",")) - set(known)):
            parser.error(f"{name}: there is no {unknown[0]}; there are {', '.join(known)}")
    console = Console(stderr=True)
    bench = Bench(arguments, console)
    rows = bench.rows()
    facts = _machine_facts(bench.machine)
    out = Console()
    out.print(*facts, sep="\n")
    out.print(table(rows))
    for row in rows:
        if row.note:
            out.print(f"{row.figure}: {row.note}.")
    if arguments.markdown:
        Path(arguments.markdown).write_text(markdown(rows, facts), encoding="utf-8")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(bench.raw, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
