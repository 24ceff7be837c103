"""Commands that hand a trace to other tools: export."""

from itertools import chain
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import PATH, TRACE, beside, commands, force_option, name_of, write_output
from pipetrace.config import CHOICES


@commands.command()
@click.argument("file", type=TRACE)
@click.option(
    "--to",
    "form",
    type=click.Choice(CHOICES["export"]),
    default="json",
    show_default=True,
    help="JSON of the whole trace; CSV or Parquet of its epochs; JUnit of its findings; event "
    "files of TensorBoard; a run of MLflow.",
)
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    help="Path of the output; of tensorboard a folder, of mlflow the address of its server or "
    "store.  [default: -, standard output; of parquet and tensorboard like FILE]",
)
@force_option
def export(file: Path, form: str, out: str | None, force: bool) -> None:
    """Write a trace in the form of another tool.

    JSON has a line for each entry; its schema: pipetrace help schema.
    """
    from pipetrace.trace import read

    if form == "mlflow":
        from pipetrace.present.export.trackers import export_to_mlflow

        click.echo(f"MLflow run {export_to_mlflow(file, out)}")
        return
    trace, place = read(file), None if out is None else PATH.convert(out, None, None)
    if form == "tensorboard":
        from pipetrace.present.export.tensorboard import write_events

        if place is None:
            place = beside(file, "-tensorboard")
        for folder in write_events(trace, place, force=force):
            click.echo(f"Wrote {name_of(folder)}")
        click.echo(f"See it with: tensorboard --logdir {name_of(place)}")
        return
    if form == "parquet" and place is None:
        place = beside(file, ".parquet")
    write_output(_made(form, trace, name_of(file)), place, [file], force=force)


def _made(form: str, trace: Any, name: str) -> Any:
    if form == "csv":
        from pipetrace.present.export.tables import epochs_csv

        return epochs_csv(trace)
    if form == "parquet":
        from pipetrace.present.export.tables import epochs_parquet

        return epochs_parquet(trace)
    if form == "junit":
        import pipetrace
        from pipetrace.explain.findings.engine import check
        from pipetrace.present.formats.junit import junit

        return junit((check(trace, file=name),), pipetrace.__version__)
    from pipetrace.present.formats.json import pieces

    return chain(pieces(trace), "\n")
