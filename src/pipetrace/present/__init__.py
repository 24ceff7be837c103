"""Showing a trace: views that are decided once, and the terminal and the page that draw them."""

from pipetrace.present.page import write_page
from pipetrace.trace.document import Trace

__all__ = ["show", "write_page"]


def show(trace: Trace, *, plain: bool = False) -> None:
    """Print a trace: in colour in a terminal, as plain text elsewhere.

    Args:
        trace: the recording.
        plain: plain text in a terminal too.
    """
    from rich.console import Console

    from pipetrace.present.document import document
    from pipetrace.present.plain import plain as as_text
    from pipetrace.present.terminal import show as draw

    console = Console()
    made = document(trace)
    if plain or not console.is_terminal:
        console.file.write(as_text(made))
    else:
        draw(made, console)
