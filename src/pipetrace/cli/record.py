"""Commands that record: digits, run, trace, selfcheck."""

import os
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import click

from pipetrace.cli.check import finish_run
from pipetrace.cli.group import (
    PATH,
    PROGRAM_CONTEXT,
    anonymous_option,
    arguments_option,
    beside,
    command_line,
    commands,
    console_for,
    force_option,
    load_document,
    module_option,
    name_of,
    out_option,
    plain_option,
    print_document,
    print_text,
    progress_for,
    quiet_option,
)
from pipetrace.errors import ArgumentError

budget_option = click.option(
    "--budget",
    default="0.02",
    show_default=True,
    metavar="SHARE",
    help="Share of the training time that recording may take while training runs; 'none' sets no "
    "limit.",
)


@commands.command()
@click.option(
    "--data",
    metavar="mnist|PATH",
    help="The digits to use: 'mnist' (downloaded and cached by Keras), or the path of a pair of "
    "IDX files, of an .npz with x and y, or of a folder with one folder of images per class.  "
    "[default: 1,797 digits that come with pipetrace]",
)
@click.option("--rows", default=1000, show_default=True, help="Number of training rows.")
@click.option("--epochs", default=5, show_default=True, help="Number of epochs.")
@click.option("--batch-size", default=32, show_default=True, help="Rows per training step.")
@click.option(
    "--learning-rate", default=0.003, show_default=True, help="Learning rate of the Adam optimizer."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Random seed for row selection, initial weights, shuffling and the quiz.",
)
@click.option(
    "--pixel",
    default=128,
    show_default=True,
    help="Pixel value to follow through the scaling step.",
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "jax", "torch"]),
    help="What Keras runs on.  [default: KERAS_BACKEND, or what Keras is set to]",
)
@out_option("Path of the trace.", "digits.trace")
@click.option("--page", type=PATH, help="Path of the page.  [default: like --out, with .html]")
@arguments_option
@anonymous_option
@force_option
@plain_option
@quiet_option
def digits(
    data: str | None,
    backend: str | None,
    out: Path,
    page: Path | None,
    force: bool,
    plain: bool,
    quiet: bool,
    **others: Any,
) -> None:
    """Train the built-in digit classifier and show what happened.

    The model is a small Conv2D network on handwritten digits. Writes a trace, digits.trace, and a
    page, digits.html, that opens in any browser. Needs Keras and what it runs on.
    """
    from pipetrace.demo.model import Plan
    from pipetrace.demo.run import record_digits
    from pipetrace.present import write_page
    from pipetrace.present.output_files import check_outputs, keep_apart

    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend
    hidden, values = others.pop("anonymous"), others.pop("record_arguments")
    plan = Plan(**others)
    page = page or beside(out)
    if data is not None:
        keep_apart(Path(data), [out, page])
    check_outputs([out, page], force=force)
    console = console_for(plain)
    with progress_for(console, plain=plain, quiet=quiet, plan=plan) as progress:
        source = _digits_source(data, progress)
        command = "" if hidden else command_line(values)
        out = record_digits(
            source, plan, out, progress, command=command, anonymous=hidden, force=force
        )
        progress.begins("Writing the page")
        trace, made = load_document(out)
        write_page(trace, page, force=force)
    if not quiet:
        print_document(made, console, plain=plain, file=out)
        from pipetrace.present.output_files import files_written

        click.echo(files_written(trace, out, page))


@commands.command(context_settings=PROGRAM_CONTEXT)
@module_option
@out_option(
    "Path of the first model's trace; the second model's gets -2 before the suffix, and so on.  "
    "[default: the script's name, with .trace]"
)
@budget_option
@click.option(
    "--after-training",
    type=click.Choice(["brief", "all", "none"]),
    default="brief",
    show_default=True,
    help="What to measure when training is over: 'brief' delays fit by at most 5 % or 2 s in all, "
    "'all' takes all rows, however long it takes; Ctrl-C ends it.",
)
@click.option(
    "--exact", "after_training", flag_value="all", help="The same as --after-training all."
)
@click.option(
    "--stop-on",
    type=click.Choice(["error"]),
    help="Stop a training once a rule finds an error in what was recorded so far.",
)
@click.option(
    "--check",
    "checks",
    is_flag=True,
    help="Check the traces at the end, as pipetrace check does; exit with 1 if it finds something.",
)
@click.option("--page", "pages", is_flag=True, help="Write the page of each trace beside it.")
@arguments_option
@anonymous_option
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    script: str,
    arguments: tuple[str, ...],
    module: bool,
    out: Path | None,
    budget: str,
    **options: Any,
) -> None:
    """Run a Python program and record every model that it fits.

    The program needs no changes. Use it like python: pipetrace run train.py --epochs 5. The
    program gets its own arguments; its output, exceptions and exit code pass through. Each model
    gets one trace, which replaces the trace of an earlier run. With --check the exit code is that
    of pipetrace check, if the program's own is 0.
    """
    from pipetrace.capture.distributed.processes import another_recorded
    from pipetrace.record.run import Watched, note, report_traces, run_script

    name = f"{script.rpartition('.')[2] if module else Path(script).stem}.trace"
    first = (out or Path(name)).absolute()  # the program may change into another folder

    def path_of(number: int) -> Path:
        return first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")

    made: list[Path] = []
    code, ends = 0, {name: options.pop(name) for name in ("checks", "pages")}
    watched = Watched(path_of, {"budget": _budget(budget), **options})
    process = os.getpid()
    try:
        run_script(script, arguments, is_module=module, watched=watched, told=note, made=made)
    except SystemExit as ending:
        if ending.code:
            raise
    finally:
        # No forked child of the program, which ends here as well, nor where another one records.
        if os.getpid() == process and not another_recorded():
            report_traces(made)
            code = finish_run(made, **ends)
    sys.exit(code)


@commands.command()
@click.argument("model", type=PATH)
@click.option(
    "--data",
    required=True,
    help="The rows: an .npz with x and optionally targets y (for several inputs one array each, "
    "under the input's name), a single array as .npy, or many files: a pattern, a folder or an "
    "address such as s3://bucket/rows/*.parquet, of Parquet, NPZ, TFRecord or images.",
)
@click.option(
    "--on",
    metavar="dask[://HOST:PORT]",
    help="Measure many files on a Dask cluster: on processes of this machine, or on those of a "
    "scheduler.  [default: in this process]",
)
@out_option("Path of the trace.  [default: like MODEL, with .trace]")
@click.option("--exact", is_flag=True, help="Use all rows for histograms, even beyond 10,000.")
@arguments_option
@anonymous_option
@force_option
@plain_option
@quiet_option
def trace(
    model: Path,
    data: str,
    on: str | None,
    out: Path | None,
    force: bool,
    plain: bool,
    quiet: bool,
    **asked: bool,
) -> None:
    """Record what rows become in a saved Keras model.

    The trace holds the data flow and predictions; nothing is trained. MODEL is a .keras file. It
    is loaded in Keras' safe mode, without its optimizer; no code in the file runs.
    """
    from pipetrace.capture.backend import load_quietly
    from pipetrace.capture.saved import check_model
    from pipetrace.pipeline.files import load_rows
    from pipetrace.present.output_files import check_outputs, keep_apart
    from pipetrace.scale.partitions import are_many, find
    from pipetrace.storage import without_secrets

    out = out or model.parent / f"{model.stem}.trace"
    check_model(model)
    keep_apart(Path(data), [out])
    keep_apart(model, [out])
    check_outputs([out], force=force)
    console = console_for(plain)
    named: dict[str, Any] = {"anonymous": asked["anonymous"]}
    if not asked["anonymous"]:
        named["data_name"] = PurePosixPath(without_secrets(data)).name
        named["command"] = command_line(asked["record_arguments"])
    many = on is not None or are_many(data)
    with progress_for(console, plain=plain, quiet=quiet) as progress:
        # Errors in the files are reported before Keras is loaded.
        found: Any = find(data, on) if many else load_rows(Path(data))
        progress.begins("Loading Keras and TensorFlow")
        load_quietly()  # before the recorder, whose callback is a class of Keras
        if many:
            from pipetrace.scale.record import record_partitions

            out = record_partitions(model, found, on, out, progress, **named)
        else:
            from pipetrace.record.pipeline import record_saved

            x, y = found
            out = record_saved(model, x, y, out, progress, exact=asked["exact"], **named)
    if not quiet:
        _, made = load_document(out)
        print_document(made, console, plain=plain, file=out)
        name = name_of(out)
        click.echo(f"Wrote {name}; write its page with: pipetrace page {name}")


@commands.command(context_settings=PROGRAM_CONTEXT)
@module_option
@budget_option
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),
    help="Random seed for Python, NumPy, Keras and TensorFlow, set before the program runs.",
)
@click.option("--show-output", is_flag=True, help="Pass the program's output to standard error.")
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def selfcheck(
    script: str, arguments: tuple[str, ...], module: bool, budget: str, **options: Any
) -> None:
    """Verify that recording does not affect training.

    Runs SCRIPT twice plain and once recorded, each time in its own process, and compares the
    results bit for bit: weights, optimizer variables, history and random state.

    The exit code is 0 if everything is the same, 1 if something differs, 2 if nothing could be
    compared.
    """
    from pipetrace.selfcheck import selfcheck as checked

    found = checked(script, arguments, is_module=module, budget=_budget(budget), **options)
    print_text(str(found))
    sys.exit(found.exit_code)


def _budget(text: str) -> float | None:
    """Read a budget as it is typed: 0.02, 2% or none."""
    if text.lower() == "none":
        return None
    try:
        share = float(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ArgumentError(
            f"The budget must be a share of the training time, received {text!r}.",
            where="--budget",
            hint="Give for example 0.02 or 2%, or 'none' for no limit.",
        )
    return share


def _digits_source(data: str | None, progress: Any) -> Any:
    from pipetrace.demo import data as digits

    if data is None:
        return digits.embedded_digits()
    progress.begins("Reading the data")
    return digits.mnist() if data == "mnist" else digits.load(Path(data), progress.rows)
