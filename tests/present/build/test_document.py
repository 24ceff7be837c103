"""Every way a run can end leaves something to show: the view, the plain text, the terminal and the page."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.present.terminal import in_terminal
from tests.traces import HOSTILE, broken, killed, lengthened, renamed, with_metrics

from pipetrace.present.build.document import (
    MAX_MINUTES,
    WORDS_PER_MINUTE,
    document,
    minutes_to_read,
)
from pipetrace.present.page import page
from pipetrace.present.text import document_text
from pipetrace.present.views import Document
from pipetrace.trace import Trace
from pipetrace.trace.document import FAILED, INTERRUPTED, KILLED, RUNNING, Ending

CUTS: dict[str, Callable[[Trace], Trace]] = {
    "killed before the first epoch": lambda trace: killed(trace, 0),
    "killed after one epoch": lambda trace: killed(trace, 1),
    "killed after two epochs": lambda trace: killed(trace, 2),
    "interrupted": lambda trace: killed(trace, 1, INTERRUPTED),
    "still running": lambda trace: killed(trace, 2, RUNNING),
    "failed": lambda trace: replace(
        killed(trace, 1), ending=Ending(FAILED, "ValueError: no", "dense", 2)
    ),
    "killed before the prediction": lambda trace: replace(
        trace, predictions=(), weights={}, ending=Ending(KILLED)
    ),
    "killed before the weights": lambda trace: replace(trace, weights={}, ending=Ending(KILLED)),
    "a loss that is not finite": broken,
    "no validation": lambda trace: with_metrics(
        trace,
        lambda epoch: {
            name: value for name, value in epoch.metrics.items() if not name.startswith("val_")
        },
    ),
    "a loss that is almost nothing": lambda trace: with_metrics(
        trace, lambda epoch: {**epoch.metrics, "loss": 1e-14, "val_loss": 2e-14}
    ),
    "a hundred epochs": lambda trace: lengthened(trace, 100),
    "hostile names": lambda trace: renamed(trace, HOSTILE),
    "names of 10,000 characters": lambda trace: renamed(trace, "W" * 10_000),
    "names of 2,000 words": lambda trace: renamed(trace, "word " * 2000),
}


@pytest.fixture(scope="module", params=CUTS, ids=lambda name: str(name).replace(" ", "-"))
def cut(request: pytest.FixtureRequest, digits_trace: Trace) -> Trace:
    return CUTS[request.param](digits_trace)


@pytest.fixture(scope="module")
def made(cut: Trace) -> Document:
    return document(cut)


def floats(value: Any) -> Iterator[float]:
    """Every float of a view; the pixels of a image are measured values and may be anything."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from floats(getattr(value, field.name))
    elif isinstance(value, tuple):
        for entry in value:
            yield from floats(entry)
    elif isinstance(value, float):
        yield value


def test_every_presenter_shows_it(made: Document) -> None:
    for text in (document_text(made), in_terminal(made, 80, "truecolor"), page(made)):
        assert "Input image" in text
        assert "About this trace" in text or "noscript" in text


def test_every_place_on_a_scale_can_be_drawn(cut: Trace, made: Document) -> None:
    found = list(floats(made))
    assert bool(found) == bool(cut.epochs)
    assert all(math.isfinite(value) for value in found)


def test_the_parts_are_there_that_the_run_came_to(cut: Trace, made: Document) -> None:
    assert [stage.name for stage in made.stages] == [stage.name for stage in cut.stages]
    assert [row.epoch for row in made.training.rows] == [epoch.number for epoch in cut.epochs]
    assert (made.prediction is None) == (not cut.predictions)
    assert (made.training.empty is None) == bool(cut.epochs)
    assert bool(made.training.charts) == bool(cut.epochs)
    for view, stage in zip(made.stages, cut.stages, strict=True):
        assert bool(view.measured) == (stage.summary is not None)
        assert (view.image is not None or bool(view.bars)) == (stage.example is not None)


def test_every_question_points_at_a_place_of_the_page(made: Document) -> None:
    places = {
        "training",
        "results",  # made in the browser, of the rows that are kept
        *(stage.id for stage in made.stages),
        *(row.id for row in made.training.rows),
    }
    if made.prediction:
        places.update(layer.id for layer in made.prediction.layers)
    assert {question.evidence for question in made.quiz} <= places


def test_the_headline_says_how_a_run_ended_early(digits_trace: Trace) -> None:
    for kind, words in (
        (KILLED, "Killed after 1 of 3 epochs"),
        (INTERRUPTED, "Interrupted after 1 of 3 epochs"),
        (FAILED, "Failed after 1 of 3 epochs"),
        (RUNNING, "Still running: 1 of 3 epochs"),
    ):
        assert document(killed(digits_trace, 1, kind)).headline.startswith(words)


def test_a_finished_run_does_not_say_that_it_ended_early(digits_trace: Trace) -> None:
    assert document(digits_trace).headline.startswith("Validation accuracy after 3 epochs")


def test_the_check_in_numpy_needs_the_weights(digits_trace: Trace) -> None:
    whole = document(digits_trace).prediction
    without = document(CUTS["killed before the weights"](digits_trace)).prediction
    assert whole is not None
    assert without is not None
    assert "they agree" in whole.check
    assert "agree" not in without.check
    assert "weights" in without.check


def test_a_wrong_recording_does_not_agree(digits_trace: Trace) -> None:
    prediction = digits_trace.predictions[0]
    outputs = {**prediction.outputs, "dense": prediction.outputs["dense"] + np.float32(0.01)}
    made = document(replace(digits_trace, predictions=(replace(prediction, outputs=outputs),)))
    assert made.prediction is not None
    assert "THEY DO NOT AGREE" in made.prediction.check


def test_the_quiz_seed_is_the_runs_own_unless_another_is_given(digits_trace: Trace) -> None:
    texts = {
        seed: tuple(each.text for each in document(digits_trace, quiz_seed=seed).quiz)
        for seed in range(8)
    }
    assert tuple(each.text for each in document(digits_trace).quiz) == texts[0]
    assert len(set(texts.values())) > 1


def test_the_minutes_to_read_grow_with_the_words_up_to_a_limit(digits_trace: Trace) -> None:
    made = document(digits_trace)
    minutes = minutes_to_read(made)
    assert str(minutes) in made.facts[-1].split()
    longer = replace(made, insight=(*made.insight, "word " * WORDS_PER_MINUTE * 10))
    assert minutes_to_read(longer) == minutes + 10
    for epochs, counted in ((40, True), (200, False)):
        long = document(lengthened(digits_trace, epochs))
        found = minutes_to_read(long)
        assert (found <= MAX_MINUTES) == counted
        assert str(min(found, MAX_MINUTES)) in long.facts[-1].split()
        assert ("more than" in long.facts[-1]) != counted
