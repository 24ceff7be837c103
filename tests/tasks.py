"""Traces made by hand of models of many kinds: what they give is not always a class, and not every run ends well."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    LAYER,
    SOURCE,
    STOPPED,
    Array,
    Data,
    Ending,
    Epoch,
    ModelFacts,
    Parameters,
    Prediction,
    Run,
    Spec,
    Stage,
    Target,
    Training,
    Weight,
)
from pipetrace.trace.events import DATA_ENDED, EXCEPTION, LOSS, RECORDER, Event

ROWS = 6
Values: TypeAlias = NDArray[Any]


class Net:
    """Stages under construction: every one with the values that it gave for six rows."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.values: dict[str, Values] = {}
        self.weights: dict[str, Values] = {}

    def source(self, name: str, values: Values) -> str:
        return self._add(Stage(name, SOURCE, None, name, {}, (), (self._spec(values),)), values)

    def layer(
        self,
        name: str,
        layer: str,
        source: str,
        values: Values,
        config: Mapping[str, Any] | None = None,
        parameters: int = 0,
    ) -> str:
        given = replace(self._spec(self.values[source]), source=source)
        stage = Stage(
            name,
            LAYER,
            layer,
            name,
            config or {},
            (given,),
            (self._spec(values),),
            Parameters(parameters),
        )
        return self._add(stage, values)

    def dense(
        self, name: str, source: str, units: int, activation: str = "linear", seed: int = 0
    ) -> str:
        rng, x = np.random.default_rng([seed, units, len(name)]), self.values[source]
        kernel = rng.normal(0, 1 / math.sqrt(x.shape[-1]), (x.shape[-1], units)).astype(np.float32)
        bias = rng.normal(0, 0.1, units).astype(np.float32)
        values = x @ kernel + bias
        if activation == "relu":
            values = np.maximum(values, 0)
        if activation == "sigmoid":
            values = 1 / (1 + np.exp(-values))
        if activation == "softmax":
            powers = np.exp(values - values.max(axis=-1, keepdims=True))
            values = powers / powers.sum(axis=-1, keepdims=True)
        config = {"units": units, "activation": activation, "use_bias": True}
        self.layer(name, "Dense", source, values.astype(np.float32), config, kernel.size + units)
        self.weights |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
        flops = 2 * kernel.size * math.prod(values.shape[1:-1])
        held = (Weight("kernel", kernel.shape), Weight("bias", bias.shape))
        self.stages[-1] = replace(self.stages[-1], weights=held, flops=flops)
        return name

    def row(self, index: int) -> dict[str, Values]:
        return {name: values[index] for name, values in self.values.items()}

    def _add(self, stage: Stage, values: Values) -> str:
        numbers = values.dtype.kind in "fiub"
        self.stages.append(
            replace(stage, summary=summarise(values) if numbers else None, example=values[0])
        )
        self.values[stage.name] = values
        return stage.name

    @staticmethod
    def _spec(values: Values) -> Spec:
        return Spec(
            (None, *values.shape[1:]), "string" if values.dtype.kind == "U" else str(values.dtype)
        )


def target(values: Array, name: str | None = None) -> Target:
    whole = bool((values == np.floor(values)).all())
    return Target(
        name,
        (None, *values.shape[1:]),
        str(values.dtype),
        whole,
        float(values.min()),
        float(values.max()),
        float(values.mean()),
        float(values.std()),
        len(np.unique(values)) if whole else None,
    )


def course(losses: Sequence[float], **others: Sequence[float]) -> list[dict[str, float]]:
    """Metrics for each epoch."""
    return [
        {"loss": loss, **{name: values[at] for name, values in others.items()}}
        for at, loss in enumerate(losses)
    ]


def made(
    net: Net,
    losses: Mapping[str, str] | str,
    metrics: Sequence[Mapping[str, float]],
    *,
    ends: Sequence[str] | None = None,
    targets: Sequence[Array] = (),
    counts: Sequence[int] = (),
    names: Sequence[str] = (),
) -> Trace:
    """A finished run of a network; its outputs are those of the last stage, or of the named ones."""
    given = ends or [net.stages[-1].name]
    specs = [
        replace(net.stages[[each.name for each in net.stages].index(name)].outputs[0], source=name)
        for name in given
    ]
    specs = [
        replace(spec, name=name if len(given) > 1 else None)
        for spec, name in zip(specs, given, strict=True)
    ]
    total = Parameters(sum(stage.parameters.total for stage in net.stages))
    model = ModelFacts("made", "Functional", total, len(net.stages) - 1, tuple(specs))
    described = tuple(target(each, spec.name) for each, spec in zip(targets, specs, strict=False))
    data = Data(
        "",
        "",
        None,
        "memory",
        200,
        "f" * 64,
        tuple(names),
        tuple(counts),
        40,
        0,
        None,
        None,
        160,
        described,
    )
    loss = losses if isinstance(losses, str) else ", ".join(losses.values())
    training = Training(
        len(metrics),
        32,
        "Adam",
        {},
        loss,
        (),
        None,
        ROWS,
        {} if isinstance(losses, str) else dict(losses),
    )
    label = int(targets[0][1].item()) if counts and targets and targets[0][1].size == 1 else None
    row = Prediction(
        1, label, net.row(1), "row", 0.1, tuple(each[1] for each in targets), held_out=False
    )
    other = replace(
        row, row=2, reason="worst", outputs=net.row(2), targets=tuple(each[2] for each in targets)
    )
    run = Run(
        "made",
        "2026-01-01T00:00:00+00:00",
        "python train.py",
        {"keras": "3.15.1", "tensorflow": "2.21.0"},
        "tensorflow",
        "Linux",
        "m" * 64,
        data,
        training,
        model,
    )
    epochs = tuple(Epoch(number, each, 1.0, 0.001, 5) for number, each in enumerate(metrics, 1))
    return Trace(
        2,
        run,
        tuple(net.stages),
        ROWS,
        epochs,
        (row, other),
        net.weights,
        Ending(FINISHED),
        {"writing": 0.5},
    )


def rng_values(*shape: int, seed: int = 0) -> Values:
    return np.random.default_rng([seed, *shape]).normal(0, 1, (ROWS, *shape)).astype(np.float32)


def regression() -> Trace:
    net = Net()
    net.dense("hidden", net.source("table", rng_values(5)), 8, "relu")
    net.dense("price", "hidden", 1)
    metrics = course(
        [4.0, 2.0, 1.0], mae=[1.5, 1.1, 0.8], val_loss=[3.0, 1.9, 1.25], val_mae=[1.4, 1.0, 0.9]
    )
    return made(net, "mse", metrics, targets=[rng_values(1, seed=9)])


def two_numbers() -> Trace:
    net = Net()
    net.dense("place", net.source("table", rng_values(5)), 2)
    return made(
        net,
        "mean_absolute_error",
        course([2.0, 2.5], strange=[7.0, 8.0]),
        targets=[rng_values(2, seed=9)],
    )


def binary(*, logits: bool = False, scores: bool = False) -> Trace:
    net = Net()
    net.dense("hidden", net.source("table", rng_values(5)), 8, "relu")
    net.dense("pleased", "hidden", 1, "linear" if logits or scores else "sigmoid")
    yes = (np.arange(ROWS) % 2).astype(np.float32)[:, None]
    metrics = course(
        [0.6, 0.4], accuracy=[0.7, 0.85], val_loss=[0.5, 0.45], val_accuracy=[0.8, 0.82]
    )
    trace = made(net, "binary_crossentropy", metrics, targets=[yes], counts=[90, 70])
    return replace(
        trace, run=replace(trace.run, training=replace(trace.run.training, from_logits=logits))
    )


def logits() -> Trace:
    net = Net()
    net.dense("kinds", net.source("table", rng_values(5)), 4)
    kinds = (np.arange(ROWS) % 4).astype(np.int64)
    metrics = course([1.2, 0.8, 0.5], accuracy=[0.4, 0.6, 0.8])
    trace = made(net, "sparse_categorical_crossentropy", metrics, targets=[kinds], counts=[40] * 4)
    return replace(
        trace, run=replace(trace.run, training=replace(trace.run.training, from_logits=True))
    )


def multilabel() -> Trace:
    net = Net()
    net.dense("tags", net.source("table", rng_values(5)), 4, "sigmoid")
    tags = (rng_values(4, seed=3) > 0).astype(np.float32)
    return made(
        net,
        "binary_crossentropy",
        course([0.6, 0.5], binary_accuracy=[0.6, 0.7], auc=[0.5, 0.7]),
        targets=[tags],
    )


def several() -> Trace:
    net = Net()
    net.dense("body", net.source("table", rng_values(5)), 6, "relu")
    net.dense("kind", "body", 3, "softmax")
    net.dense("weight", "body", 1, seed=1)
    names = {
        "kind_loss": [1.0, 0.6, 0.5],
        "weight_loss": [2.0, 1.0, 0.5],
        "kind_accuracy": [0.4, 0.6, 0.7],
        "weight_mae": [1.0, 0.8, 0.6],
    }
    names |= {f"val_{name}": [value * 1.1 for value in values] for name, values in names.items()}
    metrics = course([3.0, 1.6, 1.0], val_loss=[2.8, 1.7, 1.2], **names)
    losses = {"kind": "sparse_categorical_crossentropy", "weight": "mse"}
    kinds = (np.arange(ROWS) % 3).astype(np.int64)
    return made(
        net, losses, metrics, ends=["kind", "weight"], targets=[kinds, rng_values(1, seed=9)]
    )


def autoencoder() -> Trace:
    net = Net()
    pixels = (np.abs(rng_values(8, 8, 1)) % 1).astype(np.float32)
    net.layer(
        "code", "Conv2D", net.source("pictures", pixels), rng_values(4, 4, 2), {"filters": 2}, 20
    )
    again = (0.8 * pixels + 0.1).astype(np.float32)
    net.layer("picture_again", "Conv2DTranspose", "code", again, {"activation": "sigmoid"}, 19)
    return made(
        net, "binary_crossentropy", course([0.7, 0.6], val_loss=[0.65, 0.62]), targets=[pixels]
    )


def steps() -> Trace:
    net = Net()
    words = np.array([[3, 1, 4, 1, 0, 0], [2, 7, 1, 0, 0, 0]] * 3, np.int32)
    source = net.source("words", words)
    vectors = net.layer(
        "vectors",
        "Embedding",
        source,
        rng_values(6, 4),
        {"input_dim": 9, "output_dim": 4, "mask_zero": True},
        36,
    )
    net.layer("memory", "LSTM", vectors, rng_values(6, 5), {"units": 5, "use_bias": True}, 200)
    net.dense("kinds", "memory", 3, "softmax")
    hidden = (words != 0).astype(np.float32)
    net.stages[1:] = [
        replace(stage, mask=summarise(hidden), example_mask=words[0] != 0)
        for stage in net.stages[1:]
    ]
    metrics = course([1.0, 0.8], accuracy=[0.5, 0.6])
    return made(net, "sparse_categorical_crossentropy", metrics, targets=[words % 3])


def waves() -> Trace:
    net = Net()
    net.dense("next", net.source("series", rng_values(7, 2)), 1)
    return made(
        net,
        "cosine_similarity",
        course([-0.2, -0.7, -0.9], val_loss=[-0.3, -0.75, -0.7]),
        targets=[rng_values(7, 1, seed=4)],
    )


def mask() -> Trace:
    net = Net()
    net.layer(
        "conv",
        "Conv2D",
        net.source("pictures", rng_values(8, 8, 1)),
        rng_values(8, 8, 3),
        {"filters": 3},
        30,
    )
    marked = (rng_values(8, 8, 1) > 0.5).astype(np.float32)
    shares = np.clip(0.8 * marked + 0.15 + 0.1 * rng_values(8, 8, 1, seed=5), 0, 1).astype(
        np.float32
    )
    net.layer("mask", "Conv2D", "conv", shares, {"filters": 1, "activation": "sigmoid"}, 28)
    metrics = course(
        [0.5, 0.3], accuracy=[0.8, 0.9], val_loss=[0.4, 0.35], val_accuracy=[0.85, 0.9]
    )
    return made(net, "binary_crossentropy", metrics, targets=[marked])


def stopped() -> Trace:
    trace = regression()
    metrics = course([4.0, 2.0, 1.0, 0.6, 0.4], val_loss=[3.0, 1.5, 1.0, 1.2, 1.5])
    epochs = tuple(Epoch(number, each, 1.0, 0.001, 5) for number, each in enumerate(metrics, 1))
    training = replace(trace.run.training, epochs=50, callbacks=("EarlyStopping",))
    return replace(
        trace,
        run=replace(trace.run, training=training),
        epochs=epochs,
        ending=Ending(STOPPED, epoch=5),
    )


def failed() -> Trace:
    trace = regression()
    last = replace(trace.stages[-1], outputs=(), summary=None, example=None)
    message = "ValueError: expected axis -1 of input shape to have value 9, but received 8"
    return replace(
        trace,
        stages=(*trace.stages[:-1], last),
        rows=0,
        epochs=(),
        predictions=(),
        weights={},
        cost={},
        run=replace(trace.run, model=None),
        ending=Ending(FAILED, message, "price", 1),
        events=(Event(EXCEPTION, 1, 1, "price", error=message),),
    )


def not_finite() -> Trace:
    trace = regression()
    bad = summarise(np.array([[math.nan, 1.0]], np.float32))
    epochs = (
        trace.epochs[0],
        replace(
            trace.epochs[1],
            metrics={"loss": math.nan, "mae": math.nan},
            probe={"hidden": bad, "price": bad},
        ),
    )
    events = (
        Event(LOSS, 2, 3, value=math.nan, last_finite_step=2),
        Event(DATA_ENDED, 2, count=5, total=6),
        Event(RECORDER, part="weights", error="MemoryError: they take 900 MB."),
    )
    return replace(trace, epochs=epochs, events=events)


def untrained() -> Trace:
    trace = logits()
    training = replace(trace.run.training, epochs=0, batch_size=None, optimizer="", loss="")
    data = replace(trace.run.data, rows=None, class_counts=(), targets=(), validation_rows=None)
    row = replace(trace.predictions[0], reason="row", loss=None, label=None, targets=())
    return replace(
        trace, run=replace(trace.run, training=training, data=data), epochs=(), predictions=(row,)
    )


def one_axis() -> Trace:
    """Texts in, one number a row without an axis out, nothing known of rows and batches; cut by Ctrl-C."""
    net = Net()
    net.source("texts", np.array([f"A text {index}." for index in range(ROWS)]))
    net.layer("score", "Custom", "texts", rng_values(), {}, 7)
    trace = made(net, "my_loss", course([1.0, 1.5]))
    training = replace(trace.run.training, batch_size=None, epochs=9, policy="mixed_float16")
    data = replace(trace.run.data, rows=None, validation_rows=None, available=0, complete=False)
    epochs = tuple(replace(epoch, steps=None) for epoch in trace.epochs)
    return replace(
        trace,
        run=replace(trace.run, training=training, data=data),
        epochs=epochs,
        ending=Ending(INTERRUPTED),
    )


def too_large() -> Trace:
    trace = autoencoder()
    rows = tuple(
        replace(
            each,
            outputs={name: each.outputs[name] for name in each.outputs if name != "picture_again"},
        )
        for each in trace.predictions
    )
    return replace(trace, predictions=rows)


KINDS: dict[str, Callable[[], Trace]] = {
    "regression": regression,
    "two numbers": two_numbers,
    "binary": binary,
    "binary logits": lambda: binary(logits=True),
    "binary scores": lambda: binary(scores=True),
    "logits": logits,
    "multilabel": multilabel,
    "several": several,
    "autoencoder": autoencoder,
    "steps": steps,
    "waves": waves,
    "mask": mask,
    "stopped": stopped,
    "failed": failed,
    "not finite": not_finite,
    "untrained": untrained,
    "one axis": one_axis,
    "too large": too_large,
}
"""A trace of every kind, by its name."""
