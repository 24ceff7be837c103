"""A table of named columns through preprocessing layers: Normalization and StringLookup."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

KINDS = ("cat", "dog", "bird")

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
columns = {
    "kind": rng.choice(KINDS, 600),
    "age": rng.integers(0, 15, 600).astype("float32"),
    "fee": rng.uniform(0, 300, 600).astype("float32"),
}
likely = 2 * (columns["kind"] == "dog") - columns["age"] / 6 - columns["fee"] / 200 + 0.8
adopted = (rng.random(600) < 1 / (1 + np.exp(-2 * likely))).astype("int32")

inputs, encoded = {}, []
for name in ("age", "fee"):
    inputs[name] = keras.Input((1,), name=name)
    normalize = layers.Normalization(name=f"{name}_scaled")
    normalize.adapt(columns[name][:, None])
    encoded.append(normalize(inputs[name]))
inputs["kind"] = keras.Input((1,), dtype="string", name="kind")
lookup = layers.StringLookup(vocabulary=list(KINDS), output_mode="one_hot", name="kind_one_hot")
encoded.append(lookup(inputs["kind"]))
x = layers.Concatenate(name="row")(encoded)
x = layers.Dense(16, activation="relu", name="hidden")(x)
outputs = layers.Dense(1, activation="sigmoid", name="adopted")(x)
model = keras.Model(inputs, outputs, name="table_columns")
model.compile(
    optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"]
)


def dataset(rows: slice) -> tf.data.Dataset:
    """Batches of these rows, each column with an axis of its own."""
    given = {name: values[rows][:, None] for name, values in columns.items()}
    return tf.data.Dataset.from_tensor_slices((given, adopted[rows])).shuffle(600, seed=0).batch(32)


model.fit(dataset(slice(0, 450)), validation_data=dataset(slice(450, 600)), epochs=12, verbose=0)
