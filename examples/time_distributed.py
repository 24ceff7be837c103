"""A label for every step of a padded, masked sequence: ``TimeDistributed`` and a GRU.

Look at the prediction for one row: one distribution per step.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sensor readings of 6 to 12 steps, padded; the label of a step is rest, rise or fall."""
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, (count, 12)).repeat(3, axis=1)[:, :12]
    pattern = rng.normal(0, 1, (3, 4))
    readings = pattern[state] + rng.normal(0, 0.5, (count, 12, 4))
    real = np.arange(12) < rng.integers(6, 13, (count, 1))
    return np.where(real[..., None], readings, 0).astype("float32"), np.where(real, state, 0)


def build(seed: int = 0) -> keras.Model:
    """Mask, look, remember, answer at each step."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((12, 4), name="readings"),
            layers.Masking(name="real_steps"),
            layers.TimeDistributed(layers.Dense(8, activation="relu"), name="look"),
            layers.GRU(8, return_sequences=True, name="remember"),
            layers.TimeDistributed(layers.Dense(3, activation="softmax"), name="state"),
        ],
        name="time_distributed",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
