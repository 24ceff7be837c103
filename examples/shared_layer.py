"""A siamese network: the same layers see two curves; their distance says whether the shapes match.

Look at the layers that appear twice in the data flow and are counted once in the parameters.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Pairs of noisy curves: a slow wave, a fast wave or a ramp; 1 if both have the same shape."""
    rng = np.random.default_rng(seed)
    along = np.linspace(0, 1, 16)
    forms = np.stack([np.sin(2 * np.pi * along), np.sin(6 * np.pi * along), 2 * along - 1])
    left = rng.integers(0, 3, count)
    same = rng.integers(0, 2, count)
    right = np.where(same, left, (left + rng.integers(1, 3, count)) % 3)
    noise = rng.normal(0, 0.3, (2, count, 16))
    pair = (forms[left] + noise[0]).astype("float32"), (forms[right] + noise[1]).astype("float32")
    return pair, same.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """Two shared layers, the distance, one unit."""
    keras.utils.set_random_seed(seed)
    left, right = keras.Input((16,), name="left"), keras.Input((16,), name="right")
    look = layers.Dense(12, activation="relu", name="look")
    code = layers.Dense(4, name="code")
    apart = layers.Subtract(name="apart")([code(look(left)), code(look(right))])
    distance = keras.ops.abs(apart)
    outputs = layers.Dense(1, activation="sigmoid", name="same")(distance)
    model = keras.Model((left, right), outputs, name="shared_layer")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"]
    )
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
