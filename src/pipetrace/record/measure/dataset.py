"""What is known of the rows of a recorded training: how many there are, and what the model is to give for them."""

import hashlib
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from pipetrace.capture import nests
from pipetrace.capture.facts import losses
from pipetrace.record.measure.rows import Rows, is_numbers
from pipetrace.record.recording import Recording
from pipetrace.trace.document import Array, Data, Target

MOST_CLASSES = 1000
MOST_HASHED = 256_000_000
"""Bytes of the rows that go into their fingerprint; of more rows the first so many."""


class DataFacts:
    """What is known of the rows of a recording. They are read once, by whichever thread comes first.

    Args:
        session: of the recording.
    """

    def __init__(self, session: Recording) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._read: Data | None = None
        self._of: tuple[int, bool] | None = None

    def told(self) -> Data:
        """What is known, without reading any rows for it."""
        known, read = _unread(self._session), self._read
        given = self._session.settings.data
        if given is not None:
            return replace(
                given,
                targets=read.targets if read else (),
                rows=known.rows,
                complete=known.complete,
            )
        if read is None:
            return known
        return replace(
            known,
            fingerprint=read.fingerprint,
            class_names=read.class_names,
            class_counts=read.class_counts,
            example_label=read.example_label,
            targets=read.targets,
        )

    def read(self) -> Data:
        """What is known when all rows have been read."""
        session = self._session
        with self._lock:
            of = (id(session.rows), session.measure is not None)
            if self._of != of:
                rows = session.rows
                targets = targets_of(rows) if rows else ()
                names, counts = _classes(session, rows, targets)
                again = self._read is not None and self._of is not None and self._of[0] == of[0]
                self._read = replace(
                    _unread(session),
                    fingerprint=self._read.fingerprint
                    if again and self._read
                    else _fingerprint(rows)
                    if rows
                    else "",
                    class_names=names,
                    class_counts=counts,
                    example_label=_label(rows, names),
                    targets=targets,
                )
                self._of = of
        return self.told()


def _unread(session: Recording) -> Data:
    """What is known of the rows without reading them."""
    rows, held_out, call = session.rows, session.held_out, session.call
    unknown = call.validation is not None or not (call.known or session.alone)
    return Data(
        name=session.settings.data_name or _kind(call.x if call.known else None, rows),
        description="",
        notice=None,
        origin="fit",
        available=len(rows) if rows and rows.complete else 0,
        fingerprint="",
        class_names=(),
        class_counts=(),
        validation_rows=len(held_out) if held_out else None if unknown else 0,
        example_row=(session.settings.before.row or 0) if session.settings.before else 0,
        example_label=None,
        example_value=None,
        rows=_trained(session),
        complete=bool(rows and rows.complete),
    )


def targets_of(rows: Rows) -> tuple[Target, ...]:
    """What each output is to give, as measured on the rows."""
    if rows.y is None:
        return ()
    names, targets = nests.leaf_names(rows.y), nests.flatten(rows.y)
    return tuple(
        _target(name or (str(place) if len(targets) > 1 else None), values)
        for place, (name, values) in enumerate(zip(names, targets, strict=True))
    )


def _target(name: str | None, values: Array) -> Target:
    shape = (None, *values.shape[1:])
    if not is_numbers(values):
        return Target(name, shape, str(values.dtype), False, None, None, None, None, None)
    flat = values.reshape(-1)
    finite = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    if not finite.size:
        return Target(name, shape, str(values.dtype), False, None, None, None, None, None)
    whole = finite.size == flat.size and bool((finite == np.round(finite)).all())
    wide = finite.astype(np.float64)
    return Target(
        name=name,
        shape=shape,
        dtype=str(values.dtype),
        whole=whole,
        min=float(wide.min()),
        max=float(wide.max()),
        mean=float(wide.mean()),
        std=float(wide.std()),
        distinct=len(np.unique(finite)) if whole else None,
    )


def _classes(session: Recording, rows: Rows | None, targets: tuple[Target, ...]) -> tuple[Any, Any]:
    """Names and counts of the classes, where one output is to give a class and as many scores tell how many there are."""
    width = _scores(session)
    if rows is None or len(targets) != 1 or width is None:
        return (), ()
    target, wanted = targets[0], rows.targets[0]
    if not target.whole or target.min is None or target.max is None:
        return (), ()
    counts = None
    if len(target.shape) == 2 and target.shape[1] == width > 1:
        if target.min >= 0 and target.max == 1 and bool((wanted.sum(axis=1) == 1).all()):
            counts = wanted.sum(axis=0)
    elif wanted.size == len(wanted) and target.min >= 0 and target.max < max(2, width):
        counts = np.bincount(wanted.reshape(-1).astype(int), minlength=max(2, width))
    if counts is None:
        return (), ()
    given = session.settings.class_names
    names = given if len(given) == len(counts) else tuple(str(each) for each in range(len(counts)))
    # How often each occurs is known only where all rows were seen.
    return names, tuple(int(each) for each in counts) if rows.complete else ()


def _scores(session: Recording) -> int | None:
    """How many scores the single output of a model gives for a row; None where it gives something else."""
    outputs = session.measure.forward.outputs if session.measure else ()
    if (
        len(outputs) != 1
        or len(outputs[0].shape) != 2
        or not outputs[0].dtype.startswith(("float", "bfloat"))
    ):
        return None
    width = outputs[0].shape[1]
    return (
        width
        if width is not None and width <= MOST_CLASSES and _is_classification(session)
        else None
    )


def _is_classification(session: Recording) -> bool:
    return any("crossentropy" in name or "hinge" in name for name in losses(session.model).values())


def _label(rows: Rows | None, names: tuple[str, ...]) -> int | None:
    if rows is None or not names:
        return None
    first = rows.targets[0][0]
    return int(np.argmax(first)) if np.size(first) > 1 else int(np.reshape(first, -1)[0])


def _trained(session: Recording) -> int | None:
    call = session.call
    if not call.known:
        return None
    x = nests.plain_arrays(call.x)
    if x is None:
        return len(session.rows) if session.rows is not None and session.rows.complete else None
    rows = len(nests.flatten(x)[0])
    size = call.batch_size or 32
    # With fewer steps than the rows fill, an epoch sees only a part of them.
    return rows if session.steps is None else min(rows, session.steps * size)


def _kind(x: Any, rows: Rows | None) -> str:
    if x is not None and nests.plain_arrays(x) is None:
        kind = type(x).__name__.removeprefix("_")
        return f"tf.data {kind}" if type(x).__module__.startswith("tensorflow.") else kind
    if rows is None:
        return "rows"
    count = len(rows.arrays)
    return "arrays" if count > 1 else "array"


def _fingerprint(rows: Rows) -> str:
    digest = hashlib.sha256()
    left = MOST_HASHED
    for values in (*rows.arrays, *rows.targets):
        if left > 0:
            part = (
                values[: max(1, left * len(values) // max(1, values.nbytes))]
                if values.ndim
                else values
            )
            plain = part if part.dtype.kind != "O" else np.asarray(part, str)
            digest.update(np.ascontiguousarray(plain).tobytes())
            left -= part.nbytes
    return digest.hexdigest()
