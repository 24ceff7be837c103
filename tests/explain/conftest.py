"""Traces made by hand: any metrics, rows, batches and classes, and a small network whose every
value is computed here."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.documents import a_run, a_trace

from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    STEP,
    Ending,
    Epoch,
    Parameters,
    Prediction,
    Spec,
    Stage,
    Weight,
)

Array: TypeAlias = NDArray[Any]
MakeTrace: TypeAlias = Callable[..., Trace]

DONE = Ending(FINISHED)
SIZES = st.fixed_dictionaries(
    {
        "image": st.tuples(st.integers(6, 13), st.integers(6, 13), st.sampled_from([1, 3])),
        "filters": st.integers(1, 12),
        "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "pool": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "strides": st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "units": st.integers(2, 10),
        "seed": st.integers(0, 100),
    }
)
"""The sizes of any ``Net``."""
MEASURED = 6
"""Rows that pass through the small network; the data flow is of all of them, the prediction of the
last."""


@dataclass(frozen=True)
class Net:
    """The sizes of a network like the reference pipeline's: divide, Conv2D, MaxPooling2D, Flatten,
    Dense."""

    image: tuple[int, int, int] = (8, 8, 1)
    filters: int = 4
    kernel: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    strides: tuple[int, int] | None = None
    """Of the pooling; its window where None."""
    units: int = 10
    dead: tuple[int, ...] = ()
    """Filters whose bias is so low that they never answer."""
    seed: int = 0

    @property
    def steps(self) -> tuple[int, int]:
        return self.strides or self.pool

    @property
    def convolved(self) -> tuple[int, int, int]:
        return (
            self.image[0] - self.kernel[0] + 1,
            self.image[1] - self.kernel[1] + 1,
            self.filters,
        )

    @property
    def pooled(self) -> tuple[int, int, int]:
        down, across = self.steps
        high, wide, _ = self.convolved
        return (
            (high - self.pool[0]) // down + 1,
            (wide - self.pool[1]) // across + 1,
            self.filters,
        )

    @property
    def flat(self) -> int:
        return int(np.prod(self.pooled))


@lru_cache(maxsize=64)
def forward(net: Net) -> tuple[dict[str, Array], dict[str, Array]]:
    """The weights, and every stage's output for all rows, one window after the other."""
    rng = np.random.default_rng(net.seed)
    pixels = rng.integers(0, 256, (MEASURED, *net.image), dtype=np.uint8) * (
        rng.random((MEASURED, *net.image)) < 0.6
    )
    kernel = rng.normal(0, 0.5, (*net.kernel, net.image[2], net.filters)).astype(np.float32)
    bias = rng.normal(0, 0.1, net.filters).astype(np.float32)
    bias[list(net.dead)] = -1000
    scaled = (pixels / np.float32(255)).astype(np.float32)
    maps = np.zeros((MEASURED, *net.convolved), np.float32)
    for row in range(net.convolved[0]):
        for column in range(net.convolved[1]):
            window = scaled[:, row : row + net.kernel[0], column : column + net.kernel[1]]
            maps[:, row, column] = np.maximum(0, np.tensordot(window, kernel, 3) + bias)
    pooled = np.zeros((MEASURED, *net.pooled), np.float32)
    down, across = net.steps
    for row in range(net.pooled[0]):
        for column in range(net.pooled[1]):
            block = maps[
                :,
                row * down : row * down + net.pool[0],
                column * across : column * across + net.pool[1],
            ]
            pooled[:, row, column] = block.max(axis=(1, 2))
    flat = pooled.reshape(MEASURED, -1)
    weights = rng.normal(0, 2 / np.sqrt(net.flat), (net.flat, net.units)).astype(np.float32)
    offset = rng.normal(0, 0.1, net.units).astype(np.float32)
    powers = np.exp(flat.astype(float) @ weights + offset)
    shares = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    held = {
        "conv2d/kernel": kernel,
        "conv2d/bias": bias,
        "dense/kernel": weights,
        "dense/bias": offset,
    }
    outputs = {
        "image": pixels.astype(np.uint8),
        "scale": scaled,
        "conv2d": maps,
        "max_pooling2d": pooled,
    }
    return held, {**outputs, "flatten": flat, "dense": shares}


@lru_cache(maxsize=128)
def stages_of(net: Net, *, measured: bool = True) -> tuple[Stage, ...]:
    """The stages as the recorder describes them; without summaries and examples where nothing was
    measured."""
    held, outputs = forward(net)
    area = net.kernel[0] * net.kernel[1] * net.image[2]
    flops = {"conv2d": 2 * area * int(np.prod(net.convolved)), "dense": 2 * net.flat * net.units}
    form = {"padding": "valid", "data_format": "channels_last"}
    conv = {**form, "filters": net.filters, "kernel_size": list(net.kernel), "strides": [1, 1]}
    conv |= {"dilation_rate": [1, 1], "groups": 1, "activation": "relu", "use_bias": True}
    pool = {**form, "pool_size": list(net.pool), "strides": list(net.steps)}
    made: list[tuple[str, str, str | None, Mapping[str, Any]]] = [
        ("image", SOURCE, None, {"name": "made"}),
        ("scale", STEP, None, {"operation": "divide", "by": 255}),
        ("conv2d", LAYER, "Conv2D", conv),
        ("max_pooling2d", LAYER, "MaxPooling2D", pool),
        ("flatten", LAYER, "Flatten", {"data_format": "channels_last"}),
        ("dense", LAYER, "Dense", {"units": net.units, "activation": "softmax", "use_bias": True}),
    ]
    found: list[Stage] = []
    for name, kind, layer, config in made:
        values = outputs[name]
        given = Spec((None, *values.shape[1:]), str(values.dtype))
        taken = replace(found[-1].outputs[0], source=found[-1].name) if found else given
        weights = tuple(
            Weight(key.partition("/")[2], value.shape)
            for key, value in held.items()
            if key.startswith(f"{name}/")
        )
        stage = replace(
            Stage(name, kind, layer, name, config, (taken,), (given,), weights=weights),
            parameters=Parameters(sum(int(np.prod(weight.shape)) for weight in weights)),
            flops=flops.get(name, 0) if kind == LAYER else None,
        )
        if measured:
            stage = replace(stage, summary=summarise(values), example=values[0])
        found.append(stage)
    return tuple(found)


@dataclass(frozen=True)
class Made:
    """How a made trace differs from the usual one.

    Attributes:
        net: what its stages are; ``units`` is the number of classes.
        rows: trained on, spread evenly over the classes where there are no counts.
        batch: rows in a step.
        counts: how many training rows each class has.
        validation: how many validation rows.
        planned: how many epochs were wanted; as many as there are where None.
        ending: how it ended.
        measured: whether it came to the data flow.
        predicted: whether it came to the prediction.
        rate: the learning rate.
    """

    net: Net = Net()
    rows: int = 1000
    batch: int = 32
    counts: Sequence[int] | None = None
    validation: int = 500
    planned: int | None = None
    ending: Ending = DONE
    measured: bool = True
    predicted: bool = True
    rate: float | None = 0.001


def trace_of(metrics: Sequence[Mapping[str, float]] = (), **options: Any) -> Trace:
    """A trace with these metrics in its epochs, and with the fields of ``Made``."""
    how = Made(**options)
    net, units = how.net, how.net.units
    held, outputs = forward(net)
    shared = [how.rows // units + (index < how.rows % units) for index in range(units)]
    counts = tuple(shared if how.counts is None else how.counts)
    pixels = outputs["image"][0]
    shown = pixels[pixels > 0]
    data = {
        "available": 100_000,
        "fingerprint": f"data {net.seed}",
        "class_names": tuple(map(str, range(units))),
        "class_counts": counts,
        "validation_rows": how.validation,
        "example_row": 7,
        "example_label": 1,
        "example_value": float(shown[0]) if shown.size else None,
    }
    training = {
        "epochs": len(metrics) if how.planned is None else how.planned,
        "batch_size": how.batch,
        "optimizer": "Adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ("accuracy",),
        "seed": 0,
        "probe_rows": MEASURED,
    }
    steps = -(-sum(counts) // how.batch)
    last = Prediction(9, 1, {name: each[-1] for name, each in outputs.items()})
    return a_trace(
        stages_of(net, measured=how.measured),
        a_run(data=data, training=training, model_fingerprint=f"model {net}", platform=""),
        rows=MEASURED if how.measured else 0,
        epochs=tuple(
            Epoch(number, each, 1.0, how.rate, steps) for number, each in enumerate(metrics, 1)
        ),
        predictions=(last,) if how.predicted else (),
        weights=held if how.measured else {},
        ending=how.ending,
    )


NUMBER = r"(?<![A-Za-z\d])-?\d+(?:,\d{3})*(?:\.\d+)?(?: x 10\^\d+)?"
COUNTED = r"(?:rows?|images?|class(?:es)?|epochs?|positions|weight arrays?)"
TOKENS = (
    ("classes", rf"\bln ({NUMBER})"),
    ("epochs", rf"\b[Ee]pochs? ({NUMBER})(?:, ({NUMBER}))?(?: (?:and|to) ({NUMBER}))?"),
    ("shares", rf"({NUMBER}) %"),
    ("points", rf"({NUMBER}) points?"),
    ("times", rf"({NUMBER}) times"),
    ("counts", rf"({NUMBER}) of ({NUMBER})\b(?! %)"),
    ("counts", rf"({NUMBER}) of the ({NUMBER})\b(?! %)"),
    ("counts", rf"({NUMBER}) (?:training |validation )?{COUNTED}\b"),
    ("figures", rf"({NUMBER})"),
)
"""What a number in a sentence is, by the words around it. Each takes its numbers away from those
after it."""


def number_of(text: str) -> float:
    """The number that a written one stands for."""
    fraction, _, exponent = text.replace(",", "").partition(" x 10^")
    return float(f"{fraction}e{exponent or 0}")


def unfounded_numbers(text: str, allowed: Mapping[str, Sequence[float]]) -> list[str]:
    """The numbers of a sentence that are not among the allowed ones of their kind, to three
    digits."""
    found = []
    rest = re.sub(
        r"(under 0\.001|over 99\.9) %|\(epoch",
        lambda part: "(epoch" if part[1] is None else "",
        text,
    )
    for kind, pattern in TOKENS:
        for match in re.finditer(pattern, rest):
            for written in filter(None, match.groups()):
                value, exact = number_of(written), kind in ("classes", "epochs", "counts")
                near = 0 if exact else 0.051 if kind == "times" else 0.00501
                if not any(
                    abs(value - each) <= near * abs(each) + 1e-12 for each in allowed.get(kind, ())
                ):
                    found.append(f"{kind}: {written}")
        rest = re.sub(pattern, "", rest)
    return found


def numbers_of(text: str) -> list[float]:
    """The numbers of a text, in their order."""
    return [number_of(each) for each in re.findall(NUMBER, text)]


def longest_sentence(text: str) -> int:
    """The words of the longest sentence; a number is one, with its percent sign or power of ten."""
    sentences = re.split(r"(?<=[.:;]) ", text.replace(" %", "%").replace(" x ", "x"))
    return max(len(sentence.split()) for sentence in sentences)


@pytest.fixture(scope="session")
def make_trace() -> MakeTrace:
    return trace_of


@pytest.fixture(scope="session")
def make_net() -> type[Net]:
    return Net
