"""Recording the digits run, from its rows to its trace."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipetrace.capture import backend
from pipetrace.demo.model import (
    MODEL,
    STEP,
    STEP_CONFIG,
    TITLE,
    Draw,
    Plan,
    draw,
    example_row,
    scaled,
    training,
)
from pipetrace.demo.source import CLASSES, Source
from pipetrace.errors import InterruptedRunError, PipetraceError, TrainingError, in_short
from pipetrace.record.measure.preprocessing import Before
from pipetrace.record.measure.rows import Rows
from pipetrace.record.progress import Progress
from pipetrace.record.state import Followed, Settings
from pipetrace.stats import summarise
from pipetrace.trace.document import SOURCE, Array, Data, Spec, Stage
from pipetrace.trace.document import STEP as STEP_KIND
from pipetrace.trace.output_place import check_place, output_exists

if TYPE_CHECKING:
    from pipetrace.demo.shown_recorder import ShownRecorder

SOURCE_STAGE = "input_image"


def record_digits(
    source: Source,
    plan: Plan,
    out: Path,
    progress: Progress,
    *,
    command: str = "",
    anonymous: bool = False,
    force: bool = False,
) -> Path:
    """Train the digits model on rows of a source and write the trace; give its place.

    That is beside ``out``, where another run is writing that. An ``InterruptedRunError`` after
    Ctrl-C and a ``TrainingError`` leave a trace that says so; too few rows, no Keras and no place
    to write are errors before the training.
    """
    drawn = draw(source, plan)
    progress.begins("Loading Keras")
    backend.load_quietly()
    from pipetrace.demo.shown_recorder import (
        ShownRecorder,  # a class of Keras, now that it is there
    )

    if out.exists() and not force:
        raise output_exists(out)
    check_place(out, any_file=force)
    progress.begins("Building the model")
    model = _model(plan)
    moved = [out]
    settings = _settings(source, drawn, plan, out, progress, command)
    recorder = ShownRecorder.under(replace(settings, anonymous=anonymous, moved=moved.append))
    recorder.shows = progress
    try:
        _fit(model, source, drawn, plan, [recorder])
        recorder.raise_what_was_lost()
    except BaseException as error:
        _explain(recorder, error, moved[-1])
        raise
    return moved[-1]


def train_digits(source: Source, plan: Plan) -> None:
    """Train the same model on the same rows, in the same order, without a recorder of its own."""
    drawn = draw(source, plan)
    backend.load_quietly()
    _fit(_model(plan), source, drawn, plan, [])


def _model(plan: Plan) -> Any:
    backend.set_seed(plan.seed)
    return backend.build(MODEL, training(plan.learning_rate))


def _fit(model: Any, source: Source, drawn: Draw, plan: Plan, callbacks: list[Any]) -> None:
    validation = drawn.validation
    model.fit(
        scaled(source.x[drawn.train]),
        source.y[drawn.train],
        validation_data=(scaled(source.x[validation]), source.y[validation]),
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        callbacks=callbacks,
        verbose=0,
    )


def _explain(recorder: "ShownRecorder", error: BaseException, out: Path) -> None:
    """Write down how the run ended, and raise what says so to whoever started it."""
    epoch, trained = recorder.epoch, recorder.trained
    recorder.failed(error)
    if isinstance(error, KeyboardInterrupt):
        when = f"in epoch {epoch}" if epoch else "before the first epoch"
        raise InterruptedRunError(
            f"Interrupted {'after the last epoch, in the data flow' if trained else when}.",
            where=str(out),
            hint="The trace ends there and holds every finished epoch; see it with: pipetrace "
            f"show {out}",
        ) from error
    if isinstance(error, Exception) and not isinstance(error, PipetraceError):
        what = "Measuring after training" if trained else "Training"
        when = f" in epoch {epoch}" if epoch and not trained else ""
        raise TrainingError(
            f"{what} failed{when}: {in_short(error)}",
            where=str(out),
            hint=f"The trace holds the epochs before it: pipetrace show {out}",
        ) from error


def _settings(
    source: Source, drawn: Draw, plan: Plan, out: Path, progress: Progress, command: str
) -> Settings:
    first, value = example_row(source, drawn, plan.pixel)
    order = np.concatenate([[first], drawn.train[drawn.train != first]])
    asked = drawn.prediction
    return Settings(
        path=out,
        rows=Rows(scaled(source.x[order]), source.y[order]),
        validation=Rows(scaled(source.x[drawn.validation]), source.y[drawn.validation]),
        validation_numbers=drawn.validation,
        title=TITLE,
        class_names=source.class_names,
        command=command,
        verbose=False,
        alert=False,
        data_name=source.name,
        before=_before(source, order),
        budget=None,
        exact=True,
        strict=True,
        data=_data(source, drawn, first, value),
        followed=Followed(
            row=Rows(scaled(source.x[asked : asked + 1]), source.y[asked : asked + 1]),
            number=asked,
            label=int(source.y[asked]),
            way=_values(source.x[asked]),
        ),
        progress=progress.rows,
    )


def _before(source: Source, order: Array) -> Before:
    """The source and the step as stages, measured on the rows that are trained on."""
    rows = source.x[order]
    pixels, ready = Spec((None, *rows.shape[1:]), str(rows.dtype)), scaled(rows)
    received = Spec(pixels.shape, pixels.dtype, SOURCE_STAGE)
    made = Spec((None, *ready.shape[1:]), str(ready.dtype))
    stages = (
        Stage(
            SOURCE_STAGE, SOURCE, None, SOURCE_STAGE, {"name": source.name}, (pixels,), (pixels,)
        ),
        Stage(STEP, STEP_KIND, None, STEP, dict(STEP_CONFIG), (received,), (made,), flops=0),
    )
    summaries = {SOURCE_STAGE: summarise(rows), STEP: summarise(ready)}

    def values_of(row: int) -> Mapping[str, Array]:
        return _values(source.x[order[row]])

    return Before(stages, ((STEP, 0),), summaries, int(order[0]), values_of)


def _values(row: Array) -> dict[str, Array]:
    """One row before the model, by stage."""
    return {SOURCE_STAGE: row, STEP: scaled(row)}


def _data(source: Source, drawn: Draw, example: int, value: float | None) -> Data:
    return Data(
        name=source.name,
        description=source.description,
        notice=source.notice,
        origin=source.origin,
        available=len(source.y),
        fingerprint=fingerprint(source, drawn),
        class_names=source.class_names,
        class_counts=tuple(np.bincount(source.y[drawn.train], minlength=CLASSES).tolist()),
        validation_rows=len(drawn.validation),
        example_row=example,
        example_label=int(source.y[example]),
        example_value=value,
    )


def fingerprint(source: Source, drawn: Draw) -> str:
    """The SHA-256 of the rows that were drawn, as ``Data.fingerprint`` has it."""
    used = np.concatenate([drawn.train, drawn.validation, [drawn.prediction]])
    digest = hashlib.sha256(source.x[used].tobytes())
    digest.update(source.y[used].astype("<i8").tobytes())
    return digest.hexdigest()
