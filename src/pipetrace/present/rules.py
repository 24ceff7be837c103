"""The rules, listed and explained, as text and as JSON."""

import json
from collections.abc import Iterator, Sequence

from pipetrace.explain.findings.pages import page
from pipetrace.explain.findings.rule import AnyRule
from pipetrace.explain.formatting import counted, listed
from pipetrace.present.text import wrapped


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
    return (
        "\n".join(_explained(rule, {each.code: each.name for each in others})).rstrip("\n") + "\n"
    )


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
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _explained(rule: AnyRule, names: dict[str, str]) -> Iterator[str]:
    yield f"{rule.code} {rule.name}"
    yield ""
    yield f"Severity: {rule.level}. Category: {rule.category}."
    yield ""
    yield from wrapped(f"What it finds: {_prose(rule.what)}")
    yield ""
    yield from wrapped(f"Why it matters: {_prose(rule.why)}")
    if rule.root_cause_of:
        caused = [f"{code} {names[code]}" if code in names else code for code in rule.root_cause_of]
        yield ""
        yield from wrapped(f"Root cause of: {listed(caused)}.")
    if rule.needs:
        yield ""
        yield from wrapped(f"Needs: {listed(rule.needs)}.")
    written = page(rule.code)
    if written is None:
        yield ""
        yield from wrapped(f"It comes from {_origin(rule)}.")
    else:
        yield ""
        yield written.written


def _origin(rule: AnyRule) -> str:
    kind = rule if isinstance(rule, type) else type(rule)
    return f"{kind.__module__}.{kind.__qualname__}"


def _prose(text: str) -> str:
    """A sentence without the marks of Markdown."""
    return text.replace("`", "")
