"""The command that trains a run again with one thing changed: ablate."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    PATH,
    PROGRAM_CONTEXT,
    commands,
    console_for,
    jobs_option,
    module_option,
    name_of,
    out_option,
    plain_option,
    quiet_option,
)
from pipetrace.errors import InterruptedRunError

TRACE = ".trace"


class _OfTraceOrProgram(click.Command):
    """Options may follow a trace; what follows a program is the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        left = super().parse_args(ctx, list(args))
        if ctx.params.get("arguments") and ctx.params["source"].endswith(TRACE):
            ctx.params.clear()
            ctx.allow_interspersed_args, ctx.ignore_unknown_options = True, False
            left = super().parse_args(ctx, args)
        return left


@commands.command(cls=_OfTraceOrProgram, context_settings=PROGRAM_CONTEXT)
@module_option
@out_option("Folder of the traces, one for each training.  [default: like SOURCE, with -ablations]")
@click.option(
    "--change",
    "changes",
    metavar="CODE",
    multiple=True,
    help="Try only this change. Can be given several times.  [default: all that apply]",
)
@click.option(
    "--into",
    metavar="TRACE",
    type=PATH,
    help="Write the results into this trace of the program too, such as that of pipetrace run.",
)
@click.option("--list", "lists", is_flag=True, help="List the changes that apply to a trace.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    help="How often each change is trained. The run as it is is trained three times.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Begin no further training after this time; the same command goes on later.",
)
@jobs_option(1, "How many processes train at a time.")
@plain_option
@quiet_option
@click.argument("source")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ablate(
    source: str,
    arguments: tuple[str, ...],
    module: bool,
    out: Path | None,
    into: Path | None,
    lists: bool,
    **options: Any,
) -> None:
    """Train a run again with one thing changed, and compare.

    SOURCE is a trace of pipetrace digits, or a Python program with its arguments. Each training
    starts from the same weights, on the same rows, in a process of its own, and is recorded as a
    trace. The results are written into the trace; pipetrace show prints them. Of a program the
    first fit is trained, and nothing that comes after it runs.
    """
    from pipetrace.ablate.runs import Ablating, Plan, listed
    from pipetrace.ablate.sources import of_program, of_trace
    from pipetrace.trace import read

    path = PATH.convert(source, None, None) if source.endswith(TRACE) and not module else None
    trace = read(path) if path is not None else None
    own = {name for each in ablate.params for name in each.opts if name.startswith("--")}
    if given := sorted(own.intersection(each.partition("=")[0] for each in arguments)):
        goes = (
            f"{' and '.join(given)} after {source} {'go' if given[1:] else 'goes'} to that program"
        )
        click.echo(f"Note: {goes}; what is meant for pipetrace stands before it.", err=True)
    if into is not None:
        if path is not None:
            raise click.UsageError("--into is for a program; a trace gets its own results.")
        read(into)
    if lists:
        if trace is None:
            raise click.UsageError("--list needs a trace.")
        for code, layers in listed(trace).items():
            click.echo(f"{code}: {', '.join(layers)}" if layers else code)
        return
    if trace is not None and path is not None:
        made = of_trace(trace, path)
    else:
        made = of_program(source, arguments, is_module=module)
    stem = Path(source).stem if not module else source
    folder = (out or (path or Path()).parent / f"{stem}-ablations").absolute()
    quiet = options.pop("quiet")
    with _told(plain=options.pop("plain"), quiet=quiet) as told:
        ablating = Ablating(Plan(made, folder, **options), trace, path or into, told)
        try:
            place = ablating.run()
        except KeyboardInterrupt as error:
            raise InterruptedRunError(
                "Interrupted. The trainings that were done are kept.",
                where=str(folder),
                hint="Give the same command again to go on.",
            ) from error
    if not quiet:
        _print_results(read(place), name_of(Path(os.path.relpath(place))), ablating.left)


def _print_results(trace: Any, name: str, left: int) -> None:
    from pipetrace.explain.ablations.rows import ablations, spread

    for text in (spread(trace), *(row.text for row in ablations(trace))):
        if text:
            click.echo(text)
    if left:
        click.echo(f"The time is over; not begun: {left}. The same command goes on.")
    click.echo(f"The results are in {name}; see them with: pipetrace show {name}")


def _line(name: str, done: int, total: int) -> None:
    if name:
        click.echo(f"{done + 1} of {total}: {name}", err=True)


@contextmanager
def _told(*, plain: bool, quiet: bool) -> Iterator[Any]:
    """What is told of each training: it gets the name, or "" at the end, and how many there are."""
    console = console_for(plain, stderr=True)
    if quiet:
        yield lambda _name, _done, _total: None
    elif plain or not console.is_terminal:
        yield _line
    else:
        from rich import progress

        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(bar_width=24))
        more = (progress.MofNCompleteColumn(), progress.TimeElapsedColumn())
        with progress.Progress(*columns, *more, console=console, transient=True) as bar:
            task = bar.add_task("Training")
            yield lambda name, done, total: bar.update(
                task, completed=done, total=total, **({"description": name} if name else {})
            )
