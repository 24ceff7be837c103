"""The page shows the view: its texts, its images pixel by pixel, and the exact value of each pixel."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page
from tests.browser.conftest import Pages, settle
from tests.traces import HOSTILE, broken, killed, lengthened, renamed

from pipetrace.present.build.document import document
from pipetrace.present.drawings import ImageView
from pipetrace.present.text import document_text
from pipetrace.present.views import Document
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = [pytest.mark.browser, pytest.mark.lists]

SECTIONS = [
    *("Data flow", "Training", "Right and wrong", "Prediction", "Try your own", "Quiz"),
    "Key insight",
]


@pytest.fixture(scope="module")
def made(digits_trace: Trace) -> Document:
    return document(digits_trace)


def words(text: str | None) -> str:
    return " ".join((text or "").replace("\u00a0", " ").split())


def section(page: Page, heading: str) -> Locator:
    return page.locator("section", has=page.locator("h2", has_text=heading))


def test_every_section_is_there_in_its_order(shown: Page, made: Document) -> None:
    headings = shown.locator("h2:visible").evaluate_all(
        "all => all.map(each => each.firstChild.textContent)"
    )
    assert headings == [*SECTIONS, "About this trace"]
    assert words(shown.locator("h1").text_content()) == made.title
    assert shown.title() == f"{made.title} · {made.kind}"
    assert words(shown.locator(".headline").text_content()) == made.headline


def test_each_stage_says_what_the_view_says(shown: Page, made: Document) -> None:
    items = shown.locator(".thread > li")
    assert items.count() == len(made.stages)
    for index, stage in enumerate(made.stages):
        text = words(items.nth(index).locator(".words").text_content())
        numbers = (stage.parameters or "", stage.parts or "", stage.arithmetic or "")
        for sentence in (
            stage.title,
            stage.name,
            stage.output,
            stage.does,
            stage.shape or "",
            *numbers,
        ):
            assert words(sentence) in text
        for sentence in (stage.example or "", *stage.measured):
            assert words(sentence) in text
        assert items.nth(index).get_attribute("id") == stage.id


def test_the_table_of_epochs_is_that_of_the_view(shown: Page, made: Document) -> None:
    lines = shown.locator(".film .figures")
    found = [
        [words(text) for text in line.locator("th, td").all_text_contents()] for line in lines.all()
    ]
    rows = made.training.rows
    assert found == [
        [name, made.training.start[place] or "\N{EN DASH}", *(row.cells[place] for row in rows)]
        for place, name in enumerate(made.training.columns[1:-1], 1)
    ]
    told = shown.locator(".story li")
    assert [words(text) for text in told.locator("div").all_text_contents()] == [
        row.observation for row in rows
    ]
    assert [each.get_attribute("id") for each in told.all()] == [row.id for row in rows]


def test_the_prediction_the_insight_and_the_foot_are_there(shown: Page, made: Document) -> None:
    assert made.prediction is not None
    text = words(section(shown, "Prediction").text_content())
    for sentence in (made.prediction.title, made.prediction.verdict, made.prediction.check):
        assert words(sentence) in text
    classes = made.prediction.layers[-1].bars
    assert section(shown, "Prediction").locator(".track").count() == len(classes)
    assert [words(each) for each in shown.locator("blockquote p").all_text_contents()] == [
        *made.insight
    ]
    foot = words(shown.locator("footer").text_content())
    for fact in made.foot:
        assert words(fact.text) in foot


def test_the_charts_have_a_point_for_each_value(shown: Page, made: Document) -> None:
    for index, chart in enumerate(made.training.charts):
        titles = shown.locator(".film .plot").nth(index).locator("circle title").all_text_contents()
        expected = [
            f"epoch {point.epoch}, {series.name}: {point.text}"
            for series in chart.series
            for point in series.points
        ]
        assert [words(title) for title in titles] == expected


def values_of(stage: Any) -> Array:
    """The example as maps, rows and columns."""
    example = np.asarray(stage.example, np.float32)
    return np.moveaxis(example, -1, 0) if example.ndim == 3 else example[None, None]


def value_after(text: str | None) -> np.float32:
    return np.float32((text or "").rpartition(": ")[2])


@pytest.mark.parametrize("name", ["input_image", "scale", "conv2d", "max_pooling2d"])
def test_pointing_at_a_pixel_tells_its_exact_value(
    listed: Page, digits_trace: Trace, made: Document, name: str
) -> None:
    maps = values_of(digits_trace.stage(name))
    item = listed.locator(f'[id="stage/{name}"]')
    image = item.locator(".seen .large")
    image.scroll_into_view_if_needed()
    settle(listed)
    view = next(stage.image for stage in made.stages if stage.name == name)
    assert view is not None
    chosen = view.mark[0] if view.mark else 0
    box = image.bounding_box()
    assert box is not None
    _, rows, columns = maps.shape
    generator = np.random.default_rng(1)
    places = [
        (0, 0),
        (rows - 1, columns - 1),
        *generator.integers(0, (rows, columns), (12, 2)).tolist(),
    ]
    for row, column in places:
        x = box["x"] + (column + 0.5) * box["width"] / columns
        y = box["y"] + (row + 0.5) * box["height"] / rows
        listed.mouse.move(x, y)
        text = item.locator(".seen .readout").text_content()
        assert f"line {row}, column {column}: " in (text or "")
        assert value_after(text) == maps[chosen, row, column]


def test_another_map_is_chosen_with_the_pointer(listed: Page, digits_trace: Trace) -> None:
    maps = values_of(digits_trace.stage("conv2d"))
    item = listed.locator('[id="stage/conv2d"]')
    item.locator(".seen .maps label").nth(9).click()
    assert item.locator(".seen .caption").text_content() == "filter 9"
    image = item.locator(".seen .large")
    image.hover(position={"x": 2, "y": 2})
    text = item.locator(".seen .readout").text_content()
    assert (text or "").startswith("filter 9, line 0, column 0: ")
    assert value_after(text) == maps[9, 0, 0]


def test_a_vector_tells_the_place_and_its_value(listed: Page, digits_trace: Trace) -> None:
    example = values_of(digits_trace.stage("flatten"))[0, 0]
    item = listed.locator('[id="stage/flatten"]')
    image = item.locator(".seen .large")
    image.scroll_into_view_if_needed()
    settle(listed)
    box = image.bounding_box()
    assert box is not None
    for row, column in ((0, 0), (10, 50), (51, 103)):
        listed.mouse.move(
            box["x"] + (column + 0.5) * box["width"] / 104,
            box["y"] + (row + 0.5) * box["height"] / 52,
        )
        text = item.locator(".seen .readout").text_content()
        assert (text or "").startswith(f"position {row * 104 + column}: ")
        assert value_after(text) == example[row * 104 + column]


def test_leaving_a_image_marks_again_what_the_words_speak_of(listed: Page, made: Document) -> None:
    item = listed.locator('[id="stage/scale"]')
    before = item.locator(".readout").text_content()
    assert "0.5019608" in (before or "")
    item.locator(".large").hover(position={"x": 2, "y": 2})
    assert item.locator(".readout").text_content() != before
    listed.mouse.move(1, 1)
    assert item.locator(".readout").text_content() == before


def test_the_kernels_have_their_figures_written_into_them(
    listed: Page, digits_trace: Trace, made: Document
) -> None:
    stage = next(stage for stage in made.stages if stage.name == "conv2d")
    assert stage.weights is not None
    item = listed.locator('[id="stage/conv2d"]')
    item.locator("summary").click()
    item.locator(".kernels .maps label").nth(3).click()
    cells = item.locator(".kernels td")
    assert cells.all_text_contents() == list(stage.weights.texts[27:36])
    titles = [np.float32(cell.get_attribute("title") or "nan") for cell in cells.all()]
    assert titles == digits_trace.weights["conv2d/kernel"][:, :, 0, 3].reshape(-1).tolist()


PIXELS = """all => all.map(canvas => ({
  width: canvas.width,
  height: canvas.height,
  data: [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data],
}))"""


@pytest.mark.parametrize("name", ["input_image", "conv2d", "flatten"])
def test_every_pixel_has_the_colour_of_its_value(listed: Page, made: Document, name: str) -> None:
    view = next(stage.image for stage in made.stages if stage.name == name)
    assert view is not None
    many = view.shape[0] > 1
    canvases = listed.locator(
        f'[id="stage/{name}"] .seen {".maps" if many else ".large"} canvas'
    ).evaluate_all(PIXELS)
    assert len(canvases) == view.shape[0]
    for drawn, values in zip(canvases, view.values, strict=True):
        assert (drawn["height"], drawn["width"]) == values.shape
        painted = np.array(drawn["data"]).reshape(*values.shape, 4)
        places = (values.astype(np.float64) - view.low) / (view.high - view.low)
        there = np.isfinite(values)
        # Half a step of colour may be rounded up or down.
        assert (np.abs(painted[there][:, :3] - on_paper(places, view.colormap)[there]) <= 1).all()
        assert (painted[..., 3] == np.where(there, 255, 0)).all()


STOPS = {
    "grey": ("f1f3f5", "b9bcc0", "101215"),
    "activation": ("f1f3f5", "cfe3e4", "8fc3c9", "4392a6", "1b607f", "0b2e4e"),
    "signed": ("8f3f04", "d9832f", "f3c9a0", "f1f3f5", "b5cfea", "5a93cc", "174a88"),
}


def on_paper(places: Array, ramp: str) -> Array:
    """The colours of places from 0 to 1 on the page: zero is the colour of the paper."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in STOPS[ramp]], float)
    at = np.linspace(0, 1, len(stops))
    mixed = [np.interp(np.nan_to_num(places), at, stops[:, band]) for band in range(3)]
    return np.asarray(np.rint(np.stack(mixed, axis=-1)).astype(int))


def digits(text: str) -> int:
    """How many significant digits a decimal has."""
    return len(Decimal(text).normalize().as_tuple().digits)


def off(text: str, value: np.float32) -> Fraction:
    """How far a decimal is from a float32, exactly."""
    return abs(Fraction(text) - Fraction(float(value)))


def odd_floats() -> Array:
    """2,000 bit patterns: any, the smallest and largest, denormals, powers of two and their neighbours."""
    generator = np.random.default_rng(5)
    powers = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32).view(np.uint32)
    special = [
        0,
        0x80000000,
        1,
        2,
        0x007FFFFF,
        0x00800000,
        0x7F7FFFFF,
        0xFF7FFFFF,
        0x7F800000,
        0xFF800000,
        0x7FC00000,
    ]
    chosen = [
        np.array(special, np.uint32),
        powers,
        powers + np.uint32(1),
        powers - np.uint32(1),
        generator.integers(0, 1 << 23, 300, dtype=np.uint32),
    ]
    rest = 2000 - sum(map(len, chosen))
    return np.concatenate([*chosen, generator.integers(0, 1 << 32, rest, dtype=np.uint32)])


def test_exact_texts_are_the_shortest_as_in_numpy(shown: Page) -> None:
    patterns = odd_floats()
    assert len(patterns) == 2000
    texts = shown.evaluate(
        """async patterns => {
          const { exact } = await import("viewer/tensor.js");
          return [...new Float32Array(new Uint32Array(patterns).buffer)].map(exact);
        }""",
        patterns.tolist(),
    )
    with np.errstate(over="ignore"):
        for text, value in zip(texts, patterns.view(np.float32), strict=True):
            if np.isnan(value):
                assert text == "NaN"
            elif np.isinf(value):
                assert text == ("Inf" if value > 0 else "-Inf")
            else:
                assert np.float32(text) == value, text
                # Below a power of two the float32 lie twice as close, and NumPy then finds a text of one digit less.
                power_of_two = np.frexp(value)[0] in (0.5, -0.5)
                assert power_of_two or digits(text) == digits(str(value)), text
                # Where two texts of that length are as near, as of 2097152.25, the two choose differently.
                assert power_of_two or off(text, value) <= off(str(value), value), text


def test_tensors_are_decoded_bit_for_bit(listed: Page, digits_trace: Trace, made: Document) -> None:
    found = listed.evaluate(
        """async () => {
          const { decode } = await import("viewer/tensor.js");
          const view = JSON.parse(document.getElementById("document").textContent);
          return view.stages.map(stage => stage.image && [...new Uint32Array(decode(stage.image.values).buffer)]);
        }"""
    )
    for bits, stage in zip(found, made.stages, strict=True):
        if stage.image is None:
            assert bits is None
        else:
            assert np.array(bits, np.uint32).tobytes() == stage.image.values.astype("<f4").tobytes()


@pytest.mark.parametrize("epochs", [0, pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_that_was_killed_has_a_page(pages: Pages, digits_trace: Trace, epochs: int) -> None:
    trace = killed(digits_trace, epochs)
    page, made = pages.open(trace), document(trace)
    assert words(page.locator(".headline").text_content()) == made.headline
    assert page.locator(".story li").count() == epochs
    assert page.locator(".film .plot").count() == (2 if epochs else 0)
    assert page.locator("section", has_text="Prediction").count() == 0
    assert page.locator(".thread > li").count() == len(made.stages)
    if not epochs:
        assert page.locator(".notice", has_text="No epoch was finished.").is_visible()


@pytest.mark.parametrize(
    "change", [broken, lambda trace: lengthened(trace, 100)], ids=["broken", "100-epochs"]
)
def test_an_odd_training_has_a_page(
    pages: Pages, digits_trace: Trace, change: Callable[[Trace], Trace]
) -> None:
    trace = change(digits_trace)
    page, made = pages.open(trace), document(trace)
    chart = made.training.charts[0]
    many = len(trace.epochs) > 40  # their dots would hide the line
    assert page.locator(".small .chart").first.locator("circle").count() == sum(
        point.y is not None and (not many or point.epoch == chart.best)
        for series in chart.series
        for point in series.points
    )
    places = page.locator("[id^='epoch/']")
    assert places.count() == len(trace.epochs)


def test_hostile_names_are_shown_as_text(pages: Pages, shown: Page, digits_trace: Trace) -> None:
    page = pages.open(renamed(digits_trace, HOSTILE))
    assert words(page.locator("h1").text_content()) == words(HOSTILE)
    assert page.title().startswith("</script>")
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == shown.locator("script").count()


def test_without_scripts_the_plain_text_is_shown(pages: Pages, made: Document) -> None:
    page = pages.open(java_script_enabled=False)
    assert words(page.locator("noscript").inner_text()) == words(document_text(made))


def test_calls_to_the_outside_are_heard(pages: Pages) -> None:
    """The watch itself works: a request and an error are both noticed."""
    page = pages.open()
    page.evaluate(
        "() => { const image = new Image(); image.src = 'https://example.invalid/x.png'; }"
    )
    page.evaluate("() => console.error('wrong')")
    page.evaluate("() => setTimeout(() => { throw new Error('thrown'); })")
    page.evaluate("() => setTimeout(() => alert('hello'))")
    page.wait_for_timeout(200)
    found = " ".join(pages.heard.wrong)
    pages.heard.wrong.clear()
    for each in ("example.invalid", "console error: wrong", "thrown", "dialog: hello"):
        assert each in found


def test_images_keep_their_form(listed: Page, made: Document) -> None:
    views = [(stage.id, stage.image) for stage in made.stages if stage.image]
    for place, view in views:
        box = listed.locator(f'[id="{place}"] .seen .large').bounding_box()
        assert box is not None
        assert isinstance(view, ImageView)
        assert box["width"] / box["height"] == pytest.approx(
            view.shape[2] / view.shape[1], rel=0.01
        )
