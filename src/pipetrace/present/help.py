"""What ``pipetrace help`` explains: kinds of errors, rules, and the schema of a trace's JSON."""

import difflib
import re
from collections.abc import Sequence

from pipetrace.errors import ArgumentError
from pipetrace.explain.findings.pages import shipped
from pipetrace.explain.findings.rule import AnyRule
from pipetrace.explain.formatting import listed
from pipetrace.present.rules import explained

SCHEMA = "schema"
SECTION = re.compile(r"^### (?P<slug>\S+)\n(?P<text>.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^]]+)\]\([^)]*\)")


def explanation(topic: str, rules: Sequence[AnyRule]) -> str:
    """The text on a topic: a slug, the code or name of a rule, or ``schema``, in brackets or not.

    Raises:
        ArgumentError: there is no such topic.
    """
    wanted = topic.strip("[] ").lower()
    messages = {found["slug"]: found["text"] for found in SECTION.finditer(_of("messages.md"))}
    if wanted in messages:
        text = LINK.sub(r"\1", messages[wanted].strip())
        return f"{wanted}\n\n{text}\n"
    if wanted == SCHEMA:
        return _of("trace.schema.json")
    for rule in rules:
        if wanted in (rule.code.lower(), rule.name):
            return explained(rule, rules)
    codes = [code for rule in rules for code in (rule.code.lower(), rule.name)]
    near = difflib.get_close_matches(wanted, [*messages, SCHEMA, *codes], 3)
    meant = f"Did you mean {listed(near, 'or')}? " if near else ""
    raise ArgumentError(
        f"There is no help on {topic!r}.",
        where="TOPIC",
        hint=f"{meant}Give a command, the slug of a message, or the code or name of a rule.",
    )


def _of(name: str) -> str:
    return shipped(name) or ""
