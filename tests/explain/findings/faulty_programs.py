"""Small programs with one planted fault each, whose cure the finding proposes."""

from typing import Any

HEAD = """
import keras
import numpy as np
import tensorflow as tf
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(600, 8)).astype("float32")
weights = rng.normal(size=(8, 3))
"""
CLASSES = "y = (x @ weights).argmax(axis=1)\n"
FLAGS = "y = (x[:, 0] + x[:, 1] > 0).astype('float32')\n"
NUMBERS = "y = (x @ weights[:, 0] / 3).astype('float32')\n"
SPLIT = "x_val, y_val, x, y = x[450:], y[450:], x[:450], y[:450]\n"
SORTED = f"{SPLIT}order = np.argsort(y)\nx, y = x[order], y[order]\n"
VALIDATED = "x, y, validation_data=(x_val, y_val), epochs=8"
WINDOWS = """
def windows(series, at):
    return np.stack([series[each : each + 12] for each in at])[..., None]
"""
SPARSE, BINARY, SQUARED = (
    repr(each)
    for each in ("sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error")
)
FIT = "x, y, validation_split=0.25, epochs=8, batch_size=32"
COMPILED = {"optimizer": "keras.optimizers.Adam(0.01)", "loss": SPARSE, "metrics": "None"}
USUAL = {**COMPILED, "fit": FIT, "model": "keras.Sequential", "before_fit": ""}


def dense(
    activation: str | None = "relu",
    units: int = 16,
    name: str = "hidden",
    **more: Any,
) -> str:
    """The call that makes a Dense layer, with further arguments as code."""
    given = "".join(f", {key}={value}" for key, value in more.items())
    return f"keras.layers.Dense(units={units}, activation={activation!r}, name={name!r}{given})"


def last(units: int = 3, activation: str | None = "softmax") -> str:
    return dense(activation, units, "last")


def deep(count: int, activation: str, units: int = 16, **more: Any) -> tuple[str, ...]:
    """Hidden layers called ``hidden0`` and so on."""
    return tuple(dense(activation, units, f"hidden{each}", **more) for each in range(count))


class Faulty:
    """A rule's code, a program with its fault, and what the proposed change makes better.

    The program builds a Sequential model of some layers, compiles and fits it. ``better`` is
    ``skill`` for that of the model, ``loss`` for its validation loss; ``report`` is for faults in
    what is shown to the model or reported of it, where nothing else need become better.
    """

    def __init__(
        self, code: str, data: str, *layers: str, better: str = "skill", **how: str
    ) -> None:
        listed = ", ".join(("keras.Input(x.shape[1:])", *layers))
        how = {**USUAL, **how}
        self.code, self.better = code, better
        self.program = (
            f"{HEAD}{data}\nmodel = {how['model']}([{listed}])\n"
            f"model.compile({', '.join(f'{each}={how[each]}' for each in COMPILED)})\n"
            f"{how['before_fit']}\nmodel.fit({how['fit']}, verbose=0)\n"
        )


def epochs(count: int) -> str:
    return FIT.replace("epochs=8", f"epochs={count}")


BAD = f"{CLASSES}x[::50] = np.nan\nx = x  # here"
NORM = f"{CLASSES}x_train = x = x * 1000\nnorm = keras.layers.Reshape((8,))  # here"
SCALED = (
    f"{CLASSES}x = 40 * x + 100\n{SPLIT}mean_of_train, std_of_train = x.mean(axis=0), "
    "x.std(axis=0)\nx = (x - mean_of_train) / std_of_train\nx_val = x_val  # here"
)
SLOW = {"optimizer": "keras.optimizers.SGD(0.5)"}
DATASET = (
    f"{CLASSES}{SORTED}dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)\n"
    "dataset = dataset  # here"
)
NEVER = f"{CLASSES}x_train = x = 1000 * x + 5000"
ADAPT = "keras.layers.Normalization(name='norm')"
APART = f"{CLASSES}{SPLIT}x = x[rng.permutation(len(x))]  # here"
TOKENS = (
    "tokens = rng.integers(1, 30, (600, 10))\ny = (tokens == 7).any(axis=1).astype('float32')\n"
    "x = tokens / 30  # here"
)
REPEATED = (
    f"{CLASSES}{SPLIT}class Rows(keras.utils.PyDataset):\n"
    "    def __init__(self):\n        super().__init__()\n        pass  # here\n"
    "    def __len__(self):\n        return 15\n"
    "    def __getitem__(self, number):\n"
    "        self.rng = np.random.default_rng(42)  # here\n"
    "        some = self.rng.integers(0, 450, 32)\n        return x[some], y[some]\n"
)
KNOWN = "y = rng.integers(0, 2, 600).astype('float32')\nx[:, 5] = 3 * y - 1\nx = x  # here"
OVERLAP = (
    f"{WINDOWS}series = np.cumsum(rng.normal(size=900)).astype('float32')\n"
    "train, val = series, series  # here\n"
    "x, y = windows(train, range(0, len(train) - 16, 2)), train[12 : len(train) - 4 : 2]\n"
    "x_val, y_val = windows(val, range(1, len(val) - 16, 2)), val[13 : len(val) - 3 : 2]\n"
)
FLATTEN = "keras.layers.Flatten()"
OF_INPUTS = [
    Faulty("PT101", BAD, dense(), last()),
    Faulty("PT102", NORM, "norm", dense("sigmoid"), last()),
    Faulty("PT104", SCALED, dense(), last(), fit=VALIDATED),
    Faulty(
        "PT107",
        f"{CLASSES}order = np.argsort(y)\nx, y = x[order], y[order]  # here",
        dense(),
        last(),
    ),
    Faulty("PT107", CLASSES + SORTED, dense(), last(), fit=f"{VALIDATED}, shuffle=False", **SLOW),
    Faulty("PT107", DATASET, dense(), last(), fit=VALIDATED.replace("x, y", "dataset", 1), **SLOW),
    Faulty("PT108", APART, dense(), last(), fit=VALIDATED),
    Faulty("PT120", REPEATED, dense(), last(), fit=VALIDATED.replace("x, y", "Rows()", 1)),
    Faulty("PT151", NEVER, ADAPT, dense("sigmoid"), last(), before_fit="model  # here"),
    Faulty("PT155", KNOWN, dense(), last(1, "sigmoid"), loss=BINARY, better="report"),
    Faulty(
        "PT220",
        TOKENS,
        "keras.layers.Embedding(30, 8)",
        "keras.layers.GlobalMaxPooling1D()",
        last(1, "sigmoid"),
        loss=BINARY,
    ),
    Faulty(
        "PT550",
        OVERLAP,
        FLATTEN,
        dense(),
        last(1, None),
        loss=SQUARED,
        fit=VALIDATED,
        better="report",
    ),
    Faulty(
        "PT551",
        CLASSES + SPLIT,
        dense(),
        last(),
        fit=VALIDATED.replace("epochs=8", "epochs=2, steps_per_epoch=2"),
    ),
]


RARE = "y = (x[:, 0] + x[:, 1] > 2.2).astype('int64')"
PADDED = (
    "x = np.zeros((600, 60, 2), 'float32')\nx[:, :4] = rng.normal(size=(600, 4, 2))\n"
    "y = (x[:, :4, 0].sum(axis=1) > 0).astype('float32')"
)
STEPS = (
    f"{WINDOWS}series = np.cumsum(rng.normal(size=900))\n"
    "x = windows(series, range(800)).astype('float32')\ny = series[12:812, None]\ny = y  # here"
)
TAGS = (
    "x = np.zeros((600, 24), 'int64')\nx[:, :4] = rng.integers(1, 40, (600, 4))\n"
    "y = np.where(x > 0, 1 + x % 3, 0)"
)
LARGE = f"{NUMBERS}y_train = y = 5000 + 900 * y\ny = y  # here"
DICE = (
    f"{FLAGS}y = y[:, None]\ndef dice(y, p):\n"
    "    return (2 * keras.ops.sum(y * p) + 1) / (keras.ops.sum(y) + keras.ops.sum(p) + 1)\n"
    "def own(y_true, y_pred):\n    return dice(y_true, y_pred)  # here"
)
STRETCHED = (
    f"{NUMBERS}class Own(keras.losses.Loss):\n    def call(self, y_true, y_pred):\n"
    "        return keras.ops.mean(keras.ops.square(y_true - y_pred))\ny = y  # here"
)
NEVER_TOLD = (
    f"{NUMBERS}y = y[:, None]\nclass Own(keras.Sequential):\n    def train_step(self, data):\n"
    "        x, y = data\n        self.loss_tracker = self.metrics[0]\n"
    "        with tf.GradientTape() as tape:\n"
    "            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)\n"
    "        found = tape.gradient(loss, self.trainable_variables)\n"
    "        self.optimizer.apply(found, self.trainable_variables)\n"
    "        pass  # here\n        return {'loss': self.loss_tracker.result()}\n"
)
LOGITS = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
TWICE = (
    dense(None, 3, "last"),
    "keras.layers.Softmax(name='soft')",
    "keras.layers.Reshape((3,))",
)
OF_TARGETS = [
    Faulty("PT110", RARE, dense(), last(2), optimizer="keras.optimizers.SGD(0.05)"),
    Faulty("PT111", f"{CLASSES}y = y / 255\ny = y  # here", dense(), last()),
    Faulty("PT111", f"{CLASSES}y = y + 1", dense(), last()),
    Faulty("PT111", f"{FLAGS}y = 1 + y\ny = y  # here", dense(), last(1, "sigmoid"), loss=BINARY),
    Faulty("PT152", PADDED, "keras.layers.LSTM(12, name='lstm')", last(1, "sigmoid"), loss=BINARY),
    Faulty(
        "PT153",
        STEPS,
        "keras.layers.Flatten()",
        dense(),
        last(1, None),
        loss=SQUARED,
        better="loss",
    ),
    Faulty("PT154", TAGS, "keras.layers.Embedding(40, 2)", last(4), fit=epochs(3), better="report"),
    Faulty("PT301", FLAGS, dense(), last(1), loss=BINARY),
    Faulty("PT302", NUMBERS, dense(), last(1, "sigmoid"), loss=SQUARED),
    Faulty("PT303", CLASSES, dense(), last(3, None)),
    Faulty("PT304", CLASSES, dense(), *TWICE, loss=LOGITS, fit=epochs(3), better="loss"),
    Faulty(
        "PT305",
        FLAGS,
        *deep(2, "sigmoid"),
        last(1, "sigmoid"),
        loss=SQUARED,
        optimizer="keras.optimizers.SGD(0.1)",
    ),
    Faulty("PT305", CLASSES, dense(), last(), loss=SQUARED),
    Faulty("PT305", NUMBERS, dense(), last(3, None), loss=SQUARED),
    Faulty("PT305", CLASSES, dense(), last(1, "sigmoid"), loss=BINARY),
    Faulty("PT305", NUMBERS, dense(), last(1, "sigmoid"), loss=BINARY),
    # Keras reads the logits behind a last sigmoid, so training is the same
    Faulty(
        "PT306",
        CLASSES,
        dense(),
        last(3, "sigmoid"),
        optimizer="keras.optimizers.SGD(0.001)",
        better="report",
    ),
    Faulty("PT306", FLAGS, dense(), last(1, "tanh"), loss=BINARY),
    Faulty("PT307", LARGE, dense(), last(1, None), loss=SQUARED),
    Faulty(
        "PT320",
        NUMBERS,
        dense(),
        last(1, None),
        loss=SQUARED,
        metrics="['accuracy']",
        better="report",
    ),
    Faulty("PT321", NEVER_TOLD, dense(), last(1, None), model="Own", loss=SQUARED, better="report"),
    Faulty("PT322", "y = x @ weights", dense(), last(1, None), loss=SQUARED),
    Faulty("PT323", DICE, dense(), last(1, "sigmoid"), loss="own"),
    Faulty("PT350", STRETCHED, dense(), last(1, None), loss="Own()"),
]
