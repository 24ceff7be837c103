"""An encoder and decoder: a GRU and an LSTM read the past, a second LSTM starts from their state.

Look at the two states, which leave one stage and enter another.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Twelve past values and the next six hours of the day; the targets are the next six values."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(0, 24, (count, 1)) + np.arange(18)
    level = rng.normal(0, 1, (count, 1))
    values = level + np.sin(2 * np.pi * hour / 24) + rng.normal(0, 0.1, hour.shape)
    past, future = values[:, :12, None].astype("float32"), values[:, 12:, None].astype("float32")
    clock = np.stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24)], axis=-1)
    return (past, clock[:, 12:].astype("float32")), future


def build(seed: int = 0) -> keras.Model:
    """Read, hand over, go on."""
    keras.utils.set_random_seed(seed)
    past, clock = keras.Input((12, 1), name="past"), keras.Input((6, 2), name="clock")
    x = layers.GRU(8, return_sequences=True, name="read_gru")(past)
    _, hidden, carry = layers.LSTM(12, return_state=True, name="read_lstm")(x)
    x = layers.LSTM(12, return_sequences=True, name="go_on")(clock, initial_state=[hidden, carry])
    outputs = layers.Dense(1, name="future")(x)
    model = keras.Model((past, clock), outputs, name="rnn_states")
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
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
