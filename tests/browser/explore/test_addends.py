"""What each input channel adds to a filter's map: looked at, pointed at, and compared with the recorded map."""

from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address, go
from tests.browser.test_explorer import point

from pipetrace.trace import Trace
from pipetrace.trace.document import Array


def added(trace: Trace, row: int, column: int, number: int) -> Array:
    """What each channel of ``many`` adds to a value of ``few``."""
    window = trace.predictions[0].outputs["many"][row : row + 3, column : column + 3]
    kernel = trace.weights["few/kernel"][..., number]
    return np.asarray(np.einsum("ijc,ijc->c", window.astype(float), kernel.astype(float)))


def told(page: Page) -> dict[str, float]:
    """The value of each map at the chosen place."""
    names = page.locator(".addends b").all_inner_texts()
    values = page.locator(".addends small").all_inner_texts()
    numbers = [float(text.replace("\u2212", "-")) for text in values]
    return dict(zip(names, numbers, strict=True))


def test_the_largest_maps_stand_first_and_move_the_place(
    windows: Page, convolutions: Trace
) -> None:
    page = windows
    go(page, "#stage=few&at=4.3.2")
    expect(page.locator(".calchead")).to_contain_text("line 4, column 3")
    found = told(page)
    assert len(found) == 8
    page.get_by_role("button", name="Show 3 more of 10").click()
    found = told(page)
    sums = added(convolutions, 4, 3, 2)
    total = sums.sum() + convolutions.weights["few/bias"][2]
    assert found.pop("sum of all 10 + bias") == pytest.approx(total, abs=6e-5)
    assert found == {f"channel {at}": pytest.approx(sums[at], abs=6e-5) for at in range(10)}
    sizes = np.zeros(10)
    for row in range(10):
        for column in range(8):
            sizes += np.abs(added(convolutions, row, column, 2))
    assert [int(name.split()[-1]) for name in found] == np.argsort(-sizes).tolist()
    point(page, ".addends > :nth-child(2) .picture", 7, 1, 10, 8)
    assert "at=7.1.2" in address(page)
    page.locator(".addends .picture").first.focus()
    page.keyboard.press("ArrowUp")
    assert "at=6.1.2" in address(page)
    number = int(list(told(page))[1].split()[-1])
    value = told(page)[f"channel {number}"]
    assert value == pytest.approx(added(convolutions, 6, 1, 2)[number], abs=6e-5)


def test_their_sum_is_compared_with_the_recorded_map(pages: Pages, convolutions: Trace) -> None:
    page = pages.open(convolutions)
    for stage, names in (("few", 8), ("depthwise", 2), ("steps", 3)):
        go(page, f"#stage={stage}")
        expect(page.locator("#panel h3 small").first).to_have_text(stage)
        expect(page.locator(".beforesum .checked b")).to_contain_text("Keras recorded the same map")
        assert page.locator(".addends .picture").count() == names
    kernel = convolutions.weights["few/kernel"].copy()
    kernel[..., 2] *= 1.01
    wrong = replace(convolutions, weights={**convolutions.weights, "few/kernel": kernel})
    page = pages.open(wrong, place="#stage=few&at=4.3.2", again=page)
    expect(page.locator(".beforesum .checked.wrong")).to_contain_text("another map")
    go(page, "#stage=few&at=4.3.1")
    page.locator(".beforesum").scroll_into_view_if_needed()
    expect(page.locator(".beforesum .checked b")).to_contain_text("the same map")
    expect(page.locator(".beforesum .checked.wrong")).to_have_count(0)


def test_the_steps_of_a_series_are_as_low_as_lines(windows: Page) -> None:
    go(windows, "#stage=steps")
    expect(windows.locator("#panel h3 small").first).to_have_text("steps")
    for picture in windows.locator("#panel .pictures .picture").all():
        box = picture.bounding_box()
        assert box
        assert box["height"] <= 22 * 20
