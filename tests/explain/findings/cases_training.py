"""Faulty runs for the rules about training (PT4, PT5, PT7), and runs that are nearly faulty."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

from tests.documents import changed
from tests.explain.findings.conftest import a_run, poor
from tests.explain.findings.faulty import (
    NAN_LOSS,
    POOR,
    Case,
    gradient,
    grads,
    held_rows,
    moves,
    outcome,
    run,
    signals,
    slow,
    swinging,
    thrown,
    training_rows,
    with_events,
)

from pipetrace.explain.findings import WARNING
from pipetrace.trace import Trace
from pipetrace.trace.document import FAILED, INTERRUPTED, KILLED, RUNNING, STOPPED, Ending
from pipetrace.trace.events import LOSS, OUTPUT, Event
from pipetrace.trace.measurements import LossPoint, Outcome, StepLosses
from pipetrace.trace.training import Callback, Fit

TURNS = [0.7, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9, 1.0]
SETTLES = [1.0, 0.9, 0.8, 0.75, 0.74, 0.74, 0.74, 0.74]
PENALTY = {(LossPoint, "training", -1): {"loss": 3.0, "penalty": 2.4}}
STUCK = POOR | signals("second", 0, not_finite=0.5)
LAZY = {"epochs": 30, "losses": slow(30)}
LOST = outcome("validation", accuracy=0.7, balanced_accuracy=0.7)
WEIGHTED = {"class_weights": {"0": 0.5, "2": 16.0}}
HEAVY = {(StepLosses, "training", 1): {"first": 400.0}}
WORSENED = {
    (Outcome, "training", epoch): {"balanced_accuracy": share, "classes_present": 3}
    for epoch, share in ((0, 0.8), (8, 0.53))
}
BEATEN = {"d_loss": 0.01, "g_loss": 6.0}
NAN_EVENTS = (Event(LOSS, 1, 1, value=math.nan), Event(OUTPUT, 1, 1, "second"))


def jumped(high: float) -> Any:
    return POOR | {(StepLosses, "training", 1): {"max": high}}


def momentum(value: float) -> dict[str, Any]:
    return {"optimizer": "SGD", "optimizer_config": {"momentum": value}}


def dropout(rate: float) -> dict[str, Any]:
    return {"second": {"layer": "Dropout", "config": {"rate": rate}, "weights": ()}}


def with_few(rows: int) -> Trace:
    poor_rows = outcome("validation", balanced_accuracy=0.5, accuracy=0.5)
    return changed(a_run(poor_rows), data={"rows": rows})


def left_with(
    number: int | None, mode: str, changes: dict[Any, Any] | None = None, **options: Any
) -> Trace:
    """The sound run, which ended with the weights of this epoch; None where that is unknown."""
    made = a_run(changes, **options)
    settings = {"monitor": "val_loss", "mode": "min" if mode == "max" else "max"}
    training = replace(made.run.training, callbacks=(Callback("EarlyStopping", settings),))
    fit = Fit(1, training, weights_epoch=number, weights_differ=number != 8)
    return replace(made, run=replace(made.run, training=training, fits=(fit,)))


def ended(kind: str) -> Trace:
    """The sound run, which ended otherwise."""
    return replace(a_run(), ending=Ending(kind, epoch=3))


CASES = [
    Case(
        "PT401",
        run(POOR | thrown(9.0)),
        run(POOR | thrown(2.0)),
        # Gradients grow with unscaled inputs, so movement says nothing about the learning rate.
        run(POOR | thrown(9.0) | signals(rms=90.0, std=60.0)),
    ),
    Case(
        "PT401",
        run(jumped(900.0)),
        run(jumped(5.0)),
        # The losses of steps are weighted, that before training is not.
        run(jumped(900.0) | HEAVY, training=WEIGHTED),
    ),
    Case("PT401", partial(swinging, 0.08), partial(swinging, 0.002)),
    Case(
        "PT402",
        run(POOR | moves(0.02), losses=slow()),
        run(POOR | moves(0.4), losses=slow()),
        # A run that has settled on a plateau stands still without being slow.
        run(POOR | moves(0.02, straight=0.1), losses=[1.1] * 8),
    ),
    # After few steps of Adam a fall that leads far in a few dozen epochs is no sign of a low rate.
    Case(
        "PT402",
        run(POOR | moves(0.02, epochs=2), epochs=2, losses=[1.1, 1.0995]),
        run(POOR | moves(0.02, epochs=2), epochs=2, losses=[1.1, 1.0]),
    ),
    Case("PT403", run(POOR, training=momentum(0.99)), run(POOR, training=momentum(0.95))),
    Case(
        "PT404",
        run(POOR | moves(0.01, epochs=30), training={"batch_size": 350}, **LAZY),
        run(POOR | moves(0.01, epochs=30), **LAZY),
    ),
    Case("PT405 at first", run(POOR | grads(1e-6)), run(POOR | grads(2e-4))),
    Case("PT406 at second", run(STUCK | signals("first", 0, rms=900.0)), run(STUCK)),
    Case("PT406 at first", run(POOR | grads(50.0)), run(POOR | grads(0.5))),
    Case(
        "PT501",
        run(held=TURNS),
        run(held=[1.0, 0.95, 0.9, 1.0, 1.03, 1.05, 1.06, 1.07]),
        # Twice nearly nothing is nearly nothing.
        run(held=[0.3, 0.02, 0.01, 0.02, 0.02, 0.03, 0.03, 0.03]),
    ),
    Case(
        "PT502",
        run(POOR, epochs=1, losses=[1.05]),
        run(POOR, epochs=1, losses=[1.2]),
        # A few steps that led somewhere are a beginning.
        run(poor(0.3), epochs=1, losses=[1.05]),
    ),
    Case(
        "PT502",
        run(poor(0.3)),
        run(poor(0.3), losses=SETTLES),
        run(poor(0.6)),
        # More of what makes it worse, or does not move anything, is of no use.
        run(poor(0.3) | WORSENED),
        run(poor(0.3) | moves(0.0)),
    ),
    Case("PT503 at first", run(POOR | PENALTY | gradient(penalty_norm=3.0)), run(PENALTY)),
    Case("PT504 at second", run(POOR, layers=dropout(0.8)), run(POOR, layers=dropout(0.5))),
    Case("PT505", run(held_rows(seen_in_training=0.5)), run(held_rows(seen_in_training=0.02))),
    # All that can be occurs in training.
    Case(
        "PT505",
        run(held_rows(seen_in_training=1.0)),
        run(
            held_rows(seen_in_training=1.0)
            | training_rows(rows=256, distinct=256, possible_rows=256.0)
        ),
    ),
    Case(
        "PT520",
        partial(left_with, 1, "min"),
        partial(left_with, 8, "max"),
        # The best by the validation loss may be worse by another metric.
        partial(left_with, 2, "max", held=[0.7, 0.5, *[0.505] * 6]),
    ),
    # Which epoch they are of may be unknown; what the model reaches is measured.
    Case(
        "PT520",
        partial(left_with, None, "max", LOST, metrics={"val_accuracy": 0.95}),
        partial(left_with, None, "max", LOST, metrics={"val_accuracy": 0.72}),
    ),
    Case(
        "PT521",
        run(metrics=BEATEN),
        run(metrics={**BEATEN, "g_loss": 1.2}),
        run(metrics={"d_loss": -0.5, "g_loss": 40.0}),
    ),
    Case("PT506", partial(with_few, 30), partial(with_few, 300)),
    Case(
        "PT701 at second", lambda: with_events(a_run(POOR, losses=NAN_LOSS), *NAN_EVENTS), run(POOR)
    ),
    # The validation loss alone is a warning.
    Case(
        "PT701",
        lambda: a_run(held=[0.5] * 7 + [math.nan]),
        lambda: a_run(held=[math.nan] + [0.5] * 7),
        level=WARNING,
    ),
    *(
        Case("PT801", partial(ended, kind), partial(ended, RUNNING))
        for kind in (FAILED, KILLED, INTERRUPTED)
    ),
    Case("PT801", lambda: a_run(epochs=0, training={"epochs": 3}), lambda: ended(STOPPED)),
]
