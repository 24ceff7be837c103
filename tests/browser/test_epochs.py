"""The model after every epoch: computed for every row, compared with what Keras gave, and looked at as a person does."""

from dataclasses import replace
from typing import Any

import numpy as np
from playwright.sync_api import Page
from tests.browser.conftest import Pages
from tests.browser.test_explorer import here

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


def test_the_address_names_a_kept_row_and_an_epoch(pages: Pages, digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    row, place = int(kept.numbers[5]), 5
    page = pages.open(place=f"#stage=dense&row={row}&epoch=1")
    assert here(page)["epoch"] == "1"
    [largest] = np.argsort(kept.outputs_after[1][0][place])[-1:]
    assert f"row {row}" in page.locator(".panel").inner_text()
    assert f"{100 * kept.outputs_after[1][0][place][largest]:.1f}"[:3] in (
        page.locator(".panel").inner_text()
    )
    for nonsense in ("#stage=dense&row=x&epoch=-1", "#stage=dense&row=&epoch=9&at=1"):
        assert "Keras recorded" in pages.open(place=nonsense).locator(".check").inner_text()


def test_a_difference_after_an_epoch_is_shown(pages: Pages, digits_trace: Trace) -> None:
    after = dict(digits_trace.weights_after)
    after[1] = {**after[1], "dense/bias": after[1]["dense/bias"] + np.arange(10, dtype=np.float32)}
    page = pages.open(replace(digits_trace, weights_after=after), place="#stage=dense&epoch=1")
    assert page.locator(".check.wrong").count() == 1
    page = pages.open(replace(digits_trace, weights_after=after), place="#stage=dense&epoch=2")
    assert page.locator(".check.wrong").count() == 0
