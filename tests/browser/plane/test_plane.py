"""The output over two features: compared with NumPy, and read, clicked, scrubbed and walked as a person does."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address, go, settle
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.tasks import ROWS, Net, autoencoder, binary, course, made, regression, rng_values

from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = pytest.mark.browser

SURFACE = """async ({ epoch, axes, stages, row }) => {
  const { Model } = await import("viewer/model/model.js");
  const { featuresOf } = await import("viewer/plane/space.js");
  const { Surface } = await import("viewer/plane/surface.js");
  const bytes = Uint8Array.from(atob(document.getElementById("model").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const model = new Model(await new Response(stream).json());
  const features = featuresOf(model);
  const surface = new Surface(model, { row, epoch: epoch ?? model.end }, features, axes.map((at) => features[at]), stages.map((name) => model.byName.get(name)));
  const strides = [];
  while (!surface.advance(0) && strides.length < 1e5) strides.push(surface.stride), surface.advance(performance.now() + 1);
  const cells = Array.from({ length: surface.rows * surface.columns }, (_, cell) => cell);
  return {
    strides: [...new Set(strides.map(String))],
    centres: cells.map((cell) => surface.centre(Math.floor(cell / surface.columns), cell % surface.columns)),
    values: stages.map((name) => [...surface.found.get(name)]),
  };
}"""
PIXELS = "each => each.toDataURL()"


def forward(weights: Mapping[str, Array], x: Array) -> tuple[Array, Array]:
    """The hidden units and the three probabilities of ``classes``."""
    hidden = np.maximum(x @ weights["hidden/kernel"] + weights["hidden/bias"], 0)
    powers = np.exp(hidden @ weights["kinds/kernel"] + weights["kinds/bias"])
    return hidden, powers / powers.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def classes() -> Trace:
    """Points of two numbers, three kinds, other weights after the first epoch."""
    net = Net()
    net.dense("hidden", net.source("point", rng_values(2)), 6, "relu")
    net.dense("kinds", "hidden", 3, "softmax")
    kinds = (np.arange(ROWS) % 3).astype(np.int64)
    metrics = course([1.2, 0.8], accuracy=[0.4, 0.6])
    names = ("oak", "elm", "ash")
    trace = made(
        net,
        "sparse_categorical_crossentropy",
        metrics,
        targets=[kinds],
        counts=[60, 50, 50],
        names=names,
    )
    return replace(trace, weights_after={1: {name: -each for name, each in trace.weights.items()}})


def plane(page: Page) -> None:
    """Go to the section, and wait until it is drawn."""
    page.locator("#plane").scroll_into_view_if_needed()
    page.locator(".plane .points [data-row]").first.wait_for()


def reading(page: Page) -> tuple[list[float], str]:
    """The values of the features at the place that is pointed at, and what is told of it."""
    features, _, told = page.locator(".planefoot [role=status]").inner_text().partition(": ")
    numbers = [each.rsplit(" ", 1)[1].replace("\u2212", "-") for each in features.split(", ")]
    return [float(each) for each in numbers], told


@pytest.fixture(scope="module")
def opened(shared: Pages, classes: Trace) -> Page:
    return shared.open(classes)


@pytest.fixture
def page(opened: Page, classes: Trace) -> Page:
    """One page for all tests, at a recorded row."""
    go(opened, f"#row={classes.predictions[0].row}")
    plane(opened)
    settle(opened)
    return opened


@pytest.mark.parametrize("epoch", [None, 1])
def test_every_cell_is_what_numpy_gives(page: Page, classes: Trace, epoch: int | None) -> None:
    asked = {"epoch": epoch, "axes": [1, 0], "stages": ["hidden", "kinds"], "row": 0}
    found = page.evaluate(SURFACE, asked)
    weights = classes.weights if epoch is None else classes.weights_after[epoch]
    expected = forward(weights, np.array(found["centres"])[:, ::-1])
    for values, wanted in zip(found["values"], expected, strict=True):
        np.testing.assert_allclose(np.reshape(values, wanted.shape), wanted, atol=2e-5)
    assert len(found["strides"]) > 2  # coarsely first


def test_other_features_are_held_at_the_chosen_row(pages: Pages) -> None:
    trace = regression()
    page = pages.open(trace)
    asked = {"epoch": None, "axes": [3, 1], "stages": ["price"], "row": 4}
    found = page.evaluate(SURFACE, asked)
    assert trace.kept_rows
    x = np.tile(trace.kept_rows.inputs["table"][4], (len(found["centres"]), 1))
    x[:, [3, 1]] = found["centres"]
    hidden = np.maximum(x @ trace.weights["hidden/kernel"] + trace.weights["hidden/bias"], 0)
    price = hidden @ trace.weights["price/kernel"] + trace.weights["price/bias"]
    np.testing.assert_allclose(found["values"][0], price[:, 0], atol=2e-5)
    plane(page)
    page.locator(".planeboard select").first.select_option("3")
    page.locator(".planeboard select").last.select_option("1")
    assert "axes=3.1" in address(page)
    before = page.locator(".planeframe canvas").evaluate(PIXELS)
    page.locator(".points [data-row='5']").dispatch_event("click")
    expect(page.locator(".planeboard .muted").first).to_contain_text("row 5")
    page.wait_for_function(
        f"before => ({PIXELS})(document.querySelector('.planeframe canvas')) !== before", arg=before
    )


def test_a_place_is_read_and_becomes_a_row(page: Page, classes: Trace) -> None:
    expect(page.locator("#plane ~ p[role=status]")).to_contain_text(f"{ROWS} rows")
    picture = page.locator(".planeframe .picture")
    picture.hover(position={"x": 303, "y": 57})
    at, told = reading(page)
    _, shares = forward(classes.weights, np.array(at))
    name, share = told.split(", ")
    assert name == ("oak", "elm", "ash")[int(shares.argmax())]
    assert float(share.rstrip("\u00a0%>")) == pytest.approx(100 * shares.max(), abs=0.3)
    picture.click(position={"x": 303, "y": 57})
    expect(page.locator(".followed")).to_have_text("Your row")
    page.locator("#own").scroll_into_view_if_needed()
    fields = page.locator("#own .fields input")
    fields.first.wait_for()
    assert [float(each.input_value()) for each in fields.all()] == pytest.approx(at, rel=5e-3)


def test_points_and_places_are_where_the_axes_say(page: Page, classes: Trace) -> None:
    ends = {
        side: float(page.locator(f".planewhole .{side}").inner_text().replace("\u2212", "-"))
        for side in ("left", "right", "bottom", "top")
    }
    box = page.locator(".planeframe").bounding_box()
    assert box
    assert classes.kept_rows

    def at(x: float, y: float) -> list[float]:
        across, down = (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]
        return [
            ends["left"] + across * (ends["right"] - ends["left"]),
            ends["top"] + down * (ends["bottom"] - ends["top"]),
        ]

    for row, wanted in enumerate(classes.kept_rows.inputs["point"]):
        # The middle of a mark is about the middle of its shape.
        mark = page.locator(f".points [data-row='{row}']").bounding_box()
        assert mark
        middle = mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2
        assert at(*middle) == pytest.approx(list(wanted), abs=0.05)
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.05 * box["height"])
    told, _ = reading(page)
    wanted = at(box["x"] + 0.9 * box["width"], box["y"] + 0.05 * box["height"])
    assert told == pytest.approx(wanted, abs=0.05)


def test_keys_move_on_the_plane_and_between_its_rows(page: Page) -> None:
    page.locator(".planeframe .picture").focus()
    page.keyboard.press("ArrowRight")
    first, _ = reading(page)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    second, _ = reading(page)
    assert second[0] > first[0]
    assert second[1] > first[1]
    page.keyboard.press("Enter")
    expect(page.locator(".followed")).to_have_text("Your row")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".points [aria-pressed=true]")).to_have_count(1)
    expect(page.locator(".followed")).not_to_have_text("Your row")


def test_a_unit_is_shown_large_and_the_epoch_changes_it(pages: Pages, classes: Trace) -> None:
    page = pages.open(classes)
    plane(page)
    page.get_by_role("button", name="unit 2 of hidden", exact=True).click()
    assert "surface=hidden.2" in address(page)
    page.locator(".planeframe .picture").hover(position={"x": 200, "y": 200})
    at, told = reading(page)
    hidden, _ = forward(classes.weights, np.array(at))
    assert float(told.replace("\u2212", "-")) == pytest.approx(hidden[2], abs=0.02)
    before = page.locator(".planeframe canvas").evaluate(PIXELS)
    point = page.locator(".points [data-row='5']").element_handle()
    page.keyboard.press(",")
    expect(page.locator(".planeboard .cap")).to_contain_text("after epoch 1")
    page.wait_for_function(
        f"before => ({PIXELS})(document.querySelector('.planeframe canvas')) !== before", arg=before
    )
    assert point.evaluate("each => each.isConnected")  # so that a press on it is not lost
    pages.open(classes, place=address(page).partition("html")[2], again=page)
    plane(page)
    expect(page.locator(".planeboard .cap")).to_contain_text("unit 2 of hidden")
    page.get_by_role("button", name="See how unit 2 of hidden is computed").click()
    expect(page.locator(".calchead small")).to_have_text("unit 2")
    page.get_by_role("button", name="All classes").click()
    expect(page.locator(".classmarks li")).to_have_count(4)


def test_it_follows_a_changed_weight(pages: Pages, classes: Trace) -> None:
    page = pages.open(classes, place="#stage=hidden&at=2&surface=hidden.2")
    plane(page)
    before = page.locator(".planeframe canvas").evaluate(PIXELS)
    page.locator("summary", has_text="What if a weight").click()
    page.get_by_label("bias").fill("3")
    plane(page)
    expect(page.locator(".planeboard .cap")).to_contain_text("weights that you changed")
    page.wait_for_function(
        f"before => ({PIXELS})(document.querySelector('.planeframe canvas')) !== before", arg=before
    )
    page.locator(".planeframe .picture").hover(position={"x": 211, "y": 201})
    at, told = reading(page)
    unit = np.array(at) @ classes.weights["hidden/kernel"][:, 2] + 3
    assert float(told.replace("\u2212", "-")) == pytest.approx(max(unit, 0), abs=0.02)


def test_a_single_feature_is_a_curve(pages: Pages) -> None:
    net = Net()
    net.dense("hidden", net.source("x", rng_values(1)), 5, "relu")
    net.dense("y", "hidden", 1)
    trace = made(net, "mse", course([2.0, 1.0]), targets=[rng_values(1, seed=9)])
    page = pages.open(trace)
    plane(page)
    page.locator(".curvefield").hover(position={"x": 100, "y": 60})
    (x,), told = reading(page)
    hidden = np.maximum(x * trace.weights["hidden/kernel"] + trace.weights["hidden/bias"], 0)
    y = (hidden @ trace.weights["y/kernel"] + trace.weights["y/bias"]).item()
    assert float(told.replace("\u2212", "-")) == pytest.approx(y, abs=0.02)
    page.locator(".curvefield").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".followed")).to_have_text("Your row")


def test_nothing_is_wrong_with_it(pages: Pages, classes: Trace) -> None:
    page = pages.open(classes, viewport={"width": 390, "height": 900})
    plane(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    clean_in_both_schemes(page)


def test_two_classes_have_the_colours_of_the_scale(pages: Pages) -> None:
    page = pages.open(binary())
    plane(page)
    ends = page.locator(".planefoot .legend").first
    expect(ends).to_contain_text("0")
    marks = page.locator(".classmarks path").evaluate_all(
        "all => all.map(each => each.getAttribute('fill'))"
    )
    assert len(set(marks)) == 2


@pytest.mark.parametrize("made", [autoencoder, lambda: unknown(binary())])
def test_it_is_left_out_where_it_cannot_be_drawn(pages: Pages, made: object) -> None:
    page = pages.open(made())  # type: ignore[operator]
    expect(page.locator("#plane")).to_have_count(0)


def unknown(trace: Trace) -> Trace:
    """The same with a layer that the page cannot compute."""
    stages = [
        replace(each, layer="Mine") if each.name == "hidden" else each for each in trace.stages
    ]
    return replace(trace, stages=type(trace.stages)(stages))
