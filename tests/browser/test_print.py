"""On paper: few sheets, every question of the quiz, no picture cut, no heading alone at the foot.

The PDF is read as Skia, Chromium's drawing library, writes it: one compressed stream of operators for each sheet.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, PdfMargins
from tests.browser.conftest import Pages
from tests.graphs import deep
from tests.traces import lengthened

from pipetrace.present.build.document import document
from pipetrace.trace import Trace

pytestmark = [pytest.mark.browser, pytest.mark.lists]

MOST_SHEETS = 6
MARGIN: PdfMargins = {"top": "12mm", "bottom": "12mm", "left": "12mm", "right": "12mm"}
TEXT = re.compile(r"/(?P<font>F\d+) (?P<size>[\d.]+) Tf\n1 0 0 -1 [-\d.]+ (?P<y>[-\d.]+) Tm")
PICTURE = re.compile(r"/X\d+ Do\b")
UNCUT = """() => [...document.querySelectorAll("canvas, svg, tr, blockquote")].filter(each => {
  for (let part = each; part; part = part.parentElement) {
    if (getComputedStyle(part).breakInside === "avoid") return false;
  }
  return each.getClientRects().length > 0;
}).map(each => each.outerHTML.slice(0, 80))"""
"""What may be cut by the end of a sheet."""
DRAWN = "() => [...document.querySelectorAll('canvas')].filter(each => each.getClientRects().length).length"


@dataclass
class Sheet:
    """What one sheet has: how many pictures, and its texts by font, size and distance from the top."""

    pictures: int
    texts: list[tuple[str, float, float]]


def sheets(page: Page) -> list[Sheet]:
    page.locator("[aria-busy]").wait_for(state="detached")
    pdf = page.pdf(format="A4", margin=MARGIN, print_background=True)
    objects = {
        int(number): body
        for number, body in re.findall(rb"(?<!\d)(\d+) 0 obj\s(.*?)endobj", pdf, re.DOTALL)
    }
    found = []
    for body in objects.values():
        contents = re.search(rb"/Contents (\d+) 0 R", body)
        if contents:
            data = objects[int(contents[1])].partition(b"stream")[2].lstrip(b"\r\n")
            drawn = zlib.decompressobj().decompress(data).decode("latin-1")
            texts = [
                (each["font"], float(each["size"]), float(each["y"]))
                for each in TEXT.finditer(drawn)
            ]
            found.append(Sheet(len(PICTURE.findall(drawn)), texts))
    return found


def lowest(sheet: Sheet) -> list[tuple[str, float]]:
    """Font and size of the texts in the lowest line of a sheet."""
    foot = max(y for _, _, y in sheet.texts)
    return [(font, size) for font, size, y in sheet.texts if y > foot - 2]


TRACES: dict[str, Callable[[Trace], Trace]] = {
    "digits": lambda trace: trace,
    "200 epochs": lambda trace: lengthened(trace, 200),
}


@pytest.mark.parametrize("name", TRACES)
def test_no_picture_is_cut_and_no_heading_stands_alone(
    pages: Pages, digits_trace: Trace, name: str
) -> None:
    page = pages.open(TRACES[name](digits_trace))
    found = sheets(page)
    assert 2 <= len(found) <= MOST_SHEETS
    page.emulate_media(media="print")
    # A picture that reaches over the end of a sheet is drawn on both.
    assert sum(each.pictures for each in found) == page.evaluate(DRAWN) > 10
    assert page.evaluate(UNCUT) == []
    (title, largest) = max(
        ((font, size) for font, size, _ in found[0].texts), key=lambda each: each[1]
    )
    headings = {(title, size) for font, size, _ in found[0].texts if font == title and size > 12}
    assert len(headings - {(title, largest)}) >= 2
    for each in found:
        assert not headings.intersection(lowest(each))


def test_a_large_model_takes_no_more_sheets(pages: Pages) -> None:
    page = pages.open(deep())
    assert 2 <= len(sheets(page)) <= MOST_SHEETS
    assert page.locator("details.stages:not([open])").count() >= 1, "its groups stay collapsed"


def test_paper_has_every_question_and_the_answers_at_the_end(
    pages: Pages, digits_trace: Trace
) -> None:
    page = pages.open()
    asked = page.locator("ol.printed")
    assert not asked.is_visible()
    page.emulate_media(media="print")
    assert asked.is_visible()
    assert not page.locator(".card").is_visible()
    quiz = document(digits_trace).quiz
    for each, item in zip(quiz, page.locator("ol.printed > li").all(), strict=True):
        assert item.inner_text().startswith(each.text)
        assert item.locator("li").all_inner_texts() == list(each.options)
    key = page.locator("footer .letters")
    assert key.is_visible()
    assert re.findall(r"\d ([A-D])", key.inner_text()) == ["ABCD"[each.answer] for each in quiz]
    for each, item in zip(quiz, page.locator("footer .printed li").all(), strict=True):
        assert each.remarks[each.answer].replace(" %", "\u00a0%") in item.inner_text()
    assert page.locator(".who").is_visible()
    # The sheet with the answers can be kept back.
    assert page.evaluate("getComputedStyle(document.querySelector('footer')).breakBefore") == "page"
    page.emulate_media(media="screen")
    assert not page.locator(".who").is_visible()
    assert not key.is_visible()
