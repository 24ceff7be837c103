"""axe finds nothing wrong with the page in any of its states, and finds what is planted."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Pages
from tests.traces import broken, killed

from pipetrace.trace import Trace

pytestmark = [pytest.mark.browser, pytest.mark.lists]

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
COLOURS = {"runOnly": ["color-contrast"]}
"""Of axe's rules the one that a colour scheme decides."""

UNFOLD = "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"
PHONE = {"viewport": {"width": 375, "height": 800}, "has_touch": True}
FILLED = "() => [...document.querySelectorAll('.all > div')].every(each => each.childElementCount)"


def unsure(node: Any) -> bool:
    """Whether axe cannot tell, and need not: of one sign, of an arrow, or in a chart, where it may lie on anything.

    Here they are figures and arrows on plain paper, in colours that are looked at elsewhere.
    """
    why = node["failureSummary"]
    return (
        "too short" in why or "only non-text characters" in why or node["html"].startswith("<text")
    )


def violations(page: Page, options: Mapping[str, Any] | None = None) -> dict[str, list[Any]]:
    """The rules that the page breaks, or may break for all that axe can see; each with where and why."""
    assert AXE.is_file(), "axe-core is not installed. Run: python tools/node.py install"
    # The thread beside the stages is drawn by one element behind all of their texts, and the bar and the tabs lie
    # over what is scrolled under them; both hide the paper from axe. So does the edge that tabs are scrolled over.
    page.add_style_tag(
        content=".thread > li::before { display: none !important; } .topbar, .tabs, .changedweights { position: static !important; } .tabs { flex-wrap: wrap; }"
    )
    page.locator("[aria-busy]").wait_for(state="detached")
    # As a script that the page itself loads, its policy would refuse it.
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE.read_text(encoding='utf-8')} }} }}")
    wanted = {"resultTypes": ["violations", "incomplete"], **(options or {})}
    found = page.evaluate("options => axe.run(options)", wanted)
    assert len([*found["passes"], *found["incomplete"]]) > (0 if options else 20), "axe has looked"
    rules: dict[str, list[Any]] = {}
    for rule in found["violations"]:
        rules[rule["id"]] = [(node["target"], node["failureSummary"]) for node in rule["nodes"]]
    for rule in found["incomplete"]:
        if doubts := [
            (node["target"], node["failureSummary"]) for node in rule["nodes"] if not unsure(node)
        ]:
            rules.setdefault(rule["id"], []).extend(doubts)
    return rules


def unfold(page: Page) -> None:
    page.evaluate(UNFOLD)
    page.wait_for_function(FILLED)


def clean(page: Page, options: Mapping[str, Any] | None = None) -> None:
    found = violations(page, options)
    assert not found, json.dumps(found, indent=1)[:4000]


def clean_in_both_schemes(page: Page) -> None:
    """Nothing is wrong in light colours, and the dark ones can be read too."""
    clean(page)
    page.emulate_media(color_scheme="dark")
    clean(page, COLOURS)
    page.emulate_media(color_scheme="null")


@pytest.mark.parametrize(
    "screen", [pytest.param({}, id="desk", marks=pytest.mark.slow), pytest.param(PHONE, id="phone")]
)
def test_nothing_is_wrong_when_all_is_open(pages: Pages, screen: Any) -> None:
    page = pages.open(**screen)
    unfold(page)
    clean_in_both_schemes(page)


def test_nothing_is_wrong_at_first_and_with_the_quiz_and_its_result(pages: Pages) -> None:
    page = pages.open()
    clean(page)
    page.locator(".card .option").nth(1).press("Enter")
    clean_in_both_schemes(page)
    page.locator(".card .next").press("Enter")
    for number in range(2):
        page.locator(".card .option").nth(number).press("Enter")
        page.locator(".card .next").press("Enter")
    clean(page)
    # The colours that the button gives.
    page.locator("button.theme").click()
    page.locator(".film thead button").nth(1).click()
    clean(page, COLOURS)


@pytest.mark.parametrize(
    "change", [lambda trace: killed(trace, 0), broken], ids=["killed", "broken"]
)
def test_nothing_is_wrong_with_a_run_that_went_wrong(
    pages: Pages, digits_trace: Trace, change: Callable[[Trace], Trace]
) -> None:
    clean(pages.open(change(digits_trace)))


FAULTS = {
    "label": "document.querySelector('main').prepend(document.createElement('input'))",
    "svg-img-alt": "document.querySelector('.chart svg').removeAttribute('aria-label')",
    "color-contrast": "document.querySelector('.muted').style.color = '#bbb'",
    "heading-order": "document.querySelector('h2').outerHTML = '<h5>Data flow</h5>'",
    "html-has-lang": "document.documentElement.removeAttribute('lang')",
    "button-name": "document.querySelector('.option').replaceChildren()",
    "link-name": "document.querySelector('main').prepend(Object.assign(document.createElement('a'), { href: '#x' }))",
    "nested-interactive": "document.querySelector('summary').append(document.createElement('button'))",
}
"""What breaks a rule, by the rule."""


def test_planted_faults_are_found(pages: Pages) -> None:
    page = pages.open()
    for fault in FAULTS.values():
        page.evaluate(f"() => {{ {fault} }}")
    assert FAULTS.keys() <= violations(page).keys()
    assert violations(page, COLOURS).keys() == {"color-contrast"}
