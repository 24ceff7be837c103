"""Every change that a finding proposes is code that runs, where it belongs."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.explain.findings.test_rules import CASES

pytestmark = pytest.mark.framework

ARGUMENTS = re.compile(r"[a-z_]+=(?!=)")


def changes() -> list[tuple[str, str]]:
    """The changes that the findings of all cases propose, with their codes."""
    found = {(each.code, each.change) for case in CASES for each in case.found.values()}
    return sorted(each for each in found if each[1])


def surroundings() -> dict[str, Any]:
    """What the changes speak of: a model with its rows, and what people call their things."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    layer = keras.layers.Dense(4, "relu")
    norm = keras.layers.Normalization(name="second")
    last = keras.layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((4,)), norm, layer, last])
    optimizer = keras.optimizers.Adam()
    model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True)
    names: dict[str, Any] = {"keras": keras, "np": np, "rng": rng, "x": x, "y": y}
    names |= {"model": model, "layer": layer, "optimizer": optimizer}
    names |= {"x_train": x, "y_train": y, "x_val": x, "y_val": y, "labels": y, "tokens": x}
    names |= {"mean_of_train": 0.0, "std_of_train": 1.0, "y_pred": keras.ops.ones(3), "loss": 0.0}
    names |= {"squares": keras.ops.ones(3), "kl": 0.0, "user": keras.ops.ones((3, 2))}
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    names |= {"item": keras.ops.ones((3, 2)), "dataset": dataset, "series": x}
    return names


unchanged = cache(surroundings)
"""The same once for all that changes nothing of it."""


def takers(names: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """What takes arguments that a change gives by their names."""
    keras, model = names["keras"], names["model"]
    yield lambda **given: keras.layers.Dense(**{"units": 4, **given})
    yield lambda **given: keras.layers.Conv2D(**{"filters": 4, "kernel_size": 3, **given})
    yield lambda **given: keras.layers.Embedding(10, 4, **given)
    yield keras.optimizers.Adam
    yield keras.losses.CategoricalCrossentropy
    yield lambda **given: model.compile("sgd", **{"loss": "mse", **given})
    yield lambda **given: model.fit(names["x"], names["y"], verbose=0, **given)


def given_to_one(change: str, names: dict[str, Any]) -> bool:
    given = eval(f"dict({change.partition('  #')[0]})", dict(names))
    for take in takers(names):
        try:
            take(**given)
        except (TypeError, ValueError):
            continue
        return True
    return False


def runs(change: str) -> bool:
    """Whether a change is arguments that something takes, or statements that run."""
    if ARGUMENTS.match(change):
        return given_to_one(change, unchanged())
    code = change.replace("(...,", "(x, y, verbose=0,").replace(", ...)", ", verbose=0)")
    if re.search(r"\bself\.|^return |tape\.|best\.weights", code):
        compile(f"def of_yours(self):\n    {code}", "the change", "exec")  # within code of yours
        return True
    names = surroundings()
    if "x[:, -1" in change:  # of windows
        names |= {"x": names["x"][:, :, None], "y": names["y"][:, None].astype("float32")}
    exec(compile(code, "the change", "exec"), names)
    return True


@pytest.mark.filterwarnings("ignore")
def test_what_a_finding_proposes_runs() -> None:
    import keras

    proposed = {re.sub(r"epochs=\d+", "epochs=1", change): code for code, change in changes()}
    assert len(proposed) > 50
    policy = keras.config.dtype_policy()
    try:
        for change, code in proposed.items():
            assert runs(change), (code, change)
    finally:
        keras.config.set_dtype_policy(policy)  # one of the changes sets another
