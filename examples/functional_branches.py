"""One input, two branches: one computes features, the other is a gate that scales them.

Look at the multiplication, which receives both branches, and at how often the gate is nearly 0.
"""

import keras
import numpy as np
from _arguments import arguments

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six measurements; the first says which of the next two decides the class."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, 6)).astype("float32")
    decides = np.where(x[:, 0] > 0, x[:, 1], x[:, 2])
    return x, (decides > 0).astype("int64")


def build(seed: int = 0) -> keras.Model:
    """Features times gate, and a short way around both."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6,), name="measurements")
    features = keras.layers.Dense(24, activation="relu", name="features")(inputs)
    gate = keras.layers.Dense(24, activation="sigmoid", name="gate")(inputs)
    gated = keras.layers.Multiply(name="gated")([features, gate])
    hidden = keras.layers.Dense(12, activation="relu", name="hidden")(gated)
    joined = keras.layers.Concatenate(name="joined")([hidden, inputs])
    outputs = keras.layers.Dense(2, activation="softmax", name="decision")(joined)
    model = keras.Model(inputs, outputs, name="functional_branches")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train the model and record it."""
    args = arguments(epochs=10)
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
