"""Every sum that is written in a way to learn or a quiz comes out with the numbers as printed."""

import math
import re
from collections.abc import Iterator
from random import Random

import pytest
from tests.explain.learn.test_lessons import repr_of
from tests.tasks import KINDS

from pipetrace.explain.formatting import figure
from pipetrace.explain.learn.modes import lesson, lessons
from pipetrace.explain.quiz import GENERATORS
from pipetrace.explain.quiz.totals import SLOTS, optimizer_memory
from pipetrace.trace import Trace

NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
TERM = rf"(?:tanh)?\(*{NUMBER}\)*"
SUM = re.compile(
    rf"(?<![\w.(-])(?<![-+x/] )({TERM}(?: [-+x/] {TERM})+) = ({NUMBER})(?! [-+x/] )( %)?"
)
TOLD = re.compile(rf"({NUMBER}) and (?:the bias )?({NUMBER}) are ({NUMBER})(?=[; ])")


def wrong_sums(text: str) -> tuple[int, list[str]]:
    """How many sums a text has, and those that do not come out to half of the last digit."""
    found = [(each[0], *each.groups()) for each in SUM.finditer(text)]
    found += [(each[0], f"{each[1]} + {each[2]}", each[3], None) for each in TOLD.finditer(text)]
    wrong = []
    for words, left, right, percent in found:
        made = eval(left.replace(",", "").replace(" x ", " * "), {"tanh": math.tanh})
        made *= 100 if percent else 1
        told = float(right.replace(",", ""))
        half = 0.5 / 10 ** len(right.partition(".")[2]) * (1 + 1e-6)
        if abs(made - told) > half + 1e-6 * abs(made) and figure(made) != right:
            wrong.append(f"{words}: {made}")
    return len(found), wrong


def texts(trace: Trace) -> Iterator[str]:
    """The ways to learn, tasks of other seeds, and questions, which challenge and review ask too."""
    for seed in range(12):
        yield repr_of(lesson(trace, "try", seed))
        for generator in GENERATORS:
            made = generator.draft(trace, Random(seed))
            if made is not None:
                yield f"{generator.name}: {made.explanation}"
                yield from (remark for _, remark in made.wrong)
    yield from map(repr_of, lessons(trace))


@pytest.fixture(scope="module")
def all_texts(digits_trace: Trace) -> list[list[str]]:
    """What is written about each kind of model."""
    return [[*texts(trace)] for trace in (digits_trace, *(make() for make in KINDS.values()))]


def test_each_sum_comes_out_with_the_numbers_as_printed(all_texts: list[list[str]]) -> None:
    counts = []
    for written in all_texts:
        found = [wrong_sums(each) for each in written]
        counts.append(sum(count for count, _ in found))
        assert not {each for _, wrong in found for each in wrong}
    assert min(counts) > 10
    assert sum(counts) > 1000


def test_code_is_never_shown_between_backticks(
    digits_trace: Trace, all_texts: list[list[str]]
) -> None:
    assert not [each for written in all_texts for each in written if "`" in each]
    asked = [
        each
        for seed in range(9)
        for each in lesson(digits_trace, "challenge", seed).problems
        if each.code
    ]
    assert len({each.code for each in asked}) > 3
    for problem in asked:
        compile(problem.code.replace(", ...", ""), "code", "exec")
        assert re.fullmatch(
            r"One line of this run's program.* shown here\. What .*\?", problem.text
        )


def test_a_value_is_accepted_as_it_comes_of_the_printed_numbers(digits_trace: Trace) -> None:
    said = 0
    for trace in (digits_trace, KINDS["regression"](), KINDS["binary"]()):
        for seed in range(12):
            for each in lesson(trace, "try", seed).exercises:
                lists = re.findall(r"= \[(.*)\]$", each.code, re.M)
                if len(lists) != 2:
                    continue
                rows = [[as_number(one) for one in row.split(", ")] for row in lists]
                total = sum(one * other for one, other in zip(*rows, strict=True))
                told = re.search(r"# (\S+|nearly zero)( with all digits)?$", each.code, re.M)
                bias = re.search(r"bias = (.*)", each.code)
                assert told
                assert bias
                assert told[2] or figure(total) == told[1], each.code
                said += 1
                for one in (total, as_number(told[1])):
                    made = made_of(each.code, one + as_number(bias[1]))
                    assert abs(made - as_number(each.blanks[0].answer)) <= each.blanks[0].within + (
                        0.006 * abs(made)
                    )
    assert said > 9


def as_number(text: str) -> float:
    return 0.0 if text == "nearly zero" else float(text.replace(",", ""))


def made_of(code: str, value: float) -> float:
    if "relu(" in code:
        return max(0.0, value)
    return 1 / (1 + math.exp(-value)) if "sigmoid(" in code else value


def test_the_memory_of_the_optimizer_is_of_the_run(digits_trace: Trace) -> None:
    own = digits_trace.run.training.optimizer
    assert own in SLOTS
    for seed in range(9):
        made = optimizer_memory.draft(digits_trace, Random(seed))
        assert made
        assert f"does {own} keep" in made.text
