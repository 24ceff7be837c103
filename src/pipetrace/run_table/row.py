"""One run of a folder: the few facts of it that a table of runs shows."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pipetrace.errors import PipetraceError
from pipetrace.explain import metrics
from pipetrace.explain.facts import train_rows
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.finding import LEVELS, flat
from pipetrace.explain.judgement import judgement
from pipetrace.run_table.settings import Value, learning_rate, settings
from pipetrace.trace.document import Trace
from pipetrace.trace.records import Record

UNREADABLE = "unreadable"
"""The status of a file that cannot be read as a trace."""


@dataclass(frozen=True)
class Metric:
    """A metric of a run."""

    last: float  # after the last epoch that measured it
    # the best finite value of all epochs; None where its name does not tell which way is better, or
    # none is finite
    best: float | None = None
    best_epoch: int | None = None  # the first epoch with it


@dataclass(frozen=True)
class Found:
    """A finding in short; see ``pipetrace.Finding``."""

    code: str
    name: str
    level: str
    stage: str | None = None


class RunRow(Record):
    """One trace of a folder."""

    file: str  # its path, as the folder was given
    # ``finished``, ``stopped``, ``failed``, ``interrupted``, ``killed``, ``running``, or
    # ``unreadable``
    status: str
    # why it is unreadable, or the error that the run ended with; empty without one
    problem: str = ""
    slug: str = ""  # of the message, where it is unreadable
    # title, created: as in ``trace.run``
    title: str = ""
    created: str = ""
    process: str = ""  # a mark of the process that wrote it; empty where that is not known
    epochs: int = 0  # how many were finished
    seconds: float = 0.0  # they took in all
    metrics: Mapping[str, Metric] = field(default_factory=dict)  # by name
    score: str | None = None  # the metric that the run is measured by; None where it has none
    learning_rate: float | None = None  # that training began with; None where it was not recorded
    parameters: int | None = None  # of the model; None where the stages were not recorded
    rows: int | None = None  # that an epoch trains on; None where unknown
    settings: Mapping[str, Value] = field(default_factory=dict)  # what was set, by name
    findings: tuple[Found, ...] = ()  # of all severities, root causes and symptoms
    not_run: int = 0  # how many rules gave no result, mostly as something was not recorded

    def count(self, level: str) -> int:
        """How many findings of a severity it has."""
        return sum(each.level == level for each in self.findings)


def row_of(trace: Trace, file: str, process: str = "") -> RunRow:
    """What the table shows of a trace. Its rules run here, which takes longer than reading it."""
    report = check(trace, CheckOptions())
    model, stages = trace.run.model, trace.stages
    parameters = sum(each.parameters.total for each in stages) if stages else None
    return RunRow(
        file=file,
        status=trace.ending.kind,
        problem=trace.ending.error or "",
        title=trace.run.title,
        created=trace.run.created,
        process=process,
        epochs=len(trace.epochs),
        seconds=sum(each.seconds for each in trace.epochs),
        metrics={name: _metric(trace, name) for name in metrics.names(trace)},
        score=_score(trace),
        learning_rate=learning_rate(trace),
        parameters=model.parameters.total if model else parameters,
        rows=train_rows(trace) or None,
        settings=settings(trace),
        findings=tuple(
            Found(each.code, each.name, each.level, each.stage) for each in flat(report.findings)
        ),
        not_run=len(report.not_run) + len(report.failed),
    )


def unreadable(file: str, error: PipetraceError) -> RunRow:
    """The row of a file that is no trace, or a broken one."""
    return RunRow(file=file, status=UNREADABLE, problem=error.what, slug=error.slug)


def _score(trace: Trace) -> str | None:
    """The metric by which the run is judged, the validation one where there is one."""
    score = judgement(trace).score
    if score is None:
        return None
    return f"{metrics.VALIDATION}{score.metric}" if score.validation else score.metric


def _metric(trace: Trace, name: str) -> Metric:
    known = [(each.number, each.metrics[name]) for each in trace.epochs if name in each.metrics]
    finite = [pair for pair in known if math.isfinite(pair[1])]
    way = metrics.direction(name)
    if way is None or not finite:
        return Metric(known[-1][1])
    choose = max if way == metrics.RISES else min
    epoch, best = choose(finite, key=lambda pair: pair[1])
    return Metric(known[-1][1], best, epoch)


def values(row: RunRow) -> dict[str, Value]:
    """All that is known of a run by the names that ``--where``, ``--sort`` and a data frame use.

    A metric's name is its last value, with ``best_`` before it the best one.
    """
    found: dict[str, Value | None] = dict(row.settings)
    for name, metric in row.metrics.items():
        found |= {name: metric.last, f"best_{name}": metric.best}
    score = row.metrics.get(row.score or "")
    found |= {
        "run": row.file,
        "title": row.title,
        "created": row.created,
        "status": row.status,
        "epochs": row.epochs,
        "best_epoch": score.best_epoch if score else None,
        "seconds": row.seconds,
        "parameters": row.parameters,
        "rows": row.rows,
        "learning_rate": row.learning_rate,
        **{f"{level}s": row.count(level) for level in LEVELS},
        "findings": len(row.findings),
        "codes": " ".join(dict.fromkeys(each.code for each in row.findings)),
        "rules_not_run": row.not_run,
        "problem": row.problem,
    }
    if row.status == UNREADABLE:
        found = {name: found[name] for name in ("run", "status", "problem")}
    return {name: value for name, value in found.items() if value is not None}


def to_json(row: RunRow) -> str:
    """A row as the index keeps it; NaN and Inf stay what they are."""
    return json.dumps(asdict(row), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> RunRow:
    """A row from the index.

    Raises:
        TypeError, ValueError, KeyError, AttributeError: the index has another form.
    """
    made = json.loads(text)
    made["metrics"] = {name: Metric(**each) for name, each in made["metrics"].items()}
    made["findings"] = tuple(Found(**each) for each in made["findings"])
    return RunRow(**made)
