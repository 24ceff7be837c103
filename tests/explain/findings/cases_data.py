"""Faulty runs for the rules about data and targets (PT1), and runs that are nearly faulty."""

from functools import partial

from tests.explain.findings.conftest import Changes, poor, poor_numbers
from tests.explain.findings.faulty import (
    FLAGS,
    NAN_LOSS,
    NAN_ROWS,
    POOR,
    STRETCHED,
    Case,
    baselines,
    forecast,
    held_rows,
    imbalanced,
    normalized,
    numbers,
    on_frozen_base,
    outcome,
    padded_rows,
    piped,
    run,
    signals,
    stopped_after,
    training_rows,
)

from pipetrace.trace.measurements import FitArguments, ShiftedTargets

TWINS = {"contradictory": 0.3, "distinct": 500}
SOME_TWINS = {"contradictory": 0.2, "distinct": 600}
LEARNED = {"kernel_validation": 0.8, "linear_validation": 0.75}
HELPLESS = poor(0.02) | baselines(linear=0.34, kernel=0.35)
SHIFTED = HELPLESS | {(ShiftedTargets, "0", None): {"score": 0.33}}
AMONG = training_rows(targets_among_inputs=1.0, targets_are_inputs=0.01)
SPLIT = {(FitArguments, "fit", None): {"validation_split": 0.2}}
MOVED = held_rows(class_shift=0.6, class_shift_sigmas=20.0)
IN_ORDER = {(FitArguments, "fit", None): {"shuffle": False}}


def pairs_of(own: float, best: float, mutual: float) -> Changes:
    return training_rows(own_correlation=own, best_correlation=best, mutual_best=mutual)


flags = partial(run, loss="binary_crossentropy", last="sigmoid", width=1)

CASES = [
    Case("PT101", run(NAN_ROWS | POOR, losses=NAN_LOSS), run(POOR, losses=NAN_LOSS)),
    Case(
        "PT102 at rows",
        run(POOR | signals(rms=90.0, std=60.0, std_high=80.0)),
        run(POOR | signals(rms=8.0, std=6.0)),
    ),
    Case(
        "PT102 at rows",
        run(POOR | signals(std_low=0.01, std_high=5.0)),
        run(POOR | signals(std_low=0.1, std_high=5.0)),
    ),
    Case(
        "PT102 at rows",
        run(POOR | signals(rms=0.004, std=0.003)),
        run(POOR | signals(rms=0.05, std=0.04)),
    ),
    # What is badly scaled and is learned all the same is worth a note.
    Case(
        "PT102 at rows",
        run(POOR | signals(mean_rms=30.0, rms=30.0)),
        run(signals(mean_rms=30.0, rms=30.0)),
    ),
    Case("PT103 at rows", run(signals(std=0.0)), run(signals(std=1e-3))),
    Case("PT104", run(held_rows(input_rms=80.0)), run(held_rows(input_rms=1.5))),
    # Two halves of the training rows differ as much where rows drift.
    Case(
        "PT104",
        run(held_rows(column_shift=0.9)),
        run(held_rows(column_shift=0.9) | training_rows(column_shift=0.2)),
    ),
    Case("PT104", run(held_rows(column_scale=3.0)), run(held_rows(column_scale=1.8))),
    Case(
        "PT104",
        run(held_rows(column_sign=1.0)),
        run(held_rows(column_sign=1.0, class_shift=0.5, class_shift_sigmas=20.0)),
    ),
    Case(
        "PT105",
        run(POOR | training_rows(**TWINS)),
        run(POOR | training_rows(contradictory=0.03, distinct=680)),
        # Four rows are all that is possible; the same one may have both answers.
        run(POOR | training_rows(contradictory=0.3, distinct=4, possible_rows=4.0)),
    ),
    # Twins of continuous values are copies, and cost something however well the rest is learned.
    Case(
        "PT105",
        run(training_rows(**SOME_TWINS)),
        run(training_rows(**SOME_TWINS, possible_rows=1e6)),
    ),
    Case(
        "PT106",
        run(baselines(**STRETCHED)),
        run(baselines(**{**STRETCHED, **LEARNED})),
        # Where nearly all rows are of one class, a high accuracy says nothing.
        run(baselines(**STRETCHED) | outcome("validation", majority_share=0.9)),
    ),
    Case("PT106", run(held_rows(unseen_classes=0.3)), run(held_rows(unseen_classes=0.01))),
    # Training rows that are harder, such as augmented ones, and learned anyway.
    Case(
        "PT106",
        run(baselines(linear=0.5, kernel=0.5) | outcome(balanced_accuracy=0.55)),
        run(baselines(linear=0.5, kernel=0.5)),
    ),
    # Sorted rows do no harm where fit shuffles, and unshuffled ones none where they are mixed.
    Case(
        "PT107",
        run(SPLIT | held_rows(unseen_classes=1.0) | training_rows(class_runs=2)),
        run(training_rows(class_runs=3)),
        # Of rows that were not checked the classes are unknown.
        run(SPLIT | held_rows(unseen_classes=1.0) | training_rows(class_runs=2, rows=512)),
    ),
    Case(
        "PT107",
        run(SPLIT | MOVED | training_rows(class_runs=2)),
        run(MOVED | training_rows(class_runs=2)),
    ),
    Case("PT107", run(IN_ORDER | training_rows(class_runs=3)), run(IN_ORDER)),
    # In the near run nobody can tell the classes apart.
    Case("PT108", run(HELPLESS | baselines(**STRETCHED)), run(HELPLESS)),
    Case(
        "PT108",
        run(SHIFTED | {(ShiftedTargets, "1", None): {"score": 0.9}}),
        run(SHIFTED),
        # The targets of earlier windows of a series are steps of the later ones.
        run(
            SHIFTED
            | {(ShiftedTargets, "1", None): {"score": 0.9}}
            | outcome(mean_squared_error_of_last=1.0)
        ),
    ),
    Case(
        "PT108",
        numbers(baselines(linear=0.0, kernel=0.01) | AMONG | poor_numbers()),
        numbers(baselines(linear=0.9, kernel=0.9) | AMONG),
    ),
    # Inputs look like the targets of other rows; smooth images look like any.
    Case(
        "PT108",
        run(HELPLESS | pairs_of(0.01, 0.6, 0.9)),
        run(HELPLESS | pairs_of(0.01, 0.6, 0.5)),
        run(HELPLESS | pairs_of(0.6, 0.6, 0.9)),
    ),
    Case(
        "PT110",
        run(imbalanced(0.05)),
        run(imbalanced(0.6)),
        run(imbalanced(0.05) | training_rows(targets_padded=0.7)),
        # The loss of a few steps shows that classes are told apart, before any score says so.
        run(imbalanced(0.05) | outcome(log_loss=0.2)),
        run(imbalanced(0.05), training={"class_weights": {"1": 9.0}}),
    ),
    Case(
        "PT111",
        run(target={"whole": False, "max": 0.03, "distinct": None}),
        run(target={"max": 2.0}),
    ),
    Case("PT111 at last", run(target={"max": 3.0}), run(target={"max": 1.0, "distinct": 2})),
    Case("PT111", flags(target={**FLAGS, "min": -1.0}), flags(target=FLAGS)),
    Case("PT150 at first", on_frozen_base(0.004), on_frozen_base(0.9)),
    Case("PT150 at first", on_frozen_base(40.0), on_frozen_base(40.0, trainable=True)),
    Case(
        "PT151 at second",
        normalized(POOR, variance=1.0),
        normalized(POOR, variance=2.0),
        # An unused one does no harm where the model learns.
        normalized({}, variance=1.0),
    ),
    Case(
        "PT152 at second",
        padded_rows(0.9),
        padded_rows(0.3),
        padded_rows(0.9, {"return_sequences": True}),
        padded_rows(0.9, std=0.3),
    ),
    Case("PT153", forecast(0.02), forecast(0.005)),
    # Of rows whose last step says little, repeating it is no forecast.
    Case("PT153", forecast(0.6, 0.5), forecast(0.6, 0.5, mean=1.0)),
    Case(
        "PT154",
        run(POOR | training_rows(targets_padded=0.6)),
        run(POOR | training_rows(targets_padded=0.6), training={"class_weights": {"1": 9.0}}),
        run(training_rows(targets_padded=0.6)),
    ),
    Case(
        "PT155",
        run(training_rows(target_columns=1, target_column=3)),
        run(training_rows(target_columns=5, target_column=0)),
    ),
    Case(
        "PT550",
        run(held_rows(overlapping=0.98)),
        run(held_rows(overlapping=0.1)),
        # Rows that are repeated as they are have a rule of their own.
        run(held_rows(overlapping=0.98, seen_in_training=0.9)),
    ),
    Case(
        "PT551",
        stopped_after(POOR, 2),
        stopped_after(POOR, 30),
        # Where the model has learned all the same, the rest of the rows is not missed.
        stopped_after({}, 2),
    ),
    Case(
        "PT107",
        run(training_rows(class_runs=3), layers=piped(1)),
        run(training_rows(class_runs=3), layers=piped(0)),
    ),
    Case("PT112", run(outcome(classes_present=1)), run(outcome(classes_present=2))),
]
