import importlib.util
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipetrace.pipeline import embedded
from pipetrace.pipeline.sources import embedded_digits

ROOT = Path(__file__).parents[2]
DATA = Path(embedded.__file__).with_name("uci_digits.npz")


def test_the_set_is_the_one_that_its_notice_names() -> None:
    source = embedded_digits()
    assert source.x.shape == (1797, 28, 28, 1)
    assert source.x.dtype == np.uint8
    assert source.y.dtype == np.int64
    # The counts of the test part, from the data set's own description file, optdigits.names.
    assert np.bincount(source.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (source.name, source.origin) == ("UCI handwritten digits", "embedded")
    assert source.class_names == tuple("0123456789")


def test_what_must_be_said_is_said() -> None:
    source = embedded_digits()
    assert source.notice is not None
    for part in (
        "This is not MNIST",
        "UCI",
        "Alpaydin",
        "Kaynak",
        "CC BY 4.0",
        "8x8",
        "--data mnist",
        "--data PATH",
    ):
        assert part in source.notice
    assert "enlarged" in source.description
    notice = DATA.with_suffix(".NOTICE").read_text("utf-8")
    for part in (
        "10.24432/C50P49",
        "E. Alpaydin and C. Kaynak",
        "creativecommons.org/licenses/by/4.0",
        "What was changed",
    ):
        assert part in notice


def test_the_file_is_small_and_carries_no_dates() -> None:
    assert DATA.stat().st_size <= 45_500
    with zipfile.ZipFile(DATA) as archive:
        assert [(info.filename, info.date_time) for info in archive.infolist()] == [
            ("x.npy", (1980, 1, 1, 0, 0, 0)),
            ("y.npy", (1980, 1, 1, 0, 0, 0)),
        ]


def test_the_tool_makes_the_same_arrays_again(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "make_uci_digits", ROOT / "tools" / "make_uci_digits.py"
    )
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    with np.load(DATA) as arrays:
        x, y = arrays["x"], arrays["y"]
    assert tool.packed(x, y) == tool.packed(x.copy(), y.copy())
    (tmp_path / "again.npz").write_bytes(tool.packed(x, y))
    with np.load(tmp_path / "again.npz") as again:
        np.testing.assert_array_equal(again["x"], x)
        np.testing.assert_array_equal(again["y"], y)
    assert importlib.util.find_spec("sklearn") is None or all(
        np.array_equal(made, kept) for made, kept in zip(tool.digits(), (x, y), strict=True)
    )


def test_enlarging_agrees_with_pillows_bicubic_away_from_the_edges() -> None:
    with np.load(DATA) as arrays:
        small = arrays["x"][:50]
    for count, full in zip(small, embedded.enlarged(small), strict=True):
        image = Image.fromarray(count.astype(np.float32) * (255 / 16))
        expected = np.asarray(image.resize((20, 20), Image.Resampling.BICUBIC))
        inside = slice(
            5, 15
        )  # four counts reach each of these pixels; at the edges, Pillow repeats the last count
        difference = np.clip(expected[inside, inside], 0, 255) - full[4:24, 4:24][inside, inside]
        assert np.abs(difference).max() <= 0.501


def test_a_full_square_stays_full_and_fades_within_its_box() -> None:
    full = embedded.enlarged(np.full((1, 8, 8), 16, dtype=np.uint8))[0]
    assert (full[8:20, 8:20] == 255).all()
    ring = np.ones((28, 28), dtype=bool)
    ring[1:-1, 1:-1] = False
    assert (full[ring] == 0).all()
    np.testing.assert_array_equal(full, full.T)
    np.testing.assert_array_equal(full, full[::-1])


@pytest.mark.parametrize("value", [0, 1, 8, 16])
def test_counts_scale_from_16_to_255(value: int) -> None:
    middle = embedded.enlarged(np.full((1, 8, 8), value, dtype=np.uint8))[0, 13, 13]
    assert middle == round(value * 255 / 16)


def test_one_count_lands_where_it_belongs() -> None:
    small = np.zeros((1, 8, 8), dtype=np.uint8)
    small[0, 1, 6] = 16
    rows, columns = np.nonzero(embedded.enlarged(small)[0] > 127)
    # The middle of count 1 of 8 is at 1.5 / 8 of 20 pixels, 4 pixels from the border.
    assert abs(rows.mean() + 0.5 - (4 + 1.5 * 2.5)) < 0.5
    assert abs(columns.mean() + 0.5 - (4 + 6.5 * 2.5)) < 0.5


def test_two_calls_are_equal_and_fast() -> None:
    first = embedded_digits()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        second = embedded_digits()
        times.append(time.perf_counter() - start)
    np.testing.assert_array_equal(first.x, second.x)
    assert min(times) < 0.25, f"{min(times):.3f} s; about 0.015 s on an idle machine"
