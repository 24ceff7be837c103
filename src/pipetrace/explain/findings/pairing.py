"""Whether rows and targets belong together, judged without the model: order, classes, baselines."""

from pipetrace.explain import other_rows
from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.formatting import counted, figure, share
from pipetrace.trace.measurements import (
    ALIGNED,
    KERNEL,
    LINEAR,
    REVERSED,
    TRAINING,
    VALIDATION,
    BaselineModel,
    DatasetCheck,
    Outcome,
    ShiftedTargets,
)

SCORE_GAP = 0.25
"""Difference of two scores of a baseline model on the same rows: four standard errors of a share of
100 rows."""
OWN_PAIRS, BEST_PAIRS, MUTUAL_PAIRS = 0.1, 0.4, 0.65
"""Correlation of inputs with their own targets below which, and with the best ones from which on,
these are the wrong pairs. Of smooth images some look like any target. But then the best input of
that target is another one for half of the rows: n/(2n - 1) of n independent rows. Of true pairs
that were shuffled it is the same one."""


def trained_apart(run: MeasuredRun) -> Evidence | None:
    """A baseline model fails on validation rows, but not after other validation rows."""
    validation = [each.validation for each in run.baselines.values() if each.validation is not None]
    trained = max(validation, default=0.0)
    within = {name: each.within_validation for name, each in run.baselines.items()}
    known = {name: score for name, score in within.items() if score is not None}
    name = max(known, key=lambda each: known[each], default=None)
    # That the target is the input holds for any rows, few or many.
    if name is None or run.rebuilds:
        return None
    classes, own = run.of(BaselineModel, LINEAR).classification, known[name]
    majority = (run.of(Outcome, VALIDATION).majority_share or 0.0) if classes else 0.0
    # A high accuracy says something only where one class is not nearly all rows.
    if own - max(trained, majority, 0.0) < SCORE_GAP:
        return None
    first, second = _scores(trained, own, classes)
    return Evidence(
        f"A baseline model reaches {first} on the validation rows if trained on the training set, "
        f"and {second} if trained on other validation rows.",
        own - trained,
        f"measurements[baseline_model/{name}].within_validation",
    )


def noisy_labels(run: MeasuredRun) -> Evidence | None:
    """A baseline model succeeds on validation rows, but not on training rows."""
    scores = {name: each.validation for name, each in run.baselines.items()}
    known = {name: score for name, score in scores.items() if score is not None}
    own, held = run.skill(TRAINING), run.skill(VALIDATION)
    if not known or own is None or held is None or held - own < SCORE_GAP / 2:
        return None
    name = max(known, key=lambda each: known[each])
    baseline, trained = run.of(BaselineModel, name), known[name]
    left = baseline.score
    if left is None or trained - max(left, 0.0) < SCORE_GAP:
        return None
    first, second = _scores(trained, left, baseline.classification)
    return Evidence(
        f"A baseline model reaches {first} on the validation rows, but {second} on training rows "
        "that it was not trained on.",
        trained - left,
        f"measurements[baseline_model/{name}].score",
    )


def _scores(first: float, second: float, classes: bool | None) -> tuple[str, str]:
    if classes:
        return f"accuracy {share(first)}", share(second)
    return f"R2 {figure(first)}", figure(second)


def rows_of_data(run: MeasuredRun) -> int | None:
    """How many rows the data have, of arrays or a dataset; None where that is not known."""
    training = run.trace.run.training
    steps = [
        stage.config["dataset"]
        for stage in run.trace.stages
        if isinstance(stage.config.get("dataset"), dict)
    ]
    data = run.trace.run.data
    if not steps:
        # With steps_per_epoch an epoch has fewer than were checked; very many are checked in part.
        known = max(run.of(DatasetCheck, TRAINING).rows or 0, data.rows or 0)
        return known or None if data.origin == "fit" else None
    # The last one with an end: a repeat has none.
    for each in reversed(steps):
        count = each.get("cardinality")
        if count is not None:
            return int(count) * ((training.batch_size or 1) if each.get("batched") else 1)
    return None


def all_checked(run: MeasuredRun) -> bool:
    """Whether all training rows were checked: of a part it is unknown which classes others have."""
    total = rows_of_data(run)
    return total is not None and (run.of(DatasetCheck, TRAINING).rows or 0) >= total


def unseen_classes(run: MeasuredRun) -> Evidence | None:
    """Validation rows whose class has no training row among those checked; None where few."""
    unseen = other_rows.unseen_classes(run.trace.measurements)
    if not unseen:
        return None
    return Evidence(
        f"{share(unseen)} of the validation rows are of classes without a training row.",
        unseen,
        "measurements[dataset_check/validation].unseen_classes",
    )


def misaligned(run: MeasuredRun) -> Evidence | None:
    """That the targets are those of other rows."""
    scores = [run.of(BaselineModel, name).score for name in (LINEAR, KERNEL)]
    known = [each for each in scores if each is not None]
    skill = run.skill(TRAINING)
    if skill is not None and skill > 0.5:
        return None
    if (apart := _other_pairs(run)) is not None or not known:
        return apart
    majority = 0.0
    if run.of(BaselineModel, LINEAR).classification:
        majority = run.of(Outcome, TRAINING).majority_share or 0.0
    if max(known) >= majority + NO_SKILL * (1 - majority):
        return None
    check = run.of(DatasetCheck, TRAINING)
    among, own = check.targets_among_inputs or 0.0, check.targets_are_inputs
    if among > 0.99 and own is not None and own < 0.5:
        return Evidence(
            f"Each of the {check.rows or 0:,} targets is the input of some row, but only "
            f"{share(own)} are the input of their own row.",
            own,
            "measurements[dataset_check/training].targets_are_inputs",
        )
    is_shifted = other_rows.classes_shifted(run.trace.measurements)
    return _shifted(run, majority) or (None if is_shifted else trained_apart(run))


def _other_pairs(run: MeasuredRun) -> Evidence | None:
    """That inputs look like targets, such as masks, but like those of other rows."""
    check = run.of(DatasetCheck, TRAINING)
    own, best, mutual = check.own_correlation, check.best_correlation, check.mutual_best
    if own is None or best is None or mutual is None:
        return None
    if own > OWN_PAIRS or best < BEST_PAIRS or mutual < MUTUAL_PAIRS:
        return None
    return Evidence(
        f"Inputs and their own targets correlate by {figure(own)} (mean over the rows), inputs and "
        f"the targets that they look most like by {figure(best)}.",
        own,
        "measurements[dataset_check/training].own_correlation",
    )


def _shifted(run: MeasuredRun, majority: float) -> Evidence | None:
    """That a linear model predicts the targets of other rows."""
    found = {name: run.of(ShiftedTargets, name).score for name in run.names(ShiftedTargets)}
    scores = {name: score for name, score in found.items() if score is not None}
    here = scores.pop(ALIGNED, 1.0)
    if run.of(Outcome, TRAINING).mean_squared_error_of_last is not None:
        # The targets of earlier windows of a series are steps of the later ones.
        scores = {name: score for name, score in scores.items() if name.startswith("-")}
    other = max(scores, key=lambda name: scores[name], default=None)
    if other is None or scores[other] - max(here, majority) < SCORE_GAP:
        return None
    if other_rows.sorted_by_class(run.trace.measurements):
        return None
    where = "in reverse order" if other == REVERSED else f"shifted by {counted(int(other), 'row')}"
    return Evidence(
        f"A linear model predicts the targets {where} (score {figure(scores[other])}), "
        f"but not as they are ({figure(here)}).",
        scores[other],
        f"measurements[shifted_targets/{other}].score",
    )
