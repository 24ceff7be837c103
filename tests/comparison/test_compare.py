"""Comparing runs, from outside: what differs is said, causes first, and what is the same is found to be the same."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.comparison.runs import points, record
from tests.traces import killed, with_metrics

import pipetrace
from pipetrace.comparison.records import Comparison, Missing
from pipetrace.comparison.words import cell_text, main_course, name_text
from pipetrace.explain.ablations.rows import noise
from pipetrace.present.comparison.blocks import comparison_blocks
from pipetrace.present.text import write_text_of
from pipetrace.trace import Trace, read

pytestmark = pytest.mark.framework

Recorded = Callable[[str], Path]


def nudged(model: Any) -> None:
    """Another weight in the second of the layers, by a thousandth."""
    kernel = model.get_layer("scores").kernel
    values = kernel.numpy()
    values[3, 1] += 1e-3
    kernel.assign(values)


def failing() -> Any:
    import keras

    class Fails(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch:
                raise ArithmeticError("planted")

    return Fails()


MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": dict,
    "again": dict,
    "seed 1": lambda: {"seed": 1},
    "rate": lambda: {"rate": 0.2},
    "rate, seed 1": lambda: {"rate": 0.2, "seed": 1},
    "wide": lambda: {"units": 16},
    "dropout": lambda: {"dropout": True},
    "data": lambda: {"data": points(seed=4)},
    "nudged": lambda: {"before": nudged},
    "failed": lambda: {"callbacks": (failing(),)},
}
"""The runs, each trained when a test asks for it."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("runs")

    def get(name: str) -> Path:
        path = folder / f"{name}.trace"
        return path if path.exists() else record(path, **MADE[name]())

    return get


def compared(recorded: Recorded, *names: str) -> Comparison:
    return pipetrace.compare(*map(recorded, names))


def causes(made: Comparison) -> list[tuple[str, str | None, str, tuple[Any, ...]]]:
    """What decides, without the options of the test runner's command line."""
    return [
        (each.kind, each.stage, each.name, each.values)
        for each in made.differences
        if each.decides and each.kind != "program"
    ]


CAUSES = {
    "wide": [("layers", "hidden", "units", (8, 16))],
    "dropout": [("layers", "dropout", "stage", (Missing.ABSENT, "Dropout"))],
}


@pytest.mark.parametrize("name", [*CAUSES, "rate", "data", "failed"])
def test_what_was_set_differently_is_the_only_cause_that_is_named(
    recorded: Recorded, name: str
) -> None:
    made = compared(recorded, "plain", name)
    (found,) = causes(made)
    assert (made.verdict, made.exit_code) == ("settings", 1)
    if name in CAUSES:
        assert [found] == CAUSES[name]
    elif name == "rate":
        assert found[:3] == ("optimizer", None, "learning_rate")
        assert np.allclose(found[3], (0.02, 0.2))
    elif name == "data":
        assert found[:3] == ("data", None, "fingerprint")
        assert made.rows is None  # no row is the same in both
    else:
        assert found[2] == "callback Fails"
        assert [run.status for run in made.runs] == ["finished", "failed"]
        assert made.weights.equal is None
        assert {each.first for each in made.courses} == {None}  # the first epoch is equal
    # The other way round the same differs.
    (back,) = causes(compared(recorded, name, "plain"))
    assert back == (*found[:3], found[3][::-1])


def test_the_same_seed_twice_is_the_same_to_the_bit(recorded: Recorded) -> None:
    ours, theirs = read(recorded("plain")), read(recorded("again"))
    assert all(np.array_equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    made = pipetrace.compare(ours, theirs)
    assert (made.verdict, made.exit_code, made.first) == ("same", 0, None)
    assert made.initial_weights.equal
    assert made.weights.equal
    assert made.weights.exact
    assert made.weights.compared == 4
    assert made.rows is not None
    assert not made.rows.changed
    assert pipetrace.compare(ours, ours).verdict == "same"


def test_seeds_are_the_noise(recorded: Recorded) -> None:
    made = compared(recorded, "plain", "seed 1")
    assert made.verdict == "seeds"
    assert causes(made) == []
    assert {run.setting for run in made.runs} == {0}
    assert made.initial_weights.equal is False
    (seed,) = [each for each in made.differences if each.kind == "seed"]
    assert seed.values == (0, 1)


def test_a_difference_of_settings_is_compared_with_the_noise_of_seeds(recorded: Recorded) -> None:
    made = compared(recorded, "plain", "rate", "seed 1", "rate, seed 1")
    assert [run.setting for run in made.runs] == [0, 1, 0, 1]
    assert made.verdict == "settings"
    loss = next(each for each in made.courses if each.name == "val_loss")
    (effect,) = loss.final_effects
    last = [each or math.nan for each in loss.last]
    assert effect.difference == pytest.approx(np.mean(last[1::2]) - np.mean(last[0::2]))
    assert effect.noise == noise(last[0::2], last[1::2])
    assert effect.is_larger == (abs(effect.difference) > effect.noise)  # type: ignore[operator]
    one_each = compared(recorded, "plain", "rate")
    assert {each.noise for course in one_each.courses for each in course.effects} == {None}


def test_one_weight_that_differs_is_found_where_it_is(recorded: Recorded) -> None:
    made = compared(recorded, "plain", "nudged")
    first = made.first
    assert (made.verdict, made.exit_code) == ("diverged", 1)
    assert first is not None
    assert (first.epoch, first.stage, first.what, first.name, first.place) == (
        0,
        "scores",
        "weights",
        "scores/kernel",
        (3, 1),
    )
    assert first.absolute == pytest.approx(1e-3, rel=1e-3)
    assert first.values[1] - first.values[0] == pytest.approx(1e-3, rel=1e-3)
    assert "hidden" in first.upstream
    assert "scores" not in first.upstream
    (weight,) = made.initial_weights.differences
    assert (weight.differing, weight.size) == (1, 24)


def later(trace: Trace) -> Trace:
    """The same run with another validation loss in its second epoch."""

    def change(epoch: Any) -> dict[str, float]:
        more = 0.001 if epoch.number == 2 else 0
        return {**epoch.metrics, "val_loss": epoch.metrics["val_loss"] + more}

    return with_metrics(trace, change)


def test_the_first_difference_is_that_of_the_first_epoch_that_has_one(digits_trace: Trace) -> None:
    made = pipetrace.compare(digits_trace, later(digits_trace))
    assert made.first is not None
    assert (made.first.epoch, made.first.what, made.first.name) == (2, "metric", "val_loss")
    assert made.first.absolute == pytest.approx(0.001)
    assert made.first.equal_epochs == (0, 1)
    (course,) = [each for each in made.courses if each.first]
    assert (course.name, course.first) == ("val_loss", 2)


def test_what_follows_from_another_optimizer_or_loss_is_not_told_apart(digits_trace: Trace) -> None:
    run = digits_trace.run
    (fit,) = run.fits
    rate = fit.training.optimizer_config["learning_rate"]
    sgd = {"learning_rate": rate, "momentum": 0.5, "name": "sgd"}
    training = replace(fit.training, optimizer="SGD", optimizer_config=sgd, losses={"": "mse"})
    other = replace(
        digits_trace, run=replace(run, training=training, fits=(replace(fit, training=training),))
    )
    made = pipetrace.compare(digits_trace, other)
    assert [each[:3] for each in causes(made)] == [
        ("optimizer", None, "optimizer"),
        ("loss", None, "loss"),
    ]
    course = main_course(made)
    assert course is not None
    assert course.name == "val_accuracy"
    without = with_metrics(digits_trace, lambda each: {"loss": each.metrics["loss"]})
    made = pipetrace.compare(without, replace(other, epochs=without.epochs))
    assert main_course(made) is None  # two losses cannot be compared


@pytest.mark.parametrize(
    ("commands", "differ"),
    [
        (("train.py", "train.py --lr=..."), {"--lr": ("not given", "given, value not recorded")}),
        (("train.py --lr ...", "train.py --lr ..."), {}),
        (("train.py --lr ...", "train.py --lr 0.1"), {}),
        (("train.py", "train.py ..."), {"arguments": ("not given", "given, value not recorded")}),
        (("train.py --mode absent", "train.py"), {"--mode": ("absent", "not given")}),
    ],
)
def test_an_argument_whose_value_was_not_recorded_is_said_to_be_given(
    digits_trace: Trace, commands: tuple[str, str], differ: dict[str, tuple[str, str]]
) -> None:
    runs = [replace(digits_trace.run, command=each) for each in commands]
    made = pipetrace.compare(*(replace(digits_trace, run=each) for each in runs))
    found = {
        name_text(each): tuple(cell_text(each, value) for value in each.values)
        for each in made.differences
    }
    assert found == differ
    assert [run.setting for run in made.runs] == ([0, 1] if differ else [0, 0])
    texts = write_text_of(comparison_blocks(made))
    assert all(text in texts for pair in differ.values() for text in pair)


def without_results(trace: Trace) -> Trace:
    found = replace(killed(trace, 0), kept_rows=None, weights_after={})
    return replace(found, measurements=trace.measurements.kept(lambda *_: False))


def test_what_is_not_known_is_not_called_the_same(digits_trace: Trace) -> None:
    empty = without_results(digits_trace)
    made = pipetrace.compare(empty, empty)
    assert (made.verdict, made.exit_code) == ("unknown", 2)
    part = killed(digits_trace, 2)
    made = pipetrace.compare(digits_trace, part)
    assert made.exit_code == 1
    assert made.weights.equal is None
    assert made.first is None
    unseen = replace(part, run=replace(part.run, data=replace(part.run.data, fingerprint="")))
    made = pipetrace.compare(digits_trace, unseen)
    assert "the fingerprint of the rows" in made.unknown
    assert all(each.name != "fingerprint" for each in made.differences)


def test_nan_is_equal_to_nan_and_to_nothing_else(digits_trace: Trace) -> None:
    broken = with_metrics(digits_trace, lambda each: {**each.metrics, "loss": math.nan})
    assert pipetrace.compare(broken, broken).verdict == "same"
    made = pipetrace.compare(digits_trace, broken)
    assert made.first is not None
    assert (made.first.name, made.first.absolute) == ("loss", math.inf)


def test_rows_change_sides_as_the_outputs_say(recorded: Recorded) -> None:
    made = compared(recorded, "plain", "wide")
    kept = [read(recorded(name)).kept_rows for name in ("plain", "wide")]
    right = []
    for each in kept:
        assert each is not None
        found = each.outputs[0].argmax(axis=1) == each.targets[0].reshape(-1)
        places = zip(each.validation.tolist(), each.numbers.tolist(), strict=True)
        right.append(dict(zip(places, found.tolist(), strict=True)))
    changed = {
        place for place in right[0] if right[0][place] != right[1].get(place, right[0][place])
    }
    assert made.rows is not None
    assert changed
    assert {(each.validation, each.number) for each in made.rows.changed} == changed


def test_the_command_says_it_in_each_format_and_by_its_exit_code(
    recorded: Recorded, tmp_path: Path, run: Run
) -> None:
    plain, rate, again = map(recorded, ("plain", "rate", "again"))
    out = tmp_path / "report.json"
    same, told = run("compare", plain, again), run("compare", plain, rate, "--exit-zero", "--plain")
    assert (same.code, told.code) == (0, 0)
    assert max(map(len, (same.out + told.out).splitlines())) <= 88
    assert run("compare", plain, rate, "--format", "json", "-o", out).code == 1
    found = json.loads(out.read_text())
    assert (found["verdict"], found["exit_code"]) == ("settings", 1)
    assert found["headline"].split(".")[0] in " ".join(told.out.split())
    written = run("compare", plain, rate, "--format", "markdown")
    assert (written.code, "learning rate" in written.out) == (1, True)
    other = tmp_path / "no.trace"
    other.write_text("something else")
    ran = run("compare", plain, other)
    assert (ran.code, "[not-a-trace]" in ran.err) == (2, True)
    assert run("compare", plain).code == 2
