"""Recording a saved model: what rows become in it, and its predictions; nothing is trained."""

from pathlib import Path
from typing import Any

from pipetrace.capture import facts, saved
from pipetrace.capture.backend import load_quietly
from pipetrace.errors import ModelInputError
from pipetrace.record.measure.rows import Rows
from pipetrace.record.progress import Progress
from pipetrace.record.session import Session
from pipetrace.record.state import Settings


def record_saved(
    model_path: Path, x: Any, y: Any, out: Path, progress: Progress, **settings: Any
) -> Path:
    """Pass rows through a saved model and write the trace.

    Args:
        model_path: the ``.keras`` file.
        x: rows, an array or a dictionary of arrays.
        y: what the outputs should be, in the same way, or None.
        out: where the trace goes; what is there is replaced.
        progress: who is shown how it goes.
        settings: further fields of ``Settings``, such as ``data_name``, ``command`` and ``exact``.

    Returns:
        where the trace is: beside ``out``, where another process is writing that.

    Raises:
        ModelFileError: Keras does not load the model.
        ModelInputError: the rows do not fit it; the trace then ends at the stage that failed.
        FrameworkError: Keras is not there.
        OutputError: the trace cannot be written.
    """
    progress.begins("Loading Keras and TensorFlow")
    load_quietly()
    progress.begins("Loading the model")
    model = saved.load_model(model_path)
    return record_model(model, Rows(x, y), out, progress, **settings)


def record_model(model: Any, rows: Rows, out: Path, progress: Progress, **settings: Any) -> Path:
    """Pass rows through a model as it is and write the trace; see ``record_saved``.

    Args:
        model, rows, out, progress: as there.
        settings: further fields of ``Settings``.
    """
    session = Session(model, Settings(out, rows=rows, verbose=False, **settings))
    progress.begins("Measuring the data flow")
    session.look_only(progress.rows)
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
