"""What a notebook shows below a cell while ``fit`` runs in it."""

import html
from collections.abc import Sequence

from pipetrace.errors import visible
from pipetrace.explain import metrics
from pipetrace.explain.formatting import counted, duration
from pipetrace.present.progress import epoch_line
from pipetrace.trace.document import Epoch

MOST_ROWS = 12
"""Epochs that are shown, the last ones."""
CELL = "text-align: right; padding: 2px 12px 2px 0"


def in_cell(epochs: Sequence[Epoch], planned: int, lines: Sequence[str]) -> dict[str, str]:
    """The finished epochs of those planned, and what was said of them, as text and as HTML."""
    done = f"{len(epochs)} of {counted(max(planned, len(epochs)), 'epoch')} finished"
    text = "\n".join([f"pipetrace: {done}", *map(epoch_line, epochs), *lines])
    shown = epochs[-MOST_ROWS:]
    names = list(dict.fromkeys(name for each in shown for name in each.metrics))
    names.sort(key=lambda name: (metrics.base(name) != "loss", metrics.base(name)))
    head = ["epoch", *(visible(metrics.title(name)) for name in names), "time"]
    rows = [
        [
            str(each.number),
            *(_written(name, each) for name in names),
            duration(each.seconds),
        ]
        for each in shown
    ]
    table = html_table(head, rows, CELL) if rows else ""
    said = f"<pre>{html.escape(chr(10).join(lines))}</pre>" if lines else ""
    return {"text/plain": text, "text/html": f"<p>pipetrace: {done}</p>{table}{said}"}


def _written(name: str, epoch: Epoch) -> str:
    return metrics.written(name, epoch.metrics[name]) if name in epoch.metrics else ""


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    """A table with one style for all cells, since a notebook has a style sheet of its own."""

    def cells(texts: Sequence[str], tag: str, kind: str = "") -> str:
        lines = (html.escape(text).replace("\n", "<br>") for text in texts)
        return "".join(f'<{tag}{kind} style="{style}">{each}</{tag}>' for each in lines)

    head, body = cells(columns, "th", ' scope="col"'), (cells(row, "td") for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
