"""Whether validation rows are of another kind than training rows: other classes, other scales.

What is validated on such rows says nothing of the model.
"""

import math

from pipetrace.explain.cache import once
from pipetrace.explain.fits import last_stretch
from pipetrace.trace.document import Trace
from pipetrace.trace.measurement_table import Measurements
from pipetrace.trace.measurements import TRAINING, VALIDATION, DatasetCheck

CLASS_SHIFT, CLASS_SHIFT_SIGMAS = 0.1, 6.0
"""Total variation between the class shares of training and validation, and how far beyond chance,
from which they differ."""
SORTED_RUNS = 0.2
"""Runs of one class over those of a random order, below which the rows are sorted by class."""
UNSEEN_CLASSES = 0.02
"""Share of validation rows of unseen classes. By chance a rare class may be missing."""
VALIDATION_RMS_RATIO = 5.0
"""No two samples of one distribution differ so much."""
COLUMN_SHIFT, COLUMN_SCALE, COLUMN_SIGN = 0.5, 2.0, 0.5
"""How far columns of validation rows are from those of training rows: in standard deviations, as a
ratio of these, and as the share of columns that go below zero in one part alone. Of two samples of
one distribution the median column differs by a tenth of that with 100 rows."""
TIMES_HALVES = 10.0
"""The difference must also be this many times that between the two halves of the training rows."""
DRIFT = 0.25
"""Halves of the training rows whose means are further apart drift in time or stand in an order, and
validation rows may go on from there. Of 60 rows by chance 0.17 are reached."""
FEWEST_COMPARED = 20
"""Validation rows from which on the figures of a column mean something."""
SHIFT, SCALE, SIGN = "column_shift", "column_scale", "column_sign"
"""How columns can differ: the fields of ``DatasetCheck``."""


@once
def validates_on_other_rows(trace: Trace) -> bool:
    """Whether the inputs of validation rows have another scale than those of training rows."""
    measured = last_stretch(trace).measurements
    tokens = any(stage.layer == "Embedding" for stage in trace.stages)
    return other_rms(measured) is not None or (not tokens and bool(other_columns(measured)))


def other_rms(measured: Measurements) -> tuple[float, float] | None:
    """The root mean squares of training and validation inputs where they are far apart."""
    ours, theirs = (measured.of(DatasetCheck, rows).input_rms for rows in (TRAINING, VALIDATION))
    if not ours or not theirs or max(ours, theirs) / min(ours, theirs) < VALIDATION_RMS_RATIO:
        return None
    return ours, theirs


def other_columns(measured: Measurements) -> dict[str, float]:
    """What the columns of validation rows have other than those of training rows, by its field."""
    ours, theirs = (measured.of(DatasetCheck, rows) for rows in (TRAINING, VALIDATION))
    if theirs.column_shift is None or ours.column_shift is None:
        return {}
    # Other classes are other rows, and have rules of their own.
    if (
        (theirs.rows or 0) < FEWEST_COMPARED
        or unseen_classes(measured)
        or classes_shifted(measured)
    ):
        return {}
    # The halves of rows that are sorted by class are of different classes, and say nothing.
    times = 0.0 if sorted_by_class(measured) else TIMES_HALVES
    if times and ours.column_shift > DRIFT:
        return {}
    shift, scale, sign = theirs.column_shift, theirs.column_scale or 1.0, theirs.column_sign or 0.0
    wide = max(math.log(COLUMN_SCALE), times * math.log(ours.column_scale or 1.0))
    differ = {
        SHIFT: (shift, shift >= max(COLUMN_SHIFT, times * ours.column_shift)),
        SCALE: (scale, math.log(scale) >= wide),
        SIGN: (sign, sign >= max(COLUMN_SIGN, times * (ours.column_sign or 0.0))),
    }
    return {name: value for name, (value, differs) in differ.items() if differs}


def unseen_classes(measured: Measurements) -> float:
    """The share of validation rows of classes without a training row; 0 where these are few."""
    check = measured.of(DatasetCheck, VALIDATION)
    unseen = check.unseen_classes or 0.0
    return 0.0 if unseen < UNSEEN_CLASSES or (check.rows or 0) * unseen < 5 else unseen


def sorted_by_class(measured: Measurements) -> bool:
    """Whether the training rows are sorted by class."""
    check = measured.of(DatasetCheck, TRAINING)
    chance = check.expected_class_runs or 0.0
    return chance > 10 and check.class_runs is not None and check.class_runs < SORTED_RUNS * chance


def classes_shifted(measured: Measurements) -> bool:
    """Whether training and validation rows have other shares of the classes."""
    check = measured.of(DatasetCheck, VALIDATION)
    return (check.class_shift or 0.0) >= CLASS_SHIFT and (
        check.class_shift_sigmas or 0.0
    ) >= CLASS_SHIFT_SIGMAS
