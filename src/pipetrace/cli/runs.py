"""Commands for many runs: runs."""

from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    PATH,
    commands,
    console_for,
    form_option,
    is_standard,
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
@click.option("-o", "--output", type=PATH, help="Write to this file and replace it.")
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

    errors = console_for(plain, stderr=True)
    with _Counting(errors) as progress:
        options["cached"] = not no_cache
        found = listed(places or (".",), progress=progress.rows, **options)
    if best:
        found = found.best(best)
    console = console_for(plain)
    if form == "text" and is_standard(output) and console.is_terminal:
        from pipetrace.present.rich import MAX_WIDTH, print_blocks

        print_blocks(runs_blocks(found, min(console.width, MAX_WIDTH)), console)
    else:
        read = [Path(row.file) for row in found]
        write_output(FORMS[form](found), output, read, force=True)


class _Counting:
    """A bar on a terminal while traces are read that are not in the index; nothing elsewhere."""

    def __init__(self, console: Any) -> None:
        self.console, self.bar = console, None  # type: Any, Any

    def __enter__(self) -> "_Counting":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def rows(self, done: int, total: int) -> None:
        """So many of the traces are read."""
        if self.bar is None and self.console.is_terminal:
            from pipetrace.present.progress import Bars

            self.bar = Bars(self.console, 0, 0).__enter__()
            self.bar.begins("Reading traces")
        if self.bar is not None:
            self.bar.rows(done, total)
