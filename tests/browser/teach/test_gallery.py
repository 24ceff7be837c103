"""The index of a gallery in Chromium: read, followed, narrow, dark, and clean for axe."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import Heard
from tests.browser.test_accessibility import clean
from tests.traces import broken

from pipetrace.present.page import trace_page
from pipetrace.present.teach.gallery import Card, index_page
from pipetrace.trace import Trace

pytestmark = pytest.mark.browser


def test_the_index_leads_to_the_pages_and_hides_the_faults(
    chromium: Browser, tmp_path: Path, digits_trace: Trace
) -> None:
    sound = Card("one.html", "one.py", "Digits", "How a convolution reads.", "", digits_trace)
    faulty = replace(sound, title="Inf", planted="PT701", trace=broken(digits_trace))
    lost = replace(sound, title="Lost", trace=None, error="No rows today.")
    (tmp_path / "index.html").write_text(index_page([sound, faulty, lost]), encoding="utf-8")
    (tmp_path / "one.html").write_text(trace_page(digits_trace), encoding="utf-8")
    heard = Heard()
    context = chromium.new_context(offline=True, viewport={"width": 390, "height": 800})
    heard.listen(context)
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        clean(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".exhibits > li").count() == 3
    assert page.locator(".curve polyline").count() == 4
    fault = page.get_by_text("pipetrace found it.")
    expect(fault).not_to_be_visible()
    page.keyboard.press("Tab")
    page.locator("summary").nth(1).press("Enter")
    expect(fault).to_be_visible()
    page.get_by_role("link", name="Open the page: Digits").click()
    expect(page.locator("footer")).to_be_visible()
    context.close()
    assert not heard.wrong
