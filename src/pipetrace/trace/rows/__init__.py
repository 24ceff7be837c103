"""Facts on rows: what their targets are, and which of them the file keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.trace.records import Record


@dataclass(frozen=True)
class Target:
    """What one output of the model is to give."""

    name: str | None  # of the output, or None where there is only one
    # shape, dtype: of a batch, None for the rows
    shape: tuple[int | None, ...]
    dtype: str
    whole: bool  # whether every value seen is a whole number
    # min, max, mean, std: of the finite values seen; None where there are none
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    # how many different values there are, where they are whole numbers; None otherwise
    distinct: int | None


class KeptRows(Record):
    """Rows that the file holds, to compute the model for them.

    Those that were followed come first, then wrong ones, then others, evenly spaced.
    """

    numbers: NDArray[Any]  # the number of each in the data, shape ``(n,)``
    validation: NDArray[np.bool_]  # whether each is of the validation set, shape ``(n,)``
    # by the stage that gives it, what the model received, ``(n, ...)``
    inputs: Mapping[str, NDArray[Any]]
    # what each output should be, ``(n, ...)``; none where that is not known
    targets: tuple[NDArray[Any], ...]
    outputs: tuple[NDArray[Any], ...]  # what each output of the trained model was, ``(n, ...)``
    # the same after earlier epochs, 0 for before training
    outputs_after: Mapping[int, tuple[NDArray[Any], ...]] = field(default_factory=dict)
