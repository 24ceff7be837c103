"""What is wrong, on the page: in one place near the top, at its stage and its epoch, and each leading to the other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.browser.test_layout import fits
from tests.rules import WRONG, broken, only, rule, silent
from tests.traces import HOSTILE, renamed

from pipetrace import Rule, Trace
from pipetrace.present.build.document import document

pytestmark = [pytest.mark.browser, pytest.mark.lists]

Open = Callable[..., Page]


@pytest.fixture
def opened(pages: Pages, digits_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the page of the recorded run with what these rules find in it."""

    def opened(*kinds: type[Rule], **options: Any) -> Page:
        only(monkeypatch, *kinds)
        # A copy, since a page that was made before with other rules would be taken again.
        return pages.open(replace(digits_trace), **options)

    return opened


@pytest.fixture(scope="module")
def page(shared: Pages, digits_trace: Trace) -> Page:
    """The page of a run with an error and a warning, which the tests only read and follow the links of."""
    with pytest.MonkeyPatch.context() as patch:
        only(patch, *WRONG)
        return shared.open(replace(digits_trace))


def test_each_finding_has_all_of_its_view_above_the_data_flow(
    page: Page, digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG)
    made = document(digits_trace).findings
    assert page.locator("main > section h2").first.inner_text().startswith("Findings")
    expect(page.locator("#findings")).to_contain_text(made.title)
    assert page.locator(".finding").count() == len(made.found) == 2
    for view in made.found:
        shown = page.locator(f'[id="{view.id}"]')
        for text in (view.level, view.rule, view.text, *view.evidence, view.why, view.advice):
            expect(shown).to_contain_text(text)
        for link in view.places:
            expect(shown.get_by_role("link", name=link.text)).to_have_attribute(
                "href", f"#{link.id}"
            )
        for symptom in view.symptoms:
            expect(page.locator(f'[id="{symptom.id}"]')).to_contain_text(
                f"{symptom.level} {symptom.rule}"
            )
    assert page.locator(".finding pre").inner_text() == made.found[0].change
    expect(page.locator(".finding").nth(0)).not_to_contain_text("Confidence")


def test_a_finding_leads_to_its_stage_and_its_epoch_and_back(page: Page) -> None:
    # It is reached by keyboard.
    page.locator("a, button").first.focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if "stage 3" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    stage = page.locator("#panel")
    expect(stage).to_be_focused()
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Conv2D")
    mark = stage.locator(".mark")
    expect(mark).to_have_text("error PT201 dying-units 61 of 64 units give 0 for every row.")
    mark.get_by_role("link").click()
    expect(page.locator('[id="finding/1"]')).to_be_focused()
    page.get_by_role("link", name="stage 3, Conv2D (conv2d)").click()
    expect(stage).to_be_focused()
    page.get_by_role("link", name="epochs 2 and 3").click()
    row = page.locator('[id="epoch/2"]')
    expect(row).to_be_focused()
    expect(row.locator(".mark")).to_contain_text("PT201 dying-units")
    # A symptom is shown inside its root cause, and has a link target of its own.
    page.locator('[id="stage/dense"] .mark a').click()
    expect(page.locator('[id="finding/1.1"]')).to_be_focused()
    assert page.locator(".thread .mark").count() == 2
    assert page.locator(".story .mark").count() == 3


def test_a_healthy_run_has_a_line_and_no_section(opened: Open) -> None:
    page = opened(silent("PT901"), silent("PT902"))
    assert page.locator(".sound").inner_text() == "None of the 2 rules found anything wrong."
    assert page.locator(".findings, .mark").count() == 0


def test_a_rule_that_fails_is_told(opened: Open) -> None:
    page = opened(broken())
    expect(page.locator(".findings .notice")).to_contain_text(
        "PT998 not-written-well raised ZeroDivisionError"
    )


def test_the_levels_have_their_colours(page: Page) -> None:
    def edge(selector: str) -> str:
        return str(
            page.locator(selector).first.evaluate("each => getComputedStyle(each).borderLeftColor")
        )

    assert len({edge(".finding.error"), edge(".finding.warning"), edge(".thread .mark.error")}) == 2
    assert edge(".finding.error") == edge(".mark.error")
    assert edge(".finding.warning") == edge(".mark.warning")


def test_it_fits_the_window(opened: Open) -> None:
    long = rule(
        "PT201",
        "long",
        level="error",
        stage="conv2d",
        epochs=(1,),
        text="a_very_long_name_without_a_space" * 9,
    )
    page = opened(*WRONG[1:], long, viewport={"width": 320, "height": 800})
    for width in (320, 375, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        fits(page)


@pytest.mark.parametrize("width", [375, pytest.param(1280, marks=pytest.mark.slow)])
def test_axe_finds_nothing_wrong(opened: Open, width: int) -> None:
    clean_in_both_schemes(opened(*WRONG, broken(), viewport={"width": width, "height": 900}))


def test_names_are_shown_as_text(
    pages: Pages, digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, rule("PT201", "hostile", level="error", stage="conv2d", text=HOSTILE))
    page = pages.open(renamed(digits_trace, HOSTILE))
    assert page.locator(".finding > p").inner_text().split() == HOSTILE.split()
