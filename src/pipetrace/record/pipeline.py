"""The public pipeline: a source, steps, and a model, run with every stage recorded; and models that
are not trained, such as saved ones."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipetrace.capture import facts, saved, structures
from pipetrace.capture.fit import callbacks_in
from pipetrace.errors import ArgumentError, ModelInputError
from pipetrace.pipeline.run import Passage, run_steps
from pipetrace.pipeline.source import StepRows
from pipetrace.pipeline.step import check_steps
from pipetrace.record.measure.preprocessing import before
from pipetrace.record.measure.rows import Rows
from pipetrace.record.progress import Progress
from pipetrace.record.recorder import Recorder
from pipetrace.record.session import Session
from pipetrace.record.standard_error import not_recorded
from pipetrace.record.state import Settings
from pipetrace.trace.output_place import check_place


class Pipeline:
    """A source of rows, steps that prepare them, and a Keras model, recorded as one.

        pipeline = pipetrace.Pipeline((x, y), steps=[("Scale", lambda x: x / 255)], model=model)
        pipeline.fit("run.trace", epochs=5)

    A step is a callable that takes the rows, or the rows and the targets where it has two
    parameters, or a fitted scikit-learn transformer. Each runs once, on all rows; what it does is
    measured on them. What is split off as ``validation`` is what ``fit`` validates on.

    Args:
        source: ``x``, or ``(x, y)``; each an array, a frame, a list, or a dictionary of arrays; or
            a ``tf.data.Dataset``.
        steps: pairs of a name and a step, in order.
        model: the Keras model, compiled where it is to be trained.
        title: what the trace is called; the model's name when left out.
        class_names: what the classes are called, in the order of their numbers.

    Raises:
        ArgumentError: a step is neither a callable nor a fitted transformer, or two have one name.
        FrameworkError: Keras does not run on TensorFlow here.
    """

    def __init__(
        self,
        source: Any,
        steps: Sequence[tuple[str, Any]] = (),
        model: Any = None,
        *,
        title: str | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        check_steps(steps)
        if not callable(getattr(model, "fit", None)):
            raise ArgumentError(
                f"The pipeline needs a Keras model, received {type(model).__name__}.",
                where="model",
                hint="Give it as Pipeline(source, steps=[...], model=model).",
            )
        self.model, self._source = model, source
        self._steps = [(_apart(name, model), step) for name, step in steps]
        self._options: dict[str, Any] = {"title": title, "class_names": tuple(class_names)}
        self._passage: Passage | None = None

    @property
    def passage(self) -> Passage:
        """The source and its steps, run once, when it is first asked for.

        Raises:
            StepError: a step raised an error.
            ArgumentError: the source is not what it can be, or no row is left.
            CountMismatchError: x and y have different numbers of rows.
        """
        if self._passage is None:
            self._passage = run_steps(self._source, self._steps)
        return self._passage

    def fit(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Train the model on what the steps give and record it all.

        Args:
            path: where the trace goes; a trace that is there is replaced, any other file is not.
            options: as for ``fit`` of the model, such as ``epochs``; ``x`` and ``y`` come from the
                steps, and so do ``batch_size``, ``shuffle`` and ``validation_data`` where a step
                made batches or split rows off.

        Returns:
            what ``fit`` of the model returns, its history.

        Raises:
            StepError: a step raised an error.
            OutputExistsError: there is a file at the path that is no trace.
            NotWritableError: nothing can be written there.
            Exception: whatever ``fit`` raises, unchanged.
        """
        check_place(Path(path))
        passage = self.passage
        recorder = Recorder(path, **self._options)
        with not_recorded("The steps before the model are"):
            recorder.settings = replace(recorder.settings, before=before(passage))
        given = {**_fit_arguments(passage), **options}
        given["callbacks"] = [*callbacks_in(options.get("callbacks")), recorder]
        return self.model.fit(**given)

    def trace(self, path: str | os.PathLike[str]) -> None:
        """Pass the rows through steps and model, and record data flow and predictions.

        Args:
            path: where the trace goes; a trace that is there is replaced, any other file is not.

        Raises:
            StepError: a step raised an error.
            ModelInputError: the model cannot take what the steps give.
            ArgumentError: what the steps give are no arrays.
            OutputError: the trace cannot be written.
        """
        check_place(Path(path))
        passage = self.passage
        x, y = structures.plain_arrays(passage.train.x), structures.plain_arrays(passage.train.y)
        if x is None:
            raise ArgumentError(
                "The steps give the model no arrays, so their rows can be seen only in training.",
                where="steps",
                hint="Use fit, or a last step that returns arrays.",
            )
        settings = {**self._options, "before": before(passage)}
        record_model(self.model, Rows(x, y), Path(path), None, **settings)


def _fit_arguments(passage: Passage) -> dict[str, Any]:
    """What ``fit`` is given: rows, and what a split and batching decided."""
    given: dict[str, Any] = {"x": passage.train.x}
    if passage.train.y is not None and passage.train.count is not None:
        given["y"] = passage.train.y
    validation = passage.validation.get("validation")
    if validation is not None:
        pair = (validation.x, validation.y)
        given["validation_data"] = pair if validation.y is not None else pair[:1]
    sizes = [part.count for part in passage.batches]
    if sizes and len(set(sizes[:-1])) <= 1 and (sizes[-1] or 0) <= (sizes[0] or 0):
        given |= {"batch_size": sizes[0], "shuffle": False}
    elif sizes:
        given = {key: value for key, value in given.items() if key != "y"}
        given |= {"x": _again_and_again(passage.batches), "steps_per_epoch": len(sizes)}
    return given


def _again_and_again(parts: Sequence[StepRows]) -> Iterator[Any]:
    while True:
        for part in parts:
            yield (part.x,) if part.y is None else (part.x, part.y)


def _apart(name: Any, model: Any) -> Any:
    """The name of a step, told from a layer's of the same name."""
    layers = set(facts.layer_names(model))
    while isinstance(name, str) and name in layers:
        name += " (step)"
    return name


def record_saved(
    model_path: Path, x: Any, y: Any, out: Path, progress: Progress, **settings: Any
) -> Path:
    """Pass rows through a saved model and write the trace, with fields of ``Settings``; give its
    place.

    That is beside ``out``, where another process is writing that. Where the rows do not fit it, the
    trace ends at the stage that failed, and a ``ModelInputError`` says so.
    """
    progress.begins("Loading the model")
    model = saved.load_model(model_path)
    return record_model(model, Rows(x, y), out, progress, **settings)


def record_model(
    model: Any, rows: Rows, out: Path, progress: Progress | None, **settings: Any
) -> Path:
    """Pass rows through a model as it is and write the trace; see ``record_saved``."""
    session = Session(model, Settings(out, rows=rows, verbose=False, **settings))
    if progress is not None:
        progress.begins("Measuring the data flow")
    session.look_only(None if progress is None else progress.rows)
    written = out.with_name(session.state.path.name)
    if session.trouble is not None:
        wanted = ", ".join(facts.input_specs(model)) or "unknown"
        raise ModelInputError(
            f"The model cannot take these rows: {session.trouble}",
            where=str(written),
            hint=f"Its inputs are {wanted}. The trace shows the layers up to the failure: "
            f"pipetrace show {written}",
        )
    return written
