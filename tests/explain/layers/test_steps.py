"""The words for a pipeline's source and steps: made from the stored facts, after a journey through JSON, numbers checked."""

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pipetrace.explain.layers import Operation, operation
from pipetrace.pipeline.passage import run_steps
from pipetrace.pipeline.stage_facts import stages_of
from pipetrace.pipeline.steps import Batch, OneHot, Shuffle, Split, Window
from pipetrace.trace.document import SOURCE, STEP, Spec, Stage
from pipetrace.trace.schema import encode_json

X = np.random.default_rng(0).integers(0, 256, (1000, 28), dtype=np.uint8)
Y = np.arange(1000) % 10
REAL = np.random.default_rng(1).normal(size=(1000, 3)) * [1, 5, 9] + 4


def stages(source: Any, *steps: Any) -> tuple[Stage, ...]:
    """As a trace gives them back."""
    made = stages_of(
        run_steps(source, [(f"Step {at}", step) for at, step in enumerate(steps)]), Stage, Spec
    )
    return tuple(replace(stage, config=json.loads(encode_json(stage.config))) for stage in made)


def words(source: Any, *steps: Any) -> Operation:
    return operation(stages(source, *steps)[-1])


def shifted(by: float, x: Any) -> Any:
    return x + by


@pytest.mark.parametrize(
    ("step", "does"),
    [
        (lambda x: x / 255, "Divides every value by 255, measured on all 28,000 values."),
        (
            lambda x: x / 127.5 - 1,
            "Divides every value by 127.5 and subtracts 1, measured on all 28,000 values.",
        ),
        (
            lambda x: x * 2.5 + 1,
            "Multiplies every value by 2.5 and adds 1, measured on all 28,000 values.",
        ),
        (
            functools.partial(shifted, 3.5),
            "Adds 3.5 to every value, measured on all 28,000 values.",
        ),
        (lambda x: x - 3.5, "Subtracts 3.5 from every value, measured on all 28,000 values."),
        (lambda x: x * 0.0 + 4, "Sets every value to 4, measured on all 28,000 values."),
        (lambda x: x.astype("float32"), "Turns uint8 into float32; no value changes."),
        (lambda x: x.reshape(1000, 4, 7), "Lays the same values out in another shape."),
        (
            lambda x: x.reshape(1000, 4, 7) / 255,
            "Changes the shape, with the values in their order. Divides every value by",
        ),
        (lambda x: x, "Changes nothing: every value is as before."),
        (
            lambda x: x[::-1],
            "Gives the same 1,000 rows in another order. The targets stayed where they were",
        ),
        (Shuffle(3), "Shuffles: the same 1,000 rows in another order."),
        (lambda x, y: (x[:900], y[:900]), "Keeps 900 of 1,000 rows, in their order."),
        (
            lambda x, y: (np.tile(x, (2, 1)), np.tile(y, 2)),
            "Takes rows more than once: 2,000 rows out of 1,000, 1,000 different",
        ),
        (Split(0.2), "800 rows for training, 200 for validation."),
        (Split(0.2, 0.1), "700 rows for training, 200 for validation, 100 for test."),
        (
            lambda x, y: {"train": (x[:700], y[:700]), "val": (x[800:], y[800:])},
            "700 rows for training, 200 for validation; 100 rows in no part.",
        ),
        (
            lambda x, y: {"train": (x[:900], y[:900]), "test": (x[850:], y[850:])},
            "900 rows for training, 150 for test. 50 rows more than there are: parts share rows. 50 held-out rows are also",
        ),
        (Batch(32), "1,000 rows in batches of 32: 31 full ones and one of 8."),
        (
            Batch(32, drop_remainder=True),
            "992 rows in batches of 32: 31 full ones; 8 rows left out.",
        ),
        (Batch(1000), "1,000 rows in batches of 1,000: 1 full one."),
        (
            OneHot(10),
            "One-hot of the targets: 10 columns, a single 1 in each row; the column is the number itself.",
        ),
        (
            Window(11),
            "Windows of 11 rows: 1,000 rows become 990. The target of a window is that of its last row.",
        ),
        (
            Window(11, 5),
            "Windows of 11 rows, each 5 rows further on: 1,000 rows become 198; the last 4 rows in none.",
        ),
        (
            np.sqrt,
            "Calls the function sqrt. What it does to the values fits no rule that was looked for.",
        ),
    ],
)
def test_the_sentence_of_a_step(step: Any, does: str) -> None:
    assert words(
        (X, np.random.default_rng(0).permutation(1000) if isinstance(step, Window) else Y), step
    ).does.startswith(does)


def test_what_else_was_noticed() -> None:
    def in_place(x: Any) -> Any:
        x *= 2
        return x

    assert "3 rows given alone came out the same." in words(REAL, np.tanh).does
    assert "given alone becomes something else" in words(REAL, lambda x: np.tanh(x - x.mean())).does
    assert "It changes what it receives in place" in words(REAL, in_place).does
    noise = np.random.default_rng(0)
    assert "something else each time" in words(REAL, lambda x: x + noise.normal(size=x.shape)).does
    assert (
        "held-out rows passed this step by themselves"
        in words(REAL, Split(0.5), lambda x: x - x.mean(axis=0)).does
    )
    assert "As written: lambda x: x / 4" in words(REAL, lambda x: x / 4).does


def test_standardising_and_squeezing_are_told_by_what_came_out() -> None:
    standard = words(REAL, lambda x: (x - x.mean(axis=0)) / x.std(axis=0)).does
    assert standard.startswith(
        "Scales each of 3 columns by a factor and a constant of its own, measured on all 3,000 values."
    )
    assert "Each column then has mean 0 and standard deviation 1" in standard
    low, high = REAL.min(axis=0), REAL.max(axis=0)
    assert "reaches from 0 to 1" in words(REAL, lambda x: (x - low) / (high - low)).does
    off = words(REAL, lambda x: (x - x.mean(axis=0)) / x.std(axis=0) * 1.01).does
    assert "mean 0" not in off


class StandardScaler:
    __module__ = "sklearn.preprocessing._data"

    def __init__(self) -> None:
        self.mean_, self.scale_ = REAL.mean(axis=0), REAL.std(axis=0)

    def fit(self, x: Any) -> None: ...

    def transform(self, x: Any) -> Any:
        return (x - self.mean_) / self.scale_


def test_a_transformer_is_named_with_its_library() -> None:
    assert words(REAL, StandardScaler()).does.startswith(
        "StandardScaler of scikit-learn: scales each of 3 columns by"
    )


@pytest.mark.parametrize(
    ("step", "shape"),
    [
        (lambda x: x / 255, "The shape stays."),
        (lambda x: x.reshape(1000, 4, 7), "A row of 28 becomes 4 x 7."),
        (Window(11), "1,000 rows become 990. A row of 28 becomes 11 x 28."),
        (Split(0.2), "The 800 rows for training go on. The shape of a row stays."),
        (Batch(32), "The shape stays."),
        (lambda x: (row for row in x), "Gives a generator made by test_the_rows_and_shapes"),
        (lambda x: "text", "Gives a text."),
        (lambda x: None, "Gives nothing (None)."),
        (lambda x: [str(each) for each in x[:, 0]], "Gives a list of 1,000 texts."),
        (
            lambda x: {"a": x, "b": x[:, 0]},
            "Gives a dictionary of a (1,000 rows of 28, uint8) and b (1,000 rows, uint8).",
        ),
        (lambda x: object(), "Gives an object of class object."),
        (lambda x: x[:, 0].sum(), "Gives a single uint64."),
    ],
)
def test_the_rows_and_shapes(step: Any, shape: str) -> None:
    told = words(X, step).shape or ""
    assert told.startswith(shape) or (
        told.replace("<lambda>.<locals>.", "").startswith("Gives a generator made by")
        and "generator" in shape
    )


def test_what_is_no_array_has_no_spec() -> None:
    *_, made, after = stages(X, lambda x: (row for row in x), lambda rows: next(iter(rows)))
    assert made.outputs == ()
    assert after.inputs == ()
    assert made.config["form"]["kind"] == "generator"
    assert operation(made).shape


def test_a_part_that_is_no_array_leaves_the_whole_without_a_spec() -> None:
    made = stages(X, lambda x: {"a": x, "b": "text"})[-1]
    assert made.outputs == ()
    assert [part["kind"] for part in made.config["form"]["parts"]] == ["array", "text"]


def test_the_source_is_told_by_its_rows() -> None:
    (source,) = stages((X, Y))
    assert (source.kind, source.name) == (SOURCE, "source")
    assert source.outputs == source.inputs == (Spec((None, 28), "uint8"),)
    assert operation(source).does.endswith(
        "1,000 rows of 28, uint8. With targets: 1,000 rows, int64."
    )
    assert stages_of(run_steps(X, [("source", np.tanh)]), Stage, Spec)[0].name == "source_"


def test_each_stage_names_the_one_before() -> None:
    source, scaled, batched = stages((X, Y), lambda x: x / 255, Batch(32))
    assert scaled.inputs == (Spec((None, 28), "uint8", "source"),)
    assert batched.inputs == (Spec((None, 28), "float64", "Step 0"),)
    assert batched.outputs == (Spec((None, 28), "float64"),)
    assert {source.kind, scaled.kind} == {SOURCE, STEP}


@settings(deadline=None)
@given(rows=st.integers(2, 200), size=st.integers(1, 60))
def test_the_numbers_of_batches_add_up(rows: int, size: int) -> None:
    told = words(np.arange(rows) * 1.5, Batch(size)).does
    numbers = [
        int(each) for each in told.replace(".", "").replace(":", "").split() if each.isdigit()
    ]
    if size <= rows:
        assert numbers[:2] == [rows, size]
        assert numbers[2] * size + (numbers[3] if len(numbers) > 3 else 0) == rows


@pytest.mark.parametrize(
    "spoil",
    [
        lambda config: {**config, "facts": 3},
        lambda config: {**config, "facts": [{"kind": "affine"}]},
        lambda config: {**config, "facts": [{}]},
        lambda config: {**config, "step": {}},
        lambda config: {**config, "rows": None},
        lambda config: {**config, "goes_on": {"shape": "x"}},
        lambda config: {
            **config,
            "facts": [{"kind": "split", "parts": [{"rows": "many", "name": 3}]}],
        },
        lambda config: {"facts": []},
        lambda config: {"dataset": {}},
        lambda config: {"dataset": 5, "from": [1]},
    ],
)
def test_a_strangers_trace_gets_plain_words(spoil: Callable[[Any], Any]) -> None:
    source, step = stages((X, Y), lambda x: x / 255)
    told = operation(replace(step, config=spoil(step.config)))
    assert told.does
    assert operation(replace(source, config={"form": {}, "dataset": 1}, outputs=())).does
    assert operation(replace(source, config={"form": 3})).does


# tf.data


def dataset(
    operation_: str,
    batched: int = 0,
    cardinality: int | None = 100,
    before: int | None = 100,
    **settings: Any,
) -> str:
    told = {
        "operation": operation_,
        "class": "OddDataset",
        "settings": settings,
        "batched": batched,
        "infinite": False,
        "cardinality": cardinality,
        "elements": [{"key": "", "shape": [None, 2], "dtype": "float32", "type": "TensorSpec"}],
    }
    stage = Stage(
        "it",
        STEP,
        None,
        "it",
        {"dataset": told, "from": [{"stage": "before", "cardinality": before}]},
        (),
        (),
    )
    return operation(stage).does


@pytest.mark.parametrize(
    ("told", "does"),
    [
        (
            dataset("batch", 1, before=1000, batch_size=32, drop_remainder=False),
            "Puts 32 elements together into a batch: 1,000 elements are 31 full ones and one of 8.",
        ),
        (
            dataset("batch", 1, before=1000, batch_size=32, drop_remainder=True),
            "Puts 32 elements together into a batch, and leaves out a rest that is fewer: 1,000 elements are 31 full ones, and 8 left out.",
        ),
        (
            dataset("batch", 1, before=None, batch_size=32),
            "Puts 32 elements together into a batch.",
        ),
        (
            dataset("shuffle", before=1000, buffer_size=50, reshuffle=True),
            "Shuffles within a buffer of 50 elements, anew in each epoch; of 1,000 elements each can only move so far forward.",
        ),
        (dataset("shuffle", before=40, buffer_size=50), "Shuffles within a buffer of 50 elements."),
        (
            dataset("map", parallel_calls=-1, function="augment"),
            "Applies the function augment to each element, as many at a time as TensorFlow finds good.",
        ),
        (dataset("map", 1, function="a lambda"), "Applies a lambda to each batch."),
        (
            dataset("prefetch", 1, buffer_size=2),
            "Prepares up to 2 batches ahead while the model works.",
        ),
        (dataset("repeat", count=-1), "Repeats without end."),
        (dataset("repeat", count=3), "Goes through everything 3 times."),
        (dataset("Odd"), "A stage of class OddDataset, of which no more is known."),
    ],
)
def test_the_sentence_of_a_dataset_stage(told: str, does: str) -> None:
    assert told == does


@pytest.mark.framework
def test_a_real_dataset_is_told_stage_by_stage() -> None:
    tf = pytest.importorskip("tensorflow")
    data = (
        tf.data.Dataset.from_tensor_slices((X, Y))
        .shuffle(100)
        .map(lambda x, y: (x / 255, y))
        .batch(32)
        .prefetch(2)
    )
    told = [operation(stage) for stage in stages(data)]
    assert (
        told[0].shape
        == "Each element: 28 uint8 and a single value int64. It tells of 1,000 elements."
    )
    assert (
        told[3].does
        == "Puts 32 elements together into a batch: 1,000 elements are 31 full ones and one of 8."
    )
    assert told[4].shape == "Each batch: ? x 28 float32 and ? int64. It tells of 32 batches."
