"""The stages one at a time: how a value came to be, as a person points, types and follows links."""

import re
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address, go, settle

from pipetrace.trace import Trace
from pipetrace.trace.document import Array, Stages

OUTPUT = ".pictures > div:nth-child(2) .picture"
INPUT = ".pictures > div:nth-child(1) .picture"


@pytest.fixture(scope="module")
def several(digits_trace: Trace) -> Trace:
    """The digits with a second row, of which only the image was recorded."""
    [first] = digits_trace.predictions
    other = {"input_image": first.outputs["input_image"][::-1].copy()}
    rows = (first, replace(first, row=7, label=1, reason="surest wrong", outputs=other))
    return replace(digits_trace, predictions=rows)


@pytest.fixture(scope="module")
def opened(shared: Pages, several: Trace) -> Page:
    return shared.open(several)


@pytest.fixture
def page(opened: Page, several: Trace) -> Page:
    """One page for all tests, back at the first row; each opens the stage that it is about."""
    opened.keyboard.press("Escape")
    go(opened, f"row={several.predictions[0].row}")
    opened.mouse.move(0, 0)
    return opened


def maps(trace: Trace, stage: str) -> Array:
    return trace.predictions[0].outputs[stage]


def open_stage(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(name)).click()


def here(page: Page) -> dict[str, str]:
    return dict(part.split("=") for part in address(page).partition("#")[2].split("&"))


def place(page: Page) -> tuple[int, ...]:
    return tuple(int(index) for index in here(page)["at"].split("."))


def point(page: Page, image: str, row: int, column: int, rows: int, columns: int) -> None:
    found = page.locator(image)
    settle(page)  # what is still drawn above moves it
    box = found.bounding_box()
    assert box
    x, y = box["width"] * (column + 0.5) / columns, box["height"] * (row + 0.5) / rows
    found.hover(position={"x": x, "y": y})


def grids(page: Page) -> list[list[float]]:
    """The window, the kernel and the products, exact."""
    return [
        [float(cell.get_attribute("title") or "nan") for cell in grid.locator("span").all()]
        for grid in page.locator(".numbers").all()
    ]


def test_a_convolution_multiplies_the_window_by_the_kernel(page: Page, several: Trace) -> None:
    open_stage(page, "Conv2D")
    point(page, OUTPUT, 6, 11, 26, 26)
    row, column, channel = place(page)
    assert (row, column) == (6, 11)
    window, kernel, products = map(np.array, grids(page))
    patch = maps(several, "scale")[row : row + 3, column : column + 3, 0]
    weights = several.weights["conv2d/kernel"][:, :, 0, channel]
    assert np.allclose(window, patch.reshape(-1), atol=1e-7)
    assert np.allclose(kernel, weights.reshape(-1), atol=1e-7)
    assert np.allclose(products, window * kernel, atol=1e-7)
    recorded = maps(several, "conv2d")[row, column, channel]
    assert f"Keras recorded {recorded:.7f}" in page.locator(".check").inner_text()
    assert max(0, products.sum() + several.weights["conv2d/bias"][channel]) == pytest.approx(
        recorded, abs=1e-5
    )


def test_a_window_is_moved_in_its_input_and_by_the_keys(page: Page) -> None:
    open_stage(page, "Conv2D")
    point(page, INPUT, 10, 10, 28, 28)
    assert place(page)[:2] == (9, 9)
    page.locator(OUTPUT).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert place(page)[:2] == (14, 10)
    for _ in range(10):
        page.keyboard.press("Shift+ArrowLeft")
    assert place(page)[:2] == (14, 0)


def test_a_chosen_channel_stays_chosen_in_every_stage(page: Page) -> None:
    open_stage(page, "Conv2D")
    page.get_by_role("button", name="Channel 14", exact=True).click()
    for stage in ("MaxPooling2D", "Flatten", "Dense", "MaxPooling2D"):
        open_stage(page, stage)
    assert place(page)[2] == 14
    pressed = page.locator(".tiles [aria-pressed=true]")
    assert pressed.count() == 1
    assert pressed.get_attribute("aria-label") == "Channel 14"
    open_stage(page, "Conv2D")
    page.locator("details.more summary").click()
    page.locator(".kernels input").first.wait_for(state="attached")
    checked = "all => all.findIndex(each => each.checked)"
    assert page.locator(".kernels input").evaluate_all(checked) == 14


def test_pooling_outlines_the_largest(page: Page, several: Trace) -> None:
    open_stage(page, "MaxPooling2D")
    point(page, OUTPUT, 6, 6, 13, 13)
    row, column, channel = place(page)
    block = maps(several, "conv2d")[
        2 * row : 2 * row + 2, 2 * column : 2 * column + 2, channel
    ].reshape(-1)
    [cells] = grids(page)
    assert np.allclose(cells, block, atol=1e-6)
    outlined = page.locator(".numbers .winner")
    assert float(outlined.get_attribute("title") or "nan") == pytest.approx(block.max(), abs=1e-6)


def test_a_class_is_made_of_contributions_that_lead_to_their_places(page: Page) -> None:
    open_stage(page, "Dense")
    page.get_by_role("button", name=re.compile("^3")).first.click()
    assert place(page) == (3,)
    first = page.locator(".terms tbody .bare").first
    at = [int(number) for number in re.findall(r"\d+", first.inner_text())]
    first.click()
    assert here(page)["stage"] == "max_pooling2d"
    assert list(place(page)) == at


def test_the_steps_of_a_class_add_up(page: Page) -> None:
    open_stage(page, "Dense")
    texts = dict(
        zip(
            page.locator(".steps dt").all_inner_texts(),
            page.locator(".steps dd").all_inner_texts(),
            strict=True,
        )
    )
    numbers = [float(text.replace("\u2212", "-")) for text in list(texts.values())[:-1]]
    gain, loss, total, bias, logit = numbers
    assert gain + loss == pytest.approx(total, abs=1e-3)
    assert total + bias == pytest.approx(logit, abs=1e-5)


def test_another_row_changes_every_image_and_is_compared_only_where_recorded(page: Page) -> None:
    open_stage(page, "Conv2D")
    assert "Keras recorded" in page.locator(".check").inner_text()
    page.locator(".row").nth(1).click()
    assert here(page)["row"] == "7"
    page.locator(".check").scroll_into_view_if_needed()  # out of sight it is drawn later
    expect(page.locator(".check")).not_to_contain_text("Keras recorded")
    assert page.locator(".numbers").count() == 3


def test_a_difference_is_shown(pages: Pages, digits_trace: Trace) -> None:
    weights = dict(digits_trace.weights) | {
        "conv2d/kernel": digits_trace.weights["conv2d/kernel"] * 1.001
    }
    page = pages.open(replace(digits_trace, weights=weights))
    open_stage(page, "Conv2D")
    assert page.locator(".check.wrong").count() == 1


def test_the_address_opens_what_it_names_and_ignores_nonsense(pages: Pages, several: Trace) -> None:
    page = pages.open(several, place="#stage=nowhere&at=1")
    assert page.locator(".calchead").count() == 1
    for nonsense in ("#stage=conv2d&at=99.0.0", "#stage=conv2d&at=x&row=1e9"):
        go(page, nonsense)
        assert page.locator(".calchead").count() == 1
    page = pages.open(several, place="#stage=conv2d&at=8.15.14&row=7", again=page)
    assert page.get_by_role("tab", selected=True).inner_text().startswith("Conv2D")
    assert "line 8, column 15, channel 14" in page.locator(".calchead").inner_text()
    assert page.locator(".row[aria-pressed=true]").inner_text() == (
        page.locator(".row").nth(1).inner_text()
    )


BOTH_AT_ONCE = """() => {
  document.querySelector("[role=tab][aria-selected=false]").click();
  const late = performance.now() + 150;
  while (performance.now() < late); // what the click writes into the address is due
  location.hash = "stage=dense&at=3";
}"""


def test_an_address_that_is_given_while_another_is_to_be_written_is_followed(page: Page) -> None:
    open_stage(page, "Conv2D")
    page.evaluate(BOTH_AT_ONCE)
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Dense")
    assert (here(page)["stage"], here(page)["at"]) == ("dense", "3")


def test_the_window_slides_over_the_map_and_stops(page: Page) -> None:
    open_stage(page, "Conv2D")
    button = page.get_by_role("button", name="Slide the window")
    button.click()
    page.wait_for_url(re.compile(r"at=0\.\d+\."))
    first = address(page)
    page.wait_for_function("first => location.href !== first", arg=first)
    page.get_by_role("button", name="Stop").click()
    stopped = address(page)
    page.wait_for_timeout(700)
    assert page.url == stopped


def test_after_the_last_position_the_chosen_value_is_back(pages: Pages) -> None:
    page = pages.open()
    open_stage(page, "MaxPooling2D")
    point(page, OUTPUT, 6, 6, 13, 13)
    begun = address(page)
    page.evaluate("() => { const wait = setInterval; window.setInterval = work => wait(work, 1); }")
    button = page.get_by_role("button", name="Slide the window")
    button.click()
    page.wait_for_function("begun => location.href !== begun", arg=begun)
    button.wait_for(timeout=60_000)
    assert address(page) == begun


def test_tabs_are_walked_by_the_keys(page: Page) -> None:
    open_stage(page, "Input image")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", selected=True).inner_text().startswith("Conv2D")
    page.keyboard.press("End")
    assert page.get_by_role("tab", selected=True).inner_text().startswith("Dense")


def test_a_word_is_explained_where_it_stands_first(page: Page) -> None:
    open_stage(page, "Conv2D")
    words = page.locator(".what .word")
    assert len({word.split("\n")[0].rstrip("s") for word in words.all_inner_texts()}) == (
        words.count()
    )
    tip = words.first.get_by_role("tooltip", include_hidden=True)
    assert not tip.is_visible()
    words.first.focus()
    assert tip.is_visible()


def test_a_stage_without_an_explanation_says_so(pages: Pages, digits_trace: Trace) -> None:
    stages = Stages(
        replace(stage, layer="Custom") if stage.name == "conv2d" else stage
        for stage in digits_trace.stages
    )
    page = pages.open(replace(digits_trace, stages=stages), place="#stage=conv2d")
    assert page.locator(".numbers").count() == 0
    assert page.locator(OUTPUT).count() == 1
    assert page.locator(".origin").inner_text()
    open_stage(page, "MaxPooling2D")  # goes on from what was recorded
    assert "Keras recorded" in page.locator(".check").inner_text()


def test_a_stage_without_channels_keeps_the_chosen_one(page: Page) -> None:
    open_stage(page, "Conv2D")
    page.get_by_role("button", name="Channel 5", exact=True).click()
    for between in ("Input image", "Dense"):
        open_stage(page, between)
        open_stage(page, "Conv2D")
        assert place(page)[-1] == 5


def test_a_chosen_position_stays_through_stages_that_have_none(page: Page) -> None:
    open_stage(page, "Conv2D")
    point(page, OUTPUT, 7, 20, 26, 26)
    chosen = place(page)
    for stage, expected in (
        ("Scale", (8, 21)),  # the middle of the window
        ("Conv2D", (7, 20)),
        ("MaxPooling2D", (3, 10)),
        ("Flatten", (3 * 13 * 32 + 10 * 32 + chosen[2],)),
        ("MaxPooling2D", (3, 10)),
        ("Dense", ()),
        ("MaxPooling2D", (3, 10)),
        ("Dense", ()),
        ("Flatten", (3 * 13 * 32 + 10 * 32 + chosen[2],)),
    ):
        open_stage(page, stage)
        assert place(page)[: len(expected[:2])] == expected[:2], stage
    assert chosen[2] != 0


def test_the_terms_that_are_listed_say_how_much_they_are(page: Page, several: Trace) -> None:
    open_stage(page, "Dense")
    point_at = place(page)[0]
    products = maps(several, "flatten").astype(float) * several.weights["dense/kernel"][:, point_at]
    largest = np.sort(products)
    share = np.abs(np.r_[largest[:5], largest[-5:]]).sum() / np.abs(products).sum()
    told = page.locator(".terms caption").inner_text()
    assert float(re.findall(r"[\d.]+(?=\xa0%)", told)[0]) == pytest.approx(100 * share, abs=0.06)
    # All of them are in the image, by their position.
    sums = products.reshape(13, 13, 32).sum(axis=2)
    point(page, ".addmap .picture", 4, 9, 13, 13)
    read = page.locator(".addmap .caption").last.inner_text().replace("\u2212", "-")
    assert float(read.split(": ")[1]) == pytest.approx(sums[4, 9], abs=1e-4)


def test_zeros_say_of_how_many_rows_they_are(page: Page, several: Trace) -> None:
    open_stage(page, "Conv2D")
    probe = several.epochs[-1].probe["conv2d"]
    title = page.locator(".courses strong", has_text="Zeros").inner_text()
    assert title.endswith(f" {probe.count // (26 * 26 * 32)} rows")
    assert page.locator(".explorer .measured b").inner_text() == f"On {several.rows:,} rows:"


def test_nothing_plays_on_behind_the_keys(page: Page) -> None:
    open_stage(page, "Conv2D")
    page.get_by_role("button", name="Slide the window").click()
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    assert page.locator(".slide[aria-pressed=true]").count() == 0


def test_a_step_shows_its_own_formula_and_no_window(page: Page) -> None:
    open_stage(page, "Scale")
    assert page.locator(".origin").inner_text().count("255")
    assert "mean" not in page.locator(".origin").inner_text()
    assert page.locator("button.slide").count() == 0
    open_stage(page, "MaxPooling2D")
    assert page.locator("button.slide").count() == 1


def test_a_tab_shows_its_stage_from_the_top(page: Page) -> None:
    open_stage(page, "Conv2D")
    page.evaluate("document.getElementById('panel').scrollIntoView({ block: 'end' })")
    open_stage(page, "MaxPooling2D")
    page.wait_for_timeout(300)
    tops = "() => [panel.getBoundingClientRect().top, document.querySelector('.tabs').getBoundingClientRect().bottom]"
    top, tabs = page.evaluate(tops)
    assert -2 <= top - tabs <= 60
