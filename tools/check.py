"""Run the checks one after another, all of them whatever fails, and say at the end which failed.

``python tools/check.py lint`` runs ruff, mypy and tsc. ``test`` runs the tests as well, but for those marked as
slow; ``test-all`` runs these too. ``accept`` runs the tests alone and takes what they make as the new snapshots;
``accept-facts`` takes the numbers, kinds and codes of the golden traces, which no other command does. What follows is
handed to pytest.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
# One file's tests share what they trained; tests/conftest.py says which files come first.
WORKERS = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
SLOWEST = ["--durations", "20"]


class Check(NamedTuple):
    """One command, under the name that its heading bears."""

    name: str
    command: list[str]


class Result(NamedTuple):
    """How one check ended."""

    name: str
    passed: bool
    seconds: float


NODE_PACKAGES = Check("node packages", [PYTHON, "tools/node.py", "install"])
BROWSER = Check("browser", [PYTHON, "tests/browser/chromium.py"])
LINT = [
    Check("ruff check", [PYTHON, "-m", "ruff", "check"]),
    Check("ruff format", [PYTHON, "-m", "ruff", "format", "--check"]),
    Check("mypy", [PYTHON, "-m", "mypy"]),
    NODE_PACKAGES,
    Check("tsc", [PYTHON, "tools/node.py", "tsc"]),
]


def plan(what: str, arguments: list[str]) -> list[Check]:
    """Return the checks that `what` names."""
    pytest = [PYTHON, "-m", "pytest"]
    if what == "lint":
        return LINT
    if what in ("test", "test-all"):
        chosen = ["-m", "not slow"] if what == "test" else []
        return [*LINT, BROWSER, Check("pytest", [*pytest, *WORKERS, *SLOWEST, *chosen, *arguments])]
    if what == "accept":
        return [NODE_PACKAGES, BROWSER, Check("pytest", [*pytest, "--snapshot-update", *arguments])]
    if what == "accept-facts":
        return [
            Check(
                "pytest",
                [*pytest, "tests/golden", "--accept-facts", "--snapshot-update", *arguments],
            )
        ]
    sys.exit(
        "Usage: python tools/check.py lint | test | test-all | accept | accept-facts [pytest's arguments]"
    )


def run(check: Check) -> Result:
    """Run one check under its heading."""
    print(f"\n== {check.name}", flush=True)
    start = time.monotonic()
    code = subprocess.run(check.command, cwd=ROOT, check=False).returncode
    return Result(check.name, code == 0, time.monotonic() - start)


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; 1 if anything failed."""
    try:
        results = [run(check) for check in plan(arguments[0] if arguments else "", arguments[1:])]
    except KeyboardInterrupt:
        return 130
    print("\n== summary")
    for result in results:
        print(f"{'passed' if result.passed else 'FAILED'}  {result.name} ({result.seconds:.1f} s)")
    failed = [result.name for result in results if not result.passed]
    print(f"Failed: {', '.join(failed)}." if failed else "All passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
