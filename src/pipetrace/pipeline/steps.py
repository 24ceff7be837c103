"""Steps before the model: callables on a batch of rows that can say what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Step(Protocol):
    """Something done to the rows before the model sees them."""

    @property
    def config(self) -> Mapping[str, Any]:
        """What it was made with, as facts for the trace."""
        ...

    def __call__(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Transform a batch of rows; the first axis is the rows."""
        ...


@dataclass(frozen=True)
class Divide:
    """Divide every value by a constant, in float32: 0 to 255 becomes 0 to 1.

    Args:
        by: the divisor, not zero.

    Raises:
        ValueError: the divisor is zero.
    """

    by: float

    def __post_init__(self) -> None:
        if self.by == 0:
            raise ValueError("Divide needs a divisor that is not zero. Received: by=0")

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation and its divisor."""
        return {"operation": "divide", "by": self.by}

    def __call__(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """The rows as float32, divided."""
        return rows.astype(np.float32) / np.float32(self.by)
