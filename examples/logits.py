"""A classifier whose last layer outputs logits; the loss uses ``from_logits=True``.

Look at the last stage: its values are not between 0 and 1 and do not add up to 1.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Five measurements of four kinds of plants."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, count)
    typical = rng.normal(0, 1.2, (4, 5))
    return (typical[kind] + rng.normal(0, 0.6, (count, 5))).astype("float32"), kind


def build(seed: int = 0) -> keras.Model:
    """One hidden layer, four scores."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((5,), name="measured"),
            layers.Dense(16, activation="gelu", name="hidden"),
            layers.Dense(4, name="scores"),
        ],
        name="logits",
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
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
