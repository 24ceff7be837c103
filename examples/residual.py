"""A small residual network that classifies the direction of stripes.

Look at the additions: each receives the output of two convolutions and their input.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy stripes, 12 x 12 pixels, that run up, across or aslant."""
    rng = np.random.default_rng(seed)
    direction = rng.integers(0, 3, count)
    across, down = np.array([(1.2, 0.0), (0.0, 1.2), (0.85, 0.85)])[direction].T[..., None, None]
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    row, column = np.mgrid[:12, :12]
    stripes = np.sin(across * column + down * row + phase) + rng.normal(0, 0.3, (count, 12, 12))
    return stripes[..., None].astype("float32"), direction


def build(seed: int = 0) -> keras.Model:
    """A stem, two residual blocks, a head."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((12, 12, 1), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(inputs)
    for block in ("block_1", "block_2"):
        y = layers.Conv2D(8, 3, padding="same", activation="relu", name=f"{block}_conv_1")(x)
        y = layers.Conv2D(8, 3, padding="same", name=f"{block}_conv_2")(y)
        x = layers.Add(name=f"{block}_add")([x, y])
        x = layers.ReLU(name=f"{block}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(3, activation="softmax", name="direction")(x)
    model = keras.Model(inputs, outputs, name="residual")
    model.compile(
        optimizer=keras.optimizers.Adam(0.005),
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
