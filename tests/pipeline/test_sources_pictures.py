import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipetrace.errors import DataNotFoundError, PictureError, PictureFolderError
from pipetrace.pipeline.sources import Source, load

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def drawing(value: int = 200) -> NDArray[np.uint8]:
    pixels = np.zeros((28, 28), dtype=np.uint8)
    pixels[8:20, 10:14] = value
    return pixels


def put(path: Path, pixels: Any = None, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawing() if pixels is None else pixels).save(path, **options)
    return path


def two_classes(folder: Path, pixels: Any = None, name: str = "a.png", **options: Any) -> Path:
    """Write a plain picture of class ``one``, and the given one, or another plain one, of class ``two``."""
    put(folder / "one" / "plain.png")
    put(folder / "two" / name, pixels, **options)
    return folder


def second(folder: Path) -> NDArray[np.uint8]:
    return load(folder).x[1, :, :, 0]


def test_classes_are_the_sorted_folders_and_rows_the_sorted_files(tmp_path: Path) -> None:
    for place, name in enumerate(("dog/b.png", "cat/z.png", "cat/a.png", "ant/q.png")):
        put(tmp_path / name, drawing(100 + place))
    source = load(tmp_path)
    assert source.y.tolist() == [0, 1, 1, 2]
    assert source.x.max(axis=(1, 2, 3)).tolist() == [103, 102, 101, 100]
    assert source.class_names[:3] == ("ant", "cat", "dog")
    assert source.class_names[3:] == tuple(f"unused {i}" for i in range(3, 10))
    assert source.name == tmp_path.name
    assert source.origin == str(tmp_path)
    assert source.description == "4 pictures in 3 classes, one subfolder each."
    assert source.notice is None
    np.testing.assert_array_equal(source.x[0, :, :, 0], drawing(103))


def test_folders_named_by_digits_are_the_labels(tmp_path: Path) -> None:
    put(tmp_path / "7" / "a.png")
    put(tmp_path / "3" / "a.png")
    source = load(tmp_path)
    assert source.y.tolist() == [3, 7]
    assert source.class_names == tuple("0123456789")


@pytest.mark.parametrize("other", ["10", "03", "x", "²"])
def test_folders_of_which_only_some_are_digits_are_names(tmp_path: Path, other: str) -> None:
    put(tmp_path / "7" / "a.png")
    put(tmp_path / other / "a.png")
    source = load(tmp_path)
    assert source.y.tolist() == [0, 1]
    assert set(source.class_names[:2]) == {"7", other}


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "one" / "notes.txt").write_text("no picture")
    (tmp_path / "one" / ".hidden.png").write_text("no picture")
    (tmp_path / "one" / "folder.png").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "README.md").write_text("about")
    assert len(load(tmp_path).y) == 2
    put(tmp_path / "outside.png")
    assert load(tmp_path).description == (
        "2 pictures in 2 classes, one subfolder each; 1 picture outside of the subfolders left out."
    )


@pytest.mark.parametrize(
    "ending",
    ["png", "PNG", "bmp", "gif", "pgm", "jpe", "jfif", "pnm", "ppm", "webp", "jpg", "jpeg"],
)
def test_every_form_is_read(tmp_path: Path, ending: str) -> None:
    options = (
        {"lossless": True}
        if ending == "webp"
        else {"quality": 100}
        if ending.startswith("j")
        else {}
    )
    two_classes(tmp_path, name=f"a.{ending}", **options)
    difference = second(tmp_path).astype(int) - drawing()
    assert np.abs(difference).max() <= (3 if ending.startswith("j") else 0)


def test_classes_called_images_and_labels_are_no_pair(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.png")
    put(tmp_path / "labels" / "a.png")
    (tmp_path / ".images").write_bytes(b"")
    (tmp_path / ".labels").write_bytes(b"")
    assert load(tmp_path).class_names[:2] == ("images", "labels")


def test_the_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    two_classes(tmp_path)
    put(tmp_path / "two" / "b.gif").rename(tmp_path / "two" / "b.png")
    assert len(load(tmp_path).y) == 3


def test_colour_becomes_grey(tmp_path: Path) -> None:
    colour = np.zeros((28, 28, 3), dtype=np.uint8)
    colour[8:20, 10:14] = (255, 0, 0)
    two_classes(tmp_path, colour)
    assert second(tmp_path).max() == round(0.299 * 255)
    assert load(tmp_path).description == "2 pictures in 2 classes, one subfolder each; 1 made grey."
    put(tmp_path / "one" / "plain.png", colour)
    assert (
        load(tmp_path).description == "2 pictures in 2 classes, one subfolder each; all made grey."
    )


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        *((mode, "png") for mode in ("1", "P", "RGB", "LA", "RGBA")),
        ("CMYK", "jpg"),
    ],
)
def test_every_mode_becomes_grey(tmp_path: Path, mode: str, ending: str) -> None:
    put(tmp_path / "one" / "plain.png")
    (tmp_path / "two").mkdir()
    image = Image.fromarray(drawing(255))
    image.convert(mode).save(tmp_path / "two" / f"a.{ending}")
    assert np.abs(second(tmp_path).astype(int) - drawing(255)).max() <= (
        10 if ending == "jpg" else 2
    )


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    values = (drawing() > 0) * np.uint16(51400)
    two_classes(tmp_path, values.astype(np.uint16))
    np.testing.assert_array_equal(second(tmp_path), drawing(200))
    (tmp_path / "two" / "a.png").unlink()
    content = b"P5 28 28 65535\n" + values.astype(">u2").tobytes()
    (tmp_path / "two" / "a.pgm").write_bytes(content)
    np.testing.assert_array_equal(second(tmp_path), drawing(200))


def test_pixels_without_a_known_range_are_refused(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "two" / "b.pgm").write_bytes(
        b"Pf\n28 28\n-1.0\n" + drawing().astype("<f4").tobytes()
    )
    with pytest.raises(
        PictureError, match=r"1 of 3 pictures cannot be read: two/b\.pgm \(.*no known range\)"
    ):
        load(tmp_path)


def test_pictures_are_resized_with_antialiasing(tmp_path: Path) -> None:
    stripes = np.zeros((280, 280), dtype=np.uint8)
    stripes[:, 5::10] = (
        255  # one column in ten: taking single pixels would see none of them, or nothing else
    )
    two_classes(tmp_path, stripes)
    assert abs(int(second(tmp_path)[14, 14]) - 25.5) <= 12
    assert "1 resized to 28x28" in load(tmp_path).description


@pytest.mark.parametrize(
    ("shape", "rows", "columns"), [((56, 28), 28, 14), ((20, 80), 7, 28), ((1, 500), 1, 28)]
)
def test_the_aspect_ratio_is_kept_and_the_rest_padded_with_the_border(
    tmp_path: Path, shape: tuple[int, int], rows: int, columns: int
) -> None:
    pixels = np.full(shape, 240, dtype=np.uint8)
    two_classes(tmp_path, pixels)
    assert (second(tmp_path) == 240).all()
    pixels[shape[0] // 4 : -(shape[0] // 4) or None, shape[1] // 4 : -(shape[1] // 4)] = 0
    put(tmp_path / "two" / "a.png", pixels)
    found = second(tmp_path)
    ink_rows, ink_columns = np.nonzero(found < 120)
    assert abs(np.ptp(ink_rows) + 1 - rows / 2) <= 1
    assert abs(np.ptp(ink_columns) + 1 - columns / 2) <= 1
    assert abs(ink_rows.mean() - 13.5) <= 1
    assert abs(ink_columns.mean() - 13.5) <= 1
    assert "1 padded to a square" in load(tmp_path).description


def test_a_picture_turned_by_its_exif_data_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    pixels = drawing()
    pixels[:8] = 90
    two_classes(tmp_path, pixels, exif=exif)
    np.testing.assert_array_equal(second(tmp_path), np.rot90(pixels, k=-1))


def transparent(folder: Path, ink: int, opacity: int = 255) -> Source:
    two_classes(
        folder, np.dstack([np.full((28, 28), ink), (drawing() > 0) * opacity]).astype(np.uint8)
    )
    return load(folder)


def test_light_ink_is_laid_on_black(tmp_path: Path) -> None:
    source = transparent(tmp_path, 220)
    np.testing.assert_array_equal(source.x[1, :, :, 0], drawing(220))
    assert "1 laid on black where transparent" in source.description


def test_dark_ink_is_laid_on_white_for_the_whole_folder(tmp_path: Path) -> None:
    source = transparent(tmp_path, 20)
    np.testing.assert_array_equal(source.x[1, :, :, 0], np.where(drawing() > 0, 20, 255))
    np.testing.assert_array_equal(source.x[0, :, :, 0], drawing())  # the opaque one stays
    assert "1 laid on white where transparent" in source.description
    pixels = np.dstack(
        [np.full((28, 28), 200), np.where(np.arange(28) < 2, 255, 0) * np.ones((28, 1))]
    )
    put(tmp_path / "two" / "b.png", pixels.astype(np.uint8))
    light = load(tmp_path)
    assert "2 laid on" in light.description
    assert light.x[1, 0, 27, 0] == light.x[2, 0, 27, 0]
    assert light.x[2, 0, 27, 0] in {0, 255}


def test_half_transparent_ink_is_mixed_with_its_background(tmp_path: Path) -> None:
    assert transparent(tmp_path, 20, 128).x[1, 10, 11, 0] == pytest.approx(
        (20 * 128 + 255 * 127) / 255, abs=1
    )
    assert transparent(tmp_path, 220, 128).x[1, 10, 11, 0] == pytest.approx(220 * 128 / 255, abs=1)


def test_padding_of_a_transparent_picture_is_its_background(tmp_path: Path) -> None:
    pixels = np.dstack([np.full((56, 28), 20), np.full((56, 28), 255)])
    pixels[:4, :, 1] = 0
    two_classes(tmp_path, pixels.astype(np.uint8))
    assert (second(tmp_path)[:, :7] == 255).all()


def test_a_wholly_transparent_picture_is_blank(tmp_path: Path) -> None:
    assert transparent(tmp_path, 20, 0).x[1].max() == 0


def test_an_opaque_alpha_channel_changes_nothing(tmp_path: Path) -> None:
    two_classes(tmp_path, np.dstack([drawing(), np.full((28, 28), 255)]).astype(np.uint8))
    np.testing.assert_array_equal(second(tmp_path), drawing())
    assert "transparent" not in load(tmp_path).description


@pytest.mark.parametrize(("ink", "ground"), [(127, 255), (128, 0)])
def test_the_middle_decides_between_black_and_white(tmp_path: Path, ink: int, ground: int) -> None:
    assert transparent(tmp_path, ink).x[1, 0, 0, 0] == ground


def test_padding_beside_an_opaque_border_is_the_background_too(tmp_path: Path) -> None:
    pixels = np.dstack([np.full((56, 28), 220), np.full((56, 28), 255)])
    pixels[20:30, 10:20, 1] = 0
    two_classes(tmp_path, pixels.astype(np.uint8))
    assert (second(tmp_path)[:, :7] == 0).all()


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB"])
def test_a_transparent_value_is_transparent(tmp_path: Path, mode: str) -> None:
    two_classes(tmp_path)
    image = Image.fromarray(drawing(255)).convert(mode)
    value = {"L": 0, "P": image.getpixel((0, 0)), "1": 0, "RGB": (0, 0, 0)}[mode]
    image.save(tmp_path / "two" / "a.png", transparency=value)
    np.testing.assert_array_equal(second(tmp_path), drawing(255))
    assert "1 laid on black where transparent" in load(tmp_path).description


def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    two_classes(tmp_path)
    frames = [Image.fromarray(drawing(value)) for value in (200, 50)]
    frames[0].save(tmp_path / "two" / "a.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "two" / "a.png").unlink()
    assert second(tmp_path).max() == 200


def test_dark_on_light_is_said(tmp_path: Path) -> None:
    put(tmp_path / "one" / "a.png", 255 - drawing())
    put(tmp_path / "two" / "a.png", 255 - drawing())
    source = load(tmp_path)
    assert source.notice is not None
    assert "not inverted" in source.notice
    np.testing.assert_array_equal(source.x[0, :, :, 0], 255 - drawing())


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    for place in range(5):
        put(tmp_path / "ab"[place % 2] / f"{place}.png")
    calls: list[tuple[int, int]] = []
    load(tmp_path, lambda done, total: calls.append((done, total)))
    assert calls == [(done, 5) for done in range(1, 6)]


def test_an_error_of_the_callback_is_no_fault_of_the_pictures(tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        load(two_classes(tmp_path), stop)


def test_pictures_that_cannot_be_read_are_counted_and_three_are_named(tmp_path: Path) -> None:
    two_classes(tmp_path)
    whole = put(
        tmp_path / "one" / "whole.png",
        np.random.default_rng(0).integers(0, 255, (28, 28), dtype=np.uint8),
    )
    for place in range(4):
        (tmp_path / "one" / f"bad{place}.png").write_bytes(
            b"" if place else whole.read_bytes()[:300]
        )
    with pytest.raises(PictureError) as caught:
        load(tmp_path)
    assert caught.value.what.startswith("4 of 7 pictures cannot be read: one/bad0.png (")
    assert "one/bad1.png (not a picture of a known form); one/bad2.png" in caught.value.what
    assert caught.value.what.endswith("; and 1 more.")
    assert "bad3" not in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert caught.value.__cause__ is not None


def test_up_to_three_are_all_named(tmp_path: Path) -> None:
    two_classes(tmp_path)
    for place in range(3):
        (tmp_path / "one" / f"bad{place}.png").write_bytes(b"")
    with pytest.raises(PictureError, match="3 of 5 pictures") as caught:
        load(tmp_path)
    assert caught.value.what.endswith("one/bad2.png (not a picture of a known form).")


def test_other_readers_are_never_tried(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "two" / "b.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    )
    with pytest.raises(PictureError, match="not a picture of a known form"):
        load(tmp_path)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_picture_too_large_to_be_true_is_refused(tmp_path: Path, side: int) -> None:
    two_classes(tmp_path)
    target = io.BytesIO()
    Image.new("1", (8, 8)).save(target, "png")
    content = target.getvalue()
    header = b"IHDR" + struct.pack(">2I", side, side) + content[24:29]
    (tmp_path / "two" / "b.png").write_bytes(
        content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as it is outside of tests
        with pytest.raises(PictureError, match=r"two/b\.png \(more than 89,478,485 pixels\)"):
            load(tmp_path)


def test_odd_pictures_warn_nobody(tmp_path: Path) -> None:
    two_classes(tmp_path, name="a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    assert len(load(tmp_path).y) == 2


@pytest.mark.parametrize(("count", "fine"), [(1, False), (2, True), (10, True), (11, False)])
def test_two_to_ten_classes(tmp_path: Path, count: int, fine: bool) -> None:
    for place in range(count):
        put(tmp_path / f"class {place}" / "a.png")
    if fine:
        assert len(load(tmp_path).y) == count
    else:
        names = "class 0" if count == 1 else "class 0, class 1, class 10, class 2, ..."
        with pytest.raises(
            PictureFolderError, match=rf"{count} subfolders? \({names}\); expected 2 to 10"
        ):
            load(tmp_path)


@pytest.mark.parametrize(("most", "fine"), [(2, True), (1, False)])
def test_more_pictures_than_memory_is_meant_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, fine: bool
) -> None:
    two_classes(tmp_path)
    monkeypatch.setattr("pipetrace.pipeline.pictures.MAX_ROWS", most)
    if fine:
        assert len(load(tmp_path).y) == 2
    else:
        with pytest.raises(PictureFolderError, match="holds 2 pictures; at most 1 are read"):
            load(tmp_path)


def test_subfolders_that_may_not_be_read_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_classes(tmp_path)
    listed = Path.iterdir

    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "iterdir", lambda path: refuse() if path.name == "two" else listed(path)
        )
        with pytest.raises(DataNotFoundError, match="cannot be read: Permission denied") as caught:
            load(tmp_path)
        assert caught.value.where == str(tmp_path / "two")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_dir", refuse)
        with pytest.raises(DataNotFoundError, match="cannot be read: Permission denied"):
            load(tmp_path)


def test_a_class_without_pictures_is_refused(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "three").mkdir()
    with pytest.raises(PictureFolderError) as caught:
        load(tmp_path)
    assert caught.value.what == "The class has no pictures."
    assert caught.value.where == str(tmp_path / "three")
    assert ".png" in caught.value.hint


def test_classes_one_folder_deeper_are_pointed_at(tmp_path: Path) -> None:
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "test")
    with pytest.raises(PictureFolderError) as caught:
        load(tmp_path)
    assert caught.value.what == "The class has no pictures. It holds subfolders instead."
    assert str(tmp_path / "test") in caught.value.hint


def test_pictures_without_subfolders_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    with pytest.raises(PictureFolderError, match="1 picture but no subfolders") as caught:
        load(tmp_path)
    assert "2 to 10 subfolders" in caught.value.hint


def test_a_single_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureFolderError, match="single picture"):
        load(put(tmp_path / "a.png"))


def test_folders_without_anything_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="folder is empty"):
        load(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataNotFoundError, match="neither IDX files nor pictures"):
        load(tmp_path)
    (tmp_path / "digits.npz").write_bytes(b"")
    with pytest.raises(DataNotFoundError, match=r"holds digits\.npz") as caught:
        load(tmp_path)
    assert str(tmp_path / "digits.npz") in caught.value.hint


def outcome(folder: Path) -> Source | PictureError:
    try:
        return load(folder)
    except PictureError as error:
        return error


def loads_or_refuses(folder: Path) -> None:
    result = outcome(folder)
    if isinstance(result, PictureError):
        assert result.what.startswith("1 of 2 pictures cannot be read: two/a.png (")
    else:
        assert result.x.shape == (2, 28, 28, 1)


@ONE_FOLDER
@given(
    content=st.binary(max_size=200),
    prefix=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"P5 "]),
)
def test_random_bytes_are_refused_in_our_own_words(
    tmp_path: Path, content: bytes, prefix: bytes
) -> None:
    two_classes(tmp_path)
    (tmp_path / "two" / "a.png").write_bytes(prefix + content)
    loads_or_refuses(tmp_path)


@ONE_FOLDER
@given(data=st.data(), form=st.sampled_from(["png", "jpeg", "gif", "bmp", "ppm", "webp"]))
def test_a_picture_with_changed_or_missing_bytes_is_refused_or_read(
    tmp_path: Path, data: st.DataObject, form: str
) -> None:
    two_classes(tmp_path)
    target = io.BytesIO()
    Image.fromarray(drawing()).save(target, form)
    content = bytearray(target.getvalue())
    places = st.one_of(st.integers(0, min(80, len(content) - 1)), st.integers(0, len(content) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[place] = value
    keep = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    (tmp_path / "two" / "a.png").write_bytes(content[:keep])
    loads_or_refuses(tmp_path)
