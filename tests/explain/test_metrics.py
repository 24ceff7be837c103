"""The metrics of a run: which way is better, how they are written and in which order they stand."""

import pytest
from tests.tasks import KINDS, binary, course, made, mask, regression, several

from pipetrace.explain import metrics
from pipetrace.explain.text import figure, share


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("loss", "falls"),
        ("val_loss", "falls"),
        ("kind_loss", "falls"),
        ("val_kind_loss", "falls"),
        ("mae", "falls"),
        ("mean_squared_error", "falls"),
        ("root_mean_squared_error", "falls"),
        ("false_positives", "falls"),
        ("accuracy", "rises"),
        ("acc", "rises"),
        ("val_precision_1", "rises"),
        ("recall", "rises"),
        ("auc_2", "rises"),
        ("f1_score", "rises"),
        ("mean_io_u", "rises"),
        ("r2_score", "rises"),
        ("true_positives", "rises"),
        ("sparse_top_k_categorical_accuracy", "rises"),
        ("dice_loss", "falls"),
        ("head_mae", "falls"),
        ("learning_rate", None),
        ("strange", None),
        ("lossy", None),
        ("beta", None),
        ("terror", None),
    ],
)
def test_the_better_way_is_known_from_the_last_words_of_the_name(
    name: str, way: str | None
) -> None:
    assert metrics.direction(name) == way


def test_validation_stands_behind_the_same_of_training_and_the_loss_first() -> None:
    trace = several()
    assert metrics.names(trace)[:4] == ("loss", "val_loss", "kind_loss", "val_kind_loss")
    for name, after in zip(metrics.names(trace)[::2], metrics.names(trace)[1::2], strict=True):
        assert after == f"val_{name}"
    assert metrics.kinds(trace) == (
        "loss",
        "kind_loss",
        "weight_loss",
        "kind_accuracy",
        "weight_mae",
    )


def test_names_are_those_of_the_run() -> None:
    assert [metrics.title(name) for name in ("val_head_loss", "head_loss")] == [
        "val head_loss",
        "head_loss",
    ]


def test_no_accuracy_is_invented() -> None:
    found = {kind: metrics.accuracy_name(make()) for kind, make in KINDS.items()}
    assert {kind for kind, name in found.items() if name} == {
        "binary",
        "binary logits",
        "binary scores",
        "logits",
    }
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
