"""Small Keras models of many forms."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pipetrace.trace.document import Array


@dataclass(frozen=True)
class Sample:
    """A built model, rows for it, and what its stages have to be: each stage's name and the names of its sources."""

    model: Any
    rows: Array
    stages: tuple[tuple[str, tuple[str, ...]], ...]


def sequential(keras: Any, rows: Array) -> Sample:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Dropout(0.5, name="drop"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="scores"),
        ]
    )
    names = ("rows", "conv", "pool", "drop", "flat", "scores")
    return Sample(model, rows, tuple((name, (before,)) for before, name in pairwise(names)))


def branch_and_join(keras: Any, rows: Array) -> Sample:
    layers = keras.layers
    given = keras.Input((8, 8, 1))
    stem = layers.Conv2D(2, 3, padding="same", name="stem")(given)
    left = layers.Conv2D(2, 1, name="left")(stem)
    right = layers.Conv2D(2, 3, padding="same", name="right")(stem)
    joined = layers.Add(name="join")([left, right, stem])
    return Sample(
        keras.Model(given, layers.Flatten(name="flat")(joined)),
        rows,
        (
            ("stem", ("rows",)),
            ("left", ("stem",)),
            ("right", ("stem",)),
            ("join", ("left", "right", "stem")),
            ("flat", ("join",)),
        ),
    )


def operations(keras: Any, rows: Array) -> Sample:
    layers, ops = keras.layers, keras.ops
    given = keras.Input((8, 8, 1))
    hidden = layers.Dense(3, name="hidden")(given)
    scaled = ops.relu(hidden) * ops.mean(hidden, axis=-1, keepdims=True)
    model = keras.Model(given, layers.Dense(2, name="out")(scaled))
    # Keras numbers operations through the whole process: relu, relu_1, ...
    relu, mean, multiply = (
        next(each.name for each in model.operations if each.name.startswith(kind))
        for kind in ("relu", "mean", "multiply")
    )
    return Sample(
        model,
        rows,
        (
            ("hidden", ("rows",)),
            (relu, ("hidden",)),
            (mean, ("hidden",)),
            (multiply, (relu, mean)),
            ("out", (multiply,)),
        ),
    )


def subclassed(keras: Any, rows: Array) -> Sample:
    class Classifier(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="classifier")
            self.flat = keras.layers.Flatten(name="flat")
            self.first = keras.layers.Dense(5, activation="relu", name="first")
            self.second = keras.layers.Dense(5, name="second")
            self.add = keras.layers.Add(name="sum")

        def call(self, rows: Any) -> Any:
            first = self.first(self.flat(rows))
            return self.add([first, self.second(first)])

    model = Classifier()
    model(rows)  # builds it
    return Sample(
        model,
        rows,
        (
            ("flat", ("rows",)),
            ("first", ("flat",)),
            ("second", ("first",)),
            ("sum", ("first", "second")),
        ),
    )


def nested(keras: Any, rows: Array) -> Sample:
    layers = keras.layers
    parts = [layers.Input((8, 8, 1)), layers.Flatten(name="flat"), layers.Dense(6, name="wide")]
    inner = keras.Sequential(parts, name="inner")
    middle_input = keras.Input((8, 8, 1))
    middle = keras.Model(
        middle_input, layers.Dense(5, name="narrow")(inner(middle_input)), name="middle"
    )
    given = keras.Input((8, 8, 1))
    model = keras.Model(given, layers.Dense(2, name="head")(middle(given)), name="outer")
    names = ("rows", "flat", "wide", "narrow", "head")
    return Sample(model, rows, tuple((name, (before,)) for before, name in pairwise(names)))


def shared(keras: Any, rows: Array) -> Sample:
    layers = keras.layers
    given = keras.Input((8, 8, 1))
    twice = layers.Dense(3, name="twice")
    out = twice(layers.Dense(3, name="once")(given))
    return Sample(
        keras.Model(given, twice(out)),
        rows,
        (("once", ("rows",)), ("twice", ("once",)), ("twice:2", ("twice",))),
    )


SAMPLES: dict[str, Callable[[Any, Array], Sample]] = {
    "sequential": sequential,
    "branch and join": branch_and_join,
    "operations": operations,
    "subclassed": subclassed,
    "nested": nested,
    "shared": shared,
}


@pytest.fixture(scope="session")
def keras() -> Any:
    from pipetrace.capture.backend import load

    return load()


@pytest.fixture(scope="session", params=SAMPLES)
def sample(request: pytest.FixtureRequest, keras: Any) -> Sample:
    """One model after the other."""
    keras.utils.set_random_seed(0)
    rows = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype(np.float32)
    return SAMPLES[request.param](keras, rows)


@pytest.fixture(scope="session")
def small(keras: Any) -> Any:
    """A model of two layers, ``a`` and ``b``, from three numbers to two."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.layers.Input((3,)),
            keras.layers.Dense(4, name="a"),
            keras.layers.Dense(2, name="b"),
        ],
        name="small",
    )
