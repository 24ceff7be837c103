"""The digits that come with the package: small, real, and at hand without a download."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipetrace.pipeline.arrays import SIDE, Source, from_arrays

_FILE = Path(__file__).with_name("uci_digits.npz")
_SMALL = 8
_BOX = 20
_FULL = 16

_NOTICE = (
    "This is not MNIST: it is the test part of the UCI handwritten digits (E. Alpaydin and C. Kaynak, 1998, "
    "CC BY 4.0), 1,797 digits of 8x8 pixels, enlarged. Accuracies differ from those on MNIST. "
    "Give --data mnist for MNIST, or --data PATH for your own files."
)


def embedded_digits() -> Source:
    """Return the 1,797 digits that come with the package, enlarged to 28x28.

    The source is the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (1998), UCI
    Machine Learning Repository, DOI 10.24432/C50P49, CC BY 4.0: digits of 13 writers. A pixel counts the ink in a
    block of 4x4 points, 0 to 16. No random number takes part; two calls return equal arrays.
    """
    with np.load(_FILE, allow_pickle=False) as arrays:
        small, labels = arrays["x"], arrays["y"]
    return from_arrays(
        enlarged(small),
        labels,
        name="UCI handwritten digits",
        description=(
            f"{len(small):,} handwritten digits of 13 writers from the UCI repository, each of 8x8 ink counts from 0 "
            "to 16, enlarged to 20x20 in the middle of 28x28 and scaled to 0 to 255."
        ),
        notice=_NOTICE,
        origin="embedded",
    )


def enlarged(small: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Enlarge 8x8 ink counts to 28x28 pixels.

    The digit is spread over the 20x20 pixels in the middle, as MNIST's are, by cubic convolution (R. Keys, "Cubic
    Convolution Interpolation for Digital Image Processing", 1981, a = -1/2, also known as Catmull-Rom) along rows and
    then columns; outside of the 8x8 counts there is no ink. It was chosen by eye: bilinear interpolation blurs the
    strokes to grey, and spreading over all of 28x28 makes them thick and cuts them at the edge. The cubic's small
    overshoot is cut off at 0 and 255.

    Args:
        small: ink counts from 0 to 16, shape (rows, 8, 8).

    Returns:
        uint8, shape (rows, 28, 28); 0 is background, 255 is ink.
    """
    weights = _weights()
    full = weights @ (small * (255 / _FULL)) @ weights.T
    return np.clip(np.rint(full), 0, 255).astype(np.uint8)


def _weights() -> NDArray[np.float64]:
    """Return how much each of the 8 counts gives to each of the 28 pixels, shape (28, 8)."""
    margin = (SIDE - _BOX) / 2
    # Where the middle of each pixel falls, measured in counts, whose middles lie at 0 to 7.
    places = (np.arange(SIDE) - margin + 0.5) * (_SMALL / _BOX) - 0.5
    distance = np.abs(places[:, None] - np.arange(_SMALL))
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
