"""What ``pipetrace help`` and ``rules`` explain: errors, rules, and the schema of the JSON."""

import difflib
import re
from collections.abc import Sequence

from pipetrace.errors import ArgumentError
from pipetrace.explain.findings.pages import page, shipped
from pipetrace.explain.findings.rule import AnyRule
from pipetrace.explain.formatting import counted, listed
from pipetrace.present.formats.json import indented
from pipetrace.present.text import wrapped

SCHEMA = "schema"
SECTION = re.compile(r"^### (?P<slug>\S+)\n(?P<text>.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^]]+)\]\([^)]*\)")


def explanation(topic: str, rules: Sequence[AnyRule]) -> str:
    """The text on a slug, the code or name of a rule, or ``schema``; an ``ArgumentError`` for
    others.
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


def listing(rules: Sequence[AnyRule]) -> str:
    """All rules: code, name, level, category, and what each finds."""
    lines = []
    for rule in rules:
        lines.append(f"{rule.code} {rule.name} ({rule.level}, {rule.category})")
        lines += wrapped(_prose(rule.what), indent=6)
    lines += ["", f"{counted(len(rules), 'rule')}. Explain one with: pipetrace rules CODE"]
    return "\n".join(lines) + "\n"


def explained(rule: AnyRule, others: Sequence[AnyRule]) -> str:
    """One rule: what it finds and why, what it is the root cause of by name, and its page."""
    names = {each.code: each.name for each in others}
    parts = [
        f"{rule.code} {rule.name}",
        f"Severity: {rule.level}. Category: {rule.category}.",
        _wrapped(f"What it finds: {_prose(rule.what)}"),
        _wrapped(f"Why it matters: {_prose(rule.why)}"),
    ]
    if rule.root_cause_of:
        caused = [f"{code} {names[code]}" if code in names else code for code in rule.root_cause_of]
        parts.append(_wrapped(f"Root cause of: {listed(caused)}."))
    if rule.needs:
        parts.append(_wrapped(f"Needs: {listed(rule.needs)}."))
    written = page(rule.code)
    parts.append(written.written if written else _wrapped(f"It comes from {_origin(rule)}."))
    return "\n\n".join(parts).rstrip("\n") + "\n"


def as_json(rules: Sequence[AnyRule]) -> str:
    """Rules with their pages, for programs."""
    made = [
        {
            "code": rule.code,
            "name": rule.name,
            "level": rule.level,
            "category": rule.category,
            "what": rule.what,
            "why": rule.why,
            "root_cause_of": list(rule.root_cause_of),
            "needs": list(rule.needs),
            "from": _origin(rule),
            "page": written.written if (written := page(rule.code)) else None,
        }
        for rule in rules
    ]
    return indented(made)


def _wrapped(text: str) -> str:
    return "\n".join(wrapped(text))


def _origin(rule: AnyRule) -> str:
    kind = rule if isinstance(rule, type) else type(rule)
    return f"{kind.__module__}.{kind.__qualname__}"


def _prose(text: str) -> str:
    """A sentence without the marks of Markdown."""
    return text.replace("`", "")
