"""The metrics of a run: which way is better, how they are written and in which order they stand."""

from tests.tasks import KINDS, binary, course, made, mask, regression, several

from pipetrace.explain import metrics
from pipetrace.explain.formatting import figure, share

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
