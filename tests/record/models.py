"""Small compiled models and the forms in which rows can come, for the tests of the recorder."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 100
BATCH = 16
DROPPED = 0.4


def rows(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(ROWS, 6)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 1)


def classifier(seed: int = 3, **options: Any) -> Any:
    """Dropout and batch normalisation, so that random numbers and state are at stake."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(DROPPED, name="drop"),
            layers.Dense(3, activation="softmax", name="answer"),
        ],
        name="small",
    )
    model.compile(
        **{
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            **options,
        }
    )
    return model


def batches(x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    for start in range(0, len(x), BATCH):
        yield x[start : start + BATCH], y[start : start + BATCH]


def as_dataset() -> dict[str, Any]:
    import tensorflow as tf

    # Shuffled anew in each epoch, from the seed that the model's was set with: looking must not turn it on.
    return {
        "x": tf.data.Dataset.from_tensor_slices(rows()).shuffle(ROWS).batch(BATCH).prefetch(1),
        "shuffle": False,
    }


def as_py_dataset() -> dict[str, Any]:
    import keras

    x, y = rows()

    class Noisy(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        """Draws from its own generator at each batch: one call too many would change all that follow."""

        def __init__(self) -> None:
            super().__init__()
            self.chance = np.random.default_rng(1)
            self.asked: list[int] = []

        def __len__(self) -> int:
            return ROWS // BATCH + 1

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            self.asked.append(index)
            part = slice(index * BATCH, (index + 1) * BATCH)
            return x[part] + self.chance.normal(size=x[part].shape).astype(np.float32), y[part]

    return {"x": Noisy(), "shuffle": False}


def as_generator() -> dict[str, Any]:
    chance = np.random.default_rng(2)

    def endless() -> Iterator[tuple[Any, Any]]:
        while True:
            for x, y in batches(*rows()):
                yield x + chance.normal(size=x.shape).astype(np.float32), y

    return {"x": endless(), "steps_per_epoch": 7, "shuffle": False}


def as_arrays() -> dict[str, Any]:
    x, y = rows()
    return {"x": x, "y": y, "batch_size": BATCH}


def as_split() -> dict[str, Any]:
    return {**as_arrays(), "validation_split": 0.2}


def as_weighted() -> dict[str, Any]:
    return {
        **as_arrays(),
        "class_weight": {0: 1.0, 1: 2.0, 2: 0.5},
        "validation_data": rows(seed=9),
    }


def as_sampled() -> dict[str, Any]:
    return {**as_arrays(), "sample_weight": np.linspace(0, 1, ROWS).astype(np.float32)}


def as_tensors() -> dict[str, Any]:
    import tensorflow as tf

    x, y = rows()
    return {"x": tf.constant(x), "y": tf.constant(y), "batch_size": BATCH}


FORMS = {
    "arrays": as_arrays,
    "tensors": as_tensors,
    "validation split": as_split,
    "class weights": as_weighted,
    "sample weights": as_sampled,
    "dataset": as_dataset,
    "PyDataset": as_py_dataset,
    "generator": as_generator,
}
