"""Arrays of many distributions, and the statistics that they must have by NumPy's own functions in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Array]
Gaps: TypeAlias = tuple[float, ...]

DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(0, 4, shape),
    "large offset, small spread": lambda rng, shape: 1e6 + rng.normal(0, 0.3, shape),
    "constant": lambda rng, shape: np.full(shape, np.float32(rng.normal())),
    "zero": lambda _, shape: np.zeros(shape),
    "denormal": lambda rng, shape: rng.integers(-50, 50, shape) * 2.0**-149,
    "huge": lambda rng, shape: rng.uniform(-3.4e38, 3.4e38, shape),
    "sparse": lambda rng, shape: rng.normal(size=shape) * (rng.random(shape) < 0.1),
    "signed zeros": lambda rng, shape: rng.choice([-0.0, 0.0, 1.0], shape),
    "pixels": lambda rng, shape: rng.integers(0, 256, shape) / 255,
    "uint8": lambda rng, shape: rng.integers(0, 256, shape, dtype=np.uint8),
    "int64": lambda rng, shape: rng.integers(-1000, 1000, shape),
    "bool": lambda rng, shape: rng.random(shape) < 0.5,
    "float16": lambda rng, shape: rng.normal(0, 100, shape).astype(np.float16),
    "float64": lambda rng, shape: rng.normal(0, 1e-3, shape).astype(np.float64),
    "float64 beyond float32": lambda rng, shape: rng.choice([-1e60, 3e50, 1e-60, 0.0, 2.0], shape),
    "bfloat16": lambda rng, shape: rng.normal(0, 100, shape).astype(ml_dtypes.bfloat16),
    "float8": lambda rng, shape: rng.normal(0, 10, shape).astype(ml_dtypes.float8_e4m3fn),
    "int64 beyond float32": lambda rng, shape: rng.integers(-(2**52), 2**52, shape),
    "uint64": lambda rng, shape: rng.integers(0, 2**40, shape, dtype=np.uint64),
    "texts": lambda rng, shape: rng.choice(
        np.array(["", "a", "one", "ünïcode", "longer than that"], object), shape
    ),
}

FLOATS = tuple(kind for kind in DISTRIBUTIONS if kind != "texts" and "beyond" not in kind)
"""Those whose values are float32, or become float32 without loss of more than digits."""

GAPS: tuple[Gaps, ...] = ((), (), (np.nan,), (np.inf,), (-np.inf,), (np.nan, np.inf, -np.inf))


@dataclass(frozen=True)
class Expected:
    """The statistics by the oracle; None where no value is finite."""

    count: int
    nan: int
    positive_infinity: int
    negative_infinity: int
    zeros: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None


def make(
    kind: str, seed: int, shape: tuple[int, ...], gaps: Gaps = (), share: float = 0.2
) -> Array:
    """An array of one distribution; in a share of its places stand the gaps instead."""
    rng = np.random.default_rng(seed)
    drawn = DISTRIBUTIONS[kind](rng, shape)
    values = (
        drawn
        if drawn.dtype != np.float64 or kind.startswith("float64")
        else drawn.astype(np.float32)
    )
    if gaps and values.dtype.kind == "f":
        places = rng.random(shape) < share
        values[places] = rng.choice(gaps, int(places.sum()))
    return values


def by_numpy(values: Array) -> Expected:
    """The statistics of all values, taken to float64; of texts those of their lengths."""
    wide = np.array([len(each) for each in values.flat]) if values.dtype.kind in "OU" else values
    wide = wide.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    some = finite.size > 0
    return Expected(
        count=wide.size,
        nan=int(np.isnan(wide).sum()),
        positive_infinity=int((wide == np.inf).sum()),
        negative_infinity=int((wide == -np.inf).sum()),
        zeros=int((wide == 0).sum()),
        min=float(np.min(finite)) if some else None,
        max=float(np.max(finite)) if some else None,
        mean=float(np.mean(finite)) if some else None,
        std=float(np.std(finite)) if some else None,
    )


def assert_statistics(got: Any, expected: Expected) -> None:
    """Counts and extremes are equal; mean and deviation agree to the rounding of float64, measured by the largest value.

    ``got`` is anything with the same attributes, such as a Summary.
    """
    for name in ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max"):
        assert getattr(got, name) == getattr(expected, name), name
    if (
        expected.min is None
        or expected.max is None
        or expected.mean is None
        or expected.std is None
    ):
        assert got.mean is None
        assert got.std is None
        return
    largest = max(abs(expected.min), abs(expected.max))
    assert abs(got.mean - expected.mean) <= 1e-13 * largest
    assert abs(got.std - expected.std) <= 1e-12 * expected.std + 1e-13 * largest


@pytest.fixture(scope="session")
def kinds() -> tuple[str, ...]:
    return tuple(DISTRIBUTIONS)


@pytest.fixture(scope="session")
def make_values() -> Callable[..., Array]:
    return make


@pytest.fixture(scope="session")
def tables() -> st.SearchStrategy[Array]:
    """Float32 tables of shape (rows, channels), none of their rows missing but perhaps all of them."""
    shapes = st.tuples(st.integers(0, 200), st.integers(1, 40))
    made = st.builds(
        make,
        st.sampled_from([*FLOATS]),
        st.integers(0, 2**32),
        shapes,
        st.sampled_from(GAPS),
        st.sampled_from([0.02, 0.2, 1.0]),
    )
    return made.map(lambda values: np.ascontiguousarray(values, np.float32))


@pytest.fixture(scope="session")
def arrays() -> st.SearchStrategy[Array]:
    """Arrays of one to four axes, of every dtype, in memory in order or not."""
    shapes = st.lists(st.integers(1, 12), min_size=0, max_size=3).flatmap(
        lambda rest: st.tuples(st.integers(0, 60), *(st.just(length) for length in rest))
    )
    made = st.builds(
        make,
        st.sampled_from([*DISTRIBUTIONS]),
        st.integers(0, 2**32),
        shapes,
        st.sampled_from(GAPS),
        st.sampled_from([0.02, 0.2, 1.0]),
    )
    return st.tuples(made, st.sampled_from(["C", "F", "strided", "reversed"])).map(
        lambda pair: laid_out(*pair)
    )


def laid_out(values: Array, layout: str) -> Array:
    """The same values, otherwise in memory."""
    if layout == "F":
        return np.asfortranarray(values)
    if layout == "reversed":
        return values[::-1]
    if layout == "strided":
        return np.repeat(values, 2, axis=0)[::2]
    return values


@pytest.fixture(scope="session")
def oracle() -> Callable[[Array], Expected]:
    return by_numpy


@pytest.fixture(scope="session")
def check_statistics() -> Callable[[Any, Expected], None]:
    return assert_statistics
