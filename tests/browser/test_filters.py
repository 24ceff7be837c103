"""What a filter looks for: its words, and the patches that excite it most."""

import re
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Pages
from tests.browser.test_explorer import here, open_stage, place

from pipetrace.explain.filters import filter_texts
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def several(digits_trace: Trace) -> Trace:
    """The digits with three rows; the outputs of the second and third are computed in the page."""
    [first] = digits_trace.predictions
    image = first.outputs["input_image"]
    others = {7: image[::-1].copy(), 9: image[:, ::-1].copy()}
    made = [replace(first, row=row, outputs={"input_image": each}) for row, each in others.items()]
    return replace(digits_trace, predictions=(first, *made), kept_rows=None)


def maps(trace: Trace, row: int, epoch: int | None = None) -> Array:
    """The convolution of a row, in NumPy, after training or an epoch."""
    weights = trace.weights if epoch is None else trace.weights_after[epoch]
    image = trace.predictions[row].outputs["input_image"].astype(np.float64)[..., 0] / 255
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    found = np.einsum("rcij,ijf->rcf", windows, weights["conv2d/kernel"][:, :, 0])
    return np.asarray((found + weights["conv2d/bias"]).clip(0))


def words(page: Page) -> str:
    """The sentence on the filter, without the explanations of its words."""
    return str(
        page.locator(".looksfor p").first.evaluate(
            """each => {
              const copy = each.cloneNode(true);
              copy.querySelectorAll("[role=tooltip]").forEach(part => part.remove());
              return copy.textContent;
            }"""
        )
    )


def patch_values(page: Page) -> list[float]:
    # The page looks at a few rows at a time.
    page.locator(".looksfor:not([aria-busy]) .muted", has_text="Searched in the 3 rows").wait_for()
    return [float(each) for each in page.locator(".patches b").all_inner_texts()]


def crops(trace: Trace, channel: int) -> list[tuple[float, Array]]:
    """The largest value above 0 of each row, and what its window covers, the largest first."""
    found = []
    for row in range(3):
        image = trace.predictions[row].outputs["input_image"].astype(np.float64)[..., 0] / 255
        values = maps(trace, row)[..., channel]
        top, left = np.unravel_index(values.argmax(), values.shape)
        found.append((float(values.max()), image[top : top + 3, left : left + 3]))
    return sorted((each for each in found if each[0] > 0), key=lambda each: -each[0])


def test_words_and_patches_follow_the_chosen_filter(pages: Pages, several: Trace) -> None:
    """Patches that look the same give way to weaker ones: eight black squares would tell nothing."""
    page = pages.open(several)
    open_stage(page, "Conv2D")
    texts = filter_texts(several, several.stages["conv2d"])
    seen = set()
    for channel in range(0, 32, 3):
        page.get_by_role("button", name=f"Channel {channel}", exact=True).click()
        page.locator(".looksfor h4", has_text=f"What filter {channel} looks for").wait_for()
        assert words(page) == texts[channel]
        found = crops(several, channel)
        scale = max((patch.max() for _, patch in found), default=1)
        distinct = [
            at
            for at, (_, patch) in enumerate(found)
            if all(np.abs(patch - other).max() > 0.15 * scale for _, other in found[:at])
        ]
        alike = bool(found) and 2 * len(distinct) <= len(found)
        seen.add(alike)
        values = patch_values(page)
        if alike:
            assert values[0] == pytest.approx(found[0][0], rel=6e-3)
            assert sorted(set(values), reverse=True) == values
            pictures = page.locator(".patches canvas").evaluate_all(
                "all => all.map(each => each.toDataURL())"
            )
            assert len(set(pictures)) == len(pictures) > 1
        else:
            assert values == pytest.approx([value for value, _ in found], rel=6e-3)
    assert seen == {False, True}


def test_a_patch_leads_to_its_row_and_place(pages: Pages, several: Trace) -> None:
    page = pages.open(several)
    open_stage(page, "Conv2D")
    channel = int(maps(several, 1).max(axis=(0, 1)).argmax())
    page.get_by_role("button", name=f"Channel {channel}", exact=True).click()
    [value, *_] = patch_values(page)
    patch = page.locator(".patches button").first
    row = int(re.findall(r"row (\d+)", patch.inner_text())[0])
    patch.click()
    assert int(here(page).get("row", 0)) == row or row == several.predictions[0].row
    [made] = [at for at, each in enumerate(several.predictions) if each.row == row]
    assert maps(several, made)[place(page)] == pytest.approx(value, rel=6e-3)
    # The patch is the window of the convolution.
    canvas = page.locator(".patches canvas").first
    assert canvas.evaluate("each => [each.width, each.height]") == [3, 3]


def test_a_deeper_filter_shows_all_that_it_depends_on(pages: Pages, several: Trace) -> None:
    """A second convolution on the pooled maps: its window of 3 x 3 covers 8 x 8 pixels."""
    [conv, pool] = [several.stages[name] for name in ("conv2d", "max_pooling2d")]
    spec = replace(conv.outputs[0], shape=(None, 11, 11, 2))
    kernel = np.random.default_rng(0).normal(size=(3, 3, 32, 2)).astype(np.float32)
    deep = replace(
        conv,
        name="deep",
        inputs=(replace(pool.outputs[0], source="max_pooling2d"),),
        outputs=(spec,),
        config={**conv.config, "filters": 2},
        example=None,
        summary=None,
    )
    weights = {"deep/kernel": kernel, "deep/bias": np.zeros(2, np.float32)}
    stages = type(several.stages)([*several.stages, deep])
    page = pages.open(
        replace(several, stages=stages, weights={**several.weights, **weights}), place="#stage=deep"
    )
    page.locator(".patches canvas").first.wait_for()  # found when nothing else is to be done
    sizes = page.locator(".patches canvas").evaluate_all(
        "all => all.map(each => [each.width, each.height])"
    )
    assert sizes
    assert all(size == [8, 8] for size in sizes)


def test_the_words_are_those_of_the_epoch(pages: Pages, digits_trace: Trace) -> None:
    tall = {"width": 1280, "height": 2400}  # what is out of view waits
    page = pages.open(place="#stage=conv2d&at=3.3.5&epoch=0", viewport=tall)
    for epoch in (0, 1, 3):
        page.evaluate(f"location.hash = '#stage=conv2d&at=3.3.5&epoch={epoch}'")
        weights = digits_trace.weights_after.get(epoch)
        page.locator(".looksfor h4", has_text="epoch 1" if epoch == 1 else "training").wait_for()
        expected = filter_texts(digits_trace, digits_trace.stages["conv2d"], weights)[5]
        assert words(page) == expected


def test_the_patches_are_those_of_the_epoch_and_the_theme(pages: Pages, several: Trace) -> None:
    channel = int(maps(several, 1, 0).max(axis=(0, 1)).argmax())
    tall = {"width": 1280, "height": 2400}
    page = pages.open(several, place=f"#stage=conv2d&at=3.3.{channel}", viewport=tall)
    for epoch in (None, 0):
        if epoch is not None:
            page.locator(".scrubber input").fill(str(epoch))
            page.locator(".looksfor .muted", has_text="before training").wait_for()
        strongest = max(maps(several, row, epoch)[..., channel].max() for row in range(3))
        assert patch_values(page)[0] == pytest.approx(strongest, rel=6e-3)
        assert page.locator(".looksfor[aria-busy]").count() == 0
    paint = "all => all.map(each => each.toDataURL())"
    light = page.locator(".patches canvas").evaluate_all(paint)
    page.get_by_role("button", name="Show in dark colours").click()
    assert not set(light) & set(page.locator(".patches canvas").evaluate_all(paint))
