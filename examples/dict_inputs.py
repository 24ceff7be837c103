"""Three kinds of input in a dictionary: numbers, a category and a short history.

Look at the branch of each input, and at how much of the joined stage comes from each.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Customers: age, income, region and purchases; the class is whether they buy again."""
    rng = np.random.default_rng(seed)
    numbers = rng.uniform(2, 8, (count, 2))
    region = rng.integers(0, 5, count)
    history = rng.poisson(1.5, (count, 6))
    likes = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])[region]
    score = 0.3 * (numbers[:, 1] - 5) + likes + 0.4 * (history[:, -2:].sum(axis=1) - 3)
    buys = score + rng.normal(0, 0.3, count) > 0
    x = {
        "numbers": numbers.astype("float32"),
        "region": region,
        "history": history.astype("float32"),
    }
    return x, buys.astype("float32")


def build(seed: int = 0) -> keras.Model:
    """One branch for each input."""
    keras.utils.set_random_seed(seed)
    numbers = keras.Input((2,), name="numbers")
    region = keras.Input((), name="region", dtype="int64")
    history = keras.Input((6,), name="history")
    joined = layers.Concatenate(name="joined")(
        [
            layers.Dense(4, activation="relu", name="numbers_dense")(numbers),
            layers.Embedding(5, 3, name="region_vector")(region),
            layers.Dense(6, activation="relu", name="history_dense")(history),
        ]
    )
    x = layers.Dense(8, activation="relu", name="mixed")(joined)
    outputs = layers.Dense(1, activation="sigmoid", name="buys")(x)
    model = keras.Model(
        {"numbers": numbers, "region": region, "history": history}, outputs, name="dict_inputs"
    )
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
