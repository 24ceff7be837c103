"""Three convolution towers with different kernel sizes, joined: how wide are the stripes?

Look at the joined stage, which receives all three.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy stripes in 14 x 14 pixels; the class is their width: fine, medium or coarse."""
    rng = np.random.default_rng(seed)
    width = rng.integers(0, 3, count)
    frequency = np.array([2.4, 1.2, 0.5])[width][:, None, None]
    angle, phase = rng.uniform(0, 2 * np.pi, (2, count, 1, 1))
    row, column = np.mgrid[:14, :14]
    stripes = np.sin(frequency * (np.cos(angle) * column + np.sin(angle) * row) + phase)
    return (stripes + rng.normal(0, 0.2, stripes.shape))[..., None].astype("float32"), width


def build(seed: int = 0) -> keras.Model:
    """Towers with windows of 1, 3 and 5 pixels."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((14, 14, 1), name="image")
    towers = []
    for size in (1, 3, 5):
        x = layers.Conv2D(6, size, padding="same", activation="relu", name=f"window_{size}")(inputs)
        towers.append(layers.MaxPooling2D(2, name=f"window_{size}_pool")(x))
    x = layers.Concatenate(name="joined")(towers)
    x = layers.Conv2D(12, 3, activation="relu", name="mixed")(x)
    x = layers.GlobalMaxPooling2D(name="strongest")(x)
    outputs = layers.Dense(3, activation="softmax", name="width")(x)
    model = keras.Model(inputs, outputs, name="towers")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=6)
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
