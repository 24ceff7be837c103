"""Classes of uneven size: what the most frequent one alone reaches, and which are never found."""

import math

from pipetrace.explain import task
from pipetrace.explain.cache import once
from pipetrace.explain.facts import class_name
from pipetrace.explain.formatting import counted, listed, share
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome, Outcome
from pipetrace.trace.records import Record

UNEVEN, APART = 1.5, 0.05
"""Times its equal share, or so far above it, from which on the most frequent class is a better
comparison."""


class ChanceLevel(Record):
    """The accuracy of an answer that ignores the row: one figure wherever a run is compared."""

    share: float
    # whether it always answers with the most frequent class; else with a random one of classes
    # that are about equally frequent
    uneven: bool
    kind: str  # of the rows that it is the share of, ``validation`` or ``training``
    rows: int  # how many there are
    classes: int  # how many occur in them

    @property
    def text(self) -> str:
        """The figure as it stands beside an accuracy."""
        return f"chance{', always the most frequent class' if self.uneven else ''}: {self.label}"

    @property
    def label(self) -> str:
        """The figure alone."""
        return share(self.share)


@once
def accuracy_at_chance(trace: Trace) -> ChanceLevel | None:
    """Chance level of the accuracy; None where outputs have no class, or none were counted."""
    output, measured = task.only(trace), trace.measurements
    data = trace.run.data
    if output is None or not (output.of_classes or output.form == task.MASK):
        return None
    counts = [each for each in data.class_counts if each] if output.of_classes else []
    kind = VALIDATION if measured.has(Outcome, VALIDATION) else TRAINING
    found, total = measured.of(Outcome, kind), sum(counts)
    rows, present, majority = found.rows or 0, found.classes_present or 0, found.majority_share
    is_uneven = output.form == task.MASK or (
        bool(counts) and max(counts) / total >= uneven_from(len(counts), total)
    )
    if majority is not None and rows and present:
        is_uneven = is_uneven or (present > 1 and majority >= uneven_from(present, rows))
        if is_uneven:
            return ChanceLevel(majority, True, kind, rows, present)
    if not counts or output.classes < max(2, len(data.class_counts)):
        return None
    level = max(counts) / total if is_uneven else 1 / len(counts)
    return ChanceLevel(level, is_uneven, TRAINING, total, len(counts))


def chance_words(trace: Trace) -> str:
    """What chance level is, in a sentence; empty where it is unknown."""
    found = accuracy_at_chance(trace)
    if found is None:
        return ""
    if not found.uneven:
        return (
            f"Chance level is an accuracy of {found.label}: that of choosing one of "
            f"{counted(found.classes, 'class', 'classes')}, about equally frequent, at random."
        )
    return (
        "Chance level is the accuracy without looking at the row: always giving the most frequent "
        f"class would be right for {found.label} of the {counted(found.rows, f'{found.kind} row')}."
    )


class Balance(Record):
    """How a classifier does beside its most frequent class."""

    kind: str  # of the measured rows, ``validation`` or ``training``
    rows: int  # how many there are
    classes: int  # how many occur in them
    majority: float  # the accuracy of always answering with their most frequent class
    balanced: float | None  # the mean of each class's recall
    # the classes of which no row is found, each with its number of rows
    missed: tuple[tuple[int, int], ...]


@once
def balance(trace: Trace) -> Balance | None:
    """The balance of the rows that the model is judged by; None where classes are about as
    frequent, or were not measured."""
    output, measured = task.only(trace), trace.measurements
    if output is None or not output.of_classes:
        return None
    kind = VALIDATION if measured.has(Outcome, VALIDATION) else TRAINING
    found = measured.of(Outcome, kind)
    rows, present, majority = found.rows, found.classes_present, found.majority_share
    if not rows or not present or majority is None or present < 2:
        return None
    if majority < uneven_from(present, rows):
        return None
    recalls = {
        index: measured.of(ClassOutcome, f"{kind}/{index}") for index in range(output.classes)
    }
    missed = tuple(
        (index, each.rows) for index, each in recalls.items() if each.rows and each.correct == 0
    )
    return Balance(kind, rows, present, majority, found.balanced_accuracy, missed)


def uneven_from(classes: int, rows: int) -> float:
    """The share of rows from which on the most frequent of some classes is no equal one.

    Of few rows one class has more than its share by luck, up to three standard errors.
    """
    equal = 1 / classes
    most = min(UNEVEN * equal, equal + APART)
    return max(most, equal + 3 * math.sqrt(equal * (1 - equal) / rows))


def is_blind(trace: Trace, accuracy: float) -> bool:
    """Whether an accuracy is no better than that of the most frequent class of uneven ones.

    Up to three standard errors above it, sqrt(p (1 - p) / n), are luck.
    """
    found = balance(trace)
    if found is None:
        return False
    by_luck = 3 * math.sqrt(found.majority * (1 - found.majority) / found.rows)
    # Half the way from chance to perfect, the others are found at the cost of the frequent one.
    half = (1 + 1 / found.classes) / 2
    return accuracy <= found.majority + by_luck and (
        bool(found.missed) or found.balanced is None or found.balanced < half
    )


def majority_words(trace: Trace) -> str:
    """What the most frequent class alone reaches."""
    found = balance(trace)
    if found is None:
        return ""
    return f"always answering with the most frequent class gives {share(found.majority)}"


def missed_words(trace: Trace) -> str:
    """What the accuracy hides: classes that are never found, and the balanced accuracy."""
    found = balance(trace)
    if found is None:
        return ""
    told = [
        f"none of the {counted(rows, f'{found.kind} row')} of {class_name(trace, index)}"
        for index, rows in found.missed[:MOST_MISSED]
    ]
    if len(found.missed) > MOST_MISSED:
        told = [f"no row of {counted(len(found.missed), 'class', 'classes')}"]
    text = f"The model finds {listed(told)}. " if told else ""
    if found.balanced is not None:
        text += f"Balanced accuracy, the mean of each class's recall, is {share(found.balanced)}."
    return text.strip()


MOST_MISSED = 3
"""More classes that are never found are counted."""
