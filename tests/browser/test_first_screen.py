"""The first screen: the bar, the ways on, the pipeline at a glance, and the keys."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address, go
from tests.traces import broken

from pipetrace.present.build.document import document
from pipetrace.trace import Trace

pytestmark = [pytest.mark.browser, pytest.mark.lists]

PICTURES = """() => [...document.querySelectorAll('.glance canvas')].map((canvas) => {
  const copy = Object.assign(document.createElement('canvas'), {width: canvas.width, height: canvas.height});
  const context = copy.getContext('2d', {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value, at) => (sum * 31 + value + at) % 1000003, 7);
})"""
"""A checksum of each picture."""


def test_the_bar_stays_and_leads_to_every_part(shown: Page) -> None:
    names = shown.locator(".parts a").all_inner_texts()
    assert names[:4] == ["Data flow", "Training", "Right and wrong", "Prediction"]
    assert "Quiz" in names
    for link in shown.locator(".parts a").all():
        link.click()
        target = shown.locator((link.get_attribute("href") or "").replace("#", "[id='") + "']")
        bottom = shown.locator(".topbar").bounding_box()
        top = target.bounding_box()
        assert bottom is not None
        assert top is not None
        assert bottom["y"] == 0
        # It is in sight, and not under the bar.
        assert bottom["height"] <= top["y"] < 640


def test_the_first_sentence_is_the_headline_and_the_ways_lead_on(
    shown: Page, digits_trace: Trace
) -> None:
    made = document(digits_trace)
    text = " ".join(shown.locator(".headline").inner_text().replace("\u00a0", " ").split())
    assert text == made.headline
    for way in shown.locator(".ways a").all():
        assert shown.locator(f"[id='{(way.get_attribute('href') or '')[1:]}']").count() == 1
    assert shown.locator(".first .chart").count() == 2


def test_the_glance_draws_every_stage_for_the_row_that_is_followed(
    pages: Pages, digits_trace: Trace
) -> None:
    [first] = digits_trace.predictions
    mirrored = {name: values[::-1].copy() for name, values in first.outputs.items()}
    rows = (first, replace(first, row=3007, label=1, reason="surest wrong", outputs=mirrored))
    page = pages.open(replace(digits_trace, predictions=rows))
    entries = page.locator(".glance li")
    assert entries.count() == len(digits_trace.stages)
    before = page.evaluate(PICTURES)
    page.locator(".rows .row").nth(1).click()
    after = page.evaluate(PICTURES)
    assert len(before) == len(after)
    assert before != after
    assert "3,007" in page.locator(".followed").inner_text()
    last = digits_trace.stages[-1].name
    said = entries.last.locator("small").last.inner_text()
    assert f"{100 * mirrored[last].max():.1f}" in said


def test_a_click_on_a_stage_opens_it(shown: Page) -> None:
    shown.locator(".glance a", has_text="MaxPooling2D").click()
    expect(shown.locator("#panel h3").first).to_contain_text("MaxPooling2D")
    assert "stage=max_pooling2d" in address(shown)
    assert shown.evaluate("document.activeElement.id") == "panel"


def test_keys_open_stages_and_choose_channels_and_are_listed(shown: Page) -> None:
    shown.keyboard.press("3")
    expect(shown.locator("#panel h3").first).to_contain_text("Conv2D")
    pressed = shown.locator(".tiles [aria-pressed=true]")
    first = int(pressed.inner_text())
    shown.keyboard.press("]")
    assert int(pressed.inner_text()) == first + 1
    shown.keyboard.press("[")
    assert int(pressed.inner_text()) == first
    shown.keyboard.press("p")
    expect(shown.locator("button.slide")).to_have_attribute("aria-pressed", "true")
    shown.keyboard.press("p")
    expect(shown.locator("button.slide")).to_have_attribute("aria-pressed", "false")
    shown.keyboard.press("?")
    expect(shown.locator("dialog.keys")).to_be_visible()
    listed = shown.locator("dialog.keys kbd").all_inner_texts()
    assert {"[ ]", "p", "?", "Esc"} <= set(listed)
    shown.keyboard.press("Escape")
    expect(shown.locator("dialog.keys")).to_be_hidden()


def test_errors_stand_before_the_pipeline_and_notes_after_it(
    pages: Pages, shown: Page, digits_trace: Trace
) -> None:
    for page, urgent in ((pages.open(broken(digits_trace)), True), (shown, False)):
        heads = page.locator("#findings, #flow").evaluate_all("found => found.map(({id}) => id)")
        assert (heads.index("findings") < heads.index("flow")) == urgent


def test_a_list_opens_at_its_strongest_value(shown: Page, digits_trace: Trace) -> None:
    last = digits_trace.stages[-1].name
    best = int(digits_trace.predictions[0].outputs[last].argmax())
    go(shown, f"#stage={last}")
    chosen = shown.locator(".vector .bare[aria-pressed=true]")
    expect(chosen).to_have_text(re.compile(rf"^{best}( \(true\))?$"))
    # Coming from another list, its position means nothing here.
    for stage in ("flatten", last):
        shown.locator(".tabs button", has_text=re.compile(stage.split("_")[0], re.I)).last.click()
    expect(chosen).to_have_text(re.compile(rf"^{best}( \(true\))?$"))


def test_the_row_in_the_bar_leads_to_where_another_is_chosen(shown: Page) -> None:
    shown.locator(".topbar .followed").focus()
    shown.keyboard.press("Enter")
    expect(shown.locator("#results")).to_be_in_viewport()


def test_the_large_dots_of_the_charts_are_explained(shown: Page) -> None:
    expect(shown.locator(".small > .caption")).to_contain_text("Large dots")
    titles = shown.locator(".small circle[r='5'] title").evaluate_all(
        "all => all.map(each => each.textContent)"
    )
    assert titles
    assert all(each.endswith(")") for each in titles)
