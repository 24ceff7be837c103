"""Cross-validation: the same network, made anew and trained on four parts of five."""

import keras
import numpy as np
from keras import layers

FOLDS = 5

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 6)).astype("float32")
y = (x @ rng.normal(size=6) + 0.5 * np.sin(3 * x[:, 0])).astype("float32")
fold = rng.permutation(len(x)) % FOLDS

scores = []
for held_out in range(FOLDS):
    keras.utils.set_random_seed(held_out)
    model = keras.Sequential(
        [
            keras.Input((6,), name="features"),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(1, name="value"),
        ],
        name="regressor",
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    train, test = fold != held_out, fold == held_out
    model.fit(x[train], y[train], epochs=15, validation_data=(x[test], y[test]), verbose=0)
    scores.append(model.evaluate(x[test], y[test], verbose=0)[1])
mean_absolute_error = np.mean(scores)
