"""Operations between layers, as Python writes them: ``x + 1``, ``x[:, :4]``, ``ops.mean(x)``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipetrace.explain.learn.program.objects import Context, value_of
from pipetrace.explain.learn.program.text import (
    Expression,
    Pair,
    call,
    flat,
    identifier,
    snake,
)

BINARY: Mapping[str, str] = {
    "Add": "+",
    "Subtract": "-",
    "Multiply": "*",
    "TrueDivide": "/",
    "Divide": "/",
    "FloorDivide": "//",
    "Power": "**",
    "Matmul": "@",
}
NAMES: Mapping[str, str] = {
    "AllClose": "allclose",
    "BatchNorm": "batch_normalization",
    "CDist": "cdist",
    "IsIn": "isin",
    "LayerNorm": "layer_normalization",
    "RMSNorm": "rms_normalization",
    "SearchSorted": "searchsorted",
}
"""Functions whose names are not those of their classes."""


def operation_of(
    layer: Mapping[str, Any],
    args: Sequence[Expression],
    pairs: Mapping[str, Expression],
    context: Context,
) -> Expression:
    """The expression that calls an operation of Keras, whose class is such as ``Mean``, its
    settings such as its axis."""
    kind = str(layer["class_name"])
    settings = {key: each for key, each in layer["config"].items() if key != "name"}
    if kind in BINARY and len(args) == 2 and not pairs and not settings:
        return f"{flat(args[0])} {BINARY[kind]} {flat(args[1])}"
    if kind == "Negative" and len(args) == 1:
        return f"-{flat(args[0])}"
    if kind == "GetItem" and len(args) == 2:
        inner = flat(args[1])
        inner = inner[1:-1] if inner[:1] in "[(" else inner
        return f"{flat(args[0])}[{inner}]"
    named = [
        Pair(f"{key}=", value_of(value, context))
        for key, value in settings.items()
        if value is not None
    ]
    context.modules.add("ops")
    place = "ops.image" if str(layer["module"]).endswith(".image") else "ops"
    function = f"{place}.{NAMES.get(kind, identifier(snake(kind)))}"
    given = [Pair(f"{key}=", each) for key, each in pairs.items()]
    return call(function, *args, *named, *given)
