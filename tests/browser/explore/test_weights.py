"""A weight of the reader's own: what follows from it is compared with NumPy, and nothing of it passes as recorded."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Pages, address, go
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.tasks import binary

from pipetrace.trace import Trace

pytestmark = pytest.mark.browser


def opened(page: Page) -> Locator:
    """The weights of the value that is looked at."""
    part = page.locator("details", has_text="What if a weight were another?").last
    part.locator("summary").click()
    part.locator("input").first.wait_for()
    return part


def value(page: Page) -> float:
    return float(page.locator(".steps dd.last").inner_text().replace("\u2212", "-"))


def test_everything_follows_and_goes_back(pages: Pages) -> None:
    trace = binary()
    page = pages.open(trace, place="#stage=hidden&at=3")
    part = opened(page)
    recorded = value(page)
    at = address(page)
    part.get_by_label("weight of value 2").fill("1.75")
    part.get_by_label("bias").fill("0.5")
    x = trace.predictions[0].outputs["table"]
    kernel, bias = (trace.weights[f"hidden/{name}"].copy() for name in ("kernel", "bias"))
    kernel[2, 3], bias[3] = 1.75, 0.5
    hidden = np.maximum(x @ kernel + bias, 0)
    assert value(page) == pytest.approx(hidden[3], abs=2e-6)
    expect(page.locator(".check")).not_to_contain_text("Keras recorded")
    expect(page.locator(".changedweights")).to_contain_text("2 weights changed")
    logit = hidden @ trace.weights["pleased/kernel"] + trace.weights["pleased/bias"]
    share = 100 / (1 + np.exp(-logit.item()))
    predicted = page.locator(".predicted")
    predicted.scroll_into_view_if_needed()
    expect(predicted).to_contain_text("weights that you changed")
    assert f"{share:.1f}\u00a0%" in predicted.inner_text()
    assert address(page) == at
    page.get_by_role("tab", name=re.compile("pleased|Dense")).last.click()
    assert value(page) == pytest.approx(share / 100, abs=2e-6)
    expect(page.locator(".check")).not_to_contain_text("Keras recorded")
    clean_in_both_schemes(page)
    page.locator(".changedweights button").click()
    expect(page.locator(".changedweights")).to_be_hidden()
    page.get_by_role("tab").nth(1).click()
    assert value(page) == recorded
    expect(page.locator(".check")).to_contain_text("Keras recorded")


@pytest.mark.parametrize("stage", ["few", "depthwise", "steps"])
def test_a_kernel_is_changed_cell_by_cell(windows: Page, convolutions: Trace, stage: str) -> None:
    number = 2
    at = "4.3.2" if stage != "steps" else "4.2"
    page = windows
    go(page, f"#stage={stage}&at={at}")
    expect(page.locator("#panel h3 small").first).to_have_text(stage)
    part = opened(page)
    cell = part.get_by_label("weight at line 0, column 1 of the kernel")
    before = page.locator(".steps").inner_text()
    channel = 1 if stage != "depthwise" else 2
    if stage != "depthwise":
        part.get_by_label("Input channel").select_option(str(channel))
    kernel = convolutions.weights[f"{stage}/kernel"]
    weight = (
        kernel[0, 1, channel, 0 if stage == "depthwise" else number]
        if kernel.ndim == 4
        else kernel[1, channel, number]
    )
    assert float(cell.input_value()) == pytest.approx(weight, rel=1e-3)
    cell.fill(str(weight + 2))
    source = convolutions.predictions[0].outputs[
        {"few": "many", "depthwise": "few", "steps": "series"}[stage]
    ]
    given = source[4, 4, channel] if kernel.ndim == 4 else source[5, channel]
    changed = page.locator(".steps").inner_text()
    sums = [
        float(found.replace("\u2212", "-"))
        for text in (before, changed)
        for found in re.findall(r"sum of \d+ products\s+(\S+)", text)
    ]
    assert sums[1] - sums[0] == pytest.approx(2 * given, abs=3e-5)
    expect(cell).to_be_focused()  # the fields stay where they are
    page.locator(".changedweights button").press("Enter")
    expect(page.locator(".changedweights")).to_be_hidden()
