"""Commands that show a trace: show, page."""

import atexit
import gc
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    TRACE,
    beside,
    commands,
    console_for,
    force_option,
    is_standard,
    load_document,
    name_of,
    out_option,
    plain_option,
    print_document,
    print_text,
    write_output,
)

FORCE_TERMINAL = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
"""With one of these in the environment, Rich may take for a terminal what is none."""

seed_option = click.option(
    "--seed",
    "quiz_seed",
    metavar="TEXT",
    help="Which questions the quiz has, such as the name of a student.  [default: the run's seed]",
)
questions_option = click.option(
    "--questions",
    type=click.IntRange(min=1, max=100),
    default=3,
    show_default=True,
    help="How many questions the quiz has.",
)


@commands.command()
@click.argument("file", type=TRACE)
@click.option("--stage", metavar="NAME", help="Only this stage, nested model or block, in full.")
@click.option("--expand", is_flag=True, help="Expand the collapsed groups of a large model.")
@plain_option
@click.option("--markdown", is_flag=True, help="Print Markdown for a pull request or a README.")
@click.option("--follow", is_flag=True, help="Show epochs and findings as they come, to the end.")
def show(
    file: Path, stage: str | None, expand: bool, plain: bool, markdown: bool, follow: bool
) -> None:
    """Show a trace in the terminal.

    With --follow FILE need not be there yet; it ends when the training has ended or was killed.
    """
    if follow:
        if stage is not None or expand or markdown:
            raise click.UsageError("--follow shows the training as a whole: leave the others out.")
        from pipetrace.present.live.follow import follow as shown

        shown(file, console_for(plain), plain=plain)
        return
    if "numpy" not in sys.modules:  # a process that shows a trace and ends
        # A fifth of its time: threads of NumPy's that nobody uses, and looking for garbage.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        gc.disable()
        atexit.register(gc.freeze)
    if stage is None:
        _, made = load_document(file, expand=expand)
    else:
        from pipetrace.present.build.focus import focus
        from pipetrace.trace import read

        made = focus(read(file), stage, expanded=expand)
    if markdown:
        from pipetrace.present.markdown import document_markdown

        print_text(document_markdown(made, shlex.quote(name_of(file))))
        return
    # Rich takes time to import; it is asked where it may take standard output for a terminal.
    may_be_terminal = sys.stdout.isatty() or not FORCE_TERMINAL.isdisjoint(os.environ)
    console = None if plain or not may_be_terminal else console_for(plain)
    print_document(made, console, plain=plain, file=file)


@commands.command()
@click.argument("file", type=TRACE)
@out_option("Path of the page; - is standard output.  [default: like FILE, with .html]")
@click.option("--title", help="Title of the page.  [default: the trace's title]")
@click.option(
    "--detail",
    type=click.Choice(["brief", "normal", "all"]),
    default="normal",
    show_default=True,
    help="How much of weights, recorded outputs and images goes into the page.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    help="How many of the recorded rows go into the page.  [default: all]",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@seed_option
@questions_option
@click.option("--no-quiz", is_flag=True, help="Leave the quiz out.")
@click.option(
    "--hide-answers",
    is_flag=True,
    help="Keep the answers out of the file in clear, and off paper. It does not stop a program, "
    "which can try the four options.",
)
@force_option
def page(
    file: Path, out: Path | None, opens: bool, no_quiz: bool, force: bool, **options: Any
) -> None:
    """Write a trace as a page: one HTML file that opens from disk.

    The page of a training that still runs loads itself again every 10 seconds: write it again with
    --force to see more.
    """
    from pipetrace.present.page import trace_page
    from pipetrace.trace import read

    place = out or beside(file)
    if opens and is_standard(place):
        raise click.UsageError("--open needs a file: give --out a path.")
    if no_quiz:
        options["questions"] = 0
    text = trace_page(read(file), **options)
    write_output(text, place, [file], force=force)
    if opens:
        _open_in_browser(place)


def _open_in_browser(path: Path) -> None:
    """Open a written page; where that is not possible, say so."""
    import webbrowser

    address = path.absolute().as_uri()
    try:
        opened = _has_display() and webbrowser.open(address)
    except (OSError, webbrowser.Error):
        opened = False
    if not opened:
        click.echo(f"No browser could be opened here. Open it yourself: {address}")


def _has_display() -> bool:
    """Whether a browser would have a window; on Linux a text browser would take the terminal."""
    named = {"BROWSER", "DISPLAY", "WAYLAND_DISPLAY"}
    return sys.platform in ("win32", "darwin") or not named.isdisjoint(os.environ)
