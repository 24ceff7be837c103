"""The words for a pipeline's source and steps, made from the facts as a trace gives them back."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipetrace.explain.layers import Operation, operation
from pipetrace.explain.layers.datasets import WORDS
from pipetrace.pipeline.run import run_steps, stages_of
from pipetrace.trace.codec import encode_json
from pipetrace.trace.document import STEP, Stage

X = np.random.default_rng(0).integers(0, 256, (1000, 28), dtype=np.uint8)
Y = np.arange(1000) % 10
REAL = np.random.default_rng(1).normal(size=(1000, 3)) * [1, 5, 9] + 4
LOW, HIGH = REAL.min(axis=0), REAL.max(axis=0)


def stages(source: Any, *steps: Any) -> tuple[Stage, ...]:
    """As a trace gives them back."""
    made = stages_of(run_steps(source, [(f"Step {at}", step) for at, step in enumerate(steps)]))
    return tuple(replace(stage, config=json.loads(encode_json(stage.config))) for stage in made)


def words(source: Any, *steps: Any) -> Operation:
    return operation(stages(source, *steps)[-1])


class StandardScaler:
    __module__ = "sklearn.preprocessing._data"

    def __init__(self) -> None:
        self.mean_, self.scale_ = REAL.mean(axis=0), REAL.std(axis=0)

    def fit(self, x: Any) -> None: ...

    def transform(self, x: Any) -> Any:
        return (x - self.mean_) / self.scale_


STEPS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    # a step, and what has to stand in its operation and its shape
    (lambda x: x / 255, "Divides every value by 255", ("28,000", "The shape stays")),
    (lambda x: x / 127.5 - 1, "Divides every value by 127.5 and subtracts 1", ()),
    (lambda x: x * 2.5 + 1, "Multiplies every value by 2.5 and adds 1", ()),
    (lambda x: x - 3.5, "Subtracts 3.5 from every value", ()),
    (lambda x: x * 0.0 + 4, "Sets every value to 4", ()),
    (lambda x: x.astype("float32"), "Converts uint8 to float32; no value changes", ()),
    (lambda x: x.reshape(1000, 4, 7), "Changes the shape", ("28 becomes 4 x 7",)),
    (lambda x: x.reshape(1000, 4, 7) / 255, "Changes the shape", ("Divides every value by",)),
    (lambda x: x, "Changes no value", ()),
    (lambda x, y: (x[:900], y[:900]), "Keeps 900 of 1,000 rows", ("1,000 rows become 900",)),
    (lambda x, y: (x[::-1], y[::-1]), "Gives the same 1,000 rows in another order", ()),
    (
        lambda x, y: (x[[0, 0, 1]], y[[0, 0, 1]]),
        "Repeats rows: 3 rows out of 1,000",
        ("1,000 rows become 3",),
    ),
    (
        lambda x, y: {"train": (x[:700], y[:700]), "val": (x[800:], y[800:])},
        "700 rows for training, 200 rows for validation; 100 rows in no part",
        ("The 700 rows for training go on",),
    ),
    (
        lambda x, y: [(x[at : at + 32], y[at : at + 32]) for at in range(0, 1000, 32)],
        "Puts 1,000 rows into 32 batches of 32, the last one of 8",
        (),
    ),
    (np.sqrt, "Calls the function sqrt.", ()),
    (lambda x: x.mean(axis=1), "Calls a lambda.", ("28 becomes a single value",)),
    (lambda x: (row for row in x), "Calls a lambda.", ("Gives a generator",)),
    (lambda x: None, "Calls a lambda.", ("NoneType",)),
    (lambda x: [str(each) for each in x[:, 0]], "Calls a lambda.", ("1,000 values", "str")),
    (lambda x: {"a": x, "b": x[:, 0]}, "Calls a lambda.", ("a (1,000 rows of 28, uint8) and b",)),
)


@pytest.mark.parametrize("at", range(len(STEPS)))
def test_the_words_of_a_step(at: int) -> None:
    step, does, parts = STEPS[at]
    told = words((X, Y), step)
    assert told.does.startswith(does)
    for part in parts:
        assert part in f"{told.does} {told.shape}"


def test_standardising_and_ranges_are_told_by_what_came_out() -> None:
    standard = words(REAL, lambda x: (x - x.mean(axis=0)) / x.std(axis=0)).does
    assert standard.startswith("Scales each of 3 columns")
    assert "mean 0 and standard deviation 1" in standard
    assert "from 0 to 1" in words(REAL, lambda x: (x - LOW) / (HIGH - LOW)).does
    off = words(REAL, lambda x: (x - x.mean(axis=0)) / x.std(axis=0) * 1.01).does
    assert "mean 0" not in off
    scaler = words(REAL, StandardScaler()).does
    assert scaler.startswith("StandardScaler of scikit-learn: scales each of 3 columns")


def test_the_source_is_told_by_its_rows() -> None:
    (source,) = stages((X, Y))
    told = operation(source).does
    assert "1,000 rows of 28, uint8" in told
    assert "1,000 rows, int64" in told


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


SENTENCES: dict[str, str] = {
    dataset(
        "batch", 1, before=1000, batch_size=32, drop_remainder=False
    ): "Puts 32 elements together into a batch. 1,000 elements make 31 full batches and one of 8.",
    dataset(
        "batch", 1, before=1000, batch_size=32, drop_remainder=True
    ): "Puts 32 elements together "
    "into a batch. 1,000 elements make 31 full batches. An incomplete last batch is dropped.",
    dataset("batch", 1, before=None, batch_size=32): "Puts 32 elements together into a batch.",
    dataset("padded batch", 1, before=64, batch_size=32): "Puts 32 elements together into a batch, "
    "the shorter ones padded. 64 elements make 2 full batches.",
    dataset(
        "shuffle", before=1000, buffer_size=50, reshuffle=True
    ): "Shuffles within a buffer of 50 "
    "elements, anew in each epoch. With 1,000 elements, none can move forward by more than 50 positions.",
    dataset("shuffle", before=40, buffer_size=50): "Shuffles within a buffer of 50 elements.",
    dataset("map", parallel_calls=-1, function="augment"): "Applies the function augment to each "
    "element, as many in parallel as TensorFlow chooses.",
    dataset("map", 1, function="a lambda"): "Applies a lambda to each batch.",
    dataset("prefetch", 1, buffer_size=2): "Prepares up to 2 batches ahead while the model works.",
    dataset("take", 1, count=3): "Takes the first 3 batches.",
    dataset("shuffle", 1, before=40, buffer_size=50): "Shuffles within a buffer of 50 batches.",
    dataset("prefetch", 1, buffer_size=-1): "Prepares batches ahead while the model works, as many "
    "as TensorFlow chooses.",
    dataset("repeat", count=-1): "Repeats forever.",
    dataset("repeat", count=3): "Goes through everything 3 times.",
    dataset("range", start=-2, stop=5): "Counts from -2 to below 5.",
    dataset("window", size=3): "Makes windows of 3 elements, each a dataset of its own.",
    dataset("Odd"): "A stage of class OddDataset, of which no more is known.",
}


def test_the_sentence_of_a_dataset_stage() -> None:
    for told, does in SENTENCES.items():
        assert told == does


def test_every_operation_of_a_dataset_has_words_with_and_without_settings() -> None:
    for name in WORDS:
        for settings in ({}, {"count": 2, "size": 3, "shift": 1, "shards": 4, "batch_size": 5}):
            told = dataset(name, **settings)
            assert re.fullmatch(r"[A-Z].*[^ ]\.", told), told
            assert not re.search(r"None|[{}]|  ", told), told
