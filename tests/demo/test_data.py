"""The embedded digits, and what ``pipetrace digits --data`` reads and refuses."""

import gzip
import importlib.util
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tools.make_uci_digits import digits, packed

from pipetrace import errors
from pipetrace.demo import data
from pipetrace.demo.data import embedded_digits, enlarged, load
from pipetrace.demo.source import DIGITS, Source, from_arrays
from pipetrace.pipeline.files import shown

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
ROWS = 20
X = np.random.default_rng(0).integers(0, 200, (ROWS, 28, 28), dtype=np.uint8)
Y = (np.arange(ROWS) % 10).astype(np.uint8)

Make = Callable[[Path], object]


def idx(array: Any, magic: int | None = None, shape: tuple[int, ...] | None = None) -> bytes:
    """An IDX file as bytes; the header may lie."""
    shape = array.shape if shape is None else shape
    start = 0x0800 + len(shape) if magic is None else magic
    return struct.pack(f">I{len(shape)}I", start, *shape) + bytes(array.tobytes())


def pair(images: bytes | None = None, labels: bytes | None = None, ending: str = "") -> Make:
    """Writes a pair of IDX files, one of them as given."""

    def make(folder: Path) -> None:
        pack = gzip.compress if ending else bytes
        (folder / f"{IMAGES}{ending}").write_bytes(pack(idx(X)) if images is None else images)
        (folder / f"{LABELS}{ending}").write_bytes(pack(idx(Y)) if labels is None else labels)

    return make


def npz(**arrays: Any) -> Make:
    return lambda folder: np.savez(folder / "digits.npz", **arrays)


def files(**contents: bytes) -> Make:
    """Writes files; two underscores stand for a slash, one for the dot of the ending."""

    def make(folder: Path) -> None:
        for name, content in contents.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return make


def images(*classes: str) -> Make:
    """Writes two images for each class."""

    def make(folder: Path) -> None:
        for each in classes:
            for row in (0, 1):
                save(folder / each / f"{row}.png", X[row])

    return make


def save(path: Path, pixels: Any) -> None:
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(pixels.reshape(*pixels.shape[:2], -1)).numpy())


def test_the_embedded_digits_are_the_set_that_their_notice_names() -> None:
    source = embedded_digits()
    assert source.x.shape == (1797, 28, 28, 1)
    assert (str(source.x.dtype), str(source.y.dtype)) == ("uint8", "int64")
    assert not source.x.flags.writeable
    # The counts of the test part, from the data set's own description file, optdigits.names.
    assert np.bincount(source.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert source.origin == "embedded"
    notice = data.EMBEDDED.with_suffix(".NOTICE").read_text("utf-8")
    for part in ("Alpaydin", "Kaynak"):
        assert part in str(source.notice)
        assert part in notice
    assert "CC BY 4.0" in str(source.notice)
    assert "10.24432/C50P49" in notice


@pytest.mark.framework
def test_enlarging_agrees_with_tensorflows_bicubic_away_from_the_edges() -> None:
    import tensorflow as tf

    with np.load(data.EMBEDDED) as arrays:
        small = arrays["x"][:50]
    counts = tf.constant(small[..., None] * (255 / 16), tf.float32)
    expected = tf.image.resize(counts, (20, 20), "bicubic").numpy()[..., 0]
    inside = slice(5, 15)  # four counts reach each of these pixels
    difference = np.clip(expected, 0, 255)[:, inside, inside] - enlarged(small)[:, 9:19, 9:19]
    assert (
        np.abs(difference).max() <= 0.7
    )  # 0.5 by rounding; TensorFlow looks weights up in a table


def test_enlarged_digits_fill_the_middle() -> None:
    full = enlarged(np.full((1, 8, 8), 16))[0]
    assert (full[8:20, 8:20] == 255).all()
    assert full[0].max() == full[:, -1].max() == 0
    np.testing.assert_array_equal(full, full.T)
    for value in (0, 1, 8, 16):
        assert enlarged(np.full((1, 8, 8), value))[0, 13, 13] == round(value * 255 / 16)
    one = np.zeros((1, 8, 8), np.uint8)
    one[0, 1, 6] = 16
    rows, columns = np.nonzero(enlarged(one)[0] > 127)
    # The middle of count 1 of 8 is at 1.5 / 8 of 20 pixels, 4 pixels from the border.
    assert abs(rows.mean() + 0.5 - (4 + 1.5 * 2.5)) < 0.5
    assert abs(columns.mean() + 0.5 - (4 + 6.5 * 2.5)) < 0.5


def test_the_tool_makes_the_embedded_file_again() -> None:
    with np.load(data.EMBEDDED) as arrays:
        x, y = arrays["x"], arrays["y"]
    assert packed(x, y) == packed(x.copy(), y.copy())
    assert data.EMBEDDED.stat().st_size <= 45_500
    assert importlib.util.find_spec("sklearn") is None or all(
        np.array_equal(made, kept) for made, kept in zip(digits(), (x, y), strict=True)
    )


def test_every_form_gives_the_same_rows(tmp_path: Path) -> None:
    named = {"x_train": X[..., None].astype(np.float64), "y_train": Y[:, None], "x_test": X[:2]}
    forms: dict[str, tuple[Make, str]] = {
        "idx": (pair(), "."),
        "gzip": (pair(ending=".gz"), "."),
        "one file": (pair(), IMAGES),
        "npz": (npz(x=X, y=Y), "digits.npz"),
        "npz of Keras": (npz(**named), "digits.npz"),
        "npz without its ending": (
            lambda folder: (npz(x=X, y=Y)(folder), (folder / "digits.npz").rename(folder / "d")),
            "d",
        ),
    }
    for number, (form, (make, name)) in enumerate(forms.items()):
        (folder := tmp_path / str(number)).mkdir()
        make(folder)
        source = load(folder / name)
        np.testing.assert_array_equal(source.x[..., 0], X, form)
        np.testing.assert_array_equal(source.y, Y, form)
        assert (source.origin, source.notice) == (str(folder / name), None), form


def test_of_several_idx_pairs_the_one_for_training_is_taken(tmp_path: Path) -> None:
    pair()(tmp_path)
    pair(ending=".gz")(tmp_path)
    for name, array in (("t10k-images-idx3-ubyte", X[:9]), ("t10k-labels-idx1-ubyte", Y[:9])):
        (tmp_path / name).write_bytes(idx(array))
    assert len(load(tmp_path).x) == ROWS
    assert len(load(tmp_path / "t10k-images-idx3-ubyte").x) == 9
    (tmp_path / IMAGES).unlink()
    (tmp_path / f"{IMAGES}.gz").rename(tmp_path / "more-images-idx3-ubyte")
    (tmp_path / f"{LABELS}.gz").rename(tmp_path / "more-labels-idx1-ubyte")
    with pytest.raises(errors.DataNotFoundError, match="2 pairs"):
        load(tmp_path)


@pytest.mark.framework
def test_a_folder_of_images(tmp_path: Path) -> None:
    for row, label in enumerate(Y):
        save(tmp_path / "digits" / str(label) / f"{row:02}.png", X[row])
    (tmp_path / "digits" / ".hidden").mkdir()
    (tmp_path / "digits" / "notes.txt").write_text("no image")
    told: list[tuple[int, int]] = []
    source = load(tmp_path / "digits", lambda done, total: told.append((done, total)))
    order = np.argsort(Y, kind="stable")
    np.testing.assert_array_equal(source.x[..., 0], X[order])
    np.testing.assert_array_equal(source.y, Y[order])
    assert (source.name, source.class_names, source.notice) == ("digits", DIGITS, None)
    assert told == [(done, ROWS) for done in range(1, ROWS + 1)]

    wide = np.full((20, 40, 3), (255, 0, 0), np.uint8)
    save(tmp_path / "animals" / "cats" / "1.PNG", wide)
    save(tmp_path / "animals" / "dogs" / "1.png", np.zeros((9, 9, 4), np.uint8))
    source = load(tmp_path / "animals")
    assert source.class_names[:3] == ("cats", "dogs", "unused 2")
    # Red is a grey of 76; the image is twice as wide as high, so a quarter above and below is padding.
    assert source.x[0, 14, 14, 0] == pytest.approx(76, abs=1)
    assert source.x[0, 2].max() == source.x[0, 25].max() == 0
    assert str(source.notice).startswith("1 of the images are blank")


def changed(array: Any, value: float) -> Any:
    array = array.astype(np.float64)
    array[3, ...] = value
    return array


REFUSED: dict[str, tuple[Make, str, type[errors.PipetraceError], str]] = {
    # what is wrong: what makes it, the path given, the error, the end of its place
    "nothing": (files(), "digits.npz", errors.DataNotFoundError, "digits.npz"),
    "empty folder": (files(), ".", errors.DataNotFoundError, ""),
    "pipe": (
        lambda folder: os.mkfifo(folder / "pipe"),
        "pipe",
        errors.DataNotFoundError,
        "pipe",
    ),
    "no labels": (files(**{"a-images-idx3-ubyte": idx(X)}), ".", errors.DataNotFoundError, "ubyte"),
    "no images": (files(**{"a-labels-idx1-ubyte": idx(Y)}), ".", errors.DataNotFoundError, "ubyte"),
    "no labels beside": (files(images=idx(X)), "images", errors.DataNotFoundError, "images"),
    "text": (files(notes_txt=b"Buy milk."), "notes.txt", errors.IdxFormatError, "notes.txt"),
    "empty file": (files(empty=b""), "empty", errors.IdxFormatError, "empty"),
    "web page": (pair(b"<html>Not found"), ".", errors.IdxFormatError, IMAGES),
    "swapped": (pair(idx(Y), idx(X)), ".", errors.IdxFormatError, IMAGES),
    "labels twice": (pair(labels=idx(X)), ".", errors.IdxFormatError, LABELS),
    "floats": (pair(idx(X, 0x0D03)), ".", errors.IdxFormatError, IMAGES),
    "small images": (pair(idx(X[:, :8, :8])), ".", errors.IdxFormatError, IMAGES),
    "cut off": (pair(idx(X)[:-1]), ".", errors.IdxFormatError, IMAGES),
    "cut in the header": (pair(idx(X)[:9]), ".", errors.IdxFormatError, IMAGES),
    "too long": (pair(labels=idx(Y) + b"!"), ".", errors.IdxFormatError, LABELS),
    "no rows": (pair(idx(X[:0]), idx(Y[:0])), ".", errors.IdxFormatError, IMAGES),
    "forged": (pair(idx(X, shape=(2**32 - 1, 28, 28))), ".", errors.IdxFormatError, IMAGES),
    "gzip cut off": (
        pair(gzip.compress(idx(X))[:-9], ending=".gz"),
        ".",
        errors.IdxFormatError,
        f"{IMAGES}.gz",
    ),
    "gzip damaged": (
        pair(gzip.compress(idx(X))[:50] + bytes(2000), ending=".gz"),
        ".",
        errors.IdxFormatError,
        f"{IMAGES}.gz",
    ),
    "fewer labels in IDX": (pair(labels=idx(Y[:-1])), ".", errors.CountMismatchError, ""),
    "not npz": (files(digits_npz=b"PK"), "digits.npz", errors.ArrayFormatError, "digits.npz"),
    "other names": (npz(a=X, b=Y), "digits.npz", errors.ArrayFormatError, "digits.npz"),
    "objects": (
        npz(x=X, y=np.array([{}, 1], object)),
        "digits.npz",
        errors.ArrayFormatError,
        "digits.npz",
    ),
    "strings": (npz(x=X, y=Y.astype(str)), "digits.npz", errors.ArrayFormatError, "digits.npz"),
    "flat": (npz(x=X.reshape(ROWS, -1), y=Y), "digits.npz", errors.ArrayFormatError, ""),
    "colour": (npz(x=np.stack([X] * 3, -1), y=Y), "digits.npz", errors.ArrayFormatError, ""),
    "scalar": (npz(x=3, y=Y), "digits.npz", errors.ArrayFormatError, ""),
    "one-hot": (npz(x=X, y=np.eye(10)[Y]), "digits.npz", errors.ArrayFormatError, ""),
    "empty arrays": (npz(x=X[:0], y=Y[:0]), "digits.npz", errors.ArrayFormatError, ""),
    "fewer labels": (npz(x=X, y=Y[:-2]), "digits.npz", errors.CountMismatchError, ""),
    "labels from 1": (npz(x=X, y=Y + 1), "digits.npz", errors.LabelError, ""),
    "label 256": (npz(x=X, y=changed(Y, 256)), "digits.npz", errors.LabelError, ""),
    "label NaN": (npz(x=X, y=changed(Y, np.nan)), "digits.npz", errors.LabelError, ""),
    "half a label": (npz(x=X, y=changed(Y, 0.5)), "digits.npz", errors.LabelError, ""),
    "one class": (npz(x=X, y=Y * 0), "digits.npz", errors.LabelError, ""),
    "scaled": (npz(x=X / 255, y=Y), "digits.npz", errors.PixelError, ""),
    "booleans": (npz(x=X > 9, y=Y), "digits.npz", errors.PixelError, ""),
    "below 0": (npz(x=changed(X, -1), y=Y), "digits.npz", errors.PixelError, ""),
    "above 255": (npz(x=changed(X, 256), y=Y), "digits.npz", errors.PixelError, ""),
    "NaN": (npz(x=changed(X, np.nan), y=Y), "digits.npz", errors.PixelError, ""),
    "one image": (files(cat_png=b""), "cat.png", errors.ImageFolderError, "cat.png"),
    "no classes": (files(cat_png=b"", dog_PNG=b""), ".", errors.ImageFolderError, ""),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_is_refused(wrong: str, tmp_path: Path) -> None:
    make, name, kind, where = REFUSED[wrong]
    make(tmp_path)
    with pytest.raises(errors.PipetraceError) as caught:
        load(tmp_path / name)
    assert type(caught.value) is kind
    assert str(caught.value.where).startswith(str(tmp_path))
    assert str(caught.value.where).endswith(where)
    assert caught.value.hint


@pytest.mark.framework
def test_what_is_refused_of_images(tmp_path: Path) -> None:
    refused: dict[str, tuple[tuple[str, ...], type[errors.PipetraceError]]] = {
        "one class": (("cats",), errors.ImageFolderError),
        "eleven": (tuple(f"class {number}" for number in range(11)), errors.ImageFolderError),
        "an empty one": (("cats", "dogs"), errors.ImageFolderError),
        "none at all": (("cats", "dogs"), errors.ImageFolderError),
        "damaged": (("cats", "dogs"), errors.ImageError),
    }
    for wrong, (classes, kind) in refused.items():
        images(*classes)(folder := tmp_path / wrong)
        if wrong == "an empty one":
            (folder / "elks").mkdir()
        elif wrong == "none at all":
            for each in folder.rglob("*.png"):
                each.unlink()
        elif wrong == "damaged":
            (folder / "dogs" / "0.png").write_bytes((folder / "dogs" / "0.png").read_bytes()[:60])
        with pytest.raises(errors.PipetraceError) as caught:
            load(folder)
        assert type(caught.value) is kind, wrong
        assert str(caught.value.where).startswith(str(folder)), wrong
    assert "dogs/0.png" in caught.value.what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    npz(x=X, y=Y)(tmp_path)
    (tmp_path / "digits.npz").chmod(0)
    with pytest.raises(errors.DataNotFoundError):
        load(tmp_path / "digits.npz")


def test_a_name_that_is_misspelt_gets_a_suggestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npz(x=X, y=Y)(tmp_path)
    monkeypatch.chdir(tmp_path)
    for wrong, right in (("digit.npz", "digits.npz"), ("minst", "mnist")):
        with pytest.raises(errors.DataNotFoundError) as caught:
            load(Path(wrong))
        assert right in caught.value.hint
    assert shown("a\x1b[31m\nb\udcff é 数") == "a\ufffd[31m b\ufffd é 数"


def test_what_is_done_to_the_pixels_is_said() -> None:
    def made(x: Any) -> Source:
        return from_arrays(x, Y, name="rows", description="Rows.", origin="here")

    assert (made(X).description, made(X.astype(np.float32)).description) == ("Rows.", "Rows.")
    rounded = made(X * 0.5)
    assert len(rounded.description) > len("Rows.")
    np.testing.assert_array_equal(rounded.x[..., 0], np.rint(X * 0.5))
    light, dark = np.full_like(X, 128), np.full_like(X, 127)
    light[:, 5:20, 5:20] = dark[:, 5:20, 5:20] = 0
    assert made(dark).notice is None
    assert "128 of 255" in str(made(light).notice)
    source = made(X)
    assert source.x.base is not X
