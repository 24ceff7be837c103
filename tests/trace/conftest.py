"""Documents to write and to read back, and when two of them are equal."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest

from pipetrace.errors import visible
from pipetrace.stats import summarise
from pipetrace.trace.codec import DTYPES
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    Array,
    Data,
    Ending,
    Epoch,
    Parameters,
    Prediction,
    Run,
    Spec,
    Stage,
    Stages,
    Trace,
    Weight,
)
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import DatasetCheck, Gradient, InitialWeight
from pipetrace.trace.schema import SCHEMA
from pipetrace.trace.summary import Summary
from pipetrace.trace.training import Training
from pipetrace.trace.writer import TraceWriter


@dataclass(frozen=True)
class Recording:
    """All that goes into a trace, in the order in which it is written."""

    run: Run
    stages: tuple[Stage, ...]
    epochs: tuple[Epoch, ...] = ()
    rows: int = 0
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    examples: Mapping[str, Array] = field(default_factory=dict)
    predictions: tuple[Prediction, ...] = ()
    weights: Mapping[str, Array] = field(default_factory=dict)
    ending: Ending = field(default_factory=lambda: Ending(FINISHED))
    cost: Mapping[str, float] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()

    def write(self, path: Path, *, force: bool = False) -> None:
        writer = TraceWriter(path, self.run, self.stages, force=force)
        for epoch in self.epochs:
            writer.add_epoch(epoch, {})
        writer.add_data_flow(self.rows, self.summaries, self.examples)
        for prediction in self.predictions:
            writer.add_prediction(prediction)
        writer.add_weights(self.weights)
        writer.add_measurements(self.measurements)
        writer.end(self.ending, self.cost)

    def trace(self) -> Trace:
        """What has to be read back."""
        stages = tuple(
            replace(
                stage, summary=self.summaries.get(stage.name), example=self.examples.get(stage.name)
            )
            for stage in self.stages
        )
        return Trace(
            SCHEMA,
            self.run,
            Stages(stages),
            self.rows,
            self.epochs,
            self.predictions,
            self.weights,
            self.ending,
            self.cost,
            measurements=Measurements(self.measurements),
        )


def a_run(title: str = "a run", **changes: Any) -> Run:
    data = Data(
        "digits", "some digits", None, "embedded", 10, "ab", ("zero", "one"), (3, 4), 2, 7, 1, 128.0
    )
    training = Training(3, 32, "Adam", {"learning_rate": 0.001}, "loss", ("accuracy",), 0, 4)
    run = Run(
        title,
        "2024-05-06T07:08:09+02:00",
        "",
        {"python": "3.11"},
        "tensorflow",
        "Linux",
        "cd",
        data,
        training,
    )
    return replace(run, **changes)


def some_stages() -> tuple[Stage, ...]:
    pixels, wide = Spec((None, 4, 4, 1), "uint8"), Spec((None, 3), "float32")
    return (
        Stage("input", SOURCE, None, "input", {}, (pixels,), (pixels,)),
        Stage(
            "dense",
            LAYER,
            "Dense",
            "inner/dense",
            {"units": 3},
            (replace(pixels, source="input"),),
            (wide,),
            Parameters(51, 2),
            (Weight("kernel", (16, 3)), Weight("bias", (3,), trainable=False)),
            96,
        ),
    )


def an_epoch(number: int) -> Epoch:
    values = np.random.default_rng(number).normal(size=(20, 3)).astype(np.float32)
    probe, weights = {"dense": summarise(values)}, {"dense/kernel": summarise(values[:4])}
    metrics = {"loss": 1 / number, "accuracy": 1 - 1 / number}
    return Epoch(number, metrics, 0.25, 0.001, 7, probe=probe, weights=weights)


def a_recording(epochs: int = 3) -> Recording:
    values = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    return Recording(
        a_run(),
        some_stages(),
        epochs=tuple(an_epoch(number) for number in range(1, epochs + 1)),
        rows=20,
        summaries={"dense": summarise(values)},
        examples={"dense": values[0]},
        predictions=(
            Prediction(4, 1, {"input": np.zeros((4, 4, 1), np.uint8), "dense": values[1]}),
        ),
        weights={"dense/kernel": values},
        ending=Ending(FINISHED, epoch=epochs),
        cost={"writing": 0.5},
        measurements=(
            Measurement("dense/kernel", 0, InitialWeight(std=0.5, duplicate_units=0.0)),
            Measurement(
                "dense/kernel", 1, Gradient(norm=float("nan"), max=float("inf"), zeros=-0.0)
            ),
            Measurement("training", None, DatasetCheck(rows=20, possible_rows=float("inf"))),
        ),
    )


# What cannot be seen is not read back as it is: it could give orders to a terminal, or hide.
LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]).filter(
    lambda letter: visible(letter) == letter
)
NAMES = st.text(LETTERS, min_size=1, max_size=12)
WORDS = st.text(LETTERS, max_size=40)
NUMBERS = st.floats()
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SECONDS = st.floats(0, 1e300)
COUNTS = st.integers(0, 2**62)
CONFIGS = st.dictionaries(
    WORDS,
    st.recursive(
        st.none() | st.booleans() | COUNTS | FINITE | WORDS,
        lambda inner: st.lists(inner, max_size=3),
    ),
)


@st.composite
def tensors(draw: st.DrawFn) -> Array:
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    values = rng.normal(0, 50, shape)
    name = draw(st.sampled_from(DTYPES))
    if name.startswith("float"):
        values = np.where(
            rng.random(shape) < 0.3, rng.choice([np.nan, np.inf, -np.inf, -0.0], shape), values
        )
    elif name.startswith(("u", "bool")):
        values = np.abs(values)
    return np.asarray(values).astype(name)


def a_tensor_each(names: list[str]) -> st.SearchStrategy[dict[str, Array]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, tensors()))


def a_summary_each(names: list[str]) -> st.SearchStrategy[dict[str, Summary]]:
    floats = tensors().map(lambda values: values.astype(np.float32))
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, floats.map(summarise)))


LENGTHS = st.integers(0, 2**53)
SPECS = st.builds(Spec, st.lists(st.none() | LENGTHS, max_size=4).map(tuple), NAMES)
WEIGHTS = st.builds(Weight, NAMES, st.lists(LENGTHS, max_size=4).map(tuple), st.booleans())


def stage_named(name: str) -> st.SearchStrategy[Stage]:
    # A stage with values has an output.
    inputs, outputs = (st.lists(SPECS, min_size=least, max_size=3).map(tuple) for least in (0, 1))
    return st.builds(
        Stage,
        st.just(name),
        NAMES,
        st.none() | NAMES,
        NAMES,
        CONFIGS,
        inputs,
        outputs,
        st.builds(Parameters, COUNTS, COUNTS),
        st.lists(WEIGHTS, max_size=3).map(tuple),
        st.none() | COUNTS,
    )


DATA = st.builds(
    Data,
    WORDS,
    WORDS,
    st.none() | WORDS,
    WORDS,
    COUNTS,
    WORDS,
    st.lists(WORDS).map(tuple),
    st.lists(COUNTS).map(tuple),
    COUNTS,
    COUNTS,
    st.none() | COUNTS,
    st.none() | FINITE,
)
TRAINING = st.builds(
    Training,
    COUNTS,
    COUNTS,
    WORDS,
    CONFIGS,
    WORDS,
    st.lists(WORDS).map(tuple),
    st.none() | COUNTS,
    COUNTS,
)
RUNS = st.builds(
    Run, WORDS, WORDS, WORDS, st.dictionaries(WORDS, WORDS), WORDS, WORDS, WORDS, DATA, TRAINING
)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    weights = draw(st.lists(NAMES, max_size=3, unique=True))
    epochs = [
        draw(
            st.builds(
                Epoch,
                st.just(number),
                st.dictionaries(NAMES, NUMBERS, max_size=4),
                SECONDS,
                st.none() | NUMBERS,
                st.none() | COUNTS,
                a_summary_each(names),
                a_summary_each(weights),
            )
        )
        for number in range(1, draw(st.integers(0, 3)) + 1)
    ]
    predictions = st.lists(
        st.builds(Prediction, COUNTS, st.none() | COUNTS, a_tensor_each(names)), max_size=2
    )
    return Recording(
        run=draw(RUNS),
        stages=tuple(draw(stage_named(name)) for name in names),
        epochs=tuple(epochs),
        rows=draw(COUNTS),
        summaries=draw(a_summary_each(names)),
        examples=draw(a_tensor_each(names)),
        predictions=tuple(draw(predictions)),
        weights=draw(a_tensor_each(weights)),
        ending=draw(
            st.builds(Ending, NAMES, st.none() | WORDS, st.none() | NAMES, st.none() | COUNTS)
        ),
        cost=draw(st.dictionaries(NAMES, SECONDS, max_size=3)),
    )


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Where two documents differ; NaN is equal to NaN, an array to one of the same dtype, shape and values."""
    ours, theirs = made_whole(ours), made_whole(theirs)
    if type(ours) is not type(theirs) or not isinstance(
        theirs, np.ndarray | Mapping | tuple | list
    ):
        if dataclasses.is_dataclass(theirs) and type(ours) is type(theirs):
            for each in dataclasses.fields(theirs):
                yield from differences(
                    getattr(ours, each.name), getattr(theirs, each.name), f"{where}.{each.name}"
                )
        elif type(ours) is not type(theirs) or not same_plain(ours, theirs):
            yield f"{where}: {ours!r} is not {theirs!r}"
    elif isinstance(theirs, np.ndarray):
        same = ours.dtype == theirs.dtype and ours.shape == theirs.shape
        if not same or not np.array_equal(ours, theirs, equal_nan=theirs.dtype.kind == "f"):
            yield f"{where}: {ours!r} is not {theirs!r}"
    else:
        keys, expected = places(ours), places(theirs)
        if keys != expected:
            yield f"{where}: {keys} are not {expected}"
        for key in keys & expected:
            yield from differences(ours[key], theirs[key], f"{where}[{key!r}]")


def made_whole(values: Any) -> Any:
    """The same without laziness."""
    if isinstance(values, Measurements):
        return tuple(values)
    return dict(values) if isinstance(values, Mapping) else values


def same_plain(ours: Any, theirs: Any) -> bool:
    return bool(ours == theirs) or (
        isinstance(ours, float) and math.isnan(ours) and math.isnan(theirs)
    )


def places(values: Any) -> set[Any]:
    return set(values) if isinstance(values, Mapping) else set(range(len(values)))


@pytest.fixture(scope="session")
def made_recordings() -> st.SearchStrategy[Recording]:
    return recordings()


@pytest.fixture(scope="session")
def recording() -> Recording:
    """A short run of two stages and three epochs."""
    return a_recording()


@pytest.fixture(scope="session")
def epoch() -> Callable[[int], Epoch]:
    return an_epoch


@pytest.fixture(scope="session")
def differ() -> Callable[[Any, Any], list[str]]:
    return lambda ours, theirs: list(differences(ours, theirs))


@pytest.fixture
def trace_file(tmp_path: Path, recording: Recording) -> Path:
    """The short run as a finished file of its own."""
    path = tmp_path / "run.trace"
    recording.write(path)
    return path
