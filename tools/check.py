"""Run the checks, all of them whatever fails, and say at the end which failed.

One runs after another; mypy, which uses one processor only, runs beside them and is shown last.

``python tools/check.py lint`` runs ruff, mypy and tsc. ``test`` runs the tests as well, but for those marked as
slow; ``test-all`` runs these too. ``accept`` runs the tests alone and takes what they make as the new snapshots;
``accept-facts`` takes the numbers, kinds and codes of the golden traces, which no other command does. What follows is
handed to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
# One file's tests share what they trained; tests/conftest.py says which files come first.
# Two workers for each processor: browser tests and those of whole programs wait for most of their time.
WORKERS = [
    "-n",
    str(min(6, 2 * (os.cpu_count() or 1))),
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
]
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
    said: str


NODE_PACKAGES = Check("node packages", [PYTHON, "tools/node.py", "install"])
BROWSER = Check("browser", [PYTHON, "tests/browser/chromium.py"])
MYPY = Check("mypy", [PYTHON, "-m", "mypy"])
LINT = [
    MYPY,
    Check("ruff check", [PYTHON, "-m", "ruff", "check"]),
    Check("ruff format", [PYTHON, "-m", "ruff", "format", "--check"]),
    NODE_PACKAGES,
    Check("tsc", [PYTHON, "tools/node.py", "tsc"]),
]


def plan(what: str, arguments: list[str]) -> list[Check]:
    """Return the checks that `what` names."""
    pytest = [PYTHON, "-m", "pytest"]
    if what == "lint":
        return LINT
    if what in ("test", "test-all"):
        chosen = ["-m", "not slow"] if what == "test" else ["--hypothesis-profile", "other"]
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


def run(check: Check, *, quietly: bool = False) -> Result:
    """Run one check; quietly, what it says is kept for later."""
    start = time.monotonic()
    ended = subprocess.run(
        check.command,
        cwd=ROOT,
        text=True,
        check=False,
        stdout=subprocess.PIPE if quietly else None,
        stderr=subprocess.STDOUT if quietly else None,
    )
    seconds = time.monotonic() - start
    return Result(check.name, ended.returncode == 0, seconds, ended.stdout or "")


def run_all(checks: list[Check]) -> list[Result]:
    """Run each check under its heading; mypy beside the others, shown last."""
    with ThreadPoolExecutor() as pool:
        beside = [pool.submit(run, check, quietly=True) for check in checks if check is MYPY]
        results = []
        for check in checks:
            if check is not MYPY:
                print(f"\n== {check.name}", flush=True)
                results.append(run(check))
        for each in beside:
            results.append(each.result())
            print(f"\n== {results[-1].name}\n{results[-1].said}", end="", flush=True)
    return results


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; 1 if anything failed."""
    try:
        results = run_all(plan(arguments[0] if arguments else "", arguments[1:]))
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
