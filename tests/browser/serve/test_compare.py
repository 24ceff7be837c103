"""Runs compared through a real server, one of them still training: chosen in the table, followed by the epoch."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect
from tests.present.live.live_writer import writing
from tests.serve.server import serving

pytestmark = pytest.mark.browser
LONG = 120_000
ODD = "b%2F ä?&.trace"


def test_runs_are_chosen_in_the_table_and_their_comparison_grows(
    chromium: Browser, digits_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("a.trace", ODD):
        shutil.copy(digits_file, folder / name)
    context = chromium.new_context(reduced_motion="reduce")
    context.set_default_timeout(LONG)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def told(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    context.on("console", told)
    page = context.new_page()
    with writing(folder / "live.trace") as writer, serving(folder) as server:
        writer.do("epoch")
        page.goto(server.address)
        button = page.get_by_role("button", name="Compare the chosen runs")
        expect(button).to_be_disabled()
        boxes = [page.get_by_role("checkbox", name=name) for name in (ODD, "live.trace")]
        for box in boxes:
            box.check()
        writer.do("epoch")  # the table is drawn again, and what was chosen stays chosen
        expect(page.get_by_role("row", name="live.trace")).to_contain_text("2 of", timeout=LONG)
        for box in boxes:
            expect(box).to_be_checked()
        button.click()
        page.wait_for_selector("main h2")
        assert "/compare?run=" in page.url
        expect(page.get_by_text("The training is running")).to_be_visible()
        assert {ODD, "live.trace"} == set(page.locator(".topbar .name").inner_text().split(" and "))
        count = page.locator(".epochs-of-all tbody tr").count()
        for _ in range(2):
            writer.do("epoch")
        at = [each.inner_text() for each in page.locator("#runs ~ .wide td").all()].index(
            "live.trace"
        )
        expect(page.locator("#runs ~ .wide td").nth(at + 2)).to_have_text("4", timeout=LONG)
        assert page.locator(".epochs-of-all tbody tr").count() >= count
        writer.do("finish")
        # Until its last state is shown, the page loads itself again, also instead of what is clicked.
        expect(page.locator("#runs ~ .wide td").nth(at + 1)).to_have_text("finished", timeout=LONG)
        expect(page.get_by_text("The training is running")).to_have_count(0)
        page.get_by_role("link", name="Page of").first.click()
        expect(page.locator("footer")).to_be_visible()
        page.get_by_role("link", name="All runs").click()
        expect(page.get_by_role("checkbox")).to_have_count(3)
        assert not wrong
        context.close()
