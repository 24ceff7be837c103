"""A trace as event files of TensorBoard, in the form of Keras' own callback.

Each metric is ``epoch_NAME`` in the folders ``train`` and ``validation``, by the epoch counted from
0, as ``keras.callbacks.TensorBoard`` writes it: runs with and without pipetrace stand in one chart.
"""

import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.errors import NotWritableError, OutputExistsError
from pipetrace.explain.findings.engine import findings
from pipetrace.explain.headline import headline
from pipetrace.explain.metrics import VALIDATION
from pipetrace.present.export.tables import missing, moment_of
from pipetrace.trace.document import Epoch, Trace

TRAIN, VALIDATED = "train", "validation"
SUFFIX = ".pipetrace"
"""The end of the names of our files, by which they are told from those of others."""


def write_events(trace: Trace, folder: Path, *, force: bool = False) -> list[Path]:
    """Write the metrics of all epochs, and as text the headline and the findings, into folders.

    ``folder`` is as TensorBoard's ``--logdir``; ``force`` replaces what an earlier export wrote.

    Raises:
        MissingLibraryError: TensorBoard is not installed.
        OutputExistsError: an earlier export is there, and ``force`` is off.
        NotWritableError: the folder cannot be written to.
    """
    if find_spec("tensorboard") is None:
        raise missing("An event file", ["tensorboard"], "pipetrace[tensorboard]")
    there = [*folder.glob(f"*/events.out.tfevents.*{SUFFIX}")]
    if there and not force:
        raise OutputExistsError(
            f"{folder} has an earlier export, which would be doubled.",
            where=str(folder),
            hint="Give another folder, or add --force to replace it.",
        )
    parts: dict[str, list[Any]] = {TRAIN: [*_texts(trace)]}
    for epoch, moment in _moments(trace):
        for name, value in _figures(epoch):
            part = VALIDATED if name.startswith(VALIDATION) else TRAIN
            tag = f"epoch_{name.removeprefix(VALIDATION)}"
            parts.setdefault(part, []).append(_scalar(tag, value, epoch.number - 1, moment))
    try:
        for each in there:
            each.unlink()
        return [_written(folder / name, events) for name, events in parts.items()]
    except OSError as error:
        raise NotWritableError(
            f"The event files could not be written: {error.strerror}.",
            where=str(folder),
            hint="Choose a folder that you may write to.",
        ) from error


def _written(folder: Path, events: list[Any]) -> Path:
    module = import_module("tensorboard.summary.writer.event_file_writer")
    writer = module.EventFileWriter(str(folder), filename_suffix=SUFFIX)
    try:
        for event in events:
            writer.add_event(event)
    finally:
        writer.close()
    return folder


def _moments(trace: Trace) -> Iterator[tuple[Epoch, float]]:
    """Each epoch with the time when it ended, as far as the seconds of epochs tell."""
    moment = moment_of(trace)
    for epoch in trace.epochs:
        moment += epoch.seconds
        yield epoch, moment


def _figures(epoch: Epoch) -> Iterator[tuple[str, float]]:
    yield from epoch.metrics.items()
    if epoch.learning_rate is not None and "learning_rate" not in epoch.metrics:
        yield "learning_rate", epoch.learning_rate


def _scalar(tag: str, value: float, step: int, moment: float) -> Any:
    metadata = import_module("tensorboard.plugins.scalar.metadata")
    made = metadata.create_summary_metadata(display_name="", description="")
    return _event(tag, np.float32(value), made, step, moment)


def _texts(trace: Trace) -> Iterator[Any]:
    """What came of the run and what was found, in Markdown."""
    metadata = import_module("tensorboard.plugins.text.metadata")
    made = metadata.create_summary_metadata(display_name="", description="")
    moment, step = time.time(), 0
    for epoch, ended in _moments(trace):
        moment, step = ended, epoch.number - 1
    found = [
        f"- **{each.level} {each.code} {each.name}**: {each.text} {each.advice}"
        for each in findings(trace)
    ]
    texts = {"pipetrace/headline": headline(trace), "pipetrace/findings": "\n".join(found)}
    for tag, text in texts.items():
        if text:
            yield _event(tag, [text.encode()], made, step, moment)


def _event(tag: str, value: Any, metadata: Any, step: int, moment: float) -> Any:
    proto = "tensorboard.compat.proto"
    summary = import_module(f"{proto}.summary_pb2").Summary()
    tensor = import_module("tensorboard.util.tensor_util").make_tensor_proto(value)
    summary.value.add(tag=tag, tensor=tensor, metadata=metadata)
    event = import_module(f"{proto}.event_pb2").Event
    return event(wall_time=moment, step=step, summary=summary)
