"""Operations between layers, as Python writes them: ``x + 1``, ``x[:, :4]``, ``ops.mean(x)``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipetrace.explain.learn.program.objects import Context, value_of
from pipetrace.explain.learn.program.text import (
    Expression,
    Pair,
    Setting,
    Text,
    call,
    flat,
    identifier,
    joined,
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
    stage: str,
) -> Expression:
    """The expression that calls an operation of Keras.

    Its class is such as ``Mean``, its settings such as its axis; ``stage`` names it in the trace.
    """
    kind = str(layer["class_name"])
    settings = {key: each for key, each in layer["config"].items() if key != "name"}
    if kind in BINARY and len(args) == 2 and not pairs and not settings:
        return joined([flat(args[0]), f" {BINARY[kind]} ", flat(args[1])])
    if kind == "Negative" and len(args) == 1:
        return joined(["-", flat(args[0])])
    if kind == "GetItem" and len(args) == 2:
        inner = flat(args[1]).text
        inner = inner[1:-1] if inner[:1] in "[(" else inner
        return joined([flat(args[0]), f"[{inner}]"])
    named = [
        Pair(f"{key}=", Setting(value_of(value, context), stage, key, value))
        for key, value in settings.items()
        if value is not None
    ]
    context.modules.add("ops")
    place = "ops.image" if str(layer["module"]).endswith(".image") else "ops"
    function = f"{place}.{NAMES.get(kind, identifier(snake(kind)))}"
    given = [Pair(f"{key}=", each) for key, each in pairs.items()]
    return call(Text(function), *args, *named, *given)
