import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipetrace.errors import ArrayFormatError, CountMismatchError, DataError, LabelError, PixelError
from pipetrace.pipeline.sources import Source, load

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def pictures(rows: int = 4) -> NDArray[np.uint8]:
    x = np.zeros((rows, 28, 28), dtype=np.uint8)
    x[:, 10:18, 12:16] = np.arange(100, 100 + rows)[:, None, None]
    return x


def labels(rows: int = 4) -> NDArray[np.uint8]:
    return np.arange(rows, dtype=np.uint8) % 10


def saved(path: Path, compressed: bool = True, **arrays: Any) -> Path:
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy_bytes(array: Any, header: str | None = None) -> bytes:
    """Return an array as a file, with another header where one is given."""
    target = io.BytesIO()
    np.lib.format.write_array(target, np.asarray(array), version=(1, 0))
    if header is None:
        return target.getvalue()
    text = header.encode() + b"\n"
    return (
        b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + np.asarray(array).tobytes()
    )


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("names", [("x", "y"), ("x_train", "y_train")])
@pytest.mark.parametrize("order", ["C", "F"])
def test_both_layouts_are_read(
    tmp_path: Path, compressed: bool, names: tuple[str, str], order: Any
) -> None:
    arrays = dict(zip(names, (np.asarray(pictures(), order=order), labels()), strict=True))
    path = saved(tmp_path / "digits.npz", compressed, **arrays)
    source = load(path)
    np.testing.assert_array_equal(source.x[..., 0], pictures())
    assert source.y.tolist() == [0, 1, 2, 3]
    assert (source.name, source.origin) == ("digits.npz", str(path))
    assert source.description == "4 pictures of 28x28 pixels from the arrays of digits.npz."


def test_the_arrays_that_are_left_out_are_named(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "mnist.npz",
        x_train=pictures(),
        y_train=labels(),
        x_test=pictures(2),
        y_test=labels(2),
    )
    assert load(path).description.endswith("The file's other arrays were left out: x_test, y_test.")
    path = saved(path, x_train=pictures(), y_train=labels(), x=pictures(3), y=labels(3))
    assert len(load(path).y) == 3


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "digits.npz", x=pictures(), y=labels()).rename(
        tmp_path / "train-images-idx3-ubyte.gz"
    )
    assert len(load(path).y) == 4


def test_arrays_that_are_missing_are_refused_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(ArrayFormatError, match=r"no arrays x and y.*It holds images, y"):
        load(saved(tmp_path / "a.npz", images=pictures(), y=labels()))
    with pytest.raises(ArrayFormatError, match="It holds nothing"):
        load(zipped(tmp_path / "b.npz"))
    with pytest.raises(ArrayFormatError, match=r"It holds a0, .*a7, \.\.\."):
        load(
            saved(tmp_path / "c.npz", True, **dict.fromkeys([f"a{i}" for i in range(9)], labels()))
        )


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mnist.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t10k-images-idx3-ubyte", b"")
    with pytest.raises(ArrayFormatError, match="holds t10k-images-idx3-ubyte") as caught:
        load(path)
    assert "unpack it" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04", b"PK"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    with pytest.raises(ArrayFormatError, match=r"cannot be read as \.npz") as caught:
        load(path)
    assert caught.value.where == str(path)
    assert caught.value.__cause__ is not None


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", pictures())
    with pytest.raises(ArrayFormatError) as caught:
        load(tmp_path / "x.npy")
    assert "x=x, y=y" in caught.value.hint


def test_a_single_array_under_another_name_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", pictures())
    with pytest.raises(ArrayFormatError):
        load((tmp_path / "x.npy").rename(tmp_path / "x.data"))


def test_objects_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    path = saved(tmp_path / "a.npz", x=pictures(), y=np.array([Trap(), Trap(), 1, 2], dtype=object))
    with pytest.raises(ArrayFormatError, match="y holds Python objects"):
        load(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (pictures(), labels(3), CountMismatchError),
        (pictures(0), labels(0), ArrayFormatError),
        (pictures().reshape(4, 784), labels(), ArrayFormatError),
        (pictures(), np.eye(10)[labels()], ArrayFormatError),
        (pictures(), labels() + 7, LabelError),
        (pictures(), np.ones(4), LabelError),
        (pictures() / 255, labels(), PixelError),
        (pictures() * 2.0, labels(), PixelError),
    ],
)
def test_arrays_are_checked_like_those_in_memory(
    tmp_path: Path, x: Any, y: Any, error: type[DataError]
) -> None:
    path = saved(tmp_path / "a.npz", x=x * (1.5 if error is PixelError and x.max() > 1 else 1), y=y)
    with pytest.raises(error) as caught:
        load(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 28, 28)}",
            "needs 3,9.. bytes, and there are 3,2",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 28, 28)}",
            "needs 2,4.. bytes, and there are 3,2",
        ),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 28, 28)}", "negative"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': '4'}", "cannot be read"),
        ("{'descr': '|u1', 'fortran_order': False}", "cannot be read"),
        ("{'descr': '<q9', 'fortran_order': False, 'shape': (4, 28, 28)}", "cannot be read"),
        ("{'descr': ['\\d'], 'fortran_order': 4L, 'shape': (4L, 28, 28)}", "cannot be read"),
        ("(" * 9000, "cannot be read"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_forged_header_is_refused(tmp_path: Path, header: str, what: str) -> None:
    rows = 5 if "(5" in header else 3 if "(3" in header else 4
    path = zipped(tmp_path / "a.npz", x=npy_bytes(pictures(), header), y=npy_bytes(labels(rows)))
    with pytest.raises(ArrayFormatError, match=what):
        load(path)


def test_a_header_that_python_2_wrote_is_read_without_a_warning(tmp_path: Path) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (4L, 28L, 28L), }"
    path = zipped(tmp_path / "a.npz", x=npy_bytes(pictures(), header), y=npy_bytes(labels()))
    np.testing.assert_array_equal(load(path).x[..., 0], pictures())


def test_a_version_of_the_format_that_only_records_need_is_refused(tmp_path: Path) -> None:
    content = bytearray(npy_bytes(pictures()))
    content[6] = 3
    with pytest.raises(ArrayFormatError, match=r"version 3\.0"):
        load(zipped(tmp_path / "a.npz", x=bytes(content), y=npy_bytes(labels())))


def test_the_second_version_of_the_format_is_read(tmp_path: Path) -> None:
    target = io.BytesIO()
    np.lib.format.write_array(target, pictures(), version=(2, 0))
    assert len(load(zipped(tmp_path / "a.npz", x=target.getvalue(), y=npy_bytes(labels()))).y) == 4


def peak_of_refusal(path: Path, what: str) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(ArrayFormatError, match=what):
            load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_forged_shapes_and_archive_bombs_take_no_memory(tmp_path: Path) -> None:
    for rows, what in ((10**6, "needs 784,"), (10**12, "at most 1,000,000")):
        forged = [
            f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows},{rest})}}"
            for rest in (" 28, 28", "")
        ]
        path = zipped(
            tmp_path / "a.npz", x=npy_bytes(pictures(), forged[0]), y=npy_bytes(labels(), forged[1])
        )
        assert peak_of_refusal(path, what) < 4e6
    bomb = zipped(
        tmp_path / "b.npz", x=npy_bytes(pictures()) + bytes(1 << 26), y=npy_bytes(labels())
    )
    assert peak_of_refusal(bomb, "needs 3,264 bytes, and there are 67,112,128") < 4e6


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", x=pictures(), y=labels())
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(signature, start)) >= 0:
            content[start + place] |= 1
            start += 1
    path.write_bytes(content)
    with pytest.raises(ArrayFormatError, match="encrypted"):
        load(path)


@pytest.mark.parametrize("number", [None, 22])
def test_a_system_error_that_damage_causes_is_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    path = saved(tmp_path / "a.npz", x=pictures(), y=labels())

    def fail(*_: Any, **__: Any) -> Any:
        raise (
            OSError("Invalid data stream")
            if number is None
            else OSError(number, "Invalid argument")
        )

    monkeypatch.setattr("zipfile.ZipFile.open", fail)
    with pytest.raises(ArrayFormatError, match="cannot be read as"):
        load(path)


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
    content=st.binary(max_size=200),
    prefix=st.sampled_from([b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"]),
)
def test_random_bytes_are_refused_in_our_own_words(
    tmp_path: Path, content: bytes, prefix: bytes
) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(prefix + content)
    loads_or_refuses(path)


@ONE_FOLDER
@given(data=st.data(), compressed=st.booleans())
def test_a_file_with_changed_or_missing_bytes_is_refused_or_read(
    tmp_path: Path, data: st.DataObject, compressed: bool
) -> None:
    path = saved(tmp_path / "a.npz", compressed, x=pictures(), y=labels())
    content = bytearray(path.read_bytes())
    end = len(content) - 1
    # The interesting bytes lie in the headers at the beginning and in the directory at the end.
    places = st.one_of(st.integers(0, 160), st.integers(end - 300, end), st.integers(0, end)).map(
        lambda i: max(0, min(i, end))
    )
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[place] = value
    path.write_bytes(content[: data.draw(st.one_of(st.just(end + 1), st.integers(0, end)))])
    loads_or_refuses(path)


@ONE_FOLDER
@given(text=st.text(st.characters(max_codepoint=255), max_size=60), data=st.data())
def test_any_header_text_is_refused_or_read(tmp_path: Path, text: str, data: st.DataObject) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 28, 28), }"
    start = data.draw(st.integers(0, len(header)))
    stop = data.draw(st.integers(start, len(header)))
    mutated = (header[:start] + text + header[stop:]).encode("latin-1", "replace").decode("latin-1")
    text_bytes = mutated.encode("latin-1")
    content = (
        b"\x93NUMPY\x01\x00"
        + len(text_bytes).to_bytes(2, "little")
        + text_bytes
        + pictures().tobytes()
    )
    loads_or_refuses(zipped(tmp_path / "a.npz", x=content, y=npy_bytes(labels())))
