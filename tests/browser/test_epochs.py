"""The model after every epoch: computed for every row, compared with what Keras gave, and looked at as a person does."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, go, settle
from tests.browser.test_explorer import here, maps, open_stage
from tests.traces import killed, lengthened

from pipetrace.trace import Trace

COMPUTE = """async () => {
  const { Model } = await import("viewer/model/model.js");
  const { OWN } = await import("viewer/model/rows.js");
  const bytes = Uint8Array.from(atob(document.getElementById("model").textContent), (each) => each.charCodeAt(0));
  const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const model = new Model(await new Response(unzipped).json());
  const rows = [...model.rows.all.keys()];
  const all = model.epochs.flatMap((epoch) => rows.map((row) => model.agreement({ row, epoch })));
  const { shape, data } = model.rows.given(rows[1], "input_image");
  model.takeOwn({ input_image: { shape, data: data.slice() } });
  const last = model.outputs[0];
  const own = [rows[1], OWN].map((row) => [...model.pass({ row, epoch: 1 }).get(last).outputs[0].data]);
  return { epochs: model.epochs, rows, all, own };
}"""


def test_every_row_after_every_epoch_agrees_with_keras(shown: Page, digits_trace: Trace) -> None:
    found: dict[str, Any] = shown.evaluate(COMPUTE)
    kept = digits_trace.kept_rows
    assert kept is not None
    assert found["epochs"] == [0, 1, 2, 3]
    assert found["rows"] == kept.numbers.tolist()
    assert all(each["agrees"] for each in found["all"])
    assert max(each["difference"] for each in found["all"]) < 0.001
    assert found["own"][0] == found["own"][1]


@pytest.fixture
def page(shown: Page, digits_trace: Trace) -> Page:
    """One page for all tests, at its first row after the last epoch."""
    go(shown, f"#row={digits_trace.predictions[0].row}&epoch=3")
    shown.evaluate("scrollTo(0, 0)")
    return shown


def test_the_address_names_a_kept_row_and_an_epoch(page: Page, digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    row, place = int(kept.numbers[5]), 5
    go(page, f"#stage=dense&row={row}&epoch=1")
    assert here(page)["epoch"] == "1"
    [largest] = np.argsort(kept.outputs_after[1][0][place])[-1:]
    expect(page.locator(".panel")).to_contain_text(f"row {row}")
    share = f"{100 * kept.outputs_after[1][0][place][largest]:.1f}"[:3]
    expect(page.locator(".panel")).to_contain_text(share)
    go(page, f"#row={digits_trace.predictions[0].row}&epoch=3")
    for nonsense in ("#stage=dense&row=x&epoch=-1", "#stage=dense&row=&epoch=9&at=1"):
        go(page, nonsense)
        page.locator(".calc:not([data-stale])").wait_for()
        expect(page.locator(".check")).to_contain_text("Keras recorded")
        assert chosen(page) == ["3", "3"]


def test_a_difference_after_an_epoch_is_shown(pages: Pages, digits_trace: Trace) -> None:
    after = dict(digits_trace.weights_after)
    after[1] = {**after[1], "dense/bias": after[1]["dense/bias"] + np.arange(10, dtype=np.float32)}
    page = pages.open(replace(digits_trace, weights_after=after), place="#stage=dense&epoch=1")
    expect(page.locator(".check.wrong")).to_have_count(1)
    page.locator(".film").scroll_into_view_if_needed()
    expect(page.locator(".agreement.wrong")).to_have_count(1)
    go(page, "#stage=dense&epoch=2")
    expect(page.locator(".check.wrong")).to_have_count(0)


def kernels(page: Page) -> list[Any]:
    """The window, the kernel and the products of the value that is looked at, exact."""
    return [
        np.array(
            [float(cell.get_attribute("title") or "nan") for cell in each.locator("span").all()]
        )
        for each in page.locator(".numbers").all()
    ]


def chosen(page: Page) -> list[str]:
    """The epoch as each part of the page tells it."""
    return [
        page.locator(".scrubber .now").inner_text().replace("0", "start"),
        page.locator(".film thead .now").inner_text(),
    ]


def test_the_epoch_is_chosen_in_the_bar_the_table_the_chart_and_by_keys(page: Page) -> None:
    slider = page.get_by_role("slider", name="Epoch")
    assert chosen(page) == ["3", "3"]
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert chosen(page) == ["2", "2"]
    assert slider.get_attribute("aria-valuetext") == "after epoch 2"
    page.locator("h1").click()
    for key, epoch in ((",", "1"), (",", "start"), (",", "start"), (".", "1")):
        page.keyboard.press(key)
        assert chosen(page) == [epoch, epoch]
    page.get_by_role("button", name="Show the model before training").click()
    assert chosen(page) == ["start", "start"]
    page.locator(".story button.bare").nth(1).click()
    assert chosen(page) == ["2", "2"]
    assert page.locator(".story .now").get_attribute("id") == "epoch/2"
    plot = page.locator(".film .plot").first
    plot.scroll_into_view_if_needed()
    settle(page)
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40)
    page.mouse.down()
    assert chosen(page) == ["3", "3"]
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
    page.mouse.up()
    assert chosen(page) == ["1", "1"]
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40)
    assert chosen(page) == ["1", "1"]
    page.wait_for_url(re.compile("epoch=1"))


def test_the_epochs_are_played_to_the_end(page: Page) -> None:
    page.get_by_role("button", name="Play the epochs").click()
    assert chosen(page) == ["start", "start"]
    assert page.get_by_role("button", name="Stop").count() == 1
    page.locator(".film thead .now", has_text="3").wait_for()
    assert page.get_by_role("button", name="Play the epochs").count() == 1


def test_everything_is_that_of_the_epoch(page: Page, digits_trace: Trace) -> None:
    open_stage(page, "Conv2D")
    page.locator(".tiles button").nth(6).click()
    row, column, channel = (int(index) for index in here(page)["at"].split("."))
    [accuracy] = page.locator(".key div", has_text="Validation accuracy").all()
    for epoch in (1, 0, 2):
        page.locator(".film thead button").nth(epoch).click()
        page.locator(".calc").scroll_into_view_if_needed()
        page.locator(".calc:not([data-stale])").wait_for()
        window, kernel, products = kernels(page)
        weights = digits_trace.weights_after[epoch]
        assert np.allclose(kernel, weights["conv2d/kernel"][:, :, 0, channel].reshape(-1))
        patch = maps(digits_trace, "scale")[row : row + 3, column : column + 3, 0]
        assert np.allclose(window, patch.reshape(-1), atol=1e-6)
        value = max(0.0, products.sum() + float(weights["conv2d/bias"][channel]))
        assert f"computed here: {value:.5f}"[:20] in page.locator(".calc").inner_text() or (
            f"{value:.3f}" in page.locator(".calc").inner_text()
        )
        text = accuracy.inner_text()
        if epoch:
            share = 100 * digits_trace.epochs[epoch - 1].metrics["val_accuracy"]
            assert f"{share:.0f}" in text or f"{share:.1f}" in text
            assert f"after epoch {epoch}" in text
        else:
            assert "before training" in text
        assert page.locator(".panel", has_text="measured after training").is_visible()
    said = [text.split()[0] for text in page.locator(".film .said").all_inner_texts()]
    kept = digits_trace.kept_rows
    assert kept is not None
    outputs = [*kept.outputs_after.values(), kept.outputs]
    assert said == [str(each[0][0].argmax()) for each in outputs]


def lacking(trace: Trace) -> Trace:
    return replace(trace, weights_after={}, kept_rows=None)


@pytest.mark.parametrize(
    ("change", "columns", "instead"),
    [
        (lacking, 3, True),
        (lambda trace: lacking(lengthened(trace, 200)), 7, True),
        (lambda trace: lengthened(trace, 200), 7, True),
        (lambda trace: killed(trace, 2), 3, False),
        (lambda trace: killed(trace, 1), 2, False),
        (lambda trace: replace(trace, epochs=trace.epochs[:1], weights_after={}), 2, True),
    ],
    ids=["no weights", "200 epochs", "200 epochs, some kept", "killed", "killed in 2", "one epoch"],
)
def test_what_was_not_kept_is_said(
    pages: Pages, digits_trace: Trace, change: Any, columns: int, instead: bool
) -> None:
    trace = change(digits_trace)
    page = pages.open(trace)
    assert page.locator(".film thead button").count() == columns
    assert page.locator(".film .figures").count() == len(trace.epochs[0].metrics) + 1
    page.locator(".film thead button").nth(columns // 2 - 1).click()
    found = page.locator(".explorer [role=status]")
    text = found.inner_text() if found.count() else ""
    assert bool(text) is instead
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_columns_of_a_long_training_span_all_of_it(shown: Page) -> None:
    columns = """async kept => {
      const { columnsOf } = await import("viewer/epochs/film.js");
      return columnsOf({ all: [...Array(201).keys()] }, { epochs: kept });
    }"""
    late = [0, 4, 100, *range(116, 140, 4), 200]
    assert shown.evaluate(columns, late) == [0, 4, 100, 132, 136, 200]
    assert shown.evaluate(columns, [200]) == [0, 33, 67, 100, 133, 167, 200]
