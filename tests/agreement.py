"""Whether headline, observations, findings and insight of a trace say the same of a run."""

from collections.abc import Iterator, Sequence

from pipetrace.explain.facts import trained
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.findings.finding import ERROR, NOTE, Finding
from pipetrace.explain.findings.labels import report_title
from pipetrace.explain.findings.measured_run import measured
from pipetrace.explain.findings.rules.outcomes import CLEAR_BASELINE
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.judgement import judgement
from pipetrace.explain.observations import observations
from pipetrace.trace import Trace
from pipetrace.trace.document import FINISHED, RUNNING, STOPPED

ENDED, CHANCE, OVERFITS, FEW_ROWS, BROKE = "PT801", "PT309", "PT501", "PT506", "PT701"


def every(found: Sequence[Finding]) -> Iterator[Finding]:
    for each in found:
        yield each
        yield from every(each.symptoms)


def contradictions(trace: Trace) -> list[str]:
    """What one of the four says and another denies, by name; none where they agree."""
    report = check(trace, CheckOptions())
    found = {each.code: each for each in every(report.findings)}
    judged, last = judgement(trace), judgement(trace).last
    seen = observations(trace)[-1].kinds if trace.epochs else ()
    head = headline(trace).lower()
    told = " ".join([head, *insight(trace), *(each.text for each in observations(trace)[-1:])])
    validation = last.validation if last else None
    unfinished = trace.ending.kind not in (FINISHED, STOPPED) or (
        trained(trace) and not trace.epochs
    )
    poor = judged.outcome in ("chance", "worse")
    fine = not report.findings and "found" in report_title(report) and not report.not_run
    warned = {code for code, each in found.items() if each.level != NOTE}
    claims = {
        "an unfinished run is found": unfinished == (ENDED in found),
        "it is an error, unless it goes on": not unfinished
        or (found[ENDED].level == ERROR) == (trace.ending.kind != RUNNING),
        "chance level is found": not poor or CHANCE in found,
        "better than chance is not denied": judged.outcome != "better"
        or CHANCE not in found
        or (measured(trace).attainable or 0) >= CLEAR_BASELINE,
        "the headline tells of chance level": ("than chance" in head) == poor,
        "the last epoch and the run agree": not {"chance", "worse"}.intersection(seen)
        or judged.outcome in ("chance", "worse", "better"),
        "a loss of NaN is found": judged.outcome != "broken" or BROKE in found,
        "a validation loss of NaN is found": validation != "non-finite" or BROKE in found,
        "overfitting is found": not {"overfitting", "gap"}.intersection(seen) or OVERFITS in found,
        "overfitting is told": OVERFITS not in found
        or bool({"overfitting", "gap"}.intersection(seen)),
        "no overfitting is not told beside it": "no sign of overfitting" not in told
        or not {OVERFITS, FEW_ROWS} & warned,
        "the headline's overfitting is found": "overfitting" not in head or OVERFITS in found,
        "nothing wrong is said of nothing wrong": not fine
        or not (unfinished or poor or judged.outcome == "broken" or "overfitting." in head),
    }
    return [claim for claim, holds in claims.items() if not holds]


def all_contradictions(traces: dict[str, Trace]) -> list[str]:
    """The same for several traces, each with its name."""
    return [f"{name}: {claim}" for name, trace in traces.items() for claim in contradictions(trace)]
