"""How much is measured at a time and in all, so that a large model does not cost more than it is worth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipetrace.stats import COARSE, COARSER
from pipetrace.trace.document import Stage

TOGETHER = 8_000_000
"""Values of all stages that pass at a time: 32 MB of float32. While they are summarised the next ones pass already."""
PROBE_VALUES = 4_000_000
PROBE_ROWS = 32
ROWS_TOGETHER = 256
CANDIDATES = 200_000_000
"""Values of all stages among whose rows the predictions to show are chosen."""
CHANNELS = 2048
"""Channels of all stages that get summaries of their own; each takes 16 kB while it is in the making."""
CHANNELS_EACH_EPOCH = 256
"""The same for the summaries after every epoch, which add up in the file."""
KEPT = 500_000
"""Values that are stored for one row over all stages."""
ONE_KEPT = 250_000
"""Values of one stage's output that are stored for one row."""
MANY_STAGES = 40
"""From so many stages on the summaries after every epoch have histograms of wider bins, a fifth of the size."""


@dataclass(frozen=True)
class Extent:
    """What is measured of a model.

    Attributes:
        together: rows that pass the model at a time.
        probe: rows that pass at the end of each epoch.
        candidates: rows among which the predictions to show are chosen, at the most.
        by_channel: names of the stages whose channels are summarised each by itself.
        by_channel_each_epoch: those whose channels are summarised after every epoch.
        values: of all stages for one row.
        kept: names of the stages whose output is stored for single rows.
        bits: of the histograms after every epoch.
    """

    together: int
    probe: int
    candidates: int
    by_channel: frozenset[str]
    by_channel_each_epoch: frozenset[str]
    values: int
    kept: frozenset[str]
    bits: int


def extent(
    stages: Sequence[Stage], sizes: Mapping[str, int], channels: Mapping[str, int]
) -> Extent:
    """What to measure.

    Args:
        stages: of the trace.
        sizes: values of each stage's outputs for one row.
        channels: the length of the last axis of its first output.
    """
    whole = max(1, sum(sizes.values()))
    return Extent(
        together=_between(1, TOGETHER // whole, ROWS_TOGETHER),
        probe=_between(1, PROBE_VALUES // whole, PROBE_ROWS),
        candidates=max(1, CANDIDATES // whole),
        by_channel=_as_fits(stages, channels, CHANNELS, 1024),
        by_channel_each_epoch=_as_fits(stages, channels, CHANNELS_EACH_EPOCH, CHANNELS_EACH_EPOCH),
        values=whole,
        kept=_as_fits(stages, sizes, KEPT, ONE_KEPT),
        bits=COARSE if len(stages) < MANY_STAGES else COARSER,
    )


def _as_fits(
    stages: Sequence[Stage], sizes: Mapping[str, int], room: int, largest: int
) -> frozenset[str]:
    """The stages that fit, the small ones first."""
    found = set()
    for stage in sorted(stages, key=lambda each: sizes.get(each.name, math.inf)):
        size = sizes.get(stage.name)
        if size is None or size > largest or size > room:
            continue
        room -= size
        found.add(stage.name)
    return frozenset(found)


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
