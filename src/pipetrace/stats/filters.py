"""What the kernel of a convolution's filter resembles: its energy along fixed patterns.

For 3 x 3 these are the nine orthonormal patterns of Frei and Chen, *Fast Boundary Detection: A
Generalization and a New Algorithm*, IEEE Transactions on Computers C-26 (1977): gradients (edge),
ripples, lines, discrete Laplacians (blob) and the mean (blur). For larger kernels they are products
of orthonormal polynomials, as in Haralick's facet model, *Digital Step Edges from Zero Crossing of
Second Directional Derivatives*, IEEE Transactions on Pattern Analysis 6 (1984): degree 0 is the
mean, degree 1 the gradient, degree 2 lines and the Laplacian; higher degrees are finer than these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from pipetrace.trace.document import Array

EDGE, RIPPLE, LINE, BLOB, BLUR, FINER = "edge", "ripple", "line", "blob", "blur", "finer"
SMALLEST = 3
"""Kernels below this height or width have no room for a line."""


@dataclass(frozen=True)
class FilterPatterns:
    """The kernels of a layer along the patterns; arrays hold one number for each filter."""

    # of a kernel's energy, its sum of squares, by pattern; they add up to 1, or are NaN where all
    # weights are 0 or one is not finite
    shares: Mapping[str, Array]
    expected: Mapping[str, float]  # the same share of independent random weights, on average
    # the direction in which the weights grow, in degrees: 0 to the right, 90 upwards. With several
    # input channels it is known up to a half turn, and lies from -90 to 90.
    edge: Array
    # from 0 to 1, how far the input channels agree on that line; 1 for one channel
    agreement: Array
    # along which a line of large weights runs, in degrees from -90 to 90: 0 across, 90 upright.
    # None for several input channels.
    line: Array | None
    mean: Array  # of the weights


def patterns(height: int, width: int) -> dict[str, Array]:
    """The patterns of a kernel's size, orthonormal, ``(count, height, width)`` for each name.

    The first edge grows to the right, the second upwards; the first line of large weights runs
    across, the second rises to the right. For 3 x 3 they span all kernels.
    """
    if (height, width) == (3, 3):
        return _frei_chen()
    down, across = _polynomials(height), _polynomials(width)
    in_rows, in_columns = np.outer(down[2], across[0]), np.outer(down[0], across[2])
    found = {
        EDGE: [np.outer(down[0], across[1]), -np.outer(down[1], across[0])],
        LINE: [(in_columns - in_rows) / sqrt(2), -np.outer(down[1], across[1])],
        BLOB: [(in_rows + in_columns) / sqrt(2)],
        BLUR: [np.outer(down[0], across[0])],
    }
    return {name: np.stack(each) for name, each in found.items()}


def filter_patterns(kernel: Array) -> FilterPatterns | None:
    """What filters of a kernel ``(height, width, inputs, filters)`` resemble; None below 3 x 3."""
    if kernel.ndim != 4 or min(kernel.shape[:2]) < SMALLEST or not kernel.size:
        return None
    weights, known = kernel.astype(np.float64), patterns(*kernel.shape[:2])
    # (pattern, input channel, filter) for each name.
    along = {name: np.einsum("pij,ijcf->pcf", each, weights) for name, each in known.items()}
    expected = {name: len(each) / each[0].size for name, each in known.items()}
    right, up = along[EDGE]
    with np.errstate(all="ignore"):
        energy = (weights**2).sum(axis=(0, 1, 2))
        shares = {name: (each**2).sum(axis=(0, 1)) / energy for name, each in along.items()}
        # The line of most change over all channels, by the structure tensor.
        twice = np.stack([(right**2 - up**2).sum(axis=0), 2 * (right * up).sum(axis=0)])
        agreement = np.hypot(*twice) / (right**2 + up**2).sum(axis=0)
    if sum(expected.values()) < 1:
        expected[FINER] = 1 - sum(expected.values())
        shares[FINER] = (1 - np.sum([*shares.values()], axis=0)).clip(0)
    alone = kernel.shape[2] == 1
    across, rising = along[LINE][:, 0]
    return FilterPatterns(
        shares=shares,
        expected=expected,
        edge=np.degrees(np.arctan2(up, right))[0] if alone else _half_turn(*twice),
        agreement=agreement,
        line=_half_turn(across, rising) if alone else None,
        mean=weights.mean(axis=(0, 1, 2)),
    )


def _half_turn(across: Array, rising: Array) -> Array:
    """The degrees of a line from the cosine and the sine of twice its angle."""
    return np.degrees(np.arctan2(rising, across)) / 2


def _frei_chen() -> dict[str, Array]:
    root = sqrt(2)
    edge = np.array([[-1, 0, 1], [-root, 0, root], [-1, 0, 1]]) / (2 * root)
    ripple = np.array([[0, -1, root], [1, 0, -1], [-root, 1, 0]]) / (2 * root)
    across = np.array([[0, -1, 0], [1, 0, 1], [0, -1, 0]]) / 2
    rising = np.array([[-1, 0, 1], [0, 0, 0], [1, 0, -1]]) / 2
    blob = np.array([[[1, -2, 1], [-2, 4, -2], [1, -2, 1]], [[-2, 1, -2], [1, 4, 1], [-2, 1, -2]]])
    return {
        EDGE: np.stack([edge, np.rot90(edge)]),
        RIPPLE: np.stack([ripple, ripple[:, ::-1]]),
        LINE: np.stack([across, rising]),
        BLOB: blob / 6,
        BLUR: np.full((1, 3, 3), 1 / 3),
    }


def _polynomials(length: int) -> Array:
    """Orthonormal polynomials of degree 0 to 2 on so many places, ``(degree, place)``."""
    found, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, length), 3, increasing=True))
    return np.asarray((found * np.sign(found[-1])).T)
