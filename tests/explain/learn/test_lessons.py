"""The ways to learn: what is told is of this run, and every answer is computed again, by Keras where code is asked for."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.tasks import KINDS

from pipetrace.errors import ArgumentError
from pipetrace.explain.balance import chance_words
from pipetrace.explain.learn.lesson import BLANK, Exercise, Lesson, Place
from pipetrace.explain.learn.modes import MODES, lesson, lessons
from pipetrace.present.lessons import matches, slip
from pipetrace.stats.outcomes import predicted_labels
from pipetrace.trace import Trace

PLACES = {"top", "flow", "results", "training-title"}


@pytest.fixture(params=["digits", *KINDS], ids=lambda name: str(name).replace(" ", "-"))
def run(request: pytest.FixtureRequest, digits_trace: Trace) -> Trace:
    return digits_trace if request.param == "digits" else KINDS[request.param]()


def places(made: Lesson) -> Iterator[Place]:
    holders: tuple[Any, ...] = (made.parts, made.steps, made.exercises, made.problems, made.cards)
    yield from (each.place for held in holders for each in held if each.place is not None)


def check_place(trace: Trace, place: Place) -> None:
    """The address names a stage that there is and a position within its output."""
    if place.address in PLACES:
        return
    asked = dict(part.split("=") for part in place.address.split("&"))
    assert set(asked) <= {"stage", "at", "epoch", "row"}
    if "epoch" in asked:
        assert int(asked["epoch"]) in {each.number for each in trace.epochs}
    if "row" in asked:
        assert int(asked["row"]) in {
            trace.run.data.example_row,
            *(each.row for each in trace.predictions),
        }
    if "at" in asked:
        example = trace.stages[asked["stage"]].example
        assert example is not None
        at = [int(each) for each in asked["at"].split(".")]
        assert len(at) == example.ndim
        assert all(0 <= each < length for each, length in zip(at, example.shape, strict=True))
    elif "stage" in asked:
        assert asked["stage"] in trace.stages.by_name


def test_every_way_has_something_or_says_why_not(run: Trace) -> None:
    made = lessons(run, "student-1")
    assert [each.mode for each in made] == list(MODES)
    for each in made:
        filled = [each.parts, each.steps, each.exercises, each.problems, each.cards]
        assert each.absent or any(filled) or each.mode == "visualize", each.mode
        for place in places(each):
            check_place(run, place)
        words = repr_of(each)
        assert not re.search(r"\bnan\b|\binf\b|\de[+-]\d", words), words
    assert made == lessons(run, "student-1")


def repr_of(made: Any) -> str:
    """All texts of a lesson."""
    if isinstance(made, str):
        return made
    if isinstance(made, tuple):
        return " ".join(map(repr_of, made))
    if hasattr(made, "__dataclass_fields__"):
        return " ".join(repr_of(getattr(made, name)) for name in made.__dataclass_fields__)
    return ""


def test_another_seed_gives_other_tasks(digits_trace: Trace) -> None:
    for mode in ("try", "challenge", "review"):
        made = {repr(repr_of(lesson(digits_trace, mode, f"student-{at}"))) for at in range(8)}
        assert len(made) >= 6, mode


def test_an_unknown_way_is_refused(digits_trace: Trace) -> None:
    with pytest.raises(ArgumentError, match="mode"):
        lesson(digits_trace, "sleep")


@pytest.mark.framework
def test_the_tasks_are_solved_by_keras(run: Trace) -> None:
    kinds = 0
    for seed in range(6):
        made = lesson(run, "try", seed)
        if made.absent:
            continue
        assert [each.level for each in made.exercises] == sorted(
            (each.level for each in made.exercises), key=["easy", "medium", "hard"].index
        )
        for exercise in made.exercises:
            assert exercise.code.count(BLANK) == len(exercise.blanks)
            for blank in exercise.blanks:
                assert matches(blank, blank.answer)
                assert not any(matches(blank, each.answer) for each in blank.slips)
                assert all(slip(blank, each.answer) == each.remark for each in blank.slips)
            kinds += solved(exercise)
    assert kinds or lesson(run, "try").absent or not lesson(run, "try").exercises


def solved(exercise: Exercise) -> bool:
    """Fill the blanks in, run what is a layer, and compare; whether there was something to run."""
    import keras

    code = exercise.code
    for blank in exercise.blanks:
        code = code.replace(BLANK, blank.answer, 1)
    call = re.search(r"layers\.\w+\(.*?\)(?=\(x\)|\s*$)", code, re.M)
    taken = re.match(r"x\.shape  # \(None, ([\d, ]*?)\)", code)
    if call is None or "Error" in code:
        return False
    layer = eval(call[0], {"layers": keras.layers})
    if taken is None:
        return True
    shape = (None, *(int(each) for each in taken[1].rstrip(",").split(",")))
    layer.build(shape)
    given = re.findall(r"shape  # \(None, ([\d, ]*?)\)", code)[1:]
    if given:
        wanted = tuple(int(each) for each in given[0].rstrip(",").split(","))
        assert layer.compute_output_shape(shape)[1:] == wanted, code
    counted = re.search(r"count_params\(\)  # (\d+)", code)
    if counted:
        assert layer.count_params() == int(counted[1]), code
    return True


@pytest.mark.framework
def test_the_error_is_the_one_that_keras_raises(digits_trace: Trace) -> None:
    """Nine units for ten classes: the message in the task is that of the training."""
    import keras
    import tensorflow as tf

    asked = [
        each
        for seed in range(9)
        for each in lesson(digits_trace, "try", seed).exercises
        if "Error" in each.code
    ]
    assert asked
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(9, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", jit_compile=False)
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        model.fit(np.ones((8, 4), np.float32), np.full(8, 9), verbose=0)
    told = re.search(r"Received a label value of .*?\)", asked[0].code)
    assert told
    assert told[0].rstrip(".") in str(raised.value)


@pytest.mark.framework
def test_the_error_of_a_binary_model_is_raised_and_one_of_several_outputs_is_not_asked() -> None:
    import keras

    asked = [each for each in lesson(KINDS["binary"](), "try").exercises if "Error" in each.code]
    rows = keras.Input((4,))
    for outputs in ([keras.layers.Dense(2)], [keras.layers.Dense(2), keras.layers.Dense(1)]):
        model = keras.Model(rows, [layer(rows) for layer in outputs])
        model.compile(loss=["binary_crossentropy"] * len(outputs))
        with pytest.raises(ValueError, match="must have the same shape") as raised:
            model.fit(np.ones((8, 4)), [np.ones((8, 1))] * len(outputs), verbose=0)
        words = re.findall(r"target.shape=[^)]*1\), output.shape=[^)]*2\)", str(raised.value))
        for each in asked:
            assert words
            assert words[0].replace("8", "None") in each.code
    # Which of several outputs an error is about is not known from the run: it is not asked.
    several = [lesson(KINDS["several"](), "try", seed).exercises for seed in range(9)]
    assert not any("Error" in each.code for made in several for each in made)


def test_a_value_of_the_convolution_is_the_recorded_one(digits_trace: Trace) -> None:
    found = [
        each
        for seed in range(9)
        for each in lesson(digits_trace, "try", seed).exercises
        if "Conv2D" in each.text and each.place and "at=" in each.place.address
    ]
    assert found
    for each in found:
        assert each.place is not None
        at = tuple(int(part) for part in each.place.address.partition("at=")[2].split("."))
        values = digits_trace.predictions[0].outputs["conv2d"]  # the row that the page opens with
        assert matches(each.blanks[0], str(float(values[at])))


def test_the_matrix_has_the_kept_rows(digits_trace: Trace) -> None:
    made, rows = lesson(digits_trace, "metrics"), digits_trace.kept_rows
    assert made.cells is not None
    assert rows is not None
    table = np.zeros((10, 10), int)
    said = predicted_labels(rows.outputs[0][rows.validation])
    for true, predicted in zip(rows.targets[0][rows.validation].reshape(-1), said, strict=True):
        table[int(true), predicted] += 1
    assert np.array_equal(made.cells.counts, table)
    told = " ".join(made.parts[0].texts)
    assert chance_words(digits_trace) in told
    assert f"{table.trace()} of {table.sum()} rows are right" in told
    by_class = next(each.table for each in made.parts if each.heading.startswith("Precision"))
    assert by_class is not None
    for name, precision, recall, f1 in by_class.rows:
        at = int(name)
        right, predicted, there = table[at, at], table[:, at].sum(), table[at].sum()
        assert precision.startswith(f"{right} / {predicted} = ")
        assert recall.startswith(f"{right} / {there} = ")
        assert float(f1) == pytest.approx(2 * right / (predicted + there), abs=5e-4)


@pytest.mark.parametrize("name", ["binary", "multilabel"])
def test_a_threshold_divides_the_rows(name: str) -> None:
    trace = KINDS[name]()
    made = lesson(trace, "metrics")
    assert made.curve is not None
    totals = {sum(counts) for counts in made.curve.counts}
    assert len(totals) == 1
    found = [right + extra for right, extra, _, _ in made.curve.counts]
    assert found == sorted(found, reverse=True)


def test_r2_is_what_it_is() -> None:
    trace = KINDS["regression"]()
    made = lesson(trace, "metrics")
    assert made.pairs is not None
    true, given = np.array(made.pairs.pairs).T
    said = re.search(r"R2 = 1 - .* = (-?[\d.]+)[: ]", " ".join(made.parts[0].texts))
    assert said
    r2 = 1 - ((true - given) ** 2).mean() / ((true - true.mean()) ** 2).mean()
    assert math.isclose(float(said[1]), r2, abs_tol=0.01)
