"""What a person finds who comes back to a way to learn, and steps on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages
from tests.browser.learn.test_modes import answers_of, choose, fill, fragment, words

from pipetrace.explain.learn.modes import lesson
from pipetrace.trace import Trace

pytestmark = pytest.mark.browser


def test_tasks_that_were_tried_are_kept(pages: Pages, digits_trace: Trace) -> None:
    made = lesson(digits_trace, "try", digits_trace.run.training.seed or 0).exercises
    page = pages.open(place="#mode=try")
    fill(page, 0, answers_of(made[0]))
    fill(page, 1, ["0.123"] * len(made[1].blanks))
    feedback = page.locator(".task").nth(1).locator(".feedback")
    expect(feedback).to_contain_text(f"Hint: {made[1].hint}")

    def check_kept() -> None:
        expect(page.locator(".score")).to_contain_text(f"1 of {len(made)} solved")
        expect(page.locator(".task").nth(0)).to_contain_text(made[0].solution)
        expect(page.locator(".task").nth(0).locator(".blank").first).to_be_disabled()
        expect(page.locator(".task").nth(1)).to_contain_text("2 attempts left")

    check_kept()
    choose(page, "learn")
    choose(page, "try")
    check_kept()
    assert fragment(page)["mode"] == "try"
    page.reload()
    check_kept()
    page.get_by_role("button", name="Try all again").click()
    expect(page.locator(".score")).to_be_empty()
    expect(page.locator(".task .blank").first).to_have_value("")
    expect(page.locator(".task").nth(1)).to_contain_text("3 attempts")


def test_a_challenge_that_begins_again_asks_something_else(
    pages: Pages, digits_trace: Trace
) -> None:
    made = lesson(digits_trace, "challenge", digits_trace.run.training.seed or 0)
    assert len(made.spares) >= len(made.problems)
    page, asked = pages.open(place="#mode=challenge"), []
    for _ in range(4):
        page.get_by_role("button", name="Start the clock").click()
        asked.append(words(page, ".mode .card"))
        page.reload()
    assert len({*asked}) == 4


def height(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["height"]


def test_a_step_leaves_a_phone_room_for_what_it_is_about(pages: Pages, digits_trace: Trace) -> None:
    steps = lesson(digits_trace, "deep").steps
    whole = [at for at, each in enumerate(steps) if each.place and each.place.whole]
    assert whole
    page = pages.open(place="#mode=deep", viewport={"width": 390, "height": 844})
    for at in range(len(steps)):
        assert height(page, ".stepping") < 0.36 * 844
        if at in whole:
            image = page.locator("#panel .pictures > *").nth(1)
            expect(image).to_be_in_viewport(ratio=0.9)
        if at < len(steps) - 1:
            page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Hide text").click()
    assert height(page, ".stepping") < 0.15 * 844
    expect(page.locator(".stepping h2")).to_be_visible()
    page.get_by_role("button", name="Show text").click()
    expect(page.locator(".stepping").get_by_text(steps[-1].texts[0][:20])).to_be_visible()


def meaning(page: Page, word: str) -> str:
    """What is told of a word where it first stands in a way to learn."""
    found = page.locator("#mode .word").filter(has_text=word).first
    return found.locator("[role=tooltip]").text_content() or ""


def test_words_are_explained_where_they_stand_and_tied_together(pages: Pages) -> None:
    page = pages.open(place="#stage=conv2d")
    likeness = page.locator(
        ".looksfor p .word", has_text=re.compile("^(edge|line|blob|blur|ripple)")
    )
    expect(likeness.first).to_be_visible()
    choose(page, "learn")
    filters = meaning(page, "filters")
    for word in ("kernel", "map", "channel"):
        assert word in filters
    assert filters.partition(". ")[2] in meaning(page, "channel")
    assert "optimizer" in meaning(page, "Adam")
    choose(page, "metrics")
    assert "multiplication" in meaning(page, "FLOPs")
    assert "sure" in meaning(page, "calibrated")
    choose(page, "deep")
    for _ in range(4):
        page.get_by_role("button", name="Next step").click()
    expect(page.locator(".stepping")).to_contain_text("line")
    assert "map" in meaning(page, "map")
    # A line of an image is no likeness of a kernel.
    assert page.locator(".stepping .word", has_text="line").count() == 0
