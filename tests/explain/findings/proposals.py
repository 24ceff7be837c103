"""Puts the change that a finding proposes into the program that it is about."""

import ast
import re
from typing import Any

PLACE = "# here"
"""Marks the lines of a program that a change of several calls or statements replaces."""


def applied(program: str, change: str, stage: str | None) -> str:
    """The program with a proposed change, where a reader of the finding would put it.

    Arguments go to the layer of that name, to ``compile``, or to the optimizer in it; a call of
    ``fit`` adds its arguments to that of the program; an optimizer takes the place of the other, a
    callback goes to ``fit``, a layer in place of, before or behind others. All else replaces the
    lines marked with ``# here``.
    """
    code, _, remark = change.partition("  #")
    marked = [line for line in program.splitlines() if PLACE in line]
    if marked:
        indent = " " * (len(marked[0]) - len(marked[0].lstrip()))
        new = indent + code.replace(", ...)", ")")
        kept = program.replace(marked[0], new, 1)
        return "\n".join(line for line in kept.splitlines() if PLACE not in line)
    if remark.startswith(" and "):  # another argument
        program, remark = applied(program, remark.removeprefix(" and "), stage), ""
    tree = ast.parse(program)
    if code.startswith("model.fit("):
        _merge(_call(tree, "fit"), _parsed(code.replace("..., ", "").replace(", ...", "")))
    elif code.startswith("keras.optimizers."):
        _set(_call(tree, "compile"), "optimizer", ast.parse(code, mode="eval").body)
    elif code.startswith("keras.callbacks."):
        _set(_call(tree, "fit"), "callbacks", ast.parse(f"[{code}]", mode="eval").body)
    elif code.startswith("keras.layers."):
        _place_layer(tree, ast.parse(code, mode="eval").body, remark, stage)
    else:
        names = _layers(tree, remark.removeprefix(" in ")) if " in " in remark else [stage]
        for keyword in _parsed(f"dict({code})").keywords:
            for name in names:
                _set(_taker(tree, str(keyword.arg), name), str(keyword.arg), keyword.value)
    return ast.unparse(ast.fix_missing_locations(tree))


def _parsed(code: str) -> ast.Call:
    found = ast.parse(code, mode="eval").body
    assert isinstance(found, ast.Call)
    return found


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [each for each in ast.walk(tree) if isinstance(each, ast.Call)]


def _call(tree: ast.AST, method: str) -> ast.Call:
    """The call of a method of the model."""
    return next(
        each
        for each in _calls(tree)
        if isinstance(each.func, ast.Attribute) and each.func.attr == method
    )


def _named(tree: ast.AST, stage: str | None) -> ast.Call:
    """The call that makes the layer of this name."""
    return next(
        each
        for each in _calls(tree)
        for keyword in each.keywords
        if keyword.arg == "name" and getattr(keyword.value, "value", None) == stage
    )


def _layers(tree: ast.AST, listed: str) -> list[str | None]:
    """The names in "a, b and c", or from "a to c" in the order of the program."""
    if " to " not in listed:
        return [*re.split(", | and ", listed)]
    first, last = listed.split(" to ")
    names = [
        str(keyword.value.value)
        for call in _calls(tree)
        for keyword in call.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    ]
    return [*names[names.index(first) : names.index(last) + 1]]


def _taker(tree: ast.AST, argument: str, stage: str | None) -> ast.Call:
    if argument in ("loss", "metrics"):
        return _call(tree, "compile")
    if argument in ("clipnorm", "learning_rate"):
        return next(
            each for each in _calls(tree) if ast.unparse(each.func).startswith("keras.optimizers.")
        )
    if argument == "from_logits":
        return next(
            each for each in _calls(tree) if ast.unparse(each.func).startswith("keras.losses.")
        )
    return _named(tree, stage)


def _set(call: ast.Call, argument: str, value: Any) -> None:
    call.keywords = [each for each in call.keywords if each.arg != argument]
    call.keywords.append(ast.keyword(argument, value))


def _merge(call: ast.Call, change: ast.Call) -> None:
    call.args[: len(change.args)] = [
        each for each in change.args if not isinstance(each, ast.Constant)
    ]
    for keyword in change.keywords:
        _set(call, str(keyword.arg), keyword.value)


def _place_layer(tree: ast.AST, layer: Any, remark: str, stage: str | None) -> None:
    """In place of the layer of a stage, of its activation, before it, or as the last one."""
    layers = next(each for each in ast.walk(tree) if isinstance(each, ast.List)).elts
    if "last layer" in remark:
        layers.append(layer)
        return
    old = _named(tree, stage)
    if "before" in remark or "ahead" in remark:
        layers.insert(layers.index(old), layer)
    elif "activation=" in remark:  # what else would do the same
        (argument,) = _parsed(f"dict({remark.removeprefix(' or ')})").keywords
        _set(old, str(argument.arg), argument.value)
    else:
        layer.keywords.append(ast.keyword("name", ast.Constant(stage)))
        layers[layers.index(old)] = layer
