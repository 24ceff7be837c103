"""The digits model: a small convolutional classifier, its one step, and the draw of its rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.demo.source import CLASSES, Source
from pipetrace.errors import ArgumentError, TooManyRowsError

TITLE = "Conv2D digits"
STEP = "scale"
STEP_CONFIG: Mapping[str, Any] = {"operation": "divide", "by": 255}
"""What the step before the model does, as facts for the trace."""
TRAINING_ROWS_PER_VALIDATION_ROW = 2
"""As long as the data has them."""

LAYERS: Mapping[str, Mapping[str, Any]] = {
    "InputLayer": {"batch_shape": (None, 28, 28, 1), "name": "pixels"},
    "Conv2D": {"filters": 32, "kernel_size": (3, 3), "activation": "relu", "name": "conv2d"},
    "MaxPooling2D": {"pool_size": (2, 2), "name": "max_pooling2d"},
    "Flatten": {"name": "flatten"},
    "Dense": {"units": CLASSES, "activation": "softmax", "name": "dense"},
}
MODEL: Mapping[str, Any] = {
    "name": "digits",
    "layers": [{"class_name": layer, "config": config} for layer, config in LAYERS.items()],
}
"""As ``keras.Sequential.from_config`` takes it."""


def training(learning_rate: float) -> Mapping[str, Any]:
    """What ``compile`` gets: Adam, cross-entropy, accuracy."""
    return {
        "optimizer": {"class_name": "Adam", "config": {"learning_rate": learning_rate}},
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The rows as the model gets them: 0 to 255 becomes 0 to 1, in float32."""
    return pixels.astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class Plan:
    """The numbers of a run; one that is out of range is an ``ArgumentError``."""

    rows: int = 1000  # how many rows are trained on
    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 0.003  # Adam's
    seed: int = 0  # of the draw of rows, of the initial weights and of the shuffling
    pixel: int = 128  # the grey value, 0 to 255, that the data flow follows through the scaling
    # None takes half as many as are trained on, or what is left
    validation_rows: int | None = None

    def __post_init__(self) -> None:
        for name in ("rows", "epochs", "batch_size", "validation_rows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise _bad_number(name, value, "a whole number of at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise _bad_number("learning_rate", self.learning_rate, "a number above 0")
        if not 0 <= self.seed < 2**32:
            raise _bad_number("seed", self.seed, "a whole number from 0 to 4,294,967,295")
        if not 0 <= self.pixel <= 255:
            raise _bad_number("pixel", self.pixel, "a whole number from 0 to 255")


@dataclass(frozen=True)
class Draw:
    """Which rows of the data do what, by their number in it; no row does two things."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    prediction: int


def draw(source: Source, plan: Plan) -> Draw:
    """Draw the numbers of a run's rows by its seed, without replacement.

    A ``TooManyRowsError`` where there are not enough for training, validation and prediction.
    """
    available = len(source.y)
    validation = available - plan.rows - 1
    wanted = plan.validation_rows or max(1, plan.rows // TRAINING_ROWS_PER_VALIDATION_ROW)
    if validation < (plan.validation_rows or 1):
        most = available - 1 - (plan.validation_rows or 1)
        raise TooManyRowsError(
            f"{plan.rows:,} training rows were asked for; the data ({source.name}) has "
            f"{available:,} rows, and validation and the prediction need rows of their own.",
            where="--rows",
            hint=(f"Ask for at most {most:,} rows, or g" if most > 0 else "G")
            + "ive a larger set with --data.",
        )
    order = np.random.default_rng(plan.seed).permutation(available)
    count = min(wanted, validation)
    return Draw(
        train=order[: plan.rows],
        validation=order[plan.rows : plan.rows + count],
        prediction=int(order[plan.rows + count]),
    )


def example_row(source: Source, drawn: Draw, pixel: int) -> tuple[int, float | None]:
    """The training row that the data flow shows, and its value: the first with the grey value
    asked.

    Where no row has it, the first row and its median ink, or None for an empty image.
    """
    has = (source.x[drawn.train] == pixel).any(axis=(1, 2, 3))
    if has.any():
        return int(drawn.train[int(np.argmax(has))]), float(pixel)
    first = int(drawn.train[0])
    ink = np.sort(source.x[first][source.x[first] > 0])
    return first, float(ink[len(ink) // 2]) if len(ink) else None


def _bad_number(name: str, value: float, expected: str) -> ArgumentError:
    option = f"--{name.replace('_', '-')}"
    return ArgumentError(
        f"{option} received {value:,}, expected {expected}.",
        where=option,
        hint=f"Give {option} {expected}; see: pipetrace digits --help",
    )
