"""Commands that show a trace: show, page, quiz, export."""

import atexit
import gc
import os
import shlex
import sys
from pathlib import Path

import click

from pipetrace.cli.group import (
    PATH,
    commands,
    console_for,
    force_option,
    load_document,
    name_of,
    page_path,
    plain_option,
    print_document,
    print_text,
    write_output,
)

FORCE_TERMINAL = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
"""With one of these in the environment, Rich may take for a terminal what is none."""


@commands.command()
@click.argument("file", type=PATH)
@click.option("--stage", metavar="NAME", help="Only this stage, nested model or block, in full.")
@click.option("--expand", is_flag=True, help="Expand the collapsed groups of a large model.")
@plain_option
@click.option("--markdown", is_flag=True, help="Print Markdown for a pull request or a README.")
def show(file: Path, stage: str | None, expand: bool, plain: bool, markdown: bool) -> None:
    """Show a trace in the terminal."""
    if "numpy" not in sys.modules:  # a process that shows a trace and ends
        # A seventh of its time: threads of NumPy's that nobody uses, and a last look for garbage.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
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
@click.argument("file", type=PATH)
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Path of the page; - is standard output.  [default: like FILE, with .html]",
)
@force_option
def page(file: Path, out: Path | None, force: bool) -> None:
    """Write a trace as a page: one HTML file that opens from disk."""
    from pipetrace.present.build.model import model_view
    from pipetrace.present.page import page as as_page

    trace, made = load_document(file)
    text = as_page(made, model_view(trace))
    write_output(text, out or page_path(file), [file], force=force)


@commands.command()
@click.argument("file", type=PATH)
@click.option("--seed", type=int, help="Random seed of the questions.  [default: the run's seed]")
@plain_option
def quiz(file: Path, seed: int | None, plain: bool) -> None:
    """Take a quiz of three questions about a trace."""
    from pipetrace.present.quiz_prompt import ask

    _, made = load_document(file, quiz_seed=seed)
    ask(made.quiz, console_for(plain))


@commands.command()
@click.argument("file", type=PATH)
@click.option("-o", "--out", type=PATH, help="Path of the output.  [default: -, standard output]")
@force_option
def export(file: Path, out: Path | None, force: bool) -> None:
    """Write a whole trace as JSON. Its schema: pipetrace help schema."""
    from pipetrace.present.formats.json import to_json
    from pipetrace.trace import read

    write_output(to_json(read(file), indent=1) + "\n", out, [file], force=force)
