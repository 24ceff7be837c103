"""The command line: arguments in, calls below."""

import contextlib
import shlex
import sys
from pathlib import Path
from typing import Any

import click

import pipetrace
from pipetrace.errors import ArgumentError, DiskFullError, PipetraceError

PAGE_ENDING = ".html"
EXISTING = click.Path(path_type=Path)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main() -> None:
    """Run the command and turn what pipetrace raises on purpose into a message and an exit code."""
    try:
        commands.main(prog_name="pipetrace", standalone_mode=False)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PipetraceError as error:
        _say(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted. [interrupted]", err=True)
        sys.exit(130)


class _Commands(click.Group):
    """The commands, done when whoever reads them, such as ``head``, has seen enough."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Click would end with 1, and Python would complain when it closes the pipe.
            sys.stdout = None
            ctx.exit(0)


def _tell_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"pipetrace, version {pipetrace.__version__}")
        context.exit()


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def commands() -> None:
    """A flight recorder and explainer for Keras and TensorFlow training.

    Start with: pipetrace digits
    """


@commands.command()
@click.option(
    "--data",
    metavar="mnist|PATH",
    help="The digits to use: 'mnist' (Keras downloads and keeps it), or the path "
    "of a pair of IDX files, of an .npz with x and y, or of a folder with one folder of pictures a class.  "
    "[default: 1,797 digits that come with pipetrace]",
)
@click.option(
    "--rows", default=1000, show_default=True, help="How many rows to train on, drawn by the seed."
)
@click.option("--epochs", default=5, show_default=True, help="How often to go through them.")
@click.option(
    "--batch-size",
    default=32,
    show_default=True,
    help="Rows in a step; the weights change once a step.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Of the drawn rows, first weights, shuffling and quiz.",
)
@click.option(
    "--pixel",
    default=128,
    show_default=True,
    help="The grey value whose way through the scaling is shown.",
)
@click.option(
    "-o",
    "--out",
    default="digits.trace",
    show_default=True,
    type=EXISTING,
    help="Where the trace goes.",
)
@click.option(
    "--page", type=EXISTING, help="Where the page goes.  [default: as --out, ending in .html]"
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--plain", is_flag=True, help="Plain text: for pipes, logs and screen readers.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def digits(
    data: str | None,
    out: Path,
    page: Path | None,
    force: bool,
    plain: bool,
    quiet: bool,
    **numbers: int,
) -> None:
    """Train a small Conv2D classifier of handwritten digits and show what happened.

    Writes a trace, digits.trace, and a page, digits.html, that opens in any browser. Needs Keras and TensorFlow.
    """
    from pipetrace.demo.run import record_digits
    from pipetrace.pipeline.digits import Plan
    from pipetrace.present.files import check_outputs, keep_apart

    plan = Plan(**numbers)
    page = page or _beside(out)
    if data is not None:
        keep_apart(Path(data), [out, page])
    check_outputs([out, page], force=force)
    console = _console(plain)
    with _progress(console, plan, plain=plain, quiet=quiet) as progress:
        record_digits(_source(data, progress), plan, out, progress, command=_command(), force=force)
        progress.begins("Writing the page")
        trace, made = _document(out)
        _write_page(made, page, force=force)
    if not quiet:
        _show(made, console, plain=plain, file=shlex.quote(click.format_filename(out)))
        from pipetrace.present.closing import files_written

        click.echo(files_written(trace, out, page))


@commands.command(
    context_settings={**CONTEXT, "ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("-m", "--module", is_flag=True, help="SCRIPT is a module's name, as with python -m.")
@click.option(
    "-o",
    "--out",
    type=EXISTING,
    help="Where the first model's trace goes; that of the second gets -2 before "
    "the ending, and so on.  [default: the script's name, ending in .trace]",
)
@click.option(
    "--budget",
    default="0.02",
    show_default=True,
    metavar="SHARE",
    help="Of the training time, what recording "
    "may take while training runs; 'none' records all, whatever it takes.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Pass all rows in the data flow and count them all in its histograms, however "
    "long it takes.",
)
@click.option(
    "--after-training/--no-after-training",
    default=True,
    show_default=True,
    help="Measure data flow, predictions "
    "and weights when training is over, which is not inside the budget.",
)
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    script: str,
    arguments: tuple[str, ...],
    module: bool,
    out: Path | None,
    budget: str,
    **options: bool,
) -> None:
    """Run a Python program unchanged and record every model that it fits.

    Write it as you would for python: pipetrace run train.py --epochs 5. The program gets its own arguments; its output,
    exceptions and exit code pass through. Each model is recorded into one trace; a trace of an earlier run is replaced.
    """
    from pipetrace.present.findings.told import at_end, took
    from pipetrace.record.run import Watched, run_script

    first = out or Path(f"{script.rpartition('.')[2] if module else Path(script).stem}.trace")

    def path_of(number: int) -> Path:
        return first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")

    made: list[Path] = []
    try:
        watched = Watched(path_of, {"budget": _budget(budget), **options})
        run_script(script, arguments, is_module=module, watched=watched, told=_aside, made=made)
    finally:
        for each in made:
            _aside(
                f"the trace is {click.format_filename(each)}; see it with: pipetrace show {click.format_filename(each)}"
            )
            with contextlib.suppress(PipetraceError):  # what cannot be read is told below
                if told := took(each):
                    _aside(f"recording {told}.")
            if told := _said_of(each, at_end):
                click.echo(told, err=True)
        if not made:
            _aside("no model was fitted, so there is no trace.")


@commands.command(
    context_settings={**CONTEXT, "ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("-m", "--module", is_flag=True, help="SCRIPT is a module's name, as with python -m.")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    default=("0", "0.02", "none"),
    metavar="SHARE",
    help="Of a recorded "
    "run, as for pipetrace run; can be given several times.  [default: 0, 0.02 and none]",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),
    help="For Python, NumPy, Keras and TensorFlow, before the program; what it seeds itself holds.",
)
@click.option("--no-seed", is_flag=True, help="Seed nothing; the program does.")
@click.option(
    "--deterministic/--no-deterministic",
    default=False,
    show_default=True,
    help="Tell TensorFlow to give the "
    "same each time, which is slower; for programs whose plain runs differ, as on a graphics card.",
)
@click.option(
    "--show-output", is_flag=True, help="Let the program's output through, to standard error."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form.",
)
@click.option("--plain", is_flag=True, help="Plain text: for pipes, logs and screen readers.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def selfcheck(
    script: str | None, arguments: tuple[str, ...], form: str, plain: bool, **options: Any
) -> None:
    """See that recording changes nothing: run a program plain and recorded, and compare what is left, bit by bit.

    The program is run twice as it is and once recorded at each budget, each time in a process of its own. Compared are all
    weights, optimizer and metric variables, what fit returned, random states, and what is left in the process: threads,
    files, hooks, settings. Without SCRIPT a small program that comes with pipetrace is run, which takes about a minute.

    The exit code is 0 where all is the same, 1 where something differs, 2 where that could not be seen.
    """
    from pipetrace.present import selfcheck as shown
    from pipetrace.record import selfcheck as checking

    plan = checking.Plan(
        program=script or checking.REFERENCE,
        arguments=arguments,
        is_module=options["module"] or script is None,
        budgets=tuple(map(_budget, options["budgets"])),
        seed=None if options["no_seed"] else options["seed"],
        deterministic=options["deterministic"],
        show_output=options["show_output"],
    )
    found = checking.selfcheck(plan, shown.Told(_console(plain, stderr=True)))
    if form == "json":
        _print(shown.as_json(found, pipetrace.__version__))
    else:
        shown.show(found, _console(plain))
    sys.exit(found.exit_code)


@commands.command()
@click.argument("model", type=EXISTING)
@click.option(
    "--data",
    required=True,
    type=EXISTING,
    help="The rows: an .npz with x and, if there are any, targets y; for "
    "several inputs one array for each, under its name; or a single array as .npy.",
)
@click.option(
    "-o",
    "--out",
    type=EXISTING,
    help="Where the trace goes.  [default: as MODEL, ending in .trace]",
)
@click.option("--exact", is_flag=True, help="Count all rows in the histograms, also beyond 10,000.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--plain", is_flag=True, help="Plain text: for pipes, logs and screen readers.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def trace(
    model: Path, data: Path, out: Path | None, force: bool, plain: bool, quiet: bool, exact: bool
) -> None:
    """Pass rows through a saved Keras model and record what they become: data flow and predictions, no training.

    MODEL is a .keras file. It is loaded in Keras' safe mode and without its optimizer; no code of the file runs.
    """
    from pipetrace.capture.saved import check_model
    from pipetrace.pipeline.row_files import load_rows
    from pipetrace.present.files import check_outputs, keep_apart
    from pipetrace.record.saved import record_saved

    out = out or model.parent / f"{model.stem}.trace"
    check_model(model)
    keep_apart(data, [out])
    keep_apart(model, [out])
    check_outputs([out], force=force)
    console = _console(plain)
    with _progress(console, None, plain=plain, quiet=quiet) as progress:
        x, y = load_rows(data)
        record_saved(
            model, x, y, out, progress, data_name=data.name, command=_command(), exact=exact
        )
    if not quiet:
        _, made = _document(out)
        _show(made, console, plain=plain, file=str(out))
        click.echo(
            f"Wrote {click.format_filename(out)}; the page: pipetrace page {click.format_filename(out)}"
        )


@commands.command()
@click.argument("file", type=EXISTING)
@click.option(
    "--stage", metavar="NAME", help="Only this stage, nested model or repeated block, in full."
)
@click.option("--open", "opened", is_flag=True, help="Open what is folded in a large model.")
@click.option("--plain", is_flag=True, help="Plain text: for pipes, logs and screen readers.")
def show(file: Path, stage: str | None, opened: bool, plain: bool) -> None:
    """Show a trace in the terminal."""
    from pipetrace.quick import may_be_terminal

    if stage is None:
        _, made = _document(file, opened=opened)
    else:
        from pipetrace.present.graph.part import part
        from pipetrace.trace import read

        made = part(read(file), stage, opened=opened)
    console = None if plain or not may_be_terminal() else _console(plain)
    _show(made, console, plain=plain, file=shlex.quote(click.format_filename(file)))


@commands.command()
@click.argument("file", type=EXISTING)
@click.option(
    "-o", "--out", type=EXISTING, help="Where the page goes.  [default: as FILE, ending in .html]"
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def page(file: Path, out: Path | None, force: bool) -> None:
    """Write a trace as a page: one HTML file that opens from disk."""
    from pipetrace.present.files import keep_apart

    out = out or _beside(file)
    keep_apart(file, [out])
    _, made = _document(file)
    _write_page(made, out, force=force)
    click.echo(f"Wrote {click.format_filename(out)}")


@commands.command()
@click.argument("file", type=EXISTING)
@click.option("--seed", type=int, help="Which questions.  [default: the run's own seed]")
@click.option("--plain", is_flag=True, help="Plain text.")
def quiz(file: Path, seed: int | None, plain: bool) -> None:
    """Ask three questions about a trace."""
    from pipetrace.present.ask import ask

    _, made = _document(file, quiz_seed=seed)
    ask(made.quiz, _console(plain))


@commands.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=EXISTING)
@click.option(
    "--select",
    metavar="CODES",
    multiple=True,
    help="Ask only the rules whose codes begin so: PT2, PT201,PT5.",
)
@click.option(
    "--ignore", metavar="CODES", multiple=True, help="Do not ask the rules whose codes begin so."
)
@click.option(
    "--level",
    type=click.Choice(["error", "warning", "note"]),
    help="Tell what is as grave, or graver.  [default: warning]",
)
@click.option(
    "--expect",
    metavar="CONDITION",
    multiple=True,
    help="What is expected of the last epoch, such as "
    "'val_accuracy >= 0.9', or of another figure: 'best val_loss < 0.2', 'epochs <= 20', 'parameters <= 1e6', "
    "'findings == 0'. Can be given several times.",
)
@click.option(
    "--like",
    metavar="GOOD",
    type=EXISTING,
    help="A trace that these should be like: the same stages, shapes and "
    "parameters, and metrics near its own.",
)
@click.option(
    "--tolerance",
    type=float,
    help="How far metrics may be from those of --like, as a share.  [default: 0.1]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    help="The form.  [default: text]",
)
@click.option("--plain", is_flag=True, help="Plain text: for pipes, logs and screen readers.")
def check(files: tuple[Path, ...], form: str | None, plain: bool, **options: Any) -> None:
    """Say what is wrong in traces, and end with 1 if anything is.

    The exit code is 0 where nothing was found, 1 where something was, 2 where it could not be checked. The table
    [tool.pipetrace] of pyproject.toml sets the same options; those given here come first.
    """
    from pipetrace.explain.findings.report import check_all, exit_code
    from pipetrace.present.findings.reports import FORMS
    from pipetrace.settings import settings
    from pipetrace.trace import read

    set_up = settings(Path.cwd())
    wanted = _wanted({**options, "like": options["like"] or set_up.like}, set_up)
    checked = check_all([(click.format_filename(file), read(file)) for file in files], wanted)
    form, console = form or set_up.format or "text", _console(plain)
    if form == "text" and console.is_terminal:
        from pipetrace.present.findings.terminal import show as draw

        draw(checked, console)
    else:
        _print(FORMS[form](checked, pipetrace.__version__))
    for error in dict.fromkeys(error for each in checked for error in each.failed):
        _say(error)
    sys.exit(exit_code(checked))


@commands.command()
@click.argument("code", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form.",
)
def rules(code: str | None, form: str) -> None:
    """List the rules that check asks, or explain the one with this CODE or name."""
    from pipetrace.explain.findings.engine import known_rules, rule_of
    from pipetrace.explain.findings.report import GIVEN
    from pipetrace.present.findings.explained import as_json, explained, listing

    installed, failed = known_rules()
    known: tuple[Any, ...] = (*GIVEN, *installed)
    chosen = known if code is None else (rule_of(known, code),)
    if form == "json":
        _print(as_json(chosen))
    else:
        _print(listing(chosen) if code is None else explained(chosen[0], known))
    for error in failed:
        _say(error)
    if failed:
        sys.exit(2)


@commands.command()
@click.argument("file", type=EXISTING)
@click.option(
    "--to", "form", type=click.Choice(["json"]), default="json", show_default=True, help="The form."
)
@click.option("-o", "--out", type=EXISTING, help="Where it goes.  [default: standard output]")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def export(file: Path, form: str, out: Path | None, force: bool) -> None:  # noqa: ARG001 json is the only form so far
    """Write a whole trace as JSON, under the schema in docs/trace.schema.json."""
    from pipetrace.present.files import keep_apart, write_text
    from pipetrace.present.wire import to_json
    from pipetrace.trace import read

    keep_apart(file, [out] if out else [])
    text = to_json(read(file), indent=1) + "\n"
    if out is None:
        _print(text)
    else:
        write_text(out, text, force=force)
        click.echo(f"Wrote {click.format_filename(out)}")


def _budget(text: str) -> float | None:
    """A share as it is typed."""
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
            hint="Give for example 0.02 or 2%, or none to record all, whatever it takes.",
        )
    return share


def _wanted(options: dict[str, Any], set_up: Any) -> Any:
    """What is to be checked: an option, else the setting of its name, else what holds without either."""
    from pipetrace.explain.findings.report import Wanted
    from pipetrace.trace import read

    given = {
        name: value if value not in (None, ()) else getattr(set_up, name)
        for name, value in options.items()
    }
    like = given.pop("like")
    known = {name: value for name, value in given.items() if value is not None}
    return Wanted(**known, like=(read(like), click.format_filename(like)) if like else None)


def _aside(text: str) -> None:
    """A line that is not the program's own output."""
    click.echo(f"pipetrace: {text}", err=True)


def _said_of(trace: Path, at_end: Any) -> str:
    """What the rules found; a trace that cannot be read has no words, and the program ends as it would have."""
    try:
        return str(at_end(trace))
    except PipetraceError as error:
        return f"pipetrace: {error}"


def _beside(trace: Path) -> Path:
    """The page's place when none is given. `with_suffix` would refuse the folders "." and "/", which have messages."""
    return trace.parent / f"{trace.stem}{PAGE_ENDING}"


def _source(data: str | None, progress: Any) -> Any:
    from pipetrace.demo.run import keras_mnist
    from pipetrace.pipeline import sources

    if data is None:
        return sources.embedded_digits()
    progress.begins("Reading the data")
    return keras_mnist() if data == "mnist" else sources.load(Path(data), progress.rows)


def _document(file: Path, quiz_seed: int | None = None, *, opened: bool = False) -> tuple[Any, Any]:
    from pipetrace.quick import quick

    with quick():
        from pipetrace.present.document import document
        from pipetrace.trace import read

        trace = read(file)
        return trace, document(trace, quiz_seed=quiz_seed, opened=opened)


def _write_page(made: Any, out: Path, *, force: bool) -> None:
    from pipetrace.present.files import write_text
    from pipetrace.present.page import page as as_page

    write_text(out, as_page(made), force=force)


def _show(made: Any, console: Any, *, plain: bool, file: str) -> None:
    if plain or console is None or not console.is_terminal:
        from pipetrace.present.plain import plain as as_text

        _print(as_text(made, file=file))
    else:
        from pipetrace.present.terminal import show as draw

        draw(made, console, file=file)


def _print(text: str) -> None:
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stdout = None  # Python would try once more at its end, and complain
        raise DiskFullError(
            f"The output could not be written: {error.strerror}.",
            where="standard output",
            hint="Make room, or send the output somewhere else.",
        ) from error


def _console(plain: bool, *, stderr: bool = False) -> Any:
    from pipetrace.present.console import LastingConsole

    return (
        LastingConsole(no_color=True, force_terminal=False, stderr=stderr)
        if plain
        else LastingConsole(stderr=stderr)
    )


def _progress(console: Any, plan: Any, *, plain: bool, quiet: bool) -> Any:
    from pipetrace.present.progress import Bars, Lines, Silent

    if quiet:
        return Silent()
    if plain or not console.is_terminal:
        return Lines(console)
    return (
        Bars(console, plan.epochs, -(-plan.rows // plan.batch_size))
        if plan
        else Bars(console, 0, 0)
    )


def _command() -> str:
    words = shlex.join(["pipetrace", *sys.argv[1:]])
    # A file name need not be valid text; what is not cannot be stored.
    return words.encode(errors="surrogateescape").decode(errors="replace")


def _say(error: PipetraceError) -> None:
    click.echo(f"Error: {error.what}", err=True)
    if error.where:
        click.echo(f"Where: {error.where}", err=True)
    click.echo(f"To do: {error.hint}", err=True)
    click.echo(f"       [{error.slug}] is explained in docs/messages.md", err=True)
