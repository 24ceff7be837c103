"""Which rules run: pipetrace's own, those of installed packages, and further ones, less what is not
selected.

To add a rule of our own, add a class to a file of its theme in ``rules/``, where it is found by
itself, and its page in ``docs/rules/``.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipetrace.errors import (
    ArgumentError,
    BadRuleError,
    PipetraceError,
    RuleClashError,
    UnknownRuleError,
)
from pipetrace.explain.findings.finding import LEVELS
from pipetrace.explain.findings.needs import NEEDS
from pipetrace.explain.findings.rule import AnyRule, Rule, all_rules
from pipetrace.explain.formatting import listed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "pipetrace.rules"
"""The group of entry points by which an installed package adds rules."""
CODE = re.compile(r"[A-Z]{2,8}\d{3}")
OWN_LETTERS = "PT"
"""Codes with these letters are pipetrace's own: later versions add more of them."""
REQUIRED = ("code", "name", "category", "level", "what", "why")


def known_rules(
    further: Iterable[AnyRule] = (),
) -> tuple[tuple[Rule, ...], tuple[PipetraceError, ...]]:
    """All rules, sorted by code, and an error for each installed one that cannot be loaded.

    A further rule that is none is a ``BadRuleError``; with the code of another a
    ``RuleClashError``.
    """
    known = list(all_rules())
    broken: list[PipetraceError] = []
    for entry in entry_points():
        try:
            _add(known, as_rule(_loaded(entry), f"the entry point {entry.name} of {GROUP}"))
        except PipetraceError as error:
            broken.append(error)
    for each in further:
        _add(known, as_rule(each, "rules"))
    return tuple(sorted(known, key=lambda rule: rule.code)), tuple(broken)


def entry_points() -> "list[EntryPoint]":
    """The installed rules, sorted by name.

    Nothing that lies in the current folder counts as installed: it may be a stranger's. Importing
    ``importlib.metadata`` takes as long as reading a trace, so it is asked only where a package
    declares rules. Files on ``sys.path`` are archives, which only it can read.
    """
    places = [Path(place) for place in sys.path if not _is_here(place)]
    if not any(place.is_file() or _may_declare_rules(place) for place in places):
        return []
    from importlib.metadata import distributions

    packages = {each.name: each for each in reversed(list(distributions(path=[*map(str, places)])))}
    found = (one for each in packages.values() for one in each.entry_points if one.group == GROUP)
    return sorted(found, key=lambda each: each.name)


def _is_here(place: str) -> bool:
    try:
        return not place or Path(place).samefile(Path.cwd())
    except (OSError, ValueError):
        return False  # it does not exist


def _may_declare_rules(folder: Path) -> bool:
    try:
        return _declares_rules(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return False


@lru_cache(256)
def _declares_rules(folder: Path, changed: int) -> bool:  # noqa: ARG001 asked anew after a change
    """Whether a package in a folder declares rules. To install or remove one changes the folder."""
    files = folder.glob("*-info/entry_points.txt")
    return any(GROUP in file.read_text("utf-8", "replace") for file in files)


def as_rule(given: object, where: str) -> Rule:
    """A rule, maybe from its class; a ``BadRuleError`` that says ``where`` for others."""
    kind = given if isinstance(given, type) else type(given)
    name = qualified_name(kind)
    if not issubclass(kind, Rule):
        raise BadRuleError(
            f"A rule must be a subclass of pipetrace.Rule, received {name}.",
            where=where,
            hint="To choose rules by code or name, use select."
            if isinstance(given, str)
            else "Give the class or an object of it; pipetrace help bad-rule shows one.",
        )
    lacking = [each for each in REQUIRED if not isinstance(getattr(kind, each, None), str)]
    if not lacking and getattr(kind.check, "__isabstractmethod__", False):
        lacking = ["its method check"]
    if lacking:
        raise BadRuleError(
            f"The rule {name} lacks {listed(lacking)}.",
            where=where,
            hint="Add it to the class; pipetrace help bad-rule shows one.",
        )
    unknown = [need for need in kind.needs if need not in NEEDS]
    if unknown:
        raise BadRuleError(
            f"The rule {name} needs {unknown[0]!r}, which is not recorded under that name.",
            where=where,
            hint=f"A rule can need {listed(list(NEEDS), 'or')}.",
        )
    own = kind.__module__.startswith("pipetrace.")
    free = CODE.fullmatch(kind.code) and (own or not kind.code.startswith(OWN_LETTERS))
    if not free or kind.level not in LEVELS:
        raise BadRuleError(
            f"The rule {name} has the code {kind.code!r} and the level {kind.level!r}.",
            where=where,
            hint=f"A code is two to eight capital letters, not {OWN_LETTERS}, and three digits, "
            f"such as MY001. A level is {listed(LEVELS, 'or')}.",
        )
    try:
        return kind() if isinstance(given, type) else given  # type: ignore[return-value]
    except Exception as error:
        raise BadRuleError(
            f"The rule {name} cannot be created: {type(error).__name__}: {error}.",
            where=where,
            hint="Give a class whose constructor takes no arguments, or an object.",
        ) from error


def selected(
    rules: Sequence[Rule], select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> tuple[Rule, ...]:
    """The rules that ``select`` names, or all, without those that ``ignore`` names.

    Each is a code, what codes start with, or a name, or several with commas; an
    ``UnknownRuleError`` where one matches no rule.
    """
    wanted, unwanted = _named(rules, select, "select"), _named(rules, ignore, "ignore")
    return tuple(rule for rule in rules if (not wanted or rule in wanted) and rule not in unwanted)


def find_rule(rules: Sequence[AnyRule], code: str) -> AnyRule:
    """The rule with this code or name; an ``UnknownRuleError`` where there is none."""
    for rule in rules:
        if code.strip().lower() in (rule.code.lower(), rule.name.lower()):
            return rule
    raise _unknown(rules, code, "CODE")


def check_level(level: str) -> None:
    """Raise an ``ArgumentError`` unless this is a level."""
    if level not in LEVELS:
        raise ArgumentError(
            f"There is no level {level!r}.",
            where="level",
            hint=f"Give {listed([repr(each) for each in LEVELS], 'or')}.",
        )


def qualified_name(kind: type) -> str:
    """A class with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _loaded(entry: "EntryPoint") -> object:
    try:
        return entry.load()
    except Exception as error:  # it is another package, and anything can be wrong with it
        raise BadRuleError(
            f"The installed rule {entry.value} cannot be loaded: {type(error).__name__}: {error}.",
            where=f"the entry point {entry.name} of {GROUP}",
            hint="Correct or uninstall its package.",
        ) from error


def _add(known: list[Rule], rule: Rule) -> None:
    """Add a rule. One class may be there several times, created with different arguments."""
    for other in known:
        if other.code == rule.code and type(other) is not type(rule):
            raise RuleClashError(
                f"Two rules have the code {rule.code}: {qualified_name(type(other))} and "
                f"{qualified_name(type(rule))}.",
                where=rule.code,
                hint="Give one of them another code.",
            )
        if type(other) is type(rule) and vars(other) == vars(rule):
            return
    known.append(rule)


def _named(rules: Sequence[Rule], given: Sequence[str], where: str) -> list[Rule]:
    found: list[Rule] = []
    for part in (part.strip() for each in given for part in each.split(",")):
        named = [
            rule
            for rule in rules
            if part and (rule.code.startswith(part.upper()) or rule.name == part.lower())
        ]
        if not named:
            raise _unknown(rules, part, where)
        found += named
    return found


def _unknown(rules: Sequence[AnyRule], code: str, where: str) -> UnknownRuleError:
    import difflib

    near = difflib.get_close_matches(code.upper(), [rule.code for rule in rules], 3)
    near += difflib.get_close_matches(code.lower(), [rule.name for rule in rules], 2)
    meant = f"Did you mean {listed(near, 'or')}? " if near else ""
    return UnknownRuleError(
        f"There is no rule {code!r}.",
        where=where,
        hint=f"{meant}List the rules with: pipetrace rules",
    )
