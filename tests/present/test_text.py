"""Plain text: prose and columns, and every figure in it computed again from the trace or from the other figures."""

import math
import re
import unicodedata
from itertools import pairwise

import pytest
from tests.present.terminal import joined
from tests.traces import HOSTILE, broken, killed, lengthened, renamed

from pipetrace.present.build.document import document
from pipetrace.present.text import document_text
from pipetrace.trace import Trace

WIDEST = 100


@pytest.fixture(scope="module")
def text(digits_trace: Trace) -> str:
    return document_text(document(digits_trace))


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    headings = [*re.finditer(r"^(.+)\n-+\n", text, re.MULTILINE)]
    at = next(index for index, found in enumerate(headings) if found[1].startswith(heading))
    end = headings[at + 1].start() if at + 1 < len(headings) else len(text)
    return text[headings[at].end() : end]


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_the_sections_are_in_the_order_of_the_page(text: str) -> None:
    found = re.findall(r"^(.+)\n-+$", text, re.MULTILINE)
    assert [heading.partition(":")[0] for heading in found] == [
        "Data flow",
        "Training",
        "Prediction",
        "Quiz",
        "Key insight",
        "About this trace",
    ]
    for heading, line in re.findall(r"^(.+)\n(-+)$", text, re.MULTILINE):
        assert len(heading) == len(line)


def test_it_is_prose_and_columns_alone(text: str) -> None:
    for character in set(text) - {"\n"}:
        assert unicodedata.category(character)[0] not in "C", f"control character {character!r}"
        assert not 0x2500 <= ord(character) <= 0x25FF, f"drawing character {character!r}"
    assert "\x1b" not in text
    assert "\u00a0" not in text
    assert not re.search(r"[ \t]+$", text, re.MULTILINE)
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    "change",
    [
        lambda trace: trace,
        lambda trace: killed(trace, 0),
        lambda trace: killed(trace, 1),
        broken,
        lambda trace: lengthened(trace, 100),
        lambda trace: renamed(trace, HOSTILE),
    ],
    ids=["whole", "killed-0", "killed-1", "broken", "100-epochs", "hostile"],
)
def test_no_line_is_wider_than_a_page(digits_trace: Trace, change: object) -> None:
    assert callable(change)
    for line in document_text(document(change(digits_trace))).split("\n"):
        scores_of_a_long_name = re.search(r" {2}[\d.]+ %( {2}<- the largest)?$", line)
        assert len(line) <= WIDEST or scores_of_a_long_name


def test_a_number_stays_with_its_percent_sign(text: str) -> None:
    assert not re.search(r"^\s*%", text, re.MULTILINE)
    assert re.search(r"\d %", text)


def test_the_printed_sums_give_the_printed_parameters(text: str, digits_trace: Trace) -> None:
    total = 0
    found = re.findall(r"Parameters: ([\d x+]+) = ([\d,]+) ", joined(section(text, "Data flow")))
    assert len(found) == 2
    for terms, result in found:
        value = sum(
            math.prod(int(factor) for factor in term.split(" x ")) for term in terms.split(" + ")
        )
        assert value == number(result)
        total += value
    assert total == sum(stage.parameters.total for stage in digits_trace.stages)


def test_the_parts_of_a_sum_are_explained(text: str) -> None:
    flow = joined(section(text, "Data flow"))
    weights, filters = re.search(
        r"\((\d+) weights in each of (\d+) filters, and one bias for each", flow
    ).groups()  # type: ignore[union-attr]
    assert (int(weights) + 1) * int(filters) == 320
    weighed = re.search(
        r"one weight for each \w+ and unit, ([\d,]+), and one bias for each unit", flow
    )
    assert weighed is not None
    assert number(weighed[1]) == 5408 * 10


def test_the_printed_arithmetic_is_that_of_the_trace(text: str, digits_trace: Trace) -> None:
    found = re.findall(r"FLOPs: ([\d,]+) per row", text)
    assert [number(each) for each in found] == [
        stage.flops for stage in digits_trace.stages if stage.flops
    ]


def test_each_stage_gets_what_the_one_before_gave(text: str) -> None:
    found = re.findall(
        r"^   (\d+ rows x [^>]+?)(?: -> (.+))?$", section(text, "Data flow"), re.MULTILINE
    )
    shapes = [(received, given or received) for received, given in found]
    assert len(shapes) == 6
    bare = [
        tuple(re.sub(r" (height|width|channels?)\b", "", side) for side in pair) for pair in shapes
    ]
    assert all(before[1] == after[0] for before, after in pairwise(bare))
    assert bare[0][0] == "200 rows x 28 x 28 x 1"
    assert bare[-1][1] == "200 rows x 10"


def test_the_measured_values_are_those_of_the_trace(text: str, digits_trace: Trace) -> None:
    figures = r"([\d.,-]+) values from ([\d.,-]+) to ([\d.,-]+), mean ([\d.,-]+), standard deviation ([\d.-]+)\."
    found = re.findall(f"Measured: {figures}", joined(section(text, "Data flow")))
    assert len(found) == len(digits_trace.stages)
    for printed, stage in zip(found, digits_trace.stages, strict=True):
        summary = stage.summary
        assert summary is not None
        measured = (summary.count, summary.min, summary.max, summary.mean, summary.std)
        assert [number(each) for each in printed] == pytest.approx(measured, rel=0.006)


def test_every_epoch_row_is_that_of_the_trace(text: str, digits_trace: Trace) -> None:
    lines = section(text, "Training").splitlines()
    head = next(index for index, line in enumerate(lines) if line.lstrip().startswith("epoch "))
    assert re.split(r"\s{2,}", lines[head].strip()) == [
        "epoch",
        "loss",
        "val loss",
        "accuracy",
        "val accuracy",
        "seconds",
    ]
    rows = lines[head + 1 : head + 1 + len(digits_trace.epochs)]
    assert lines[head + 1 + len(rows)] == ""
    for row, epoch in zip(rows, digits_trace.epochs, strict=True):
        printed = [number(cell.removesuffix(" %")) for cell in re.split(r"\s{2,}", row.strip())]
        metrics = epoch.metrics
        assert printed[0] == epoch.number
        assert printed[1] == pytest.approx(metrics["loss"], rel=0.006)
        assert printed[2] == pytest.approx(metrics["val_loss"], rel=0.006)
        assert printed[3] == pytest.approx(100 * metrics["accuracy"], rel=0.006)
        assert printed[4] == pytest.approx(100 * metrics["val_accuracy"], rel=0.006)
        assert printed[5] == pytest.approx(epoch.seconds, rel=0.06)
    ends = {len(line) for line in (lines[head], *rows)}
    assert len(ends) == 1, "the columns are aligned at the right"


def test_every_epoch_has_its_sentence(text: str) -> None:
    assert re.findall(r"^Epoch (\d+): ", section(text, "Training"), re.MULTILINE) == ["1", "2", "3"]


def test_the_printed_probabilities_add_up_and_the_largest_is_named(
    text: str, digits_trace: Trace
) -> None:
    found = re.findall(
        r"^ {3}(\d)  (\S+) %(  <- the largest)?$", section(text, "Prediction"), re.MULTILINE
    )
    shares = [number(share) for _, share, _ in found]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.3)
    largest = shares.index(max(shares))
    assert [bool(mark) for _, _, mark in found] == [index == largest for index in range(10)]
    assert f"The model predicts '{largest}' with" in joined(text)
    assert f"The true label is '{digits_trace.predictions[0].label}'" in joined(text)


def test_the_scores_of_the_example_add_up(text: str) -> None:
    flow = section(text, "Data flow")
    shares = [number(share) for share in re.findall(r"^ {3}\d  (\S+) %", flow, re.MULTILINE)]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_the_questions_are_asked_and_not_answered(text: str, digits_trace: Trace) -> None:
    questions = document(digits_trace).quiz
    asked = section(text, "Quiz")
    assert re.findall(r"^ {3}([A-D])\. ", asked, re.MULTILINE) == list("ABCD") * len(questions)
    for question in questions:
        assert joined(question.text) in joined(asked)
        for remark in question.remarks:
            assert joined(remark) not in joined(asked)


def test_a_run_without_epochs_says_so(digits_trace: Trace) -> None:
    text = document_text(document(killed(digits_trace, 0)))
    assert "No epoch was finished." in section(text, "Training")
    assert "Prediction" not in text
    assert "Key insight" not in text
