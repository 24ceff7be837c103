"""What is measured when training is over: the data flow, what training does to some layers, predictions, weights."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pipetrace.capture import facts, nests, training_mode
from pipetrace.capture.forward import Forward
from pipetrace.record.measure import outcomes
from pipetrace.record.measure.data_flow import flow as measured
from pipetrace.record.measure.rows import Measure, Rows, is_numbers
from pipetrace.record.recording import Followed, Recording
from pipetrace.stats import summarise
from pipetrace.stats.examples import Choice, choose
from pipetrace.trace.document import Array, Prediction, Spec
from pipetrace.trace.overhead import TIME

LONGEST, SHARE = 60.0, 0.1
"""Seconds that the data flow after a training may take, or the share of the training's time where that is more. Rows that
would take longer pass evenly spaced; ``exact`` takes them all."""
CANDIDATES = 2000
"""Rows among which the predictions to show are chosen."""
MOST_WEIGHTS = 1_000_000
"""Weights that are stored in full; the smallest arrays first."""


def finish(session: Recording, progress: Callable[[int, int], None] | None = None) -> None:
    """Measure it all and write it; each part stands for itself."""
    if session.measure is None or session.rows is None or session.writer is None:
        return

    def data_flow(session: Recording, measure: Measure, rows: Rows) -> None:
        _data_flow(session, measure, rows, progress)

    for part, work in (
        ("data flow", data_flow),
        ("training mode", _training_mode),
        ("prediction", _predictions),
        ("final weights", _weights),
        ("outcomes", outcomes.on_trained(outcomes.results)),
        ("dataset checks", outcomes.on_trained(outcomes.data)),
        ("baseline models", outcomes.on_trained(outcomes.baseline_models)),
        ("dimensions", outcomes.on_trained(outcomes.dimensions)),
    ):
        if session.can(part) and session.can("writing"):
            with session.safely(part):
                work(session, session.measure, session.rows)


def _data_flow(
    session: Recording, measure: Measure, rows: Rows, progress: Callable[[int, int], None] | None
) -> None:
    exact = session.settings.exact
    # Whoever trained for an hour can wait some minutes more; whoever only looks at a model has come for this.
    seconds = max(LONGEST, SHARE * session.budget.training) if session.epoch else None
    flow = measured(measure, rows.x, len(rows), progress, seconds=seconds, exact=exact)
    if flow.rows < flow.total:
        session.skip("rows", TIME, flow.total - flow.rows)
    passed = measure.passed(rows.taken(slice(0, 1)).x)
    examples = measure.examples(passed)
    before = session.settings.before
    ahead = {name: (values,) for name, values in before.way(0).items()} if before else {}
    examples = {**ahead, **examples}
    summaries = {**(before.summaries if before else {}), **flow.summaries}
    writer = session.writer
    if writer is None:
        return
    first = {name: values[0] for name, values in examples.items()}
    writer.add_data_flow(flow.rows, summaries, first, flow.histogram_rows)
    shown = {name: mask[0] for name, mask in passed.masks.items() if name in measure.extent.kept}
    writer.add_details("mask", flow.masks, shown)
    for place in range(1, max((len(values) for values in examples.values()), default=1)):
        further = {name: values[place] for name, values in examples.items() if len(values) > place}
        writer.add_details(f"example/{place}", {}, further)


def _training_mode(session: Recording, measure: Measure, rows: Rows) -> None:
    """What the layers that behave in another way in training give then, for the probe rows.

    Their random numbers are those that the next step would draw; drawing them here leaves the state as it is.
    """
    layers = {
        stage.name: (stage, operation)
        for stage, operation in zip(measure.forward.stages, measure.forward.operations, strict=True)
        if operation is not None
        and stage.name in measure.extent.kept
        and training_mode.has_modes(operation)
    }
    if not layers or session.writer is None:
        return
    few = nests.as_fit_gets(rows.taken(slice(0, measure.extent.probe)).x)
    before = {str(spec.source) for stage, _ in layers.values() for spec in stage.inputs}
    only = {*layers, *before}
    forward = Forward(
        session.model, few, measure.names, training=True, only=only, taken=session.taken
    )
    training = forward.passed(few).outputs
    passed = measure.passed(few)
    usual = passed.outputs
    known = {**usual, **training}
    summaries, others, examples = {}, {}, {}
    for name, (stage, operation) in layers.items():
        values = training[name][0]
        received = [
            known[str(spec.source)][spec.output]
            for spec in stage.inputs
            if str(spec.source) in known
        ]
        if (
            is_numbers(values)
            and len(received) == len(stage.inputs)
            and training_mode.differs(
                operation,
                received,
                values,
                [passed.masks.get(str(spec.source)) for spec in stage.inputs],
            )
        ):
            summaries[name] = summarise(values, by_channel=False)
            others[name] = summarise(usual[name][0], by_channel=False)
            examples[name] = values[0]
    session.writer.add_details("training", summaries, examples)
    session.writer.add_details("prediction", others, {})


def _follow(session: Recording, measure: Measure, followed: Followed) -> None:
    """The one row that is to be shown."""
    outputs = {
        name: values[0] for name, values in measure.examples(measure.passed(followed.row.x)).items()
    }
    if session.writer is not None:
        session.writer.add_prediction(
            Prediction(followed.number, followed.label, {**followed.way, **outputs})
        )


def _predictions(session: Recording, measure: Measure, rows: Rows) -> None:
    if session.settings.followed is not None:
        _follow(session, measure, session.settings.followed)
        return
    held_out = session.held_out if session.held_out is not None and len(session.held_out) else None
    of = held_out or rows
    places = (
        np.linspace(0, len(of) - 1, min(len(of), CANDIDATES, measure.extent.candidates))
        .round()
        .astype(int)
    )
    names = {spec.source for spec in measure.forward.outputs if spec.source is not None}
    final = measure.forward
    if len(places) > measure.extent.candidates // 8:
        # So many outputs of all stages take longer than tracing the model once more for its own outputs alone.
        few = nests.as_fit_gets(of.taken(slice(0, 2)).x)
        final = Forward(
            session.model,
            few,
            measure.names,
            only={str(each) for each in names},
            taken=session.taken,
        )
    given = _given(final, of, places, measure.extent.together)
    targets = [] if of.y is None else [values[places] for values in of.targets]
    structured = nests.taken(of.y, places)
    losses = None
    if structured is not None and len(targets) == len(given):
        losses = facts.row_losses(session.model, structured, given if len(given) > 1 else given[0])
    for choice in choose(given, targets, losses):
        _write(
            session, measure, of, int(places[choice.place]), choice, losses, held_out is not None
        )


def _given(forward: Forward, of: Rows, places: Array, together: int) -> list[Array]:
    """What the model gives for the rows at the places, one array for each output."""
    parts: list[list[Array]] = []
    outputs: tuple[Spec, ...] = forward.outputs
    for start in range(0, len(places), together):
        some = places[start : start + together]
        found = forward.passed(nests.as_fit_gets(of.taken(some).x)).outputs
        parts.append(
            [found[str(spec.source)][spec.output] for spec in outputs if spec.source in found]
        )
    return [np.concatenate(each) for each in zip(*parts, strict=True)] if parts else []


def _write(
    session: Recording,
    measure: Measure,
    of: Rows,
    place: int,
    choice: Choice,
    losses: Any,
    held_out: bool,
) -> None:
    row = of.taken(slice(place, place + 1))
    outputs = {name: values[0] for name, values in measure.examples(measure.passed(row.x)).items()}
    if session.settings.before is not None and not held_out:
        outputs = {**session.settings.before.way(place), **outputs}
    targets = [] if row.y is None else [np.asarray(values[0]) for values in row.targets]
    loss = None if losses is None else float(losses[choice.place])
    if session.writer is not None:
        session.writer.add_prediction(
            Prediction(
                row=place,
                label=choice.label,
                outputs=outputs,
                reason=choice.reason,
                loss=loss,
                targets=tuple(targets),
                held_out=held_out,
            )
        )


def _weights(session: Recording, measure: Measure, rows: Rows) -> None:  # noqa: ARG001 as the other parts
    weights = measure.forward.weights()
    room, kept = MOST_WEIGHTS, {}
    for name, values in sorted(weights.items(), key=lambda item: item[1].size):
        if values.size > room:
            break
        room -= values.size
        kept[name] = values
    if session.writer is not None:
        session.writer.add_weights(
            {name: values for name, values in weights.items() if name in kept}
        )
