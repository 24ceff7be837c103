"""Train on two replicas, plain or recorded, and print everything that could differ: ``test_replicas`` runs it.

Logical devices are made before TensorFlow starts, so each training has a process of its own.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def model() -> Any:
    keras.utils.set_random_seed(0)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        layers = keras.layers
        made = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, "relu", name="hidden"),
                layers.BatchNormalization(name="norm"),
                layers.Dropout(0.3),
                layers.Dense(3, "softmax", name="answer"),
            ]
        )
        made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


class PullApart(keras.callbacks.Callback):  # type: ignore[misc]
    """Changes a weight of the second replica alone, once training is over."""

    def on_train_end(self, logs: Any = None) -> None:
        kernel = self.model.get_layer("answer").kernel
        _, second = self.model.distribute_strategy.experimental_local_results(kernel.value)
        second.assign_add(tf.ones_like(second))


def main(folder: str) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    random = np.random.default_rng(0)
    x = random.normal(size=(100, 6)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 1)
    made = model()
    fit = {"epochs": 2, "batch_size": 40, "verbose": 0, "validation_data": (x[:30], y[:30])}
    recorded = []
    if folder:
        import pipetrace

        path = Path(folder) / "replicas.trace"
        recorded = [pipetrace.Recorder(path, after_training="all", verbose=False)]
    history = made.fit(x, y, callbacks=recorded, **fit).history
    digest = hashlib.sha256()
    for each in (*made.weights, *made.optimizer.variables):
        for part in made.distribute_strategy.experimental_local_results(each.value):
            digest.update(np.asarray(part).tobytes())
    after = [float(np.random.random()), float(keras.random.uniform(()))]
    print(json.dumps([digest.hexdigest(), history, after]))
    if folder:
        apart = pipetrace.Recorder(
            Path(folder) / "apart.trace", after_training="all", verbose=False
        )
        made.fit(x, y, callbacks=[PullApart(), apart], **fit)


if __name__ == "__main__":
    main(sys.argv[1])
