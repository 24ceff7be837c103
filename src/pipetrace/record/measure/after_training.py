"""What is measured when training is over: data flow, training mode, predictions, weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipetrace.capture import nests, training_mode
from pipetrace.capture.forward import Forward
from pipetrace.record.measure.data_flow import Flow
from pipetrace.record.measure.model_pass import ModelPass, is_numbers
from pipetrace.record.measure.preprocessing import Before
from pipetrace.record.measure.rows import Rows
from pipetrace.stats import summarise
from pipetrace.stats.examples import Choice, choose
from pipetrace.trace.document import Array, Prediction
from pipetrace.trace.summary import Summary

PREDICTION_CANDIDATES = 2000
"""Rows among which the predictions to show are chosen."""
MOST_STORED_WEIGHTS = 1_000_000
"""Weights that are stored in full; the smallest arrays first."""
MODE_ROWS = 32
"""Rows that layers with a training mode are compared on."""


@dataclass(frozen=True)
class FlowFacts:
    """All rows at every stage, with the first row as an example.

    Attributes:
        summaries: by stage, those before the model too.
        examples: by stage the first row's outputs, without the axis of rows.
        masks, mask_examples: the same of the masks that stages give.
    """

    summaries: Mapping[str, Summary]
    examples: Mapping[str, Sequence[Array]]
    masks: Mapping[str, Summary]
    mask_examples: Mapping[str, Array]


def flow_facts(measure: ModelPass, rows: Rows, flow: Flow, before: Before | None) -> FlowFacts:
    """What is stored of the data flow.

    Args:
        measure: the forward pass.
        rows: that passed.
        flow: what was measured on them.
        before: the stages before the model, where there are any but the rows themselves.
    """
    passed = measure.passed(rows.taken(slice(0, 1)).x)
    ahead = {name: (values,) for name, values in before.way(0).items()} if before else {}
    return FlowFacts(
        summaries={**(before.summaries if before else {}), **flow.summaries},
        examples={**ahead, **measure.examples(passed)},
        masks=flow.masks,
        mask_examples={
            name: mask[0] for name, mask in passed.masks.items() if name in measure.extent.kept
        },
    )


@dataclass
class ModeFacts:
    """Stages that give something else in training.

    Attributes:
        training, prediction: summaries in both modes.
        examples: the first row in training mode.
    """

    training: dict[str, Summary] = field(default_factory=dict)
    prediction: dict[str, Summary] = field(default_factory=dict)
    examples: dict[str, Array] = field(default_factory=dict)


def training_mode_facts(model: Any, measure: ModelPass, rows: Rows) -> ModeFacts:
    """Which stages give something else in training, for some of the rows.

    Their random numbers are those that the next step would draw; drawing them here leaves the state
    as it is.
    """
    found = ModeFacts()
    layers = {
        stage.name: (stage, operation)
        for stage, operation in zip(measure.forward.stages, measure.forward.operations, strict=True)
        if operation is not None
        and stage.name in measure.extent.kept
        and training_mode.has_modes(operation)
    }
    if not layers:
        return found
    few = nests.as_fit_gets(rows.taken(slice(0, min(MODE_ROWS, measure.extent.together))).x)
    inputs = {str(spec.source) for stage, _ in layers.values() for spec in stage.inputs}
    forward = Forward(
        model,
        few,
        measure.names,
        training=True,
        only={*layers, *inputs},
        taken=measure.forward.taken,
    )
    training = forward.passed(few).outputs
    usual = measure.passed(few)
    known = {**usual.outputs, **training}
    for name, (stage, operation) in layers.items():
        values = training[name][0]
        sources = [(str(spec.source), spec.output) for spec in stage.inputs]
        if not is_numbers(values) or not all(source in known for source, _ in sources):
            continue
        received = [known[source][output] for source, output in sources]
        masks = [usual.masks.get(source) for source, _ in sources]
        if training_mode.differs(operation, received, values, masks):
            found.training[name] = summarise(values, by_channel=False)
            found.prediction[name] = summarise(usual.outputs[name][0], by_channel=False)
            found.examples[name] = values[0]
    return found


def predictions(
    model: Any, measure: ModelPass, shown: Rows, validation: Rows | None, before: Before | None
) -> list[Prediction]:
    """The rows that say most about the model, each at every stage.

    Args:
        model: as it is.
        measure: its forward pass.
        shown: rows to choose from where there are no validation rows.
        validation: rows to choose from, or None.
        before: the stages before the model, which the rows to look at have passed.
    """
    held_out = validation is not None and len(validation) > 0
    of = validation if validation is not None and held_out else shown
    count = min(len(of), PREDICTION_CANDIDATES, measure.extent.candidates)
    places = np.linspace(0, len(of) - 1, count).round().astype(int)
    some = of.taken(places)
    # Many outputs of all stages take longer than tracing the model once more for its own alone.
    many = len(places) > measure.extent.candidates // 8
    outputs = measure.outputs_of(measure.final(model, of) if many else measure.forward, some)
    losses = None
    if some.y is not None and len(some.targets) == len(outputs):
        losses = measure.losses.of(some.y, outputs if len(outputs) > 1 else outputs[0])
    way = before if not held_out else None
    return [
        _prediction(measure, of, int(places[each.place]), each, losses, way, held_out=held_out)
        for each in choose(outputs, some.targets, losses)
    ]


def _prediction(
    measure: ModelPass,
    of: Rows,
    place: int,
    choice: Choice,
    losses: Array | None,
    before: Before | None,
    *,
    held_out: bool,
) -> Prediction:
    row = of.taken(slice(place, place + 1))
    outputs = {name: values[0] for name, values in measure.examples(measure.passed(row.x)).items()}
    ahead = before.way(place) if before is not None else {}
    return Prediction(
        row=place,
        label=choice.label,
        outputs={**ahead, **outputs},
        reason=choice.reason,
        loss=None if losses is None else float(losses[choice.place]),
        targets=tuple(np.asarray(values[0]) for values in row.targets),
        held_out=held_out,
    )


def stored_weights(measure: ModelPass) -> dict[str, Array]:
    """The weights by their names, the smallest ones first until there is no room for more."""
    weights = measure.forward.weights()
    room, kept = MOST_STORED_WEIGHTS, set()
    for name, values in sorted(weights.items(), key=lambda item: item[1].size):
        if values.size > room:
            break
        room -= values.size
        kept.add(name)
    return {name: values for name, values in weights.items() if name in kept}
