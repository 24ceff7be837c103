"""PT801: a run that did not come to its end."""

from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain.facts import trained
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.headline import shortened, status
from pipetrace.trace.document import FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED

ADVICE = {
    FAILED: "Correct the error, then train again.",
    INTERRUPTED: "Train again, for as many epochs as you want.",
    RUNNING: "Check again when it has finished.",
    FINISHED: "Check that the data gives batches and that epochs are left to train.",
    STOPPED: "Check the callback that stopped it.",
}
KILLED_ADVICE = "See what ended the process, such as lack of memory, then train again."


class RunNotFinished(RunRule):
    code = "PT801"
    name = "run-not-finished"
    category = "run_not_finished"
    level = ERROR
    root_cause_of = (*POOR, "PT502")
    what = (
        "The run failed, was killed or interrupted, or finished no epoch. A run that is still "
        "going on is a note."
    )
    why = "The trace holds only part of the run: its model is not the one that you wanted."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        trace, ending = run.whole, run.whole.ending
        done = len(trace.epochs)
        if ending.kind in (FINISHED, STOPPED) and (done or not trained(trace)):
            return
        evidence = [Evidence(f"{status(trace)}.", float(done), "epochs")]
        if ending.error:
            evidence.append(Evidence(shortened(ending.error), None, "ending.error"))
        found = self.fault(
            *evidence,
            advice=ADVICE.get(ending.kind, KILLED_ADVICE),
            stage=ending.stage,
            epochs=[ending.epoch] if ending.epoch else [],
        )
        yield replace(found, level=NOTE) if ending.kind == RUNNING else found
