"""PT120: the rows that a source gives."""

from collections.abc import Iterator

from pipetrace.explain.facts import steps_per_epoch
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, margin
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import figure
from pipetrace.trace.document import STEP
from pipetrace.trace.measurements import TRAINING, DatasetCheck, Outcome

FEW_DISTINCT = 0.5
"""Distinct rows over those that the first batches held. Where classes are made equally frequent by
repeating their rows, a k-th of the rows is distinct at the least, with k classes."""


class RepeatedRows(RunRule):
    code = "PT120"
    name = "repeated-rows"
    category = "repeated_batches"
    needs = ("stages", "training rows")
    root_cause_of = (*POOR, "PT106", "PT108", "PT501", "PT502", "PT506")
    what = "The source of batches gives the same rows again and again within an epoch."
    why = "The model learns these few rows by heart, whatever the source could give."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        check, data = run.of(DatasetCheck, TRAINING), run.trace.run.data
        rows, distinct = check.rows or 0, check.distinct
        if distinct is None or not rows or data.name.startswith("array"):
            return  # Arrays hold what they hold: copies among them are no fault of a source.
        if any("repeat" in stage.name for stage in run.trace.stages if stage.kind == STEP):
            return  # The program asks for it.
        classes = run.of(Outcome, TRAINING).classes_present or 2
        if distinct >= rows * FEW_DISTINCT or distinct * classes >= rows:
            return
        # If the rows cover much of all that is possible, as for XOR, they must repeat.
        if check.possible_rows is None or distinct >= 0.5 * check.possible_rows:
            return
        steps = steps_per_epoch(run.trace)
        evidence = [
            Evidence(
                f"Of the first {rows:,} rows of an epoch {distinct:,} are distinct.",
                distinct / rows,
                "measurements[dataset_check/training].distinct",
            )
        ]
        if steps is not None:
            text = f"An epoch has {steps.count:,} steps; each row came {figure(rows / distinct)} "
            evidence.append(Evidence(f"{text}times.", float(steps.count), "epochs[].steps"))
        yield self.fault(
            *evidence,
            *run.how_well(),
            advice="Draw other rows for each batch: create the random generator once, and give "
            "each worker a seed of its own.",
            change="self.rng = np.random.default_rng(42)  # in __init__, not in __getitem__",
            confidence=margin(-distinct * classes / rows, -1.0, -0.3),
        )
