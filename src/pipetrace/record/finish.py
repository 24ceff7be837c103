"""What is measured when training is over, part by part, and written."""

from collections.abc import Callable

from pipetrace.record.measure import after_training, dataset_checks, outcomes
from pipetrace.record.measure.data_flow import flow
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.rows import Rows
from pipetrace.record.state import Followed, State
from pipetrace.record.writer_thread import WriterThread
from pipetrace.trace.document import Prediction
from pipetrace.trace.overhead import TIME

FLOW_SECONDS, FLOW_SHARE = 60.0, 0.1
"""Seconds that the data flow may take after a training, or a share of its time. Of rows that would
take longer some pass, evenly spaced; ``exact`` takes them all."""

ShowRows = Callable[[int, int], None]


def measure_after_training(state: State, progress: ShowRows | None) -> None:
    """Measure it all and write it; each part stands for itself.

    Args:
        state: of the recording.
        progress: is called with the rows of the data flow that are done, and how many there are.
    """
    measure, rows, writer = state.measure, state.source.shown, state.writer
    if measure is None or rows is None or writer is None:
        return
    model, source, before = state.model, state.source, state.settings.before
    trained, validation = source.trained or rows, source.validation

    def mode() -> None:
        found = after_training.training_mode_facts(model, measure, rows)
        writer.add_details("training", found.training, found.examples)
        writer.add_details("prediction", found.prediction, {})

    def predictions() -> None:
        followed = state.settings.followed
        if followed is not None:
            writer.add_prediction(_followed(measure, followed))
            return
        for each in after_training.predictions(model, measure, rows, validation, before):
            writer.add_prediction(each)

    parts: tuple[tuple[str, Callable[[], None]], ...] = (
        ("data flow", lambda: _data_flow(state, measure, rows, writer, progress)),
        ("training mode", mode),
        ("prediction", predictions),
        ("final weights", lambda: writer.add_weights(after_training.stored_weights(measure))),
        (
            "outcomes",
            lambda: state.add(outcomes.after_training(model, measure, trained, validation)),
        ),
        (
            "dataset checks",
            lambda: state.add(dataset_checks.checks(measure, source.call, trained, validation)),
        ),
        (
            "baseline models",
            lambda: state.add(dataset_checks.baseline_scores(measure, trained, validation)),
        ),
        ("dimensions", lambda: state.add(outcomes.dimensions(measure, trained))),
    )
    for part, work in parts:
        if state.can(part) and state.can("writing"):
            with state.safely(part):
                work()


def _data_flow(
    state: State,
    measure: ModelPass,
    rows: Rows,
    writer: WriterThread,
    progress: ShowRows | None,
) -> None:
    # Rows that are only looked at, without a training, are all passed.
    seconds = max(FLOW_SECONDS, FLOW_SHARE * state.budget.training) if state.epoch else None
    found = flow(measure, rows.x, len(rows), progress, seconds=seconds, exact=state.settings.exact)
    if found.rows < found.total:
        state.skip("rows", TIME, found.total - found.rows)
    kept = after_training.flow_facts(measure, rows, found, state.settings.before)
    first = {name: values[0] for name, values in kept.examples.items()}
    writer.add_data_flow(found.rows, kept.summaries, first, found.histogram_rows)
    writer.add_details("mask", kept.masks, kept.mask_examples)
    for place in range(1, max((len(values) for values in kept.examples.values()), default=1)):
        further = {
            name: values[place] for name, values in kept.examples.items() if len(values) > place
        }
        writer.add_details(f"example/{place}", {}, further)


def _followed(measure: ModelPass, followed: Followed) -> Prediction:
    passed = measure.passed(followed.row.x)
    outputs = {name: values[0] for name, values in measure.examples(passed).items()}
    return Prediction(followed.number, followed.label, {**followed.way, **outputs})
