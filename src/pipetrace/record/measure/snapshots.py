"""Snapshots of the weights as some epochs left them, so that slow measurements can wait."""

from dataclasses import dataclass, field

from pipetrace.capture.weights import Weights

MOST_SNAPSHOTS = 24
"""Epochs of which snapshots are kept. Of a longer training every second epoch is kept, every
fourth, and so on, and the last."""
MOST_SNAPSHOT_BYTES = 100_000_000
"""Bytes of all snapshots."""
RECENT = 3
"""The last epochs, which are kept too: two of them show a change, and three its direction."""


@dataclass(frozen=True)
class Snapshot:
    """The weights after one epoch."""

    weights: Weights  # all of them
    # those that train, ahead of the epoch's last step; none where that was not seen
    before_last: Weights = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(
            each.nbytes for part in (self.weights, self.before_last) for each in part.values()
        )


class Snapshots:
    """The weights before training (epoch 0), after evenly spread epochs, and after the last
    three."""

    def __init__(self) -> None:
        self._kept: dict[int, Snapshot] = {}
        self._recent: dict[int, Snapshot] = {}
        self._stride = 1

    def keep(self, epoch: int, copy: Snapshot) -> None:
        """Keep what an epoch left, and let go of others where they become too many."""
        self._recent = {
            each: kept for each, kept in self._recent.items() if each > epoch - RECENT
        } | {epoch: copy}
        before = max(self._kept, default=0)
        if before % self._stride:
            # It was kept as the last one only.
            del self._kept[before]
        self._kept[epoch] = copy
        while len(self._kept) > 2 and (
            len(self._kept) > MOST_SNAPSHOTS + 1 or self._bytes() > MOST_SNAPSHOT_BYTES
        ):
            self._stride *= 2
            self._kept = {
                each: kept
                for each, kept in self._kept.items()
                if each == epoch or not each % self._stride
            }

    def of(self, epoch: int) -> Snapshot | None:
        """What was kept of an epoch."""
        return self._kept.get(epoch) or self._recent.get(epoch)

    def kept(self) -> list[tuple[int, Snapshot]]:
        """The epochs that are kept, in order, without the last ones of :data:`RECENT` alone."""
        return sorted(self._kept.items())

    def spread(self) -> list[int]:
        """The epochs that are kept: first and last, the middle one, those between, and so on."""
        kept = sorted(self._kept)
        order = [0, len(kept) - 1] if len(kept) > 1 else list(range(len(kept)))
        parts = [(0, len(kept) - 1)]
        while parts:
            parts = [(low, high) for low, high in parts if high - low > 1]
            middles = [(low + high) // 2 for low, high in parts]
            order += middles
            parts = [
                half
                for (low, high), middle in zip(parts, middles, strict=True)
                for half in ((low, middle), (middle, high))
            ]
        return [kept[place] for place in order]

    def _bytes(self) -> int:
        return sum(each.nbytes for each in self._kept.values())
