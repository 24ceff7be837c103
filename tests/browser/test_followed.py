"""Choosing a row or an epoch: what follows it everywhere, and where a reader can see that."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Pages
from tests.browser.test_explorer import here, open_stage

from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = pytest.mark.browser


def scores(trace: Trace, row: int, epoch: int | None = None) -> Array:
    kept = trace.kept_rows
    assert kept is not None
    given = kept.outputs if epoch is None else kept.outputs_after[epoch]
    return np.asarray(given[0][kept.numbers.tolist().index(row)], np.float64)


def wrong_row(trace: Trace) -> tuple[int, int, int]:
    """The first validation row that is wrong: its number, its class, the predicted one."""
    kept = trace.kept_rows
    assert kept is not None
    said = kept.outputs[0].argmax(axis=1)
    at = int(np.flatnonzero((said != kept.targets[0]) & kept.validation)[0])
    return int(kept.numbers[at]), int(kept.targets[0][at]), int(said[at])


def test_the_prediction_is_that_of_the_row_and_the_epoch(pages: Pages, digits_trace: Trace) -> None:
    row, label, _ = wrong_row(digits_trace)
    page = pages.open()
    page.locator(f".thumbs [data-row='{row}']").click()
    for epoch in (None, 0, 2):
        if epoch is not None:
            page.locator(".film thead button").nth(epoch).click()
        page.locator("#prediction-title").scroll_into_view_if_needed()
        page.locator(".predicted:not([data-stale])").wait_for()
        assert f"ow {row:,}" in page.locator("#prediction-title").inner_text()
        shares = scores(digits_trace, row, epoch)
        texts = page.locator(".predicted .bars .number").all_inner_texts()
        told = [float(text.strip("<>\u00a0%")) for text in texts]
        assert np.allclose(told, 100 * shares, atol=0.11)
        verdict = page.locator(".predicted .verdict").inner_text()
        assert str(shares.argmax()) in verdict
        assert str(label) in verdict
        assert page.locator(".predicted .check.wrong").count() == 0


def test_a_wrong_row_leads_to_why_it_is_wrong(pages: Pages, digits_trace: Trace) -> None:
    row, label, said = wrong_row(digits_trace)
    page = pages.open(place="#stage=conv2d&at=5.6.3")
    page.locator(f".thumbs [data-row='{row}']").click()
    told = page.locator(".nowfollowed [role=status]").inner_text()
    assert f"ow {row:,}, truly {label}" in told
    assert f"predicted {said}" in told
    page.get_by_role("button", name="See it in the pipeline").click()
    assert page.evaluate("document.activeElement.id") == "panel"
    # The place stays.
    assert here(page)["at"] == "5.6.3"
    page.get_by_role("button", name=f"Why {said} rather than {label}").click()
    state = here(page)
    assert (state["stage"], state["at"], state["rather"]) == ("dense", str(said), "1")
    shares = scores(digits_trace, row)
    difference = float(page.locator(".calc .steps dd.last").inner_text().replace("\u2212", "-"))
    assert difference == pytest.approx(np.log(shares[said] / shares[label]), abs=2e-3)
    assert "✓" in page.locator(".calc .check").inner_text()
    # The largest part is the product of a value and the difference of two weights.
    number = page.locator(".calc .terms tbody tr").first.locator("td").nth(2).inner_text()
    kernel = digits_trace.weights["dense/kernel"].astype(float)
    value = page.locator(".calc .terms tbody tr").first.locator("td").nth(1).inner_text()
    assert float(number) == pytest.approx(
        np.prod([float(each) for each in value.replace("\u2212", "-").split(" \u00d7 ")]), rel=0.02
    )
    assert np.abs(kernel[:, said] - kernel[:, label]).max() >= float(value.split(" \u00d7 ")[1])
    page.get_by_role("button", name=f"{said} rather than {label}", exact=True).click()
    assert "Keras recorded" in page.locator(".calc .check").inner_text()


LEGENDS = "all => all.map(each => each.textContent)"


def test_one_scale_holds_for_all_epochs(pages: Pages) -> None:
    page = pages.open(place="#stage=conv2d")
    seen: set[tuple[str, ...]] = set()
    painted: set[str] = set()
    for epoch in range(4):
        page.locator(".scrubber input").fill(str(epoch))
        page.locator(".pictures").scroll_into_view_if_needed()
        seen.add(tuple(page.locator(".pictures .legend").evaluate_all(LEGENDS)))
        painted.add(page.locator(".pictures canvas").nth(1).evaluate("each => each.toDataURL()"))
    assert len(seen) == 1
    assert "for all epochs" in "".join(next(iter(seen)))
    assert len(painted) == 4


def test_a_window_starts_to_slide_where_the_image_has_something(pages: Pages) -> None:
    page: Any = pages.open(place="#stage=conv2d")
    page.locator("button.slide").click()
    page.wait_for_function("document.querySelectorAll('.numbers')[0]")
    page.locator("button.slide").click()
    window = (
        page.locator(".numbers")
        .first.locator("span")
        .evaluate_all("all => all.map(each => Number(each.title))")
    )
    assert len(set(window)) > 1


def test_of_many_classes_those_that_matter_are_shown(page: Page, digits_trace: Trace) -> None:
    found = page.evaluate(
        """async () => {
          const { thatMatter } = await import("viewer/rows/outcomes.js");
          const many = Array.from({ length: 100 }, (_, at) => (at === 40 ? 0.5 : (100 - at) / 10000));
          return [thatMatter(many, 70, 40, null), thatMatter([0.2, 0.8], 1)];
        }"""
    )
    assert found == [[40, 0, 1, 2, 3, 70], [0, 1]]


@pytest.fixture
def page(pages: Pages) -> Page:
    opened = pages.open()
    open_stage(opened, "Dense")
    return opened
