"""What each input channel adds to a filter's map: looked at, pointed at, and compared with the recorded map."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address
from tests.browser.test_explorer import point

from pipetrace.capture.backend import load
from pipetrace.record.measure.rows import Rows
from pipetrace.record.pipeline import record_model
from pipetrace.trace import Trace, read
from pipetrace.trace.document import Array


@pytest.fixture(scope="module")
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


def added(trace: Trace, row: int, column: int, number: int) -> Array:
    """What each channel of ``many`` adds to a value of ``few``."""
    window = trace.predictions[0].outputs["many"][row : row + 3, column : column + 3]
    kernel = trace.weights["few/kernel"][..., number]
    return np.asarray(np.einsum("ijc,ijc->c", window.astype(float), kernel.astype(float)))


def told(page: Page) -> dict[str, float]:
    """The value of each map at the chosen place."""
    names = page.locator(".addends b").all_inner_texts()
    values = page.locator(".addends small").all_inner_texts()
    numbers = [float(text.replace("\u2212", "-")) for text in values]
    return dict(zip(names, numbers, strict=True))


def test_the_largest_maps_stand_first_and_move_the_place(pages: Pages, convolutions: Trace) -> None:
    page = pages.open(convolutions, place="#stage=few&at=4.3.2")
    found = told(page)
    assert len(found) == 8
    page.get_by_role("button", name="Show 3 more of 10").click()
    found = told(page)
    sums = added(convolutions, 4, 3, 2)
    total = sums.sum() + convolutions.weights["few/bias"][2]
    assert found.pop("sum of all 10 + bias") == pytest.approx(total, abs=6e-5)
    assert found == {f"channel {at}": pytest.approx(sums[at], abs=6e-5) for at in range(10)}
    sizes = np.zeros(10)
    for row in range(10):
        for column in range(8):
            sizes += np.abs(added(convolutions, row, column, 2))
    assert [int(name.split()[-1]) for name in found] == np.argsort(-sizes).tolist()
    point(page, ".addends > :nth-child(2) .picture", 7, 1, 10, 8)
    assert "at=7.1.2" in address(page)
    page.locator(".addends .picture").first.focus()
    page.keyboard.press("ArrowUp")
    assert "at=6.1.2" in address(page)
    number = int(list(told(page))[1].split()[-1])
    value = told(page)[f"channel {number}"]
    assert value == pytest.approx(added(convolutions, 6, 1, 2)[number], abs=6e-5)


def test_their_sum_is_compared_with_the_recorded_map(pages: Pages, convolutions: Trace) -> None:
    for stage, names in (("few", 8), ("depthwise", 2), ("steps", 3)):
        page = pages.open(convolutions, place=f"#stage={stage}")
        expect(page.locator(".beforesum .checked b")).to_contain_text("Keras recorded the same map")
        assert page.locator(".addends .picture").count() == names
    kernel = convolutions.weights["few/kernel"].copy()
    kernel[..., 2] *= 1.01
    wrong = replace(convolutions, weights={**convolutions.weights, "few/kernel": kernel})
    page = pages.open(wrong, place="#stage=few&at=4.3.2")
    expect(page.locator(".beforesum .checked.wrong")).to_contain_text("another map")
    page = pages.open(wrong, place="#stage=few&at=4.3.1")
    expect(page.locator(".beforesum .checked.wrong")).to_have_count(0)
