"""The command compare: what differs between runs, or between a run and a saved model."""

import sys
from pathlib import Path
from typing import Any

import click

from pipetrace.cli.group import (
    TRACE,
    commands,
    console_for,
    form_option,
    is_standard,
    name_of,
    output_option,
    plain_option,
    write_output,
)
from pipetrace.config import CHOICES

MODELS = (".keras", ".h5", ".hdf5", ".onnx")
"""How the name of a saved model ends."""


@commands.command()
@click.argument("files", metavar="TRACE TRACE...|MODEL", nargs=-1, required=True, type=TRACE)
@form_option(CHOICES["compare"], "Output format.", "text")
@output_option("Write the comparison to this file and replace it; - is standard output.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="By how much values of MODEL may differ, times the largest one of a stage, or 1.  "
    "[default: 1e-5]",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if they differ.")
@plain_option
def compare(
    files: tuple[Path, ...],
    form: str,
    output: Path | None,
    tolerance: float | None,
    exit_zero: bool,
    plain: bool,
) -> None:
    """Say what differs between runs, or from a run to a saved model.

    The other traces are compared with the first. Give several runs of one setting with different
    seeds to see which differences are larger than the noise.

    MODEL is a .keras, .h5 or .onnx file. It gets the rows that the run kept; the first stage whose
    output differs is named.

    The exit code is 0 if all is the same, 1 if something differs, 2 if that cannot be said.
    """
    from pipetrace.present.comparison.formats import FORMS, blocks_of
    from pipetrace.trace import read

    models = [file for file in files if file.suffix.lower() in MODELS]
    if len(files) < 2 or (models and len(files) > 2) or len(models) == 2:
        raise click.UsageError("Give two traces or more, or one trace and one model.")
    if tolerance is not None and not models:
        raise click.UsageError("--tolerance is for a saved model: runs are compared exactly.")
    traces = {file: read(file) for file in files if file not in models}
    made = _with_model(traces, models[0], tolerance) if models else _runs(traces, files)
    console = console_for(plain)
    if form == "text" and is_standard(output) and console.is_terminal:
        from pipetrace.present.rich import print_blocks

        print_blocks(blocks_of(made), console)
    else:
        write_output(FORMS[form](made, [*traces.values()]), output, files, force=True)
    sys.exit(0 if exit_zero and made.exit_code == 1 else made.exit_code)


def _runs(traces: dict[Path, Any], files: tuple[Path, ...]) -> Any:
    from pipetrace.comparison.compare import compared

    return compared([traces[file] for file in files], [name_of(file) for file in files])


def _with_model(traces: dict[Path, Any], model: Path, tolerance: float | None) -> Any:
    from pipetrace.comparison.saved import TOLERANCE, compared_model, rows_of
    from pipetrace.record.replay import replay

    ((file, trace),) = traces.items()
    inputs, followed = rows_of(trace, name_of(file))
    gives = replay(model, inputs, trace.stages, followed)
    limit = TOLERANCE if tolerance is None else tolerance
    return compared_model(trace, name_of(file), name_of(model), gives, limit)
