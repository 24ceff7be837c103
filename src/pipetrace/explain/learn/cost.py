"""What each stage costs: parameters, arithmetic and memory."""

import numpy as np

from pipetrace.explain.facts import layer_stages
from pipetrace.explain.formatting import counted, figure, number, share
from pipetrace.explain.layers import operation
from pipetrace.explain.learn.lesson import Part, Table
from pipetrace.trace.document import Stage, Trace

MOST_STAGES = 24
"""Of a larger model those that take most are listed."""
VALUE_BYTES = {"float64": 8, "int64": 8, "float16": 2, "bfloat16": 2, "uint8": 1, "bool": 1}


def cost(trace: Trace) -> Part | None:
    """What each stage takes: parameters, arithmetic and memory."""
    known = [stage for stage in layer_stages(trace) if stage.outputs]
    if not known:
        return None
    total, flops = (
        sum(each.parameters.total for each in known),
        sum(each.flops or 0 for each in known),
    )
    ordered = sorted(known, key=lambda each: (-(each.flops or 0), -each.parameters.total))
    shown = {each.name for each in ordered[:MOST_STAGES]}
    lines = [
        (
            f"{operation(stage).title} ({stage.name})",
            number(stage.parameters.total),
            "not known" if stage.flops is None else number(stage.flops),
            _bytes(4 * stage.parameters.total),
            _bytes(_row_bytes(stage)),
        )
        for stage in known
        if stage.name in shown
    ]
    heaviest = max(known, key=lambda each: each.flops or 0)
    texts = [
        (
            f"The model has {counted(total, 'parameter')} and takes {number(flops)} floating-point "
            "operations (FLOPs) for one row; a multiply-add counts as two."
        )
    ]
    if flops:
        texts.append(
            f"{operation(heaviest).title} ({heaviest.name}) does "
            f"{share((heaviest.flops or 0) / flops)} of the arithmetic and holds "
            f"{share(heaviest.parameters.total / total) if total else '0 %'} of the parameters."
        )
    texts.append("Time by stage was not recorded: it depends on what else the machine does.")
    more = len(known) - len(lines)
    return Part(
        "What each stage costs",
        tuple(texts),
        table=Table(
            ("stage", "parameters", "FLOPs a row", "weights", "output of a row"),
            tuple(lines),
            f"The {MOST_STAGES} that take most; {counted(more, 'further stage')} take less."
            if more
            else "",
        ),
    )


def _row_bytes(stage: Stage) -> int | None:
    lengths = stage.outputs[0].shape[1:]
    if any(each is None for each in lengths):
        return None
    return int(np.prod([int(each or 0) for each in lengths])) * VALUE_BYTES.get(
        stage.outputs[0].dtype, 4
    )


def _bytes(count: int | None) -> str:
    if count is None:
        return "not known"
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{figure(count / size)} {unit}"
    return f"{number(count)} B"
