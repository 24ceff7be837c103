"""The page of a comparison: the charts of all runs in one scale, tables, the rows that changed
sides, and the stages side by side, at one epoch for all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pipetrace.comparison import words
from pipetrace.comparison.courses import LEARNING_RATE
from pipetrace.comparison.records import Comparison, Course, Rows, RowSides
from pipetrace.present.build.document import facts_that_fit
from pipetrace.present.build.model import model_view
from pipetrace.present.comparison import blocks
from pipetrace.present.comparison.stages import compared_stages
from pipetrace.present.comparison.views import (
    ComparedRow,
    ComparedRows,
    ComparisonView,
    EpochCells,
)
from pipetrace.present.drawings import Chart
from pipetrace.present.formats.json import to_json
from pipetrace.present.model_view import ModelView
from pipetrace.present.page import FILE, Served, live_attributes, packed, shell, stylesheet
from pipetrace.present.text import write_text_of
from pipetrace.trace.document import RUNNING, Trace

ENTRY, STYLE = "viewer/compare/main.js", "compare/compare.css"
MOST_ROWS = 48
"""Rows that changed sides; more are counted."""
MOST_EPOCHS = 200
"""Epochs with their metrics, evenly spread."""
MOST_MODELS = 4
"""Runs whose values stand beside each other; of more only the first ones."""
COLOURS = 6
"""Lines of a chart that have a colour of their own."""


def comparison_page(
    made: Comparison,
    traces: Sequence[Trace],
    *,
    where: str | Served = FILE,
    pages: Sequence[str] = (),
) -> str:
    """A comparison of traces, in the same order, as HTML text: one file that opens from disk.

    It has the models of the first runs, so that their values stand beside each other. ``pages`` are
    the addresses of the pages of the runs, where these have one.
    """
    models: list[ModelView | None] = []
    for trace in traces[:MOST_MODELS]:
        with facts_that_fit(trace):
            models.append(model_view(trace))
    view = comparison_view(made, traces, models, pages)
    text = write_text_of(blocks.comparison_blocks(made))
    running = any(trace.ending.kind == RUNNING for trace in traces)
    return shell(
        view,
        "comparison",
        text,
        entry=ENTRY,
        style=stylesheet(STYLE),
        model=packed(to_json(models)),
        live=live_attributes(where, running=running) if isinstance(where, Served) else "",
    )


def comparison_view(
    made: Comparison,
    traces: Sequence[Trace],
    models: Sequence[ModelView | None],
    pages: Sequence[str] = (),
) -> ComparisonView:
    """A comparison, ready to draw, with the models that the page has."""
    return ComparisonView(
        title=" and ".join(run.name for run in made.runs[:2])
        + (f" and {len(made.runs) - 2} more" if len(made.runs) > 2 else ""),
        headline=made.headline,
        labels=blocks.labels(made),
        roles=_roles(made),
        runs=blocks.runs_grid(made),
        pages=tuple(pages),
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
        measured=tuple(words.metric_name(course.name) for course in made.courses),
        epochs=tuple(_epochs(made)),
        final=tuple(
            tuple(blocks.value(course, each) for each in course.last) for course in made.courses
        ),
        lengths=tuple(run.epochs for run in made.runs),
        stages=tuple(compared_stages(made, traces, _roles(made))),
        same_start=made.initial_weights.equal,
        omitted=tuple(_omitted(trace, model) for trace, model in zip(traces, models, strict=False)),
        rows=_rows(made, made.rows, traces) if made.rows else None,
    )


def _omitted(trace: Trace, model: ModelView | None) -> str:
    if model:
        return model.omitted
    if trace.ending.kind == RUNNING:
        return "Its values can be shown once the training has ended."
    return "The values of its rows are not recorded."


def _roles(made: Comparison) -> tuple[str, ...]:
    """The colour of each run: runs of one setting share it, else each has its own."""
    several = len({run.setting for run in made.runs}) > 1
    return tuple(
        f"of{(run.setting if several else at) % COLOURS}" for at, run in enumerate(made.runs)
    )


def _charts(made: Comparison) -> Iterator[Chart]:
    """The metrics, the main one first; a learning rate only where it changes in a run."""
    main = words.main_course(made)
    for course in sorted(made.courses, key=lambda each: each is not main):
        is_set = course.name == LEARNING_RATE and all(
            len({*of} - {None}) < 2 for of in course.values
        )
        is_drawn = len(course.epochs) > 1 and not is_set
        drawn = blocks.course_chart(made, course) if is_drawn else None
        if drawn is not None:
            series = zip(drawn.series, _roles(made), strict=True)
            yield replace(drawn, series=tuple(replace(each, role=role) for each, role in series))


def _epochs(made: Comparison) -> Iterator[EpochCells]:
    numbers = sorted({epoch for course in made.courses for epoch in course.epochs})
    count = min(len(numbers), MOST_EPOCHS)
    for at in np.linspace(0, len(numbers) - 1, count).round().astype(int) if count else ():
        yield EpochCells(
            numbers[at],
            tuple(
                tuple(blocks.value(course, _at(course, of, numbers[at])) for of in course.values)
                for course in made.courses
            ),
        )


def _at(course: Course, values: Sequence[float | None], epoch: int) -> float | None:
    return values[course.epochs.index(epoch)] if epoch in course.epochs else None


def _rows(made: Comparison, kept: Rows, traces: Sequence[Trace]) -> ComparedRows:
    shown = kept.changed[:MOST_ROWS]
    names = {each.index: each.name for each in made.classes}
    earlier = sorted(set.intersection(*(set(each.after) for each in shown))) if shown else []
    end = max([*(len(trace.epochs) for trace in traces), *(each + 1 for each in earlier)])
    more = len(kept.changed) - len(shown)
    return ComparedRows(
        texts=tuple(blocks.row_texts(made, kept)),
        epochs=(*(each for each in earlier if each < end), end),
        rows=tuple(_row(each, names, earlier) for each in shown),
        omitted=f"{more} more changed sides and are not in this page." if more else "",
    )


def _row(each: RowSides, names: dict[int, str], earlier: Sequence[int]) -> ComparedRow:
    before = [each.after[epoch] for epoch in earlier]
    plain = [tuple(blocks.predicted_text(names, label, None) for label in of) for of in before]
    last = tuple(
        blocks.predicted_text(names, label, sure)
        for label, sure in zip(each.predicted, each.confidence, strict=True)
    )
    return ComparedRow(
        row=each.number,
        true=names.get(each.true, str(each.true)),
        predicted=(*plain, last),
        right=(*(tuple(label == each.true for label in of) for of in before), each.right),
    )
