"""Write the head of each rule's page in docs/rules from its class, and the list of all rules.

Run it after a change of a rule's attributes, or for a new rule: its page then has the headings, and
you write the text below them. With ``--examples`` and codes, or none for all, it also runs the
program of each page and inserts the output of its command. Tests compare both with what it would
write.
"""

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner

from pipetrace.cli import commands
from pipetrace.comparison.baseline import Baseline
from pipetrace.explain.findings.expectation import Expectation
from pipetrace.explain.findings.pages import END, head
from pipetrace.explain.findings.rule import AnyRule, all_rules

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "rules"
HEADINGS = ("Evidence it needs", "Example", "When to ignore it")
LIST_BEGIN, LIST_END = "<!-- made from the rules -->", "<!-- end of the list -->"
FAMILIES = {
    "PT0": "Conditions",
    "PT1": "Data and targets",
    "PT2": "Activations and units",
    "PT3": "Outputs and loss",
    "PT4": "Optimisation",
    "PT5": "Generalisation and stopping",
    "PT6": "Architecture",
    "PT7": "NaN and Inf",
    "PT8": "The run",
}


def rules() -> tuple[AnyRule, ...]:
    """The rules that have pages, sorted by code."""
    return (Expectation, Baseline, *all_rules())


def page(rule: AnyRule, before: str) -> str:
    """A rule's page. Of ``before``, the page so far, what is written by hand is kept."""
    written = before.partition(END)[2] or "".join(f"\n## {each}\n" for each in HEADINGS)
    return head(rule).removesuffix("\n") + written


def listing(before: str) -> str:
    """The list of all rules, and the text around it."""
    lines = []
    for family, title in FAMILIES.items():
        own = [rule for rule in rules() if rule.code.startswith(family)]
        if own:
            lines += [
                f"\n### {title}\n",
                "| rule | severity | category | what it finds |",
                "|---|---|---|---|",
            ]
            lines += [
                f"| [{rule.code} {rule.name}]({rule.code}.md) | {rule.level} | `{rule.category}` "
                f"| {rule.what} |"
                for rule in own
            ]
    made = f"{LIST_BEGIN}\n" + "\n".join(lines) + f"\n\n{LIST_END}"
    return re.sub(f"{LIST_BEGIN}.*{LIST_END}", lambda _: made, before, flags=re.DOTALL)


def pages(folder: Path = FOLDER) -> Iterator[tuple[Path, str]]:
    """The files and their texts."""
    for rule in rules():
        place = folder / f"{rule.code}.md"
        yield place, page(rule, place.read_text(encoding="utf-8") if place.is_file() else "")
    place = folder / "README.md"
    yield place, listing(place.read_text(encoding="utf-8"))


EXAMPLE = re.compile(
    r"```python\n(?P<program>.*?)```\n\n"
    r"```console\n\$ (?P<command>pipetrace .*?)\n(?P<said>.*?)```",
    re.DOTALL,
)


def example(text: str) -> re.Match[str]:
    """The program of a page, the command that follows it, and the command's output.

    Raises:
        ValueError: the page has none.
    """
    found = EXAMPLE.search(text)
    if found is None:
        raise ValueError("the page has no program followed by a command")
    return found


def said(text: str) -> str:
    """The output of a page's command after its program has run in the current folder."""
    import keras

    from pipetrace.record.recorder import Recorder

    # Keras numbers layers through a whole process.
    keras.backend.clear_session()
    found = example(text)
    # Without a budget the output does not depend on how busy the machine is.
    with patch.dict(Recorder.__init__.__kwdefaults__, {"budget": None}):
        exec(compile(found["program"], "the example", "exec"), {"__name__": "example"})
    return CliRunner().invoke(commands, shlex.split(found["command"])[1:]).output


def with_example(text: str) -> str:
    """A page with the present output of its command."""
    found = example(text)
    return text[: found.start("said")] + said(text) + text[found.end("said") :]


def main(arguments: list[str]) -> None:
    """Write the pages; with ``--examples`` run those of the codes, or all."""
    for where, text in pages():
        where.write_text(text, encoding="utf-8")
    if arguments[:1] == ["--examples"]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for code in arguments[1:] or [rule.code for rule in rules()]:
                place = FOLDER / f"{code}.md"
                place.write_text(with_example(place.read_text(encoding="utf-8")), encoding="utf-8")
                sys.stdout.write(f"{place.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
