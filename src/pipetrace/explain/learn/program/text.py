"""Python text: expressions that are broken into lines as Black and Ruff break them."""

import json
import keyword
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

WIDTH = 88
"""Characters of a line."""
INDENT = 4


class Code(str):
    """Code that stands where a configuration has a value: it is written as it is."""

    __slots__ = ()


@dataclass(frozen=True)
class Pair:
    """An argument with its name, or an entry of a dictionary."""

    before: str
    inner: "Expression"


@dataclass(frozen=True)
class Commented:
    """An entry of a list with a comment behind its line."""

    inner: "Expression"
    comment: str


@dataclass(frozen=True)
class Group:
    """Items in brackets: a call, with what is called before them, a list, a tuple, a dictionary."""

    before: "Expression"
    brackets: str
    items: Sequence["Expression"] = field(default_factory=tuple)
    # whether each item has a line of its own, even where all would fit on one
    is_long: bool = False
    is_tuple: bool = False  # whether one item alone is followed by a comma


Expression: TypeAlias = str | Pair | Commented | Group


def call(function: Expression, *items: Expression) -> Group:
    """A call of a function with arguments."""
    return Group(function, "()", items)


def mapped(items: Mapping[Any, Any], make: Callable[[Any], Expression]) -> Group:
    """A dictionary with plain keys, each value as an expression."""
    pairs = [Pair(f"{flat(literal(key))}: ", make(value)) for key, value in items.items()]
    return Group("", "{}", pairs)


def flat(of: Expression) -> str:
    """The expression on one line."""
    if isinstance(of, str):
        return of
    if isinstance(of, Pair):
        return of.before + flat(of.inner)
    if isinstance(of, Commented):
        return flat(of.inner)
    inner = ", ".join(map(flat, of.items)) + "," * (of.is_tuple and len(of.items) == 1)
    return f"{flat(of.before)}{of.brackets[0]}{inner}{of.brackets[1]}"


def broken(of: Expression, indent: int = 0, used: int = 0, after: int = 0) -> str:
    """The expression on lines at an indent; characters are ``used`` before, and come after."""
    if isinstance(of, Pair):
        return of.before + broken(of.inner, indent, used + len(of.before), after)
    if isinstance(of, Commented):
        return broken(of.inner, indent, used, after)
    one = flat(of)
    fits = used + len(one) + after <= WIDTH and not _is_long(of)
    if fits or isinstance(of, str) or not of.items:
        return one
    if isinstance(of.before, Group) and of.before.items and not of.is_long:
        # A layer that is called at once: the brackets of its settings are broken first.
        rest = flat(replace(of, before=""))
        if indent + 1 + len(rest) + after <= WIDTH:
            return broken(replace(of.before, is_long=True), indent, used) + rest
    lines = ""
    for item in of.items:
        behind = f"  {item.comment}" if isinstance(item, Commented) and item.comment else ""
        inner = broken(item, indent + INDENT, indent + INDENT, 1 + len(behind))
        lines += f"{' ' * (indent + INDENT)}{inner},{behind}\n"
    before = broken(of.before, indent, used, 1)
    return f"{before}{of.brackets[0]}\n{lines}{' ' * indent}{of.brackets[1]}"


def _is_long(of: Expression) -> bool:
    if isinstance(of, str):
        return False
    if isinstance(of, Group):
        return of.is_long or any(map(_is_long, (of.before, *of.items)))
    return _is_long(of.inner)


def statement(target: str, value: Expression, comment: str = "", indent: int = 0) -> str:
    """A line, or some: ``target = value  # comment``."""
    before = " " * indent + (f"{target} = " if target else "")
    behind = f"  {comment}" if comment else ""
    return f"{before}{broken(value, indent, len(before), len(behind))}{behind}\n"


def remark(text: str, indent: int = 0) -> str:
    """A comment of one or more lines."""
    start = " " * indent + "# "
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )
    return "\n".join(lines) + "\n" if lines else ""


def literal(value: Any) -> Expression:
    """A plain value as Python writes it; lists of settings become tuples."""
    if isinstance(value, Mapping):
        return mapped(value, literal)
    if isinstance(value, (list, tuple)):
        return Group("", "()", [literal(each) for each in value], is_tuple=True)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return repr(shortest(value)) if math.isfinite(value) else f'float("{value}")'
    return repr(value)


def listed(items: Iterable[Expression]) -> Group:
    """A list."""
    return Group("", "[]", tuple(items))


def shortest(value: float) -> float:
    """The shortest number that float32 holds as this one: 0.001 for 0.0010000000474974513."""
    with np.errstate(all="ignore"):
        single = np.float32(value)
    return float(str(single)) if float(single) == value else value


def quoted(text: str) -> str:
    """A text in quotes, double ones where possible."""
    plain = repr(text)
    if plain[0] == "'" and '"' not in text:
        return f'"{plain[1:-1]}"' if "'" not in text else json.dumps(text)
    return plain


def snake(name: str) -> str:
    """The name of a class as Keras makes names of it: ``max_pooling2d`` of ``MaxPooling2D``."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def identifier(name: str, taken: Iterable[str] = ()) -> str:
    """A name for a variable that is made of any name, and that is not taken."""
    found = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "layer"
    if found[0].isdigit() or keyword.iskeyword(found):
        found = f"_{found}" if found[0].isdigit() else f"{found}_"
    used, number, first = set(taken), 2, found
    while found in used:
        found, number = f"{first}_{number}", number + 1
    return found
