"""A training as it goes, in a terminal: one screen that is drawn again, or lines."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipetrace.errors import visible
from pipetrace.explain.findings import labels
from pipetrace.explain.findings.finding import NOTE, Finding
from pipetrace.explain.formatting import duration
from pipetrace.explain.headline import STATUS, status
from pipetrace.present.build.training import training
from pipetrace.present.live.states import states
from pipetrace.present.progress import epoch_line
from pipetrace.present.rich import LEVEL_STYLES, MAX_WIDTH
from pipetrace.present.stderr import so_far
from pipetrace.present.terminal_graphics import chart
from pipetrace.present.views import TrainingView
from pipetrace.trace.document import RUNNING, Trace

OTHER_LINES = 24
"""Lines of the screen that are not the table of epochs: title, progress, chart, findings."""
FEWEST_ROWS = 3
MOST_FINDINGS = 5


def follow(path: Path, console: Console, *, plain: bool) -> None:
    """Show a training until it has ended; ``plain`` prints a line for what is new, not one screen.

    The trace need not be there yet.

    Raises:
        TraceError: the file is no trace, or is damaged.
    """
    if plain or not console.is_terminal:
        for line in lines(path):
            console.print(line, highlight=False, soft_wrap=True)
        return
    with Live(console=console, auto_refresh=False, redirect_stdout=False) as live:
        for trace in states(path):
            shown = Text(_waiting(path), "dim") if trace is None else screen(trace, console)
            live.update(shown, refresh=True)


def lines(path: Path) -> Iterator[str]:
    """A line for each epoch and each finding as it comes, and for how the run ended."""
    done, told, begun = 0, set[tuple[str, str | None]](), ""
    for trace in states(path):
        if trace is None:
            yield _waiting(path)
            continue
        if begun != trace.run.created:
            done, told, begun = 0, set(), trace.run.created
            yield visible(trace.run.title)
        for epoch in trace.epochs[done:]:
            yield epoch_line(epoch)
        done = len(trace.epochs)
        for each in _findings(trace):
            if (each.code, each.stage) not in told:
                told.add((each.code, each.stage))
                yield labels.in_a_line(trace, each)
        if trace.ending.kind != RUNNING:
            yield f"{_status(trace)}."


def screen(trace: Trace, console: Console) -> RenderableType:
    """What is known of a training now, no larger than the window."""
    width = min(console.width, MAX_WIDTH)
    view = training(trace)
    parts: list[RenderableType] = [Text(trace.run.title, "bold"), _progress(trace, width)]
    if view.charts:
        parts += [Text(), chart(view.charts[0], width)]
    if view.rows:
        parts += [Text(), _table(view, max(FEWEST_ROWS, console.height - OTHER_LINES), width)]
        parts.append(Text(view.rows[-1].observation))
    found = _findings(trace)
    parts += [Text()] * bool(found)
    for each in found[:MOST_FINDINGS]:
        line = labels.in_a_line(trace, each).removeprefix(each.level)
        parts.append(Text.assemble((each.level, LEVEL_STYLES[each.level]), line))
    if len(found) > MOST_FINDINGS:
        parts.append(Text(f"and {len(found) - MOST_FINDINGS} more.", "dim"))
    return Group(*parts)


def _waiting(path: Path) -> str:
    return f"Waiting for {visible(str(path))} ..."


def _findings(trace: Trace) -> list[Finding]:
    return [each for each, _ in so_far(trace) if each.level != NOTE]


def _status(trace: Trace) -> str:
    return status(trace) or STATUS.get(trace.ending.kind, trace.ending.kind)


def _progress(trace: Trace, width: int) -> RenderableType:
    """How many epochs are done, as a bar and in words, and how long the others may take."""
    done, planned = len(trace.epochs), trace.run.training.epochs
    line = _status(trace)
    if trace.ending.kind == RUNNING and done:
        if done < planned:
            mean = sum(each.seconds for each in trace.epochs) / done
            line += f", about {duration((planned - done) * mean)} left"
        else:
            line += "; what is measured after training follows"
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(planned, done, 1), completed=done, width=min(20, width // 3))
    row.add_row(bar, Text(f"{line}."))
    return row


def _table(view: TrainingView, rows: int, width: int) -> Table:
    """The last epochs; columns that do not fit are left out."""
    shown = view.rows[-rows:]
    heads = view.columns[:-1]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, head in enumerate(heads):
        needed = max(len(head), *(len(row.cells[place]) for row in shown)) + 2
        if needed > width:
            heads = heads[:place]
            break
        width -= needed
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in shown:
        table.add_row(*map(Text, row.cells[: len(heads)]))
    return table
