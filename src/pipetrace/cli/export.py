"""Commands that hand a trace to other tools: export."""

from pathlib import Path

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
    import pipetrace
    from pipetrace.present.export import exported
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
    made = exported(trace, form, name_of(file), pipetrace.__version__)
    write_output(made, place, [file], force=force)
