"""The trainings that are timed: small programs of the kinds that people write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from pipetrace.demo.data import embedded_digits

Fit = tuple[Any, dict[str, Any]]
"""A compiled model, and what its ``fit`` is given."""


@dataclass(frozen=True)
class Workload:
    """A program that fits one model or several.

    Attributes:
        title: as the table names it.
        fits: each makes one model and its rows anew.
    """

    title: str
    fits: Sequence[Callable[[], Fit]]


def images(count: int) -> tuple[Any, Any]:
    """The built-in digits, repeated: ``(count, 28, 28, 1)``."""
    source = embedded_digits()
    places = np.resize(np.arange(len(source.x)), count)
    return (source.x[places] / 255).astype(np.float32), source.y[places].astype(np.int64)


def classifier(stack: list[Any]) -> Any:
    """A compiled model of ten classes."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([*stack, layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def convolutions() -> Any:
    """The model of `pipetrace digits`."""
    stack = [keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu")]
    return classifier([*stack, layers.MaxPooling2D(), layers.Flatten()])


def dense(columns: int) -> Any:
    """Two hidden layers."""
    hidden = [layers.Dense(64, "relu"), layers.Dense(64, "relu")]
    return classifier([keras.Input((columns,)), *hidden])


def table(rows: int, columns: int) -> tuple[Any, Any]:
    """Rows of noise, of ten classes."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=(rows, columns)).astype(np.float32)
    return x, x[:, :10].argmax(axis=1)


def digits(part: float) -> Workload:
    """One convolution, as arrays."""

    def make() -> Fit:
        x, y = images(10_000)
        return convolutions(), {"x": x, "y": y, "validation_split": 0.1, "epochs": round(5 * part)}

    return Workload("digits, 10,000 images, 5 epochs", [make])


def mlp(part: float) -> Workload:
    """Many small steps."""

    def make() -> Fit:
        x, y = table(8000, 32)
        return dense(32), {"x": x, "y": y, "batch_size": 8, "epochs": round(6 * part)}

    return Workload("MLP, batches of 8, 1,000 steps an epoch, 6 epochs", [make])


def lstm(part: float) -> Workload:
    """A recurrent layer over texts."""

    def make() -> Fit:
        chance = np.random.default_rng(0)
        x, y = chance.integers(0, 5000, (2000, 80)), chance.integers(0, 10, 2000)
        stack = [keras.Input((80,), dtype="int32"), layers.Embedding(5000, 32), layers.LSTM(64)]
        return classifier(stack), {"x": x.astype(np.int32), "y": y, "epochs": round(6 * part)}

    return Workload("LSTM of 64 units, 2,000 texts of 80 words, 6 epochs", [make])


def backbone(part: float) -> Workload:
    """A frozen network of 154 layers below a new head."""

    def make() -> Fit:
        keras.utils.set_random_seed(0)
        inner = keras.applications.MobileNetV2(
            (96, 96, 3), include_top=False, weights=None, pooling="avg"
        )
        inner.trainable = False
        x = np.random.default_rng(0).normal(size=(256, 96, 96, 3)).astype(np.float32)
        given = {"x": x, "y": np.arange(256) % 10, "epochs": round(6 * part)}
        return classifier([keras.Input((96, 96, 3)), inner]), given

    return Workload("frozen MobileNetV2, 256 images of 96 x 96, 6 epochs", [make])


class Diffusion(keras.Model):  # type: ignore[misc] # Keras has no types
    """Learns the noise in noisy images, in a training step of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.network = keras.Sequential(
            [
                layers.Conv2D(16, 3, padding="same", activation="relu"),
                layers.Conv2D(16, 3, padding="same", activation="relu"),
                layers.Conv2D(1, 3, padding="same"),
            ]
        )

    def call(self, values: Any) -> Any:
        """The noise in images."""
        return self.network(values)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Add noise, and learn it."""
        clean = keras.utils.unpack_x_y_sample_weight(data)[0]
        noise = tf.random.normal(tf.shape(clean))
        amount = tf.random.uniform((tf.shape(clean)[0], 1, 1, 1))
        with tf.GradientTape() as tape:
            made = self((1 - amount) * clean + amount * noise, training=True)
            loss = ops.mean((made - noise) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def diffusion(part: float) -> Workload:
    """A subclassed model with its own ``train_step``."""

    def make() -> Fit:
        keras.utils.set_random_seed(0)
        model = Diffusion()
        model.compile("adam")
        model.build((None, 28, 28, 1))
        return model, {"x": images(1500)[0], "epochs": round(4 * part)}

    return Workload("diffusion, its own train_step, 1,500 images, 4 epochs", [make])


def cross_validation(part: float) -> Workload:
    """Seven folds, each with a new model."""

    def fold(number: int) -> Callable[[], Fit]:
        def make() -> Fit:
            x, y = table(2100, 16)
            validation = np.arange(len(x)) % 7 == number
            given = {"x": x[~validation], "y": y[~validation], "epochs": round(12 * part)}
            return dense(16), {**given, "validation_data": (x[validation], y[validation])}

        return make

    return Workload("seven fits of a cross-validation, 12 epochs each", [*map(fold, range(7))])


def tf_data(part: float) -> Workload:
    """Rows out of a ``tf.data`` pipeline."""

    def make() -> Fit:
        rows = tf.data.Dataset.from_tensor_slices(images(8000))
        scaled = rows.shuffle(1000, seed=0).map(lambda x, y: (x * 2 - 1, y)).batch(64)
        return convolutions(), {
            "x": scaled.prefetch(2),
            "shuffle": False,
            "epochs": round(5 * part),
        }

    return Workload("tf.data, 8,000 images, 5 epochs", [make])


def quick_epochs(part: float) -> Workload:
    """Many epochs of a few milliseconds."""

    def make() -> Fit:
        x, y = table(128, 16)
        return dense(16), {"x": x, "y": y, "batch_size": 64, "epochs": round(600 * part)}

    return Workload("600 quick epochs of 2 steps", [make])


class Messages(layers.Layer):  # type: ignore[misc]
    """Neighbours on a ring send messages, in a loop of Python that is long to trace."""

    def build(self, shape: Any) -> None:
        """Make the weights."""
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")

    def call(self, nodes: Any) -> Any:
        """Nodes ``(n, nodes, features)`` after three rounds of messages."""
        for _ in range(3):
            sent = ops.roll(nodes, 1, axis=1) + ops.roll(nodes, -1, axis=1)
            nodes = nodes + 0.1 * ops.tanh(sent @ self.kernel)
        return nodes


def graph_network(part: float) -> Workload:
    """Layers of one's own, which are long to trace."""

    def make() -> Fit:
        x = np.random.default_rng(0).normal(size=(1000, 12, 8)).astype(np.float32)
        stack = [keras.Input((12, 8)), *(Messages() for _ in range(30)), layers.Flatten()]
        return classifier(stack), {"x": x, "y": np.arange(1000) % 10, "epochs": round(3 * part)}

    return Workload("graph network, 30 layers of one's own, 3 epochs", [make])


WORKLOADS: dict[str, Callable[[float], Workload]] = {
    each.__name__: each
    for each in (
        digits,
        mlp,
        lstm,
        backbone,
        diffusion,
        cross_validation,
        tf_data,
        quick_epochs,
        graph_network,
    )
}
