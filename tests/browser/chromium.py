"""The browser that the tests drive: the machine's Chromium, else the one that Playwright brings.

Tests call `executable`. `make test` runs this file before them: it installs a browser where there is none, and prints
the path of the one that the tests will use.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")


def starts(path: str) -> bool:
    """Say whether the browser runs at all: some systems put a stub there that only asks to install it."""
    try:
        return (
            subprocess.run(
                [path, "--version"], capture_output=True, timeout=60, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def executable() -> str | None:
    """Return the machine's Chromium, for Playwright's `executable_path`; None means Playwright's own."""
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in found if path is not None and starts(path)), None)


def playwrights_own() -> str | None:
    """Return the path of the Chromium that Playwright installed, if it did."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def run(*command: str) -> bool:
    """Run one step of an install, with all that it prints on stderr."""
    print("Running:", " ".join(command), file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return (
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=2, env=environment, check=False
        ).returncode
        == 0
    )


def install() -> str | None:
    """Install a browser: Debian's package if we may, else Playwright's own. Return its path."""
    playwright = [sys.executable, "-m", "playwright", "install"]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get", "update")
        run("apt-get", "install", "-y", "--no-install-recommends", "chromium")
        executable.cache_clear()
        if path := executable():
            return path
        if run(*playwright, "--with-deps", "chromium"):
            return playwrights_own()
    run(*playwright, "chromium")
    return playwrights_own()


def main() -> int:
    """Print the path of the browser for the tests, after installing one if there is none."""
    path = executable() or playwrights_own() or install()
    if path is None:
        print(
            "Error: no browser for the tests. Install Chromium so that `chromium` is on PATH.",
            file=sys.stderr,
        )
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
