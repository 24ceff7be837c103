"""Conditions on runs, such as ``learning_rate < 0.01 and optimizer == "Adam"``; none runs code.

They are parsed as Python is, and only what ``ALLOWED`` lists is accepted. As in SQL, a comparison
with what a run does not have is neither true nor false, and a run is kept where the whole is true;
``name == None`` finds runs without it.
"""

import ast
import difflib
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pipetrace.errors import RunsError
from pipetrace.run_table.settings import Value

COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
ALLOWED = (
    *COMPARISONS,
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.Compare,
    ast.Name,
    ast.Attribute,
    ast.Load,
    ast.Constant,
    ast.Tuple,
    ast.List,
)
LONGEST = 2000
"""Characters of a condition, which also limit how deep it is nested."""
HINT = (
    "Write comparisons of names, numbers and texts, joined by and, or, not: "
    "'learning_rate < 0.01 and optimizer == \"Adam\"'."
)


class Condition:
    """A parsed condition; a ``RunsError`` where it cannot be parsed, or holds more than
    comparisons.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise self._refused(f"is longer than {LONGEST:,} characters")
        try:
            parsed = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            raise self._refused(f"cannot be parsed: {said}") from error
        nodes = list(ast.walk(parsed))
        for node in nodes:
            if not isinstance(node, ALLOWED):
                raise self._refused(f"holds {type(node).__name__}, which is not allowed")
            if isinstance(node, ast.Constant) and not isinstance(
                node.value, (str, int, float, bool, type(None))
            ):
                raise self._refused(f"holds {node.value!r}, which is no number or text")
        self._body = parsed.body
        # Of a.b the part ``a`` is no name by itself.
        inner = {id(each.value) for each in nodes if isinstance(each, ast.Attribute)}
        named = (_name(each) for each in nodes if id(each) not in inner)
        self.names = sorted({name for name in named if name})

    def check_names(self, runs: Sequence[Mapping[str, Value]]) -> None:
        """Refuse a name that no run has.

        Raises:
            RunsError: there is one.
        """
        known = {name for each in runs for name in each}
        for name in self.names if known else ():
            if name not in known:
                raise unknown(name, known, f"--where {self.text!r}")

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether it is true of a run.

        Raises:
            RunsError: values cannot be compared, such as a text with a number.
        """
        return self._value(self._body, values) is True

    def _value(self, node: ast.AST, values: Mapping[str, Value]) -> Any:
        name = _name(node)
        if name:
            return values.get(name)
        match node:
            case ast.Constant():
                return node.value
            case ast.Tuple() | ast.List():
                return tuple(self._value(each, values) for each in node.elts)
            case ast.UnaryOp(op=ast.Not()):
                found = self._value(node.operand, values)
                return None if found is None else not found
            case ast.UnaryOp():
                found = self._value(node.operand, values)
                if isinstance(found, (int, float)) or found is None:
                    return None if found is None else -found
                raise self._refused(f"has a minus before {found!r}")
            case ast.BoolOp():
                parts = [self._value(each, values) for each in node.values]
                decides = isinstance(node.op, ast.Or)
                if any(part is not None and bool(part) is decides for part in parts):
                    return decides
                return None if None in parts else not decides
            case ast.Compare():
                return self._compared(node, values)
        raise self._refused("cannot be evaluated")

    def _compared(self, node: ast.Compare, values: Mapping[str, Value]) -> bool | None:
        found = [self._value(each, values) for each in (node.left, *node.comparators)]
        given = [node.left, *node.comparators]
        results: list[bool | None] = []
        for at, sign in enumerate(node.ops):
            one, other = found[at : at + 2]
            about_none = any(
                isinstance(each, ast.Constant) and each.value is None for each in given[at : at + 2]
            )
            if (one is None or other is None) and not about_none:
                results.append(None)
                continue
            try:
                results.append(bool(COMPARISONS[type(sign)](one, other)))
            except TypeError as error:
                raise self._refused(f"compares {one!r} with {other!r}") from error
        return False if False in results else None if None in results else True

    def _refused(self, said: str) -> RunsError:
        return RunsError(f"The condition {self.text[:200]!r} {said}.", where="--where", hint=HINT)


def unknown(name: str, known: Iterable[str], where: str) -> RunsError:
    """The error for a name that no run has."""
    near = difflib.get_close_matches(name, known, 3)
    guess = f"Did you mean {' or '.join(near)}? " if near else ""
    return RunsError(
        f"No run has {name!r}.",
        where=where,
        hint=f"{guess}pipetrace runs --format csv shows every name in its first line.",
    )


def _name(node: ast.AST) -> str:
    """A name with dots, such as ``optimizer.beta_1``; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _name(node.value)):
        return f"{before}.{node.attr}"
    return ""
