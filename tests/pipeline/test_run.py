"""Running steps once: what goes on to the next one, what is measured, and what is refused."""

import functools
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import ArgumentError, CountMismatchError, StepError
from pipetrace.pipeline.kinds import described
from pipetrace.pipeline.run import Passage, run_steps, stages_of
from pipetrace.pipeline.source import Batches, Parts
from pipetrace.trace.document import Spec

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.random.default_rng(1).integers(0, 3, 60)


def kinds(passage: Passage, at: int = 0) -> list[str]:
    return [fact["kind"] for fact in passage.steps[at].detected.facts]


def fact(passage: Passage, kind: str, at: int = 0) -> dict[str, Any]:
    (found,) = [each for each in passage.steps[at].detected.facts if each["kind"] == kind]
    return dict(found)


def named(x: Any) -> Any:
    return x + 1


def shuffled(x: Any, y: Any) -> Any:
    order = np.random.default_rng(1).permutation(len(x))
    return x[order], y[order]


def split(x: Any, y: Any) -> Any:
    x, y = shuffled(x, y)
    held = len(x) // 5
    return {"train": (x[held:], y[held:]), "validation": (x[:held], y[:held])}


def batched(x: Any, y: Any, size: int = 32) -> Any:
    return [(x[at : at + size], y[at : at + size]) for at in range(0, len(x), size)]


# What goes on


def test_a_chain_of_everything_keeps_its_arithmetic() -> None:
    x, y = np.arange(2000.0).reshape(1000, 2), np.arange(1000) % 7
    passage = run_steps(
        (x, y),
        [
            ("Scale", lambda x: x / 4),
            ("Split", split),
            ("One-hot", lambda x, y: (x, np.eye(7)[y])),
            ("Shuffle", shuffled),
            ("Batch", batched),
        ],
    )
    assert passage.train.x.shape == (800, 2)
    assert passage.train.y.shape == (800, 7)
    assert [batch.count for batch in passage.batches] == [32] * 25
    held = passage.validation["validation"]
    assert (held.x.shape, held.y.shape) == ((200, 2), (200, 7))
    # Every row still has its label, wherever it went.
    for rows in (passage.train, held):
        assert np.array_equal(rows.y.argmax(axis=1), (rows.x[:, 0] * 2).astype(int) % 7)
    assert sorted([*passage.train.x[:, 0], *held.x[:, 0]]) == (x[:, 0] / 4).tolist()
    # A row is followed back to the source.
    for row in (0, 8, 699):
        source, scaled, *others = passage.history(row)
        assert np.array_equal(scaled, source / 4)
        assert all(np.array_equal(other, passage.train.x[row]) for other in [scaled, *others])
        assert any(np.array_equal(source, each) for each in x)
    first = passage.origin()
    assert first is not None
    assert np.array_equal(x[first] / 4, passage.train.x[0])


def test_the_history_of_a_row_ends_where_nothing_is_known() -> None:
    passage = run_steps(X, [("Mean", lambda x: x.reshape(20, 3, 4).mean(axis=1))])
    source, mean = passage.history(3)
    assert source is passage.origin() is None
    assert mean.shape == (4,)
    assert run_steps(X, [("Log", np.tanh)]).history(7)[0] is None


def test_without_steps_the_source_is_what_is_trained_on() -> None:
    passage = run_steps((X, Y))
    assert passage.train.x is X
    assert passage.train.y is Y
    assert passage.steps == ()


@pytest.mark.parametrize(
    ("step", "shape"),
    [
        (lambda x, y: (x[:50], y[:50]), (50, 4)),
        (lambda x, y=None: (x[:50], y[:50]), (50, 4)),
        (lambda x, by=2: x * by, (60, 4)),
        (functools.partial(np.multiply, 2), (60, 4)),
        (functools.partial(lambda by, x: x * by, 2), (60, 4)),
        (np.tanh, (60, 4)),
        (lambda *arrays: [each[:50] for each in arrays], (50, 4)),
        (lambda x, y: {"x": x[:5], "y": y[:5]}, (5, 4)),
    ],
)
def test_a_step_gets_the_targets_when_it_declares_them(step: Any, shape: tuple[int, ...]) -> None:
    passage = run_steps((X, Y), [("it", step)])
    assert passage.train.x.shape == shape
    assert len(passage.train.y) == shape[0]


def test_a_step_runs_once_on_all_rows() -> None:
    calls = []

    def note(x: Any) -> Any:
        calls.append(len(x))
        return x

    run_steps(X, [("it", note)])
    assert calls == [60]


def test_a_second_split_splits_the_training_rows_alone() -> None:
    def off(count: int) -> Any:
        return lambda x: (x[count:], x[:count])

    passage = run_steps(X, [("First", off(10)), ("Second", off(5))])
    assert len(passage.train.x) == 45
    assert {name: len(rows.x) for name, rows in passage.validation.items()} == {
        "validation": 10,
        "validation of Second": 5,
    }


@pytest.mark.parametrize(
    "split",
    [
        lambda x, y: {"train": (x[:40], y[:40]), "validation": (x[40:], y[40:])},
        lambda x, y: {"validation": (x[40:], y[40:]), "train": (x[:40], y[:40])},
        lambda x, y: ((x[:40], y[:40]), (x[40:], y[40:])),
        lambda x, y: [(x[:40], y[:40]), (x[40:], y[40:])],
        lambda *arrays: [part for each in arrays for part in (each[:40], each[40:])],
        lambda x, y: (x[:40], y[:40], x[40:], y[40:]),
        lambda x, y: (x[:40], x[40:], y[:40], y[40:]),
    ],
)
def test_a_split_in_any_form(split: Any) -> None:
    passage = run_steps((X, Y), [("it", split)])
    if isinstance(passage.steps[0].result, Batches):
        # A list of pairs is what batches are.
        assert fact(passage, "batches")["size"] == 40
        return
    assert [part["rows"] for part in fact(passage, "split")["parts"]] == [40, 20]
    assert np.array_equal(passage.train.x, X[:40])
    assert np.array_equal(passage.train.y, Y[:40])
    assert np.array_equal(passage.validation["validation"].x, X[40:])
    assert np.array_equal(passage.validation["validation"].y, Y[40:])


def test_a_split_of_rows_without_targets_by_order_and_in_three() -> None:
    passage = run_steps(X, [("it", lambda x: (x[:40], x[40:50], x[50:]))])
    assert isinstance(passage.steps[0].result, Parts)
    assert {name: len(rows.x) for name, rows in passage.validation.items()} == {
        "validation": 10,
        "test": 10,
    }
    halves = run_steps(X, [("it", lambda x: (x[:30], x[30:]))])
    assert len(halves.train.x) == 30
    assert halves.train.y is None


def test_two_arrays_out_of_one_are_rows_and_targets() -> None:
    series = np.random.default_rng(0).permutation(100).astype(float)
    passage = run_steps(
        series, [("it", lambda x: (np.lib.stride_tricks.sliding_window_view(x, 10)[:-1], x[10:]))]
    )
    assert passage.train.x.shape == (90, 10)
    assert passage.train.y.shape == (90,)


def test_batches_are_put_together_again() -> None:
    def batches(x: Any, y: Any) -> Any:
        parts = [slice(at, at + 7) for at in range(0, 60, 7)]
        return [({key: each[at] for key, each in x.items()}, y[at]) for at in parts]

    passage = run_steps(({"a": X, "b": X[:, 0]}, Y), [("it", batches)])
    assert passage.train.x["b"].tolist() == X[:, 0].tolist()
    found = fact(passage, "batches")
    assert (found["batches"], found["rows"], found["size"], found["last"]) == (9, 60, 7, 4)
    assert passage.history(8)[0]["b"] == X[8, 0]
    uneven = run_steps((X, Y), [("it", lambda x, y: [(x[:9], y[:9]), (x[9:], y[9:])])])
    assert "size" not in fact(uneven, "batches")


def test_a_step_that_changes_its_input_changes_nothing_before_it() -> None:
    x = X.copy()

    def in_place(x: Any) -> Any:
        x *= 2
        return x

    passage = run_steps(x, [("it", in_place)])
    assert np.array_equal(x, X)
    assert np.array_equal(passage.train.x, X * 2)
    assert kinds(passage) == ["affine"]
    inner = {"a": x, "b": x[:, 0]}
    run_steps(inner, [("it", lambda x: x["b"].sort() or x)])
    assert np.array_equal(x, X)


def test_inputs_in_a_dictionary_are_measured_each() -> None:
    passage = run_steps(
        {"a": X, "b": X[:, 0]}, [("it", lambda x: {"a": x["a"] * 3, "b": x["b"].astype("float32")})]
    )
    found = {each["of"]: each["kind"] for each in passage.steps[0].detected.facts}
    assert found == {"x[a]": "affine", "x[b]": "cast"}
    assert passage.history(4)[0]["a"].tolist() == X[4].tolist()


# What returns something else


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (lambda x: (row for row in x), "generator"),
        (iter, "other"),
        (lambda x: "text", "other"),
        (lambda x: None, "other"),
        (lambda x: np.float32(1), "other"),
    ],
)
def test_what_is_no_array_is_what_it_is(step: Any, kind: str) -> None:
    passage = run_steps((X, Y), [("it", step)])
    form = described(passage.steps[0].value)
    assert (form.kind, form.shape) == (kind, None)
    assert kinds(passage) == []
    assert stages_of(passage)[-1].outputs == ()


def test_a_generator_is_not_consumed() -> None:
    passage = run_steps(X, [("it", lambda x: (row for row in x))])
    assert len(list(passage.train.x)) == 60


# What is refused


@pytest.mark.parametrize(
    "source",
    [None, 3, "text", (X, Y, Y), (X, None, None), (3, Y), (X, 3), np.zeros((0, 3)), [], {}],
)
def test_sources_that_cannot_be(source: Any) -> None:
    with pytest.raises(ArgumentError):
        run_steps(source)


@pytest.mark.parametrize("source", [(X, Y[:-1]), {"a": X, "b": X[:3]}, ({"a": X, "b": X[:3]}, Y)])
def test_rows_that_do_not_belong_together(source: Any) -> None:
    with pytest.raises(CountMismatchError):
        run_steps(source)


def test_an_error_names_the_step_its_place_and_what_it_received() -> None:
    with pytest.raises(StepError) as caught:
        run_steps((X, Y), [("First", named), ("Second", lambda x, y: x.nothing)])
    assert caught.value.where == "steps[1]"
    assert "'Second' raised AttributeError" in caught.value.what
    assert "an array of shape (60, 4) and type float64" in caught.value.what
    assert "targets: an array of shape (60,) and type int64" in caught.value.what
    assert isinstance(caught.value.__cause__, AttributeError)


def test_an_error_on_the_validation_part_says_so() -> None:
    def at_least_fifty(x: Any) -> Any:
        if len(x) < 45:
            raise ValueError("few")
        return x * 2

    with pytest.raises(StepError, match="part 'validation'"):
        run_steps(X, [("Split", lambda x: (x[12:], x[:12])), ("it", at_least_fifty)])


def test_ctrl_c_goes_through() -> None:
    def stop(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_steps(X, [("it", stop)])


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (lambda x: x[:50], CountMismatchError),
        (lambda x: {"train": x[:50], "test": x[50:]}, ArgumentError),
        (lambda x: [x[at : at + 10] for at in range(0, 60, 10)], ArgumentError),
        (lambda x, y: (x[:0], y[:0]), ArgumentError),
    ],
)
def test_what_cannot_be_trained_on_is_refused(step: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        run_steps((X, Y), [("it", step)])


def test_a_step_that_needs_targets_says_so() -> None:
    with pytest.raises(ArgumentError, match="there are no targets"):
        run_steps(X, [("it", lambda x, y: (x, y))])


def test_the_stages_follow_each_other() -> None:
    passage = run_steps(({"a": X, "b": X[:, 0]}, Y), [("source", lambda x: x["a"]), ("it", named)])
    source, first, last = stages_of(passage)
    assert (source.name, source.kind, first.kind) == ("source_", "source", "step")
    assert source.outputs == (
        Spec((None, 4), "float64", name="a"),
        Spec((None,), "float64", name="b"),
    )
    assert first.inputs[1] == Spec((None,), "float64", "source_", 1, "b")
    assert last.inputs == (Spec((None, 4), "float64", "source"),)
    assert last.config["rows"] == [60, 60]
    assert stages_of(run_steps(X, [("it", lambda x: {"a": x, "b": "text"})]))[-1].outputs == ()
