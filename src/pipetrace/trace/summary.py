"""Statistics of a tensor."""

import numpy as np
from numpy.typing import NDArray

from pipetrace.trace.records import Record


class Histogram(Record):
    """Exact counts of float32 values by their leading bits.

    A key is the value's bit pattern shifted right by ``32 - bits``. It holds the sign, the eight
    bits of the exponent, and ``bits - 9`` bits of the fraction. With 16 bits a bin is at most 0.8 %
    wide, with 12 bits at most 12.5 %.
    """

    keys: NDArray[np.uint16]  # of the bins that hold values, uint16, rising
    counts: NDArray[np.int64]  # how many values each bin holds, int64
    bits: int = 16  # how many leading bits make the key


class Summary(Record):
    """Mergeable statistics of a tensor. ``min`` to ``histogram`` are of the finite values alone."""

    count: int  # how many values there are, NaN and Inf included
    # nan, positive_infinity, negative_infinity: how many values are NaN, Inf, -Inf
    nan: int
    positive_infinity: int
    negative_infinity: int
    zeros: int  # how many values equal zero
    # min, max, mean: None when no value is finite
    min: float | None
    max: float | None
    mean: float | None
    std: float | None  # the population standard deviation, None when no value is finite
    histogram: Histogram  # of the finite values, as float32
    # one summary for each index of the last axis; None for one channel or very many
    channels: "tuple[Summary, ...] | None" = None

    @property
    def non_finite(self) -> int:
        """How many values are NaN or infinite."""
        return self.nan + self.positive_infinity + self.negative_infinity

    @property
    def finite(self) -> int:
        """How many values are neither NaN nor infinite."""
        return self.count - self.non_finite
