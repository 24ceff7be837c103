"""Commands for many runs: runs."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    commands,
    console_for,
    form_option,
    is_standard,
    output_option,
    plain_option,
    write_output,
)
from pipetrace.config import CHOICES


@commands.command()
@click.argument("places", metavar="[FOLDER]...", nargs=-1)
@click.option(
    "--where",
    metavar="CONDITION",
    help="Only runs of which this is true, such as 'learning_rate < 0.01 and val_accuracy > 0.9'.",
)
@click.option(
    "--sort",
    metavar="COLUMN",
    help="Sort by this column, highest first with - before it.  [default: created]",
)
@click.option("--best", metavar="N", type=click.IntRange(min=1), help="Only the N best runs.")
@click.option(
    "--metric",
    metavar="NAME",
    help="The metric that runs are compared by.  [default: the one most runs are judged by]",
)
@form_option(CHOICES["runs"], "Output format.", "text")
@output_option("Write to this file and replace it.")
@click.option("--no-cache", is_flag=True, help="Read every trace again, and keep nothing of them.")
@plain_option
def runs(
    places: tuple[str, ...],
    best: int | None,
    form: str,
    output: Path | None,
    no_cache: bool,
    plain: bool,
    **options: Any,
) -> None:
    """List the runs of a folder and of the folders in it.

    FOLDER is a folder, a trace, or a pattern in quotes such as 'runs/*.trace'; the current folder
    when left out. Runs of one process, such as the folds of a cross-validation, are grouped.
    """
    from pipetrace.present.formats.runs import runs_blocks
    from pipetrace.present.formats.runs_page import FORMS
    from pipetrace.run_table.table import listed

    with ExitStack() as shown:
        progress = _counting(shown, console_for(plain, stderr=True))
        found = listed(places or (".",), progress=progress, cached=not no_cache, **options)
    if best:
        found = found.best(best)
    console = console_for(plain)
    if form == "text" and is_standard(output) and console.is_terminal:
        from pipetrace.present.rich import MAX_WIDTH, print_blocks

        print_blocks(runs_blocks(found, min(console.width, MAX_WIDTH)), console)
    else:
        read = [Path(row.file) for row in found]
        write_output(FORMS[form](found), output, read, force=True)


def _counting(shown: ExitStack, console: Any) -> Callable[[int, int], None] | None:
    """Counts the traces that are read on a terminal, with a bar from the first one on."""
    if not console.is_terminal:
        return None

    @cache
    def bar() -> Any:
        from pipetrace.present.progress import Bars

        made = shown.enter_context(Bars(console, 0, 0))
        made.begins("Reading traces")
        return made

    return lambda done, total: bar().rows(done, total)
