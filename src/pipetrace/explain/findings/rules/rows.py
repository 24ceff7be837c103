"""PT120, PT155, PT550 and PT551: the rows that a source gives, and how they are split."""

from collections.abc import Iterator

from pipetrace.explain.facts import steps_per_epoch
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.pairing import rows_of_data
from pipetrace.explain.findings.questions import POOR, margin, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure, share
from pipetrace.trace.document import STEP
from pipetrace.trace.measurements import TRAINING, VALIDATION, DatasetCheck, Outcome

OVERLAPPING = 0.5
"""Share of validation windows, beyond those that are training rows. Of a series that is split in
time only the windows at the border share steps."""
SEEN_ROWS = 0.5
"""Rows that training passed over those that the data have, below which most were never seen."""
SKILL_GAP = 0.2
"""Skill on training rows over that on validation rows, from which more rows would help: two
standard errors of the difference of two shares of 300 rows."""
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
    why = "The model overfits to these few rows, whatever else the source could give."

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
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice="Draw other rows for each batch: create the random generator once, and give "
            "each worker a seed of its own.",
            change="self.rng = np.random.default_rng(42)  # in __init__, not in __getitem__",
            confidence=margin(-distinct * classes / rows, -1.0, -0.3),
        )


class TargetInInputs(RunRule):
    code = "PT155"
    name = "target-in-inputs"
    category = "target_leak"
    needs = ("stages", "training rows")
    what = "A single input column gives the target: it is a copy of it, scaled or not."
    why = "The model learns that column alone, and fails where the target is not known beforehand."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        check, names = run.of(DatasetCheck, TRAINING), run.trace.run.data.feature_names
        count, place = check.target_columns or 0, check.target_column
        # Of copies there are one or two. Where more columns tell the target, that is the task.
        if place is None or not 0 < count <= 2 or run.rebuilds:
            return
        title = names[place] if place < len(names) else f"Input column {place} (counted from 0)"
        yield self.fault(
            f"{title} alone gives the target of every training row.",
            float(place),
            "measurements[dataset_check/training].target_column",
            *run.how_well(),
            advice="Leave the column out, unless it is known before the target is.",
            change=f"x = np.delete(x, {place}, axis=1)  # of validation and test rows too",
            confidence=0.8,
        )


class OverlappingWindows(RunRule):
    code = "PT550"
    name = "overlapping-windows"
    category = "validation_leak"
    needs = ("stages", "training rows", "validation rows")
    root_cause_of = ("PT106",)
    what = "Validation windows of a series overlap the training windows."
    why = (
        "Windows that begin a step apart are nearly the same row, so validation measures what was "
        "trained on."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        check = run.of(DatasetCheck, VALIDATION)
        if check.overlapping is None:
            return
        part = check.overlapping - (check.seen_in_training or 0.0)
        if part < OVERLAPPING:
            return
        yield self.fault(
            f"{share(part)} of the validation windows share half of their steps or more with a "
            "training window.",
            part,
            "measurements[dataset_check/validation].overlapping",
            advice="Split the series in time before you cut windows, and leave a window's length "
            "between the parts.",
            change="train, val = series[: -len(series) // 5], series[-len(series) // 5 :]",
            confidence=margin(part, OVERLAPPING, 0.9),
        )


class RowsNeverSeen(RunRule):
    code = "PT551"
    name = "rows-never-seen"
    category = "data_not_seen"
    needs = ("stages", "epochs", "training rows")
    root_cause_of = (*POOR, "PT501", "PT502", "PT506")
    what = "Training ended before most rows of the data were passed once."
    why = "Rows that are never passed teach nothing."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        batch, steps = run.trace.run.training.batch_size, [each.steps for each in run.trace.epochs]
        total = rows_of_data(run)
        if not batch or not total or not steps or len(run.trace.fits) > 1:
            return
        if any(each is None for each in steps) or run.trace.ending.rule:
            return  # a training that stop_on ended would have passed more
        passed = batch * sum(each or 0 for each in steps)
        if passed >= SEEN_ROWS * total:
            return
        found = self.fault(
            f"The {sum(each or 0 for each in steps):,} steps of all epochs passed {passed:,} "
            f"rows; the data have {total:,}.",
            passed / total,
            "epochs[].steps",
            *run.how_well(),
            advice="Leave out steps_per_epoch, or train for more steps.",
            change=f"model.fit(..., steps_per_epoch=None)  # {-(-total // batch):,} steps an epoch",
            confidence=margin(-passed / total, -SEEN_ROWS, -0.1),
        )
        yield found if struggles(run) or _overfits(run) else as_note(found)


def _overfits(run: MeasuredRun) -> bool:
    ours, theirs = run.skill(TRAINING), run.skill(VALIDATION)
    return ours is not None and theirs is not None and ours - theirs > SKILL_GAP
