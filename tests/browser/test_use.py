"""The page is used: by pointer, and by keyboard alone."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.conftest import Pages, address, go

from pipetrace.present.build.document import document
from pipetrace.present.page import trace_page
from pipetrace.present.views import Document
from pipetrace.trace import Trace

pytestmark = [pytest.mark.browser, pytest.mark.lists]


@pytest.fixture(scope="module")
def made(digits_trace: Trace) -> Document:
    return document(digits_trace)


@pytest.fixture
def page(shown: Page) -> Page:
    """One page for all tests, with the focus where the page begins."""
    shown.mouse.move(0, 0)
    shown.locator("a, button").first.focus()
    return shown


def words(text: str | None) -> str:
    return " ".join((text or "").replace("\u00a0", " ").split())


def focused(page: Page, selector: str) -> bool:
    return bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))


def tab_to(page: Page, selector: str, most: int = 200) -> None:
    """Press Tab until an element has the focus, as one without a pointer does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page, selector):
            return
    pytest.fail(f"{selector} cannot be reached with {most} presses of Tab")


def outline(page: Page) -> str:
    """How the element with the focus is outlined; of a map, the image beside the hidden button."""
    return str(
        page.evaluate(
            """() => {
              const at = document.activeElement;
              const seen = at.matches(".maps input") ? at.nextElementSibling : at;
              const style = getComputedStyle(seen);
              return `${style.outlineStyle} ${style.outlineWidth}`;
            }"""
        )
    )


def test_the_images_of_the_list_are_read_by_keyboard(listed: Page, digits_trace: Trace) -> None:
    # The arrow keys do not scroll the page.
    tab_to(listed, '[id="stage/input_image"] .large')
    before = listed.evaluate("scrollY")
    for _ in range(5):
        listed.keyboard.press("ArrowDown")
    assert listed.evaluate("scrollY") == before
    # Reading begins at the marked value.
    item = listed.locator('[id="stage/scale"]')
    start = item.locator(".readout").text_content() or ""
    row, column = map(int, re.findall(r"\d+", start)[:2])
    tab_to(listed, '[id="stage/scale"] .large')
    listed.keyboard.press("ArrowRight")
    assert f"line {row}, column {column + 1}: " in (item.locator(".readout").text_content() or "")
    # Maps are chosen too.
    example = digits_trace.stage("conv2d").example
    assert example is not None
    item = listed.locator('[id="stage/conv2d"]')
    chosen = int((item.locator(".seen .caption").text_content() or "").removeprefix("filter "))
    tab_to(listed, '[id="stage/conv2d"] .seen .maps input')
    assert outline(listed) == "solid 3px"
    listed.keyboard.press("ArrowRight")
    listed.keyboard.press("ArrowRight")
    following = (chosen + 2) % example.shape[-1]
    assert item.locator(".seen .caption").text_content() == f"filter {following}"
    listed.keyboard.press("Tab")
    assert focused(listed, '[id="stage/conv2d"] .seen .large')
    assert outline(listed) == "solid 2px"
    for key, row, column in (
        ("ArrowDown", 1, 0),
        ("ArrowRight", 1, 1),
        ("ArrowLeft", 1, 0),
        ("ArrowUp", 0, 0),
        ("ArrowUp", 0, 0),
    ):
        listed.keyboard.press(key)
        text = item.locator(".seen .readout").text_content() or ""
        assert text.startswith(f"filter {following}, line {row}, column {column}: ")
        assert np.float32(text.rpartition(": ")[2]) == example[row, column, following]


def test_what_is_collapsed_opens_by_keyboard(page: Page) -> None:
    tab_to(page, "#panel details.more summary")
    histogram = page.locator("#panel .histogram").first
    assert not histogram.is_visible()
    page.keyboard.press("Enter")
    expect(histogram).to_be_visible()


def test_everything_that_can_be_touched_can_be_reached(pages: Pages) -> None:
    page = pages.open()
    # The menu closes itself where it is left.
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    # What is folded is drawn when it opens, and the field for one's own row where it is seen.
    page.get_by_label("bias", exact=True).wait_for()
    page.locator("#own").scroll_into_view_if_needed()
    page.locator("#own canvas").first.wait_for()
    # The strongest places among all rows are found between two frames.
    page.locator("[aria-busy]").wait_for(state="detached")
    # So are the weights that can be changed.
    page.locator(".weightfields input").first.wait_for()
    wanted = page.evaluate(
        """() => {
          const groups = new Set();
          return [...document.querySelectorAll("button, a[href], summary, input, select, [tabindex='0']")].filter(each => {
            // Of a group that the arrow keys walk, disabled, in a dialog or menu that is closed, or hidden.
            if (each.tabIndex < 0 || each.disabled || !each.checkVisibility() || each.closest("dialog, .chooser > ul")) return false;
            if (each.type !== "radio") return true;
            const fresh = !groups.has(each.name);
            groups.add(each.name);
            return fresh;
          }).length;
        }"""
    )
    reached = 0
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        if focused(page, "body"):
            break
        assert "none" not in outline(page), page.evaluate(
            "document.activeElement.outerHTML.slice(0, 80)"
        )
        reached += 1
    assert reached == wanted


def option(page: Page, index: int) -> Locator:
    """One of the four; by Enter, as a pointer's press is lost when a late part of the page moves it meanwhile."""
    return page.locator(".card .option").nth(index)


def wrong_answer(page: Page, made: Document) -> None:
    """Answer the first question wrongly: the page says why, and what is right."""
    question = made.quiz[0]
    assert words(page.locator(".card .question").text_content()) == words(question.text)
    assert [
        words(each) for each in page.locator(".card .option span:nth-child(2)").all_text_contents()
    ] == [words(each) for each in question.options]
    # A live region has to be there before its words come, else nobody hears of them.
    region = page.locator(".card [aria-live=polite]").element_handle()
    assert region is not None
    wrong = (question.answer + 1) % 4
    option(page, wrong).press("Enter")
    assert region.evaluate("each => each.isConnected")
    told = words(region.text_content())
    assert told.startswith("Not this one. ")
    assert words(question.remarks[wrong]) in told
    assert words(question.remarks[question.answer]) in told
    assert "your answer" in (option(page, wrong).text_content() or "")
    assert "right answer" in (option(page, question.answer).text_content() or "")
    assert all(each.is_disabled() for each in page.locator(".card .option").all())
    assert focused(page, ".card .next")


def test_each_question_leads_to_its_evidence_and_the_result_counts(
    page: Page, made: Document, digits_trace: Trace
) -> None:
    for number, question in enumerate(made.quiz):
        assert (
            words(page.locator(".card .muted").text_content())
            == f"Question {number + 1} of {len(made.quiz)}"
        )
        if number == 0:
            wrong_answer(page, made)
        else:
            option(page, question.answer).press("Enter")
            told = words(page.locator(".card .feedback").text_content())
            assert told.startswith(f"Right. {words(question.remarks[question.answer])}")
            assert page.locator(".card .wrong").count() == 0
            assert "right answer" in (option(page, question.answer).text_content() or "")
        link = page.locator(".card a")
        assert words(link.text_content()) == f"See it: {question.place}"
        assert link.get_attribute("href") == f"#{question.evidence}"
        link.press("Enter")
        name = question.evidence.partition("/")[2]
        inside = question.evidence.startswith(("stage/", "prediction/"))
        place = page.locator("#panel" if inside else f'[id="{question.evidence}"]')
        expect(place).to_be_in_viewport()
        if inside:
            assert page.locator("#panel h3 small").first.text_content() == name
        else:
            assert unquote(address(page).partition("#")[2]).startswith(question.evidence)
        row = question.row if question.row is not None else digits_trace.predictions[0].row
        assert page.locator(f".nowfollowed:has-text('row {row:,}')").count() == 1
        assert place.evaluate("place => place.contains(document.activeElement)")
        last = number == len(made.quiz) - 1
        assert page.locator(".card .next").text_content() == ("Result" if last else "Next question")
        page.locator(".card .next").press("Enter")
    assert (
        page.locator(".card .question").text_content()
        == f"{len(made.quiz) - 1} of {len(made.quiz)} right."
    )
    page.get_by_role("button", name="Try again").click()
    assert words(page.locator(".card .question").text_content()) == words(made.quiz[0].text)
    assert page.locator(".card .option:disabled").count() == 0
    assert page.locator(".card .feedback").inner_text() == ""


def test_a_question_says_when_the_page_shows_another_row(
    chromium: Browser, tmp_path: Path, digits_trace: Trace
) -> None:
    """Each question about a row names it; the page offers it while it shows another, and leads to it."""
    made = document(digits_trace, questions=16)
    (tmp_path / "page.html").write_text(trace_page(digits_trace, questions=16), encoding="utf-8")
    pages = Pages(chromium, lambda _: tmp_path / "page.html", digits_trace)
    other = int(digits_trace.kept_rows.numbers[-1]) if digits_trace.kept_rows else 0
    page = pages.open(place=f"#row={other}&epoch=1")
    offer = page.locator(".card").get_by_role("button", name=re.compile("^Show row"))
    about = [question for question in made.quiz if question.row is not None]
    assert len(about) > 2
    first = digits_trace.predictions[0].row
    for question in made.quiz:
        assert question.row is None or f"row {question.row:,}" in question.text
        assert offer.count() == (question.row is not None)
        at_the_end = question.evidence.startswith(("stage/", "prediction/", "results"))
        whole = page.get_by_role("button", name="Show it after training")
        assert whole.count() == (at_the_end and question.row is None)
        option(page, question.answer).press("Enter")
        if question is about[0]:
            offer.press("Enter")
            assert f"row={question.row}" in address(page) or question.row == first
            assert "epoch=" not in address(page)
            assert offer.count() == 0
        elif question.row is not None and question.evidence.startswith(("stage/", "prediction/")):
            page.locator(".card a").press("Enter")
            assert offer.count() == 0
        elif at_the_end:
            whole.press("Enter")
            assert whole.count() == 0
        address(page)  # what was done is written into it before another one is set
        page.evaluate("(row) => location.hash = `row=${row}&epoch=1`", other)
        page.locator(".card .next").press("Enter")
    pages.close()


def test_the_quiz_is_answered_by_keyboard_and_keeps_the_focus(page: Page, made: Document) -> None:
    tab_to(page, ".card .option")
    for _ in made.quiz:
        page.keyboard.press("Enter")
        assert focused(page, ".card .next")
        assert outline(page) == "solid 2px"
        page.keyboard.press("Enter")
        assert focused(page, ".card .question"), "the focus is where the reading goes on"
        page.keyboard.press("Tab")
    assert focused(page, ".card .next")
    assert re.fullmatch(r"[0-3] of 3 right\.", page.locator(".card .question").text_content() or "")
    page.keyboard.press("Enter")
    assert focused(page, ".card .question")
    page.keyboard.press("Tab")
    assert focused(page, ".card .option")


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 23, 27)"


def test_the_colours_follow_the_system_until_one_chooses(pages: Pages) -> None:
    page = pages.open(color_scheme="light")
    button = page.locator("button.theme")

    def has(colours: str) -> None:
        assert background(page) == {"light": LIGHT, "dark": DARK}[colours]
        other = {"light": "dark", "dark": "light"}[colours]
        expect(button).to_have_attribute("aria-label", f"Show in {other} colours")

    schemes: list[Literal["light", "dark"]] = ["light", "dark"]
    has("light")
    for scheme in reversed(schemes):
        page.emulate_media(color_scheme=scheme)
        has(scheme)
    for chosen in ("dark", "light"):
        button.click()
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            has(chosen)


def test_an_address_with_a_place_opens_there(pages: Pages) -> None:
    page = pages.open(place="#prediction/conv2d")
    expect(page.locator("#panel h3").first).to_be_in_viewport()
    assert "conv2d" in (page.locator("#panel h3").first.text_content() or "")
    go(page, "#epoch/2")
    expect(page.locator('[id="epoch/2"]')).to_be_in_viewport()


def test_an_address_with_a_place_that_is_not_there_shows_the_page(pages: Pages) -> None:
    page = pages.open(place="#%E0%A4%A")
    for place in ("#%E0%A4%A", "#nowhere", "#"):
        go(page, place)
        assert page.locator(".thread > li").count() == 6, place


def test_touch_reads_a_image(pages: Pages, digits_trace: Trace) -> None:
    trace = replace(digits_trace, predictions=())
    page = pages.open(trace, has_touch=True, viewport={"width": 375, "height": 800})
    item = page.locator('[id="stage/input_image"]')
    item.locator(".large").tap(position={"x": 3, "y": 3})
    assert "line 0, column 0: 0" in (item.locator(".readout").text_content() or "")
