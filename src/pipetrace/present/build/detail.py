"""How much of a trace goes into a page."""

from dataclasses import replace

from pipetrace.explain.formatting import counted, listed
from pipetrace.trace.document import Trace
from pipetrace.trace.records import Record

BRIEF, NORMAL, ALL = "brief", "normal", "all"
UNLIMITED = 1 << 62


class Detail(Record):
    """The largest number of bytes of each part of a page, before it is packed."""

    weights: int  # of the model, the smallest arrays first
    outputs: int  # of the recorded rows: each row's source first, then small stages before large
    kept: int  # of further rows that the model can be computed for
    epochs: int  # weights and outputs after earlier epochs, which are evenly spread
    images: int  # of the stages in the document


DETAILS = {
    BRIEF: Detail(weights=250_000, outputs=250_000, kept=100_000, epochs=100_000, images=150_000),
    NORMAL: Detail(
        weights=1_300_000, outputs=1_200_000, kept=500_000, epochs=800_000, images=1_000_000
    ),
    ALL: Detail(*(5 * [UNLIMITED])),
}


def of_rows(trace: Trace, rows: int | None) -> Trace:
    """The trace with so many of the recorded rows, the first ones; all where ``rows`` is None."""
    return trace if rows is None else replace(trace, predictions=trace.predictions[:rows])


def left_out(rows: int, weights: int, outputs: int, further: int, epochs: int) -> str:
    """What a page lacks, in a sentence; empty where it lacks nothing."""
    parts = [
        counted(number, noun)
        for number, noun in (
            (rows, "recorded row"),
            (weights, "weight array"),
            (outputs, "recorded stage output"),
            (further, "further row"),
            (epochs, "earlier epoch"),
        )
        if number
    ]
    if not parts:
        return ""
    kept = f"Left out to keep the page small: {listed(parts)}"
    options = ["--detail all"] * bool(weights or outputs or further or epochs) + [
        "a larger --rows"
    ] * bool(rows)
    return f"{kept}. They are in the trace: write the page with {listed(options)}."
