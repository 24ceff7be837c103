"""What each stage costs: parameters, arithmetic, memory and time."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipetrace.explain.facts import layer_stages, stage_times
from pipetrace.explain.formatting import counted, figure, listed, number, share
from pipetrace.explain.layers import operation
from pipetrace.explain.learn.lesson import Part, Table
from pipetrace.explain.quiz.generator import named
from pipetrace.trace.document import Stage, Trace
from pipetrace.trace.measurements import StageTime

MOST_STAGES = 24
"""Of a larger model those that take most are listed."""
VALUE_BYTES = {"float64": 8, "int64": 8, "float16": 2, "bfloat16": 2, "uint8": 1, "bool": 1}


def cost(trace: Trace) -> Part | None:
    """What each stage takes: parameters, arithmetic, memory and time."""
    times = stage_times(trace)
    known = [stage for stage in layer_stages(trace) if stage.outputs]
    if not known:
        return None
    total, flops = (
        sum(each.parameters.total for each in known),
        sum(each.flops or 0 for each in known),
    )
    ordered = sorted(known, key=lambda each: (-(each.flops or 0), -each.parameters.total))
    slowest = sorted(times, key=lambda name: -(times[name].seconds or 0))
    shown = {each.name for each in ordered[: MOST_STAGES // 2]} | {*slowest[: MOST_STAGES // 2]}
    shown |= {each.name for each in ordered[: max(0, MOST_STAGES - len(shown))]}
    lines = [
        (
            stage.name,
            number(stage.parameters.total),
            "not known" if stage.flops is None else number(stage.flops),
            _bytes(4 * stage.parameters.total),
            _bytes(_row_bytes(stage)),
            _milliseconds(times.get(stage.name)),
        )
        for stage in known
        if stage.name in shown
    ]
    heaviest = max(known, key=lambda each: each.flops or 0)
    uncounted = [each.name for each in known if each.flops is None and each.parameters.total]
    takes = f"{number(flops)} floating-point operations (FLOPs) for one row"
    texts = [
        f"The model has {counted(total, 'parameter')}"
        + (
            f". Of its arithmetic {takes} are counted, without {listed(uncounted[:3])}"
            if uncounted
            else f" and takes {takes}"
        )
        + "; a multiply-add counts as two."
    ]
    if flops and not uncounted:
        texts.append(
            f"{operation(heaviest).title} ({heaviest.name}) does "
            f"{share((heaviest.flops or 0) / flops)} of the arithmetic and holds "
            f"{share(heaviest.parameters.total / total) if total else '0 %'} of the parameters."
        )
    texts.append(_time(trace, times, slowest))
    of_batch = f", ms of {counted(times[slowest[0]].rows or 0, 'row')}" if times else ""
    more = len(known) - len(lines)
    return Part(
        "What each stage costs",
        tuple(texts),
        table=Table(
            ("stage", "parameters", "FLOPs", "weights", "output", "ms"),
            tuple(lines),
            f"FLOPs and output of one row{of_batch}."
            + (f" {counted(more, 'further stage')} take less." if more else ""),
        ),
    )


def _time(trace: Trace, times: Mapping[str, StageTime], slowest: Sequence[str]) -> str:
    """Where the time of a forward pass goes, beside where its arithmetic is."""
    total = sum(each.seconds or 0 for each in times.values())
    if not total:
        left_out = trace.overhead.skipped if trace.overhead else ()
        more = " to stay within the budget; --after-training all measures it"
        is_left_out = any(each.what == "stage times" for each in left_out)
        return f"Time by stage was not recorded{more if is_left_out else ''}."
    first = times[slowest[0]]
    return (
        f"A forward pass of {counted(first.rows or 0, 'row')} took {figure(1000 * total)} ms, "
        f"one stage after the other; {share((first.seconds or 0) / total)} of it in "
        f"{named(trace.stages[slowest[0]])}. Each is the median of {first.passes} passes on the "
        "machine that trained. Time need not follow the FLOPs: moving values takes time too."
    )


def _milliseconds(time: StageTime | None) -> str:
    return "not recorded" if time is None else figure(1000 * (time.seconds or 0))


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
