"""How much is measured at a time and in all, so that a large model does not cost more than it is worth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipetrace.trace.document import Stage

TOGETHER = 16_000_000
"""Values of all stages that are held at a time: 64 MB of float32."""
PROBE_VALUES = 4_000_000
PROBE_ROWS = 32
ROWS_TOGETHER = 256
FLOW_VALUES = 200_000_000
"""Values that the data flow summarises in all, a few seconds of work."""
CHANNELS = 2048
"""Channels of all stages that get summaries of their own; each takes 32 kB while it is in the making."""
CHANNELS_EACH_EPOCH = 256
"""The same for the summaries after every epoch, which add up in the file."""
KEPT = 1_000_000
"""Values that are stored for one row over all stages."""
ONE_KEPT = 250_000
"""Values of one stage's output that are stored for one row."""


@dataclass(frozen=True)
class Budget:
    """What is measured of a model.

    Attributes:
        together: rows that pass the model at a time.
        probe: rows that pass at the end of each epoch.
        flow: rows that the data flow measures at the most.
        by_channel: names of the stages whose channels are summarised each by itself.
        by_channel_each_epoch: those whose channels are summarised after every epoch.
        values: of all stages for one row.
        kept: names of the stages whose output is stored for single rows.
    """

    together: int
    probe: int
    flow: int
    by_channel: frozenset[str]
    by_channel_each_epoch: frozenset[str]
    values: int
    kept: frozenset[str]


def budget(stages: Sequence[Stage], sizes: Mapping[str, int], channels: Mapping[str, int]) -> Budget:
    """What to measure.

    Args:
        stages: of the trace.
        sizes: values of each stage's outputs for one row.
        channels: the length of the last axis of its first output.
    """
    whole = max(1, sum(sizes.values()))
    return Budget(
        together=_between(1, TOGETHER // whole, ROWS_TOGETHER),
        probe=_between(1, PROBE_VALUES // whole, PROBE_ROWS),
        flow=max(1, FLOW_VALUES // whole),
        by_channel=_as_fits(stages, channels, CHANNELS, 1024),
        by_channel_each_epoch=_as_fits(stages, channels, CHANNELS_EACH_EPOCH, CHANNELS_EACH_EPOCH),
        values=whole,
        kept=_as_fits(stages, sizes, KEPT, ONE_KEPT),
    )


def _as_fits(stages: Sequence[Stage], sizes: Mapping[str, int], room: int, largest: int) -> frozenset[str]:
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
