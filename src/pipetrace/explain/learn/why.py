"""Why: what each part contributes, measured by training again without it."""

import math
from collections.abc import Sequence

from pipetrace.explain import metrics
from pipetrace.explain.ablations.project import project
from pipetrace.explain.ablations.rows import NOISE_RULE, AblationRow, Side, ablations, apart, spread
from pipetrace.explain.facts import trained
from pipetrace.explain.formatting import figure, listed, number
from pipetrace.explain.learn.lesson import Lesson, Part, Table, stage_place
from pipetrace.trace.document import Trace

ABOUT = "what each part buys: the same run without it"
INTRO = (
    "Each line below is a training of its own, from the same start, on the same rows, with one "
    "thing changed. The run itself was repeated with other seeds, which tells how much of a "
    "difference is luck: the noise."
)
KEPT = (
    "One more change was tried. It reaches the goal that Project sets, so it is told there, when "
    "you ask for it."
)
ABSENT = (
    "This run was not trained again with something left out. To measure what each part "
    "contributes, run pipetrace ablate FILE for the built-in digits, or pipetrace ablate --into "
    "FILE train.py for a program of your own; then write the page again."
)


def why(trace: Trace) -> Lesson:
    """The ablations of a run: all in a table, then those that changed the result in a few
    sentences each, and the others together.
    """
    asked = project(trace)
    # What the project asks for is left to it.
    rows = tuple(row for row in ablations(trace) if asked is None or row.title != asked.way)
    if not ablations(trace):
        text = ABSENT if trained(trace) else "This run trained nothing that could be left out."
        return Lesson("why", ABOUT, "", absent=text)
    without = [row for row in rows if row.is_larger is False and not row.error]
    told = [_part(trace, row) for row in rows if row not in without]
    parts = [
        *([_table(trace, rows)] if rows else []),
        *told,
        *([_within(without)] if without else []),
    ]
    if asked is not None and asked.way:
        parts.append(Part("One more change", (KEPT,)))
    return Lesson("why", ABOUT, INTRO, parts=tuple(parts))


def _table(trace: Trace, rows: tuple[AblationRow, ...]) -> Part:
    metric = next((each.metric for each in rows if each.metric), "")
    first = rows[0].before
    lines = [(_of_seeds("as it is", first), *_cells(trace, metric, first), "", "")]
    for row in rows:
        verdict = {True: "larger", False: "within", None: "not known"}
        told = "could not be trained" if row.error else verdict[row.is_larger]
        title = _of_seeds(row.title, row.after)
        lines.append((title, *_cells(trace, metric, row.after), _difference(trace, row), told))
    title = metrics.title(metric) if metric else "result"
    header = ("change", title, "parameters", "difference", "noise")
    return Part(
        "Before and after",
        (spread(trace) or NOISE_RULE,),
        table=Table(header, tuple(lines)),
    )


def _of_seeds(title: str, side: Side) -> str:
    count = len(side.values)
    return f"{title} (mean of {count} seeds)" if count > 1 else title


def _difference(trace: Trace, row: AblationRow) -> str:
    if row.effect is None:
        return "not measured"
    if not math.isfinite(row.effect):
        return figure(row.effect)
    return f"{'+' if row.effect > 0 else ''}{apart(trace)(row.effect)}"


def _cells(trace: Trace, metric: str, side: Side) -> tuple[str, str]:
    write, value, parameters = metrics.writer(trace, metric), side.mean, side.parameters
    return (
        "not measured" if value is None else write(value),
        "not known" if parameters is None else number(parameters),
    )


def _within(rows: Sequence[AblationRow]) -> Part:
    """What made no difference beyond the noise, and what of it would save most parameters."""
    names = listed([row.title[0].lower() + row.title[1:] for row in rows])
    text = f"No difference larger than the noise: {names}. That does not show that these make none"
    texts = [f"{text}; more seeds would tell smaller differences."]
    least = min(rows, key=lambda row: row.after.parameters or math.inf)
    few, many = least.after.parameters, least.before.parameters
    if few and many and few < many:
        texts.append(
            f"The smallest of these models, {least.title[0].lower() + least.title[1:]}, has "
            f"{number(few)} parameters instead of {number(many)}."
        )
    return Part("What the seeds cannot tell", tuple(texts))


def _part(trace: Trace, row: AblationRow) -> Part:
    known = [trace.stages[each] for each in row.layers if each in trace.stages.by_name]
    return Part(row.title, (row.text,), place=stage_place(known[0]) if known else None)
