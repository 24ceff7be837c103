"""Python text: expressions that are broken into lines as Black and Ruff break them, with the places
of the arguments that they hold."""

import json
import keyword
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

WIDTH = 88
"""Characters of a line."""
INDENT = 4


@dataclass(frozen=True)
class Span:
    """Where the program has one recorded setting."""

    stage: str  # the stage that it is of; ``compile`` and ``fit`` for theirs
    argument: str  # its name as Keras has it; ``output shape`` for the comment behind a layer
    # start, end: offsets in the code
    start: int
    end: int
    value: Any  # as recorded


@dataclass(frozen=True)
class Text:
    """Code with the places of settings in it."""

    text: str = ""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Setting:
    """An expression that is a recorded setting."""

    inner: "Expression"
    stage: str
    argument: str
    value: Any


@dataclass(frozen=True)
class Pair:
    """An argument with its name, or an entry of a dictionary."""

    before: str
    inner: "Expression"


@dataclass(frozen=True)
class Commented:
    """An entry of a list with a comment behind its line."""

    inner: "Expression"
    comment: Text


@dataclass(frozen=True)
class Group:
    """Items in brackets: a call, with what is called before them, a list, a tuple, a dictionary."""

    before: "Expression"
    brackets: str
    items: Sequence["Expression"] = field(default_factory=tuple)
    # whether each item has a line of its own, even where all would fit on one
    is_long: bool = False
    is_tuple: bool = False  # whether one item alone is followed by a comma


Expression: TypeAlias = Text | Setting | Pair | Commented | Group


def joined(parts: Iterable[Text | str]) -> Text:
    """Texts one after the other, their places moved along."""
    texts, spans, length = list[str](), list[Span](), 0
    for part in parts:
        text = part if isinstance(part, str) else part.text
        for span in () if isinstance(part, str) else part.spans:
            spans.append(replace(span, start=span.start + length, end=span.end + length))
        texts.append(text)
        length += len(text)
    return Text("".join(texts), tuple(spans))


def call(function: "Expression | str", *items: Expression) -> Group:
    """A call of a function with arguments."""
    return Group(Text(function) if isinstance(function, str) else function, "()", items)


def marked(text: Text, stage: str, argument: str, value: Any) -> Text:
    """The text as a whole is a setting."""
    return Text(text.text, (*text.spans, Span(stage, argument, 0, len(text.text), value)))


def flat(of: Expression) -> Text:
    """The expression on one line."""
    if isinstance(of, Text):
        return of
    if isinstance(of, Setting):
        return marked(flat(of.inner), of.stage, of.argument, of.value)
    if isinstance(of, Pair):
        return joined([of.before, flat(of.inner)])
    if isinstance(of, Commented):
        return flat(of.inner)
    items: list[Text | str] = []
    for item in of.items:
        items += [", ", flat(item)] if items else [flat(item)]
    lone = of.is_tuple and len(of.items) == 1
    return joined([flat(of.before), of.brackets[0], *items, "," * lone, of.brackets[1]])


def broken(of: Expression, indent: int = 0, used: int = 0, after: int = 0) -> Text:
    """The expression on lines at an indent; characters are ``used`` before, and come after."""
    if isinstance(of, Setting):
        return marked(broken(of.inner, indent, used, after), of.stage, of.argument, of.value)
    if isinstance(of, Pair):
        inner = broken(of.inner, indent, used + len(of.before), after)
        return joined([of.before, inner])
    if isinstance(of, Commented):
        return broken(of.inner, indent, used, after)
    one = flat(of)
    fits = used + len(one.text) + after <= WIDTH and not _is_long(of)
    if fits or isinstance(of, Text) or not of.items:
        return one
    if isinstance(of.before, Group) and of.before.items and not of.is_long:
        # A layer that is called at once: the brackets of its settings are broken first.
        first, rest = (
            broken(replace(of.before, is_long=True), indent, used),
            flat(replace(of, before=Text())),
        )
        if indent + 1 + len(rest.text) + after <= WIDTH:
            return joined([first, rest])
    lines: list[Text | str] = []
    for item in of.items:
        comment = item.comment if isinstance(item, Commented) else Text()
        behind = joined(["  ", comment] if comment.text else [])
        inner = broken(item, indent + INDENT, indent + INDENT, 1 + len(behind.text))
        lines += [" " * (indent + INDENT), inner, ",", behind, "\n"]
    before = broken(of.before, indent, used, 1)
    return joined([before, of.brackets[0], "\n", *lines, " " * indent, of.brackets[1]])


def _is_long(of: Expression) -> bool:
    if isinstance(of, Text):
        return False
    if isinstance(of, Group):
        return of.is_long or any(map(_is_long, (of.before, *of.items)))
    return _is_long(of.inner)


def statement(target: str, value: Expression, comment: Text | None = None, indent: int = 0) -> Text:
    """A line, or some: ``target = value  # comment``."""
    before = " " * indent + (f"{target} = " if target else "")
    behind = joined(["  ", comment] if comment is not None and comment.text else [])
    return joined([before, broken(value, indent, len(before), len(behind.text)), behind, "\n"])


def remark(text: str, indent: int = 0) -> str:
    """A comment of one or more lines."""
    import textwrap

    start = " " * indent + "# "
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )
    return "\n".join(lines) + "\n" if lines else ""


def literal(value: Any) -> Expression:
    """A plain value as Python writes it; lists of settings become tuples."""
    if isinstance(value, Mapping):
        pairs = [Pair(f"{flat(literal(key)).text}: ", literal(each)) for key, each in value.items()]
        return Group(Text(), "{}", pairs)
    if isinstance(value, (list, tuple)):
        return Group(Text(), "()", [literal(each) for each in value], is_tuple=True)
    if isinstance(value, str):
        return Text(quoted(value))
    if isinstance(value, float):
        return Text(repr(shortest(value)) if math.isfinite(value) else f'float("{value}")')
    return Text(repr(value))


def listed(items: Iterable[Expression]) -> Group:
    """A list."""
    return Group(Text(), "[]", tuple(items))


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
