"""The program of a run, run: it builds the same model and trains it to the same losses and weights."""

import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.examples.gallery import load

import pipetrace
from pipetrace.explain.learn.program import Program, program
from pipetrace.trace import Trace
from pipetrace.trace.document import SOURCE

pytestmark = pytest.mark.framework

ROWS = 128
EXAMPLES = (
    "attention",
    "dict_inputs",
    "multi_output",
    "nested_model",
    "rnn_states",
    "shared_layer",
)
"""One for each way to build a model."""
OTHERS = (
    *("augmentation", "autoencoder", "bidirectional", "binary_sigmoid", "functional_branches"),
    *("jit", "logits", "mixed_precision", "ops_functional", "regression", "residual"),
    *("segmentation", "sequence_forecast", "sequential_mlp", "text", "time_distributed"),
    *("towers", "unet"),
)
OWN_CLASSES = ("custom_layers", "custom_train_step", "positions")


def saved_rows(trace: Trace, x: Any, y: Any, **others: Any) -> dict[str, Any]:
    """Arrays under the names that the program reads."""
    sources = [stage.name for stage in trace.stages if stage.kind == SOURCE]
    found = dict(others)
    for name, value in {"x": x, "y": y}.items():
        if isinstance(value, Mapping):
            found |= {f"{name}_{key}": each for key, each in value.items()}
        elif isinstance(value, tuple):
            found |= {f"{name}_{key}": each for key, each in zip(sources, value, strict=True)}
        else:
            found[name] = value
    arrays = {name: np.asarray(value) for name, value in found.items()}
    return {
        name: value.astype("U") if value.dtype == object else value
        for name, value in arrays.items()
    }


def run(made: Program, folder: Path, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The variables that the program leaves, run in the folder; without what Keras keeps of others."""
    import keras

    keras.config.set_dtype_policy("float32")
    keras.utils.clear_session()
    left: dict[str, Any] = {**(names or {}), "__name__": "program"}
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(made.code, "program.py", "exec"), left)
    return left


def configuration(model: Any) -> Any:
    """A model's configuration without names that Keras may number in another way."""
    config = json.loads(json.dumps(model.get_config(), default=str, sort_keys=True))

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            # A vocabulary that was learned is given; a mask that was None is left out.
            unsaid = ("vocabulary",) if value.get("vocabulary", 0) != 0 else ("mask",)
            return {key: plain(each) for key, each in value.items() if key not in unsaid}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return re.sub(r"_\d+$", "", value) if isinstance(value, str) else value

    return plain(config)


def same(model: Any, trace: Trace, left: Mapping[str, Any], *, trained: bool = True) -> None:
    """The rebuilt model is the recorded one, and trained to the same numbers, bit by bit."""
    again = left["model"]
    assert configuration(again) == configuration(model)
    assert again.count_params() == model.count_params()
    losses = [epoch.metrics["loss"] for epoch in trace.epochs]
    if trained:
        assert left["history"].history["loss"] == losses[-len(left["history"].history["loss"]) :]
        for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def formatted(made: Program, folder: Path) -> None:
    """Ruff would leave the code as it is, and finds nothing in it."""
    path = folder / "program.py"
    path.write_text(made.code)
    rules = "E,F,I,W,B" if not made.own else "E,I,W,B"
    for command in (["format", "--check"], ["check", "--select", rules]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stdout + made.code


def spans_hold(made: Program, trace: Trace) -> None:
    """Each setting stands where it is said to, in a part, and the parts are the code."""
    assert "".join(made.part(name) for name in {each.name: 0 for each in made.parts}) == made.code
    for span in made.spans:
        text = made.code[span.start : span.end]
        assert text, span
        if span.argument == "output shape":
            assert text == str(tuple(trace.stages[span.stage].outputs[0].shape[1:]))
        elif isinstance(span.value, str | bool | int) and span.argument != "optimizer":
            assert text == (f'"{span.value}"' if isinstance(span.value, str) else str(span.value))
    shapes = {each.stage for each in made.spans if each.argument == "output shape"}
    assert shapes == {stage.name for stage in trace.stages if stage.layer}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for the program; Keras' policy is the usual one before and after it."""
    import keras

    keras.config.set_dtype_policy("float32")
    yield tmp_path
    keras.config.set_dtype_policy("float32")


def recorded_example(name: str, folder: Path) -> tuple[Any, Trace, dict[str, Any]]:
    example = load(name)
    model, (x, y) = example.build(), example.rows(ROWS)
    recorder = pipetrace.Recorder(
        folder / "run.trace", x, y, after_training="all", budget=None, verbose=False
    )
    model.fit(x, y, epochs=2, validation_split=0.25, callbacks=[recorder], verbose=0)
    trace = pipetrace.read(folder / "run.trace")
    np.savez(folder / "data.npz", **saved_rows(trace, x, y))
    return model, trace, vars(example)


def check_example(name: str, folder: Path) -> None:
    model, trace, _ = recorded_example(name, folder)
    made = program(trace)
    formatted(made, folder)
    spans_hold(made, trace)
    assert made.missing
    assert all("rows" in each for each in made.missing)
    same(model, trace, run(made, folder))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_program_builds_and_trains_the_same_model(name: str, folder: Path) -> None:
    check_example(name, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_so_do_those_of_the_other_examples(name: str, folder: Path) -> None:
    check_example(name, folder)


@pytest.mark.parametrize("name", OWN_CLASSES)
def test_with_the_users_own_classes_it_does_so_too(name: str, folder: Path) -> None:
    model, trace, names = recorded_example(name, folder)
    made = program(trace)
    formatted(made, folder)
    assert made.own
    assert not made.complete
    if trace.run.model is not None and trace.run.model.config:
        same(model, trace, run(made, folder, {each: names[each] for each in made.own}))
