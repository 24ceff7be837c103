"""Windows of a time series; an LSTM predicts the next value at every step.

Look at how the predictions of one row improve along the window.
"""

import keras
import numpy as np
from _arguments import arguments
from keras import layers

import pipetrace


def rows(count: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Windows of 24 steps of two waves with noise; the targets are one step later."""
    rng = np.random.default_rng(seed)
    time = np.arange(count + 24)
    series = (
        np.sin(2 * np.pi * time / 12)
        + 0.5 * np.sin(2 * np.pi * time / 31)
        + rng.normal(0, 0.05, len(time))
    )
    windows = np.lib.stride_tricks.sliding_window_view(series, 25).astype("float32")
    windows = rng.permutation(windows)[..., None]
    return windows[:, :-1], windows[:, 1:]


def build(seed: int = 0) -> keras.Model:
    """A causal convolution, an LSTM, a number for each step."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((24, 1), name="window"),
            layers.Conv1D(8, 3, padding="causal", activation="relu", name="local"),
            layers.LSTM(12, return_sequences=True, name="remember"),
            layers.Dense(1, name="next_value"),
        ],
        name="sequence_forecast",
    )
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
