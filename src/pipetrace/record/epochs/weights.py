"""The weights that are written after epochs, so that readers can compute the model as it was."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipetrace.capture.weights import Weights, size, trainable, values_of
from pipetrace.record.measure.snapshots import Snapshots
from pipetrace.record.state import State
from pipetrace.trace.document import Array
from pipetrace.trace.writer import TraceWriter

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


MOST_VARIABLES, MOST_VALUES = 24, 100_000
"""Of how many weights a digest is taken at the most; small ones come first."""


class WeightDigests:
    """Tells after which epoch a model had the weights that it has now.

    A digest is of some of the weights that train, in full: what training does to one of them it
    does to all, and equal bits are no chance.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._of: dict[int, tuple[list[Any], bytes]] = {}

    def note(self, epoch: int) -> None:
        """Remember the weights as an epoch left them, 0 for before training."""
        if chosen := self._chosen():
            self._of[epoch] = chosen, _digest(chosen)

    def epoch(self) -> int | None:
        """The last epoch that left the weights of now; None where none did that was noted."""
        return next(
            (each for each in sorted(self._of, reverse=True) if not self.differ(each)), None
        )

    def differ(self, epoch: int) -> bool | None:
        """Whether an epoch left other weights; None where it was not noted."""
        if epoch not in self._of:
            return None
        # Other weights may train now than in an earlier fit.
        chosen, digest = self._of[epoch]
        return _digest(chosen) != digest

    def _chosen(self) -> list[Any]:
        found, left = list[Any](), MOST_VALUES
        variables = [each for each in trainable(self._model) if size([each])]
        for variable in sorted(variables, key=lambda each: size([each])):
            left -= size([variable])
            if found and (left < 0 or len(found) == MOST_VARIABLES):
                break
            found.append(variable)
        return found


def _digest(variables: list[Any]) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    for variable in variables:
        hashed.update(np.ascontiguousarray(values_of(variable)).tobytes())
    return hashed.digest()


class EpochWeights:
    """Writes weights before training and after evenly spread epochs, some later, from snapshots."""

    def __init__(self, state: State, snapshots: Snapshots) -> None:
        self._state, self._snapshots = state, snapshots
        self.numbers: list[int] = []  # the epochs in the file, 0 for before training
        self._stride = 1

    def write(self, epoch: int, now: Weights, *, last: bool = False) -> None:
        """Write the weights after an epoch, 0 for before training, where due and within the budget.

        There are none ``now`` where they were not copied. The ``last`` are written by themselves.
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
            now = [values_of(each) for each in variables.values()]
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
                state.writer.write(TraceWriter.add_weights_after, number, written, gone)

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
