"""The measurements of a trace by part, name and epoch, and a model's skill by them."""

from collections.abc import Mapping
from functools import cached_property

from pipetrace.trace.document import Trace

TRAINING, HELD_OUT = "training", "held_out"
"""The kinds of rows."""

Values = Mapping[str, float]


class Measured:
    """A trace with its measurements by part, name and epoch.

    Args:
        trace: any.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._by: dict[str, dict[str, dict[int | None, Values]]] = {}
        for each in trace.measurements:
            self._by.setdefault(each.part, {}).setdefault(each.name, {})[each.epoch] = each.values

    def of(self, part: str, name: str, epoch: int | None = None) -> Values:
        """The figures of one thing; none where they were not measured."""
        return self._epochs(part, name).get(epoch, {})

    def value(self, part: str, name: str, key: str, epoch: int | None = None) -> float | None:
        """One figure, or None where it was not measured."""
        return self.of(part, name, epoch).get(key)

    def names(self, part: str) -> list[str]:
        """What was measured in a part, in order."""
        return list(self._by.get(part, {}))

    def course(self, part: str, name: str, key: str) -> dict[int, float]:
        """One figure after each epoch, 0 for before the first one."""
        epochs = self._epochs(part, name).items()
        return dict(
            sorted(
                (epoch, values[key])
                for epoch, values in epochs
                if epoch is not None and key in values
            )
        )

    def _epochs(self, part: str, name: str) -> dict[int | None, Values]:
        return self._by.get(part, {}).get(name, {})

    def skill(self, kind: str, epoch: int | None = None) -> float | None:
        """How far the model is from guessing (0) to perfect (1) on a kind of rows; below 0 it is worse than guessing.

        For classes by the mean share that is right of each class, for numbers R2.
        """
        values = self.of("outcome", kind, epoch)
        if "balanced" in values:
            return skill_of(values["balanced"], values["classes_there"])
        return values.get("r2")

    @cached_property
    def rebuilds(self) -> bool:
        """Whether the model is to give its input again."""
        return (self.value("rows", TRAINING, "targets_are_inputs") or 0) > 0.99


def skill_of(share: float, classes: float | None) -> float | None:
    """A mean share that is right of each class, from guessing (0) to perfect (1); None for fewer than two classes."""
    if classes is None or classes < 2:
        return None
    return (share - 1 / classes) / (1 - 1 / classes)
