"""A row of one's own from an image file: chosen, dropped or pasted, and scaled to what the model receives."""

import base64
import struct
import zlib

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, expect
from tests.browser.conftest import Pages
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.browser.test_own import bench
from tests.tasks import ROWS, Net, made

from pipetrace.trace import Trace
from pipetrace.trace.document import Array

GIVEN = """async ([bytes, kind]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], "given.png", { type: "image/png" }));
  const options = { bubbles: true, cancelable: true };
  const target = document.querySelector(kind === "drop" ? ".drawn" : "body");
  target.dispatchEvent(kind === "drop" ? new DragEvent("drop", { ...options, dataTransfer: data }) : new ClipboardEvent("paste", { ...options, clipboardData: data }));
}"""
PIXELS = """canvas => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]"""
SHAPE = (12, 9, 3)


def png(pixels: Array) -> bytes:
    """A PNG of 8-bit values, ``(rows, columns)`` or ``(rows, columns, 3)``."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows, columns = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels.astype(np.uint8))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def payload(pixels: Array) -> FilePayload:
    return {"name": "mine.png", "mimeType": "image/png", "buffer": png(pixels)}


@pytest.fixture(scope="module")
def coloured() -> Trace:
    """Colour images from 0 to 1, told apart by the sum of their pixels by weights."""
    net, rng = Net(), np.random.default_rng(8)
    images = rng.random((ROWS, *SHAPE)).astype(np.float32)
    images[0, 0, 0], images[1, 0, 0] = 0, 1
    net.layer("flat", "Flatten", net.source("image", images), images.reshape(ROWS, -1))
    net.dense("classes", "flat", 4, "softmax")
    targets = [np.arange(ROWS) % 4]
    metrics = [{"loss": 1.0}]
    return made(
        net, "sparse_categorical_crossentropy", metrics, targets=targets, counts=(2, 2, 1, 1)
    )


def shares(page: Page) -> list[float]:
    texts = page.locator(".ownresult .bars li > span:last-child").all_inner_texts()
    return [float(text.strip("<> %\u00a0")) for text in texts]


def choose(page: Page, pixels: Array) -> str:
    page.locator(".fromfile input[type=file]").set_input_files(payload(pixels))
    told = page.locator(".fromfile output")
    expect(told).to_contain_text("mine.png:")
    page.locator(".yours").wait_for()
    return told.inner_text()


def expected(trace: Trace, image: Array) -> Array:
    logits = image.reshape(-1).astype(float) @ trace.weights["classes/kernel"]
    powers = np.exp(logits + trace.weights["classes/bias"])
    return np.asarray(100 * powers / powers.sum())


def drawn(page: Page, shape: tuple[int, ...]) -> Array:
    return np.array(page.locator(".drawn canvas").evaluate(PIXELS)).reshape(*shape[:2], 4)[..., :3]


def emptied(page: Page) -> Page:
    """A page on which nothing of one's own is left of another test."""
    bench(page)
    page.get_by_role("button", name="Clear").press("Enter")
    expect(page.locator(".yours, .fromfile output:not(:empty)")).to_have_count(0)
    return page


@pytest.fixture(scope="module")
def opened(shared: Pages, coloured: Trace) -> Page:
    return shared.open(coloured)


@pytest.fixture
def page(opened: Page) -> Page:
    return emptied(opened)


def test_an_image_of_the_models_size_is_taken_as_it_is(page: Page, coloured: Trace) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, SHAPE)
    choose(page, pixels)
    assert np.abs(drawn(page, SHAPE) - pixels).max() <= 1
    assert np.allclose(shares(page), expected(coloured, pixels / 255), atol=0.11)
    page.get_by_label("Invert light and dark").check()
    assert np.allclose(shares(page), expected(coloured, 1 - pixels / 255), atol=0.11)
    page.get_by_role("button", name="Start from this row").click()
    expect(page.get_by_label("Invert light and dark")).to_be_hidden()


def test_the_middle_of_another_size_is_scaled_by_area(page: Page, coloured: Trace) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (24, 30, 3))
    told = choose(page, pixels)
    assert "30 \u00d7 24" in told
    # 18 of the 30 columns have the shape of the input; four pixels make one.
    means = pixels[:, 6:24].reshape(12, 2, 9, 2, 3).mean(axis=(1, 3)) / 255
    assert np.abs(drawn(page, SHAPE) - 255 * means).max() <= 1
    assert np.allclose(shares(page), expected(coloured, means), atol=0.11)


def test_dark_ink_on_paper_becomes_a_digit(shown: Page) -> None:
    page = emptied(shown)
    paper = 225 - np.random.default_rng(3).integers(0, 12, (120, 90))
    paper[20:100, 40:50] = 30
    choose(page, paper)
    invert = page.get_by_label("Invert light and dark")
    assert invert.is_checked()
    image = drawn(page, (28, 28)).astype(float).mean(axis=-1)
    ink = image.max() - image  # on the page zero has the colour of the paper
    rows, columns = np.nonzero(ink > 60)
    assert np.ptp(rows) + 1 in (19, 20, 21)
    assert np.ptp(columns) + 1 <= 4
    assert abs(rows.mean() - 13.5) <= 1
    assert abs(columns.mean() - 13.5) <= 1
    invert.uncheck()
    assert not np.allclose(drawn(page, (28, 28)).mean(axis=-1), image)
    clean_in_both_schemes(page)


def test_a_recorded_digit_from_a_file_gives_the_recorded_result(
    shown: Page, digits_trace: Trace
) -> None:
    page = emptied(shown)
    kept = digits_trace.kept_rows
    assert kept is not None
    [images] = kept.inputs.values()
    image = np.asarray(images[5]).reshape(28, 28)
    choose(page, image * (255 if image.max() <= 1 else 1))
    assert not page.get_by_label("Invert light and dark").is_checked()
    assert np.allclose(shares(page), 100 * kept.outputs[0][5], atol=0.11)


def test_it_is_dropped_or_pasted_too(page: Page, coloured: Trace) -> None:
    for number, way in enumerate(("drop", "paste")):
        emptied(page)
        pixels = np.random.default_rng(number).integers(0, 256, SHAPE)
        page.evaluate(GIVEN, [base64.b64encode(png(pixels)).decode(), way])
        page.locator(".yours").wait_for()
        assert np.allclose(shares(page), expected(coloured, pixels / 255), atol=0.11), way


def test_what_cannot_be_read_is_told_in_words(page: Page) -> None:
    field, told = (
        page.locator(".fromfile input[type=file]"),
        page.locator(".fromfile output"),
    )
    field.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"})
    expect(told).to_contain_text("notes.txt is not an image")
    page.evaluate(
        "() => { window.read = createImageBitmap; window.createImageBitmap = async () => ({ width: 9000, height: 9000 }); }"
    )
    field.set_input_files(payload(np.zeros(SHAPE)))
    expect(told).to_contain_text("81 million pixels")
    assert page.locator(".yours").count() == 0
    page.evaluate("() => { window.createImageBitmap = window.read; }")
