"""The command group, and what all commands share: errors, exit codes, output and consoles."""

import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import click

import pipetrace
from pipetrace.errors import ArgumentError, DiskFullError, PipetraceError, visible


class _Path(click.Path):
    """A path of this machine; an ``ArgumentError`` for an address, which is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if "://" in str(value):
            from pipetrace.storage import without_secrets

            raise ArgumentError(
                f"{without_secrets(value)} is an address. Only traces that are read can have one.",
                where=max(param.opts, key=len) if param else None,
                hint="Give a path of this machine.",
            )
        return Path(os.fsdecode(super().convert(value, param, ctx)))


PATH = _Path()


class _Trace(click.ParamType[Path]):
    """The path of a trace, or an address such as s3://bucket/run.trace, of which a copy is made."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if "://" in str(value):
            from pipetrace.storage import local_copy

            return local_copy(value)
        found: Path = PATH.convert(value, param, ctx)
        return found


TRACE = _Trace()
Option: TypeAlias = Callable[[Any], Any]
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
PROGRAM_CONTEXT = {**CONTEXT, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""For commands that hand the rest of the command line to a program."""
CHARACTERS_AT_ONCE = 1_000_000
"""Characters of a long output that are printed at a time."""

plain_option = click.option(
    "--plain", is_flag=True, help="Plain text, for pipes, logs and screen readers."
)
force_option = click.option("--force", is_flag=True, help="Replace existing files.")
quiet_option = click.option("--quiet", is_flag=True, help="Print errors only.")
arguments_option = click.option(
    "--record-arguments",
    is_flag=True,
    help="Record the values of the program's options too, secrets masked; else their names only.",
)
anonymous_option = click.option(
    "--anonymous",
    is_flag=True,
    help="Record nothing that names a person, machine or place: program, paths, class names.",
)
module_option = click.option(
    "-m", "--module", is_flag=True, help="SCRIPT is a module name, as with python -m."
)
hide_answers_option = click.option(
    "--hide-answers", is_flag=True, help="Keep the answers out of the pages in clear."
)


def out_option(text: str, default: str | None = None) -> Option:
    """The option --out of a command, with its help."""
    shown = default is not None
    return click.option("-o", "--out", type=PATH, default=default, show_default=shown, help=text)


def output_option(text: str) -> Option:
    """The option --output of a command that replaces its file, with its help."""
    return click.option("-o", "--output", type=PATH, help=text)


def form_option(choices: Iterable[str], text: str, default: str | None = None) -> Option:
    """The option --format of a command, with its help."""
    kind, shown = click.Choice(list(choices)), default is not None
    return click.option(
        "--format", "form", type=kind, default=default, show_default=shown, help=text
    )


def jobs_option(default: int, text: str) -> Option:
    """The option --jobs of a command that trains, with its help."""
    kind = click.IntRange(min=1, max=64)
    return click.option("--jobs", type=kind, default=default, show_default=True, help=text)


def main() -> None:
    """Run a command; print pipetrace's own errors as messages and exit with their codes."""
    try:
        commands.main(prog_name="pipetrace", standalone_mode=False)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PipetraceError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted. [interrupted]", err=True)
        sys.exit(130)


class _Commands(click.Group):
    """A group that ends quietly when a reader of its output, such as ``head``, closes the pipe."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Click would exit with 1, and Python would complain when it closes the pipe.
            sys.stdout = None
            ctx.exit(0)


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"pipetrace, version {pipetrace.__version__}")
        context.exit()


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def commands() -> None:
    """A flight recorder and explainer for Keras and TensorFlow training.

    Start with: pipetrace digits
    """


def name_of(file: Path) -> str:
    """Return a file's name as text that can be printed, whatever is in it."""
    return visible(click.format_filename(file))


def print_error(error: PipetraceError) -> None:
    """Print an error's parts to standard error: what, where, what to do, and its slug."""
    click.echo(f"Error: {error.what}", err=True)
    if error.where:
        click.echo(f"Where: {error.where}", err=True)
    click.echo(f"To do: {error.hint}", err=True)
    click.echo(f"       [{error.slug}] is explained by: pipetrace help {error.slug}", err=True)


def print_text(text: str | bytes | Iterable[str]) -> None:
    """Print text, bytes or the pieces of a text, once all are made; a ``DiskFullError`` if it
    cannot.
    """
    try:
        if isinstance(text, str | bytes):
            click.echo(text, nl=False)
            return
        import tempfile

        with tempfile.TemporaryFile("w+", encoding="utf-8") as made:
            made.writelines(text)
            made.seek(0)
            while piece := made.read(CHARACTERS_AT_ONCE):
                click.echo(piece, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stdout = None  # Python would try again at exit, and complain
        raise DiskFullError(
            f"The output could not be written: {error.strerror}.",
            where="standard output",
            hint="Make room, or send the output somewhere else.",
        ) from error


def is_standard(out: Path | None) -> bool:
    """Whether an output is standard output: not given, or given as ``-``."""
    return out is None or str(out) == "-"


def write_output(
    text: str | bytes | Iterable[str], out: Path | None, read: Iterable[Path], *, force: bool
) -> None:
    """Write text to a file and say so, or print it where the file is ``-`` or None.

    The command's own inputs, ``read``, are never overwritten, other files with ``force`` only.
    """
    if out is None or is_standard(out):
        print_text(text)
        return
    from pipetrace.present.output_files import keep_apart, write_text

    for each in read:
        keep_apart(each, [out])
    write_text(out, text, force=force)
    click.echo(f"Wrote {name_of(out)}")


def console_for(plain: bool, *, stderr: bool = False) -> Any:
    """Return a Rich console: one without colours where plain text is wanted."""
    from pipetrace.present.rich import LastingConsole

    if plain:
        return LastingConsole(no_color=True, force_terminal=False, stderr=stderr)
    return LastingConsole(stderr=stderr)


def progress_for(console: Any, *, plain: bool, quiet: bool, plan: Any = None) -> Any:
    """Return what shows the progress of a recording: bars, lines, or nothing."""
    from pipetrace.present.progress import Bars, Lines, Silent

    if quiet:
        return Silent()
    if plain or not console.is_terminal:
        return Lines(console)
    return Bars(console, *((plan.epochs, -(-plan.rows // plan.batch_size)) if plan else (0, 0)))


def load_document(file: Path, *, expand: bool = False, **options: Any) -> tuple[Any, Any]:
    """Read a trace and build the document that presenters draw."""
    from pipetrace.present.build.document import document
    from pipetrace.trace import read

    trace = read(file)
    return trace, document(trace, expanded=expand, with_courses=False, **options)


def print_document(made: Any, console: Any, *, plain: bool, file: Path) -> None:
    """Print a document: with colours and images on a terminal, as plain text elsewhere."""
    name = shlex.quote(name_of(file))
    if plain or console is None or not console.is_terminal:
        from pipetrace.present.text import document_text

        print_text(document_text(made, name))
    else:
        from pipetrace.present import rich

        rich.show(made, console, file=name)


def beside(trace: Path, end: str = ".html") -> Path:
    """The default path of what is made of a trace, such as its page: beside it, or here where the
    trace is the copy of one at an address."""
    from pipetrace.storage import is_copy

    folder = Path() if is_copy(trace) else trace.parent
    return folder / f"{trace.stem}{end}"  # with_suffix raises on "." and "/"


def command_line(values: bool) -> str:
    """Return the command as it is recorded: its name and the names of its options."""
    from pipetrace.record.privacy import command_line as recorded

    return recorded(["pipetrace", *sys.argv[1:2]], sys.argv[2:], values=values)
