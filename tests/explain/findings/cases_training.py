"""Faulty runs for the rules about training (PT4, PT5, PT7), and runs that are nearly faulty."""

import math
from dataclasses import replace
from functools import partial

from tests.explain.findings.conftest import a_run, poor
from tests.explain.findings.faulty import (
    NAN_LOSS,
    Case,
    grads,
    moves,
    signals,
    slow,
    swinging,
    thrown,
    with_events,
    with_rows,
)

from pipetrace.explain.findings import ERROR
from pipetrace.trace import Trace
from pipetrace.trace.document import FAILED, INTERRUPTED, KILLED, RUNNING, STOPPED, Ending
from pipetrace.trace.events import LOSS, OUTPUT, Event
from pipetrace.trace.measurements import (
    DatasetCheck,
    Gradient,
    LossPoint,
    Outcome,
    Signal,
    StepLosses,
)


def ended(kind: str) -> Trace:
    """The sound run, which ended otherwise."""
    return replace(a_run(), ending=Ending(kind, epoch=3))


CASES = [
    Case(
        "PT401",
        lambda: a_run(poor() | thrown(9.0)),
        lambda: a_run(poor() | thrown(2.0)),
        level=ERROR,
    ),
    # Gradients grow with unscaled inputs, so movement says nothing about the learning rate.
    Case(
        "PT401",
        lambda: a_run(poor() | thrown(9.0)),
        lambda: a_run(poor() | thrown(9.0) | signals(rms=90.0, std=60.0)),
        level=ERROR,
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
        lambda: a_run(poor(0.3), epochs=1, losses=[1.05]),
        lambda: a_run(poor(0.3), epochs=1, losses=[1.2]),
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
    # The validation loss alone is a warning.
    Case(
        "PT701",
        lambda: a_run(held=[0.5] * 7 + [math.nan]),
        lambda: a_run(held=[math.nan] + [0.5] * 7),
    ),
    *(
        Case("PT801", partial(ended, kind), partial(ended, RUNNING), level=ERROR)
        for kind in (FAILED, KILLED, INTERRUPTED)
    ),
    Case(
        "PT801",
        lambda: a_run(epochs=0, training={"epochs": 3}),
        lambda: ended(STOPPED),
        level=ERROR,
    ),
]
