"""The command that serves runs to a browser: serve."""

from contextlib import suppress
from pathlib import Path

import click

from pipetrace.cli.group import PATH, commands, name_of
from pipetrace.errors import MissingLibraryError


@commands.command()
@click.argument("folder", type=PATH, default=".")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port; 0 takes a free one.",
)
@click.option(
    "--token",
    metavar="TEXT",
    envvar="PIPETRACE_TOKEN",
    help="What a browser has to give in the address; also from PIPETRACE_TOKEN.  [default: none on "
    "this machine, else one is made and printed]",
)
def serve(folder: Path, host: str, port: int, token: str | None) -> None:
    """Serve the runs of a folder to a browser, until Ctrl-C.

    A table of the runs in FOLDER and below it, the page of each, and comparisons; all grow while
    trainings run. Only this machine can read them, unless --host says otherwise. Needs the extra:
    pip install 'pipetrace[serve]'
    """
    try:
        from pipetrace.serve.run import serve as served
    except ImportError as error:
        raise MissingLibraryError(
            f"pipetrace serve needs {error.name}, which is not installed.",
            where="pipetrace serve",
            hint='Install it: pip install "pipetrace[serve]"',
        ) from error

    def said(address: str) -> None:
        click.echo(f"Serving {name_of(folder)} at {address} until Ctrl-C.")

    with suppress(KeyboardInterrupt):  # how it ends
        served(folder, host, port, token, said)
