"""Runs that did not end well, hardly began, or go on: the page shows what was recorded, and says what was not."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address
from tests.tasks import failed
from tests.traces import broken, killed, lengthened, with_metrics

from pipetrace.present.page import trace_page
from pipetrace.trace import Trace
from pipetrace.trace.document import RUNNING, Ending, Epoch

pytestmark = [pytest.mark.browser, pytest.mark.lists]

LONG = 200


def not_a_number(trace: Trace) -> Trace:
    """Weights, outputs and metrics are NaN."""
    assert trace.kept_rows
    nothing = {name: np.full_like(each, math.nan) for name, each in trace.weights.items()}
    kept = tuple(np.full_like(each, math.nan) for each in trace.kept_rows.outputs)
    after = {"conv2d", "max_pooling2d", "flatten", "dense"}
    rows = [
        replace(
            each,
            outputs={
                name: np.full_like(values, math.nan) if name in after else values
                for name, values in each.outputs.items()
            },
        )
        for each in trace.predictions
    ]
    return replace(
        broken(trace),
        weights=nothing,
        kept_rows=replace(trace.kept_rows, outputs=kept),
        predictions=tuple(rows),
    )


def without_validation(trace: Trace) -> Trace:
    def metrics(epoch: Epoch) -> dict[str, float]:
        return {name: each for name, each in epoch.metrics.items() if "val_" not in name}

    data = replace(trace.run.data, validation_rows=0)
    return replace(with_metrics(trace, metrics), run=replace(trace.run, data=data))


def one_epoch(trace: Trace) -> Trace:
    return replace(killed(trace, 1), predictions=trace.predictions, weights=trace.weights)


STATES: dict[str, tuple[Callable[[Trace], Trace], int]] = {
    "running": (lambda trace: killed(trace, 2, RUNNING), 2),
    "killed before an epoch": (lambda trace: killed(trace, 0), 0),
    "a layer raised": (lambda _: failed(), 0),
    "not a number": (not_a_number, 3),
    "no validation": (without_validation, 3),
    "one epoch": (one_epoch, 1),
    "many epochs": (lambda trace: lengthened(trace, LONG), LONG),
}


def looked_at(page: Page) -> str:
    """All that the page says, with every stage opened once."""
    page.evaluate(
        "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"
    )
    said = [page.locator("body").inner_text()]
    for tab in page.get_by_role("tab").all():
        tab.click()
        said.append(page.locator("#panel").inner_text())
    return " ".join(said)


@pytest.mark.parametrize("state", STATES)
def test_every_state_shows_what_was_recorded(pages: Pages, digits_trace: Trace, state: str) -> None:
    make, epochs = STATES[state]
    page = pages.open(make(digits_trace))
    assert page.locator(".headline").inner_text()
    without = page.locator("section:has(#flow) .notice", has_text="not recorded")
    assert without.count() == (state == "killed before an epoch")
    told = looked_at(page)
    assert not re.search(r"undefined|\bnull\b|NaN\s%|\[object", told)
    title = page.locator("#training-title small").inner_text()
    assert title == f"{epochs} epoch{'' if epochs == 1 else 's'}"
    empty = "all => all.filter(each => each.offsetHeight && !each.textContent.trim()).length"
    assert page.locator("main section, main p:not(.agreement), main li").evaluate_all(empty) == 0


def test_nan_is_neither_zero_nor_a_prediction(pages: Pages, digits_trace: Trace) -> None:
    page = pages.open(not_a_number(digits_trace), place="#stage=conv2d")
    output = page.locator(".pictures canvas").nth(1)
    expect(output).to_have_class("broken")
    expect(page.locator(".origin")).to_contain_text("NaN")
    results = page.locator("section:has(#results)")
    expect(results.locator(".verdict")).to_contain_text("NaN")
    assert results.locator(".matrix, .wrongs, .nowfollowed").filter(visible=True).count() == 0
    # A line that ends before the last epoch says where.
    label = page.locator(".small svg .label.training").first
    expect(label).to_contain_text(re.compile(r", epoch \d+$"))
    for bar in page.locator(".fewbars i").all():
        assert (bar.bounding_box() or {"width": 0})["width"] <= 1


def test_it_reloads_where_its_reader_was_until_it_is_stopped(
    pages: Pages, digits_trace: Trace, tmp_path: Path
) -> None:
    assert "data-reload" not in trace_page(digits_trace)
    running = replace(digits_trace, ending=Ending(RUNNING))
    path = tmp_path / "running.html"

    def write(trace: Trace) -> None:
        text = trace_page(trace).replace('data-reload="10"', 'data-reload="2"')
        path.write_text(text, encoding="utf-8")

    write(running)
    page = pages.open(place="#theme=dark")
    page.goto(f"{path.as_uri()}#stage=dense&at=3&theme=dark")
    page.wait_for_selector("footer")
    place = 700
    page.evaluate("place => scrollTo(0, place)", place)
    write(replace(running, run=replace(running.run, title="Written again")))
    expect(page.locator("h1")).to_have_text("Written again", timeout=30_000)
    # It may load itself again while it is asked.
    page.wait_for_function(
        "place => document.querySelector('footer') && Math.abs(scrollY - place) < 5", arg=place
    )
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    assert page.url.endswith("#stage=dense&at=3&theme=dark")
    page.locator(".notice button").click()
    assert address(page).endswith("&reload=0")
    write(running)
    page.wait_for_timeout(5000)
    assert page.locator("h1").text_content() == "Written again"
    write(replace(digits_trace, run=replace(running.run, title="Finished")))
    page.locator(".notice button").click()
    page.mouse.move(1, 1)
    expect(page.locator("h1")).to_have_text("Finished", timeout=30_000)
    assert page.locator(".notice button").count() == 0


RANGES = [
    ([0, 0.4, 1], [0, 1]),
    ([0, 3, 2], [0, 255]),  # a dark photograph
    ([0.5, 130.2], [0, 255]),
    ([0, 1.75], [0, 1.75]),
    ([-1, 0.5], [-1, 1]),
    ([-2.1, 2.6], [-2.1, 2.6]),
    ([0, 900], [0, 900]),
]


def test_images_in_colour_are_on_the_scale_of_their_values(shown: Page) -> None:
    found = shown.evaluate(
        "async all => { const { brightness } = await import('viewer/colour.js'); return all.map(brightness); }",
        [values for values, _ in RANGES],
    )
    assert found == [wanted for _, wanted in RANGES]


NAN_KERNEL = """async () => {
  const [{ dense }, { convolution }, { values }] = await Promise.all(
    ["dense", "convolution", "values"].map((name) => import(`viewer/model/${name}.js`)),
  );
  const kernel = values([2, 1], new Float32Array([NaN, 2]));
  const [sum] = dense.compute({ config: {} }, [values([2], new Float32Array([0, 1]))], { kernel }).data;
  const stage = { layer: "Conv1D", config: { padding: "same" } };
  const steps = values([3, 1], new Float32Array([0, 1, 2]));
  const outcome = (weights) => convolution.compute(stage, [steps], { kernel: values([2, 1, 1], new Float32Array(weights)) });
  return [String(sum), outcome([NaN, 2]), [...outcome([1, 2]).data]];
}"""


def test_weights_that_are_nan_are_not_lost_where_an_input_is_zero(shown: Page) -> None:
    assert shown.evaluate(NAN_KERNEL) == ["NaN", None, [2, 5, 2]]
