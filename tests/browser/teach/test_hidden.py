"""A page with hidden answers: it tells right from wrong, and has no answer before the right one was chosen."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Pages, settle

from pipetrace.present.build.document import document
from pipetrace.present.page import trace_page
from pipetrace.trace import Trace

pytestmark = pytest.mark.browser

SHA256 = """async (lengths) => {
  const { sha256 } = await import("viewer/hidden.js");
  const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return lengths.map((length) => hex(sha256(Array.from({ length }, (_, index) => (7 * index + length) % 256))));
}"""
LENGTHS = (0, 1, 17, 54, 55, 56, 63, 64, 65, 200)


@pytest.fixture
def hiding(chromium: Browser, tmp_path: Path, digits_trace: Trace) -> Pages:
    path = tmp_path / "hidden.html"
    path.write_text(trace_page(digits_trace, hide_answers=True), encoding="utf-8")
    return Pages(chromium, lambda _: path, digits_trace)


def choose(page: Page, option: int) -> None:
    chosen = page.locator(".card .option").nth(option)
    chosen.scroll_into_view_if_needed()
    settle(page)
    chosen.click()


def test_the_digest_is_that_of_the_standard(hiding: Pages) -> None:
    page = hiding.open()
    expected = [
        hashlib.sha256(bytes((7 * index + length) % 256 for index in range(length))).hexdigest()
        for length in LENGTHS
    ]
    assert page.evaluate(SHA256, LENGTHS) == expected
    hiding.close()


def test_a_right_option_is_explained_and_a_wrong_one_gives_nothing_away(
    hiding: Pages, digits_trace: Trace
) -> None:
    page, quiz = hiding.open(), document(digits_trace).quiz
    for number, question in enumerate(quiz):
        choose(page, (question.answer + (number == 1)) % 4)
        shown = page.locator(".card")
        remark = question.remarks[question.answer].replace(" %", "\u00a0%")
        if number == 1:
            assert page.locator(".card .option.right").count() == 0
            expect(shown).not_to_contain_text(remark)
        else:
            expect(shown.locator(".option.right")).to_contain_text(
                question.options[question.answer].replace(" %", "\u00a0%")
            )
            expect(shown).to_contain_text(remark)
        page.locator(".card .next").press("Enter")
    expect(page.locator(".card .question")).to_have_text("2 of 3 right.")
    hiding.close()


def test_paper_and_a_page_without_scripts_have_no_answers(
    hiding: Pages, digits_trace: Trace
) -> None:
    page = hiding.open()
    page.emulate_media(media="print")
    assert page.locator("ol.printed > li").count() == 3
    assert page.locator("footer .printed").count() == 0
    still = hiding.open(java_script_enabled=False)
    said = still.locator("body").inner_text()
    for question in document(digits_trace).quiz:
        assert question.remarks[question.answer] not in said
    hiding.close()
