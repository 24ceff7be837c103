"""A document as a terminal shows it."""

import io
import re
from typing import Literal

from rich.console import Console

from pipetrace.present.rich import show
from pipetrace.present.views import Document

Colours = Literal["truecolor", "256", "standard"] | None


def in_terminal(
    made: Document, width: int = 80, colour: Colours = None, *, file: str = "FILE"
) -> str:
    """All that is printed, with the codes of the colours."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=True, color_system=colour, legacy_windows=False
    )
    show(made, console, file=file)
    return out.getvalue()


def bare(text: str) -> str:
    """A text without the codes of colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def joined(text: str) -> str:
    """The words, without the thread at the left, rules and line breaks."""
    return " ".join(re.sub(r"[│─]", " ", text).split())
