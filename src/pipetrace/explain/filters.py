"""What each filter of a convolution looks for: the patterns that its kernel resembles, in words."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from pipetrace.explain.facts import first_call
from pipetrace.explain.formatting import dimensions, share
from pipetrace.stats.filters import BLUR, EDGE, LINE, FilterPatterns, filter_patterns
from pipetrace.trace.document import Array, Stage, Trace

Weights: TypeAlias = Mapping[str, Array]

MAIN = 0.5
"""From this share of a kernel's energy on, a pattern is called its main one."""
WORTH_NAMING = 0.1
"""Patterns with a smaller share are not listed."""
ALIKE = 0.5
"""From this agreement of the input channels on, they have a direction in common."""
ORIENTATIONS = ("horizontal", "diagonal", "vertical", "diagonal")
"""Of a line, from 0 degrees on in steps of 45."""
SIDES = (
    *("on the right", "at the upper right", "at the top", "at the upper left"),
    *("on the left", "at the lower left", "at the bottom", "at the lower right"),
)
"""To which the weights grow, from 0 degrees on in steps of 45."""
NAMES = {"finer": "finer pattern"}
LAYERS = ("Conv2D", "DepthwiseConv2D")


def filter_texts(trace: Trace, stage: Stage, weights: Weights | None = None) -> tuple[str, ...]:
    """What the kernel of each filter resembles, in a sentence, after training or by other weights.

    A single sentence where that is not measured; none without filters or recorded weights.
    """
    kernel = _kernel(trace, stage, trace.weights if weights is None else weights)
    if kernel is None:
        return ()
    found = filter_patterns(kernel)
    if found is None:
        size = dimensions(kernel.shape[:2])
        return (f"What a filter looks for is not measured for kernels of {size}.",)
    return tuple(
        _text(found, at) if np.isfinite(kernel[..., at]).all() else "Its kernel has NaN or Inf."
        for at in range(kernel.shape[-1])
    )


def _kernel(trace: Trace, stage: Stage, weights: Weights) -> Array | None:
    """The kernels of a stage, ``(height, width, input channels, filters)``."""
    kernel = weights.get(f"{first_call(trace, stage)}/kernel")
    if stage.layer not in LAYERS or kernel is None or kernel.ndim != 4:
        return None
    if stage.layer == "DepthwiseConv2D":  # each filter sees one channel
        return kernel.reshape(*kernel.shape[:2], 1, -1)
    return kernel


def _text(found: FilterPatterns, at: int) -> str:
    """A sentence on a filter."""
    shares = {name: float(each[at]) for name, each in found.shares.items()}
    if not all(map(np.isfinite, shares.values())):
        return "All weights of its kernel are 0."
    order = sorted(shares, key=lambda name: -shares[name])
    listed = [name for name in order if shares[name] >= WORTH_NAMING]
    main = order[0]
    parts = [f"{share(round(shares[name], 2))} {NAMES.get(name, name)}" for name in listed]
    if shares[main] >= MAIN:
        parts[0] += _direction(found, main, at)
        text = f"Its kernel is {', '.join(parts)}."
    else:
        text = f"Its kernel has no main pattern: {', '.join(parts)}."
    expected = share(round(found.expected[main], 2))
    return f"{text} A random kernel is {expected} {NAMES.get(main, main)} on average."


def _direction(found: FilterPatterns, main: str, at: int) -> str:
    """How the main pattern lies, as far as that is measured."""
    if main == EDGE:
        angle = float(found.edge[at])
        mostly = f"mostly {ORIENTATIONS[_eighth(angle + 90) % 4]}"
        if found.line is not None:
            return f" ({mostly}, the larger weights {SIDES[_eighth(angle)]})"
        return f", {mostly}" if found.agreement[at] >= ALIKE else ", in no common direction"
    if main == LINE and found.line is not None:
        return f" (the larger weights mostly {ORIENTATIONS[_eighth(float(found.line[at])) % 4]})"
    if main == BLUR:
        return " (with a negative mean)" if found.mean[at] < 0 else ""
    return ""


def _eighth(degrees: float) -> int:
    """Which of eight directions is nearest, counted from the right against the clock."""
    return round(degrees / 45) % 8
