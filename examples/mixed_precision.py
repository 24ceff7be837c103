"""Layers that compute in float16 and keep float32 weights; the last layer computes in float32.

Look at the dtypes of the stages, and where they change.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Nine measurements; the class is which of their three groups has the largest sum."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, 9))
    return x.astype("float32"), x.reshape(count, 3, 3).sum(axis=-1).argmax(axis=-1)


def build(seed: int = 0) -> keras.Model:
    """Two layers of 16 bits, one of 32; the loss is scaled so that small gradients are not lost."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((9,), name="measured")
    x = layers.Dense(24, activation="relu", dtype="mixed_float16", name="hidden_1")(inputs)
    x = layers.LayerNormalization(dtype="mixed_float16", name="norm")(x)
    x = layers.Dense(16, activation="relu", dtype="mixed_float16", name="hidden_2")(x)
    outputs = layers.Dense(3, activation="softmax", dtype="float32", name="largest")(x)
    model = keras.Model(inputs, outputs, name="mixed_precision")
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.01), initial_scale=1024.0
    )
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
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
