"""The page fits its window, whatever is in it, and paper."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Pages, go
from tests.browser.test_accessibility import unfold
from tests.traces import HOSTILE, broken, killed, lengthened, renamed

from pipetrace.trace import Trace

pytestmark = [pytest.mark.browser, pytest.mark.lists]

WIDTHS = (320, 375, 768, 1280)

TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const all = [...document.body.querySelectorAll("*")].filter(each => each.getClientRects().length);
  // The tabs of the stages scroll, and bring the one that has the focus into view.
  const scrolls = each => each.parentElement.closest("[role=tablist]");
  return all.filter(each => {
    const box = each.getBoundingClientRect();
    return !scrolls(each) && (box.right > width + 0.5 || box.left < -0.5);
  }).map(each => each.outerHTML.slice(0, 100));
}"""
"""What reaches over an edge, also where it is hidden there."""
CUT_OFF = """() => [...document.querySelectorAll("svg")].flatMap(drawn => {
  const frame = drawn.getBoundingClientRect();
  return [...drawn.querySelectorAll("text")].filter(each => {
    const box = each.getBoundingClientRect();
    return box.right > frame.right + 1 || box.left < frame.left - 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map(each => each.textContent);
})"""
"""The texts of charts that reach over the chart's edge, where they are not seen."""


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate(
        "document.documentElement.clientWidth"
    )
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(CUT_OFF) == []


OTHERS: dict[str, Callable[[Trace], Trace]] = {
    "hostile": lambda trace: renamed(trace, HOSTILE),
    "10,000 letters": lambda trace: renamed(trace, "W" * 10_000),
    "2,000 words": lambda trace: renamed(trace, "word " * 2000),
    "killed at once": lambda trace: killed(trace, 0),
    "broken": broken,
    "100 epochs": lambda trace: lengthened(trace, 100),
}


def test_nothing_is_wider_than_the_window(pages: Pages) -> None:
    page = pages.open(viewport={"width": 320, "height": 900})
    fits(page)
    unfold(page)
    page.locator(".card .option").first.press("Enter")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        fits(page)


@pytest.mark.parametrize(
    "name",
    [
        each if each in ("10,000 letters", "broken") else pytest.param(each, marks=pytest.mark.slow)
        for each in OTHERS
    ],
)
def test_nothing_of_another_run_is_wider_than_the_window(
    pages: Pages, digits_trace: Trace, name: str
) -> None:
    page = pages.open(OTHERS[name](digits_trace))
    unfold(page)
    for width in reversed(WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        fits(page)


def columns(page: Page, selector: str) -> int:
    count = "each => getComputedStyle(each).gridTemplateColumns.split(' ').length"
    return int(page.locator(selector).first.evaluate(count))


@pytest.fixture
def page(shown: Page) -> Page:
    """One page for all tests, each of which chooses the size of its window."""
    shown.emulate_media(media="screen")
    return shown


def test_a_phone_has_one_column_of_legible_letters(page: Page) -> None:
    letters = "all => all.map(each => each.getBoundingClientRect().height)"
    for width, wanted in ((375, 1), (1280, 2)):
        page.set_viewport_size({"width": width, "height": 800})
        assert columns(page, ".stage") == wanted
        for charts in (".film", ".courses"):
            assert min(page.locator(f"{charts} svg text").evaluate_all(letters)) >= 11


@pytest.mark.parametrize("epochs", [3, pytest.param(8, marks=pytest.mark.slow), 30])
def test_a_phone_has_one_line_for_the_bar_and_shows_the_open_tab(
    pages: Pages, digits_trace: Trace, epochs: int
) -> None:
    trace = digits_trace if epochs == 3 else lengthened(digits_trace, epochs)
    page = pages.open(trace, place="#stage=dense", viewport={"width": 375, "height": 800})
    bar, tab = (page.locator(each).bounding_box() for each in (".topbar", ".tabs [tabindex='0']"))
    assert bar is not None
    assert tab is not None
    assert bar["height"] < 60
    assert -1 <= tab["x"] <= tab["x"] + tab["width"] <= 376
    assert page.locator(".infoot").is_visible()


def test_a_chart_that_is_drawn_anew_still_marks_the_epoch(page: Page) -> None:
    go(page, "#epoch=3")
    page.set_viewport_size({"width": 600, "height": 800})
    page.locator(".story button.bare").nth(1).click()
    page.set_viewport_size({"width": 700, "height": 800})
    marker, head = page.locator(".film .marker line"), page.locator(".film thead .now")
    assert marker.count() == 2
    box, line = head.bounding_box(), marker.first.bounding_box()
    assert box is not None
    assert line is not None
    assert line["x"] == pytest.approx(box["x"] + box["width"] / 2, abs=2)


def styles(page: Page, selector: str) -> Any:
    return page.locator(selector).first.evaluate(
        "each => { const { color, backgroundColor } = getComputedStyle(each); return [color, backgroundColor]; }"
    )


def test_paper_shows_everything_unfolded(pages: Pages) -> None:
    page = pages.open()
    page.emulate_media(media="print")
    # What is not there when the event is over does not reach the paper.
    open_, filled, groups = page.evaluate(
        """() => {
          window.dispatchEvent(new Event("beforeprint"));
          const groups = [...document.querySelectorAll("details")];
          const bodies = [...document.querySelectorAll(".all > div")];
          return [groups.filter(each => each.open).length, bodies.map(each => each.childElementCount), groups.length];
        }"""
    )
    assert open_ == groups >= 2
    assert min(filled) >= 1
    assert not page.locator("button.theme").is_visible()
    for each in page.locator(".thread .words").all():
        assert each.is_visible()

    # The browser itself says that it prints.
    page.emulate_media(media="screen")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = false")
    assert len(page.pdf()) > 50_000
    assert page.locator("details:not([open])").count() == 0


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_paper_is_white(pages: Pages, scheme: str) -> None:
    page = pages.open(color_scheme=scheme)
    page.locator(".card .option").first.press("Enter")
    for _ in ("as the system says", "as the button says"):
        page.emulate_media(media="print")
        assert styles(page, "body") == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        told, _ = styles(page, ".card .mark")
        assert max(map(int, told.removeprefix("rgb(").removesuffix(")").split(","))) < 190
        page.emulate_media(media="screen")
        page.locator("button.theme").click()


TOUCHING = """charts => charts.flatMap(chart => {
  const boxes = [...chart.querySelectorAll("text.tick")].map(each => each.getBoundingClientRect());
  return boxes.slice(1).filter((box, at) => box.left < boxes[at].right && Math.abs(box.top - boxes[at].top) < 2).length;
})"""


@pytest.mark.parametrize("epochs", [pytest.param(12, marks=pytest.mark.slow), 200])
def test_the_epochs_below_a_chart_do_not_touch(
    pages: Pages, digits_trace: Trace, epochs: int
) -> None:
    page = pages.open(lengthened(digits_trace, epochs))
    assert sum(page.locator(".chart svg").evaluate_all(TOUCHING)) == 0
    assert page.locator(".chart svg text.tick").count() > 8
