"""The page of a comparison: one epoch for tables, charts and rows; filters; the address; axe; a phone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import PATIENCE, Heard, address
from tests.browser.test_accessibility import violations
from tests.traces import with_metrics

from pipetrace.comparison.compare import compared
from pipetrace.present.comparison.page import comparison_page
from pipetrace.trace import Trace

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


@pytest.fixture
def opened(chromium: Browser, digits_trace: Trace, tmp_path: Path) -> Iterator[Open]:
    """Opens the page; at the end none of them may have called out or complained."""
    traces, heard, contexts = [digits_trace, other(digits_trace)], Heard(), list[Any]()
    path = tmp_path / "comparison.html"
    made = compared(traces, ["one.trace", "<b>two</b>.trace"])
    path.write_text(comparison_page(made, traces), encoding="utf-8")

    def opened(place: str = "", **options: Any) -> Page:
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


def test_one_epoch_is_chosen_for_all_and_stands_in_the_address(
    opened: Open, digits_trace: Trace
) -> None:
    page = opened()
    expect(page.locator(".sides li")).to_have_count(LOST + GAINED)
    expect(page.locator(".sides canvas")).to_have_count(LOST + GAINED)
    expect(page.locator(".sides .wrong")).to_have_count(LOST + GAINED)
    assert page.locator(".topbar .name").inner_text().endswith("<b>two</b>.trace")
    end = page.locator(".atepoch td").all_inner_texts()
    page.keyboard.press(",")
    expect(page.locator(".atepoch h3")).to_have_text("After epoch 2")
    assert page.locator(".atepoch td").all_inner_texts() != end
    assert "epoch=2" in address(page)
    # The runs share their earlier outputs, so that no row is on another side there.
    sides = page.locator(".sides li")
    for row in range(LOST + GAINED):
        assert sides.nth(row).locator(".right").count() in (0, 2)
    again = opened("#epoch=1&cell=1.0")
    expect(again.locator(".atepoch h3")).to_have_text("After epoch 1")
    expect(again.locator(".sides li")).to_have_count(LOST)
    again.get_by_role("button", name="gains").click()
    expect(again.locator(".sides li")).to_have_count(GAINED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    opened: Open, scheme: Any
) -> None:
    phone = opened(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(phone, {"runOnly": ["scrollable-region-focusable"]}) == {}
    assert violations(opened(color_scheme=scheme)) == {}


def test_it_can_be_read_without_javascript(opened: Open, chromium: Browser) -> None:
    page = opened()
    text = page.evaluate("document.querySelector('noscript').textContent")
    assert "What was set differently" in text
