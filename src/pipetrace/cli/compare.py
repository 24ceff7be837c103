"""The command compare: what differs between runs."""

import sys
from pathlib import Path

import click

from pipetrace.cli.group import (
    PATH,
    commands,
    console_for,
    is_standard,
    name_of,
    plain_option,
    write_output,
)
from pipetrace.config import CHOICES


@commands.command()
@click.argument("files", metavar="TRACE TRACE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(CHOICES["compare"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Write the comparison to this file and replace it; - is standard output.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if the runs differ.")
@plain_option
def compare(
    files: tuple[Path, ...], form: str, output: Path | None, exit_zero: bool, plain: bool
) -> None:
    """Say what differs between runs, causes first.

    The other traces are compared with the first. Give several runs of one setting with different
    seeds to see which differences are larger than the noise.

    The exit code is 0 if the runs are the same, 1 if they differ, 2 if that cannot be said.
    """
    from pipetrace.comparison.compare import compared
    from pipetrace.present.comparison.blocks import comparison_blocks
    from pipetrace.present.comparison.forms import FORMS
    from pipetrace.trace import read

    if len(files) < 2:
        raise click.UsageError("Give two traces or more.")
    traces = [read(file) for file in files]
    made = compared(traces, [name_of(file) for file in files])
    console = console_for(plain)
    if form == "text" and is_standard(output) and console.is_terminal:
        from pipetrace.present.rich import print_blocks

        print_blocks(comparison_blocks(made), console)
    else:
        write_output(FORMS[form](made, traces), output, files, force=True)
    sys.exit(0 if exit_zero and made.exit_code == 1 else made.exit_code)
