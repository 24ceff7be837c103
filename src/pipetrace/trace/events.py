"""Events: what happened once and was not planned, as fields. ``explain`` makes the sentences."""

from dataclasses import dataclass

LOSS, INPUTS, TARGETS, OUTPUT, GRADIENT, WEIGHTS = (
    "loss",
    "inputs",
    "targets",
    "output",
    "gradient",
    "weights",
)
"""What was NaN or Inf."""
EXCEPTION, UNFINISHED = "exception", "unfinished"
"""Training raised an error; a call of ``fit`` did not come to its end, and nothing tells why."""
NO_BATCHES, DATA_ENDED = "no_batches", "data_ended"
"""The data gave no batch in an epoch; they ended before the epoch's last step."""
OUTPUT_COUNT, TARGET_SHAPE, TARGET_RANGE = "output_count", "target_shape", "target_range"
"""Outputs and targets that do not fit: their number, their shapes, the range of class numbers."""
REPLICAS = "replicas"
"""The copies of a model, on several devices or in several processes, ended with different values of
a weight."""
RECORDER = "recorder"
"""The recorder left something out."""
NON_FINITE = frozenset({LOSS, INPUTS, TARGETS, OUTPUT, GRADIENT, WEIGHTS})
"""The kinds that tell of NaN or Inf."""


@dataclass(frozen=True)
class Event:
    """Something that happened once and was not planned. Fields of other kinds are None."""

    kind: str  # what happened
    # epoch, step: when, counted from 1; None outside of the epochs
    epoch: int | None = None
    step: int | None = None
    stage: str | None = None  # where, or None where that is not known
    value: float | None = None  # the loss, NaN or infinite
    # the last step of the epoch known to have a finite loss, 0 for none
    last_finite_step: int | None = None
    weight: str | None = None  # whose gradient or values are not finite, such as ``conv2d/kernel``
    target: int | None = None  # which target, 0 for the first
    row: int | None = None  # the first row in which values are not finite
    # count, total: how many values (outputs, steps) and of how many (targets, planned steps)
    count: int | None = None
    total: int | None = None
    # shape, target_shape: of an output and of its target, None for the rows
    shape: tuple[int | None, ...] | None = None
    target_shape: tuple[int | None, ...] | None = None
    # low, high: the range of a target
    low: float | None = None
    high: float | None = None
    part: str | None = None  # what the recorder left out
    error: str | None = None  # the class of the error and its message, as Keras or Python wrote it
