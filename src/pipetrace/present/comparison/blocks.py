"""A comparison as blocks, which text, terminal and Markdown write."""

import math
from collections.abc import Iterator, Sequence
from textwrap import shorten

from pipetrace.comparison import words
from pipetrace.comparison.courses import LEARNING_RATE
from pipetrace.comparison.records import (
    SAME,
    ClassRow,
    Comparison,
    Course,
    ModelComparison,
    Rows,
    StageCheck,
)
from pipetrace.explain.ablations.rows import NOISE_RULE
from pipetrace.explain.formatting import counted, figure, share
from pipetrace.explain.metrics import SHARES, base, written
from pipetrace.present.blocks import GAP, Block, Facts, Heading, Labelled, Paragraph
from pipetrace.present.build.charts import Line, chart
from pipetrace.present.drawings import Chart, Grid

LONGEST = 25
"""Characters of a setting in a table; the JSON has it whole."""
MOST_LISTED = 20
"""Rows of a table; more are counted."""
GROUPS = {
    "program": "program",
    "data": "data",
    "steps": "preprocessing",
    "layers": "layer",
    "optimizer": "optimizer",
    "loss": "loss",
    "training": "training",
    "seed": "seed",
    "versions": "version",
}


def comparison_blocks(made: Comparison) -> Iterator[Block]:
    """What differs, causes first, then results."""
    yield Heading("Comparison", counted(len(made.runs), "run"))
    yield Paragraph(made.headline, "strong")
    yield GAP
    yield runs_grid(made)
    yield Heading("What was set differently")
    if words.causes(made):
        yield causes_grid(made)
    else:
        yield Paragraph("Nothing that was recorded.")
    if made.unknown:
        yield Facts((Labelled("Not recorded in all runs", ", ".join(made.unknown)),))
    yield Heading("Weights")
    yield Paragraph(words.weights_text(made, made.initial_weights, "before"))
    yield Paragraph(words.weights_text(made, made.weights, "after"))
    if made.verdict == SAME:
        return
    if made.courses:
        yield Heading("Metrics")
        yield metrics_grid(made)
        yield from _main_metric(made)
    if made.classes:
        yield Heading("By class", f"{made.of_rows} rows")
        yield classes_grid(made)
    if made.rows:
        yield Heading("Rows that changed sides", f"{len(made.rows.changed)} of {made.rows.common}")
        yield from _rows(made, made.rows)


def labels(made: Comparison) -> tuple[str, ...]:
    """The letters of the runs, as heads of columns."""
    return tuple(run.label for run in made.runs)


def runs_grid(made: Comparison) -> Grid:
    """The runs, their files and how they ended."""
    several = len({run.setting for run in made.runs}) > 1
    rows = [
        (
            run.label,
            shorten(run.name, 40, placeholder="..."),
            run.status,
            str(run.epochs),
            "not recorded" if run.parameters is None else f"{run.parameters:,}",
            *([str(run.setting + 1)] if several else []),
        )
        for run in made.runs
    ]
    columns = ("run", "file", "status", "epochs", "parameters", *(["setting"] if several else []))
    return Grid.plain("The runs", columns, rows)


def causes_grid(made: Comparison) -> Grid:
    """What was set differently."""
    rows = [
        (
            GROUPS[each.kind],
            shorten(words.name_text(each), 40, placeholder="..."),
            *(_short(words.cell_text(each, value)) for value in each.values),
        )
        for each in words.causes(made)
    ]
    more = len(rows) - MOST_LISTED
    note = f"{more} more; --format json has all." if more > 0 else None
    return Grid.plain("Settings", ("kind", "what", *labels(made)), rows[:MOST_LISTED], note)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def metrics_grid(made: Comparison) -> Grid:
    """The metrics at the end, the first epoch that differs, and the noise."""
    several = any(course.effects for course in made.courses)
    rows = []
    for course in made.courses:
        noise = []
        if several:
            effects = [each for each in course.final_effects if each.noise is not None]
            texts = [words.amount(course.name, each.noise or 0.0) for each in effects]
            noise = [", ".join(texts) or ("unknown" if course.effects else "-")]
        rows.append(
            (
                words.metric_name(course.name),
                *(value(course, each) for each in course.last),
                "-" if course.first is None else str(course.first),
                *noise,
            )
        )
    columns = ("at the end", *labels(made), "differs from epoch")
    note = NOISE_RULE if any(e.noise is not None for c in made.courses for e in c.effects) else None
    return Grid.plain("Metrics at the end", (*columns, *(["noise"] if several else [])), rows, note)


def value(course: Course, each: float | None) -> str:
    """A value of a metric in a cell."""
    if each is None:
        return "-"
    is_set = course.name == LEARNING_RATE
    return words.value_text(each) if is_set else written(course.name, each)


def _main_metric(made: Comparison) -> Iterator[Block]:
    course = words.main_course(made)
    if course is None or len(course.epochs) < 2:
        return
    yield Heading(words.metric_title(course.name), minor=True)
    drawn = course_chart(made, course)
    if drawn:
        yield drawn
    yield epochs_grid(made, course)


def course_chart(made: Comparison, course: Course) -> Chart | None:
    """A metric of all runs in one scale."""
    lines = [
        Line(run.label, "training", tuple(math.nan if each is None else each for each in values))
        for run, values in zip(made.runs, course.values, strict=True)
    ]
    known = [each for of in course.values for each in of if each is not None]
    inside = all(0 <= each <= 1 for each in known if math.isfinite(each))
    write = share if inside and SHARES.search(base(course.name)) else figure
    return chart(words.metric_title(course.name), lines, course.epochs, text=write)


def epochs_grid(made: Comparison, course: Course) -> Grid:
    """A metric epoch by epoch, with the differences of settings."""
    others = sorted({each.setting for each in course.effects})
    effects = {(each.epoch, each.setting): each for each in course.effects}
    rows = []
    for at, epoch in enumerate(course.epochs):
        found = [effects.get((epoch, other)) for other in others]
        apart = ["-" if each is None else _apart(course, each.difference) for each in found]
        rows.append((str(epoch), *(value(course, of[at]) for of in course.values), *apart))
    heads = ["difference" if len(others) == 1 else f"setting {each + 1} - 1" for each in others]
    return Grid.plain(
        f"{words.metric_title(course.name)} by epoch",
        ("epoch", *labels(made), *heads),
        _spread(rows),
    )


def _spread(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """At most as many rows as a table has, evenly spread, the first and the last among them."""
    if len(rows) <= MOST_LISTED:
        return list(rows)
    places = {round(at * (len(rows) - 1) / (MOST_LISTED - 1)) for at in range(MOST_LISTED)}
    return [rows[place] for place in sorted(places)]


def _apart(course: Course, difference: float) -> str:
    text = words.amount(course.name, difference)
    return f"+{text}" if difference > 0 else text


def classes_grid(made: Comparison) -> Grid:
    """How many rows of each class are right; the classes that differ most come first."""
    rows = [
        (each.name, *(_right(each, run) for run in range(len(made.runs))))
        for each in sorted(made.classes, key=lambda each: -_range(each))
    ]
    more = len(rows) - MOST_LISTED
    notes = [f"{counted(more, 'more class', 'more classes')} differ less."] if more > 0 else []
    if any(each.name == "fingerprint" for each in made.differences):
        notes.append("The runs have other rows, so these counts are not of the same ones.")
    note = " ".join(notes) or None
    return Grid.plain("Right, by class", ("class", *labels(made)), rows[:MOST_LISTED], note)


def _right(each: ClassRow, run: int) -> str:
    rows, correct = each.rows[run], each.correct[run]
    if not rows or correct is None:
        return "no rows" if rows == 0 else "not recorded"
    return f"{correct} of {rows}"


def _range(each: ClassRow) -> float:
    known = [
        correct / rows
        for rows, correct in zip(each.rows, each.correct, strict=True)
        if rows and correct is not None
    ]
    return max(known) - min(known) if known else 0.0


def _rows(made: Comparison, rows: Rows) -> Iterator[Block]:
    *texts, note = row_texts(made, rows)
    yield from map(Paragraph, texts)
    yield Paragraph(note, "note")
    if rows.changed:
        yield rows_grid(made, rows)


def row_texts(made: Comparison, rows: Rows) -> Iterator[str]:
    """How many rows changed sides from the first run to each other one; then what they are."""
    first = made.runs[0].label
    for at, run in enumerate(made.runs[1:], 1):
        gained = sum(each.right[at] and not each.right[0] for each in rows.changed)
        lost = sum(each.right[0] and not each.right[at] for each in rows.changed)
        yield (
            f"Of {counted(rows.common, 'row')} that all traces keep, {first} has {rows.right[0]} "
            f"right and {run.label} {rows.right[at]}: {run.label} gains {gained} and loses {lost}."
        )
    yield "A trace keeps mistakes first, so these rows are not a sample of all rows."


def rows_grid(made: Comparison, kept: Rows) -> Grid:
    """The rows that changed sides, with what each run predicts."""
    names = {each.index: each.name for each in made.classes}
    rows = [
        (
            f"{each.number:,}",
            names.get(each.true, str(each.true)),
            *(
                predicted_text(names, label, sure)
                for label, sure in zip(each.predicted, each.confidence, strict=True)
            ),
        )
        for each in kept.changed
    ]
    more = len(rows) - MOST_LISTED
    note = f"{counted(more, 'more row')}; --format json has all." if more > 0 else None
    return Grid.plain(
        "Rows that changed sides", ("row", "true", *labels(made)), rows[:MOST_LISTED], note
    )


def predicted_text(names: dict[int, str], label: int, sure: float | None) -> str:
    """A prediction with its confidence."""
    if label < 0:
        return "NaN or Inf"
    name = names.get(label, str(label))
    return name if sure is None else f"{name} ({share(sure)})"


def model_blocks(made: ModelComparison) -> Iterator[Block]:
    """A saved model against a run: what it comes to, then each stage."""
    yield Heading("Comparison", f"{made.model} against {made.run}")
    yield Paragraph(made.headline, "strong")
    yield GAP
    yield Grid.plain("Outputs", CHECK_COLUMNS, [_check(each) for each in made.outputs])
    yield Heading("Stage by stage", counted(made.followed, "row"))
    yield Grid.plain("Stages", CHECK_COLUMNS, [_check(each) for each in made.stages])


CHECK_COLUMNS = ("stage", "largest difference", "mean", "in the model", "equal")


def _check(each: StageCheck) -> tuple[str, ...]:
    if each.absolute is None or each.means is None:
        return (each.stage, "not compared", "-", "-", "-")
    means = (f"{mean:.6g}" for mean in each.means)
    return (each.stage, words.small(each.absolute), *means, "yes" if each.equal else "no")
