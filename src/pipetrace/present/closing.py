"""The last lines of a run: which files were written, and how to open them."""

from pathlib import Path

from pipetrace.explain.wording import counted
from pipetrace.trace.document import Trace


def files_written(trace: Trace, out: Path, page: Path) -> str:
    """What was written where, with sizes, and the commands that open it."""
    rows = [(out, f"the trace of {counted(len(trace.epochs), 'epoch')}"), (page, "the page")]
    width = max(len(str(path)) for path, _ in rows)
    lines = [f"  {str(path).ljust(width)}  {what}, {path.stat().st_size / 1000:,.0f} kB" for path, what in rows]
    return "\n".join(
        [
            "",
            "Written:",
            *lines,
            "",
            f"Open the page:   xdg-open {page}",
            f"Show it again:   pipetrace show {out}",
            f"Be asked:        pipetrace quiz {out}",
        ]
    )
