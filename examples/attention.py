"""A transformer block with self-attention. The class is the symbol at the one marked position.

Look at the attention stage, which receives the same tensor three times, and at the two additions.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ten positions with one of three symbols each; the class is the symbol at the marked one."""
    rng = np.random.default_rng(seed)
    symbols = rng.integers(0, 3, (count, 10))
    marked = rng.integers(0, 10, count)
    marks = np.eye(10)[marked][..., None]
    x = np.concatenate([marks, np.eye(3)[symbols]], axis=-1)
    return x.astype("float32"), symbols[np.arange(count), marked]


def build(seed: int = 0) -> keras.Model:
    """One block, the mean over the positions, a head."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((10, 4), name="positions")
    x = layers.Dense(16, name="vectors")(inputs)
    looked = layers.MultiHeadAttention(num_heads=2, key_dim=8, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm_1")(layers.Add(name="add_1")([x, looked]))
    y = layers.Dense(32, activation="relu", name="widen")(x)
    y = layers.Dense(16, name="narrow")(y)
    x = layers.LayerNormalization(name="norm_2")(layers.Add(name="add_2")([x, y]))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    outputs = layers.Dense(3, activation="softmax", name="symbol")(x)
    model = keras.Model(inputs, outputs, name="attention")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
