"""A graph attention network that names the subject of each paper of a citation graph.

The rows of a batch are the numbers of papers; the states of all papers and the edges between them
belong to the model (Velickovic et al. 2018, after the Keras gallery).
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

NODES, SUBJECTS, WORDS = 300, 3, 24
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
subjects = rng.integers(0, SUBJECTS, NODES)
words = rng.random((NODES, WORDS)) < 0.1
words |= (np.arange(WORDS) % SUBJECTS == subjects[:, None]) & (rng.random((NODES, WORDS)) < 0.25)
pairs = rng.integers(0, NODES, (9000, 2))
alike = subjects[pairs[:, 0]] == subjects[pairs[:, 1]]
cited = pairs[alike | (rng.random(len(pairs)) < 0.1)][:1500]
edges = np.concatenate([cited, np.repeat(np.arange(NODES), 2).reshape(-1, 2)])


class GraphAttention(layers.Layer):
    """Each node gets the mean of its neighbours, weighted by how much it attends to them."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Make the kernels."""
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.kernel_attention = self.add_weight(
            shape=(self.units * 2, 1), initializer="glorot_uniform", name="kernel_attention"
        )

    def call(self, inputs: Any) -> Any:
        """From states ``(nodes, n)`` and edges ``(edges, 2)`` to ``(nodes, units)``."""
        node_states, edges = inputs
        transformed = ops.matmul(node_states, self.kernel)
        expanded = tf.reshape(tf.gather(transformed, edges), (tf.shape(edges)[0], -1))
        scores = tf.nn.leaky_relu(tf.matmul(expanded, self.kernel_attention))
        scores = tf.exp(tf.clip_by_value(tf.squeeze(scores, -1), -2, 2))
        sums = tf.math.unsorted_segment_sum(scores, edges[:, 0], tf.shape(node_states)[0])
        scores = scores / tf.gather(sums, edges[:, 0])
        neighbours = tf.gather(transformed, edges[:, 1]) * scores[:, tf.newaxis]
        return tf.math.unsorted_segment_sum(neighbours, edges[:, 0], tf.shape(node_states)[0])


class GraphAttentionNetwork(keras.Model):
    """Two heads of attention between two dense layers, with a shortcut."""

    def __init__(self, node_states: Any, edges: Any, **options: Any) -> None:
        super().__init__(**options)
        self.node_states, self.edges = node_states, edges
        self.preprocess = layers.Dense(16, activation="relu")
        self.heads = [GraphAttention(8) for _ in range(2)]
        self.output_layer = layers.Dense(SUBJECTS)

    def call(self, inputs: Any) -> Any:
        """States and edges to the scores of all nodes."""
        node_states, edges = inputs
        states = self.preprocess(node_states)
        attended = tf.concat([head([states, edges]) for head in self.heads], axis=-1)
        return self.output_layer(tf.nn.relu(attended) + states)

    def train_step(self, data: Any) -> dict[str, Any]:
        """The scores of the papers of the batch."""
        indices, labels = data
        with tf.GradientTape() as tape:
            outputs = self([self.node_states, self.edges])
            loss = self.compute_loss(y=labels, y_pred=tf.gather(outputs, indices))
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights, strict=True))
        return self.told(loss, labels, tf.gather(outputs, indices))

    def test_step(self, data: Any) -> dict[str, Any]:
        """The same without an update."""
        indices, labels = data
        outputs = tf.gather(self([self.node_states, self.edges]), indices)
        return self.told(self.compute_loss(y=labels, y_pred=outputs), labels, outputs)

    def told(self, loss: Any, labels: Any, outputs: Any) -> dict[str, Any]:
        """Loss and metrics so far."""
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(labels, outputs)
        return {metric.name: metric.result() for metric in self.metrics}

    def predict_step(self, data: Any) -> Any:
        """The probabilities of the subjects."""
        return tf.nn.softmax(tf.gather(self([self.node_states, self.edges]), data))


model = GraphAttentionNetwork(
    tf.constant(words.astype("float32")), tf.constant(edges.astype("int32")), name="gat"
)
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(0.01),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
papers = rng.permutation(NODES)
train, test = papers[:200], papers[200:]
stopping = keras.callbacks.EarlyStopping(
    monitor="val_acc", patience=5, restore_best_weights=True, mode="max"
)
model.fit(
    train,
    subjects[train],
    validation_split=0.2,
    batch_size=16,
    epochs=8,
    callbacks=[stopping],
    verbose=0,
)
model.evaluate(test, subjects[test], verbose=0)
