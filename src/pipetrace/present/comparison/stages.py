"""The stages of several runs side by side: shapes, parameters, spread and zeros."""

from collections.abc import Callable, Iterator, Sequence

from pipetrace.comparison import words
from pipetrace.comparison.pairing import pairs
from pipetrace.comparison.records import Comparison
from pipetrace.explain.formatting import dimensions, figure, number, share
from pipetrace.explain.layers import operation
from pipetrace.present.build.courses import course_chart, measured
from pipetrace.present.build.data_flow import rows_of
from pipetrace.present.comparison.views import ComparedStage
from pipetrace.present.drawings import Chart, Grid
from pipetrace.trace.document import SOURCE, STEP, Stage, Trace

Row = list[Stage | None]
"""A stage in each run; None where a run has none that belongs to it."""
NO_STAGE, NOT_RECORDED = "no such stage", "not recorded"


def compared_stages(
    made: Comparison, traces: Sequence[Trace], roles: Sequence[str]
) -> Iterator[ComparedStage]:
    """The stages in the order of the data flow; ``roles`` has the colour of each run."""
    for row in side_by_side(traces):
        stage = next(each for each in row if each)
        differing = []
        for each in made.differences:
            if row[0] and each.stage == row[0].name and each.name != "stage":
                texts = dict.fromkeys(map(words.value_text, each.values))
                differing.append(f"{each.name.replace('_', ' ')}: {' against '.join(texts)}")
        yield ComparedStage(
            title=operation(stage).title,
            names=tuple(each.name if each else None for each in row),
            differs=tuple(differing),
            table=_table(made, row),
            charts=tuple(_charts(made, traces, row, roles)),
        )


def side_by_side(traces: Sequence[Trace]) -> list[Row]:
    """The stages of the runs that belong together, those of the first run in its order."""
    first, *others = traces
    rows: list[Row] = [[each] for each in first.stages]
    for at, other in enumerate(others, 1):
        found: list[Row] = []
        paired = {ours.name: theirs for ours, theirs in pairs(first.stages, other.stages) if ours}
        lone = _lone(first, other)
        found += [[*(at * [None]), each] for each in lone.pop(None, [])]
        for row in rows:
            ours = row[0]
            found.append([*row, paired.get(ours.name) if ours else None])
            if ours:
                found += [[*(at * [None]), each] for each in lone.pop(ours.name, [])]
        rows = found
    return rows


def _lone(first: Trace, other: Trace) -> dict[str | None, list[Stage]]:
    """The stages that the first run lacks, by the stage of its after which they stand."""
    found: dict[str | None, list[Stage]] = {}
    before: str | None = None
    for ours, theirs in pairs(first.stages, other.stages):
        if ours:
            before = ours.name
        elif theirs:
            found.setdefault(before, []).append(theirs)
    return found


def _table(made: Comparison, row: Row) -> Grid:
    """What is known of a stage in each run, after training."""
    parts: dict[str, Callable[[Stage], str | None]] = {
        "output": lambda stage: dimensions(stage.outputs[0].shape) if stage.outputs else None,
        "parameters": _parameters,
        "mean": lambda stage: _figure(stage, "mean"),
        "standard deviation": lambda stage: _figure(stage, "std"),
        "range": _range,
        "zeros": _zeros,
        "measured on": lambda stage: rows_of(stage, stage.summary.count) if stage.summary else None,
    }
    if any(spec.dtype == "string" for each in row if each for spec in each.outputs[:1]):
        parts = {"output": parts["output"]}  # of texts, only lengths were measured
    if len({each.name for each in row if each}) > 1:
        parts = {"name": lambda stage: stage.name, **parts}
    cells = []
    for name, of in parts.items():
        texts = [NO_STAGE if each is None else of(each) or NOT_RECORDED for each in row]
        if not {NO_STAGE, NOT_RECORDED}.issuperset(texts):
            cells.append((name, *texts))
    columns = ("after training", *(run.label for run in made.runs))
    return Grid.plain("The stage in each run", columns, cells)


def _parameters(stage: Stage) -> str | None:
    return None if stage.kind in (SOURCE, STEP) else number(stage.parameters.total)


def _figure(stage: Stage, name: str) -> str | None:
    value = getattr(stage.summary, name, None)
    return None if value is None else figure(value)


def _range(stage: Stage) -> str | None:
    low, high = _figure(stage, "min"), _figure(stage, "max")
    return low and high and f"{low} to {high}"


def _zeros(stage: Stage) -> str | None:
    summary = stage.summary
    return share(summary.zeros / summary.count) if summary and summary.count else None


def _charts(
    made: Comparison, traces: Sequence[Trace], row: Row, roles: Sequence[str]
) -> Iterator[Chart]:
    """What was measured after the epochs, with a line for each run."""
    found = [
        {each.title: each for each in measured(trace, stage)} if stage else {}
        for trace, stage in zip(traces, row, strict=True)
    ]
    for title in dict.fromkeys(title for of in found for title in of):
        known = [
            (run.label, role, of[title])
            for run, role, of in zip(made.runs, roles, found, strict=True)
            if title in of
        ]
        lines = {label: next(iter(each.lines.values())) for label, _, each in known}
        drawn = course_chart(
            known[0][2], title, lines, [role for _, role, _ in known], all_lines=True
        )
        if drawn:
            yield drawn
