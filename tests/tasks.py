"""Traces made by hand of models of many kinds: what they give is not always a class, and not every run ends well."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tests.documents import a_model, a_run, a_trace, changed
from tests.traces import killed

from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import (
    FAILED,
    INTERRUPTED,
    LAYER,
    SOURCE,
    STOPPED,
    Array,
    Ending,
    Epoch,
    Parameters,
    Prediction,
    Spec,
    Stage,
    Stages,
    Weight,
)
from pipetrace.trace.events import DATA_ENDED, EXCEPTION, LOSS, RECORDER, Event
from pipetrace.trace.rows import KeptRows, Target
from pipetrace.trace.training import Callback

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
        return {name: np.asarray(values[index]) for name, values in self.values.items()}

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
    stages = {each.name: each for each in net.stages}
    specs = [
        replace(stages[name].outputs[0], source=name, name=name if len(given) > 1 else None)
        for name in given
    ]
    described = [target(each, spec.name) for each, spec in zip(targets, specs, strict=False)]
    data = {"rows": 160, "available": 200, "validation_rows": 40, "targets": tuple(described)}
    data |= {"class_names": tuple(names), "class_counts": tuple(counts)}
    data |= {"name": "", "description": ""}
    named = {"": losses} if isinstance(losses, str) else losses
    training = {
        "epochs": len(metrics),
        "batch_size": 32,
        "optimizer": "Adam",
        "loss": ", ".join(named.values()),
        "losses": {} if isinstance(losses, str) else losses,
        "probe_rows": ROWS,
    }
    label = int(targets[0][1].item()) if counts and targets and targets[0][1].size == 1 else None
    rows = [
        Prediction(at, label, net.row(at), why, 0.1, tuple(each[at] for each in targets), False)
        for at, why in ((1, "row"), (2, "worst"))
    ]
    versions = {"keras": "3.15.1", "tensorflow": "2.21.0"}
    model = replace(a_model(net.stages, specs), layers=len(net.stages) - 1)
    run = a_run(data=data, training=training, versions=versions, model=model)
    run = replace(run, command="python train.py", platform="Linux")
    trace = a_trace(
        net.stages,
        run,
        rows=ROWS,
        epochs=epochs_of(metrics),
        predictions=tuple(rows),
        weights=net.weights,
        cost={"writing": 0.5},
    )
    kept = KeptRows(
        numbers=np.arange(ROWS),
        validation=np.ones(ROWS, bool),
        inputs={each.name: net.values[each.name] for each in net.stages if each.kind == SOURCE},
        targets=tuple(targets),
        outputs=tuple(net.values[name] for name in given),
    )
    return replace(trace, kept_rows=kept)


def epochs_of(metrics: Sequence[Mapping[str, float]]) -> tuple[Epoch, ...]:
    return tuple(Epoch(number, each, 1.0, 0.001, 5) for number, each in enumerate(metrics, 1))


def rng_values(*shape: int, seed: int = 0) -> Values:
    return np.random.default_rng([seed, *shape]).normal(0, 1, (ROWS, *shape)).astype(np.float32)


def regression() -> Trace:
    net = Net()
    net.dense("hidden", net.source("table", rng_values(5)), 8, "relu")
    net.dense("price", "hidden", 1)
    held = {"val_loss": [3.0, 1.9, 1.25], "val_mae": [1.4, 1.0, 0.9]}
    metrics = course([4.0, 2.0, 1.0], mae=[1.5, 1.1, 0.8], **held)
    return made(net, "mse", metrics, targets=[rng_values(1, seed=9)])


def two_numbers() -> Trace:
    net = Net()
    net.dense("place", net.source("table", rng_values(5)), 2)
    metrics = course([2.0, 2.5], strange=[7.0, 8.0])
    return made(net, "mean_absolute_error", metrics, targets=[rng_values(2, seed=9)])


def binary(*, logits: bool = False, scores: bool = False) -> Trace:
    net = Net()
    net.dense("hidden", net.source("table", rng_values(5)), 8, "relu")
    net.dense("pleased", "hidden", 1, "linear" if logits or scores else "sigmoid")
    yes = (np.arange(ROWS) % 2).astype(np.float32)[:, None]
    held = {"val_loss": [0.5, 0.45], "val_accuracy": [0.8, 0.82]}
    metrics = course([0.6, 0.4], accuracy=[0.7, 0.85], **held)
    trace = made(net, "binary_crossentropy", metrics, targets=[yes], counts=[90, 70])
    return changed(trace, training={"from_logits": logits})


def logits() -> Trace:
    net = Net()
    net.dense("kinds", net.source("table", rng_values(5)), 4)
    kinds = (np.arange(ROWS) % 4).astype(np.int64)
    metrics = course([1.2, 0.8, 0.5], accuracy=[0.4, 0.6, 0.8])
    trace = made(net, "sparse_categorical_crossentropy", metrics, targets=[kinds], counts=[40] * 4)
    return changed(trace, training={"from_logits": True})


def multilabel() -> Trace:
    net = Net()
    net.dense("tags", net.source("table", rng_values(5)), 4, "sigmoid")
    tags = (rng_values(4, seed=3) > 0).astype(np.float32)
    metrics = course([0.6, 0.5], binary_accuracy=[0.6, 0.7], auc=[0.5, 0.7])
    return made(net, "binary_crossentropy", metrics, targets=[tags])


def several() -> Trace:
    net = Net()
    net.dense("body", net.source("table", rng_values(5)), 6, "relu")
    net.dense("kind", "body", 3, "softmax")
    net.dense("weight", "body", 1, seed=1)
    names = {"kind_loss": [1.0, 0.6, 0.5], "weight_loss": [2.0, 1.0, 0.5]}
    names |= {"kind_accuracy": [0.4, 0.6, 0.7], "weight_mae": [1.0, 0.8, 0.6]}
    names |= {f"val_{name}": [value * 1.1 for value in values] for name, values in names.items()}
    metrics = course([3.0, 1.6, 1.0], val_loss=[2.8, 1.7, 1.2], **names)
    losses = {"kind": "sparse_categorical_crossentropy", "weight": "mse"}
    targets = [(np.arange(ROWS) % 3).astype(np.int64), rng_values(1, seed=9)]
    return made(net, losses, metrics, ends=["kind", "weight"], targets=targets)


def autoencoder() -> Trace:
    net = Net()
    pixels = (np.abs(rng_values(8, 8, 1)) % 1).astype(np.float32)
    source = net.source("pictures", pixels)
    net.layer("code", "Conv2D", source, rng_values(4, 4, 2), {"filters": 2}, 20)
    again = (0.8 * pixels + 0.1).astype(np.float32)
    net.layer("picture_again", "Conv2DTranspose", "code", again, {"activation": "sigmoid"}, 19)
    metrics = course([0.7, 0.6], val_loss=[0.65, 0.62])
    return made(net, "binary_crossentropy", metrics, targets=[pixels])


def steps() -> Trace:
    net = Net()
    words = np.array([[3, 1, 4, 1, 0, 0], [2, 7, 1, 0, 0, 0]] * 3, np.int32)
    table = {"input_dim": 9, "output_dim": 4, "mask_zero": True}
    source = net.source("words", words)
    vectors = net.layer("vectors", "Embedding", source, rng_values(6, 4), table, 36)
    memory = {"units": 5, "use_bias": True, "return_sequences": True, "go_backwards": False}
    net.layer("memory", "LSTM", vectors, rng_values(6, 5), memory, 200)
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
    metrics = course([-0.2, -0.7, -0.9], val_loss=[-0.3, -0.75, -0.7])
    return made(net, "cosine_similarity", metrics, targets=[rng_values(7, 1, seed=4)])


def mask() -> Trace:
    net = Net()
    source = net.source("pictures", rng_values(8, 8, 1))
    net.layer("conv", "Conv2D", source, rng_values(8, 8, 3), {"filters": 3}, 30)
    marked = (rng_values(8, 8, 1) > 0.5).astype(np.float32)
    noisy = 0.8 * marked + 0.15 + 0.1 * rng_values(8, 8, 1, seed=5)
    shares = np.clip(noisy, 0, 1).astype(np.float32)
    net.layer("mask", "Conv2D", "conv", shares, {"filters": 1, "activation": "sigmoid"}, 28)
    held = {"val_loss": [0.4, 0.35], "val_accuracy": [0.85, 0.9]}
    metrics = course([0.5, 0.3], accuracy=[0.8, 0.9], **held)
    return made(net, "binary_crossentropy", metrics, targets=[marked])


def stopped() -> Trace:
    metrics = course([4.0, 2.0, 1.0, 0.6, 0.4], val_loss=[3.0, 1.5, 1.0, 1.2, 1.5])
    training = {"epochs": 50, "callbacks": (Callback("EarlyStopping"),)}
    ending = Ending(STOPPED, epoch=5)
    return changed(regression(), training=training, epochs=epochs_of(metrics), ending=ending)


def failed() -> Trace:
    trace = regression()
    last = replace(trace.stages[-1], outputs=(), summary=None, example=None)
    message = "ValueError: expected axis -1 of input shape to have value 9, but received 8"
    return replace(
        killed(trace, 0),
        stages=Stages((*trace.stages[:-1], last)),
        run=replace(trace.run, model=None),
        ending=Ending(FAILED, message, "price", 1),
        events=(Event(EXCEPTION, 1, 1, "price", error=message),),
    )


def not_finite() -> Trace:
    trace = regression()
    bad = summarise(np.array([[math.nan, 1.0]], np.float32))
    metrics, probe = {"loss": math.nan, "mae": math.nan}, {"hidden": bad, "price": bad}
    epochs = trace.epochs[0], replace(trace.epochs[1], metrics=metrics, probe=probe)
    events = (
        Event(LOSS, 2, 3, value=math.nan, last_finite_step=2),
        Event(DATA_ENDED, 2, count=5, total=6),
        Event(RECORDER, part="weights", error="MemoryError: they take 900 MB."),
    )
    return replace(trace, epochs=epochs, events=events)


def untrained() -> Trace:
    trace = logits()
    row = replace(trace.predictions[0], reason="row", loss=None, label=None, targets=())
    return changed(
        trace,
        training={"epochs": 0, "batch_size": None, "optimizer": "", "loss": ""},
        data={"rows": None, "class_counts": (), "targets": (), "validation_rows": None},
        epochs=(),
        predictions=(row,),
    )


def one_axis() -> Trace:
    """Texts in, one number a row without an axis out, nothing known of rows and batches; cut by Ctrl-C."""
    net = Net()
    net.source("texts", np.array([f"A text {index}." for index in range(ROWS)]))
    net.layer("score", "Custom", "texts", rng_values(), {}, 7)
    trace = made(net, "my_loss", course([1.0, 1.5]))
    return changed(
        trace,
        training={"batch_size": None, "epochs": 9, "policy": "mixed_float16"},
        data={"rows": None, "validation_rows": None, "available": 0, "complete": False},
        epochs=tuple(replace(epoch, steps=None) for epoch in trace.epochs),
        ending=Ending(INTERRUPTED),
    )


def too_large() -> Trace:
    trace = autoencoder()
    kept = [each.name for each in trace.stages[:-1]]
    rows = (
        replace(each, outputs={name: each.outputs[name] for name in kept})
        for each in trace.predictions
    )
    return replace(trace, predictions=tuple(rows))


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
