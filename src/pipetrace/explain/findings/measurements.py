"""The measurements of a trace, and a model's skill by them."""

from functools import cached_property

from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import TRAINING, DatasetCheck, Outcome


class Measured:
    """A trace with its measurements.

    Args:
        trace: any.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        measurements = trace.measurements
        self.of, self.has = measurements.of, measurements.has
        self.names, self.course = measurements.names, measurements.course

    def skill(self, rows: str, epoch: int | None = None) -> float | None:
        """How far the model is from chance level (0) to perfect (1) on some rows; negative below chance.

        For classes by the balanced accuracy, for numbers R2.
        """
        outcome = self.of(Outcome, rows, epoch)
        if outcome.balanced_accuracy is not None:
            return skill_of(outcome.balanced_accuracy, outcome.classes_present)
        return outcome.r2

    @cached_property
    def rebuilds(self) -> bool:
        """Whether the model is to give its input again."""
        return (self.of(DatasetCheck, TRAINING).targets_are_inputs or 0) > 0.99


def skill_of(balanced_accuracy: float, classes: int | None) -> float | None:
    """A balanced accuracy from chance level (0) to perfect (1); None for fewer than two classes."""
    if classes is None or classes < 2:
        return None
    return (balanced_accuracy - 1 / classes) / (1 - 1 / classes)
