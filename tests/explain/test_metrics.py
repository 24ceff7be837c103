"""The metrics of a run: which way is better, how they are written and in which order they stand."""

from dataclasses import replace

import pytest
from tests.tasks import KINDS, binary, course, made, mask, regression, several
from tests.traces import with_metrics

from pipetrace.explain import metrics
from pipetrace.explain.before_training import before_training
from pipetrace.explain.formatting import figure, share
from pipetrace.present.build.training import training
from pipetrace.trace import Trace

WAYS: dict[str | None, str] = {
    "falls": "loss val_loss kind_loss val_kind_loss mae mean_squared_error dice_loss head_mae "
    "root_mean_squared_error false_positives",
    "rises": "accuracy acc val_precision_1 recall auc_2 f1_score mean_io_u r2_score true_positives "
    "sparse_top_k_categorical_accuracy",
    None: "learning_rate strange lossy beta terror",
}


def test_the_better_way_is_known_from_the_last_words_of_the_name() -> None:
    for way, names in WAYS.items():
        assert {metrics.direction(name) for name in names.split()} == {way}


def test_validation_stands_behind_the_same_of_training_and_the_loss_first() -> None:
    trace = several()
    assert metrics.names(trace)[:4] == ("loss", "val_loss", "kind_loss", "val_kind_loss")
    for name, after in zip(metrics.names(trace)[::2], metrics.names(trace)[1::2], strict=True):
        assert after == f"val_{name}"
    kinds = ("loss", "kind_loss", "weight_loss", "kind_accuracy", "weight_mae")
    assert metrics.kinds(trace) == kinds


def test_names_are_those_of_the_run() -> None:
    titles = [metrics.title(name) for name in ("val_head_loss", "head_loss")]
    assert titles == ["val head_loss", "head_loss"]


def test_no_accuracy_is_invented() -> None:
    found = {kind: metrics.accuracy_name(make()) for kind, make in KINDS.items()}
    with_one = {"binary", "binary logits", "binary scores", "logits"}
    assert {kind for kind, name in found.items() if name} == with_one
    assert metrics.accuracy(regression(), regression().epochs[0]) is None
    assert metrics.validation_accuracy(binary(), binary().epochs[0]) == 0.8
    assert metrics.accuracy_name(mask()) is None, "pixels are not rows"


def test_a_share_is_a_percentage_only_while_it_is_a_share() -> None:
    trace = binary()
    assert metrics.writer(trace, "accuracy") is share
    assert metrics.writer(trace, "val_accuracy") is share
    assert metrics.writer(trace, "loss") is figure
    from tests.tasks import Net, rng_values

    net = Net()
    net.dense("out", net.source("table", rng_values(2)), 1)
    percent = made(net, "mse", course([1.0], accuracy=[97.0]))
    assert metrics.writer(percent, "accuracy") is figure


def test_a_sentence_names_the_losses_of_the_outputs_first_and_nothing_unknown() -> None:
    assert metrics.main(several()) == ("kind_loss", "weight_loss")
    assert metrics.main(KINDS["two numbers"]()) == ()


def test_metrics_before_training_are_computed_as_keras_computes_those_of_an_epoch(
    digits_trace: Trace,
) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    assert set(before_training(digits_trace)) == {"val_loss", "val_accuracy"}
    for epoch in digits_trace.epochs[:-1]:
        moved = {**kept.outputs_after, 0: kept.outputs_after[epoch.number]}
        trace = replace(digits_trace, kept_rows=replace(kept, outputs_after=moved))
        found = before_training(trace)
        assert found == pytest.approx({name: epoch.metrics[name] for name in found}, rel=1e-3)
        assert len(found) == 2


def test_what_disagrees_with_keras_or_is_not_of_all_rows_is_not_told(digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    more = with_metrics(
        digits_trace, lambda each: {**each.metrics, "val_loss": each.metrics["val_loss"] + 0.1}
    )
    assert set(before_training(more)) == {"val_accuracy"}
    data = digits_trace.run.data
    rows = replace(data, validation_rows=(data.validation_rows or 0) + 1)
    for trace in (
        replace(digits_trace, run=replace(digits_trace.run, data=rows)),
        replace(digits_trace, kept_rows=replace(kept, outputs_after={})),
        replace(digits_trace, kept_rows=None),
    ):
        assert not before_training(trace)
        view = training(trace)
        assert view.start == ()
        assert [point.epoch for point in view.charts[0].series[0].points] == [1, 2, 3]


def test_table_and_charts_begin_before_training(digits_trace: Trace) -> None:
    view = training(digits_trace)
    assert len(view.start) == len(view.columns) - 1
    assert bool(view.start[view.columns.index("val loss")])
    assert not view.start[view.columns.index("loss")]
    for chart in view.charts:
        training_line, validation = chart.series
        assert training_line.points[0].epoch == 1
        assert validation.points[0].y is not None
        assert validation.points[0].epoch == 0
