"""The last lines of a run: which files were written, and how to open them."""

import shlex
from pathlib import Path

import click

from pipetrace.explain.facts import trained
from pipetrace.explain.text import counted
from pipetrace.trace.document import Trace


def files_written(trace: Trace, out: Path, page: Path) -> str:
    """What was written where, with sizes, and the commands that open it."""
    # A file name need not be valid text, but what is printed has to be.
    names = [click.format_filename(path) for path in (out, page)]
    width = max(len(name) for name in names)
    of = f" of {counted(len(trace.epochs), 'epoch')}" if trained(trace) else ""
    words = (f"the trace{of}", "the page")
    lines = [
        f"  {name.ljust(width)}  {what}, {path.stat().st_size / 1000:,.0f} kB"
        for name, what, path in zip(names, words, (out, page), strict=True)
    ]
    recording, written = (shlex.quote(name) for name in names)
    return "\n".join(
        [
            "",
            "Written:",
            *lines,
            "",
            f"Open the page:   xdg-open {written}",
            f"Show it again:   pipetrace show {recording}",
            f"Be asked:        pipetrace quiz {recording}",
        ]
    )
