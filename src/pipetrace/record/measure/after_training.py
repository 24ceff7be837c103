"""What is measured when training is over: data flow, training mode, predictions, weights."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipetrace.capture import structures, training
from pipetrace.capture.eager import forward_class
from pipetrace.capture.forward import Forward
from pipetrace.capture.stage_times import StageTimes
from pipetrace.capture.weights import size, values_of
from pipetrace.record.measure.model_pass import ModelPass, is_numbers
from pipetrace.record.measure.outcomes import Found, compared
from pipetrace.record.measure.preprocessing import Before
from pipetrace.record.measure.rows import Rows
from pipetrace.stats import summarise
from pipetrace.stats.examples import ROW, Choice, choose
from pipetrace.trace.document import Array, Prediction, Stage
from pipetrace.trace.measurements import TRAINING_MODE, StageTime
from pipetrace.trace.summary import Summary

SAMPLED_ROWS = 2000
"""Rows of each kind whose outcome is measured, and among which the predictions are chosen."""
OTHER_IN_TRAINING = ("Dropout", "BatchNorm", "Noise")
"""Layers of Keras that give something else in training; RNNs may too, and mostly do not."""
MOST_STORED_WEIGHTS = 1_000_000
"""Weights that are stored in full; the smallest arrays first."""
TIMED_PASSES, TIMED_SECONDS = 9, 2.0
"""Passes in which the stages are timed, and seconds after which there are no more."""
MODE_ROWS = 32
"""Rows that layers with a training mode are compared on."""


class TrainingMode:
    """The model as it is in training, traced once, when it is first asked for.

    Its random numbers are those that the next step would draw; drawing them here leaves the state
    as it is. Of the rows shapes and dtypes are used.
    """

    def __init__(self, model: Any, measure: ModelPass, rows: Rows) -> None:
        self._model, self._measure, self._rows = model, measure, rows

    @cached_property
    def _layers(self) -> dict[str, tuple[Stage, Any]]:
        forward, kept = self._measure.forward, self._measure.extent.kept
        if forward.step is not None:  # which is always in training
            return {}
        return {
            stage.name: (stage, operation)
            for stage, operation in zip(forward.stages, forward.operations, strict=True)
            if operation is not None and stage.name in kept and training.has_modes(operation)
        }

    @cached_property
    def _forward(self) -> Forward:
        inputs = {str(spec.source) for stage, _ in self._layers.values() for spec in stage.inputs}
        outputs = {str(spec.source) for spec in self._measure.forward.outputs}
        forward = forward_class()(
            self._model,
            structures.as_fit_gets(self._rows.taken(slice(0, 2)).x),
            self._measure.names,
            training=True,
            only={*self._layers, *inputs, *outputs},
            taken=self._measure.forward.taken,
            rows=self._measure.forward.fixed,
        )
        forward.most, forward.most_final = self._measure.extent.together, self._measure.losses.most
        return forward

    @property
    def has_layers(self) -> bool:
        """Whether any stage may give something else in training."""
        return bool(self._layers)

    @property
    def changes_outputs(self) -> bool:
        """Whether the model's own outputs are likely to be other ones in training."""
        if self._measure.forward.step is not None:
            return False
        kinds = [stage.layer or "" for stage in self._measure.forward.stages]
        return any(word in kind for kind in kinds for word in OTHER_IN_TRAINING)

    def outcome(self, some: Rows) -> Found:
        """Outputs in training against targets."""
        return compared(
            self._measure,
            some,
            self._forward.final(structures.as_fit_gets(some.x)) or [],
            TRAINING_MODE,
        )

    def facts(self) -> tuple[dict[str, Summary], dict[str, Summary], dict[str, Array]]:
        """Of the stages that give something else in training, for some of the rows: summaries in
        training and in prediction, and the first row in training."""
        in_training, in_prediction = dict[str, Summary](), dict[str, Summary]()
        measure, examples = self._measure, dict[str, Array]()
        few = self._rows.taken(slice(0, min(MODE_ROWS, measure.extent.together))).x
        trained = self._forward.passed(structures.as_fit_gets(few)).outputs
        usual = measure.passed(few)
        known = {**usual.outputs, **trained}
        for name, (stage, operation) in self._layers.items():
            values = trained[name][0]
            sources = [(str(spec.source), spec.output) for spec in stage.inputs]
            if not is_numbers(values) or not all(source in known for source, _ in sources):
                continue
            received = [known[source][output] for source, output in sources]
            masks = [usual.masks.get(source) for source, _ in sources]
            names = [spec.name for spec in stage.inputs]
            if training.differs(operation, received, values, masks, names):
                in_training[name] = summarise(values, by_channel=False)
                in_prediction[name] = summarise(usual.outputs[name][0], by_channel=False)
                examples[name] = values[0]
        return in_training, in_prediction, examples


@dataclass(frozen=True)
class Sample:
    """Evenly spaced rows and what the model gave for them."""

    rows: Rows  # those that passed
    places: Array  # of them among all rows
    outputs: list[Array]  # the model's own, one array each


def sample(measure: ModelPass, rows: Rows, seconds: float, prepared: float = 0.0) -> Sample:
    """Pass evenly spaced rows, for their outputs alone, as many as fit into the seconds.

    What a batch takes is measured first. Where ``prepared``, the seconds that the function of the
    outputs alone takes to prepare, is more, a single batch passes all stages.
    """
    if seconds < prepared:
        places = np.linspace(0, len(rows) - 1, min(len(rows), measure.extent.together))
        some = rows.taken(places.round().astype(int))
        outputs = measure.outputs_in(measure.passed(some.x))
        return Sample(some, places.round().astype(int), outputs)
    count = min(len(rows), SAMPLED_ROWS, measure.extent.candidates)
    together = measure.losses.most
    if seconds < math.inf and count > together:
        few = rows.taken(slice(0, together))
        for _ in range(2):  # the first call of a function prepares it
            began = time.perf_counter()
            measure.outputs_of(few)
            took = time.perf_counter() - began
            seconds -= took
        count = min(count, max(1, int(seconds / took)) * together)
    places = np.linspace(0, len(rows) - 1, count).round().astype(int)
    some = rows.taken(places)
    return Sample(some, places, measure.outputs_of(some))


def losses_of(measure: ModelPass, found: Sample) -> Array | None:
    """The loss of each row, or None where rows have none of their own."""
    y, outputs = found.rows.y, found.outputs
    if y is None or len(found.rows.targets) != len(outputs):
        return None
    found_losses: Array | None = measure.losses.of(y, outputs if len(outputs) > 1 else outputs[0])
    return found_losses


def predictions(
    measure: ModelPass, rows: Rows, found: Sample, before: Before | None, *, validation: bool
) -> list[Prediction]:
    """The rows that say most about the model, each at every stage, chosen in a sample of them."""
    some, outputs, losses = found.rows, found.outputs, losses_of(measure, found)
    apart = measure.losses.apart is not False
    classes = measure.tells_classes
    chosen = choose(outputs, some.targets, losses, squares=apart, classes=classes)
    if not outputs and len(some):  # a training step gives none, and its stages are worth showing
        chosen = [Choice(0, ROW)]
    if not chosen:
        return []
    places = [int(found.places[each.place]) for each in chosen]
    passed = measure.passed(rows.taken(places).x)
    return [
        Prediction(
            row=place,
            label=each.label,
            outputs={
                **(before.way(place) if before is not None else {}),
                **{
                    name: one[0]
                    for name, one in measure.examples(passed, number).items()
                    # What holds all rows of a batch tells nothing of one.
                    if name in measure.by_row or name not in measure.samples
                },
            },
            reason=each.reason,
            loss=None if losses is None else float(losses[each.place]),
            targets=tuple(np.asarray(values[place]) for values in rows.targets),
            validation=validation,
        )
        for number, (place, each) in enumerate(zip(places, chosen, strict=True))
    ]


def stage_times(measure: ModelPass, rows: Rows, seconds: float) -> Found:
    """How long a batch takes at each stage, the median of a few passes, in so many seconds."""
    forward, began = measure.forward, time.perf_counter()
    if forward.step is not None or not len(rows):
        return []
    count = forward.fixed or min(len(rows), measure.extent.together)
    x = structures.as_fit_gets(rows.taken(np.arange(count) % len(rows)).x)
    timed = StageTimes(
        forward.operations,
        forward.model,
        x,
        measure.names,
        taken=forward.taken,
        rows=forward.fixed,
    )
    took = list[dict[str, float]]()
    timed.seconds(x)  # the first call of a function prepares it
    while len(took) < TIMED_PASSES and (
        not took or time.perf_counter() - began < min(seconds, TIMED_SECONDS)
    ):
        took.append(timed.seconds(x))
    known = {stage.name for stage in forward.stages}
    return [
        (name, StageTime(float(np.median([each[name] for each in took])), count, len(took)))
        for name in took[0]
        if name in known
    ]


def stored_weights(variables: Mapping[str, Any]) -> dict[str, Array]:
    """The weights by their names, the smallest ones first until there is no room for more."""
    room, kept = MOST_STORED_WEIGHTS, set()
    for name, variable in sorted(variables.items(), key=lambda item: size([item[1]])):
        room -= size([variable])
        if room < 0:
            break
        kept.add(name)
    return {name: np.array(values_of(each)) for name, each in variables.items() if name in kept}
