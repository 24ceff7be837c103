"""Faulty runs for the rules about data and targets (PT1), and runs that are nearly faulty."""

from tests.explain.findings.conftest import a_run, poor, poor_numbers
from tests.explain.findings.faulty import (
    FLAGS,
    NAN_LOSS,
    NAN_ROWS,
    STRETCHED,
    Case,
    baselines,
    imbalanced,
    numbers,
    signals,
)

from pipetrace.explain.findings import ERROR
from pipetrace.trace.measurements import DatasetCheck, FitArguments, Outcome, ShiftedTargets

CASES = [
    Case(
        "PT101",
        lambda: a_run(NAN_ROWS | poor(), losses=NAN_LOSS, layers={"rows": {}}),
        lambda: a_run(
            {(DatasetCheck, "training", None): {"targets_not_finite": 0}} | poor(), losses=NAN_LOSS
        ),
        level=ERROR,
    ),
    Case(
        "PT102",
        lambda: a_run(signals(rms=90.0, std=60.0, std_high=80.0) | poor()),
        lambda: a_run(signals(rms=8.0, std=6.0) | poor()),
        stage="rows",
    ),
    Case(
        "PT102",
        lambda: a_run(signals(std_low=0.01, std_high=5.0) | poor()),
        lambda: a_run(signals(std_low=0.1, std_high=5.0) | poor()),
        stage="rows",
    ),
    Case(
        "PT102",
        lambda: a_run(signals(rms=0.004, std=0.003) | poor()),
        lambda: a_run(signals(rms=0.05, std=0.04) | poor()),
        stage="rows",
    ),
    # What is badly scaled and is learned all the same is worth a note.
    Case(
        "PT102",
        lambda: a_run(signals(mean_rms=30.0, rms=30.0) | poor()),
        lambda: a_run(signals(mean_rms=30.0, rms=30.0)),
        stage="rows",
    ),
    Case(
        "PT103",
        lambda: a_run(signals(std=0.0)),
        lambda: a_run(signals(std=1e-3)),
        "rows",
        ERROR,
    ),
    Case(
        "PT104",
        lambda: a_run({(DatasetCheck, "held_out", None): {"input_rms": 80.0}}),
        lambda: a_run({(DatasetCheck, "held_out", None): {"input_rms": 1.5}}),
    ),
    Case(
        "PT105",
        lambda: a_run(
            {(DatasetCheck, "training", None): {"contradictory": 0.3, "distinct": 500}} | poor()
        ),
        lambda: a_run(
            {(DatasetCheck, "training", None): {"contradictory": 0.03, "distinct": 680}} | poor()
        ),
    ),
    Case(
        "PT105",
        lambda: a_run(
            {(DatasetCheck, "training", None): {"contradictory": 0.3, "distinct": 500}} | poor()
        ),
        # Four rows are all that is possible; the same one may have both answers.
        lambda: a_run(
            {
                (DatasetCheck, "training", None): {
                    "contradictory": 0.3,
                    "distinct": 4,
                    "possible_rows": 4.0,
                }
            }
            | poor()
        ),
    ),
    # Twins of continuous values are copies, and cost something however well the rest is learned.
    Case(
        "PT105",
        lambda: a_run({(DatasetCheck, "training", None): {"contradictory": 0.2, "distinct": 600}}),
        lambda: a_run(
            {
                (DatasetCheck, "training", None): {
                    "contradictory": 0.2,
                    "distinct": 600,
                    "possible_rows": 1e6,
                }
            }
        ),
    ),
    Case(
        "PT106",
        lambda: a_run(baselines(**STRETCHED)),
        lambda: a_run(
            baselines(
                kernel_within_held_out=0.95,
                linear_within_held_out=0.9,
                kernel_held_out=0.8,
                linear_held_out=0.75,
            )
        ),
    ),
    Case(
        "PT106",
        lambda: a_run({(DatasetCheck, "held_out", None): {"unseen_classes": 0.3}}),
        lambda: a_run({(DatasetCheck, "held_out", None): {"unseen_classes": 0.01}}),
    ),
    Case(
        "PT106",
        lambda: a_run(
            baselines(linear=0.5, kernel=0.5)
            | {(Outcome, "training", None): {"balanced_accuracy": 0.55}}
        ),
        # Training rows that are harder, such as augmented ones, and learned anyway.
        lambda: a_run(baselines(linear=0.5, kernel=0.5)),
    ),
    Case(
        "PT107",
        lambda: a_run(
            {
                (DatasetCheck, "held_out", None): {"unseen_classes": 1.0},
                (DatasetCheck, "training", None): {"class_runs": 2},
                (FitArguments, "fit", None): {"validation_split": 0.2},
            }
        ),
        lambda: a_run(
            {(DatasetCheck, "training", None): {"class_runs": 3}}
        ),  # sorted, and fit shuffles
    ),
    Case(
        "PT107",
        lambda: a_run(
            {
                (DatasetCheck, "training", None): {"class_runs": 3},
                (FitArguments, "fit", None): {"shuffle": False},
            }
        ),
        lambda: a_run({(FitArguments, "fit", None): {"shuffle": False}}),
    ),
    Case(
        "PT108",
        lambda: a_run(baselines(linear=0.34, kernel=0.35, **STRETCHED) | poor(0.02)),
        lambda: a_run(baselines(linear=0.34, kernel=0.35) | poor(0.02)),  # nobody can tell them
    ),
    Case(
        "PT108",
        lambda: a_run(
            baselines(linear=0.34, kernel=0.35)
            | {
                (ShiftedTargets, "1", None): {"score": 0.9},
                (ShiftedTargets, "0", None): {"score": 0.33},
            }
            | poor(0.02)
        ),
        lambda: a_run(
            baselines(linear=0.34, kernel=0.35)
            | {(ShiftedTargets, "0", None): {"score": 0.33}}
            | poor(0.02)
        ),
    ),
    Case(
        "PT108",
        lambda: numbers(
            baselines(linear=0.0, kernel=0.01)
            | {
                (DatasetCheck, "training", None): {
                    "targets_among_inputs": 1.0,
                    "targets_are_inputs": 0.01,
                }
            }
            | poor_numbers()
        ),
        lambda: numbers(
            baselines(linear=0.9, kernel=0.9)
            | {
                (DatasetCheck, "training", None): {
                    "targets_among_inputs": 1.0,
                    "targets_are_inputs": 0.01,
                }
            }
        ),
    ),
    Case("PT110", lambda: a_run(imbalanced(0.05)), lambda: a_run(imbalanced(0.6))),
    Case(
        "PT110",
        lambda: a_run(imbalanced(0.05)),
        lambda: a_run(imbalanced(0.05), training={"class_weights": True}),
    ),
    Case(
        "PT111",
        lambda: a_run(target={"whole": False, "max": 0.03, "distinct": None}),
        lambda: a_run(target={"max": 2.0}),
        level=ERROR,
    ),
    Case(
        "PT111",
        lambda: a_run(target={"max": 3.0}),
        lambda: a_run(target={"max": 1.0, "distinct": 2}),
        "last",
        ERROR,
    ),
    Case(
        "PT111",
        lambda: a_run(
            loss="binary_crossentropy",
            last="sigmoid",
            width=1,
            target={"min": -1.0, "max": 1.0, "distinct": 2},
        ),
        lambda: a_run(loss="binary_crossentropy", last="sigmoid", width=1, target=FLAGS),
        level=ERROR,
    ),
    Case(
        "PT112",
        lambda: a_run({(Outcome, "training", None): {"classes_present": 1}}),
        lambda: a_run({(Outcome, "training", None): {"classes_present": 2}}),
        level=ERROR,
    ),
]
