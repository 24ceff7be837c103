"""A row of the reader's own: drawn, set pixel by pixel, or typed; the page computes it and says that it is theirs."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address, go, settle
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.browser.test_explorer import open_stage
from tests.tasks import ROWS, Net, made, regression, several, untrained

from pipetrace.trace import Trace
from pipetrace.trace.document import Array, Weight

pytestmark = pytest.mark.browser

TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""After them all that was drawn on is followed."""
PICTURE = "each => each.toDataURL()"
PIXELS = """async () => {
  const { Model } = await import("viewer/model/model.js");
  const { asMnist, dab } = await import("viewer/own/ink.js");
  const { values } = await import("viewer/model/values.js");
  const made = [[40, 60, 8, 30], [28, 28, 20, 12], [10, 90, 4, 60]].map(([rows, columns, row, column]) => {
    const field = values([rows, columns]);
    for (let step = 0; step < 8; step++) dab(field, row + step / 2, column + step);
    return [...asMnist(field).data];
  });
  return [...made, [...asMnist(values([28, 28])).data]];
}"""


def pooled(trace: Trace, image: Array) -> Array:
    """What goes into the dense layer of the digits, by NumPy."""
    weights = {name: each.astype(float) for name, each in trace.weights.items()}
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    maps = np.einsum("rcij,ijf->rcf", windows, weights["conv2d/kernel"][:, :, 0])
    maps = (maps + weights["conv2d/bias"]).clip(0)
    largest: Array = maps.reshape(13, 2, 13, 2, -1).max(axis=(1, 3)).reshape(-1)
    return largest


def bench(page: Page) -> None:
    """Go to where one's own is tried, and wait until the page has compared itself."""
    page.locator("#own").scroll_into_view_if_needed()
    page.locator("#own .bench").wait_for(timeout=60_000)


def drag(page: Page, *places: tuple[float, float]) -> None:
    field = page.locator(".drawn")
    field.scroll_into_view_if_needed()
    settle(page)
    box = field.bounding_box()
    assert box
    for at, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if not at:
            page.mouse.down()
    page.mouse.up()


def painted(page: Page, stage: str) -> str:
    """The picture of what a stage gives, for comparisons; out of view it is painted when it comes near again."""
    open_stage(page, stage)
    expect(page.locator(".pictures [data-stale]")).to_have_count(0)
    return str(page.locator(".pictures canvas").first.evaluate(PICTURE))


@pytest.fixture(scope="module")
def offered(shown: Page) -> Page:
    bench(shown)
    return shown


@pytest.fixture
def page(offered: Page) -> Page:
    """One page for all tests, on which nothing is drawn."""
    go(offered, "#epoch=3")
    for name in ("Draw", "Clear"):
        offered.get_by_role("button", name=name, exact=True).press("Enter")
    return offered


def test_ink_is_scaled_and_centred_as_in_mnist(shown: Page) -> None:
    *drawn, empty = [np.array(each).reshape(28, 28) for each in shown.evaluate(PIXELS)]
    assert not empty.any()
    for image in drawn:
        rows, columns = np.nonzero(image > 1e-6)
        longest = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 20 <= longest <= 21  # the box may lie between pixels
        for axis in (0, 1):
            places = np.arange(28) + 0.5
            middle = (image.sum(axis=1 - axis) * places).sum() / image.sum()
            assert middle == pytest.approx(14, abs=0.05)
        assert image.min() >= 0
        assert image.max() <= 1 + 1e-6


def test_a_drawn_digit_is_followed_everywhere(page: Page, digits_trace: Trace) -> None:
    status = page.locator("#own [role=status]").inner_text()
    kept = digits_trace.kept_rows
    assert kept is not None
    assert f"all {len(kept.numbers)} rows" in status
    before = painted(page, "Input image")
    drag(page, (0.3, 0.2), (0.7, 0.2), (0.45, 0.8))
    page.locator(".yours").wait_for()
    after = painted(page, "Input image")
    assert before != after
    open_stage(page, "Conv2D")
    assert "Keras recorded" not in page.locator(".check").inner_text()
    assert "yours" in page.locator(".check").inner_text()
    said = page.locator(".ownresult .marked .name").inner_text()
    open_stage(page, "Dense")
    best = page.locator(".vector .marked").locator("xpath=ancestor::tr").locator("th").first
    assert best.inner_text().startswith(said)
    assert "row=" not in address(page)
    page.get_by_role("button", name="Back to the recorded row").click()
    assert painted(page, "Input image") == before
    assert not page.locator(".yours").count()


def test_what_is_drawn_gives_what_keras_weights_give(page: Page, digits_trace: Trace) -> None:
    """The probabilities of one's own row, computed again in NumPy from the pixels on the page."""
    page.get_by_role("button", name="Start from this row").click()
    page.get_by_role("button", name="Set pixels").click()
    page.locator(".drawn").focus()
    corner = ["Shift+ArrowUp", "Shift+ArrowLeft"] * 6
    for key in (*corner, "ArrowRight", "ArrowDown", "Enter", "ArrowDown", " "):
        page.keyboard.press(key)
    page.locator(".yours").wait_for()
    page.evaluate(TWO_FRAMES)
    row = digits_trace.predictions[0].row
    kept = digits_trace.kept_rows
    assert kept is not None
    [scaled] = kept.inputs.values()
    image = scaled[kept.numbers.tolist().index(row)].astype(float).reshape(28, 28)
    image = image * (255 if image.max() <= 1 else 1)
    image[1, 1] = image[2, 1] = image.max() if image.max() > 250 else 255
    weights = {name: each.astype(float) for name, each in digits_trace.weights.items()}
    logits = pooled(digits_trace, image / 255) @ weights["dense/kernel"] + weights["dense/bias"]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    told = page.locator(".ownresult .bars li > span:last-child").all_inner_texts()
    for text, share in zip(told, shares, strict=True):
        number = float(text.strip("<> %\u00a0"))
        assert number == pytest.approx(100 * share, abs=0.11)


def test_the_field_shows_the_chosen_row_until_a_stroke_which_moves_nothing(pages: Pages) -> None:
    page = pages.open(viewport={"width": 1280, "height": 1300})
    bench(page)
    drawn = page.locator(".drawn canvas")
    seen = [drawn.evaluate(PICTURE)]
    other = page.locator(".thumbs [data-row]").first.get_attribute("data-row")
    go(page, f"#row={other}")
    seen.append(drawn.evaluate(PICTURE))
    assert seen[0] != seen[1]
    field = page.locator(".drawn")
    field.scroll_into_view_if_needed()
    settle(page)
    before = field.bounding_box()
    assert before
    page.mouse.move(before["x"] + 60, before["y"] + 60)
    page.mouse.down()
    page.mouse.move(before["x"] + 120, before["y"] + 120, steps=4)
    page.locator(".yours").wait_for()
    settle(page)
    after = field.bounding_box()
    page.mouse.up()
    assert after
    assert after["y"] == pytest.approx(before["y"], abs=1.5)
    # What the reader drew stays.
    go(page, "#")
    assert drawn.evaluate(PICTURE) not in seen


def test_the_field_is_cleared_and_drawn_with_the_keys(page: Page) -> None:
    canvas = page.locator(".drawn canvas")
    page.get_by_role("button", name="Clear").click()
    empty = canvas.evaluate(PICTURE)
    result = page.locator(".ownresult")
    expect(result).to_contain_text("Nothing is drawn")
    page.locator(".drawn").focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press(" ")
    page.locator(".yours").wait_for()
    assert canvas.evaluate(PICTURE) != empty
    expect(result).not_to_contain_text("Nothing is drawn")
    page.get_by_role("button", name="Clear").click()
    expect(result).to_contain_text("Nothing is drawn")
    assert page.locator(".yours").count() == 0


def test_an_epoch_applies_to_ones_own_row_too(page: Page) -> None:
    go(page, "#epoch=0")
    drag(page, (0.5, 0.15), (0.5, 0.85))
    page.locator(".yours").wait_for()
    untrained_ = page.locator(".ownresult .bars").inner_text()
    assert "epoch 0" in page.locator(".yours").inner_text()
    go(page, "#epoch=3")
    expect(page.locator(".ownresult .bars")).not_to_have_text(untrained_)


def test_a_feature_is_typed(pages: Pages) -> None:
    trace = regression()
    page = pages.open(trace)
    bench(page)
    kept = trace.kept_rows
    assert kept is not None
    [table] = kept.inputs.values()
    fields = page.locator(".fields input")
    assert fields.count() == table.shape[1]
    fields.nth(2).fill("1.5")
    row = table[trace.predictions[0].row].astype(float)
    row[2] = 1.5
    weights = trace.weights
    hidden = (row @ weights["hidden/kernel"] + weights["hidden/bias"]).clip(0)
    price = (hidden @ weights["price/kernel"] + weights["price/bias"]).item()
    told = page.locator(".ownresult .verdict").inner_text().replace("\u2212", "-")
    assert float(told) == pytest.approx(price, rel=1e-3)
    # The features of a table are not compared with each other.
    assert page.locator(".glance .told b").count() == table.shape[1] + 1
    fields.nth(2).fill("")
    assert fields.nth(2).get_attribute("aria-invalid") == "true"
    ranges = page.locator(".fields small").all_inner_texts()
    low, high = re.findall(r"[\u2212\d.]+", ranges[0])
    assert float(low.replace("\u2212", "-")) == pytest.approx(table[:, 0].min(), rel=0.01)
    assert float(high.replace("\u2212", "-")) == pytest.approx(table[:, 0].max(), rel=0.01)


def words() -> Trace:
    """Texts that the model itself numbers by a recorded vocabulary."""
    net, rng = Net(), np.random.default_rng(4)
    tokens = rng.integers(2, 5, (ROWS, 4)).astype(np.int64)
    vocabulary, table = ["good", "bad", "soup"], rng.normal(size=(5, 3)).astype(np.float32)
    config = {"vocabulary": vocabulary, "vocabulary_size": 5, "output_mode": "int"}
    texts = np.array([" ".join(vocabulary[at - 2] for at in row) for row in tokens])
    net.layer("words", "TextVectorization", net.source("text", texts), tokens, config)
    net.layer("vectors", "Embedding", "words", table[tokens], {"input_dim": 5, "output_dim": 3})
    net.weights["vectors/embeddings"] = table
    net.stages[-1] = replace(net.stages[-1], weights=(Weight("embeddings", table.shape),))
    net.layer("mean", "GlobalAveragePooling1D", "vectors", table[tokens].mean(axis=1), {})
    net.dense("scores", "mean", 3, "softmax")
    metrics = [{"loss": 1.0}]
    return made(
        net,
        "sparse_categorical_crossentropy",
        metrics,
        targets=[np.arange(ROWS) % 3],
        counts=(2, 2, 2),
    )


def test_a_token_of_a_text_is_changed(pages: Pages) -> None:
    trace = words()
    assert trace.kept_rows is not None
    page = pages.open(trace)
    assert page.locator(".glance .shape").first.inner_text() == "one text"
    assert page.locator(".glance .inwords").first.inner_text() in trace.kept_rows.inputs["text"]
    assert page.locator(".thumbs .inwords, .kinds .inwords").first.inner_text().split()[0] in (
        "good",
        "bad",
        "soup",
    )
    bench(page)
    fields = page.locator(".fields input")
    before = trace.predictions[0].outputs["words"]
    vocabulary = ["", "[UNK]", "good", "bad", "soup"]
    assert [each.input_value() for each in fields.all()] == [vocabulary[at] for at in before]
    now = before.copy()
    now[1] = 2 if before[1] != 2 else 3
    fields.nth(1).fill(vocabulary[now[1]])
    fields.nth(1).blur()
    weights = trace.weights
    logits = weights["vectors/embeddings"][now].mean(axis=0) @ weights["scores/kernel"]
    shares = np.exp(logits + weights["scores/bias"])
    told = page.locator(".ownresult .bars li > span:last-child").all_inner_texts()
    assert [float(text.strip("%\u00a0")) for text in told] == pytest.approx(
        list(100 * shares / shares.sum()), abs=0.06
    )
    fields.nth(1).fill("sup")
    fields.nth(1).blur()
    assert fields.nth(1).get_attribute("aria-invalid") == "true"


def test_a_text_is_followed_through_earlier_epochs(pages: Pages) -> None:
    trace = words()
    halved = {name: each / 2 for name, each in trace.weights.items()}
    row = trace.predictions[0].row
    page = pages.open(
        replace(trace, weights_after={1: halved}), place=f"#stage=vectors&at=1.2&epoch=1&row={row}"
    )
    token = trace.predictions[0].outputs["words"][1]
    told = page.locator("#panel .result").inner_text().replace("\u2212", "-")
    assert float(told) == pytest.approx(halved["vectors/embeddings"][token, 2], abs=1e-6)
    assert set(page.locator(".glance .inwords").last.inner_text().split()) <= {
        "good",
        "bad",
        "soup",
    }
    # The number of a word has no size.
    assert set(page.locator(".vector .token").all_inner_texts()) <= {"good", "bad", "soup"}
    assert page.locator(".vector .track").count() == 0
    assert len(page.locator(".inlines li").all_inner_texts()) == 4


def wrong_weights(trace: Trace) -> Trace:
    changed = trace.weights["conv2d/kernel"] * 1.01
    return replace(trace, weights={**trace.weights, "conv2d/kernel": changed})


def unknown_layer(trace: Trace) -> Trace:
    stages = [
        replace(each, layer="Custom") if each.name == "conv2d" else each for each in trace.stages
    ]
    return replace(trace, stages=type(trace.stages)(stages))


@pytest.mark.parametrize("change", [wrong_weights, unknown_layer])
def test_what_does_not_agree_or_cannot_be_computed_is_not_offered(
    pages: Pages, digits_trace: Trace, change: Callable[[Trace], Trace]
) -> None:
    page = pages.open(change(digits_trace))
    page.locator("#own").scroll_into_view_if_needed()
    expect(page.locator("#own [role=status]")).to_contain_text("Not offered", timeout=60_000)
    assert page.locator(".bench").count() == 0


def test_axe_finds_nothing_wrong_with_it(page: Page) -> None:
    page.get_by_role("button", name="Start from this row").click()
    page.get_by_role("button", name="Set pixels").click()
    page.locator(".yours").wait_for()
    clean_in_both_schemes(page)


def test_several_inputs_and_outputs(pages: Pages) -> None:
    page = None
    for trace in (several(), untrained()):
        page = pages.open(trace, again=page)
        page.locator("#own").scroll_into_view_if_needed()
        expect(
            page.locator("#own .bench, #own [role=status]:has-text('Not offered')")
        ).to_have_count(1)
