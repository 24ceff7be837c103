"""Questions about measures of the result: accuracy, precision, recall, errors."""

import math
from collections.abc import Callable
from random import Random
from typing import TypeAlias

from pipetrace.explain.balance import accuracy_at_chance
from pipetrace.explain.facts import class_name, classes
from pipetrace.explain.formatting import as_written, counted, figure, number, share
from pipetrace.explain.quiz.generator import (
    MARGIN,
    OPTIONS,
    Draft,
    Generator,
    Level,
    draft,
    lines,
    measured,
    named_after,
    question,
    written,
)
from pipetrace.explain.task import NUMBERS, only
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome, Outcome

RESULTS = "results"
"""Where the page has the results by class, of rows that are kept."""


@question("easy", "measures")
def accuracy(trace: Trace, chance: Random) -> Draft | None:
    """What is the accuracy, from how many are right in each class?"""
    kind, found = _classes(trace)
    rows, right = (sum(each) for each in zip(*found.values(), strict=True)) if found else (0, 0)
    if not 0 < right < rows:
        return None
    value = right / rows
    wrong = [
        (1 - value, "That is the share of mistakes."),
        (right / (rows + right), "The rows include those that are right."),
        (1 / len(found), "That is an equal share of each class."),
        (min(right, rows - right) / max(right, rows - right), "All rows count."),
        (value / 2, "Each row that is right counts."),
        ((value + 1) / 2, "Each row counts once."),
    ]  # fmt: skip
    return written(
        f"""
Question: Of {number(rows)} {kind} rows that were measured, {number(right)} are classified
    correctly. What is the accuracy?
Answer: {share(value)}
Why: {number(right)} / {number(rows)} = {share(value)}.
{lines(measured(wrong, value, share))}
""",
        _place(trace),
    )


Worked: TypeAlias = tuple[float, list[tuple[float, str]], str]
"""What a measure of a class is, what it is mistaken for, and how it is worked."""


def about_class(
    level: Level, measure: str
) -> Callable[[Callable[[str, int, int, int], Worked]], Generator]:
    """A decorator: a question about one class that occurs and is predicted.

    What is decorated is given the class, how many rows are of it, how many are predicted as it, and
    how many are both.
    """

    def made(ask: Callable[[str, int, int, int], Worked]) -> Generator:
        def drafted(trace: Trace, chance: Random) -> Draft | None:
            kind = _kind(trace)
            found = [
                (index, each.rows, each.predicted, each.correct)
                for index in range(classes(trace))
                if (each := trace.measurements.of(ClassOutcome, f"{kind}/{index}")).rows
                and each.predicted
                and each.correct
                and (each.correct < each.rows or each.correct < each.predicted)
            ]
            if not found:
                return None
            index, rows, said, both = chance.choice(found)
            name = class_name(trace, index)
            right, wrong, why = ask(name, rows, said, both)
            more = [
                (
                    both / (rows + said - both),
                    "That divides by all rows that are one or the other.",
                ),
                (1 - right, "That is what is missed."),
                (both / (rows + said), "Only one of both counts is divided by."),
                (min(rows, said) / max(rows, said), "The rows that are right count."),
                (right / 2, "Each row counts once."),
            ]
            return written(
                f"""
Question: {number(rows)} {kind} rows are {name}, {number(said)} were predicted as {name}, and
    {number(both)} are both. How large is {measure.format(name)}?
Answer: {share(right)}
Why: {why}: {share(right)}.
{lines(measured([*wrong, *more], right, share))}
""",
                _place(trace),
                index=index,
            )

        return named_after(ask, level, "measures", drafted)

    return made


@about_class("medium", "the recall of {}")
def recall(name: str, rows: int, said: int, both: int) -> Worked:
    """What is the recall of a class?"""
    wrong = [(both / said, "That is the precision: of those predicted, how many are right.")]
    why = f"Of {number(rows)} rows that are {name}, {number(both)} are found"
    return both / rows, wrong, why


@about_class("medium", "the precision of {}")
def precision(name: str, rows: int, said: int, both: int) -> Worked:
    """What is the precision of a class?"""
    wrong = [(both / rows, "That is the recall: of those that there are, how many are found.")]
    return (
        both / said,
        wrong,
        f"Of {number(said)} rows predicted as {name}, {number(both)} are right",
    )


@about_class("hard", "the F1 score of {}, from its precision and its recall")
def f1(name: str, rows: int, said: int, both: int) -> Worked:
    """What is the F1 score of a class?"""
    recall, precision = both / rows, both / said
    wrong = [
        (recall, "That is the recall alone."),
        (precision, "That is the precision alone."),
        (recall * precision, "They are not just multiplied."),
        ((recall * precision) / (recall + precision), "It is twice that."),
    ]
    why = f"Twice {number(both)}, divided by {number(rows)} + {number(said)}"
    return 2 * both / (rows + said), wrong, why


@question("easy", "measures")
def hardest_class(trace: Trace, chance: Random) -> Draft | None:
    """Which class is hardest?"""
    return _extreme(trace, chance, "hardest: of which one is the smallest share found", -1)


@question("easy", "measures")
def easiest_class(trace: Trace, chance: Random) -> Draft | None:
    """Which class is easiest?"""
    return _extreme(trace, chance, "easiest: of which one is the largest share found", 1)


@question("medium", "measures")
def majority_accuracy(trace: Trace, chance: Random) -> Draft | None:
    """What accuracy has a model that always gives the most frequent class?"""
    level = accuracy_at_chance(trace)
    if level is None or not level.uneven or not classes(trace):
        return None
    rows, right = level.rows, level.share
    most = round(rows * right)
    wrong = [
        (1 / level.classes, "The classes are not equally frequent."),
        (1 - right, "That is the share of its mistakes."),
        (right / level.classes, "The classes share nothing: all its answers are the same."),
        (most / (rows - most), "All rows count, those of this class too."),
        (0.5, "Nothing is drawn by lot."),
        (right**2, "Its answer is always the same one."),
    ]
    return written(
        f"""
Question: {number(most)} of {counted(rows, f"{level.kind} row")} are of the most frequent class.
    Which accuracy has a model on them that gives this class for every row?
Answer: {share(right)}
Why: It is right for these {number(most)} rows: {number(most)} / {number(rows)} = {share(right)}.
    That is chance level here.
{lines(measured(wrong, right, share))}
""",
        "training",
    )


@question("hard", "measures")
def explained_variance(trace: Trace, chance: Random) -> Draft | None:
    """What is R2, from two mean squared errors?"""
    found, output = trace.measurements.of(Outcome, _kind(trace)), only(trace)
    error, of_mean = found.mean_squared_error, found.mean_squared_error_of_mean
    if output is None or output.what != NUMBERS or not error or not of_mean:
        return None
    error, of_mean = as_written(error), as_written(of_mean)
    right = 1 - error / of_mean
    wrong = [
        (error / of_mean, "That is the part that is not explained."),
        (1 - of_mean / error, "The error of the mean is what the other is compared with."),
        (of_mean - error, "The errors are divided, not taken off."),
        (math.sqrt(abs(right)), "That is a root; R2 is what it is."),
        (1 - math.sqrt(error / of_mean), "The squared errors are compared as they are."),
        (right / 2, "It is 1 less the ratio of both errors."),
    ]
    return written(
        f"""
Question: On the {_kind(trace)} rows the mean squared error is {figure(error)}; always giving the
    mean of the targets has {figure(of_mean)}. How large is R2?
Answer: {figure(right)}
Why: 1 - {figure(error)} / {figure(of_mean)} = {figure(right)}.
{lines(measured(wrong, right))}
""",
        "training",
    )


@question("easy", "measures")
def root_of_error(trace: Trace, chance: Random) -> Draft | None:
    """What is the root mean squared error?"""
    found, output = trace.measurements.of(Outcome, _kind(trace)), only(trace)
    error = found.mean_squared_error
    if output is None or output.what != NUMBERS or not error:
        return None
    error = as_written(error)
    right = math.sqrt(error)
    wrong = [
        (error, "That is the mean squared error itself."),
        (error / 2, "A root is no half."),
        (error**2, "That squares once more."),
        (found.mean_absolute_error or math.inf, "That is the mean absolute error."),
        (2 * right, "It is the square root, once."),
        (right / 2, "It is the square root."),
    ]
    return written(
        f"""
Question: The mean squared error on the {_kind(trace)} rows is {figure(error)}. How large is the
    root mean squared error?
Answer: {figure(right)}
Why: It is the square root of {figure(error)}, and has the unit of the target.
{lines(measured(wrong, right))}
""",
        "training",
    )


def _extreme(trace: Trace, chance: Random, which: str, sign: int) -> Draft | None:
    """Which of four classes has the largest recall, or the smallest."""
    kind, found = _classes(trace)
    if len(found) < OPTIONS:
        return None
    drawn = chance.sample(sorted(found), OPTIONS)
    recall: Callable[[int], float] = lambda index: found[index][1] / found[index][0]  # noqa: E731
    drawn.sort(key=lambda index: -sign * recall(index))
    first, second = drawn[:2]
    if abs(recall(first) - recall(second)) < MARGIN * max(recall(first), recall(second)):
        return None
    told = {each: f"{number(found[each][1])} of {number(found[each][0])}" for each in drawn}
    names = {each: class_name(trace, each).capitalize() for each in drawn}
    return draft(
        f"Which of these four classes is {which} among the {kind} rows?",
        names[first],
        f"{told[first]} are found.",
        [(names[each], f"{told[each]} are found.") for each in drawn[1:]],
        _place(trace),
        classes=tuple(sorted(drawn)),
    )


def _place(trace: Trace) -> str:
    return RESULTS if trace.kept_rows is not None else "training"


def _kind(trace: Trace) -> str:
    """The rows that the model is judged by."""
    return VALIDATION if trace.measurements.has(Outcome, VALIDATION) else TRAINING


def _classes(trace: Trace) -> tuple[str, dict[int, tuple[int, int]]]:
    """Which rows were measured, and for each class that occurs its rows and how many are found."""
    kind = _kind(trace)
    found = {
        index: trace.measurements.of(ClassOutcome, f"{kind}/{index}")
        for index in range(classes(trace))
    }
    return kind, {
        index: (each.rows, each.correct)
        for index, each in found.items()
        if each.rows and each.correct is not None
    }
