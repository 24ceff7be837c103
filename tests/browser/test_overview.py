"""The stages of a large model: groups in a strip, one open, and a search for both."""

from dataclasses import replace
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address
from tests.browser.test_accessibility import clean
from tests.graphs import deep

from pipetrace.trace import Trace
from pipetrace.trace.document import Prediction

pytestmark = pytest.mark.browser

WAITED = """() => new MutationObserver(() => {
  window.waited ||= document.body.textContent.includes("Being computed");
}).observe(document.body, { subtree: true, childList: true, characterData: true })"""
SLOW = """async () => {
  const { Model } = await import("viewer/model/model.js");
  const { within } = Model.prototype;
  Model.prototype.within = function (draw, work = 1) {
    window.model = this;
    return within.call(this, draw, work);
  };
}"""
"""As of a large model, nothing is computed while something is drawn."""

DEEP = deep(example=True)
OUTPUTS = {stage.name: stage.example for stage in DEEP.stages if stage.example is not None}
RECORDED = replace(DEEP, predictions=(Prediction(0, None, OUTPUTS, "best", 0.1),))


def opened(page: Page) -> tuple[int, str]:
    """How many stages are listed, and which one is open."""
    name = page.locator("#panel h3 small").first.text_content() or ""
    return page.locator(".stagelist tbody tr").count(), name


def test_a_group_lists_its_stages_and_opens_one_of_them(pages: Pages) -> None:
    page = pages.open(RECORDED, place="#stage=block3_add")
    assert page.locator("[role=tab]").count() == 0
    assert page.locator(".strip button").count() == 18
    assert opened(page) == (9, "block3_add")
    joins = page.locator(".stagelist tr.chosen .wiring").text_content() or ""
    assert joins.startswith("Joins block2_add and block3_drop")
    page.get_by_role("button", name="block7", exact=True).click()
    assert opened(page) == (9, "block7_conv1")
    page.get_by_role("button", name="block7_relu2", exact=True).click()
    assert opened(page) == (9, "block7_relu2")
    assert "#stage=block7_relu2&at=" in address(page)
    squares = page.locator(".strip .map i").evaluate_all("all => all.map(each => each.offsetWidth)")
    assert squares[1] == 2 * squares[12] > 0
    bars = page.locator(".strip .held i").evaluate_all("all => all.map(each => each.offsetHeight)")
    assert bars[1] == max(bars)


def test_the_glance_draws_a_few_stages_on_the_longest_way(pages: Pages) -> None:
    page = pages.open(RECORDED)
    links = page.locator(".glance a").evaluate_all("all => all.map(each => each.hash.slice(7))")
    stages = {each.name: each for each in DEEP.stages}
    assert 3 <= len(links) <= 9
    assert links[0] == DEEP.stages[0].name
    assert links[-1] == DEEP.stages[-1].name
    for before, name in pairwise(links):
        reached, todo = set[str](), [name]
        while todo:
            for spec in stages[todo.pop()].inputs:
                if spec.source and spec.source not in reached:
                    reached.add(spec.source)
                    todo.append(spec.source)
        assert before in reached
    sizes = {stages[name].outputs[0].shape[1:-1] for name in links}
    assert sizes == {each.outputs[0].shape[1:-1] for each in DEEP.stages}
    said = page.locator(".glance p").inner_text()
    assert f"{len(links)} of {len(DEEP.stages)} stages, on the longest way" in said
    squares = page.locator(".glance .maps, .glance canvas")
    widths = squares.evaluate_all("all => all.map(each => each.getBoundingClientRect().width)")
    assert min(widths) >= 6


def test_the_search_filters_groups_and_stages(pages: Pages) -> None:
    page = pages.open(RECORDED)
    find = page.get_by_role("searchbox")
    find.fill("block1_")
    assert page.locator(".strip button:visible").count() == 1
    assert page.locator(".stagelist tbody tr").count() == 9
    find.fill("dropout")
    expect(page.locator(".finder [role=status]")).to_have_text("16 stages in 16 groups")
    find.press("Enter")
    assert page.locator("#panel h3 small").first.text_content() == "block1_drop"
    find.fill("nothing like it")
    assert page.locator(".stagelist tbody tr").count() == 0
    find.press("Escape")
    assert page.locator(".strip button:visible").count() == 18


def test_keys_go_through_groups_and_stages_and_nothing_is_inaccessible(pages: Pages) -> None:
    page = pages.open(RECORDED, place="#stage=block3_add", viewport={"width": 390, "height": 900})
    page.locator(".strip [aria-pressed=true]").focus()
    page.keyboard.press("ArrowRight")
    assert opened(page) == (9, "block4_conv1")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert opened(page) == (9, "block4_bn1")
    page.keyboard.press("ArrowDown")
    assert opened(page) == (9, "block4_relu1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # What is scrolled out of a frame, axe cannot judge.
    page.set_viewport_size({"width": 1280, "height": 900})
    clean(page)


def panel(page: Page) -> str:
    """All that the open stage shows, images among it."""
    expect(page.locator("#panel")).not_to_contain_text("Being computed")
    expect(page.locator("main [aria-busy]")).to_have_count(0)
    page.locator("#panel").scroll_into_view_if_needed()
    expect(page.locator("#panel :is(.pictures, .calc) [data-stale]")).to_have_count(0)
    drawn = "all => all.map(each => each.toDataURL()).join()"
    return (
        f"{page.locator('#panel').inner_text()} {page.locator('#panel canvas').evaluate_all(drawn)}"
    )


def agreement(page: Page) -> str:
    """Whether what the page computes is what was recorded, as it says of the row that is open."""
    line = page.locator(".agreement")
    line.scroll_into_view_if_needed()
    # Out of sight it still tells of the row before.
    expect(page.locator(":is(.agreement, .film, .film *)[data-stale]")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text("Being computed")
    return line.inner_text()


def test_what_takes_long_is_computed_afterwards_and_is_the_same(
    pages: Pages, digits_trace: Trace
) -> None:
    quick, slow = pages.open(), pages.open()
    slow.evaluate(SLOW)
    slow.evaluate(WAITED)
    other = int(digits_trace.kept_rows.numbers[3]) if digits_trace.kept_rows else 0
    for place in ("stage=max_pooling2d", "stage=dense", "stage=conv2d&epoch=1"):
        for page in (quick, slow):
            page.evaluate("place => { location.hash = place; }", f"#{place}&row={other}")
            stage = place.removeprefix("stage=").partition("&")[0]
            expect(page.locator("#panel h3 small").first).to_have_text(stage)
        assert panel(slow) == panel(quick), place
        assert agreement(slow) == agreement(quick), place
        assert slow.locator(".film canvas").evaluate_all(
            "all => all.map(each => each.toDataURL())"
        ) == quick.locator(".film canvas").evaluate_all("all => all.map(each => each.toDataURL())")
    assert slow.evaluate("window.waited")


def test_the_keyboard_stays_where_it_is_when_values_arrive_later(
    pages: Pages, digits_trace: Trace
) -> None:
    page = pages.open(place="#stage=conv2d")
    page.evaluate(SLOW)
    page.keyboard.press("]")
    assert digits_trace.kept_rows is not None
    panel(page)
    targets = ("#panel .pictures .picture >> nth=1", "#panel .calchead button >> nth=0")
    for target, row in zip(targets, digits_trace.kept_rows.numbers[3:], strict=False):
        name = page.locator(target).evaluate("each => each.outerHTML.slice(0, 60)")
        page.locator(target).focus()
        page.evaluate(
            """row => {
              window.waited = false;
              window.model.passes.clear();
              const look = () => { window.waited ||= panel.textContent.includes("Being computed"); };
              new MutationObserver(look).observe(panel, { childList: true });
              location.hash = `#stage=conv2d&row=${row}`;
            }""",
            int(row),
        )
        page.wait_for_function("() => window.waited")
        panel(page)
        assert page.evaluate("document.activeElement.outerHTML.slice(0, 60)") == name
