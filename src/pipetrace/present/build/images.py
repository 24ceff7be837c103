"""Tensors as images, bars and histograms, with their scales."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipetrace.explain.formatting import counted, figure, number, share
from pipetrace.present.drawings import Bar, Distribution, ImageView
from pipetrace.stats import bins
from pipetrace.trace.document import Array
from pipetrace.trace.summary import Summary

BINS = 40
FOLD = 104
"""Values of a vector in a line of its image: 5,408 values make 52 lines."""
LEGIBLE = 25
"""A map of at most so many values, such as a 5 x 5 kernel, shows its numbers."""
WIDEST_TABLE = 5
"""No table of figures is wider."""
MOST_BARS = 20
"""Of more classes the surest ones get a bar."""
MOST_MAPS = 256
MOST_VALUES = 40_000
"""Of more maps or more values than this the first ones are drawn."""
MOST_STEPS = 200
"""Of more steps or channels than this the first ones are drawn."""
LARGEST_MAP = 200
"""Of a larger map every second row and column is drawn, or every third, and so on."""
MOST_TEXTS = 2000
"""No more figures than this are written into the small maps of one image."""


def tensor(
    values: Array,
    label: str,
    ramp: str,
    *,
    whole_scale: tuple[float, float] | None = None,
    mask: Array | None = None,
    form: str | None = None,
) -> ImageView | None:
    """A row's tensor as a image, or None where its form has none.

    Its shape is ``(n,)``, ``(steps, channels)``, ``(height, width, channels)`` or ``(frames,
    height, width, channels)``; of the last only the first channel is drawn. The scale ends at its
    extremes, unless a whole one is given. A mask says which steps are there. The form is ``heads``
    where the first of three axes tells the maps apart, as in the weights of an attention;
    ``colour`` where the last one is red, green and blue; ``grey`` where the two axes are those of a
    image.
    """
    if values.dtype.kind not in "fiub" or not values.size:
        return None
    values = values.astype(np.float32)
    if values.ndim > 2 and values.size == values.shape[-1]:
        values = values.reshape(-1)  # a single place with its channels
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = whole_scale or (float(min(0.0, finite.min())), float(finite.max()))
    if form == "colour":
        low, high = whole_scale or _colour_scale(low, high)
        return _image(
            "colour", label, np.moveaxis(values, -1, 0), (low, high), ramp, ("red", "green", "blue")
        )
    if low < 0:
        # Signed values lie around zero, so that one colour always means less than nothing.
        high = max(high, -low)
        low, ramp = -high, "signed"
    scale = (low, high)
    if values.ndim == 1:
        return _image(
            "vector",
            label,
            _wrapped(values[:MOST_VALUES]),
            scale,
            ramp,
            ("",),
            _first(values, "value"),
        )
    if values.ndim == 2:
        return _steps(values, label, scale, ramp, mask, "maps" if form == "grey" else "steps")
    if values.ndim == 3:
        maps = values if form == "heads" else np.moveaxis(values, -1, 0)
        noun = "head" if form == "heads" else "filter"
    elif values.ndim == 4:
        maps, noun = values[..., 0], "frame"
    else:
        return None
    names = ("",) if len(maps) == 1 else tuple(f"{noun} {index}" for index in range(len(maps)))
    one = f"channel 0 of {values.shape[-1]}" if values.ndim == 4 and values.shape[-1] > 1 else None
    return _image("maps", label, maps, scale, ramp, names, one)


def scale_of(*tensors: Array | None) -> tuple[float, float] | None:
    """The ends of a scale that several tensors share; None where they hold no finite number."""
    found = [
        each[np.isfinite(each)]
        for each in tensors
        if each is not None and each.dtype.kind in "fiub"
    ]
    found = [each for each in found if each.size]
    if not found:
        return None
    return min(0.0, *(float(each.min()) for each in found)), max(
        float(each.max()) for each in found
    )


def weight(image: ImageView | None) -> int:
    """About how many bytes a image takes in a page."""
    return 0 if image is None else image.values.size * 16 // 3 + 400 + sum(map(len, image.texts))


def kernels(values: Array, label: str) -> ImageView | None:
    """The kernels of a convolution, ``(rows, columns, 1, filters)``, one map for each filter."""
    if (
        values.ndim != 4
        or values.shape[2] != 1
        or values.shape[3] > MOST_MAPS
        or not np.isfinite(values).all()
    ):
        return None
    end = float(np.abs(values).max())
    names = tuple(f"filter {index}" for index in range(values.shape[3]))
    return _image(
        "maps", label, np.moveaxis(values[:, :, 0, :], -1, 0), (-end, end), "signed", names
    )


def largest(values: Array) -> NDArray[np.intp]:
    """The places of all values, in order; of very many those of the largest ones."""
    if len(values) <= MOST_BARS:
        return np.arange(len(values))
    return np.argsort(-values, kind="stable")[:MOST_BARS]


def scores(shares: Array, names: Sequence[str]) -> tuple[Bar, ...]:
    """One bar for each class, its length the probability; the largest is marked, unless one of them
    is NaN."""
    first = int(np.argmax(shares))  # that of a NaN, where there is one
    return tuple(
        Bar(
            names[index],
            _inside(value),
            share(value) if np.isfinite(value) else figure(value),
            index == first and bool(np.isfinite(value)),
        )
        for index, value in ((int(at), float(shares[at])) for at in largest(shares))
    )


def channel_activity(channels: Sequence[Summary]) -> tuple[Bar, ...]:
    """A bar for each channel: its share of values that are not zero. Dead ones are marked."""
    found = []
    for index, each in enumerate(channels):
        active = 1 - each.zeros / each.count if each.count else 0.0
        found.append(Bar(f"filter {index}", active, share(active), active == 0))
    return tuple(found)


def distribution(summary: Summary, what: str) -> Distribution | None:
    """A histogram in 40 equal bins, without exact zeros; None for fewer than two values."""
    if summary.min is None or summary.max is None or summary.min == summary.max:
        return None
    edges = np.linspace(summary.min, summary.max, BINS + 1)
    counts = bins(summary.histogram, edges)
    zeros = summary.zeros / summary.count
    label = f"How the values of {what} are distributed"
    if zeros > 0.05:
        # A bar of exact zeros would flatten all others; the label gives their share.
        place = min(BINS - 1, int(np.searchsorted(edges, 0.0, side="right")) - 1)
        counts[place] = max(0.0, counts[place] - summary.zeros)
        label += f", without the {share(zeros)} that are exactly 0"
    top = float(counts.max())
    if top <= 0:
        return None
    ends = [figure(float(edge)) for edge in edges]
    texts = tuple(
        f"{low} to {high}: about {number(round(float(count)))}"
        for (low, high), count in zip(itertools.pairwise(ends), counts, strict=True)
    )
    heights = tuple(round(float(count) / top, 4) for count in counts)
    return Distribution(f"{label}.", heights, figure(summary.min), figure(summary.max), texts)


def _steps(
    values: Array, label: str, scale: tuple[float, float], ramp: str, mask: Array | None, kind: str
) -> ImageView:
    """Steps downward, their channels across; of very many the first ones."""
    shown = values[:MOST_STEPS, :MOST_STEPS]
    notes = [
        text
        for text in (_first(values, "step", MOST_STEPS), _first(values.T, "channel", MOST_STEPS))
        if text
    ]
    hidden: tuple[int, ...] = ()
    if mask is not None and mask.shape == values.shape[:1]:
        hidden = tuple(
            int(step) for step in np.flatnonzero(~mask.astype(bool)) if step < len(shown)
        )
    found = _image(kind, label, shown[None], scale, ramp, ("",), ", ".join(notes) or None)
    return replace(found, hidden=hidden)


def _first(values: Array, noun: str, most: int = MOST_VALUES) -> str | None:
    return (
        f"the first {number(most)} of {counted(len(values), noun)}" if len(values) > most else None
    )


def _colour_scale(low: float, high: float) -> tuple[float, float]:
    """The values of black and white: 0 and 1, or 0 and 255, or else the extremes."""
    if low < 0:
        return low, high
    return 0.0, 1.0 if high <= 1 else max(high, 255.0)


def _image(
    kind: str,
    label: str,
    maps: NDArray[np.generic],
    scale: tuple[float, float],
    ramp: str,
    names: tuple[str, ...],
    note: str | None = None,
) -> ImageView:
    values, notes = _reduced(np.ascontiguousarray(maps, dtype=np.float32), colour=kind == "colour")
    shape = (int(values.shape[0]), int(values.shape[1]), int(values.shape[2]))
    legible = kind == "maps" and shape[2] <= WIDEST_TABLE and shape[1] * shape[2] <= LEGIBLE
    small = legible and values.size <= MOST_TEXTS
    texts = tuple(figure(float(value)) for value in values.reshape(-1)) if small else ()
    notes = [text for text in (note, *notes) if text]
    said = f"{label}; shown: {', '.join(notes)}" if notes else label
    low, high = scale
    return ImageView(
        kind,
        said,
        shape,
        values,
        low,
        high,
        figure(low),
        figure(high),
        ramp,
        names[: shape[0]],
        None,
        texts,
        ", ".join(notes) or None,
    )


def _reduced(maps: NDArray[np.float32], *, colour: bool) -> tuple[NDArray[np.float32], list[str]]:
    """As many maps, rows and columns as a page can carry, unchanged."""
    notes = []
    hop = -(-max(maps.shape[1:]) // LARGEST_MAP)
    if hop > 1 and min(maps.shape[1:]) > 1 and len(maps[0]) > 1:
        maps = maps[:, ::hop, ::hop]
        notes.append(f"every {_ordinal(hop)} line and column")
    count = 3 if colour else max(1, min(MOST_MAPS, MOST_VALUES // max(1, maps[0].size)))
    if len(maps) > count:
        notes.append(f"the first {count} of {len(maps)} maps")
    return np.ascontiguousarray(maps[:count]), notes


def _ordinal(value: int) -> str:
    return {2: "second", 3: "third"}.get(value, f"{value}th")


def _wrapped(values: Array) -> Array:
    width = min(FOLD, len(values))
    lines = -(-len(values) // width)
    # What is missing in the last line is drawn as nothing.
    padded = np.full(lines * width, np.nan, np.float32)
    padded[: len(values)] = values
    return padded.reshape(1, lines, width)


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value)) if np.isfinite(value) else 0.0
