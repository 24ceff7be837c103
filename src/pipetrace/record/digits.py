"""Recording a run of the reference pipeline, from its rows to its trace."""

import contextlib
import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np

from pipetrace.capture import backend, fit
from pipetrace.capture.forward import Forward
from pipetrace.errors import InterruptedRunError, PipetraceError, TrainingError
from pipetrace.pipeline.digits import CLASSES, PIPELINE, Draw, Plan, draw, example_row
from pipetrace.pipeline.pipeline import Pipeline
from pipetrace.pipeline.sources import Source, from_arrays
from pipetrace.record.cost import Cost
from pipetrace.record.data_flow import Flow, stages_before
from pipetrace.record.training import EpochRecorder, Progress
from pipetrace.trace.document import FAILED, FINISHED, INTERRUPTED, Array, Data, Ending, Prediction, Run, Training
from pipetrace.trace.store import TraceWriter

SOURCE_STAGE = "input_image"
PROBE_ROWS = 32
MOST_OF_AN_ERROR = 600
"""Characters of Keras' own words that are kept; more is mostly the stack of its graph."""


def keras_mnist() -> Source:
    """MNIST's 60,000 training digits through Keras' download and cache.

    Raises:
        DataUnavailableError: they are not there and cannot be fetched.
    """
    x, y = backend.mnist()
    return from_arrays(
        x, y, name="MNIST", description="Handwritten digits of MNIST's training half, 28 x 28 pixels.", origin="keras"
    )


def record_digits(
    source: Source, plan: Plan, out: Path, progress: Progress, *, command: str = "", force: bool = False
) -> None:
    """Train the reference pipeline on rows of a source and write the trace.

    Args:
        source: the data.
        plan: the numbers of the run.
        out: where the trace goes.
        progress: who is shown how it goes.
        command: how the run was started, for the record.
        force: replace a trace that exists.

    Raises:
        TooManyRowsError: the source has too few rows for the plan.
        FrameworkError: Keras is not there.
        OutputError: the trace cannot be written.
        InterruptedRunError: Ctrl-C; the trace holds the finished epochs and says so.
    """
    drawn = draw(source, plan)
    progress.begins("Loading Keras and TensorFlow")
    backend.load()
    progress.begins("Building the model")
    backend.set_seed(plan.seed)
    model = backend.build(PIPELINE.model)
    cost = Cost()
    with cost.of("stages"):
        first, value = example_row(source, drawn, plan.pixel)
        forward = Forward(model, PIPELINE.prepare(source.x[first : first + 1]), [(PIPELINE.steps[-1][0], 0)])
        flow = Flow(PIPELINE, SOURCE_STAGE, forward)
        before = stages_before(PIPELINE, SOURCE_STAGE, source.x[:1], {"name": source.name})
        data = _data(source, drawn, first, value)
        run = _run(PIPELINE, model, data, plan, command)
    rest = drawn.train[drawn.train != first][: PROBE_ROWS - 1]
    probe = source.x[np.concatenate([[first], rest])]
    writer = TraceWriter(out, run, before + forward.stages, force=force)
    recorder = EpochRecorder(writer, forward, flow, probe, progress, cost)
    _Recording(source, plan, drawn, recorder).run(model)


class _Recording:
    """One run with its open trace: whatever happens, the trace says how it ended."""

    def __init__(self, source: Source, plan: Plan, drawn: Draw, recorder: EpochRecorder) -> None:
        self.source, self.plan, self.drawn = source, plan, drawn
        self.recorder = recorder
        self.flow, self.writer = recorder.flow, recorder.writer
        self.progress, self.cost = recorder.progress, recorder.cost
        self.trained = False

    def run(self, model: Any) -> None:
        try:
            self._train(model)
            self._measure()
            self.writer.end(Ending(FINISHED, epoch=self.plan.epochs), self.cost.parts)
        except KeyboardInterrupt as error:
            epoch = self.recorder.current
            self._end(INTERRUPTED, "Ctrl-C")
            when = f"in epoch {epoch}" if epoch else "before the first epoch"
            raise InterruptedRunError(
                f"Interrupted {'after the last epoch, while the data flow was measured' if self.trained else when}.",
                where=str(self.writer.path),
                hint=f"The trace ends there and holds every finished epoch; see it with: "
                f"pipetrace show {self.writer.path}",
            ) from error
        except PipetraceError as error:
            # Such as a full disk: the ending may still fit, and where it does not the epochs before it are safe.
            with contextlib.suppress(PipetraceError):
                self._end(FAILED, error.what)
            self.writer.close()
            raise
        except Exception as error:
            # TensorFlow names the cause far below a first line that is always the same.
            message = shorten(f"{type(error).__name__}: {error}", MOST_OF_AN_ERROR)
            self._end(FAILED, message)
            epoch = self.recorder.current
            what = "Measuring after training" if self.trained else "Training"
            when = f" in epoch {epoch}" if epoch and not self.trained else ""
            raise TrainingError(
                f"{what} failed{when}: {message}",
                where=str(self.writer.path),
                hint=f"The trace holds the epochs before it: pipetrace show {self.writer.path}",
            ) from error

    def _end(self, kind: str, message: str | None) -> None:
        self.writer.end(Ending(kind, message, epoch=self.recorder.current or None), self.cost.parts)

    def _train(self, model: Any) -> None:
        self.progress.begins("Training")
        rows, held_out = self.drawn.train, self.drawn.validation
        prepare = self.flow.pipeline.prepare
        fit.train(
            model,
            (prepare(self.source.x[rows]), self.source.y[rows]),
            (prepare(self.source.x[held_out]), self.source.y[held_out]),
            epochs=self.plan.epochs,
            batch_size=self.plan.batch_size,
            listener=self.recorder,
        )
        self.trained = True

    def _measure(self) -> None:
        self.progress.begins("Measuring the data flow")
        rows = self.source.x[self.drawn.train]
        with self.cost.of("data flow"):
            summaries = self.flow.summaries(rows, self.progress.rows)
            examples = self.flow.one(self.recorder.probe[0])
        with self.cost.of("prediction"):
            row = self.drawn.prediction
            prediction = Prediction(row, int(self.source.y[row]), self.flow.one(self.source.x[row]))
        with self.cost.of("writing"):
            self.writer.add_data_flow(len(rows), summaries, examples)
            self.writer.add_prediction(prediction)
            self.writer.add_weights(self.recorder.forward.weights())


def _data(source: Source, drawn: Draw, example: int, value: float | None) -> Data:
    used = np.concatenate([drawn.train, drawn.validation, [drawn.prediction]])
    digest = hashlib.sha256(source.x[used].tobytes())
    digest.update(source.y[used].astype("<i8").tobytes())
    return Data(
        name=source.name,
        description=source.description,
        notice=source.notice,
        origin=source.origin,
        available=len(source.y),
        fingerprint=digest.hexdigest(),
        class_names=source.class_names,
        class_counts=tuple(np.bincount(source.y[drawn.train], minlength=CLASSES).tolist()),
        validation_rows=len(drawn.validation),
        example_row=example,
        example_label=int(source.y[example]),
        example_value=value,
    )


def _run(pipeline: Pipeline, model: Any, data: Data, plan: Plan, command: str) -> Run:
    weights: list[Array] = model.get_weights()
    return Run(
        title=pipeline.title,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=command,
        versions=backend.versions(),
        backend="tensorflow",
        platform=f"{platform.system()} {platform.machine()}",
        model_fingerprint=_fingerprint(model.get_config(), weights),
        data=data,
        training=Training(
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            optimizer=type(model.optimizer).__name__,
            optimizer_config=model.optimizer.get_config(),
            loss=pipeline.model.loss,
            metrics=pipeline.model.metrics,
            seed=plan.seed,
            probe_rows=min(PROBE_ROWS, plan.rows),
        ),
    )


def _fingerprint(config: Mapping[str, Any], weights: list[Array]) -> str:
    # A saved model's file differs from save to save, so its configuration and weights are hashed instead.
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for weight in weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
