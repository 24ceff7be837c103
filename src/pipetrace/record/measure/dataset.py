"""Facts of the rows of a training: their number, their targets, their classes."""

import hashlib
import threading
import weakref
from dataclasses import replace

import numpy as np

from pipetrace.capture import structures
from pipetrace.record.measure.dataset_checks import labels_of
from pipetrace.record.measure.model_pass import ModelPass, is_numbers
from pipetrace.record.measure.rows import Rows
from pipetrace.trace.document import Array, Data
from pipetrace.trace.rows import Target

MOST_NAMED_CLASSES = 1000
"""Classes that get names and counts."""
HASHED_BYTES = 64_000_000
"""Bytes of the rows that go into their fingerprint; of more rows the first so many."""


class DataFacts:
    """The facts that take reading all rows; they are read once, by whichever thread comes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: Data | None = None
        self._of: tuple[weakref.ref[Rows], bool] | None = None
        self._fingerprint: tuple[str, weakref.ref[Rows] | None] = ("", None)

    def told(self, rows: Rows | None, known: Data, given: Data | None) -> Data:
        """What is ``known``, or was ``given`` beforehand, without reading any rows for it."""
        read = self._read if self._of is None or self._of[0]() is rows else None
        if given is not None:
            targets = given.targets or (read.targets if read else ())
            return replace(given, targets=targets, rows=known.rows)
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

    def has_read(self, rows: Rows, measure: ModelPass | None) -> bool:
        """Whether that was done for these rows."""
        known = self._of
        return known is not None and known[0]() is rows and known[1] == (measure is not None)

    def read(
        self,
        known: Data,
        rows: Rows | None,
        measure: ModelPass | None,
        class_names: tuple[str, ...],
        *,
        classifies: bool,
    ) -> None:
        """Read the rows, unless that was done; ``classifies``: the loss is one for classes."""
        with self._lock:
            if rows is None:
                self._read = known
                return
            if self.has_read(rows, measure):
                return
            self._of = (weakref.ref(rows), measure is not None)
            before = self._fingerprint[1]
            if before is None or before() is not rows:
                self._fingerprint = (fingerprint(rows), weakref.ref(rows))
            counts = _class_counts(rows, measure) if classifies and measure is not None else None
            names: tuple[str, ...] = ()
            if counts is not None:
                numbered = tuple(map(str, range(len(counts))))
                names = class_names if len(class_names) == len(counts) else numbered
            self._read = replace(
                known,
                fingerprint=self._fingerprint[0],
                class_names=names,
                # How often each occurs is known only where all rows were seen.
                class_counts=tuple(map(int, counts))
                if counts is not None and rows.complete
                else (),
                example_label=_first_label(rows) if names else None,
                targets=targets_of(rows),
            )


def targets_of(rows: Rows) -> tuple[Target, ...]:
    """What each output is to give, as measured on the rows."""
    if rows.y is None:
        return ()
    names, targets = structures.leaf_names(rows.y), structures.flatten(rows.y)
    return tuple(
        _target(name or (str(place) if len(targets) > 1 else None), values)
        for place, (name, values) in enumerate(zip(names, targets, strict=True))
    )


def _target(name: str | None, values: Array) -> Target:
    shape, dtype = (None, *values.shape[1:]), str(values.dtype)
    flat = values.reshape(-1)
    if is_numbers(values):
        finite = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    if not is_numbers(values) or not finite.size:
        return Target(name, shape, dtype, False, None, None, None, None, None)
    whole = finite.size == flat.size and bool((finite == np.round(finite)).all())
    wide = finite.astype(np.float64)
    return Target(
        name=name,
        shape=shape,
        dtype=dtype,
        whole=whole,
        min=float(wide.min()),
        max=float(wide.max()),
        mean=float(wide.mean()),
        std=float(wide.std()),
        distinct=len(np.unique(finite)) if whole else None,
    )


def _class_counts(rows: Rows, measure: ModelPass) -> Array | None:
    """Rows of each class, where the single output gives a score for each class."""
    labels = labels_of(measure, rows)
    dtype = measure.forward.outputs[0].dtype if labels is not None else ""
    if (
        labels is None
        or labels[1] > MOST_NAMED_CLASSES
        or not dtype.startswith(("float", "bfloat"))
    ):
        return None
    counts: Array = np.bincount(labels[0], minlength=labels[1])
    return counts


def _first_label(rows: Rows) -> int:
    first = rows.targets[0][0]
    return int(np.argmax(first)) if np.size(first) > 1 else int(np.reshape(first, -1)[0])


def fingerprint(rows: Rows) -> str:
    """SHA-256 of the first 64 MB of the rows and their targets."""
    digest = hashlib.sha256()
    left = HASHED_BYTES
    for values in (*rows.arrays, *rows.targets):
        if left <= 0:
            break
        count = max(1, left * len(values) // max(1, values.nbytes)) if values.ndim else 0
        part = values[:count] if values.ndim else values
        plain = part if part.dtype.kind != "O" else np.asarray(part, str)
        digest.update(np.ascontiguousarray(plain).tobytes())
        left -= part.nbytes
    return digest.hexdigest()
