"""What pipetrace promises of traces, trainings and files, tried and counted.

    python -m benchmarks.reliability [--quick] [--section NAME] [--output docs/reliability.md]

Each section is a module with ``TITLE`` and ``run(quick, progress)``, which gives a ``Table``.
"""

import argparse
import importlib
import os
import platform
import sqlite3
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SECTIONS = ("harm", "traces", "forged_files", "large", "times")
OTHERS = """\
## What others promise

- **SQLite**: a transaction is atomic also when the program or the system fails in the middle of it, as long as the journal
  stays beside the file. A copy of a file that is being written is whole when its writers are locked out meanwhile, or when it
  is made with the [backup API](https://www.sqlite.org/backup.html). So a trace is changed under another name.
- **TensorBoard**: a
  [writer](https://www.tensorflow.org/api_docs/python/tf/summary/create_file_writer) keeps 10 summaries, and at most two
  minutes, before they are in the event file. Each writer has a file of its own.
- **coverage.py**: measures are
  [written when the process exits](https://coverage.readthedocs.io/en/latest/subprocess.html); a process that is killed
  leaves none, and one that gets SIGTERM does so where `sigterm` is set.
"""


def main() -> None:
    """Run sections, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the tries")
    parser.add_argument(
        "--section",
        choices=SECTIONS,
        action="append",
        help="only this one; the others stay as they are in the page",
    )
    parser.add_argument("--output", type=Path, help="write the page into this file")
    arguments = parser.parse_args()
    before = (
        arguments.output.read_text(encoding="utf-8")
        if arguments.section and arguments.output and arguments.output.exists()
        else ""
    )
    parts = [_head(arguments.quick)]
    for name in SECTIONS:
        section = importlib.import_module(f"benchmarks.reliability.{name}")
        chosen = name in (arguments.section or SECTIONS)
        parts.append(_tried(section, arguments.quick) if chosen else _kept(section, before))
    page = "\n".join([*(part for part in parts if part), OTHERS])
    if arguments.output:
        arguments.output.write_text(page, encoding="utf-8")
    else:
        print(page)


def _tried(section: Any, quick: bool) -> str:
    """A section, tried now."""
    began, load = time.monotonic(), os.getloadavg()[0]
    table = section.run(quick, lambda text: print(text, file=sys.stderr, flush=True))
    took = f"It took {time.monotonic() - began:.0f} s, from a load of {load:.1f} on."
    return f"## {section.TITLE}\n\n{table.markdown()}\n\n{took}\n"


def _kept(section: Any, page: str) -> str:
    """A section as it is in the page; empty where it is not there."""
    parts = page.split("\n## ")
    return next((f"## {part.rstrip()}\n" for part in parts if part.startswith(section.TITLE)), "")


def _head(quick: bool) -> str:
    command = f"python -m benchmarks.reliability{' --quick' if quick else ''}"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    found = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    for package in ("keras", "tensorflow"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return (
        "# Reliability\n\nThese figures come from one command:\n\n"
        f"    {command} --output docs/reliability.md\n\n"
        f"{machine}, {', '.join(found)}.\n"
    )


if __name__ == "__main__":
    main()
