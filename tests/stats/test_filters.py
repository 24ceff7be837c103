"""What a kernel resembles, held against kernels of which that is known, and against NumPy's own fits."""

import numpy as np
import pytest

from pipetrace.stats.filters import filter_patterns, patterns
from pipetrace.trace.document import Array

SIZES = ((3, 3), (5, 5), (4, 6), (7, 3), (11, 11))


def shares(kernel: Array) -> dict[str, float]:
    found = filter_patterns(kernel[:, :, None, None])
    assert found is not None
    return {name: float(each[0]) for name, each in found.shares.items()}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_patterns_are_orthonormal_and_random_weights_have_what_is_expected(
    size: tuple[int, int],
) -> None:
    rows = np.concatenate([each.reshape(len(each), -1) for each in patterns(*size).values()])
    assert np.allclose(rows @ rows.T, np.eye(len(rows)))
    found = filter_patterns(np.random.default_rng(1).normal(size=(*size, 2, 4000)))
    assert found is not None
    assert np.allclose(np.sum([*found.shares.values()], axis=0), 1)
    assert sum(found.expected.values()) == pytest.approx(1)
    for name, expected in found.expected.items():
        assert found.shares[name].mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_kernels_of_a_known_kind(size: tuple[int, int]) -> None:
    down, across = np.indices(size) - (np.array(size)[:, None, None] - 1) / 2
    slope, bowl = across + 0 * down, down**2 / (down**2).mean() + across**2 / (across**2).mean()
    ridge = down**2 / np.std(down**2) - across**2 / np.std(across**2)
    for name, kernel in (("edge", slope), ("blur", np.full(size, -2.0)), ("line", ridge)):
        found = shares(kernel)
        # Frei and Chen's gradient weighs its middle row more than a plain slope.
        assert found[name] > 0.95
    assert shares(bowl - bowl.mean())["blob"] > (0.6 if size == (3, 3) else 0.95)


def test_published_kernels() -> None:
    sobel = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    laplacian = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])
    detector = np.array([[-1.0, 2, -1]] * 3)  # Prewitt's line detector: half a line, half a blob
    assert shares(sobel)["edge"] > 0.97
    assert shares(laplacian)["blob"] == pytest.approx(1)
    assert shares(detector)["line"] == pytest.approx(0.5)
    assert shares(detector)["blob"] == pytest.approx(0.5)


@pytest.mark.parametrize("size", [3, 5, 8])
def test_directions_turn_with_the_kernel(size: int) -> None:
    down, across = np.indices((size, size)) - (size - 1) / 2
    for degrees in range(-170, 181, 10):
        turn = np.radians(degrees)
        # Rows are counted downwards, so what grows upwards has a minus.
        along = np.cos(turn) * across - np.sin(turn) * down
        beside = np.sin(turn) * across + np.cos(turn) * down
        found = filter_patterns(np.stack([along, along**2 - beside**2], axis=-1)[:, :, None])
        assert found is not None
        assert found.line is not None
        assert np.cos(np.radians(found.edge[0] - degrees)) == pytest.approx(1)
        assert np.cos(2 * np.radians(found.line[1] - degrees)) > np.cos(np.radians(20))


def test_input_channels_may_agree_on_a_line() -> None:
    right = np.array([[-1.0, 0, 1]] * 3)
    alike = np.stack([right, -2 * right], axis=-1)[..., None]
    crossed = np.stack([right, right.T], axis=-1)[..., None]
    found, none = filter_patterns(alike), filter_patterns(crossed)
    assert found is not None
    assert none is not None
    assert (found.edge[0], found.agreement[0]) == pytest.approx((0, 1))
    assert none.agreement[0] == pytest.approx(0)
    assert found.line is None


def test_what_has_no_shares() -> None:
    zero = filter_patterns(np.zeros((3, 3, 1, 1)))
    assert zero is not None
    assert all(np.isnan(each).all() for each in zero.shares.values())
    assert filter_patterns(np.ones((1, 1, 4, 2))) is None
    assert filter_patterns(np.ones((2, 5, 4, 2))) is None
    assert filter_patterns(np.ones((3, 4, 2))) is None
