"""Another window over the real input: compared with Keras, and chosen and moved as a person does."""

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import go
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.browser.test_explorer import point

from pipetrace.capture.backend import load
from pipetrace.trace import Trace

GEOMETRY = """async (settings) => {
  const { channelOf, costs, mapWith, sidesOf, unreached } = await import("viewer/model/geometry.js");
  const { Model } = await import("viewer/model/model.js");
  const bytes = Uint8Array.from(atob(document.getElementById("model").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const model = new Model(await new Response(stream).json());
  const at = { row: model.rows.first, epoch: model.end };
  return settings.map(({ name, filter, ...given }) => {
    const stage = model.byName.get(name);
    const [input] = model.inputs(at, stage).inputs;
    const weights = model.weightsOf(at, name);
    const sides = sidesOf(given, input.shape.slice(0, -1));
    const map = mapWith(stage, input, weights, given, filter);
    return {
      shape: sides.map(({ count }) => count), map: map && [...map.data], ...costs(stage, weights, input.shape.at(-1), sides),
      unreached: sides.map(unreached), channel: channelOf(stage, input, weights, filter),
    };
  });
}"""
LAYERS = {
    "few": "Conv2D",
    "depthwise": "DepthwiseConv2D",
    "steps": "Conv1D",
    "pooled": "MaxPooling2D",
}


def chosen(name: str) -> list[dict[str, Any]]:
    """All settings of a stage that the page offers and Keras allows."""
    axes = 1 if name == "steps" else 2
    pools = name == "pooled"
    return [
        {
            "name": name,
            "filter": 1,
            "kernel": [kernel] * axes,
            "stride": [stride] * axes,
            "dilation": [dilation] * axes,
            "padding": padding,
        }
        for kernel in range(1, 8)
        for stride in range(1, 5)
        for dilation in ((1,) if pools else (1, 2, 3))
        for padding in ("valid", "same")
        if stride == 1 or dilation == 1
    ]


def built(settings: dict[str, Any], input_shape: tuple[int, ...]) -> Any:
    """The Keras layer with these settings, for the shape of one row; None where Keras refuses it."""
    layers, name = load().layers, settings["name"]
    size, stride = tuple(settings["kernel"]), tuple(settings["stride"])
    options: dict[str, Any] = {"strides": stride, "padding": settings["padding"]}
    if name == "pooled":
        layer = layers.MaxPooling2D(size, **options)
    else:
        options["dilation_rate"] = tuple(settings["dilation"])
        counts = {"few": (4,), "steps": (5,)}.get(name, ())
        layer = getattr(layers, LAYERS[name])(
            *counts, size, activation={"few": "relu"}.get(name), **options
        )
    try:
        layer.build((1, *input_shape))
        layer.compute_output_shape((1, *input_shape))
    except ValueError:
        return None
    return layer


def test_shapes_parameters_and_maps_are_those_of_keras(windows: Page, convolutions: Trace) -> None:
    outputs, refused = convolutions.predictions[0].outputs, 0
    for name in LAYERS:
        [stage] = [each for each in convolutions.stages if each.name == name]
        given = outputs[str(stage.inputs[0].source)]
        weights = [convolutions.weights[f"{name}/{each.name}"] for each in stage.weights]
        every = chosen(name)
        for settings, found in zip(every, windows.evaluate(GEOMETRY, every), strict=True):
            layer = built(settings, given.shape)
            if layer is None or 0 in found["shape"]:
                assert 0 in found["shape"], settings
                refused += 1
                continue
            shape = layer.compute_output_shape((1, *given.shape))
            assert list(shape[1:-1]) == found["shape"], settings
            if weights:
                assert layer.count_params() == found["parameters"], settings
                if settings["kernel"] != list(weights[0].shape[: len(settings["kernel"])]):
                    continue
                layer.set_weights(weights)
            theirs = np.asarray(layer(given[np.newaxis]))[0, ..., 1]
            assert np.allclose(np.reshape(found["map"], theirs.shape), theirs, atol=1e-5), settings
    assert refused


def test_what_no_window_reaches(windows: Page, convolutions: Trace) -> None:
    settings = {"name": "few", "filter": 0, "kernel": [2, 3], "stride": [3, 4], "dilation": [1, 1]}
    [valid, same] = windows.evaluate(
        GEOMETRY, [settings | {"padding": each} for each in ("valid", "same")]
    )
    assert valid["unreached"] == [[2, 5, 8, 11], [3, 7, 8, 9]]  # of 12 lines and 10 columns
    assert same["unreached"] == [
        [2, 5, 8, 11],
        [3, 7],
    ]  # the last column of zeros completes a window
    many = convolutions.predictions[0].outputs["many"]
    assert valid["channel"] == np.abs(many).sum(axis=(0, 1)).argmax()


def experiment(page: Page, place: str) -> Locator:
    """Go to a stage, and try another window over its input."""
    go(page, f"#stage={place}")
    expect(page.locator("#panel h3 small").first).to_have_text(place.partition("&")[0])
    found = page.locator(".whatif", has_text="another window")
    if not found.locator("summary + *").is_visible():
        found.locator("summary").press("Enter")
    found.locator(".picture").first.wait_for()
    return found


def fact(found: Locator, name: str) -> list[float]:
    """The numbers of a line."""
    text = found.locator(f"dt:has-text('{name}') + dd").first.inner_text()
    return [float(each.replace(",", "")) for each in re.findall(r"[\d.,]*\d", text)]


def test_a_stride_is_chosen_and_its_window_is_moved(windows: Page, convolutions: Trace) -> None:
    page, found = windows, experiment(windows, "few&at=4.3.2")
    told = found.locator(".notmodel")
    expect(told).to_contain_text("recorded settings")
    recorded = float(found.locator(".cap span").nth(1).inner_text().split(": ")[1])
    value = convolutions.predictions[0].outputs["few"][4, 3, 2]
    assert recorded == pytest.approx(value, rel=6e-3, abs=1e-6)
    found.get_by_label("Stride").select_option("3")
    expect(told).to_contain_text("Not the recorded model")
    assert fact(found, "Output")[-3:] == [4, 3, 4]
    assert fact(found, "columns")[-3:] == [2.33, 1, 3]
    assert fact(found, "In no window") == [12, 120, 9]
    assert found.locator(".box.unreached").count() == 1
    point(page, ".whatif .pictures > :nth-child(1) .picture", 11, 9, 12, 10)
    where = found.locator(".cap span").first
    expect(where).to_have_text("lines 9 to 11, columns 6 to 8")
    found.locator(".picture").first.focus()
    page.keyboard.press("ArrowUp")
    expect(where).to_have_text("lines 6 to 8, columns 6 to 8")
    found.locator(".picture").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    expect(where).to_have_text("lines 6 to 8, columns 3 to 5")
    found.get_by_label("Padding").select_option("same")
    assert fact(found, "Output")[-3:] == [4, 4, 4]
    assert found.locator(".box.padding").count() == 2  # a column before and one after
    found.get_by_label("Dilation").select_option("2")
    expect(told).to_contain_text("does not allow")
    assert (
        found.locator(".picture").first.locator(".box:not(.padding):not(.unreached)").count() == 9
    )
    found.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("recorded settings")
    assert found.get_by_label("Stride").input_value() == ""


def test_another_size_has_no_map_and_pooling_has(windows: Page) -> None:
    found = experiment(windows, "few")
    found.get_by_label("Kernel size").select_option("5")
    expect(found.locator(".notmodel")).to_contain_text("no trained weights")
    assert found.locator(".positions").count() == 1
    assert fact(found, "Parameters") == [5, 5, 10, 4, 4, 1004, 364]
    assert fact(found, "Multiplications")[:7] == [8, 6, 5, 5, 10, 4, 48000]
    clean_in_both_schemes(windows)
    found = experiment(windows, "pooled")
    found.get_by_label("Pool size").select_option("7")
    expect(found.locator(".notmodel")).to_contain_text("No position fits")
    found.get_by_label("Padding").select_option("same")
    assert found.locator(".picture").count() == 2
    assert found.get_by_label("Dilation").count() == 0
