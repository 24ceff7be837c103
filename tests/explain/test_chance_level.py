"""One chance level of a run, wherever an accuracy is compared."""

import re
from dataclasses import replace

import pytest
from tests.documents import changed
from tests.tasks import binary

from pipetrace.explain.balance import accuracy_at_chance, uneven_from
from pipetrace.explain.learn.modes import lesson
from pipetrace.explain.quiz import GENERATORS, ask
from pipetrace.explain.quiz.generator import LEVELS
from pipetrace.present.build.document import document
from pipetrace.present.text import document_text
from pipetrace.trace import Trace
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import Outcome


def uneven(training: tuple[int, int], majority: float | None, rows: int = 200) -> Trace:
    """A binary run with so many training rows of each class; ``majority`` of the validation rows."""
    trace = binary()
    last = {"loss": 0.3, "val_loss": 0.3, "accuracy": 0.9, "val_accuracy": 0.88}
    outcome = Outcome(
        rows=rows,
        accuracy=0.88,
        balanced_accuracy=0.85,
        majority_share=majority,
        classes=2,
        classes_present=2,
    )
    measured = [] if majority is None else [Measurement("validation", None, outcome)]
    return changed(
        trace,
        data={"validation_rows": rows, "class_counts": training},
        epochs=(replace(trace.epochs[-1], metrics=last),),
        measurements=Measurements(measured),
    )


def test_the_chance_level_of_uneven_classes_is_the_most_frequent_one() -> None:
    cases = [
        (uneven((560, 240), 0.675), 0.675, True, "validation"),
        (uneven((560, 240), None), 0.7, True, "training"),
        (uneven((410, 390), 0.53), 0.5, False, "training"),
        # Too few validation rows to tell: those of the training do.
        (uneven((560, 240), 0.6, rows=20), 0.6, True, "validation"),
        (uneven((410, 390), 0.75), 0.75, True, "validation"),
    ]
    for trace, level, is_uneven, kind in cases:
        found = accuracy_at_chance(trace)
        assert found is not None
        assert (found.share, found.uneven, found.kind) == (level, is_uneven, kind)


def test_a_few_rows_do_not_make_classes_uneven() -> None:
    assert uneven_from(2, 10_000) == 0.55
    assert uneven_from(2, 20) > 0.8
    assert uneven_from(10, 10_000) == pytest.approx(0.15)


def test_a_page_and_a_terminal_have_one_chance_level() -> None:
    trace = uneven((560, 240), 0.675)
    made = document(trace)
    accuracy = next(each for each in made.figures if "accuracy" in each.name)
    chart = next(each for each in made.training.charts if each.title == "Accuracy")
    assert chart.reference is not None
    measures = lesson(trace, "metrics").parts[0].texts
    for text in (
        made.headline,
        made.training.note,
        document_text(made),
        accuracy.note,
        chart.reference.text,
        " ".join(measures),
    ):
        beside = re.findall(r"(?i)chance[^.]*?([\d.]+)\s%", " ".join(text.split()))
        assert {*beside} == {"67.5"}, text
    asked = [each for level in LEVELS for each in ask(trace, 0, GENERATORS, level)]
    chosen = [each for each in asked if "most frequent class" in each.text]
    assert [each.options[each.answer] for each in chosen] == ["67.5 %"]
