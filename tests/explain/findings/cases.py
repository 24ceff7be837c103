"""For each rule a run that has the fault, and one that nearly has it."""

import math

from tests.explain.findings.conftest import a_run, poor, poor_numbers, saturated
from tests.explain.findings.faulty import (
    FLAGS,
    NAN_LOSS,
    NAN_ROWS,
    NORMALISED,
    STRETCHED,
    Case,
    baselines,
    drawn,
    four,
    frozen,
    grads,
    imbalanced,
    moves,
    numbers,
    signals,
    slow,
    swinging,
    thrown,
    with_events,
    with_rows,
    with_summary,
)

from pipetrace.explain.findings import ERROR
from pipetrace.trace.events import LOSS, OUTPUT, Event
from pipetrace.trace.measurements import (
    DatasetCheck,
    FitArguments,
    Gradient,
    InitialWeight,
    LossPoint,
    Outcome,
    ShiftedTargets,
    Signal,
    StepLosses,
    Update,
)

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
        # Four rows are all that there can be, and the same one comes with both answers by its nature.
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
        # Training rows that are harder than held-out ones, such as augmented ones, and are learned all the same.
        lambda: a_run(baselines(linear=0.5, kernel=0.5)),
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
    # Each of several outputs is compared with the one target.
    Case(
        "PT305",
        lambda: a_run(loss="mean_squared_error", last="linear", target={"shape": (None,)}),
        lambda: numbers(width=3, target={"shape": (None, 3)}),
        "last",
        ERROR,
    ),
    Case(
        "PT305",
        lambda: a_run(poor(), loss="binary_crossentropy", target={**FLAGS, "shape": (None, 3)}),
        lambda: a_run(
            poor(), loss="binary_crossentropy", last="sigmoid", target={**FLAGS, "shape": (None, 3)}
        ),
    ),
    Case(
        "PT401",
        lambda: a_run(poor() | thrown(9.0)),
        lambda: a_run(poor() | thrown(2.0)),
        level=ERROR,
    ),
    # Gradients grow with the inputs, so with unscaled ones the way that weights go says nothing of the rate.
    Case(
        "PT401",
        lambda: a_run(poor() | thrown(9.0)),
        lambda: a_run(poor() | thrown(9.0) | signals(rms=90.0, std=60.0)),
        level=ERROR,
    ),
    Case(
        "PT201",
        lambda: a_run(poor() | {(Signal, "second", -1): {"dead_units": 1.0}}),
        lambda: a_run(poor() | {(Signal, "second", -1): {"dead_units": 0.9}}),
        "second",
    ),
    Case(
        "PT502",
        lambda: a_run(poor(0.3), epochs=1, losses=[1.05]),
        lambda: a_run(poor(0.3), epochs=1, losses=[1.2]),
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
    Case(
        "PT201",
        lambda: a_run({(Signal, "second", 8): {"dead_units": 0.8}} | poor()),
        lambda: a_run({(Signal, "second", 8): {"dead_units": 0.5}} | poor()),
        "second",
    ),
    # Units that were silent from the start are no doing of the training.
    Case(
        "PT201",
        lambda: a_run({(Signal, "second", 8): {"dead_units": 0.8}} | poor()),
        lambda: a_run({(Signal, "second", -1): {"dead_units": 0.7}} | poor()),
        "second",
    ),
    Case(
        "PT202",
        lambda: with_summary(a_run(poor(), hidden="tanh"), "first", saturated(0.8)),
        lambda: with_summary(a_run(poor(), hidden="tanh"), "first", saturated(0.3)),
        "first",
    ),
    Case(
        "PT202",
        lambda: with_summary(a_run(poor(), hidden="sigmoid"), "second", saturated(0.7)),
        lambda: with_summary(a_run(hidden="sigmoid"), "second", saturated(0.7)),
        "second",
    ),
    Case(
        "PT203",
        lambda: a_run(poor(), hidden="softmax"),
        lambda: a_run(poor(), hidden="tanh"),
        "first",
    ),
    Case(
        "PT203",
        lambda: a_run(poor(), hidden="exponential"),
        lambda: a_run(hidden="exponential"),
        "first",
    ),
    Case(
        "PT301",
        lambda: a_run(poor(), width=1, loss="binary_crossentropy", target=FLAGS),
        lambda: a_run(poor(), width=1, last="sigmoid", loss="binary_crossentropy", target=FLAGS),
        "last",
        ERROR,
    ),
    Case(
        "PT302",
        lambda: numbers(
            {(Outcome, "training", None): {"target_below_zero": 0.5}} | poor_numbers(0.4),
            last="relu",
        ),
        lambda: numbers(
            {(Outcome, "training", None): {"target_below_zero": 0.005}} | poor_numbers(0.4),
            last="relu",
        ),
        "last",
        ERROR,
    ),
    Case(
        "PT302",
        lambda: numbers(
            {(Outcome, "training", None): {"target_above_one": 0.3}} | poor_numbers(0.6),
            last="tanh",
        ),
        lambda: numbers({(Outcome, "training", None): {"target_above_one": 0.3}}, last="tanh"),
        "last",
        ERROR,
    ),
    Case(
        "PT303",
        lambda: a_run({(Outcome, "training", None): {"min": -5.0, "max": 9.0}}, last="linear"),
        lambda: a_run(
            {(Outcome, "training", None): {"min": -5.0, "max": 9.0}},
            last="linear",
            from_logits=True,
        ),
        "last",
        ERROR,
    ),
    Case(
        "PT304",
        lambda: a_run(poor(), from_logits=True, losses=slow()),
        # Keras has undone it: the loss that it reports is that of the probabilities.
        lambda: a_run(from_logits=True, held=[0.2] * 8),
        "last",
        ERROR,
    ),
    Case(
        "PT305",
        lambda: numbers(poor_numbers(), last="sigmoid", target=FLAGS),
        lambda: numbers(last="sigmoid", target=FLAGS),
    ),
    Case(
        "PT305",
        lambda: a_run(
            poor(),
            loss="binary_crossentropy",
            last="sigmoid",
            width=1,
            target={"whole": False, "max": 7.5, "distinct": None},
        ),
        lambda: a_run(
            loss="binary_crossentropy",
            last="sigmoid",
            width=1,
            target={"whole": False, "max": 0.9, "distinct": None},
        ),
        "last",
        ERROR,
    ),
    Case(
        "PT306",
        lambda: a_run(poor() | {(Outcome, "training", None): {"sum_max": 2.4}}, last="sigmoid"),
        lambda: a_run({(Outcome, "training", None): {"sum_max": 2.4}}, last="sigmoid"),
        "last",
    ),
    Case(
        "PT306",
        lambda: a_run(loss="binary_crossentropy", last="tanh", width=1, target=FLAGS),
        lambda: a_run(
            loss="binary_crossentropy", last="tanh", width=1, target=FLAGS, from_logits=True
        ),
        "last",
    ),
    Case(
        "PT307",
        lambda: numbers(
            {(Outcome, "training", None): {"target_mean": 1e5, "target_std": 3e4}} | poor_numbers()
        ),
        lambda: numbers(
            {(Outcome, "training", None): {"target_mean": 12.0, "target_std": 3.0}} | poor_numbers()
        ),
    ),
    Case(
        "PT307",
        lambda: numbers({(Outcome, "training", None): {"target_mean": 200.0}} | poor_numbers()),
        lambda: numbers({(Outcome, "training", None): {"target_mean": 200.0}}),
    ),
    Case(
        "PT308",
        lambda: a_run(
            poor()
            | {
                (Outcome, "training", None): {
                    "std": 1e-4,
                    "accuracy": 0.34,
                    "balanced_accuracy": 0.333,
                }
            }
        ),
        lambda: a_run(
            poor()
            | {
                (Outcome, "training", None): {
                    "std": 0.1,
                    "accuracy": 0.34,
                    "balanced_accuracy": 0.333,
                }
            }
        ),
        "last",
    ),
    Case(
        "PT309",
        lambda: a_run(poor(0.02)),
        lambda: a_run(
            poor(0.02) | baselines(linear_held_out_balanced=0.4, kernel_held_out_balanced=0.4)
        ),
    ),
    Case(
        "PT310",
        lambda: a_run(poor(0.02)),
        lambda: a_run(poor(0.02) | {(LossPoint, "training", -1): {"loss": 1.0}}),
    ),
    Case(
        "PT401",
        lambda: a_run(poor() | {(StepLosses, "training", 1): {"max": 900.0}}),
        lambda: a_run(poor() | {(StepLosses, "training", 1): {"max": 5.0}}),
        level=ERROR,
    ),
    Case("PT401", lambda: swinging(0.08), lambda: swinging(0.002), level=ERROR),
    Case(
        "PT402",
        lambda: a_run(poor() | moves(0.02), losses=slow()),
        lambda: a_run(poor() | moves(0.4), losses=slow()),
    ),
    # A run that has settled on a plateau stands still without being slow.
    Case(
        "PT402",
        lambda: a_run(poor() | moves(0.02), losses=slow()),
        lambda: a_run(poor() | moves(0.02, straight=0.1), losses=[1.1] * 8),
    ),
    Case(
        "PT403",
        lambda: a_run(
            poor(), training={"optimizer": "SGD", "optimizer_config": {"momentum": 0.99}}
        ),
        lambda: a_run(
            poor(), training={"optimizer": "SGD", "optimizer_config": {"momentum": 0.95}}
        ),
    ),
    Case(
        "PT404",
        lambda: a_run(
            poor() | moves(0.01, epochs=30),
            epochs=30,
            losses=slow(30),
            training={"batch_size": 350},
        ),
        lambda: a_run(poor() | moves(0.01, epochs=30), epochs=30, losses=slow(30)),
    ),
    Case(
        "PT405", lambda: a_run(poor() | grads(1e-6)), lambda: a_run(poor() | grads(2e-4)), "first"
    ),
    Case(
        "PT406",
        lambda: a_run(
            poor()
            | {(Signal, "first", 0): {"rms": 900.0}, (Signal, "second", 0): {"not_finite": 0.5}}
        ),
        lambda: a_run(poor() | {(Signal, "second", 0): {"not_finite": 0.5}}),
        "second",
        ERROR,
    ),
    Case(
        "PT406",
        lambda: a_run(poor() | grads(50.0)),
        lambda: a_run(poor() | grads(0.5)),
        "first",
        ERROR,
    ),
    Case(
        "PT501",
        lambda: a_run(held=[0.7, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9, 1.0]),
        lambda: a_run(held=[1.0, 0.95, 0.9, 1.0, 1.03, 1.05, 1.06, 1.07]),
    ),
    # Twice nearly nothing is nearly nothing.
    Case(
        "PT501",
        lambda: a_run(held=[0.7, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9, 1.0]),
        lambda: a_run(held=[0.3, 0.02, 0.01, 0.02, 0.02, 0.03, 0.03, 0.03]),
    ),
    Case(
        "PT502",
        lambda: a_run(poor(0.3)),
        lambda: a_run(poor(0.3), losses=[1.0, 0.9, 0.8, 0.75, 0.74, 0.74, 0.74, 0.74]),
    ),
    Case("PT502", lambda: a_run(poor(0.3)), lambda: a_run(poor(0.6))),
    Case(
        "PT503",
        lambda: a_run(
            poor()
            | {
                (LossPoint, "training", -1): {"loss": 3.0, "penalty": 2.4},
                (Gradient, "first/kernel", -1): {"penalty_norm": 3.0},
            }
        ),
        lambda: a_run({(LossPoint, "training", -1): {"loss": 3.0, "penalty": 2.4}}),
        "first",
    ),
    Case(
        "PT504",
        lambda: a_run(
            poor(), layers={"second": {"layer": "Dropout", "config": {"rate": 0.8}, "weights": ()}}
        ),
        lambda: a_run(
            poor(), layers={"second": {"layer": "Dropout", "config": {"rate": 0.5}, "weights": ()}}
        ),
        "second",
    ),
    Case(
        "PT505",
        lambda: a_run({(DatasetCheck, "held_out", None): {"seen_in_training": 0.5}}),
        lambda: a_run({(DatasetCheck, "held_out", None): {"seen_in_training": 0.02}}),
    ),
    # All that can be occurs in training.
    Case(
        "PT505",
        lambda: a_run({(DatasetCheck, "held_out", None): {"seen_in_training": 1.0}}),
        lambda: a_run(
            {
                (DatasetCheck, "held_out", None): {"seen_in_training": 1.0},
                (DatasetCheck, "training", None): {
                    "rows": 256,
                    "distinct": 256,
                    "possible_rows": 256.0,
                },
            }
        ),
    ),
    Case(
        "PT506",
        lambda: with_rows(
            a_run({(Outcome, "held_out", None): {"balanced_accuracy": 0.5, "accuracy": 0.5}}), 30
        ),
        lambda: with_rows(
            a_run({(Outcome, "held_out", None): {"balanced_accuracy": 0.5, "accuracy": 0.5}}), 300
        ),
    ),
    Case("PT601", lambda: four(drawn(0.2), 0.001), lambda: four(drawn(0.2), 0.4), "first"),
    Case(
        "PT602",
        lambda: a_run({(InitialWeight, "first/kernel", 0): {"duplicate_units": 1.0}} | poor()),
        lambda: a_run({(InitialWeight, "last/kernel", 0): {"duplicate_units": 1.0}} | poor()),
        "first",
        ERROR,
    ),
    Case(
        "PT603",
        lambda: frozen(math.sqrt(2 / 24), skill=0.1),
        lambda: frozen(0.9, skill=0.1),
        "first",
    ),
    Case("PT604", lambda: four({}, 0.001), lambda: four({}, 0.4), "third"),
    Case(
        "PT605",
        lambda: a_run(
            baselines(linear_held_out=0.6, linear_held_out_balanced=0.6) | poor(0.4),
            hidden="linear",
        ),
        lambda: a_run(
            baselines(linear_held_out=0.6, linear_held_out_balanced=0.6), hidden="linear"
        ),
        "first",
    ),
    Case(
        "PT606",
        lambda: a_run(
            {(Outcome, "training", None): {"balanced_accuracy": 0.4, "accuracy": 0.4}},
            layers=NORMALISED,
        ),
        lambda: a_run(
            {(Outcome, "training", None): {"balanced_accuracy": 0.85, "accuracy": 0.85}},
            layers=NORMALISED,
        ),
        "second",
    ),
    Case(
        "PT607",
        lambda: a_run(
            poor()
            | {
                (Gradient, "first/kernel", -1): {
                    "max": 0.0,
                    "norm": 0.0,
                    "rms": 0.0,
                    "zeros": 1.0,
                },
                (Update, "first/kernel", -1): {"update_norm": 0.0, "from_start": 0.0},
            }
        ),
        lambda: a_run(poor() | {(Gradient, "first/kernel", -1): {"max": 1e-12, "rms": 1e-13}}),
        "first",
    ),
    Case(
        "PT701",
        lambda: with_events(
            a_run(poor(), losses=NAN_LOSS),
            Event(LOSS, 1, 1, value=math.nan),
            Event(OUTPUT, 1, 1, "second"),
        ),
        lambda: a_run(poor()),
        "second",
        ERROR,
    ),
]
