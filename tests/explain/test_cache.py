"""What is kept of a trace is that trace's, and is let go with it."""

import gc
import weakref
from dataclasses import replace

from pipetrace.explain.cache import MOST_TRACES, once
from pipetrace.trace import Trace


def test_a_trace_is_asked_once_for_each_set_of_arguments(digits_trace: Trace) -> None:
    asked: list[tuple[str, int]] = []

    @once
    def name(trace: Trace, number: int = 0) -> str:
        """Its title."""
        asked.append((trace.run.title, number))
        return f"{trace.run.title} {number}"

    other = replace(digits_trace, run=replace(digits_trace.run, title="other"))
    assert [name(digits_trace), name(digits_trace), name(digits_trace, 1)] == [
        "Conv2D digits 0",
        "Conv2D digits 0",
        "Conv2D digits 1",
    ]
    assert [name(other), name(other, 1), name(digits_trace)] == [
        "other 0",
        "other 1",
        "Conv2D digits 0",
    ]
    assert asked == [
        ("Conv2D digits", 0),
        ("Conv2D digits", 1),
        ("other", 0),
        ("other", 1),
    ]
    assert name.__doc__ == "Its title."
    several = [replace(digits_trace, rows=rows) for rows in range(MOST_TRACES)]
    assert len({*map(name, several), *map(name, several)}) == 1
    assert len(asked) == 4 + MOST_TRACES
    name(digits_trace)
    assert len(asked) == 5 + MOST_TRACES, "results of many traces are kept"


def test_no_trace_is_kept_alive(digits_trace: Trace) -> None:
    @once
    def rows(trace: Trace) -> int:
        return trace.rows

    copy = replace(digits_trace, rows=7)
    reference = weakref.ref(copy)
    assert rows(copy) == 7
    del copy
    gc.collect()
    assert reference() is None
    assert rows(digits_trace) == 200
