"""Faulty runs for the rules about the model (PT2, PT3, PT6), and runs that are nearly faulty."""

import math

from tests.explain.findings.conftest import a_run, poor, poor_numbers, saturated
from tests.explain.findings.faulty import (
    FLAGS,
    NORMALISED,
    Case,
    baselines,
    drawn,
    four,
    frozen,
    numbers,
    slow,
    with_summary,
)

from pipetrace.explain.findings import ERROR
from pipetrace.trace.measurements import Gradient, InitialWeight, LossPoint, Outcome, Signal, Update

CASES = [
    Case(
        "PT201",
        lambda: a_run(poor() | {(Signal, "second", -1): {"dead_units": 1.0}}),
        lambda: a_run(poor() | {(Signal, "second", -1): {"dead_units": 0.9}}),
        "second",
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
]
