"""Small programs with a planted fault in their layers, initial weights or training."""

from typing import Any

from tests.explain.findings.faulty_programs import (
    BINARY,
    CLASSES,
    FIT,
    NUMBERS,
    SPARSE,
    SQUARED,
    Faulty,
    deep,
    dense,
    epochs,
    last,
)

FOUR = "y = 2 * (x[:, 0] > 0) + (x[:, 1] > 0)\n"
PRODUCT = "x = x[:, :2]\ny = (x[:, 0] * x[:, 1] > 0).astype('int64')\n"


WEAK: dict[str, Any] = {"kernel_initializer": "keras.initializers.RandomNormal(stddev=0.01)"}
EQUAL: dict[str, Any] = {"kernel_initializer": "keras.initializers.Constant(0.1)"}
BELOW: dict[str, Any] = {"bias_initializer": "keras.initializers.Constant(-3.0)"}
PENALTY: dict[str, Any] = {"kernel_regularizer": "keras.regularizers.L2(10.0)"}
THAW = f"layer = model.get_layer('hidden')\nlayer  # here\nmodel.compile(keras.optimizers.Adam(0.03), {SPARSE})"
SOME = (
    f"{CLASSES}class Own(keras.Sequential):\n    def train_step(self, data):\n"
    "        x, y = data\n        model, optimizer = self, self.optimizer\n"
    "        with tf.GradientTape() as tape:\n"
    "            loss = self.compute_loss(x, y, self(x, training=True))\n"
    "        own = model.trainable_variables[-2:]\n"
    "        optimizer.apply(tape.gradient(loss, own), own)  # here\n"
    "        return {'loss': loss}\n"
)
UNTRACKED = (
    f"{CLASSES}class Mix(keras.layers.Layer):\n    def build(self, shape):\n"
    "        inputs, units = shape[-1], 4\n"
    "        self.w = tf.Variable(tf.random.normal((inputs, units)))  # here\n"
    "    def call(self, x):\n        return tf.nn.relu(x @ self.w)\n"
)
ADDED = (
    "x = rng.integers(0, 30, (600, 2))\n"
    "y = ((x[:, 0] % 2) == (x[:, 1] % 2)).astype('float32')\n"
    "class Rate(keras.layers.Layer):\n    def __init__(self):\n        super().__init__()\n"
    "        self.of = [keras.layers.Embedding(30, width, 'orthogonal') for width in (4, 4, 1)]\n"
    "    def call(self, ids):\n"
    "        user, item, bias = (of(ids[:, each]) for of, each in zip(self.of, (0, 1, 0)))\n"
    "        x = keras.ops.tensordot(user, item, 2)  # here\n"
    "        return keras.ops.sigmoid(x + bias)\n"
)
CODE = (
    "x = rng.normal(size=(600, 3)) @ rng.normal(size=(3, 12))\n"
    "class Code(keras.layers.Layer):\n    def call(self, z):\n"
    "        kl = keras.ops.mean(keras.ops.square(z))\n"
    "        self.add_loss(100.0 * kl)  # here\n        return z\n"
)
STOPPING = (
    "keras.callbacks.EarlyStopping('val_loss', mode='max', patience=2, restore_best_weights=True)"
)
FALLING = "keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 50)"
NOISY = f"{CLASSES}y = np.where(rng.random(600) < 0.3, rng.integers(0, 3, 600), y)"
OF_MODELS = [
    Faulty("PT201", CLASSES, *deep(2, "relu", **BELOW), last()),
    Faulty("PT202", f"{CLASSES}x = 60 * x", dense("tanh"), last(), optimizer="'adam'"),
    Faulty("PT203", CLASSES, *deep(3, "softmax", 8), last()),
    Faulty(
        "PT325",
        CODE,
        dense(None, 3),
        "Code()",
        last(12, None),
        loss=SQUARED,
        fit=FIT.replace("x, y", "x, x"),
    ),
    Faulty("PT401", CLASSES, dense(), last(), optimizer="keras.optimizers.Adam(learning_rate=3.0)"),
    Faulty(
        "PT402", CLASSES, dense(), last(), optimizer="keras.optimizers.SGD(0.0001)", fit=epochs(20)
    ),
    Faulty(
        "PT403",
        NUMBERS,
        *deep(2, "relu"),
        last(1, None),
        loss=SQUARED,
        optimizer="keras.optimizers.SGD(0.02, momentum=0.99)",
    ),
    Faulty(
        "PT404",
        CLASSES,
        dense(),
        last(),
        optimizer="keras.optimizers.SGD(0.005)",
        fit=epochs(30).replace("=32", "=256"),
    ),
    Faulty("PT405", CLASSES, *deep(6, "sigmoid"), last()),
    Faulty("PT406", CLASSES, *deep(4, "exponential"), last()),
    Faulty("PT420", CLASSES, dense(), last(), fit=f"{FIT}, callbacks=[{FALLING}]"),
    Faulty("PT421", SOME, dense(), last(), model="Own"),
    Faulty("PT501", NOISY, *deep(2, "relu", 128), last(), fit=epochs(30), better="loss"),
    Faulty("PT502", CLASSES, dense(), last(), optimizer="'adam'", fit=epochs(2)),
    Faulty("PT503", CLASSES, dense(**PENALTY), last()),
    Faulty("PT504", CLASSES, dense(), "keras.layers.Dropout(0.95, name='drop')", last()),
    Faulty("PT520", CLASSES, dense(), last(), fit=f"{FIT}, callbacks=[{STOPPING}]"),
    Faulty("PT601", CLASSES, *deep(5, "tanh", 24, **WEAK), last()),
    Faulty(
        "PT602",
        PRODUCT,
        dense(**EQUAL),
        dense(None, 2, "last", **EQUAL),
        loss="keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        fit=epochs(20),
    ),
    Faulty(
        "PT603",
        PRODUCT,
        dense("tanh", 4, trainable="False"),
        last(2),
        before_fit=THAW,
        fit=epochs(30),
    ),
    Faulty("PT604", FOUR, dense("relu", 1), last(4), fit=epochs(20)),
    Faulty("PT605", PRODUCT, dense(None, 32), last(2), fit=epochs(25)),
    Faulty(
        "PT606",
        f"{CLASSES}x = 5 * x + 20",
        "keras.layers.BatchNormalization(momentum=0.9999, name='norm')",
        dense(),
        last(),
    ),
    Faulty("PT650", UNTRACKED, "Mix()", last(), fit=epochs(15)),
    Faulty("PT651", ADDED, "Rate()", loss=BINARY, fit=epochs(30)),
    Faulty(
        "PT701",
        f"{NUMBERS}y = 50 * y",
        *deep(4, "relu"),
        last(1, None),
        loss=SQUARED,
        optimizer="keras.optimizers.SGD(0.1)",
    ),
]
