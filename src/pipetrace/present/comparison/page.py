"""The page of a comparison: the charts of all runs in one scale, tables, and the rows that changed
sides, at one epoch for all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pipetrace.comparison import words
from pipetrace.comparison.records import Comparison, Rows, RowSides
from pipetrace.explain.task import CHANNELS
from pipetrace.present.comparison import blocks
from pipetrace.present.comparison.views import (
    ComparedRow,
    ComparedRows,
    ComparisonView,
    EpochTable,
    RowPicture,
)
from pipetrace.present.drawings import Chart, Grid
from pipetrace.present.page import Front, shell, stylesheet
from pipetrace.present.text import write_text_of
from pipetrace.trace.document import Trace

ENTRY, STYLE = "viewer/compare/main.js", "compare/compare.css"
MOST_ROWS = 48
"""Rows that changed sides; more are counted."""
MOST_PIXELS = 10_000
"""Values of an image; a larger one is not drawn."""
MOST_TABLES = 200
"""Epochs with a table of metrics, evenly spread."""
COLOURS = 6
"""Lines of a chart that have a colour of their own."""


def comparison_page(made: Comparison, traces: Sequence[Trace]) -> str:
    """A comparison of traces, in the same order, as HTML text: one file that opens from disk."""
    view = comparison_view(made, traces)
    text = write_text_of(blocks.comparison_blocks(made))
    return shell(
        view,
        Front(f"{view.title} · comparison", view.title, made.headline, text),
        entry=ENTRY,
        style=stylesheet(STYLE),
    )


def comparison_view(made: Comparison, traces: Sequence[Trace]) -> ComparisonView:
    """A comparison, ready to draw."""
    return ComparisonView(
        title=" and ".join(run.name for run in made.runs[:2])
        + (f" and {len(made.runs) - 2} more" if len(made.runs) > 2 else ""),
        headline=made.headline,
        labels=blocks.labels(made),
        runs=blocks.runs_grid(made),
        causes=blocks.causes_grid(made) if words.causes(made) else None,
        metrics=blocks.metrics_grid(made) if made.courses else None,
        classes=blocks.classes_grid(made) if made.classes else None,
        of_rows=made.of_rows,
        unknown=", ".join(made.unknown),
        weights=(
            words.weights_text(made, made.initial_weights, "before"),
            words.weights_text(made, made.weights, "after"),
        ),
        charts=tuple(_charts(made)),
        epochs=tuple(_tables(made)),
        rows=_rows(made, made.rows, traces) if made.rows else None,
    )


def _charts(made: Comparison) -> Iterator[Chart]:
    """The charts; lines of one setting share a colour, else each run has its own."""
    several = len({run.setting for run in made.runs}) > 1
    for course in made.courses:
        drawn = blocks.course_chart(made, course) if len(course.epochs) > 1 else None
        if drawn is not None:
            colours = [run.setting if several else at for at, run in enumerate(made.runs)]
            series = tuple(
                replace(each, role=f"of{colour % COLOURS}")
                for each, colour in zip(drawn.series, colours, strict=True)
            )
            yield replace(drawn, series=series)


def _tables(made: Comparison) -> Iterator[EpochTable]:
    numbers = sorted({epoch for course in made.courses for epoch in course.epochs})
    count = min(len(numbers), MOST_TABLES)
    for at in np.linspace(0, len(numbers) - 1, count).round().astype(int) if count else ():
        epoch = numbers[at]
        rows = []
        for course in made.courses:
            place = course.epochs.index(epoch) if epoch in course.epochs else None
            cells = [
                "-" if place is None else blocks.value(course, of[place]) for of in course.values
            ]
            rows.append((blocks.metric_title(course), *cells))
        columns = ("metric", *blocks.labels(made))
        yield EpochTable(
            epoch, Grid(f"After epoch {epoch}", columns, tuple(rows), ("",) * len(rows), None)
        )


def _rows(made: Comparison, kept: Rows, traces: Sequence[Trace]) -> ComparedRows:
    shown = kept.changed[:MOST_ROWS]
    names = {each.index: each.name for each in made.classes}
    earlier = sorted(set.intersection(*(set(each.after) for each in shown))) if shown else []
    end = max([*(len(trace.epochs) for trace in traces), *(each + 1 for each in earlier)])
    more = len(kept.changed) - len(shown)
    return ComparedRows(
        texts=tuple(blocks.row_texts(made, kept)),
        epochs=(*(each for each in earlier if each < end), end),
        rows=tuple(_row(each, names, earlier, traces[0]) for each in shown),
        omitted=f"{more} more changed sides and are not in this page." if more else "",
    )


def _row(
    each: RowSides, names: dict[int, str], earlier: Sequence[int], trace: Trace
) -> ComparedRow:
    before = [each.after[epoch] for epoch in earlier]
    plain = [tuple(blocks.predicted_text(names, label, None) for label in of) for of in before]
    last = tuple(
        blocks.predicted_text(names, label, sure)
        for label, sure in zip(each.predicted, each.confidence, strict=True)
    )
    return ComparedRow(
        number=f"{each.number:,}",
        true=names.get(each.true, str(each.true)),
        picture=_picture(each, trace),
        predicted=(*plain, last),
        right=(*(tuple(label == each.true for label in of) for of in before), each.right),
    )


def _picture(each: RowSides, trace: Trace) -> RowPicture | None:
    kept = trace.kept_rows
    if kept is None or len(kept.inputs) != 1:
        return None
    (values,) = kept.inputs.values()
    if values.ndim != 4 or values.shape[-1] not in CHANNELS or values[0].size > MOST_PIXELS:
        return None
    places = np.flatnonzero((kept.numbers == each.number) & (kept.validation == each.validation))
    image = values[places[0]].astype(np.float32)
    image = image[..., :3] if image.shape[-1] >= 3 else image[..., 0]
    return RowPicture(image.shape, image) if np.isfinite(image).all() else None
