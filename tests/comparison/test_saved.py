"""A saved model against its run: the very model is the same, and a fault in it is found at its stage."""

import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run

import pipetrace
from pipetrace.capture.onnx_model import OnnxModel
from pipetrace.errors import ModelFileError

CAN_EXPORT = all(map(importlib.util.find_spec, ("onnx", "onnxruntime", "tf2onnx")))
FAULTY = "hidden"
"""The stage whose kernel the tests change."""


def network() -> Any:
    """Channels, a pooling, a moving average and dense layers, trained on noise."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((10, 8, 1)),
            layers.Conv2D(6, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flat"),
            layers.Dense(16, activation="relu", name=FAULTY),
            layers.Dense(4, activation="softmax", name="scores"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss=loss, metrics=["accuracy"])
    return model


def nudge(model: Any, by: float) -> None:
    kernel = model.get_layer(FAULTY).kernel
    values = kernel.numpy()
    values[5, 2] += by
    kernel.assign(values)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and its model, as it is and with a weight changed by a thousandth."""
    folder = tmp_path_factory.mktemp("saved")
    drawing, model = np.random.default_rng(0), network()
    y = drawing.integers(0, 4, 90)
    x = drawing.normal(size=(90, 10, 8, 1)).astype(np.float32)
    recorder = pipetrace.Recorder(
        folder / "run.trace", after_training="all", budget=None, verbose=False
    )
    model.fit(x, y, validation_split=0.2, verbose=0, callbacks=[recorder])
    for name, by in (("same", 0), ("faulty", 1e-3)):
        nudge(model, by)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras and tf2onnx use what NumPy will remove
            model.save(folder / f"{name}.keras")
            if CAN_EXPORT:
                model.export(folder / f"{name}.onnx", format="onnx", verbose=False)
    return folder


Compare = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def compare(run: Run) -> Compare:
    """Runs the command; gives its exit code and its report."""

    def compare(*arguments: object) -> tuple[int, dict[str, Any]]:
        ran = run("compare", *arguments, "--format", "json")
        assert isinstance(ran.code, int)
        return ran.code, json.loads(ran.out)

    return compare


@pytest.mark.framework
@pytest.mark.parametrize(
    "suffix",
    [
        "keras",
        pytest.param("onnx", marks=pytest.mark.skipif(not CAN_EXPORT, reason="see make test-onnx")),
    ],
)
def test_the_model_is_the_same_and_a_fault_is_found_at_its_stage(
    saved: Path, compare: Compare, suffix: str
) -> None:
    code, found = compare(saved / "run.trace", saved / f"same.{suffix}")
    assert (code, found["verdict"], found["first"]) == (0, "same", None)
    assert [each["equal"] for each in found["stages"]] == [True] * 6
    code, found = compare(saved / f"faulty.{suffix}", saved / "run.trace")
    assert (code, found["verdict"]) == (1, "diverged")
    assert found["first"]["name"] == FAULTY
    assert found["upstream"] == ["conv", "pool", "norm", "flat"]
    equal = {each["stage"]: each["equal"] for each in found["stages"]}
    assert equal == {"conv": True, "pool": True, "norm": True, "flat": True, FAULTY: False} | {
        "scores": equal["scores"]
    }
    ours, theirs = found["first"]["values"]
    assert found["first"]["absolute"] == pytest.approx(abs(ours - theirs))
    if suffix == "keras":
        (weight,) = found["weights"]
        assert (weight["name"], weight["place"]) == (f"{FAULTY}/kernel", [5, 2])
        assert weight["absolute"] == pytest.approx(1e-3, rel=1e-3)
    else:
        code, found = compare(saved / "run.trace", saved / f"faulty.{suffix}", "--tolerance", "0.1")
        assert (code, found["first"]) == (0, None)


@pytest.mark.framework
def test_what_cannot_be_compared_is_refused(saved: Path, run: Run, tmp_path: Path) -> None:
    model = saved / "same.keras"
    no_model, other = tmp_path / "no.keras", tmp_path / "other.keras"
    no_model.write_bytes(b"nothing")
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(other)
    for arguments, slug in (
        ((saved / "run.trace", no_model), "[bad-model-file]"),
        ((saved / "run.trace", other), "[rows-do-not-fit]"),
        ((saved / "run.trace", tmp_path / "none.onnx"), "[bad-model-file]"),
        ((saved / "run.trace", model, model), "Usage"),
        ((model, model), "Usage"),
        ((saved / "run.trace", saved / "run.trace", "--tolerance", "1"), "Usage"),
    ):
        ran = run("compare", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert slug in ran.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x3a",
        b"\x3a\x05\x0a\x03",
        b"\xff" * 40,
        b"\x3a\x02\x0a\x00"[:3],
        b"SQLite format 3\0",
    ],
)
def test_a_file_that_is_no_onnx_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError):
        OnnxModel(path)
