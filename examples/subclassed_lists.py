"""A subclassed model with layers in a list and additions written as ``x + y``.

Look at the order of the stages: it is the order in which ``call`` runs them.
"""

from typing import Any

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four angles; the number is the height that an arm of four joints reaches."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-1, 1, (count, 4))
    height = np.sin(angles.cumsum(axis=1)).sum(axis=1, keepdims=True)
    return angles.astype("float32"), height.astype("float32")


class Arm(keras.Model):
    """Blocks of two layers, each added to what it received."""

    def __init__(self, blocks: int = 3, width: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widen = layers.Dense(width, name="widen")
        self.blocks = [
            [
                layers.Dense(width, activation="relu", name=f"bend_{number}"),
                layers.Dense(width, name=f"straighten_{number}"),
            ]
            for number in range(1, blocks + 1)
        ]
        self.height = layers.Dense(1, name="height")

    def call(self, inputs: Any) -> Any:
        """From angles, shape ``(rows, 4)``, to heights, shape ``(rows, 1)``."""
        x = self.widen(inputs)
        for bend, straighten in self.blocks:
            x = x + straighten(bend(x))
        return self.height(x)


def build(seed: int = 0) -> keras.Model:
    """Three blocks; its weights are made by the first batch."""
    keras.utils.set_random_seed(seed)
    model = Arm(name="subclassed_lists")
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=8)
    x, y = rows(args.rows)
    model = build()
    model.fit(
        x,
        y,
        epochs=args.epochs,
        validation_split=0.25,
        callbacks=[pipetrace.Recorder(args.trace, x, y)],
    )


if __name__ == "__main__":
    main()
