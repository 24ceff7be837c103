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


def write_page(trace: Given, path: str | Path, *, force: bool = False) -> None:
    """Write a trace as a page.

    Args:
        trace: the trace, or its path.
        path: the file.
        force: replace a file that exists.

    Raises:
        OutputError: the file exists, or it cannot be written.
    """
    from pipetrace.present.build.document import document
    from pipetrace.present.build.model import model_view
    from pipetrace.present.output_files import write_text
    from pipetrace.present.page import page

    found = opened(trace)
    write_text(Path(path), page(document(found), model_view(found)), force=force)
