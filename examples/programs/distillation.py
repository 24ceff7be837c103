"""Knowledge distillation: a small student learns from labels and from a teacher's outputs."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

TEMPERATURE, FROM_LABELS = 3.0, 0.3

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(800, 10)).astype("float32")
y = np.argmax(x @ rng.normal(size=(10, 3)), axis=1)


def network(units: int, name: str) -> keras.Model:
    """A classifier of three classes that outputs logits."""
    return keras.Sequential(
        [
            keras.Input((10,), name="features"),
            layers.Dense(units, activation="relu", name=f"{name}_hidden"),
            layers.Dense(3, name=f"{name}_logits"),
        ],
        name=name,
    )


class Distiller(keras.Model):
    """The student, with a loss that asks the teacher too."""

    def __init__(self, teacher: keras.Model, student: keras.Model) -> None:
        super().__init__(name="distillation")
        self.teacher, self.student = teacher, student
        self.teacher.trainable = False

    def call(self, rows: Any) -> Any:
        """The student's logits."""
        return self.student(rows)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The labels' cross-entropy and the divergence from the teacher (Hinton et al. 2015)."""
        labels = super().compute_loss(x, y, y_pred, sample_weight, training)
        soft = keras.losses.kl_divergence(
            ops.softmax(self.teacher(x, training=False) / TEMPERATURE),
            ops.softmax(y_pred / TEMPERATURE),
        )
        return FROM_LABELS * labels + (1 - FROM_LABELS) * TEMPERATURE**2 * ops.mean(soft)


options = {
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "metrics": ["accuracy"],
}
teacher = network(64, "teacher")
teacher.compile(optimizer=keras.optimizers.Adam(0.01), **options)
teacher.fit(x[:600], y[:600], epochs=10, validation_data=(x[600:], y[600:]), verbose=0)
distiller = Distiller(teacher, network(8, "student"))
distiller.compile(optimizer=keras.optimizers.Adam(0.01), **options)
distiller.fit(x[:600], y[:600], epochs=10, validation_data=(x[600:], y[600:]), verbose=0)
