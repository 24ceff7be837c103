"""Running steps once: what goes on to the next one, what is measured, what is noticed, and what is refused."""

import functools
import random
import warnings
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import ArgumentError, CountMismatchError, StepError
from pipetrace.pipeline.passage import Passage, check_steps, run_steps
from pipetrace.pipeline.results import Batches, Parts, Rows
from pipetrace.pipeline.steps import Batch, OneHot, Shuffle, Split, Window

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.random.default_rng(1).integers(0, 3, 60)


def kinds(passage: Passage, at: int = 0) -> list[str]:
    return [fact["kind"] for fact in passage.steps[at].measured.facts]


def fact(passage: Passage, kind: str, at: int = 0) -> dict[str, Any]:
    (found,) = [each for each in passage.steps[at].measured.facts if each["kind"] == kind]
    return dict(found)


# What goes on


def test_a_chain_of_everything_keeps_its_arithmetic() -> None:
    x, y = np.arange(2000.0).reshape(1000, 2), np.arange(1000) % 7
    passage = run_steps(
        (x, y),
        [
            ("Scale", lambda x: x / 4),
            ("Split", Split(0.2, seed=3)),
            ("One-hot", OneHot(7)),
            ("Shuffle", Shuffle(1)),
            ("Batch", Batch(32)),
        ],
    )
    assert passage.train.x.shape == (800, 2)
    assert passage.train.y.shape == (800, 7)
    assert passage.batch_size == 32
    assert [batch.count for batch in passage.batches] == [32] * 25
    held = passage.held_out["validation"]
    assert (held.x.shape, held.y.shape) == ((200, 2), (200, 7))
    # Every row still has its label, wherever it went.
    for rows in (passage.train, held):
        assert np.array_equal(rows.y.argmax(axis=1), (rows.x[:, 0] * 2).astype(int) % 7)
    assert sorted([*passage.train.x[:, 0], *held.x[:, 0]]) == (x[:, 0] / 4).tolist()
    assert [step.held_out for step in passage.steps] == [False, False, True, False, True]


def test_the_way_of_a_row_is_told_back_to_the_source() -> None:
    x = np.arange(200.0).reshape(100, 2)
    passage = run_steps(
        x,
        [
            ("Scale", lambda x: x * 2),
            ("Shuffle", Shuffle(5)),
            ("Split", Split(0.3)),
            ("Batch", Batch(9)),
        ],
    )
    for row in (0, 8, 69):
        source, scaled, mixed, split, batched = passage.way(row)
        assert np.array_equal(batched, passage.train.x[row])
        assert np.array_equal(scaled, source * 2)
        assert np.array_equal(mixed, split)
        assert np.array_equal(batched, scaled)
        assert any(np.array_equal(source, each) for each in x)


def test_the_way_goes_through_windows_and_is_lost_where_nothing_is_known() -> None:
    source, window = run_steps(np.arange(30.0), [("Window", Window(5, 2))]).way(3)
    assert window.tolist() == [6, 7, 8, 9, 10]
    assert source == 6
    source, mean = run_steps(X, [("Mean", lambda x: x.reshape(20, 3, 4).mean(axis=1))]).way(3)
    assert source is None
    assert mean.shape == (4,)
    assert run_steps(X, [("Log", np.tanh)]).way(7)[0].tolist() == X[7].tolist()


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


class Adder:
    """A callable object, with a method that is one too."""

    def __init__(self, by: float) -> None:
        self.by = by
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return x + self.by

    def twice(self, x: Any) -> Any:
        return self(self(x))


def named(x: Any) -> Any:
    return x + 1


def test_each_kind_of_callable_is_told_as_what_it_is() -> None:
    steps: list[tuple[str, Any]] = [
        ("lambda", lambda x: x / 2),
        ("function", named),
        ("object", Adder(1)),
        ("method", Adder(1).twice),
        ("partial", functools.partial(np.add, 3)),
        ("built in", np.negative),
    ]
    told = [step.action for step in run_steps(X, steps).steps]
    assert told[0] == {"kind": "function", "name": "a lambda", "source": "lambda x: x / 2"}
    assert told[1]["name"] == "named"
    assert (told[2]["kind"], told[2]["class"]) == ("object", "Adder")
    assert told[3]["name"] == "Adder.twice"
    assert (told[4]["name"], told[4]["given"]) == ("add", {"0": 3})
    assert told[5]["name"] == "negative"


def test_two_lambdas_in_a_line_are_not_mixed_up() -> None:
    steps = [("a", lambda x: x + 1), ("b", lambda x: (x * 2, x)[0])]
    told = [step.action.get("source") for step in run_steps(X, steps).steps]
    assert told == ["lambda x: x + 1", "lambda x: (x * 2, x)[0]"]
    k = 3
    closures = [("a", lambda x: x + k), ("b", lambda x: x - k)]
    assert all(step.action["name"] == "a lambda" for step in run_steps(X, closures).steps)
    assert run_steps(X, [("no file", eval("lambda x: x"))]).steps[0].action.get("source") is None


def test_a_step_runs_once_on_the_whole_data_and_is_left_as_it_was() -> None:
    adder = Adder(1)
    run_steps(X, [("it", adder)])
    assert adder.calls == 1


def test_random_numbers_are_put_back() -> None:
    def after(steps: Any) -> tuple[float, float]:
        random.seed(0)
        np.random.seed(0)
        run_steps(X, steps)
        return random.random(), float(np.random.random())

    noise = [("noise", lambda x: x + np.random.normal(size=x.shape) + random.random())]
    measured = after(noise)
    random.seed(0)
    np.random.seed(0)
    noise[0][1](X)
    assert measured == (random.random(), float(np.random.random()))


def test_measuring_neither_prints_nor_warns(capsys: pytest.CaptureFixture[str]) -> None:
    def talks(x: Any) -> Any:
        print("step")
        warnings.warn("mind", stacklevel=1)
        return np.tanh(x)

    with pytest.warns(UserWarning, match="mind") as caught:
        run_steps(X, [("it", talks)])
    assert len(caught) == 1
    assert capsys.readouterr().out == "step\n"


# What is measured


def test_a_row_alone_gives_the_same_or_not() -> None:
    alone = fact(run_steps(X, [("it", np.tanh)]), "alone")
    assert alone["exact"] is True
    assert len(alone["rows"]) == 3
    assert "not alone" in kinds(run_steps(X, [("it", lambda x: np.tanh(x - x.mean(axis=0)))]))
    # By the largest of all values: the rows that hold it would not tell.
    assert "not alone" in kinds(run_steps(np.abs(X), [("it", lambda x: np.sqrt(x / x.max()))]))
    assert "not alone" in kinds(run_steps(X, [("it", lambda x: np.cumsum(x, axis=0))]))


def test_a_matrix_product_is_by_row_to_rounding() -> None:
    wide = np.random.default_rng(2).normal(size=(300, 700)).astype(np.float32)
    matrix = np.random.default_rng(3).normal(size=(700, 20)).astype(np.float32)
    assert "alone" in kinds(run_steps(wide, [("it", lambda x: x @ matrix)]))


def test_noise_is_not_the_same_each_time() -> None:
    noise = np.random.default_rng(9)
    passage = run_steps(X, [("it", lambda x: x + noise.normal(size=x.shape))])
    assert kinds(passage) == ["varies"]
    assert kinds(
        run_steps(X, [("it", lambda x: x + np.random.default_rng(9).normal(size=x.shape))])
    ) == ["not alone"]


def test_a_step_that_needs_many_rows_makes_no_claim() -> None:
    def many(x: Any) -> Any:
        if len(x) < 10:
            raise ValueError("too few")
        return np.sqrt(np.abs(x))

    assert kinds(run_steps(X, [("it", many)])) == []


def test_a_filter_a_sort_and_a_sample() -> None:
    kept = fact(run_steps((X, Y), [("it", lambda x, y: (x[y > 0], y[y > 0]))]), "selected")
    assert (kept["before"], kept["after"], kept["in_order"]) == (60, int((Y > 0).sum()), True)
    order = X[:, 0].argsort()
    mixed = fact(run_steps((X, Y), [("it", lambda x, y: (x[order], y[order]))]), "reordered")
    assert (mixed["moved"], mixed["targets"]) == (
        int((order != np.arange(60)).sum()),
        "moved along",
    )
    drawn = np.random.default_rng(0).integers(0, 60, 90)
    sample = fact(run_steps((X, Y), [("it", lambda x, y: (x[drawn], y[drawn]))]), "repeated")
    assert (sample["after"], sample["distinct"]) == (90, len(set(drawn.tolist())))
    assert sample["most"] == np.bincount(drawn).max()


def test_rows_that_occur_twice_are_counted_twice() -> None:
    twice = np.array([[1, 2], [3, 4], [1, 2], [5, 6]])
    assert kinds(run_steps(twice, [("it", lambda x: x[::-1])])) == ["reordered"]
    assert kinds(run_steps(twice, [("it", lambda x: x[[0, 2, 1]])])) == ["selected"]
    assert kinds(run_steps(twice, [("it", lambda x: x[[0, 2, 0]])])) == ["repeated"]


def test_rows_that_occur_twice_each_keep_their_own_place() -> None:
    # Alike rows are taken in turn, so that the way back of two of them leads to two.
    twice = np.array([[1.0, 2], [3, 4], [1, 2], [5, 6]])
    origin = run_steps(twice, [("it", lambda x: x[[2, 0, 3, 1]])]).steps[0].measured.origin
    assert origin is not None
    assert sorted(origin.tolist()) == [0, 1, 2, 3]


def test_a_second_split_splits_the_training_rows_alone() -> None:
    passage = run_steps(X, [("First", Split(10)), ("Second", Split(5, seed=1))])
    assert len(passage.train.x) == 45
    assert {name: len(rows.x) for name, rows in passage.held_out.items()} == {
        "validation": 10,
        "validation of Second": 5,
    }


def test_targets_that_were_left_behind_are_seen() -> None:
    left = fact(run_steps((X, Y), [("it", lambda x: x[::-1])]), "reordered")
    assert left["targets"] == "left behind"


def test_one_changed_value_is_no_reordering() -> None:
    def nearly(x: Any) -> Any:
        x = x[::-1].copy()
        x[0, 0] += 1e-12
        return x

    assert not {"reordered", "selected", "repeated"} & set(kinds(run_steps(X, [("it", nearly)])))


def test_nan_is_a_value_like_another_among_rows() -> None:
    gaps = X.copy()
    gaps[5, 1] = np.nan
    assert fact(run_steps(gaps, [("it", lambda x: x[::-1])]), "reordered")["after"] == 60
    dropped = run_steps(gaps, [("it", lambda x: x[~np.isnan(x).any(axis=1)])])
    assert fact(dropped, "selected")["after"] == 59
    assert kinds(run_steps(gaps, [("it", lambda x: x)]))[0] == "unchanged"


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
        # A list of pairs in order, the last one smaller, is what batches are.
        assert passage.batch_size == 40
        return
    assert [part["rows"] for part in fact(passage, "split")["parts"]] == [40, 20]
    assert np.array_equal(passage.train.x, X[:40])
    assert np.array_equal(passage.train.y, Y[:40])
    assert np.array_equal(passage.held_out["validation"].x, X[40:])
    assert np.array_equal(passage.held_out["validation"].y, Y[40:])


def test_a_split_of_rows_without_targets_by_order_and_in_three() -> None:
    passage = run_steps(X, [("it", lambda x: (x[:40], x[40:50], x[50:]))])
    assert isinstance(passage.steps[0].result, Parts)
    assert {name: len(rows.x) for name, rows in passage.held_out.items()} == {
        "validation": 10,
        "test": 10,
    }
    halves = run_steps(X, [("it", lambda x: (x[:30], x[30:]))])
    assert len(halves.train.x) == 30
    assert halves.train.y is None


def test_a_leak_between_the_parts_is_counted() -> None:
    leaky = fact(run_steps(X, [("it", lambda x: {"train": x[:50], "test": x[45:]})]), "split")
    assert (leaky["shared"], leaky["alike"], leaky["left_out"]) == (5, 5, 0)
    short = fact(run_steps(X, [("it", lambda x: {"train": x[:50], "test": x[55:]})]), "split")
    assert (short["shared"], short["left_out"]) == (0, 5)


def test_two_arrays_out_of_one_are_rows_and_targets() -> None:
    series = np.random.default_rng(0).permutation(100).astype(float)
    passage = run_steps(
        series, [("it", lambda x: (np.lib.stride_tricks.sliding_window_view(x, 10)[:-1], x[10:]))]
    )
    assert passage.train.x.shape == (90, 10)
    assert passage.train.y.shape == (90,)
    target = fact(passage, "targets")
    assert (target["from"], target["ahead"]) == ("x", 1)
    assert fact(passage, "windows")["windows"] == 90


def test_batches_of_several_inputs_are_put_together_again() -> None:
    passage = run_steps(({"a": X, "b": X[:, 0]}, Y), [("it", Batch(16))])
    assert passage.train.x["b"].tolist() == X[:, 0].tolist()
    assert fact(passage, "batches")["in_order"]
    assert run_steps(((X, X[:, 0]), Y), [("it", Batch(16))]).train.x[1].tolist() == X[:, 0].tolist()


def test_batches_that_a_step_makes_itself() -> None:
    def batches(x: Any, y: Any) -> Any:
        return [(x[at : at + 7], y[at : at + 7]) for at in range(0, len(x), 7)]

    passage = run_steps((X, Y), [("it", batches)])
    batched = fact(passage, "batches")
    assert (batched["size"], batched["full"], batched["rest"]) == (7, 8, 4)
    uneven = run_steps(
        (X, Y),
        [
            (
                "it",
                lambda x, y: [(x[:9], y[:9]), (x[9:10], y[9:10]), (x[10:], y[10:]), (x[:4], y[:4])],
            )
        ],
    )
    assert passage.batch_size == 7
    assert uneven.batch_size is None
    assert fact(uneven, "batches")["repeated"] == 4


def test_a_step_that_changes_its_input_changes_nothing_before_it() -> None:
    x = X.copy()

    def in_place(x: Any) -> Any:
        x *= 2
        return x

    passage = run_steps(x, [("it", in_place)])
    assert np.array_equal(x, X)
    assert np.array_equal(passage.train.x, X * 2)
    assert kinds(passage) == ["affine", "in place", "alone"]
    assert "in place" not in kinds(run_steps(x, [("it", lambda x: x * 2)]))
    inner = {"a": x, "b": x[:, 0]}
    assert "in place" in kinds(run_steps(inner, [("it", lambda x: x["b"].sort() or x)]))
    assert np.array_equal(x, X)


def test_inputs_in_a_dictionary_are_measured_each() -> None:
    passage = run_steps(
        {"a": X, "b": X[:, 0]}, [("it", lambda x: {"a": x["a"] * 3, "b": x["b"].astype("float32")})]
    )
    found = {each["of"]: each["kind"] for each in passage.steps[0].measured.facts}
    assert found == {"x[a]": "affine", "x[b]": "cast", "x": "alone"}
    assert passage.way(4)[0]["a"].tolist() == X[4].tolist()


# What returns something else


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (lambda x: (row for row in x), "generator"),
        (iter, "iterator"),
        (lambda x: "text", "text"),
        (lambda x: None, "nothing"),
        (lambda x: 3, "scalar"),
        (lambda x: object(), "other"),
        (lambda x: np.float32(1), "scalar"),
    ],
)
def test_what_is_no_array_is_what_it_is(step: Any, kind: str) -> None:
    passage = run_steps((X, Y), [("it", step)])
    assert passage.steps[0].forms[1].kind == kind
    assert passage.steps[0].forms[1].shape is None
    assert kinds(passage) == []


def test_a_generator_is_not_consumed() -> None:
    passage = run_steps(X, [("it", lambda x: (row for row in x))])
    assert len(list(passage.train.x)) == 60


# What is refused


@pytest.mark.parametrize(
    "steps",
    [
        3,
        [("a",)],
        [("", named)],
        [(1, named)],
        [("a", named), ("a", named)],
        [("a", 5)],
        [("a", "b")],
        [("a", None)],
        ["ab", 3],
    ],
)
def test_steps_that_cannot_be(steps: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_steps(steps)
    assert str(caught.value.where).startswith("steps")


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


def test_an_error_on_a_held_out_part_says_so() -> None:
    def at_least_fifty(x: Any) -> Any:
        if len(x) < 45:
            raise ValueError("few")
        return x * 2

    with pytest.raises(StepError, match="held-out part 'validation'"):
        run_steps(X, [("Split", Split(0.2)), ("it", at_least_fifty)])


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


def test_a_row_is_told_from_its_targets() -> None:
    assert Rows(X, Y).count == 60
    assert Rows(X, Y[:3]).count is None
