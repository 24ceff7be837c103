"""Two outputs, a class and a weight, with two losses; the second has a smaller loss weight.

Look at the two ends of the data flow, and at which loss falls first.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Objects with a size and three shades; the class decides the shades, the size the weight."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, count)
    size = rng.uniform(0.5, 1.5, (count, 3))
    shades = np.eye(3)[kind] + rng.normal(0, 0.4, (count, 3))
    weight = size.prod(axis=1) * (1 + kind)
    return np.hstack([size, shades]).astype("float32"), {
        "kind": kind,
        "weight": weight.astype("float32"),
    }


def build(seed: int = 0) -> keras.Model:
    """A shared body, a softmax and a plain number."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6,), name="measured")
    body = layers.Dense(24, activation="relu", name="body_1")(inputs)
    body = layers.Dense(16, activation="relu", name="body_2")(body)
    kind = layers.Dense(3, activation="softmax", name="kind")(body)
    weight = layers.Dense(1, name="weight")(body)
    model = keras.Model(inputs, {"kind": kind, "weight": weight}, name="multi_output")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss={"kind": "sparse_categorical_crossentropy", "weight": "mse"},
        loss_weights={"kind": 1.0, "weight": 0.3},
        metrics={"kind": "accuracy", "weight": "mae"},
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
