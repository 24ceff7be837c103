"""The page of each rule: written for ``docs/rules``, and shipped beside the rules."""

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pipetrace.explain.findings.rule import AnyRule

BEGIN, END = "<!-- made from the rule -->", "<!-- written by hand -->"
"""Between these stands what ``tools/make_rule_pages.py`` writes from the class; the rest is written by hand."""
COMMENT = re.compile(r"<!--.*?-->\n?")


@dataclass(frozen=True)
class Page:
    """A rule's page, in Markdown: the part that is made from its class, and the part that is written by hand."""

    made: str
    written: str


def head(rule: AnyRule) -> str:
    """What a page tells of its rule: code, name, level, category, what it finds, why it matters, and what it explains."""
    explains = (
        f"\n\n**It explains** what {', '.join(rule.explains)} would say of the same run."
        if rule.explains
        else ""
    )
    return (
        f"# {rule.code} {rule.name}\n\n{BEGIN}\nLevel: {rule.level}. Category: `{rule.category}`.\n\n"
        f"**What it finds:** {rule.what}\n\n**Why it matters:** {rule.why}{explains}\n{END}\n"
    )


def page(code: str) -> Page | None:
    """The page of one of pipetrace's rules; None where there is none."""
    text = read(code)
    if text is None:
        return None
    made, _, written = text.partition(END)
    # What stands in comments is for the tests that run the page's program.
    return Page(COMMENT.sub("", made).strip(), COMMENT.sub("", written).strip())


def read(code: str) -> str | None:
    """The text of a page as it is written; None where there is none."""
    for folder in folders():
        place = folder / f"{code}.md"
        if place.is_file():
            return place.read_text(encoding="utf-8")
    return None


def folders() -> tuple[Path, ...]:
    """Where the pages may lie: beside this file in an installed package, in ``docs/rules`` of a checkout."""
    here = Path(str(resources.files("pipetrace.explain.findings")))
    return here / "pages", here.parents[3] / "docs" / "rules"
