"""The table of runs as a page, with links to those of runs, and boxes to choose some to compare."""

import html
import itertools
from collections.abc import Callable, Mapping, Sequence

from pipetrace.present.blocks import Paragraph
from pipetrace.present.drawings import Grid
from pipetrace.present.formats.runs import (
    ALL_COLUMNS,
    lines_of,
    runs_as_csv,
    runs_as_json,
    runs_as_text,
    runs_blocks,
)
from pipetrace.present.page import still_page
from pipetrace.run_table.row import UNREADABLE
from pipetrace.run_table.table import Group, Runs

CHOICE = """<form action="/compare">
{}
<p><button class="plain">Compare the chosen runs</button>
<span class="muted">Choose two or more; the others are compared with the first one.</span></p>
</form>"""
STYLE = """
#app.runs > header { padding-top: 40px; padding-bottom: 0; }
.runs h1 { font-size: 34px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
.runs main { padding-top: 0; }
.runs .wide { overflow-x: auto; margin: 24px 0; }
.runs table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
.runs th, .runs td { text-align: right; padding: 4px 12px; border-bottom: 1px solid var(--line); }
.runs thead th { font-weight: 600; font-size: 13px; color: var(--muted); vertical-align: bottom; }
.runs tbody th { font: inherit; }
.runs tr > :first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
.runs tr > :first-child { padding-left: 0; }
.runs tr > .member { padding-left: 20px; }
.runs form input { margin: 0 8px 0 0; accent-color: var(--here); vertical-align: middle; }
.runs .plain:disabled { opacity: 0.6; }
"""


def runs_page(
    found: Runs,
    *,
    links: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    script: str = "",
) -> str:
    """One HTML file, which loads nothing, with links to the pages of files where given.

    Runs that have a name there can be chosen, to be asked for at ``compare?run=NAME&run=NAME``. The
    script runs in the page and may ask the server that sent it.
    """
    parts = [*runs_blocks(found, ALL_COLUMNS)]
    said = [block.text for block in parts if isinstance(block, Paragraph)]
    rows = [None if isinstance(of, Group) else of for of, _ in lines_of(found)]
    heads = [
        (
            (links or {}).get(row.file, "") if row else "",
            (names or {}).get(row.file, "") if row and row.status != UNREADABLE else "",
        )
        for row in rows
    ]
    grids = [block for block in parts if isinstance(block, Grid)]
    tables = [_html_table(grid, heads if grid is grids[0] else ()) for grid in grids]
    if names and sum(bool(name) for _, name in heads) > 1:
        tables[0] = CHOICE.format(tables[0])
    more = [f"<p>{html.escape(text)}</p>" for text in said[1:] if text]
    return still_page("runs", "Runs", said[0], "\n".join(tables + more), STYLE, script)


def _html_table(grid: Grid, heads: Sequence[tuple[str, str]]) -> str:
    """A table that scrolls by itself where it is wider than the page; ``heads`` has the link and
    the name of each row, or nothing."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in grid.columns)
    pairs = itertools.zip_longest(grid.rows, heads, fillvalue=("", ""))
    lines = "\n".join(_html_row(cells, *head) for cells, head in pairs)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{grid.label}"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{lines}</tbody></table></div>"
    )


def _html_row(cells: Sequence[str], link: str, run: str) -> str:
    first, *rest = (html.escape(cell) for cell in cells)
    kind, name = ' class="member"' if first.startswith(" ") else "", first.strip()
    if link:
        name = f'<a href="{html.escape(link)}">{name}</a>'
    if run:
        label = f"Compare {first.strip()}"
        name = (
            f'<input type="checkbox" name="run" value="{html.escape(run)}" aria-label="{label}">'
            f"{name}"
        )
    inner = "".join(f"<td>{cell}</td>" for cell in rest)
    return f'<tr><th scope="row"{kind}>{name}</th>{inner}</tr>'


FORMS: Mapping[str, Callable[[Runs], str]] = {
    "text": runs_as_text,
    "json": runs_as_json,
    "csv": runs_as_csv,
    "html": runs_page,
}
