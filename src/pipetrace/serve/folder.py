"""The runs of a folder as pages, and what tells that there is more to see.

A page is made anew when its trace has changed. Trainings may run on the same machine, so while one
runs all of this takes a small share of the time.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipetrace.present.formats.runs import runs_as_html
from pipetrace.present.live.states import marks
from pipetrace.present.page import Served, trace_page
from pipetrace.run_table.index import found_files, read_runs
from pipetrace.run_table.table import Runs
from pipetrace.trace.document import RUNNING
from pipetrace.trace.reader import is_running, read

RUN, CHANGES = "/run/", "/changes"
POLL_SECONDS = 1.0
"""Seconds between two looks at whether something has changed, however many look."""
REST = 20
"""Times as long as making a page of a running training took, until the next one is made."""
MOST_PAGES = 16
"""Pages that are kept; each has some megabytes."""

FOLLOW = """
const source = new EventSource("/changes");
let first = "";
source.addEventListener("state", async ({ data }) => {
  if (first && data !== first) {
    const text = await (await fetch(location.href)).text();
    const made = new DOMParser().parseFromString(text, "text/html");
    document.querySelector("main").replaceWith(made.querySelector("main"));
    document.querySelector("header").replaceWith(made.querySelector("header"));
  }
  first = data;
});
"""
"""The table of runs draws itself again where it is."""


@dataclass
class _Made:
    """A page that was made: of which state, what it is, when, and how long that took."""

    version: str
    text: str
    at: float
    seconds: float


class Folder:
    """The traces in a folder and below it; a link that leads out of it is passed over."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, _Made] = OrderedDict()
        self._looks: dict[str, tuple[float, str]] = {}
        self._running: set[str] = set()

    def files(self) -> dict[str, Path]:
        """The traces by their path below the folder."""
        found = {}
        for file in found_files([self.root]):
            path = Path(file.shown)
            if self._is_inside(path):
                found[str(path.relative_to(self.root))] = path
        return found

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve(strict=True).is_relative_to(self.root)
        except (OSError, RuntimeError):  # gone, or links in a circle
            return False

    def version(self, name: str) -> str | None:
        """What tells the state of a run, or of all with an empty name, from an earlier one.

        None where there is no such run. While a training runs, it stays the same until there is
        time to make its page.
        """
        known = self._looks.get(name)
        if not self._lock.acquire(blocking=known is None):
            return known[1] if known else None  # a page is being made
        try:
            return self._version(name)
        finally:
            self._lock.release()

    def _version(self, name: str) -> str | None:
        then, known = self._looks.get(name, (0.0, ""))
        now = time.monotonic()
        if now - then < POLL_SECONDS:
            return known or None
        files = self.files()
        if name and name not in files:
            self._looks.pop(name, None)
            return None
        looked = self._state(name, files[name]) if name else self._state_of_all(files)
        made = self._pages.get(name)
        if made and looked != made.version and looked.endswith("+"):
            rested = now - made.at >= REST * made.seconds
            looked = looked if rested else made.version
        self._looks[name] = now, looked
        return looked

    def _state(self, name: str, path: Path) -> str:
        """A digest of the file's marks, with a plus while its training runs."""
        runs = is_running(path)
        (self._running.add if runs else self._running.discard)(name)
        return _digest(f"{marks(path)}") + "+" * runs

    def _state_of_all(self, files: dict[str, Path]) -> str:
        # Only those that ran when they were looked at last can have been killed since.
        running = [name for name in self._running if name in files and is_running(files[name])]
        known = [f"{name} {marks(path)}" for name, path in files.items()]
        return _digest("\n".join([*known, *sorted(running)])) + "+" * bool(running)

    def page(self, name: str) -> str | None:
        """The page of a run; None where there is none.

        Raises:
            TraceError: the file cannot be read.
        """
        return self._made(name, lambda version: self._run_page(name, version))

    def table(self) -> str:
        """The table of all runs."""
        return self._made("", lambda _: self._table()) or ""

    def _made(self, name: str, make: Callable[[str], str]) -> str | None:
        with self._lock:  # one at a time, however many ask
            version = self._version(name)
            if version is None:
                return None
            known = self._pages.get(name)
            if known is None or known.version != version:
                began = time.monotonic()
                text = make(version)
                now = time.monotonic()
                known = self._pages[name] = _Made(version, text, now, now - began)
            self._pages.move_to_end(name)
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
            return known.text

    def _run_page(self, name: str, version: str) -> str:
        path = self.root / name
        if not self._is_inside(path):
            raise FileNotFoundError(path)
        address = quote(os.fsencode(name))
        return trace_page(read(path), where=Served(f"{CHANGES}{RUN}{address}", version, "/"))

    def _table(self) -> str:
        inside = {str(path): name for name, path in self.files().items()}
        rows = read_runs([each for each in found_files([self.root]) if each.shown in inside])
        rows.sort(key=lambda row: (row.created, row.file))
        self._running = {inside[row.file] for row in rows if row.status == RUNNING}
        links = {path: f"{RUN}{quote(os.fsencode(name))}" for path, name in inside.items()}
        return runs_as_html(Runs.of(rows), links=links, script=FOLLOW)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
