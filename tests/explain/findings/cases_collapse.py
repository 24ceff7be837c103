"""Faulty runs for the rules about rows that become alike and weights that stop moving."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from tests.documents import changed
from tests.explain.findings.conftest import a_run, poor_numbers
from tests.explain.findings.faulty import (
    FLAGS,
    POOR,
    Case,
    gradient,
    numbers,
    outcome,
    run,
    signals,
    training_rows,
    with_summary,
)

from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import Stages
from pipetrace.trace.measurements import ClassOutcome, Gradient, LossPoint, Outcome, Update

FEW = training_rows(distinct=31)
ALL_THE_SAME = POOR | outcome(std=1e-5)
OWN = {"loss": "triplets", "last": "linear", "target": {"shape": (None,)}}
START = {(Outcome, "training", 0): {"std": 0.4}}
LED = {(Gradient, "first/kernel", 0): {"norm": 5.0, "penalty_norm": 4.9}}
FALLEN = {(LossPoint, "training", -1): {"loss": 0.3}, (LossPoint, "training", 0): {"loss": 0.4}}
UNMOVED = {(Update, "first/kernel", -1): {"update_norm": 0.0, "from_start": 0.0}}


def given_by(name: str, changes: Any) -> Trace:
    """A run whose rows come from something of this name."""
    return changed(a_run(changes), data={"name": name})


def embedded(values: list[float]) -> Trace:
    """An Embedding in place of the first layer, and rows of these values."""
    summary = summarise(np.array(values, np.float32)[:, None], by_channel=False)
    layers = {"first": {"layer": "Embedding", "config": {"input_dim": 10}}}
    return with_summary(a_run(POOR, layers=layers), "rows", summary)


def wrong_way(right: float, loss: str) -> Trace:
    """Two classes, of which in the end this share is right, while the loss falls."""
    end: dict[str, Any] = {
        "accuracy": right,
        "balanced_accuracy": right,
        "classes_present": 2,
        "classes": 2,
    }
    begin = {**end, "accuracy": 0.5, "balanced_accuracy": 0.5}
    changes: dict[Any, Any] = {(Outcome, "training", 0): begin, (Outcome, "training", 8): end}
    for label in (0, 1):
        changes[ClassOutcome, f"training/{label}", None] = {"rows": 350}
    changes = outcome(**end) | changes | FALLEN
    return a_run(changes, loss=loss, last="sigmoid", width=1, target=FLAGS)


def slowing(last_rate: float, last_move: float, outcome: Any = POOR) -> Trace:
    """A run whose learning rate and movement end so; at chance level, unless it is given."""
    ends = {(Update, f"{name}/kernel", 8): {"update_norm": last_move} for name in LAYERS}
    made = a_run(outcome | ends)
    *epochs, last = made.epochs
    return replace(made, epochs=(*epochs, replace(last, learning_rate=last_rate)))


def mixed(moved: float) -> Trace:
    """A run in half precision whose kernels move so far in each epoch."""
    moves = {(Update, f"{name}/kernel", -1): {"update_norm": moved} for name in LAYERS}
    return a_run(POOR | moves, training={"policy": "mixed_float16"})


def normalised(deviation: float) -> Trace:
    """Embeddings of this spread behind a layer that scales them to length 1."""
    made = a_run(START | outcome(std=deviation), **OWN)
    last = made.stages["last"]
    unit = replace(last, name="unit", path="unit", layer="UnitNormalization", config={}, weights=())
    unit = replace(unit, inputs=(replace(last.outputs[0], source="last"),))
    model = made.run.model
    assert model is not None
    outputs = (replace(last.outputs[0], source="unit"),)
    return replace(
        made,
        stages=Stages((*made.stages, unit)),
        run=replace(made.run, model=replace(model, outputs=outputs)),
    )


LAYERS = ("first", "second", "last")
CASES = [
    Case(
        "PT120",
        partial(given_by, "Batches", FEW),
        partial(given_by, "array", FEW),
        # Repeating rows until three classes are even leaves a third of them distinct.
        partial(given_by, "Batches", training_rows(distinct=250)),
    ),
    Case("PT220 at first", partial(embedded, [0.1, 0.9]), partial(embedded, [0.0, 9.0])),
    # Everything is 0 behind the first layer; what follows cannot differ either.
    Case(
        "PT308 at second",
        run(ALL_THE_SAME | signals("second", std=1e-9) | signals("last", std=0.0)),
        run(POOR | outcome(std=0.1) | signals("second", std=1e-9)),
    ),
    Case(
        "PT322 at last",
        numbers(target={"shape": (None, 6, 1)}),
        numbers(width=6, target={"shape": (None, 6, 1)}),
    ),
    Case("PT322 at last", numbers(target={"shape": (None, 6)}), numbers()),
    Case(
        "PT323",
        partial(wrong_way, 0.1, "dice"),
        partial(wrong_way, 0.45, "dice"),
        # A loss of Keras has the right sign: then the labels are swapped.
        partial(wrong_way, 0.1, "binary_crossentropy"),
    ),
    Case(
        "PT324 at last",
        run(START | outcome(std=1e-6), **OWN),
        run(START | outcome(std=0.04), **OWN),
        # The same outputs where each of them has a target are PT308's.
        run(START | outcome(std=1e-6), last="softmax"),
    ),
    Case("PT324 at last", partial(normalised, 1e-6), partial(normalised, 0.1)),
    Case(
        "PT325 at second",
        numbers(poor_numbers() | LED | signals("second", 8, std=1e-3)),
        numbers(LED | signals("second", 8, std=1e-3)),
    ),
    Case(
        "PT420",
        partial(slowing, 1e-9, 1e-8),
        partial(slowing, 1e-9, 0.1),
        # Where the model has learned, a rate that ends at 0 is a schedule.
        partial(slowing, 1e-9, 1e-8, {}),
    ),
    Case("PT421 at first", run(POOR | UNMOVED), run(POOR | UNMOVED | gradient(norm=0.0))),
    Case("PT422", partial(mixed, 0.0), partial(mixed, 0.3)),
]
