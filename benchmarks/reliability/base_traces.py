"""Small whole traces to forge: one written without a framework, one recorded by Keras."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np

from pipetrace.stats import summarise
from pipetrace.trace import TraceWriter
from pipetrace.trace.document import (
    FINISHED,
    LAYER,
    SOURCE,
    STEP,
    Data,
    Ending,
    Epoch,
    Group,
    ModelFacts,
    Parameters,
    Prediction,
    Run,
    Spec,
    Stage,
    Weight,
)
from pipetrace.trace.events import DATA_ENDED, EXCEPTION, RECORDER, TARGET_SHAPE, Event
from pipetrace.trace.measurement_table import Measurement
from pipetrace.trace.measurements import KINDS
from pipetrace.trace.overhead import BUDGET, Overhead, Skipped
from pipetrace.trace.rows import KeptRows, Target
from pipetrace.trace.training import Callback, Training

SIZE, FILTERS, CLASSES, ROWS = 6, 4, 3, 24
WINDOWED = {
    "data_format": "channels_last",
    "kernel_size": [3, 3],
    "padding": "valid",
    "strides": [1, 1],
    "dilation_rate": [1, 1],
    "groups": 1,
}
OUTPUTS = {
    "image": (SIZE, SIZE, 1),
    "scale": (SIZE, SIZE, 1),
    "conv2d": (SIZE - 2, SIZE - 2, FILTERS),
    "flatten": (FILTERS * (SIZE - 2) ** 2,),
    "dense": (CLASSES,),
}
"""The shape of a row after each stage."""
WIDE = OUTPUTS["flatten"][0]
WEIGHTS = {
    "conv2d/kernel": (3, 3, 1, FILTERS),
    "conv2d/bias": (FILTERS,),
    "dense/kernel": (WIDE, CLASSES),
    "dense/bias": (CLASSES,),
}


def written(path: Path) -> Path:
    """Write a trace of an image classifier that was never trained; every table has rows."""
    rng = np.random.default_rng(0)
    rows = {name: rng.random((ROWS, *shape), np.float32) for name, shape in OUTPUTS.items()}
    rows["dense"] /= rows["dense"].sum(-1, keepdims=True)
    values = {name: rng.normal(size=shape).astype(np.float32) for name, shape in WEIGHTS.items()}
    group = Group(
        "encoder",
        "Sequential",
        Parameters(0, 0),
        (_spec("scale", "scale"),),
        (_spec("flatten", "flatten"),),
        Parameters(40, 0),
    )
    writer = TraceWriter(path, run_of_images(), tuple(_stages()), (group,))
    overhead = Overhead(0.02, 0.5, 1.0, 0.1, 0.1, 0.2, (Skipped("probe", BUDGET, 1, 2),))
    for number in (1, 2):
        metrics = {"loss": 1 / number, "accuracy": 0.4 * number, "val_loss": 1.2 / number}
        few = {"conv2d": summarise(rows["conv2d"]), "dense": summarise(rows["dense"])}
        ours = {name: summarise(each) for name, each in values.items()}
        epoch = Epoch(number, metrics, 0.5, 0.001, 3, few, ours)
        writer.add_epoch(epoch, {name: each[0] for name, each in rows.items()}, overhead)
    data_flow = {name: summarise(each) for name, each in rows.items()}
    writer.add_data_flow(ROWS, data_flow, {name: each[0] for name, each in rows.items()}, 20)
    hidden = np.array([True, False, True])
    writer.add_details("mask", {"dense": summarise(rows["dense"])}, {"dense": hidden})
    for part in ("training", "prediction"):
        writer.add_details(part, {"dense": data_flow["dense"]}, {"dense": rows["dense"][0]})
    writer.add_details("example/1", {}, {"conv2d": rows["dense"][0]})
    for event in _events():
        writer.add_event(event)
    writer.add_measurements(_measurements())
    for row, reason in enumerate(("right", "surest wrong")):
        outputs = {name: each[row] for name, each in rows.items()}
        targets = (np.array(row), np.array("one"))
        writer.add_prediction(Prediction(row, row, outputs, reason, 0.5, targets))
    writer.add_weights(values)
    for number in (0, 1):
        writer.add_weights_after(number, values)
    writer.add_kept_rows(_kept_rows(rows))
    writer.end(Ending(FINISHED, epoch=2), {"writing": 0.1, "probe": 0.2}, overhead)
    return path


def _kept_rows(rows: dict[str, Any]) -> KeptRows:
    places = np.arange(ROWS)
    return KeptRows(
        places,
        places % 2 == 0,
        {"image": (rows["image"] * 9).round() / 9, "scale": rows["scale"]},
        (places % CLASSES,),
        (rows["dense"],),
        dict.fromkeys((0, 1), (rows["dense"][::-1],)),
    )


def recorded(folder: Path) -> Path:
    """Record a small model of many kinds of layers, in a process of its own. Needs Keras."""
    program = Path(__file__).with_name("varied_model.py")
    subprocess.run([sys.executable, str(program)], cwd=folder, check=True, capture_output=True)
    return folder / "varied.trace"


def run_of_images() -> Run:
    """The facts of a run of an image classifier."""
    target = Target(None, (None,), "int64", True, 0.0, 2.0, 1.0, 0.8, CLASSES)
    data = Data(
        name="images",
        description="a few images",
        notice="a notice",
        origin="fit",
        available=ROWS,
        fingerprint="ab" * 32,
        class_names=("cat", "dog", "cow"),
        class_counts=(8, 8, 8),
        validation_rows=6,
        example_row=0,
        example_label=1,
        example_value=128.0,
        rows=ROWS,
        targets=(target,),
    )
    training = Training(
        epochs=2,
        batch_size=8,
        optimizer="Adam",
        optimizer_config={"learning_rate": 0.001, "beta_1": 0.9},
        loss="sparse_categorical_crossentropy",
        metrics=("accuracy",),
        seed=0,
        probe_rows=ROWS,
        losses={"": "sparse_categorical_crossentropy"},
        callbacks=(Callback("EarlyStopping", {"patience": 3}),),
    )
    versions = {"keras": "3.15.1", "python": "3.11", "tensorflow": "2.21.0", "numpy": "2.4"}
    model = ModelFacts("model", "Sequential", Parameters(235, 0), 3, (_spec("dense", "dense"),))
    created = "2026-01-02T03:04:05+00:00"
    return Run(
        "A model", created, "", versions, "tensorflow", "Linux", "cd" * 32, data, training, model
    )


def _spec(of: str, source: str | None = None) -> Spec:
    return Spec((None, *OUTPUTS[of]), "float32", source)


def _stages() -> Iterator[Stage]:
    configs: dict[str, tuple[str | None, dict[str, Any]]] = {
        "image": (None, {"name": "images"}),
        "scale": (None, {"operation": "divide", "by": 255}),
        "conv2d": ("Conv2D", {**WINDOWED, "filters": FILTERS, "activation": "relu"}),
        "flatten": ("Flatten", {"data_format": "channels_last"}),
        "dense": ("Dense", {"units": CLASSES, "activation": "softmax", "use_bias": True}),
    }
    before = None
    for name, (layer, config) in configs.items():
        weights = tuple(
            Weight(full.partition("/")[2], shape)
            for full, shape in WEIGHTS.items()
            if full.startswith(f"{name}/")
        )
        yield Stage(
            name=name,
            kind={"image": SOURCE, "scale": STEP}.get(name, LAYER),
            layer=layer,
            path=f"encoder/{name}" if name in ("conv2d", "flatten") else name,
            config=config,
            inputs=(_spec(before, before),) if before else (),
            outputs=(_spec(name),),
            parameters=Parameters(sum(int(np.prod(each.shape)) for each in weights)),
            weights=weights,
            flops=100 if weights else None,
        )
        before = name


def _events() -> Iterator[Event]:
    yield Event(EXCEPTION, 2, 1, "dense", error="ValueError: no")
    yield Event("loss", 2, 2, value=float("nan"), last_finite_step=1)
    yield Event("gradient", 2, 2, "dense", weight="dense/kernel", row=3)
    yield Event(DATA_ENDED, 2, count=2, total=3)
    yield Event(TARGET_SHAPE, 1, shape=(None, 3), target_shape=(None,), target=0)
    yield Event("target_range", 1, low=0.0, high=3.0, total=3)
    yield Event(RECORDER, part="probe", error="OSError: full")


def _measurements() -> Iterator[Measurement]:
    """Of every kind one after each epoch and one for the whole run, every field filled."""
    names = {"class_outcome": "training/1", "shifted_targets": "0", "baseline_model": "linear"}
    weights = ("initial_weight", "gradient", "update")
    for kind, record in KINDS.items():
        figures = record(**{each.name: _figure(each.type) for each in fields(record)})
        default = "dense/kernel" if kind in weights else "training"
        name = "dense" if kind in ("signal", "dimensions") else names.get(kind, default)
        for epoch in (0, 1, 2, None):
            yield Measurement(name, epoch, figures)


def _figure(of: Any) -> Any:
    wanted = get_args(of)[0]
    return {bool: True, int: 3, float: 0.5}[wanted]
