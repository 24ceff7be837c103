"""The runs of a folder as pages, alone and compared, and what tells that there is more to see.

A page is made anew when its trace has changed. Trainings may run on the same machine, so while one
runs all of this takes a small share of the time.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote, urlencode

from pipetrace.comparison.compare import compared
from pipetrace.present.comparison.page import comparison_page
from pipetrace.present.formats.runs_page import runs_page
from pipetrace.present.live.states import marks
from pipetrace.present.page import Served, trace_page
from pipetrace.run_table.index import found_files, read_runs
from pipetrace.run_table.table import Runs
from pipetrace.trace.document import RUNNING
from pipetrace.trace.reader import is_running, read

Names: TypeAlias = tuple[str, ...]
"""What a page shows: none for the table, one run, or several that are compared."""

RUN, COMPARE, CHANGES = "/run/", "/compare", "/changes"
MOST_COMPARED = 24
"""Runs of one comparison."""
POLL_SECONDS = 1.0
"""Seconds between two looks at whether something has changed, however many look."""
REST = 20
"""Times as long as making a page of a running training took, until the next one is made."""
MOST_PAGES = 16
"""Pages that are kept; each has some megabytes."""

FOLLOW = """
const source = new EventSource("/changes");
let first = "";
const boxes = () => [...document.querySelectorAll("[name=run]")];
const mark = () => {
  const button = document.querySelector("form button");
  if (button) button.disabled = boxes().filter((box) => box.checked).length < 2;
};
document.addEventListener("change", mark);
addEventListener("pageshow", mark);
source.addEventListener("state", async ({ data }) => {
  if (first && data !== first) {
    const text = await (await fetch(location.href)).text();
    const made = new DOMParser().parseFromString(text, "text/html");
    const chosen = new Set(boxes().flatMap((box) => (box.checked ? [box.value] : [])));
    const focused = document.activeElement.value;
    document.querySelector("main").replaceWith(made.querySelector("main"));
    for (const box of boxes()) {
      box.checked = chosen.has(box.value);
      if (box.value === focused) box.focus({ preventScroll: true });
    }
    mark();
    document.querySelector("header").replaceWith(made.querySelector("header"));
  }
  first = data;
});
"""
"""The table of runs draws itself again where it is; what is chosen in it stays."""


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
        self._pages: OrderedDict[Names, _Made] = OrderedDict()
        self._looks: dict[Names, tuple[float, str]] = {}
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

    def version(self, names: Names) -> str | None:
        """What tells the state of runs, or of all without a name, from an earlier one.

        None where one of them is not there. While a training runs, it stays the same until there is
        time to make the page.
        """
        known = self._looks.get(names)
        if not self._lock.acquire(blocking=known is None):
            return known[1] if known else None  # a page is being made
        try:
            return self._version(names)
        finally:
            self._lock.release()

    def _version(self, names: Names) -> str | None:
        then, known = self._looks.get(names, (0.0, ""))
        now = time.monotonic()
        if now - then < POLL_SECONDS:
            return known or None
        files = self.files()
        if not files.keys() >= set(names):
            self._looks.pop(names, None)
            return None
        states = [self._state(name, files[name]) for name in names]
        looked = _together(states) if names else self._state_of_all(files)
        made = self._pages.get(names)
        if made and looked != made.version and looked.endswith("+"):
            rested = now - made.at >= REST * made.seconds
            looked = looked if rested else made.version
        self._looks[names] = now, looked
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

    def page(self, names: Names = ()) -> str | None:
        """The table of all runs, the page of one, or the comparison of several; None where one of
        them is not there.

        Raises:
            TraceError: a file cannot be read.
        """
        with self._lock:  # one at a time, however many ask
            version = self._version(names)
            if version is None:
                return None
            known = self._pages.get(names)
            if known is None or known.version != version:
                began = time.monotonic()
                text = self._page(names, version)
                now = time.monotonic()
                known = self._pages[names] = _Made(version, text, now, now - began)
            self._pages.move_to_end(names)
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
            return known.text

    def _page(self, names: Names, version: str) -> str:
        if not names:
            return self._table()
        traces = [read(self._inside(name)) for name in names]
        pages = [f"{RUN}{quote(os.fsencode(name))}" for name in names]
        if len(names) == 1:
            return trace_page(traces[0], where=Served(f"{CHANGES}{pages[0]}", version, "/"))
        asked = urlencode([("run", quote(os.fsencode(name))) for name in names])
        where = Served(f"{CHANGES}{COMPARE}?{asked}", version, "/")
        shown = [name.encode(errors="replace").decode() for name in names]
        return comparison_page(compared(traces, shown), traces, where=where, pages=pages)

    def _inside(self, name: str) -> Path:
        path = self.root / name
        if not self._is_inside(path):
            raise FileNotFoundError(path)
        return path

    def _table(self) -> str:
        inside = {str(path): name for name, path in self.files().items()}
        rows = read_runs([each for each in found_files([self.root]) if each.shown in inside])
        rows.sort(key=lambda row: (row.created, row.file))
        self._running = {inside[row.file] for row in rows if row.status == RUNNING}
        quoted = {path: quote(os.fsencode(name)) for path, name in inside.items()}
        links = {path: f"{RUN}{name}" for path, name in quoted.items()}
        return runs_page(Runs.of(rows), links=links, names=quoted, script=FOLLOW)


def _together(states: Sequence[str]) -> str:
    """The state of several runs, with a plus while one of them trains."""
    if len(states) == 1:
        return states[0]
    return _digest(" ".join(states)) + "+" * any(each.endswith("+") for each in states)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
