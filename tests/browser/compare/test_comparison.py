"""The page of a comparison: one epoch, row and place for all runs; filters; the address; axe; paper; a phone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.conftest import PATIENCE, Heard, address, go
from tests.browser.test_accessibility import clean_in_both_schemes, violations
from tests.browser.test_print import MOST_SHEETS, sheets
from tests.comparison.runs import points, record
from tests.traces import with_metrics

from pipetrace.comparison.compare import compared
from pipetrace.present.comparison.page import comparison_page
from pipetrace.trace import Trace, read

pytestmark = pytest.mark.browser

LOST, GAINED = 3, 2
"""Rows that the other run is made to lose and to gain."""


def other(trace: Trace) -> Trace:
    """The same run with other metrics, which is wrong for some of the rows, and right for others."""
    kept = trace.kept_rows
    assert kept is not None
    outputs, true = kept.outputs[0].copy(), kept.targets[0].reshape(-1).astype(int)
    right = outputs.argmax(axis=1) == true
    lost, gained = np.flatnonzero(right)[:LOST], np.flatnonzero(~right)[:GAINED]
    outputs[lost] = np.eye(10, dtype=np.float32)[(true[lost] + 1) % 10]
    outputs[gained] = np.eye(10, dtype=np.float32)[true[gained]]
    made = with_metrics(trace, lambda each: {n: v * 0.9 for n, v in each.metrics.items()})
    return replace(made, kept_rows=replace(kept, outputs=(outputs,)))


Open = Callable[..., Page]


def write(path: Path, traces: Sequence[Trace]) -> Path:
    made = compared(traces, ["one.trace", "<b>two</b>.trace"])
    path.write_text(comparison_page(made, traces), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def usual(digits_trace: Trace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison of most tests."""
    path = tmp_path_factory.mktemp("usual") / "comparison.html"
    return write(path, [digits_trace, other(digits_trace)])


@pytest.fixture(scope="module")
def opened(
    chromium: Browser, usual: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Open]:
    """Opens the page; at the end none of them may have called out or complained."""
    heard, contexts = Heard(), list[Any]()

    def opened(place: str = "", traces: Sequence[Trace] = (), **options: Any) -> Page:
        folder = tmp_path_factory.mktemp("compared") if traces else usual.parent
        path = write(folder / "comparison.html", traces) if traces else usual
        context = chromium.new_context(offline=True, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        heard.listen(context)
        page = context.new_page()
        page.goto(path.as_uri() + place)
        page.wait_for_selector("main")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not heard.wrong


@pytest.fixture(scope="module")
def page(opened: Open) -> Page:
    """The comparison of most tests, which change nothing of it but the row and the place."""
    return opened()


def test_one_epoch_is_chosen_for_all_and_stands_in_the_address(opened: Open) -> None:
    page = opened()
    expect(page.locator(".sides li")).to_have_count(LOST + GAINED)
    expect(page.locator(".sides canvas")).to_have_count(LOST + GAINED)
    expect(page.locator(".sides .wrong")).to_have_count(LOST + GAINED)
    assert page.locator(".topbar .name").inner_text().endswith("<b>two</b>.trace")
    end = page.locator(".metrics-now td").all_inner_texts()
    conv = page.locator(".pairs > li").filter(has_text="conv2d").first
    conv.scroll_into_view_if_needed()
    maps = conv.locator(".picture canvas")
    painted = [pixels(each) for each in maps.all()]
    assert painted[0] == painted[1]  # the weights are the same
    page.keyboard.press(",")
    expect(page.locator(".metrics-now thead th").first).to_have_text("after epoch 2")
    assert page.locator(".metrics-now td").all_inner_texts() != end
    assert page.locator(".epochs-of-all .now th").inner_text() == "Epoch 2"
    expect(conv.locator(".column small")).to_have_text(["after epoch 2"] * 2)
    assert [pixels(each) for each in maps.all()] != painted
    assert "epoch=2" in address(page)
    # The runs share their earlier outputs, so that no row is on another side there.
    sides = page.locator(".sides li")
    for row in range(LOST + GAINED):
        assert sides.nth(row).locator(".right").count() in (0, 2)
    go(page, "#epoch=1&cell=1.0")
    expect(page.locator(".metrics-now thead th").first).to_have_text("after epoch 1")
    expect(page.locator(".sides li")).to_have_count(LOST)
    page.get_by_role("button", name="gains").click()
    expect(page.locator(".sides li")).to_have_count(GAINED)


def pixels(canvas: Locator) -> str:
    return str(canvas.evaluate("each => each.toDataURL()"))


def test_one_row_and_one_place_are_looked_at_in_all_runs(page: Page) -> None:
    row = page.locator(".sides button").nth(1)
    number = row.get_attribute("data-row")
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    assert f"row={number}" in address(page)
    # What each run predicts of it is what was recorded: one is right and the other wrong.
    verdicts = page.locator(".onerow .verdict").all_inner_texts()
    assert sorted("it is right" in each for each in verdicts) == [False, True]
    conv = page.locator(".pairs > li").filter(has_text="conv2d").first
    said = conv.locator(".column .said").filter(has_text="line")
    first, second = conv.locator(".picture.live").all()
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("]")
    expect(said.nth(1)).to_contain_text("line")
    for _ in range(50):  # the address follows a little later
        line, column, channel = address(page).split("at=")[1].split("&")[0].split(".")
        places = [each.inner_text().partition(":")[0] for each in said.all()]
        if places == [f"line {line}, column {column}, channel {channel}"] * 2:
            break
        page.wait_for_timeout(100)
    assert places == [f"line {line}, column {column}, channel {channel}"] * 2
    second.click(position={"x": 3, "y": 3})
    expect(said.nth(0)).to_contain_text("line 0, column 0")


@pytest.mark.framework
def test_a_run_of_another_model_stands_beside_it_where_stages_match(
    opened: Open, tmp_path: Path
) -> None:
    paths = [tmp_path / "one.trace", tmp_path / "other.trace"]
    record(paths[0], units=13)
    record(paths[1], units=16, dropout=True, epochs=4)
    traces = [read(path) for path in paths]
    page = opened("#epoch=3", traces)
    stages = page.locator(".pairs > li")
    assert stages.count() == len(traces[1].stages)
    hidden, dropout = stages.nth(1), stages.nth(2)
    assert "13 against 16" in hidden.locator("p.differs").inner_text()
    assert hidden.locator(".picture").count() == 2
    assert [each.locator(".picture").count() for each in dropout.locator(".column").all()] == [0, 1]
    assert dropout.locator(".column .muted").first.inner_text()
    # The first run ended an epoch before: it is shown as it ended, which is said.
    hidden.scroll_into_view_if_needed()
    expect(hidden.locator(".cap small")).to_have_text(["after epoch 2, its last", "after epoch 3"])
    absent = page.locator(".metrics-now .absent")
    assert absent.count() == page.locator(".metrics-now tbody tr").count()
    page.keyboard.press(".")  # at the end each run shows its own last epoch
    expect(absent).to_have_count(0)
    phone = opened("#run=1", traces, viewport={"width": 390, "height": 800})
    columns = phone.locator(".onerow .column")
    expect(columns.nth(0)).to_be_hidden()
    phone.locator(".whichrun").first.get_by_role("button", name="A").click()
    expect(columns.nth(1)).to_be_hidden()
    expect(columns.nth(0)).to_be_visible()
    assert "run=" not in address(phone)


@pytest.mark.framework
def test_rows_of_other_data_are_not_taken_for_the_same(opened: Open, tmp_path: Path) -> None:
    paths = [tmp_path / "one.trace", tmp_path / "other.trace"]
    record(paths[0], units=13)
    record(paths[1], units=13, data=points(seed=4))
    page = opened("#row=3", [read(path) for path in paths])
    assert page.locator("main .notice").count() == 1
    assert page.locator(".onerow, .sides li, .pairs .picture").count() == 0
    # Kernels are compared all the same: the runs began with the same weights.
    assert page.locator(".pairs .kernel-of canvas").count() == 4


def test_it_fits_on_few_sheets(opened: Open) -> None:
    assert len(sheets(opened())) <= MOST_SHEETS


def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    page: Page, opened: Open
) -> None:
    clean_in_both_schemes(page)
    phone = opened(viewport={"width": 390, "height": 800})
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(phone, {"runOnly": ["scrollable-region-focusable"]}) == {}


def test_it_can_be_read_without_javascript(page: Page, chromium: Browser) -> None:
    text = page.evaluate("document.querySelector('noscript').textContent")
    assert "What was set differently" in text
