"""A classifier whose training step is compiled by XLA (``jit_compile=True``).

Look at the time of the first epoch, which includes the compilation.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Short signals of 16 points with a peak; the class is the third in which it lies."""
    rng = np.random.default_rng(seed)
    third = rng.integers(0, 3, count)
    place = (third * 5.3 + rng.uniform(0.5, 4.8, count))[:, None]
    peak = np.exp(-((np.arange(16) - place) ** 2) / 2) + rng.normal(0, 0.1, (count, 16))
    return peak.astype("float32"), third


def build(seed: int = 0) -> keras.Model:
    """Two dense layers, compiled by XLA."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16,), name="signal"),
            layers.Dense(24, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax", name="third"),
        ],
        name="jit",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=True,
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=5)
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
