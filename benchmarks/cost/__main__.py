"""What recording costs: wall time of ``fit`` until it returns, with and without the recorder.

    python -m benchmarks.cost [--rounds 3] [--only digits,mlp] [--quick] [--markdown FILE]

Plain and recorded runs take turns, each in a process of its own; a ratio is that of one pair, so that a machine which
slows down slows both. Everything takes about ten minutes on two cores at rest; --quick takes one, and shows only that
it works.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.cost.table import NAMES, Row, measured

HEADINGS = ("training", "plain", "recorded", "ratio", "added", "allowed", "kept")


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table as text."""
    return (
        row.title,
        f"{row.plain:.2f} s",
        f"{row.recorded:.2f} s",
        f"{row.ratio:.3f} ({row.spread[0]:.3f} to {row.spread[1]:.3f})",
        f"{row.added:+.2f} s ({row.added_spread[0]:+.2f} to {row.added_spread[1]:+.2f})",
        f"{row.promised:.2f} s",
        "yes" if row.kept else "**no**",
    )


def markdown(rows: list[Row]) -> str:
    """The table for a document."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="pairs of each training (3)")
    parser.add_argument("--only", default=",".join(NAMES), help="names of trainings (all)")
    parser.add_argument("--quick", action="store_true", help="one pair of short trainings each")
    parser.add_argument("--markdown", type=Path, help="write the table into this file, too")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"--only: there is no {unknown[0]}; there are {', '.join(NAMES)}")
    rows = measured(
        arguments.rounds,
        names=names,
        quick=arguments.quick,
        told=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(markdown(rows), end="")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
