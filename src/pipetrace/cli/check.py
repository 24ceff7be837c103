"""Commands that look for problems: check, rules."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import pipetrace
from pipetrace.cli.group import (
    TRACE,
    beside,
    commands,
    console_for,
    form_option,
    is_standard,
    name_of,
    output_option,
    plain_option,
    print_error,
    print_text,
    write_output,
)
from pipetrace.config import CHOICES, Config, config


@commands.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=TRACE)
@click.option(
    "--select",
    metavar="RULES",
    multiple=True,
    help="Run only these rules: codes, what codes start with, or names: PT2, PT201,dying-relu.",
)
@click.option(
    "--ignore", metavar="RULES", multiple=True, help="Skip these rules, by codes or names."
)
@click.option(
    "--level",
    type=click.Choice(CHOICES["level"]),
    help="Minimum severity to report.  [default: warning]",
)
@click.option(
    "--expect",
    metavar="CONDITION",
    multiple=True,
    help="A condition on the last epoch, such as 'val_accuracy >= 0.9', or on another figure: "
    "'best val_loss < 0.2', 'epochs <= 20', 'parameters <= 1e6', 'findings == 0'. Can be given "
    "several times.",
)
@click.option(
    "--baseline",
    metavar="TRACE",
    type=TRACE,
    help="An earlier trace to compare with: stages must be the same, and metrics close. Settings "
    "that differ are named as causes.",
)
@click.option(
    "--tolerance",
    type=float,
    help="How far metrics may differ from the baseline, as a fraction.  [default: 0.1]",
)
@form_option(CHOICES["format"], "Output format.  [default: text]")
@output_option("Write the report to this file and replace it; - is standard output.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@plain_option
def check(
    files: tuple[Path, ...],
    form: str | None,
    plain: bool,
    output: Path | None,
    exit_zero: bool,
    **options: Any,
) -> None:
    """Check traces for problems. Exits with 1 if any are found.

    The exit code is 0 if nothing was found, 1 if there are findings, 2 if a trace could not be
    checked. A run that failed, was killed or was interrupted is a finding. The table
    [tool.pipetrace] of pyproject.toml sets the same options; options given here take precedence.
    """
    from pipetrace.present.formats import FORMS, check_blocks

    defaults = config(Path.cwd())
    checked = _checked(files, defaults, options)
    form, console = form or defaults.format or "text", console_for(plain)
    if form == "github":
        _add_to_summary(checked)
    if form == "text" and is_standard(output) and console.is_terminal:
        from pipetrace.present.rich import print_blocks

        print_blocks(check_blocks(checked), console)
    else:
        baseline = options["baseline"] or defaults.baseline
        read_from = [*files, *map(Path, filter(None, [baseline]))]
        write_output(FORMS[form](checked, pipetrace.__version__), output, read_from, force=True)
    for error in dict.fromkeys(error for each in checked for error in each.failed):
        print_error(error)
    code = max(each.exit_code for each in checked)
    sys.exit(0 if code == 1 and exit_zero else code)


def finish_run(made: Sequence[Path], *, checks: bool, pages: bool) -> int:
    """Write the pages of a program's traces and check them, as asked for; the exit code.

    In a workflow of GitHub the findings are shown beside the run and in its summary.
    """
    from pipetrace.explain.findings.labels import report_title
    from pipetrace.present import write_page
    from pipetrace.present.formats.github import github

    here = Path.cwd()  # whose files GitHub knows by their paths in it
    made = [each.relative_to(here) if each.is_relative_to(here) else each for each in made]
    for file in made if pages else ():
        write_page(file, beside(file), force=True)
        click.echo(f"pipetrace: the page is {name_of(beside(file))}", err=True)
    if not checks:
        return 0
    checked = _checked(made, config(here), {})
    for each in checked:
        click.echo(f"pipetrace: {each.file}: {report_title(each)}.", err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(github(checked, pipetrace.__version__), nl=False, err=True)
        _add_to_summary(checked)
    return max((each.exit_code for each in checked), default=2)


def _add_to_summary(checked: Sequence[Any]) -> None:
    """Add the findings to the summary of a job of GitHub, where this is one."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return
    from pipetrace.present.formats import check_blocks
    from pipetrace.present.markdown import write_markdown

    try:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(write_markdown(check_blocks(checked)) + "\n")
    except OSError as error:
        click.echo(f"The summary of the job cannot be written: {error.strerror}.", err=True)


@commands.command()
@click.argument("code", required=False)
@form_option(["text", "json"], "Output format.", "text")
def rules(code: str | None, form: str) -> None:
    """List the rules that check runs, or explain one of them.

    CODE is the code or the name of a rule.
    """
    from pipetrace.explain.findings.selection import find_rule
    from pipetrace.present.help import as_json, explained, listing

    known, failed = _all_rules()
    chosen = known if code is None else (find_rule(known, code),)
    if form == "json":
        print_text(as_json(chosen))
    else:
        print_text(listing(chosen) if code is None else explained(chosen[0], known))
    for error in failed:
        print_error(error)
    if failed:
        sys.exit(2)


@commands.command("help")
@click.argument("topic", required=False)
@click.pass_context
def help_(context: click.Context, topic: str | None) -> None:
    """Explain a command, a message or a rule.

    TOPIC is a command, the slug of a message such as disk-full, the code or the name of a rule, or
    'schema' for the schema of what export writes.
    """
    from pipetrace.present.help import explanation

    whole = context.parent or context
    if topic is None:
        click.echo(whole.get_help())
    elif topic in commands.commands:
        command = commands.commands[topic]
        click.echo(command.get_help(command.make_context(topic, [], whole, resilient_parsing=True)))
    else:
        known, _ = _all_rules()
        print_text(explanation(topic, known))


def _all_rules() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Every rule, those behind --expect and --baseline too, and why others cannot be loaded."""
    from pipetrace.comparison.baseline import Baseline
    from pipetrace.explain.findings.expectation import Expectation
    from pipetrace.explain.findings.selection import known_rules

    installed, failed = known_rules()
    return (Expectation, Baseline, *installed), failed


def _checked(
    files: Sequence[Path], defaults: Config, options: Mapping[str, Any]
) -> tuple[Any, ...]:
    """What the rules find in traces; options take precedence over pyproject.toml."""
    from pipetrace.comparison.baseline import check_options
    from pipetrace.explain.findings.engine import check as check_trace
    from pipetrace.trace import read

    given = {name: value for name, value in options.items() if value not in (None, ())}
    wanted = check_options({**vars(defaults), **given})
    return tuple(check_trace(read(file), wanted, name_of(file)) for file in files)
