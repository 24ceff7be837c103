"""A model of windows: convolutions of several kinds, and pooling."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Pages

from pipetrace.capture.backend import load
from pipetrace.record.measure.rows import Rows
from pipetrace.record.pipeline import record_model
from pipetrace.trace import Trace, read


@pytest.fixture(scope="session")
def convolutions(tmp_path_factory: pytest.TempPathFactory, silent: Any) -> Trace:
    """An image through a convolution of many channels, a depthwise one and pooling; a series through one of its own."""
    keras = load()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    image, series = keras.Input((12, 10, 3), name="image"), keras.Input((20, 2), name="series")
    many = layers.Conv2D(10, 3, padding="same", activation="relu", name="many")(image)
    few = layers.Conv2D(4, 3, activation="relu", name="few")(many)
    depthwise = layers.DepthwiseConv2D(3, name="depthwise")(few)
    pooled = layers.MaxPooling2D(2, name="pooled")(depthwise)
    steps = layers.Conv1D(5, 3, name="steps")(series)
    model = keras.Model([image, series], [pooled, steps])
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(np.linspace(-0.3, 0.3, weight.shape[0]))
    random = np.random.default_rng(5)
    x = {
        "image": random.random((4, 12, 10, 3), np.float32),
        "series": random.normal(size=(4, 20, 2)).astype(np.float32),
    }
    path: Path = tmp_path_factory.mktemp("convolutions") / "model.trace"
    record_model(model, Rows(x, None), path, silent, exact=True)
    return read(path)


@pytest.fixture(scope="module")
def windows(shared: Pages, convolutions: Trace) -> Page:
    """The page of this model, for all tests of a file."""
    return shared.open(convolutions)
