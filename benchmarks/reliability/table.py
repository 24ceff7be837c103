"""What a section of the page of reliability gives."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Figures in rows of plain data.

    Attributes:
        headings: of the columns.
        rows: one case each.
        note: what was tried, and how often.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""

    def markdown(self) -> str:
        """The table for a document."""
        lines = [self.headings, ["---"] * len(self.headings), *self.rows]
        text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
        return f"{self.note}\n\n{text}" if self.note else text
