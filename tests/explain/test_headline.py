"""The headline of every kind of run: how it ended, its score, and what to look at, with the run's
own numbers."""

from dataclasses import replace

import pytest
from tests.explain.conftest import numbers_of, trace_of
from tests.explain.courses import COURSES, LEARNS
from tests.tasks import KINDS

from pipetrace.explain.headline import STATUS, headline, shortened
from pipetrace.trace.document import FAILED, FINISHED, INTERRUPTED, KILLED, RUNNING, STOPPED, Ending

NUMBERS = {
    "learns": ("Validation accuracy", [3, 83, 500, 10, 1.6, 0.5]),
    "one epoch": ("Validation accuracy", [1, 68, 500, 10, 1.6, 2.3]),
    "no validation": ("Training accuracy", [2, 75, 1000, 10, 1.6, 0.8]),
    "no accuracy": ("Training loss", [2, 0.8, 2.3, 1.6, 1]),
    "no loss": ("Training accuracy", [1, 50, 1000, 10]),
    "only a validation loss": ("Validation loss", [1, 1, 500, 2.3]),
    "overfits": ("Validation accuracy", [4, 75, 500, 10, 0.8, 1, 2]),
    "gap": ("Validation accuracy", [2, 70, 500, 10, 95, 25]),
    "generalises nothing": ("Validation accuracy", [1, 11, 500, 10, 95, 84]),
    "stays at chance": ("Validation accuracy", [3, 10, 500, 14]),
    "slowly from chance": ("Training accuracy", [3, 12, 1000, 12.8]),
    "falls back to chance": ("Training accuracy", [2, 10, 1000, 12.8, 1]),
    "90 % of one class": ("Training accuracy", [2, 91, 1000, 93.7]),
    "beyond 90 % of one class": ("Training accuracy", [2, 95, 1000, 91, 0.5, 0.2]),
    "worse than chance": ("Training loss", [1, 9, 2.3]),
    "right, but too sure": ("Training accuracy", [2, 70, 1000, 10, 4, 2.3]),
    "becomes NaN": ("The training loss", [2]),
    "NaN at last": ("The training loss", [2]),
    "is infinite once": ("Training accuracy", [2, 60, 1000, 10, 1, 2.3]),
    "validation is NaN": ("Validation accuracy", [1, 10, 500, 10]),
    "rises": ("Training accuracy", [3, 75, 1000, 10, 1, 0.7]),
}


def test_a_headline_tells_the_score_and_what_to_look_at() -> None:
    for course, (beginning, expected) in NUMBERS.items():
        metrics, options, *_ = COURSES[course]
        text = headline(trace_of(metrics, **options))
        assert text.startswith(beginning), (course, text)
        assert numbers_of(text) == pytest.approx(expected), (course, text)


def test_a_headline_names_overfitting_where_validation_shows_it() -> None:
    named = {
        course
        for course, (metrics, options, *_) in COURSES.items()
        if "overfitting" in headline(trace_of(metrics, **options))
    }
    assert named == {
        "overfits",
        "overfits on",
        "gap",
        "generalises nothing",
        "far too low with few",
    }


def test_a_run_that_was_cut_says_so_first() -> None:
    for kind, epochs in (
        (KILLED, 0),
        (KILLED, 1),
        (INTERRUPTED, 2),
        (RUNNING, 2),
        (FAILED, 1),
        (STOPPED, 3),
    ):
        trace = trace_of(LEARNS[:epochs], planned=5, ending=Ending(kind), measured=False)
        text = headline(trace)
        assert text.startswith(STATUS[kind])
        assert numbers_of(text)[:2] == [epochs, 5]
        assert ("Validation accuracy" in text) == (epochs > 0)
    for kind in (FINISHED, STOPPED):
        text = headline(trace_of(LEARNS, planned=3, ending=Ending(kind)))
        assert text.startswith("Validation accuracy after 3 epochs")


def test_a_failed_run_says_where_what_came_in_and_what_was_raised() -> None:
    trace = KINDS["failed"]()
    text = headline(trace)
    assert text.startswith("Failed after 0 of 3 epochs")
    for part in ("Dense (price)", "shape 8", str(trace.ending.error)):
        assert part in text
    long = "word " * 1000
    assert len(headline(replace(trace, ending=replace(trace.ending, error=long)))) < 500
    assert len(shortened(long)) <= 240
    elsewhere = replace(trace, ending=Ending(FAILED, "ValueError: no", "gone"))
    assert "gone. ValueError: no." in headline(elsewhere)
    learned = trace_of(LEARNS, planned=5, ending=Ending(FAILED, "ValueError: no."))
    assert "ValueError: no. Validation accuracy" in headline(learned)


def test_runs_without_classes_have_no_chance_level() -> None:
    for kind, beginning in (
        ("regression", "Validation mae after 3 epochs: 0.900 on 40 rows"),
        ("two numbers", "Training loss after 2 epochs: 2.50"),
        ("autoencoder", "Validation loss after 2 epochs: 0.620 on 40 images"),
        ("stopped", "Stopped early after 5 of 50 epochs. Validation loss after 5 epochs: 1.50"),
    ):
        text = headline(KINDS[kind]())
        assert text.startswith(beginning), text
        assert "chance" not in text


def test_a_model_that_was_only_looked_at_has_its_size() -> None:
    text = headline(KINDS["untrained"]())
    assert numbers_of(text) == [1, 24, 5, 4, 6]
    assert "not trained" in text
