"""A project for this run: its problem, a goal in numbers, what it has to keep to, and hints."""

import math
import shlex

from pipetrace.explain import metrics
from pipetrace.explain.ablations.rows import AblationRow, ablations, apart, compared_by
from pipetrace.explain.ablations.words import TRAINING as TRAINING_SETTINGS
from pipetrace.explain.balance import accuracy_at_chance
from pipetrace.explain.cache import once
from pipetrace.explain.facts import class_name, classes, train_rows, validation_rows
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.finding import WARNING, Finding
from pipetrace.explain.formatting import counted, number, share
from pipetrace.explain.headline import headline
from pipetrace.explain.judgement import chance, judgement, luck
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome
from pipetrace.trace.records import Record

BETTER, SMALLER, OPEN = "better", "smaller", "open"
"""What is asked for: a better figure, which an ablation reached; about the same figure with fewer
parameters, which one reached; a better figure that no recorded run reached. What an ablation
reached is asked for less the noise, so that another seed can reach it too."""
PART_OF_ERROR = 0.25
"""An open goal asks for this part of the error to go."""
MOST_HINTS = 3


class Project(Record):
    """An experiment on a run."""

    state: str  # what the run reached
    problem: str  # what is wrong, or weakest
    kind: str  # ``better``, ``smaller`` or ``open``
    metric: str  # that the goal is about
    value: float  # that of the run
    goal: str  # the goal in a sentence, and how much room it leaves for the noise in another
    reached: bool  # whether a recorded ablation reached the goal
    # way, told: what was changed in the ablation that reached it, and its result; else empty
    way: str
    told: str
    # the goal and the constraints as ``pipetrace check --expect`` takes them
    expectations: tuple[str, ...]
    constraints: tuple[str, ...]  # the same constraints in sentences
    hints: tuple[str, ...]  # from the findings and the ablations, the mildest first

    def command(self, file: str) -> str:
        """The command that grades a trace."""
        asked = [f"--expect {shlex.quote(each)}" for each in self.expectations]
        return " ".join(["pipetrace check", shlex.quote(file), "--ignore PT", *asked])


@once
def project(trace: Trace) -> Project | None:
    """A project from a run; None where it measured nothing that could get better."""
    metric = compared_by(trace) or _own_metric(trace)
    value = trace.epochs[-1].metrics.get(metric, math.nan) if trace.epochs else math.nan
    if metrics.direction(metric) is None or not math.isfinite(value):
        return None
    kind, limit, row = _goal(trace, metric, value)
    sign = "<=" if metrics.direction(metric) == metrics.FALLS else ">="
    model = trace.run.model
    most = model.parameters.total if model else None
    if row is not None and row.after.parameters is not None:
        most = row.after.parameters if kind == SMALLER else max(most or 0, row.after.parameters)
    limits = [("parameters", most), ("epochs", len(trace.epochs))]
    rows = train_rows(trace)
    expected = [f"{metric} {sign} {limit:.6g}"]
    expected += [f"{name} <= {size}" for name, size in limits if size]
    expected += [f"rows <= {rows}"] if rows else []
    return Project(
        state=headline(trace),
        problem=_problem(trace),
        kind=kind,
        metric=metric,
        value=value,
        goal=f"{_goal_words(trace, metric, limit, kind, most)}{_room(trace, limit, row)}",
        reached=row is not None,
        way=row.title if row else "",
        told=row.text if row else "",
        expectations=tuple(expected),
        constraints=_constraints(trace, most, rows),
        hints=_hints(trace, row),
    )


def _own_metric(trace: Trace) -> str:
    score = judgement(trace).score
    return f"{metrics.VALIDATION if score.validation else ''}{score.metric}" if score else ""


def _goal(trace: Trace, metric: str, value: float) -> tuple[str, float, AblationRow | None]:
    """What is asked for, the figure to reach, and the ablation that reached it."""
    falls = metrics.direction(metric) == metrics.FALLS
    tried = [row for row in ablations(trace) if row.metric == metric and row.after.mean is not None]
    better = [row for row in tried if row.is_larger and row.is_worse is False]
    for row in better:
        limit = _limit(row, falls)
        beats = [limit < each if falls else limit > each for each in (value, *row.before.values)]
        # The run as it is keeps to what a project asks for, so it must not reach the goal.
        if all(beats) and _is_real(trace, row, limit):
            return BETTER, limit, row
    most = trace.run.model.parameters.total if trace.run.model else 0
    smaller = [
        row
        for row in tried
        if row.after.parameters is not None
        and row.after.parameters < most
        and not (row.is_larger and row.is_worse)
        and row.noise is not None
    ]
    for row in sorted(smaller, key=lambda row: row.after.parameters or 0):
        if _is_real(trace, row, limit := _limit(row, falls)):
            return SMALLER, limit, row
    runs = [each.metrics.get(metric, math.nan) for each in trace.ablations]
    reached = [value, *filter(math.isfinite, runs)]
    best = min(reached) if falls else max(reached)
    if falls:
        return OPEN, _rounded(best * (1 - PART_OF_ERROR), down=True), None
    top = 1.0 if best <= 1 else best * 2
    return OPEN, _rounded(best + (top - best) * PART_OF_ERROR, down=False), None


def _worst(row: AblationRow, falls: bool) -> float:
    """The figure that each seed of a change reached."""
    return max(row.after.values) if falls else min(row.after.values)


def _limit(row: AblationRow, falls: bool) -> float:
    """A figure in three digits that leaves room for the noise below what a change reached."""
    noise = row.noise or 0.0
    return _rounded(_worst(row, falls) + (noise if falls else -noise), down=not falls)


def _is_real(trace: Trace, row: AblationRow, limit: float) -> bool:
    """Whether a goal asks for more than chance gives; where chance level is unknown, whether the
    noise is less than the figure itself."""
    name, guess = row.metric.removeprefix(metrics.VALIDATION), chance(trace)
    level = accuracy_at_chance(trace)
    if name == metrics.accuracy_name(trace) and level is not None:
        rows = validation_rows(trace) if name != row.metric else train_rows(trace)
        return limit > max(level.share, luck(guess, rows) if guess else 0.0)
    if name == "loss" and guess is not None:
        return limit < guess.level
    return (row.noise or 0.0) < abs(row.after.mean or 0.0)


def _rounded(value: float, *, down: bool) -> float:
    if not value:
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    steps = value / unit
    return float(f"{(math.floor(steps) if down else math.ceil(steps)) * unit:.6g}")


def _goal_words(trace: Trace, metric: str, limit: float, kind: str, most: int | None) -> str:
    name = metrics.title(metric).replace("val ", "validation ")
    least = "at most" if metrics.direction(metric) == metrics.FALLS else "at least"
    reach = f"{name} of {least} {metrics.writer(trace, metric)(limit)}"
    if kind == SMALLER and most is not None:
        return f"Reach a {reach} with at most {number(most)} parameters."
    end = "" if kind == BETTER else " No recorded run reached this: the goal is open."
    return f"Reach a {reach}.{end}"


def _room(trace: Trace, limit: float, row: AblationRow | None) -> str:
    """How the goal follows from what a change reached and from the noise."""
    if row is None or not row.noise:
        return ""
    falls = metrics.direction(row.metric) == metrics.FALLS
    write, count = metrics.writer(trace, row.metric), len(row.after.values)
    reached = write(_worst(row, falls))
    trainings = f" One recorded training reached {reached}"
    if count > 1:
        end = "less" if falls else "more"
        trainings = f" {count} recorded trainings each reached {reached} or {end}"
    much = apart(trace)(row.noise)
    return f"{trainings}; seeds alone move it by up to {much}, so the goal is {write(limit)}."


def _constraints(trace: Trace, most: int | None, rows: int) -> tuple[str, ...]:
    same = counted(rows, "row") if rows else "rows"
    found = [f"Train on the same {same} and validate on the same rows."]
    found.append(f"Train for at most {counted(len(trace.epochs), 'epoch')}.")
    if most:
        found.append(f"Use at most {counted(most, 'parameter')}.")
    return tuple(found)


def _problem(trace: Trace) -> str:
    """The first finding; without one the class that is recognized least."""
    if found := _findings(trace):
        return found[0].text
    for kind in (VALIDATION, TRAINING):
        shares = [
            (each.correct / each.rows, index, each)
            for index in range(classes(trace))
            if (each := trace.measurements.of(ClassOutcome, f"{kind}/{index}")).rows
            and each.correct is not None
        ]
        if shares and min(shares)[0] < 1:
            recall, index, each = min(shares, key=lambda found: found[:2])
            return (
                f"{class_name(trace, index)} is recognized least: {share(recall)} of its "
                f"{counted(each.rows or 0, f'{kind} row')} are right."
            )
    return "The checks found no problem; there is still an error to lower."


def _hints(trace: Trace, row: AblationRow | None) -> tuple[str, ...]:
    """What is known of the way, without the change itself where it is the goal's."""
    tried = ablations(trace)
    found = [f"Look at {row.concerns} first."] if row is not None else []
    helps = [
        each
        for each in tried
        if each.is_larger and each.is_worse and each.concerns != TRAINING_SETTINGS
    ]
    found += [f"Leave this as it is: {each.text}" for each in helps[:1]]
    found += [each.advice for each in _findings(trace)]
    return tuple(found[:MOST_HINTS])


def _findings(trace: Trace) -> tuple[Finding, ...]:
    """The problems found; rules that failed are reported elsewhere."""
    return check(trace, CheckOptions(level=WARNING)).findings
