import gzip
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pipetrace.errors import (
    CountMismatchError,
    DataError,
    DataNotFoundError,
    IdxFormatError,
    LabelError,
)
from pipetrace.pipeline.sources import Source, load

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def gzipped(content: bytes, level: int = 9) -> bytes:
    return gzip.compress(content, level, mtime=0)  # no date, so that a failure can be repeated


def images_bytes(x: NDArray[np.uint8], magic: int = 0x803) -> bytes:
    return struct.pack(">4I", magic, *x.shape) + x.tobytes()


def labels_bytes(y: Any, magic: int = 0x801) -> bytes:
    return struct.pack(">2I", magic, len(y)) + bytes(y)


def pictures(rows: int) -> NDArray[np.uint8]:
    x = np.random.default_rng(1).integers(0, 256, (rows, 28, 28)).astype(np.uint8)
    x[:, [0, -1]] = 0
    x[:, :, [0, -1]] = 0
    return x


def write(
    folder: Path, x: bytes | None = None, y: bytes | None = None, images: str = IMAGES
) -> Path:
    """Write a pair of twelve rows, or what is given instead, and return the images file."""
    folder.mkdir(exist_ok=True)
    path = folder / images
    path.write_bytes(images_bytes(pictures(12)) if x is None else x)
    labels = images.replace("images", "labels").replace("idx3", "idx1")
    (folder / labels).write_bytes(labels_bytes([i % 10 for i in range(12)]) if y is None else y)
    return path


@pytest.mark.parametrize("pack_images", [False, True])
@pytest.mark.parametrize("pack_labels", [False, True])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_pair_is_read_by_its_content_whatever_its_names_say(
    tmp_path: Path, pack_images: bool, pack_labels: bool, ending: str
) -> None:
    x, y = images_bytes(pictures(12)), labels_bytes([i % 10 for i in range(12)])
    path = write(
        tmp_path,
        gzipped(x) if pack_images else x,
        gzipped(y) if pack_labels else y,
        images=IMAGES + ending,
    )
    for given_path in (path, tmp_path):
        source = load(given_path)
        np.testing.assert_array_equal(source.x[..., 0], pictures(12))
        assert source.y.tolist() == [i % 10 for i in range(12)]
        assert source.name == IMAGES + ending
        assert source.origin == str(given_path)
        assert (
            source.description == f"12 pictures of 28x28 pixels from the IDX file {IMAGES}{ending}."
        )
        assert source.notice is None


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz"),
        ("a-images-idx3-ubyte.gz", "a-labels-idx1-ubyte"),
        ("Train-Images-IDX3-ubyte", "Train-Labels-IDX1-ubyte"),
        ("images", "labels"),
    ],
)
def test_labels_are_found_under_the_names_in_use(tmp_path: Path, images: str, labels: str) -> None:
    (tmp_path / images).write_bytes(images_bytes(pictures(3)))
    (tmp_path / labels).write_bytes(labels_bytes([1, 2, 3]))
    assert load(tmp_path / images).y.tolist() == [1, 2, 3]
    assert load(tmp_path).y.tolist() == [1, 2, 3]


def test_labels_packed_like_the_images_come_first(tmp_path: Path) -> None:
    path = write(
        tmp_path, gzipped(images_bytes(pictures(3))), labels_bytes([1, 2, 3]), images=f"{IMAGES}.gz"
    )
    (tmp_path / LABELS).write_bytes(labels_bytes([4, 5, 6]))
    assert load(path).y.tolist() == [1, 2, 3]


def test_train_is_taken_and_the_other_pair_is_named(tmp_path: Path) -> None:
    write(tmp_path, images="t10k-images-idx3-ubyte.gz")
    write(tmp_path, images_bytes(pictures(3)), labels_bytes([1, 2, 3]))
    source = load(tmp_path)
    assert source.name == IMAGES
    assert len(source.y) == 3
    assert source.description.endswith(
        "The folder's other pairs were left out: t10k-images-idx3-ubyte.gz."
    )


def test_a_pair_that_lies_there_packed_and_unpacked_is_one_pair(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, images=f"{IMAGES}.gz")
    source = load(tmp_path)
    assert source.name == IMAGES
    assert "left out" not in source.description


def test_several_pairs_without_one_to_prefer_are_refused(tmp_path: Path) -> None:
    write(tmp_path, images="a-images")
    write(tmp_path, images="b-images")
    with pytest.raises(
        DataNotFoundError, match="2 pairs of IDX files, among them a-images, b-images"
    ):
        load(tmp_path)
    write(tmp_path, images="train-c-images")
    assert load(tmp_path).name == "train-c-images"
    write(tmp_path, images="train-d-images")
    with pytest.raises(DataNotFoundError, match="4 pairs"):
        load(tmp_path)


@pytest.mark.parametrize(("kept", "missing"), [(IMAGES, LABELS), (LABELS, IMAGES)])
def test_half_a_pair_is_refused_with_the_name_of_the_other_half(
    tmp_path: Path, kept: str, missing: str
) -> None:
    write(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(DataNotFoundError, match=missing) as caught:
        load(tmp_path)
    assert caught.value.where == str(tmp_path / kept)


@pytest.mark.parametrize(
    ("name", "half"), [("a-images-idx3", True), ("images.ubyte", True), ("images.zip", False)]
)
def test_only_names_of_the_form_count_as_half_a_pair(tmp_path: Path, name: str, half: bool) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        DataNotFoundError,
        match="The images are there" if half else "neither IDX files nor pictures",
    ):
        load(tmp_path)


def test_an_images_file_without_labels_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / LABELS).unlink()
    with pytest.raises(DataNotFoundError, match=f"no labels file called {LABELS}"):
        load(path)
    renamed = path.rename(tmp_path / "digits.bin")
    with pytest.raises(DataNotFoundError, match="no labels file beside"):
        load(renamed)


def test_labels_where_images_are_expected(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(
        IdxFormatError, match=r"labels file.*0x00000801; pictures have 0x00000803"
    ) as caught:
        load(tmp_path / LABELS)
    assert caught.value.hint == "Give the images file, or the folder that holds both."


def test_images_where_labels_are_expected(tmp_path: Path) -> None:
    path = write(tmp_path, y=images_bytes(pictures(12)))
    with pytest.raises(
        IdxFormatError, match=r"images file, where the labels.*0x00000803; labels have 0x00000801"
    ) as caught:
        load(path)
    assert caught.value.where == str(tmp_path / LABELS)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (gzipped(b""), "gzip file holds nothing"),
        (b"\0\0\x08", "ends too early: its header alone needs 16 bytes, and there are 3"),
        (b"\0\0\x08\x03\0\0\0", "ends too early: its header alone needs 16 bytes, and there are 7"),
        (b"1,2,3,4\n5,6,7,8\n", "This is not an IDX file.*0x312c322c; pictures have 0x00000803"),
        (b"<!DOCTYPE html><html>", "web page.*0x3c21444f"),
        (b"\0\0\x09\x03" + bytes(12), r"signed bytes \(type code 0x09\)"),
        (b"\0\0\x0b\x03" + bytes(12), r"16-bit whole numbers \(type code 0x0b\)"),
        (b"\0\0\x0d\x03" + bytes(12), r"32-bit floats \(type code 0x0d\)"),
        (b"\0\0\x0e\x03" + bytes(12), r"64-bit floats \(type code 0x0e\)"),
        (b"\0\0\x0c\x03" + bytes(12), r"32-bit whole numbers \(type code 0x0c\)"),
        (b"\0\0\x07\x03" + bytes(12), "not an IDX file.*0x00000703"),
        (b"\0\0\x08\x04" + bytes(16), "has 4 dimensions, not 3"),
        (images_bytes(np.zeros((2, 32, 30), dtype=np.uint8)), "32x30 pixels; expected 28x28"),
        (images_bytes(np.zeros((0, 28, 28), dtype=np.uint8)), "holds no pictures"),
    ],
)
def test_a_file_that_is_no_images_file_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, what: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(IdxFormatError, match=what) as caught:
        load(path)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_no_labels_at_all(tmp_path: Path) -> None:
    with pytest.raises(IdxFormatError, match="holds no labels"):
        load(write(tmp_path, y=labels_bytes([])))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cut", [1, 784, 9407])
def test_a_file_that_ends_too_early_says_how_much_there_is(
    tmp_path: Path, packed: bool, cut: int
) -> None:
    content = images_bytes(pictures(12))[:-cut]
    path = write(tmp_path, gzipped(content) if packed else content)
    with pytest.raises(IdxFormatError) as caught:
        load(path)
    unpacked = ", unpacked" if packed else ""
    assert caught.value.what == (
        "The file ends too early: its header promises 12 pictures, which need 9,424 bytes, "
        f"and there are {9424 - cut:,}{unpacked}."
    )


@pytest.mark.parametrize("packed", [False, True])
def test_extra_bytes_are_refused(tmp_path: Path, packed: bool) -> None:
    content = images_bytes(pictures(12)) + b"xyz"
    path = write(tmp_path, gzipped(content) if packed else content)
    with pytest.raises(
        IdxFormatError,
        match="Extra bytes.*need 9,424 bytes, and there are " + ("more" if packed else "9,427"),
    ):
        load(path)
    with pytest.raises(IdxFormatError, match="Extra bytes"):
        load(write(tmp_path, y=labels_bytes(range(10)) + b"\0"))


def test_a_gzip_file_that_is_cut_off_says_how_much_there_is(tmp_path: Path) -> None:
    # Stored without compression, so that half of the file is half of the bytes.
    packed = gzipped(images_bytes(pictures(12)), level=0)
    path = write(tmp_path, packed[: len(packed) // 2])
    with pytest.raises(
        IdxFormatError, match=r"need 9,424 bytes, and there are 4,[67]\d\d, unpacked"
    ):
        load(path)


@pytest.mark.parametrize("cut", [1, 7, 8])
def test_a_gzip_file_without_its_whole_checksum_is_refused(tmp_path: Path, cut: int) -> None:
    packed = gzipped(images_bytes(pictures(12)))
    with pytest.raises(IdxFormatError, match="lacks its end"):
        load(write(tmp_path, packed[:-cut]))


def test_damaged_gzip_data_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzipped(images_bytes(pictures(12))))
    for place in (len(packed) // 2, len(packed) - 8):  # the data, the checksum
        damaged = packed.copy()
        damaged[place] ^= 0xFF
        with pytest.raises(IdxFormatError, match="gzip data is damaged") as caught:
            load(write(tmp_path, bytes(damaged)))
        assert isinstance(caught.value.__cause__, gzip.BadGzipFile | zlib.error)
    with pytest.raises(IdxFormatError, match="gzip data is damaged"):
        load(write(tmp_path, bytes(packed) + b"more"))


def test_a_disk_that_fails_in_the_middle_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, gzipped(images_bytes(pictures(12))))

    def fail(*_: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("gzip.GzipFile.read1", fail)
    with pytest.raises(DataNotFoundError, match="cannot be read: Input/output error"):
        load(path)


def test_counts_that_differ_are_seen_in_the_headers(tmp_path: Path) -> None:
    path = write(tmp_path, y=labels_bytes([1, 2, 3]))
    with pytest.raises(CountMismatchError, match="12 pictures but 3 labels") as caught:
        load(path)
    assert caught.value.where == f"{path}, {LABELS}"


def test_labels_outside_0_to_9_and_of_one_class(tmp_path: Path) -> None:
    with pytest.raises(
        LabelError, match=r"2 of 12 labels are outside 0 to 9.*The first is 10, in row 10"
    ):
        load(write(tmp_path, y=labels_bytes(range(12))))
    with pytest.raises(LabelError, match="All 12 labels are 0"):
        load(write(tmp_path, y=labels_bytes([0] * 12)))


def peak_of_refusal(path: Path, what: str) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(IdxFormatError, match=what):
            load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_forged_header_takes_no_memory(tmp_path: Path) -> None:
    for rows, what in ((2**32 - 1, "at most 1,000,000"), (1_000_000, "ends too early")):
        header = struct.pack(">4I", 0x803, rows, 28, 28)
        labels = struct.pack(">2I", 0x801, rows) + bytes(1000)
        assert (
            peak_of_refusal(write(tmp_path, header + bytes(1000), labels), "ends too early") < 4e6
        )
        assert peak_of_refusal(write(tmp_path, gzipped(header), gzipped(labels)), what) < 4e6


def test_a_gzip_bomb_is_read_no_further_than_its_header_promises(tmp_path: Path) -> None:
    bomb = zlib.compressobj(9, wbits=31)
    packed = bomb.compress(images_bytes(pictures(12)))
    for _ in range(64):
        packed += bomb.compress(bytes(1 << 20))
    packed += bomb.flush()
    assert peak_of_refusal(write(tmp_path, packed), "Extra bytes") < 4e6


@ONE_FOLDER
@given(
    x=hnp.arrays(np.uint8, st.tuples(st.integers(2, 6), st.just(28), st.just(28))).filter(
        lambda x: x.max() > 1
    ),
    data=st.data(),
    pack=st.booleans(),
)
def test_what_is_written_is_read(
    tmp_path: Path, x: NDArray[np.uint8], data: st.DataObject, pack: bool
) -> None:
    y = data.draw(
        st.lists(st.integers(0, 9), min_size=len(x), max_size=len(x)).filter(
            lambda y: len(set(y)) > 1
        )
    )
    pack_with = gzipped if pack else bytes
    source = load(write(tmp_path, pack_with(images_bytes(x)), pack_with(labels_bytes(y))))
    np.testing.assert_array_equal(source.x[..., 0], x)
    assert source.y.tolist() == y


def outcome(path: Path) -> Source | DataError:
    try:
        return load(path)
    except DataError as error:
        return error


def loads_or_refuses(path: Path) -> None:
    result = outcome(path)
    if isinstance(result, DataError):
        assert all([result.what, result.hint, result.where])
    else:
        assert result.x.shape == (len(result.y), 28, 28, 1)


@ONE_FOLDER
@given(
    x=st.binary(max_size=100),
    y=st.binary(max_size=100),
    prefix=st.sampled_from([b"", b"\0\0\x08\x03", b"\x1f\x8b\x08"]),
)
def test_random_bytes_are_refused_in_our_own_words(
    tmp_path: Path, x: bytes, y: bytes, prefix: bytes
) -> None:
    loads_or_refuses(write(tmp_path, prefix + x, y))


@ONE_FOLDER
@given(data=st.data(), pack=st.booleans(), labels=st.booleans())
def test_a_file_with_changed_or_missing_bytes_is_refused_or_read(
    tmp_path: Path, data: st.DataObject, pack: bool, labels: bool
) -> None:
    content = labels_bytes([i % 10 for i in range(12)]) if labels else images_bytes(pictures(12))
    mutated = bytearray(gzipped(content) if pack else content)
    places = st.one_of(st.integers(0, 20), st.integers(0, len(mutated) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        mutated[place % len(mutated)] = value
    mutated = mutated[: data.draw(st.one_of(st.just(len(mutated)), st.integers(0, len(mutated))))]
    loads_or_refuses(
        write(tmp_path, None if labels else bytes(mutated), bytes(mutated) if labels else None)
    )
