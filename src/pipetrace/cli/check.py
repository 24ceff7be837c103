"""Commands that look for problems: check, rules."""

import sys
from pathlib import Path
from typing import Any

import click

import pipetrace
from pipetrace.cli.group import (
    PATH,
    commands,
    console_for,
    plain_option,
    print_error,
    print_text,
)


@commands.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--select",
    metavar="CODES",
    multiple=True,
    help="Run only rules whose code starts with one of these: PT2, PT201,PT5.",
)
@click.option(
    "--ignore", metavar="CODES", multiple=True, help="Skip rules whose code starts with this."
)
@click.option(
    "--level",
    type=click.Choice(["error", "warning", "note"]),
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
    type=PATH,
    help="An earlier trace to compare with: stages, shapes and parameters must be the same, and "
    "metrics close.",
)
@click.option(
    "--tolerance",
    type=float,
    help="How far metrics may differ from the baseline, as a fraction.  [default: 0.1]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    help="Output format.  [default: text]",
)
@plain_option
def check(files: tuple[Path, ...], form: str | None, plain: bool, **options: Any) -> None:
    """Check traces for problems. Exits with 1 if any are found.

    The exit code is 0 if nothing was found, 1 if there are findings, 2 if a trace could not be
    checked. The table [tool.pipetrace] of pyproject.toml sets the same options; options given here
    take precedence.
    """
    from pipetrace.config import config
    from pipetrace.explain.findings.engine import check as check_trace
    from pipetrace.present.formats import FORMS, check_blocks
    from pipetrace.trace import read

    defaults = config(Path.cwd())
    wanted = _check_options(options, defaults)
    checked = tuple(check_trace(read(file), wanted, click.format_filename(file)) for file in files)
    form, console = form or defaults.format or "text", console_for(plain)
    if form == "text" and console.is_terminal:
        from pipetrace.present.rich import print_blocks

        print_blocks(check_blocks(checked), console)
    else:
        print_text(FORMS[form](checked, pipetrace.__version__))
    for error in dict.fromkeys(error for each in checked for error in each.failed):
        print_error(error)
    sys.exit(max(each.exit_code for each in checked))


@commands.command()
@click.argument("code", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
def rules(code: str | None, form: str) -> None:
    """List the rules that check runs, or explain one of them.

    CODE is the code or the name of a rule.
    """
    from pipetrace.explain.findings.baseline import Baseline
    from pipetrace.explain.findings.expectation import Expectation
    from pipetrace.explain.findings.registry import find_rule, known_rules
    from pipetrace.present.rules import as_json, explained, listing

    installed, failed = known_rules()
    known: tuple[Any, ...] = (Expectation, Baseline, *installed)
    chosen = known if code is None else (find_rule(known, code),)
    if form == "json":
        print_text(as_json(chosen))
    else:
        print_text(listing(chosen) if code is None else explained(chosen[0], known))
    for error in failed:
        print_error(error)
    if failed:
        sys.exit(2)


def _check_options(options: dict[str, Any], defaults: Any) -> Any:
    """Combine the options with the defaults of pyproject.toml."""
    from pipetrace.explain.findings.engine import CheckOptions
    from pipetrace.trace import read

    given = {
        name: value if value not in (None, ()) else getattr(defaults, name)
        for name, value in options.items()
    }
    known = {name: value for name, value in given.items() if value is not None}
    if "baseline" in known:
        known["baseline"] = read(known["baseline"])
    return CheckOptions(**{"level": "warning", **known})
