"""The graph, the groups and the images of any tensor on the page: for the mouse, the keyboard, a phone and paper."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Pages, go
from tests.browser.test_accessibility import clean_in_both_schemes, unfold
from tests.graphs import RESIDUAL, UNET, deep, lined, measured, nested_twice, stage, trace_of

from pipetrace.present.build.document import document
from pipetrace.present.terminal_graphics import colours
from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import Spec, Stage

pytestmark = [pytest.mark.browser, pytest.mark.lists]

RANDOM = np.random.default_rng(5)
WIDTHS = (320, 375, 768, 1280)
OUTSIDE = """() => {
  const width = document.documentElement.clientWidth;
  const all = [...document.body.querySelectorAll("*")].filter(each => each.getClientRects().length && !each.closest(".frame"));
  return all.filter(each => each.getBoundingClientRect().right > width + 0.5).map(each => each.outerHTML.slice(0, 100));
}"""
"""What reaches over the right edge, but for what lies in a frame of its own."""


def of_many_kinds() -> Trace:
    """A graph with a colour image, hidden steps, an attention, a dropout and a text."""

    def one(name: str, layer: str, sources: str, values: Any, **more: Any) -> Stage:
        spec = Spec(
            (None, *values.shape), str(values.dtype) if values.dtype.kind != "O" else "string"
        )
        return replace(stage(name, layer, sources), outputs=(spec,), example=values, **more)

    steps = RANDOM.normal(size=(12, 6)).astype(np.float32)
    cut = np.where(RANDOM.uniform(size=steps.shape) < 0.5, 0, 2 * steps).astype(np.float32)
    mask = np.array([True] * 5 + [False] * 7)
    return trace_of(
        [
            one("image", "InputLayer", "", RANDOM.uniform(0, 1, (6, 5, 3)).astype(np.float32)),
            one("words", "InputLayer", "", np.array(["a good film, </script>"], object)),
            one(
                "embed",
                "Embedding",
                "words",
                steps,
                example_mask=mask,
                mask=summarise(mask.astype(np.float32)),
            ),
            one(
                "attention",
                "MultiHeadAttention",
                "embed",
                steps,
                others=(RANDOM.uniform(size=(2, 12, 12)).astype(np.float32),),
            ),
            one(
                "drop",
                "Dropout",
                "attention",
                steps,
                summary=summarise(steps),
                training=summarise(cut),
                training_example=cut,
            ),
            one(
                "pool",
                "GlobalAveragePooling2D",
                "image",
                RANDOM.normal(size=3).astype(np.float32),
            ),
            one("both", "Concatenate", "pool drop", RANDOM.normal(size=9).astype(np.float32)),
        ]
    )


UNET_TRACE = trace_of([measured(each, index) for index, each in enumerate(lined(UNET))])
DEEP = deep(nested=True, example=True)
KINDS = of_many_kinds()
TRACES = {"unet": UNET_TRACE, "deep": DEEP, "kinds": KINDS, "nested": nested_twice()}
SOME = [
    each if each in ("unet", "deep") else pytest.param(each, marks=pytest.mark.slow)
    for each in TRACES
]


@pytest.fixture(scope="module")
def unet(shared: Pages) -> Page:
    return shared.open(UNET_TRACE)


@pytest.fixture(scope="module")
def kinds(shared: Pages) -> Page:
    return shared.open(KINDS)


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=() if each == "unet" else pytest.mark.slow) for each in TRACES],
)
def test_axe_finds_nothing_wrong(pages: Pages, name: str) -> None:
    page = pages.open(TRACES[name])
    # A collapsed page is held by the large model, which would take minutes when all is open.
    if name != "deep":
        unfold(page)
    clean_in_both_schemes(page)


@pytest.mark.parametrize("name", SOME)
def test_a_phone_scrolls_the_graph_and_not_the_page(pages: Pages, name: str) -> None:
    page = pages.open(TRACES[name], viewport={"width": 375, "height": 800}, has_touch=True)
    unfold(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
    page.set_viewport_size({"width": 320, "height": 800})
    if name == "unet":
        inner, outer = page.locator(".graph .frame").evaluate(
            "each => [each.scrollWidth, each.clientWidth]"
        )
        assert inner > outer


def test_a_chain_has_no_graph(shown: Page) -> None:
    assert shown.locator(".graph").count() == 0
    assert shown.locator(".group").count() == 0


def test_each_box_is_a_link_that_leads_to_its_stage(unet: Page) -> None:
    view = document(UNET_TRACE).graph
    assert view is not None
    boxes = unet.locator(".graph a.box")
    assert boxes.count() == len(view.boxes) == len(UNET_TRACE.stages)
    assert boxes.evaluate_all(
        "all => all.map(each => each.querySelector('title').textContent)"
    ) == [box.label for box in view.boxes]
    assert unet.locator(".graph path.wire").count() == len(view.wires) == len(UNET_TRACE.stages) + 1
    for index in (0, 7):
        boxes.nth(index).click()
        assert unet.evaluate("document.activeElement.id") == view.boxes[index].id
    assert boxes.nth(7).locator("title").text_content() == "Stage 8: concat_2, from down_2 and up_2"


def test_no_line_crosses_a_box(unet: Page) -> None:
    """Points along each line, as the browser draws it, lie in no box."""
    hits = unet.evaluate("""() => {
      const boxes = [...document.querySelectorAll(".graph .box rect")].map(each => each.getBBox());
      return [...document.querySelectorAll(".graph .wire")].flatMap(line => {
        const length = line.getTotalLength();
        const points = [...Array(200).keys()].map(at => line.getPointAtLength((at / 199) * length));
        return points.filter(({ x, y }) => boxes.some(box =>
          x > box.x + 0.5 && x < box.x + box.width - 0.5 && y > box.y + 0.5 && y < box.y + box.height - 0.5));
      }).length;
    }""")
    assert hits == 0


def test_the_graph_is_reached_and_used_by_keyboard(unet: Page) -> None:
    unet.locator(".graph .frame").focus()
    for _ in range(3):
        unet.keyboard.press("Tab")
    label = unet.evaluate("document.activeElement.querySelector('title').textContent")
    assert label == "Stage 3: pool_1, from down_1"
    outline = unet.evaluate(
        "getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"
    )
    assert outline == "2px"
    unet.keyboard.press("Enter")
    assert unet.evaluate("document.activeElement.id") == "stage/pool_1"


def test_a_large_model_is_collapsed_and_expands_by_keyboard_and_address(pages: Pages) -> None:
    page = pages.open(DEEP)
    assert page.locator(".thread > li").count() == len(DEEP.stages) + 2
    assert page.locator("#stage\\/block1_conv1").is_hidden()
    group = page.locator("#group\\/backbone > summary")
    assert "145 stages" in (group.text_content() or "")
    assert "Parameters: 5,824: 4,800 trainable, 1,024 frozen." in (group.text_content() or "")
    group.focus()
    page.keyboard.press("Enter")
    assert page.locator("#stage\\/stem").is_visible()
    assert page.locator("#stage\\/block1_conv1").is_hidden()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.tagName")
    assert focused in ("SUMMARY", "INPUT", "DIV", "A")
    go(page, "#" + quote("stage/block9_bn2", safe=""))
    assert page.locator("#stage\\/block9_bn2").is_visible()
    assert page.evaluate("document.activeElement.id") == "stage/block9_bn2"

    # Paper shows what was collapsed, but for the groups of a large model.
    page.evaluate(
        "for (const each of document.querySelectorAll('details.stages')) each.open = false"
    )
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not(.stages):not([open])").count() == 0
    assert page.locator("details.stages:not([open])").count()
    frame = page.locator(".graph .frame").evaluate("each => [each.scrollHeight, each.clientHeight]")
    assert frame[0] <= frame[1] + 1


def pixels(page: Page, selector: str) -> Any:
    found = page.locator(selector).first.evaluate("""each => {
      const { data, width, height } = each.getContext("2d").getImageData(0, 0, each.width, each.height);
      return [[...data], height, width];
    }""")
    return np.array(found[0]).reshape(found[1], found[2], 4)


def test_images_of_any_tensor_have_their_colours(kinds: Page) -> None:
    image = KINDS.stages[0].example
    assert image is not None
    drawn = pixels(kinds, "#stage\\/image canvas")
    np.testing.assert_array_equal(drawn[..., 3], 255)
    assert np.abs(drawn[..., :3] - 255 * image).max() <= 0.51
    steps = KINDS.stages[2].example
    assert steps is not None
    end = float(np.abs(steps).max())
    expected = colours((steps.astype(np.float64) + end) / (2 * end), "signed")
    assert np.abs(pixels(kinds, "#stage\\/embed canvas")[..., :3] - expected.astype(int)).max() <= 1


def test_hidden_steps_are_hatched_and_read_out(kinds: Page) -> None:
    stage = kinds.locator("#stage\\/embed")
    assert stage.locator(".masked").count() == 7
    assert "7 of 12 steps hidden in the example" in (stage.text_content() or "")
    box, first = (
        stage.locator(".large").bounding_box(),
        stage.locator(".masked").first.bounding_box(),
    )
    assert box is not None
    assert first is not None
    assert first["y"] - box["y"] == pytest.approx(box["height"] * 5 / 12, abs=1)
    stage.locator(".large").focus()
    for _ in range(6):
        kinds.keyboard.press("ArrowDown")
    assert (stage.locator(".readout").text_content() or "").startswith(
        "step 6 (hidden), channel 0: "
    )


def test_both_images_of_a_dropout_stand_side_by_side(kinds: Page) -> None:
    both = kinds.locator("#stage\\/drop .both .captioned")
    assert both.locator(".caption").all_text_contents() == ["In a prediction", "In training"]
    left, right = (both.nth(index).bounding_box() for index in (0, 1))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert kinds.locator("#stage\\/drop .seen canvas").count() == 0


def test_texts_are_shown_as_they_are(kinds: Page) -> None:
    assert "a good film, </script>" in (kinds.locator("#stage\\/words").text_content() or "")


def test_a_small_nested_model_is_open_and_closes(pages: Pages) -> None:
    page = pages.open(TRACES["nested"])
    group = page.locator("#group\\/encoder")
    assert group.evaluate("each => each.open")
    group.locator("summary").first.click()
    assert page.locator("#stage\\/conv").is_hidden()
    second = page.locator("details.stages").nth(1)
    assert "second call of encoder" in (second.locator("summary").first.text_content() or "")


def test_what_the_page_says_of_the_wiring_is_the_views(pages: Pages) -> None:
    trace = trace_of([measured(each) for each in lined(RESIDUAL)])
    page = pages.open(trace)
    for view in document(trace).stages:
        text = page.locator(f"[id={json.dumps(view.id)}]").text_content() or ""
        for sentence in view.wiring:
            assert sentence in text
