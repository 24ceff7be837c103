"""Rows: which ones a training has to look at, trains on, and validates on."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipetrace.capture import structures
from pipetrace.capture.data import batches
from pipetrace.capture.distributed.processes import Spread
from pipetrace.capture.fit import FitCall
from pipetrace.errors import ArgumentError, DataError
from pipetrace.trace.document import Array

KERAS_BATCH_SIZE = 32
"""Rows of a batch where Keras makes the batches and is not told how large."""


@dataclass(frozen=True)
class Rows:
    """Rows as the model gets them."""

    x: Any  # an array or a structure of arrays, the first axis the rows
    y: Any = None  # what the outputs should be, in the same way, or None where that is not known
    weight: Any = None  # of each row in the loss, or None
    complete: bool = True  # whether these are all rows there are

    def __len__(self) -> int:
        first = self.arrays[0]
        return len(first) if first.ndim else 1

    @property
    def arrays(self) -> list[Array]:
        """The arrays of ``x``, in Keras' order."""
        return structures.flatten(self.x)

    @property
    def targets(self) -> list[Array]:
        """The arrays of ``y``, in Keras' order; none where the targets are not known."""
        return structures.arrays(self.y)

    def taken(self, places: Any) -> "Rows":
        """The rows at some places, a slice or indices."""
        x, y, weight = (structures.taken(each, places) for each in (self.x, self.y, self.weight))
        return Rows(x, y, weight, complete=False)

    def after(self, first: "Rows") -> "Rows":
        """Some rows of the same form, and these after them."""

        def joined(one: Any, other: Any) -> Any:
            return np.concatenate([one, other])

        y = None if self.y is None else structures.mapped(joined, first.y, self.y)
        return Rows(structures.mapped(joined, first.x, self.x), y, complete=False)

    def spaced(self, count: int) -> "Rows":
        """At most so many rows, evenly spaced, so that rows sorted by class are seen as a whole."""
        total = len(self)
        if total <= count:
            return self
        return self.taken(np.linspace(0, total - 1, count).round().astype(int))

    def has_form_of(self, other: "Rows") -> bool:
        """Whether rows of both have the same shapes."""
        forms = [[each.shape[1:] for each in rows.arrays] for rows in (self, other)]
        return forms[0] == forms[1]


def plain_rows(x: Any, y: Any = None, weight: Any = None) -> Rows | None:
    """Rows from what ``fit`` is given; None where that is no array with an axis of rows."""
    found = structures.plain_arrays(x)
    if found is None or not structures.flatten(found)[0].ndim:
        return None
    return Rows(found, structures.plain_arrays(y), structures.plain_arrays(weight))


def given_rows(x: Any, y: Any, where: str) -> Rows | None:
    """Rows given to the recorder, or None; an ``ArgumentError`` or ``DataError`` for others."""
    if x is None:
        if y is not None:
            raise ArgumentError(
                "y was given without x.", where=where, hint="Give both, or neither."
            )
        return None
    arrays, targets = structures.plain_arrays(x), structures.plain_arrays(y)
    if arrays is None or (y is not None and targets is None):
        kind = type(x if arrays is None else y).__name__
        raise ArgumentError(
            f"The rows to look at must be arrays, received {kind}.",
            where=where,
            hint="Give arrays, or a tuple or dictionary of arrays. Or leave them out: then the "
            "first batches of fit are used.",
        )
    lengths = {
        len(each) if each.ndim else None
        for each in structures.flatten([arrays, targets])
        if each is not None
    }
    if len(lengths) != 1 or not lengths - {None, 0}:
        raise DataError(
            "All arrays must have the same number of rows, and at least one; "
            f"received {sorted(map(str, lengths))}.",
            where=where,
            hint="Give x and y with the same first axis.",
        )
    return Rows(arrays, targets)


class RowSource:
    """Which rows a training has, unless it is given others: the one place that answers this."""

    def __init__(self, given: Rows | None, validation: Rows | None) -> None:
        # validation: rows that are not trained on; None where none are known
        # shown: the rows to look at; None while none are known
        self.shown, self.validation = given, validation
        self.are_known = given is not None  # whether they were known before the ``fit`` that runs
        self._was_given, self._validation_was_given = given is not None, validation is not None
        self.call = FitCall()  # the arguments of the ``fit`` that runs, or of the last one
        self.spread = Spread()  # how it is spread
        # whether rows are what a batch is, targets included, as a training step of the program's
        # own gets them
        self.are_batches = False
        # hashes of the rows that earlier ones trained on, as far as they were taken
        self.trained_before: list[Array] = []
        self._of_fit: Rows | None = None
        self._batch_size: int | None = None
        self._is_whole_part = False  # whether ``shown`` are all that this process has of the rows

    def become_batches(self) -> None:
        """From now on rows are what a batch is; see ``are_batches``."""
        if not self.are_batches:
            self.are_batches = True
            self.shown = self._in_form(self.shown)
            self.validation = self._in_form(self.validation)
            self._of_fit = self._in_form(self._of_fit)

    def _in_form(self, rows: Rows | None) -> Rows | None:
        if rows is None or not self.are_batches:
            return rows
        return Rows(batches.packed(rows.x, rows.y, rows.weight), complete=rows.complete)

    def fit_begins(self, call: FitCall, spread: Spread) -> None:
        """Take the rows of a ``fit``, where they are arrays and no others were given.

        What an earlier ``fit`` validated on, this one may train on.
        """
        again = self.call.x is call.x and self.call.known
        self.call, self.spread, self._batch_size = call, spread, None
        self._of_fit = self._in_form(plain_rows(call.x, call.y, call.sample_weight))
        if not self._was_given and (self._of_fit is not None or not again):
            self.shown = self._of_one(self._of_fit)
        self.are_known = self.shown is not None
        if not self._validation_was_given:
            pair = isinstance(call.validation, tuple)
            found = plain_rows(*batches.split(call.validation)) if pair else None
            self.validation = self._in_form(found)

    def passed(self, seen: list[Any], *, complete: bool) -> None:
        """Take rows from batches on their way into the training, unless some are known."""
        self._batch_size = max(len(Rows(batches.split(batch)[0])) for batch in seen)
        if self.are_known:
            return
        call = self.call
        found = _of_batches(
            seen, call.x, call.steps_per_epoch, complete=complete, split=not self.are_batches
        )
        self.shown = self._of_one(found)

    def _of_one(self, rows: Rows | None) -> Rows | None:
        """Rows of this process, which are not all where others have some too."""
        self._is_whole_part = rows is not None and rows.complete and self.spread.parts > 1
        return replace(rows, complete=False) if rows is not None and self._is_whole_part else rows

    def validated(self, seen: list[Any], *, complete: bool) -> None:
        """Take rows from batches on their way into a validation."""
        call = self.call
        self.validation = _of_batches(
            seen, call.validation, call.validation_steps, complete=complete
        )

    @property
    def trained(self) -> Rows | None:
        """The rows that ``fit`` trains on, where they are arrays; else those to look at.

        Rows that were given to look at may hold the validation rows too. A ``fit`` may also be
        given rows of another form, as where a callback changes them; then it is those to look at.
        """
        if self._of_fit is None or self.shown is None or not self._of_fit.has_form_of(self.shown):
            return self.shown
        return self._of_fit

    @property
    def batch_size(self) -> int | None:
        """Rows of a batch, or None where that is not known."""
        known = self.call.batch_size or self._batch_size
        made_by_keras = self.call.by_fit and self._of_fit is not None
        return KERAS_BATCH_SIZE if known is None and made_by_keras else known

    def validation_rows(self, *, of_fit: bool) -> int | None:
        """How many rows a validation measures, in all processes; None where that is not known.

        ``of_fit`` is off where a model is looked at without training it, which has none.
        """
        rows, call = self.validation, self.call
        if rows is None or not len(rows):
            return None if call.validation is not None or (of_fit and not call.known) else 0
        parts = 1 if self._validation_was_given else self.spread.parts
        return parts * len(rows) if rows.complete else None

    @property
    def has_weights(self) -> bool:
        """Whether each row has a weight in the loss."""
        shown = self.shown.weight if self.shown is not None else None
        return self.call.sample_weight is not None or shown is not None

    def in_an_epoch(self, steps: int | None) -> int | None:
        """How many rows an epoch of so many steps trains on, in all processes; or None where that
        is not known."""
        if not self.call.known or not self.call.by_fit:
            return None
        parts, shown = self.spread.parts, self.shown
        if self._of_fit is None:
            if shown is None or not (shown.complete or self._is_whole_part):
                return None
            return len(shown) * (parts if self._is_whole_part else 1)
        rows = len(self._of_fit)
        most = rows if steps is None else steps * (self.batch_size or KERAS_BATCH_SIZE)
        return parts * min(rows, most)

    @property
    def kind(self) -> str:
        """What the rows come as, such as ``array`` or ``tf.data PrefetchDataset``."""
        x = self.call.x if self.call.known else None
        if x is not None and self._of_fit is None and structures.plain_arrays(x) is None:
            return kind_of(x, None)
        return "rows" if self.shown is None else kind_of(x, self.shown)


def kind_of(x: Any, rows: Rows | None) -> str:
    """What rows come as, from what the program gives and the same as arrays, where it is that."""
    if rows is not None:
        return "arrays" if len(rows.arrays) > 1 else "array"
    name = type(x).__name__.removeprefix("_")
    return f"tf.data {name}" if type(x).__module__.startswith("tensorflow.") else name


def _of_batches(
    seen: list[Any], source: Any, steps: int | None, *, complete: bool, split: bool = True
) -> Rows:
    """Rows from the batches of one pass.

    A generator, or a source of which a pass takes so many steps, has more to come.
    """
    batch = batches.joined(seen)
    x, y, weight = batches.split(batch) if split else (batch, None, None)
    whole = complete and len(batches.alike(seen)) == len(seen)
    return Rows(x, y, weight, complete=whole and hasattr(source, "__len__") and not steps)
