"""The colormaps of the terminal, as lists of stops from low to high.

``viewer/colour.js`` has those of the page, for both of its themes.
"""

import numpy as np
from numpy.typing import NDArray

GREY = ("#000000", "#ffffff")
# Viridis by van der Walt and Smith (2015, CC0), at every sixteenth of its range: equal steps look
# equal, also in grey.
ACTIVATION = (
    "#440154",
    "#481a6c",
    "#472f7d",
    "#414487",
    "#39568c",
    "#31688e",
    "#2a788e",
    "#23888e",
    "#1f988b",
    "#22a884",
    "#35b779",
    "#54c568",
    "#7ad151",
    "#a5db36",
    "#d2e21b",
    "#fde725",
)
# Colour-blind readers can tell orange, below zero, from blue; the middle is near white.
SIGNED = ("#8f3f04", "#d9832f", "#f3c9a0", "#f1f3f5", "#b5cfea", "#5a93cc", "#174a88")

COLORMAPS: dict[str, tuple[str, ...]] = {"grey": GREY, "activation": ACTIVATION, "signed": SIGNED}
"""Each ramp by its name in ``ImageView.colormap``."""


def colours(places: NDArray[np.float64], ramp: str) -> NDArray[np.uint8]:
    """Red, green and blue, ``(..., 3)``, of places from 0 to 1 on a scale; outside is the nearer
    end.
    """
    stops = np.array(
        [[int(stop[index : index + 2], 16) for index in (1, 3, 5)] for stop in COLORMAPS[ramp]],
        np.float64,
    )
    at = np.clip(np.nan_to_num(places), 0.0, 1.0) * (len(stops) - 1)
    low = np.minimum(at.astype(np.int64), len(stops) - 2)
    part = (at - low)[..., None]
    mixed = stops[low] * (1 - part) + stops[low + 1] * part
    painted: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return painted
