from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipetrace.errors import (
    ArgumentError,
    ArrayFormatError,
    CountMismatchError,
    LabelError,
    PixelError,
)
from pipetrace.pipeline.sources import Source, from_arrays


def pictures(rows: int = 4, dtype: Any = np.uint8) -> NDArray[Any]:
    x = np.zeros((rows, 28, 28), dtype=dtype)
    x[:, 10:18, 12:16] = 200
    return x


def labels(rows: int = 4) -> NDArray[np.int64]:
    return np.arange(rows) % 10


def source(x: Any, y: Any, **more: Any) -> Source:
    return from_arrays(x, y, name="n", description="Rows.", origin="here.npz", **more)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int16, np.uint64, ">i4", np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 28, 28, 1)])
def test_pixels_of_every_type_become_the_same_bytes(dtype: Any, shape: tuple[int, ...]) -> None:
    result = source(pictures(dtype=dtype).reshape(shape), labels())
    assert result.x.dtype == np.uint8
    assert result.x.shape == (4, 28, 28, 1)
    np.testing.assert_array_equal(result.x[..., 0], pictures())
    assert result.description == "Rows."
    assert result.notice is None
    assert result.class_names == tuple("0123456789")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, np.float32, bool])
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_labels_of_every_type_become_int64(dtype: Any, shape: tuple[int, ...]) -> None:
    result = source(pictures(2), np.array([1, 0], dtype=dtype).reshape(shape))
    assert result.y.dtype == np.int64
    assert result.y.tolist() == [1, 0]


def test_pixels_that_are_not_whole_are_rounded_and_said() -> None:
    x = pictures(dtype=np.float64)
    x[0, 5, 5:8] = (2.4, 2.6, 254.9)
    result = source(x, labels())
    assert result.x[0, 5, 5:8, 0].tolist() == [2, 3, 255]
    assert result.description == "Rows. Pixel values that were not whole were rounded."


def test_the_rows_are_a_read_only_copy() -> None:
    x, y = pictures(), labels()
    result = source(x, y)
    x[0] = 9
    y[0] = 9
    assert result.x[0].max() == 200
    assert result.y[0] == 0
    for array in (result.x, result.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((4, 784), "reshape"),
        ((4, 1, 28, 28), "reshape"),
        ((4, 28, 28, 3), "colour"),
        ((4, 32, 32), "Resize"),
        ((4, 28, 28, 1, 1), "28x28 picture a row"),
        ((4, 28), "28x28 picture a row"),
        ((4,), "28x28 picture a row"),
        ((), "28x28 picture a row"),
    ],
)
def test_a_wrong_shape_of_x_is_named_with_a_way_out(shape: tuple[int, ...], hint: str) -> None:
    with pytest.raises(ArrayFormatError) as caught:
        source(np.zeros(shape, dtype=np.uint8), labels())
    assert str(shape) in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.where == "here.npz"


@pytest.mark.parametrize(
    ("shape", "hint"), [((4, 10), "argmax"), ((4, 2), "one whole number"), ((), "one whole")]
)
def test_a_wrong_shape_of_y_is_named_with_a_way_out(shape: tuple[int, ...], hint: str) -> None:
    with pytest.raises(ArrayFormatError) as caught:
        source(pictures(), np.zeros(shape, dtype=np.uint8))
    assert str(shape) in caught.value.what
    assert hint.lower() in caught.value.hint.lower()


@pytest.mark.parametrize(
    ("y", "word"),
    [
        (np.array(["1", "2", "3", "4"]), "text"),
        (np.array([1, 2, 3, None], dtype=object), "Python objects"),
        (np.array([1j, 2, 3, 4]), "complex"),
        (np.zeros(4, dtype="datetime64[s]"), "datetime64"),
        (np.zeros(4, dtype=[("a", "u1")]), "records"),
    ],
)
def test_a_type_that_holds_no_numbers_is_refused(y: Any, word: str) -> None:
    with pytest.raises(ArrayFormatError, match=word):
        source(pictures(), y)


@pytest.mark.parametrize(
    ("dtype", "word", "hint"),
    [("U1", "text", "Save whole"), (object, "Python objects", "run code")],
)
def test_pixels_that_are_no_numbers_are_refused(dtype: Any, word: str, hint: str) -> None:
    with pytest.raises(ArrayFormatError, match=f"x holds {word}; expected numbers") as caught:
        source(np.zeros((4, 28, 28), dtype=dtype), labels())
    assert hint in caught.value.hint


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(ArrayFormatError, match="x does not form an array"):
        source([[1, 2], [3]], labels())


def test_no_rows_are_refused_before_the_counts() -> None:
    with pytest.raises(ArrayFormatError, match="no rows"):
        source(pictures(0), labels(0))
    with pytest.raises(CountMismatchError, match="0 pictures but 4 labels"):
        source(pictures(0), labels())


def test_counts_that_differ_are_both_named() -> None:
    with pytest.raises(CountMismatchError, match="4 pictures but 3 labels"):
        source(pictures(), labels(3))


@pytest.mark.parametrize(
    ("y", "count", "value", "row", "fault"),
    [
        ([0, 1, 10, 11], "2 of 4 labels are", "10", "row 2", "outside 0 to 9"),
        ([0, -1, 2, 3], "1 of 4 labels is", "-1", "row 1", "outside 0 to 9"),
        ([0, 1, 2, 256], "1 of 4 labels is", "256", "row 3", "outside 0 to 9"),
        (
            np.array([0, 1, 2, 2**64 - 1], dtype=np.uint64),
            "1 of 4",
            "18446744073709551615",
            "row 3",
            "outside 0 to 9",
        ),
        ([0.0, 1.5, 2.5, 3.0], "2 of 4 labels are", "1.5", "row 1", "not whole"),
        ([0.0, 1.0, np.nan, 3.0], "1 of 4 labels is", "nan", "row 2", "not finite"),
        ([np.inf, 1.0, 2.0, 3.0], "1 of 4 labels is", "inf", "row 0", "not finite"),
        ([0.0, 1.0, 2.0, 1e300], "1 of 4 labels is", "1e+300", "row 3", "outside 0 to 9"),
    ],
)
def test_bad_labels_are_counted_and_the_first_is_named(
    y: Any, count: str, value: str, row: str, fault: str
) -> None:
    with pytest.raises(LabelError) as caught:
        source(pictures(), y)
    for part in (count, f"is {value},", row, fault):
        assert part in caught.value.what


def test_one_class_is_refused() -> None:
    with pytest.raises(LabelError, match="All 4 labels are 3"):
        source(pictures(), [3, 3, 3, 3])


@pytest.mark.parametrize(
    ("value", "dtype", "fault", "hint"),
    [
        (np.nan, np.float32, "not finite", "Replace"),
        (-np.inf, np.float32, "not finite", "Replace"),
        (-0.25, np.float64, "below 0", "before any scaling"),
        (-3, np.int16, "below 0", "before any scaling"),
        (255.25, np.float64, "above 255", "0 to 255"),
        (256, np.uint16, "above 255", "0 to 255"),
    ],
)
def test_bad_pixels_are_counted_and_the_first_is_named(
    value: float, dtype: Any, fault: str, hint: str
) -> None:
    x = pictures(dtype=dtype)
    x[0, 0, 0] = 255
    x[2, 3, 4] = x[3, 0, 0] = value
    with pytest.raises(PixelError) as caught:
        source(x, labels())
    assert f"2 of 3,136 pixel values are {fault}" in caught.value.what
    assert f"The first is {x[2, 3, 4].item()}, in row 2" in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, bool])
def test_pixels_that_are_scaled_already_are_refused(dtype: Any) -> None:
    x = (pictures() > 0).astype(dtype)
    with pytest.raises(PixelError) as caught:
        source(x, labels())
    assert "scale them twice" in caught.value.what
    assert f"(the largest is {1.0 if np.dtype(dtype).kind == 'f' else 1})" in caught.value.what
    assert "by 255" in caught.value.hint


def test_a_value_just_above_one_is_not_taken_for_scaled() -> None:
    x = pictures(dtype=np.float64) / 200
    x[0, 0, 0] = 1.25
    assert source(x, labels()).x.max() == 1


def test_blank_pictures_pass() -> None:
    assert source(np.zeros((4, 28, 28)), labels()).x.max() == 0


def test_pixels_from_minus_one_to_one_get_their_own_way_out() -> None:
    with pytest.raises(PixelError) as caught:
        source(pictures(dtype=np.float64) / 100 - 1, labels())
    assert "127.5" in caught.value.hint


@pytest.mark.parametrize(("paper", "said"), [(127, False), (128, True), (255, True)])
def test_dark_on_light_is_said_and_left_as_it_is(paper: int, said: bool) -> None:
    x = np.full((4, 28, 28), paper, dtype=np.uint8)
    x[:, 1:-1, 1:-1] = 3  # the ring alone decides
    result = source(x, labels(), notice="First.")
    np.testing.assert_array_equal(result.x[..., 0], x)
    assert result.notice is not None
    if said:
        assert result.notice.startswith(
            f"First. The pictures seem to be dark on light: the median of their border pixels is {paper}"
        )
        assert "not inverted" in result.notice
    else:
        assert result.notice == "First."


def test_the_border_median_is_numpys() -> None:
    x = np.random.default_rng(5).integers(100, 256, (7, 28, 28)).astype(np.uint8)
    x[:, 1:-1, 1:-1] = 0
    ring = np.concatenate([x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]], axis=1)
    notice = source(x, labels(7)).notice
    assert notice is not None
    assert f"is {int(np.median(ring))} of 255" in notice


def test_class_names_are_ten() -> None:
    names = tuple("abcdefghij")
    assert source(pictures(), labels(), class_names=names).class_names == names
    with pytest.raises(ArgumentError, match="There are 3 class names"):
        source(pictures(), labels(), class_names=("a", "b", "c"))
