"""The pages of ``docs`` that an installed package has too: of each rule, and of each message."""

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pipetrace.explain.findings.rule import AnyRule

BEGIN, END = "<!-- made from the rule -->", "<!-- written by hand -->"
"""``tools/make_rule_pages.py`` writes what is between these; the rest is written by hand."""
COMMENT = re.compile(r"<!--.*?-->\n?")


@dataclass(frozen=True)
class Page:
    """A rule's page in Markdown: what is made from its class, and what is written by hand."""

    made: str
    written: str


def head(rule: AnyRule) -> str:
    """The part of a page that is made from its rule."""
    causes = ", ".join(rule.root_cause_of)
    causes = f"\n\n**Root cause of:** {causes}." if causes else ""
    needs = f"\n\n**Needs:** {', '.join(rule.needs)}." if rule.needs else ""
    return (
        f"# {rule.code} {rule.name}\n\n{BEGIN}\n"
        f"Severity: {rule.level}. Category: `{rule.category}`.\n\n"
        f"**What it finds:** {rule.what}\n\n"
        f"**Why it matters:** {rule.why}{causes}{needs}\n{END}\n"
    )


def page(code: str) -> Page | None:
    """The page of one of pipetrace's rules; None where there is none."""
    text = shipped(f"rules/{code}.md")
    if text is None:
        return None
    made, _, written = text.partition(END)
    # Comments are for the tests that run the page's program.
    return Page(COMMENT.sub("", made).strip(), COMMENT.sub("", written).strip())


def shipped(name: str) -> str | None:
    """The text of a file of ``docs``, such as ``messages.md``; None where there is none."""
    files = (folder / name for folder in folders())
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)


def folders() -> tuple[Path, ...]:
    """Where the pages are in an installed package, and in a checkout."""
    here = Path(str(resources.files("pipetrace")))
    return here / "docs", here.parents[1] / "docs"
