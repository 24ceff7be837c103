"""A pipeline: a source of rows, then steps, then a model, the model described and not yet built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pipetrace.pipeline.steps import Step


@dataclass(frozen=True)
class Model:
    """A Keras model and its training, as configurations: ``capture`` builds it, so that nothing here needs Keras.

    Attributes:
        config: as ``keras.Sequential.get_config`` gives it.
        optimizer, loss, metrics: as ``compile`` takes them.
    """

    config: Mapping[str, Any]
    optimizer: str
    loss: str
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Pipeline:
    """What the rows pass, in order.

    Attributes:
        title: what the trace is called.
        steps: name and step, in order; a name is what the stage is called.
        model: what comes after the steps.
    """

    title: str
    steps: Sequence[tuple[str, Step]]
    model: Model

    def prepare(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows as the model gets them."""
        for _, step in self.steps:
            rows = step(rows)
        return rows
