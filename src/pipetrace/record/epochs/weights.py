"""The weights that are written after epochs, so that readers can compute the model as it was."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipetrace.capture.weights import Weights, size
from pipetrace.record.measure.snapshots import Snapshots
from pipetrace.record.state import State
from pipetrace.trace.document import Array

MOST_WEIGHTS = 250_000
"""Weights of a model that are all written, and weights that are written of a larger one."""
MOST_OF_LAYER = 20_000
"""Weights of a layer of a larger model; layers with more are left out, small ones come first."""
MOST_EPOCHS, MOST_BYTES = 24, 6_000_000
"""Epochs whose weights are in the file, and bytes of all of them; where it would be more, every
second epoch is kept, every fourth, and so on, and the last."""
BYTES_A_WEIGHT = 2
"""Large arrays are written in 16 bits."""
SECONDS, SECONDS_A_WEIGHT = 0.002, 50e-9
"""What writing the weights of an epoch takes."""
PART = "epoch weights"


class EpochWeights:
    """Writes weights before training and after evenly spread epochs.

    Args:
        state: of the recording.
        snapshots: of all weights, from which what had to wait is written later.

    Attributes:
        numbers: the epochs in the file, 0 for before training.
    """

    def __init__(self, state: State, snapshots: Snapshots) -> None:
        self._state, self._snapshots = state, snapshots
        self.numbers: list[int] = []
        self._stride = 1

    def write(self, epoch: int, now: Weights, *, last: bool = False) -> None:
        """Write what is due and fits into the budget.

        Args:
            epoch: that has just ended; 0 before training.
            now: the weights that it left; none where they were not copied.
            last: whether training is over; the final weights are then written by themselves.
        """
        found = {number: each.weights for number, each in self._snapshots.kept()}
        if now:
            found[epoch] = now
        for number, weights in sorted(found.items()):
            if number % self._stride or number in self.numbers or (last and number == epoch):
                continue
            if self._can_write():
                self._add(number, weights)

    def finish(self, epoch: int) -> None:
        """Training is over: write what waited, and the last epoch if its weights are not the final
        ones, as where an earlier epoch was restored or the next one failed."""
        self.write(epoch, {}, last=True)
        snapshot, variables = self._snapshots.of(epoch), self._variables()
        if snapshot is None or epoch in self.numbers:
            return
        with self._state.safely(PART):
            left = [snapshot.weights.get(id(each)) for each in variables.values()]
            now = [each.numpy() for each in variables.values()]
            if not all(map(_are_equal, now, left)):
                self._add(epoch, snapshot.weights, spread=False)

    def earlier(self) -> Iterator[tuple[int, Weights]]:
        """The epochs in the file with their weights in full, first and last ones first."""
        for number in self._snapshots.spread():
            snapshot = self._snapshots.of(number)
            if number in self.numbers and snapshot is not None:
                yield number, snapshot.weights

    def _can_write(self) -> bool:
        state = self._state
        if state.measure is None or state.writer is None or not state.can(PART):
            return False
        seconds = SECONDS + SECONDS_A_WEIGHT * size(self._variables().values())
        return not state.cost.training or (
            not state.writer.is_behind and state.budget.has_room_for(seconds)
        )

    def _add(self, number: int, weights: Weights, *, spread: bool = True) -> None:
        state, variables = self._state, self._variables()
        with state.safely(PART):
            each = max(1, BYTES_A_WEIGHT * size(variables.values()))
            most = max(2, min(MOST_EPOCHS, MOST_BYTES // each))
            before = {*self.numbers}
            self.numbers.append(number)
            while spread and len(self.numbers) > most + 1:  # the first one is before training
                self._stride *= 2
                self.numbers = [each for each in self.numbers if not each % self._stride]
            gone = before - {*self.numbers}
            if state.writer is not None and variables and (gone or number in self.numbers):
                known = {name: weights.get(id(each)) for name, each in variables.items()}
                kept = {name: each for name, each in known.items() if each is not None}
                written = kept if number in self.numbers else {}
                state.writer.add_weights_after(number, written, gone)

    def _variables(self) -> Mapping[str, Any]:
        """The variables that are written, by their names in the trace."""
        measure = self._state.measure
        named = measure.forward.variables() if measure else {}
        return chosen(named)


def _are_equal(one: Array, other: Array | None) -> bool:
    return other is None or bool(np.array_equal(one, other, equal_nan=True))


def chosen(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that are written: all of a small model, else those of small layers."""
    if size(variables.values()) <= MOST_WEIGHTS:
        return dict(variables)
    layers: dict[str, list[str]] = {}
    for name in variables:
        layers.setdefault(name.rpartition("/")[0], []).append(name)
    sizes = {layer: size(variables[name] for name in names) for layer, names in layers.items()}
    kept, room = set[str](), MOST_WEIGHTS
    for layer in sorted(sizes, key=sizes.__getitem__):
        room -= sizes[layer]
        if sizes[layer] > MOST_OF_LAYER or room < 0:
            break
        kept.update(layers[layer])
    return {name: each for name, each in variables.items() if name in kept}
