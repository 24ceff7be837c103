"""Just enough Markdown to hold documents against the code: headings, code blocks, tables and links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Line(NamedTuple):
    """One line of a document, and the language of the code block that it is in, or None outside of one."""

    number: int
    text: str
    code: str | None


class Block(NamedTuple):
    """A fenced block of code: the number of its first line, and the HTML comment before its fence, or nothing."""

    language: str
    text: str
    line: int
    mark: str


class Section(NamedTuple):
    """A heading without its marks, its level, and the lines up to the next heading of any level."""

    heading: str
    level: int
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def lines(text: str) -> Iterator[Line]:
    """Every line; a fence counts as outside of its block."""
    code: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            code = None if code is not None else line[3:].strip()
            yield Line(number, line, None)
        else:
            yield Line(number, line, code)


def sections(text: str) -> list[Section]:
    """The sections in order; what is before the first heading is left out."""
    found: list[Section] = []
    for line in lines(text):
        marks, _, heading = line.text.partition(" ")
        if line.code is None and marks and not marks.strip("#"):
            found.append(Section(heading.strip().replace("`", ""), len(marks), ()))
        elif found:
            found[-1] = found[-1]._replace(lines=(*found[-1].lines, line))
    return found


def whole_section(text: str, heading: str) -> list[Section]:
    """The section of that heading, and all those below it."""
    parts = sections(text)
    (start,) = [place for place, part in enumerate(parts) if part.heading == heading]
    end = next(
        (at for at in range(start + 1, len(parts)) if parts[at].level <= parts[start].level),
        len(parts),
    )
    return parts[start:end]


def blocks(text: str) -> list[Block]:
    """The fenced blocks in order."""
    found: list[Block] = []
    mark, before = "", None
    for line in lines(text):
        if line.code is not None:
            if before is None:
                found.append(Block(line.code, "", line.number, mark))
            found[-1] = found[-1]._replace(text=f"{found[-1].text}{line.text}\n")
        elif line.text.strip() and not line.text.startswith("```"):
            comment = _COMMENT.fullmatch(line.text.strip())
            mark = comment[1] if comment else ""
        elif before is not None:
            mark = ""
        before = line.code
    return found


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table's rows, without its heading; a pair of backticks around a whole cell is taken off."""
    found: list[list[list[str]]] = []
    inside = False
    for line in lines(text):
        row = line.code is None and line.text.startswith("|")
        if row and not inside:
            found.append([])
        if row:
            found[-1].append(
                [re.sub(r"^`([^`]*)`$", r"\1", cell.strip()) for cell in line.text.split("|")[1:-1]]
            )
        inside = row
    return [rows[2:] for rows in found]


def links(text: str) -> list[str]:
    """The targets of the links and pictures outside of code."""
    prose = (re.sub(r"`[^`]*`", "", line.text) for line in lines(text) if line.code is None)
    return [target for line in prose for target in _LINK.findall(line)]


def anchors(text: str) -> set[str]:
    """What a link can name after ``#``, as GitHub makes it from a heading."""
    return {
        re.sub(r"[^\w\- ]", "", part.heading.lower()).replace(" ", "-") for part in sections(text)
    }


def documents() -> list[Path]:
    """Every document for readers."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
