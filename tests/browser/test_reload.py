"""The page of a training that still runs loads itself again, and keeps its reader's place."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Pages, address

from pipetrace.present.page import trace_page
from pipetrace.trace import Trace
from pipetrace.trace.document import RUNNING, Ending

pytestmark = pytest.mark.browser


def test_it_reloads_where_its_reader_was_until_it_is_stopped(
    pages: Pages, digits_trace: Trace, tmp_path: Path
) -> None:
    assert "data-reload" not in trace_page(digits_trace)
    running = replace(digits_trace, ending=Ending(RUNNING))
    path = tmp_path / "running.html"

    def write(trace: Trace) -> None:
        text = trace_page(trace).replace('data-reload="10"', 'data-reload="2"')
        path.write_text(text, encoding="utf-8")

    write(running)
    page = pages.open(place="#theme=dark")
    page.goto(f"{path.as_uri()}#stage=dense&at=3&theme=dark")
    page.wait_for_selector("footer")
    place = 700
    page.evaluate("place => scrollTo(0, place)", place)
    write(replace(running, run=replace(running.run, title="Written again")))
    expect(page.locator("h1")).to_have_text("Written again", timeout=30_000)
    # It may load itself again while it is asked.
    page.wait_for_function(
        "place => document.querySelector('footer') && Math.abs(scrollY - place) < 5", arg=place
    )
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    assert page.url.endswith("#stage=dense&at=3&theme=dark")
    page.locator(".notice button").click()
    assert address(page).endswith("&reload=0")
    write(running)
    page.wait_for_timeout(5000)
    assert page.locator("h1").text_content() == "Written again"
    write(replace(digits_trace, run=replace(running.run, title="Finished")))
    page.locator(".notice button").click()
    page.mouse.move(1, 1)
    expect(page.locator("h1")).to_have_text("Finished", timeout=30_000)
    assert page.locator(".notice button").count() == 0
