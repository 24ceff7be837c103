"""Showing a trace: views that are decided once, and the terminal and the page that draw them."""

from pathlib import Path

from pipetrace.trace.document import Trace

__all__ = ["show", "write_page"]


def show(trace: Trace, *, plain: bool = False) -> None:
    """Print a trace: in colour in a terminal, as plain text elsewhere.

    Args:
        trace: the recording.
        plain: plain text in a terminal too.
    """
    from rich.console import Console

    from pipetrace.present.build.document import document
    from pipetrace.present.plain import plain as as_text
    from pipetrace.present.terminal import show as draw

    console = Console()
    made = document(trace)
    if plain or not console.is_terminal:
        console.file.write(as_text(made))
    else:
        draw(made, console)


def write_page(trace: Trace, path: str | Path, *, force: bool = False) -> None:
    """Write a trace as a page.

    Args:
        trace: the recording.
        path: the file.
        force: replace a file that exists.

    Raises:
        OutputError: the file exists, or it cannot be written.
    """
    from pipetrace.present.build.document import document
    from pipetrace.present.output_files import write_text
    from pipetrace.present.page import page

    write_text(Path(path), page(document(trace)), force=force)
