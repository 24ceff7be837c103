"""Showing a trace: views that are built once, and the writers that draw them."""

from pathlib import Path

from pipetrace.trace import Given, opened

__all__ = ["show", "write_page"]


def show(trace: Given, *, plain: bool = False) -> None:
    """Print a trace: in colour in a terminal, as plain text elsewhere.

    Args:
        trace: the trace, or its path.
        plain: plain text in a terminal too.
    """
    from rich.console import Console

    from pipetrace.present import rich
    from pipetrace.present.build.document import document
    from pipetrace.present.text import document_text

    console = Console()
    made = document(opened(trace))
    if plain or not console.is_terminal:
        console.file.write(document_text(made))
    else:
        rich.show(made, console)


def write_page(
    trace: Given,
    path: str | Path,
    *,
    force: bool = False,
    title: str | None = None,
    detail: str = "normal",
    rows: int | None = None,
) -> None:
    """Write a trace as a page. That of a training that still runs loads itself again and again.

    Args:
        trace: the trace, or its path.
        path: the file.
        force: replace a file that exists.
        title: the title of the page; the trace's own when left out.
        detail: how much of weights, outputs and images goes into the page: ``brief``, ``normal`` or
            ``all``.
        rows: how many of the recorded rows; all when left out.

    Raises:
        ArgumentError: there is no such detail, or no row.
        OutputError: the file exists, or it cannot be written.
    """
    from pipetrace.present.output_files import write_text
    from pipetrace.present.page import trace_page

    text = trace_page(opened(trace), title=title, detail=detail, rows=rows)
    write_text(Path(path), text, force=force)
