"""Recommending by embeddings: a user's and a film's vectors multiply to a rating."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

USERS, FILMS = 60, 40

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
tastes, kinds = rng.normal(size=(USERS, 3)), rng.normal(size=(FILMS, 3))
pairs = np.stack([rng.integers(0, USERS, 3000), rng.integers(0, FILMS, 3000)], axis=1)
liking = (tastes[pairs[:, 0]] * kinds[pairs[:, 1]]).sum(axis=1) + rng.normal(0, 0.2, 3000)
ratings = (1 / (1 + np.exp(-liking))).astype("float32")


class Recommender(keras.Model):
    """A vector and a bias for each user and each film."""

    def __init__(self) -> None:
        super().__init__(name="recommender")
        self.users = layers.Embedding(USERS, 8, name="users")
        self.films = layers.Embedding(FILMS, 8, name="films")
        self.user_bias = layers.Embedding(USERS, 1, name="user_bias")
        self.film_bias = layers.Embedding(FILMS, 1, name="film_bias")

    def call(self, pair: Any) -> Any:
        """From ``(rows, 2)`` numbers to ``(rows, 1)`` ratings between 0 and 1."""
        user, film = pair[:, 0], pair[:, 1]
        match = ops.sum(self.users(user) * self.films(film), axis=1, keepdims=True)
        return ops.sigmoid(match + self.user_bias(user) + self.film_bias(film))


model = Recommender()
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", metrics=["mae"])
model.fit(pairs, ratings, batch_size=64, epochs=10, validation_split=0.2, verbose=0)
