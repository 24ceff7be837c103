"""Classes of uneven size: what the most frequent one alone reaches, and which are never found."""

import math

from pipetrace.explain import task
from pipetrace.explain.cache import once
from pipetrace.explain.facts import class_name
from pipetrace.explain.formatting import counted, listed, share
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome, Outcome
from pipetrace.trace.records import Record

UNEVEN = 1.5
"""Times its equal share, from which on the most frequent class is a better comparison."""


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
    return max(UNEVEN * equal, equal + 3 * math.sqrt(equal * (1 - equal) / rows))


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
