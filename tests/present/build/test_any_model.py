"""Every presenter shows any model: its metrics under their own names, its predictions in the form of its output."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.present.terminal import in_terminal, joined
from tests.tasks import (
    KINDS,
    autoencoder,
    binary,
    course,
    logits,
    mask,
    multilabel,
    regression,
    several,
    steps,
)

from pipetrace.present.blocks import Epochs
from pipetrace.present.build.document import document
from pipetrace.present.build.prediction import predictions
from pipetrace.present.build.training import training
from pipetrace.present.page import page
from pipetrace.present.rich import fitting_columns
from pipetrace.present.text import document_text
from pipetrace.present.views import Document
from pipetrace.trace import Trace
from pipetrace.trace.document import Epoch, Spec, Stages


@pytest.fixture(params=KINDS, ids=lambda name: str(name).replace(" ", "-"))
def trace(request: pytest.FixtureRequest) -> Trace:
    return KINDS[request.param]()


def of(trace: Trace) -> Document:
    return document(trace, with_courses=False)


def test_every_presenter_shows_it(trace: Trace) -> None:
    made = of(trace)
    text = document_text(made)
    assert "\n\n\n" not in text
    assert joined(made.headline) in joined(text)
    for width in (40, 80, 120):
        assert max(len(line) for line in in_terminal(made, width).splitlines()) <= width
    assert made.headline.replace(" %", "\u00a0%").replace("'", "'")[:30] in page(made)


def test_every_event_is_shown(trace: Trace) -> None:
    made = of(trace)
    assert bool(made.events) == (trace.run.title == "made" and len(trace.events) > 1)
    for event in made.events:
        assert joined(event) in joined(document_text(made))
        assert joined(event) in joined(in_terminal(made))
        assert event in page(made)


def test_the_columns_are_the_metrics_of_the_run(trace: Trace) -> None:
    made = of(trace)
    names = {name for epoch in trace.epochs for name in epoch.metrics}
    shown = {column.replace("val ", "val_") for column in made.training.columns[1:-2]}
    assert shown == names
    assert "accuracy" not in document_text(made) or any("accuracy" in name for name in names)


def test_every_question_points_at_a_place_of_the_page(trace: Trace) -> None:
    made = of(trace)
    places = {
        "training",
        *(stage.id for stage in made.stages),
        *(row.id for row in made.training.rows),
    }
    places |= {layer.id for layer in made.prediction.layers} if made.prediction else set()
    assert {question.evidence for question in made.quiz} <= places


def test_every_id_of_the_page_is_there_once(trace: Trace) -> None:
    made = of(trace)
    views = [made.prediction, *made.others] if made.prediction else []
    ids = [view.id for view in views] + [layer.id for view in views for layer in view.layers]
    assert len(ids) == len(set(ids))


def test_a_wide_table_is_printed_in_parts() -> None:
    lines = document_text(of(several())).splitlines()
    heads = [line.split() for line in lines if line.startswith("epoch ")]
    assert len(heads) == 2
    assert heads[1][-1] == "seconds"
    assert all(len(line) <= 88 for line in lines)


def test_the_terminal_says_which_columns_it_leaves_to_the_page() -> None:
    view = of(several()).training
    text = joined(in_terminal(of(several())))
    kept = [view.columns[index] for index in fitting_columns(Epochs(view.columns, view.rows), 80)]
    assert kept[0] == "epoch"
    assert kept[-1] == "seconds"
    assert kept[1:3] == ["loss", "val loss"]
    left = [name for name in view.columns[:-1] if name not in kept]
    assert left
    assert f"{len(left)} more columns on the page: {', '.join(left)}." in text
    assert "more column" not in in_terminal(of(regression()))


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (regression, "Loss, mse"),
        (binary, "Loss, binary_crossentropy in nats"),
        (logits, "Loss, cross-entropy in nats"),
        (several, "Loss of all outputs together"),
        (KINDS["waves"], "Loss, cosine_similarity"),
    ],
)
def test_the_chart_of_the_loss_names_it(make: object, title: str) -> None:
    assert callable(make)
    assert of(make()).training.charts[0].title == title


def test_there_is_a_chart_for_every_metric_with_validation_beside_training() -> None:
    charts = of(several()).training.charts
    assert [chart.title for chart in charts[1:]] == [
        "kind_loss",
        "weight_loss",
        "kind_accuracy",
        "weight_mae",
    ]
    assert all(
        [series.name for series in chart.series] == ["training", "validation"] for chart in charts
    )
    assert all(chart.best == 3 for chart in charts)
    assert of(logits()).training.charts[0].best is None, "no validation, no best epoch"


def test_negative_losses_far_from_zero_have_an_axis_of_their_own() -> None:
    trace = regression()
    epochs = tuple(
        Epoch(number, each, 1.0)
        for number, each in enumerate(course([-1200.0, -1180.0, -1210.0]), 1)
    )
    (chart,) = training(replace(trace, epochs=epochs)).charts
    places = [point.y for point in chart.series[0].points]
    assert all(place is not None and 0 <= place <= 1 for place in places)
    assert max(place or 0 for place in places) - min(place or 0 for place in places) > 0.5
    assert all(before.at < after.at for before, after in pairwise(chart.y))


VERDICTS = {
    "regression": ("-0.830 -1.56 0.731", "target", "high"),
    "binary": ("0.341 0.5 0 1", "below", "wrong"),
    "binary logits": ("0.341 -0.660 0.5 0 1", "sigmoid", "below"),
    "binary scores": ("-0.660 1", "no probability", "no threshold"),
    "logits": ("1 56.5 2 26.6 1", "softmax", "correct"),
    "multilabel": ("2 4 0.5 1 4", "above", "correct"),
    "several": ("2 45.4 1 34.8 1 34.8 0.405 -1.56 1.97", "kind:", "wrong", "weight:", "high"),
    "autoencoder": ("8 8 1 0.112 0.891 0.0468 0.0978 2 5", "an image", "on average", "at most"),
    "steps": ("1 3 3", "correct", "hidden"),
    "mask": ("16 64 100 64 100", "pixels", "Intersection over union"),
    "two numbers": ("2 0.689 1.00 0", "on average", "at most"),
    "waves": ("7 0.908 1.51", "steps"),
    "too large": ("8 8 1", "too large"),
    "untrained": ("4 -2.07 1.16", "does not say"),
}
"""The numbers of each verdict, and some of its words, in order."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.mark.parametrize("kind", VERDICTS)
def test_the_verdict_has_the_form_of_the_output(kind: str) -> None:
    made = of(KINDS[kind]()).prediction
    assert made is not None
    numbers, *words = VERDICTS[kind]
    assert NUMBER.findall(made.verdict) == numbers.split()
    assert re.search(".*".join(map(re.escape, words)), made.verdict), made.verdict


def test_every_prediction_is_shown_with_why_it_was_chosen() -> None:
    made = of(binary())
    assert made.prediction is not None
    [other] = made.others
    assert (made.prediction.name, "worst" in other.name) == ("Row 1", True)
    assert "largest loss" in other.title
    assert "largest loss" not in made.prediction.title
    for row, view in enumerate((made.prediction, other), 1):
        assert view.title.startswith(f"Row {row} of the data")
        assert "in training" in view.title
        assert view.title.endswith("loss is 0.100")
    for view in made.others:
        for text in (document_text(made), in_terminal(made)):
            assert joined(view.verdict) in joined(text)
    assert [layer.id for layer in made.others[0].layers] == [
        "prediction-2/table",
        "prediction-2/pleased",
    ]


def test_a_threshold_is_a_line_with_the_comparison() -> None:
    made = of(binary()).prediction
    assert made is not None
    (outcome,) = made.outcomes
    assert outcome.threshold is not None
    assert outcome.threshold.text == "0.341 < 0.5: class 0"
    assert outcome.threshold.at == pytest.approx(0.341, abs=0.001)
    assert "●" in in_terminal(of(binary()))


@pytest.mark.parametrize(
    ("share", "said"), [(0.5, "="), (0.4999999, "<"), (0.50000006, ">"), (1.0, ">")]
)
def test_rounding_carries_no_share_over_the_threshold(share: float, said: str) -> None:
    trace = binary()
    made = trace.predictions[0]
    outputs = {**made.outputs, "pleased": np.array([share], np.float32)}
    view = of(replace(trace, predictions=(replace(made, outputs=outputs),))).prediction
    assert view is not None
    assert view.outcomes[0].threshold is not None
    text = view.outcomes[0].threshold.text
    assert f" {said} 0.5: class {int(said == '>')}" in text
    assert (float(text.split()[0]) > 0.5) == (said == ">")


def test_images_stand_beside_their_target_and_the_difference() -> None:
    for make, count in ((autoencoder, 3), (mask, 3)):
        made = of(make()).prediction
        assert made is not None
        (outcome,) = made.outcomes
        assert len(outcome.images) == count
        output, wanted, difference = outcome.images
        assert (output.low, output.high) == (wanted.low, wanted.high)
        if make is autoencoder:
            np.testing.assert_allclose(difference.values, output.values - wanted.values, atol=1e-6)
        else:
            np.testing.assert_array_equal(difference.values, (output.values > 0.5) != wanted.values)


def test_hidden_steps_are_marked_and_not_judged() -> None:
    made = of(steps()).prediction
    assert made is not None
    table = made.outcomes[0].table
    assert table is not None
    assert table.marks == ("right", "wrong", "wrong", "hidden", "hidden", "hidden")


def test_labels_are_judged_one_by_one() -> None:
    made = of(multilabel()).prediction
    assert made is not None
    table = made.outcomes[0].table
    assert table is not None
    for cells, mark in zip(table.rows, table.marks, strict=True):
        assert (cells[2] == cells[3]) == (mark == "right")


def test_layers_that_were_not_kept_are_named() -> None:
    made = of(KINDS["too large"]()).prediction
    assert made is not None
    assert made.omitted is not None
    assert "oo large" in made.omitted
    assert "picture_again (8 x 8 x 1)" in made.omitted
    assert made.omitted in document_text(of(KINDS["too large"]()))
    assert "picture_again" not in [layer.id.partition("/")[2] for layer in made.layers]


def test_what_was_not_trained_has_no_part_on_training() -> None:
    made = of(KINDS["untrained"]())
    assert made.training.absent
    for text in (document_text(made), in_terminal(made)):
        assert not re.search(r"^.*Training[ :·-]", text, re.MULTILINE)
        assert "earn" not in text.replace("learned number", "")
    assert "not trained" in made.facts


def facts(trace: Trace) -> dict[str, str]:
    return {fact.name: fact.text for fact in of(trace).foot}


def test_the_foot_tells_what_the_trace_knows_and_no_more() -> None:
    assert facts(several())["Training"] == (
        "Adam, sparse_categorical_crossentropy for kind and mse for weight, batches of 32, 3 epochs planned."
    )
    assert facts(KINDS["stopped"]())["Training"].endswith(
        "50 epochs planned. Callbacks: EarlyStopping."
    )
    cut = facts(KINDS["one axis"]())
    assert "batches" not in cut["Training"]
    assert "mixed_float16" in cut["Training"]
    assert "6 rows of the first batches, not all" in cut["How this was measured"]
    assert "first batches" not in facts(regression())["How this was measured"]
    assert "Seed" not in cut
    assert facts(regression())["Model"].startswith("made, Functional, 2 layers, 57 parameters; ")
    model = regression().run.model
    assert model is not None
    frozen = replace(model, parameters=replace(model.parameters, trainable=50, frozen=7))
    trace = replace(regression(), run=replace(regression().run, model=frozen))
    assert "57 parameters: 50 trainable and 7 frozen" in facts(trace)["Model"]


def test_a_hidden_step_that_happens_to_be_right_is_not_counted() -> None:
    trace = steps()
    made = trace.predictions[0]
    said = made.outputs["kinds"].argmax(axis=-1)
    view = of(replace(trace, predictions=(replace(made, targets=(said,)),))).prediction
    assert view is not None
    assert NUMBER.findall(view.verdict) == ["3", "3", "3"]
    assert "hidden" in view.verdict


def test_a_layer_of_a_prediction_may_change_nothing_or_know_no_rows(digits_trace: Trace) -> None:
    made, stages = digits_trace.predictions[0], digits_trace.stages
    given = {**made.outputs, "max_pooling2d": made.outputs["conv2d"], "dense": np.ones((3, 8))}
    dense = replace(stages["dense"], outputs=(Spec((3, 8), "float32"),))
    trace = replace(
        digits_trace,
        stages=Stages(dense if each is stages["dense"] else each for each in stages),
        predictions=(replace(made, outputs=given),),
    )
    told = {each.id.rpartition("/")[2]: each.text for each in predictions(trace)[0].layers}
    assert [name for name, text in told.items() if "Changes nothing" in text] == ["max_pooling2d"]
    assert told["dense"].startswith("3 x 8, the same for every row")
