"""The program of a run, run: it builds the same model and trains it to the same losses and weights."""

import ast
import builtins
import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.examples.gallery import load

import pipetrace
from pipetrace.explain.learn.program import Program, program
from pipetrace.trace import Trace
from pipetrace.trace.document import SOURCE, Stages
from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import InitialWeight
from pipetrace.trace.training import Callback

pytestmark = pytest.mark.framework

ROWS = 128
EXAMPLES = ("attention", "dict_inputs", "multi_output", "nested_model")
"""One for each way to build a model."""
OTHERS = (
    *("augmentation", "autoencoder", "bidirectional", "binary_sigmoid", "functional_branches"),
    *("jit", "logits", "mixed_precision", "ops_functional", "regression", "residual"),
    *("rnn_states", "segmentation", "sequence_forecast", "sequential_mlp", "shared_layer", "text"),
    *("time_distributed", "towers", "unet"),
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
    # The note names exactly what the program reads.
    read = re.findall(r'data\["(\w+)"\]', made.code)
    note = "".join(line.lstrip("# ") + " " for line in made.part("data").splitlines())
    assert re.findall(r"(\w+)=\.\.\.", note) == [*dict.fromkeys(read)]
    for each in left.values():
        if isinstance(each, np.lib.npyio.NpzFile):
            each.close()
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
            cwd=folder,
        )
        assert not done.returncode, done.stdout + made.code


def shapes_hold(made: Program, trace: Trace) -> None:
    """Each layer has its shape behind it."""
    shapes = [
        str(tuple(each.outputs[0].shape[1:]))
        for each in trace.stages
        if each.layer and each.outputs
    ]
    assert sorted(re.findall(r"  # (\(.*\))$", made.part("model"), re.M)) == sorted(shapes)


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
    shapes_hold(made, trace)
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


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(each, marks=pytest.mark.slow) if each == "positions" else each
        for each in OWN_CLASSES
    ],
)
def test_with_the_users_own_classes_it_does_so_too(name: str, folder: Path) -> None:
    model, trace, names = recorded_example(name, folder)
    made = program(trace)
    formatted(made, folder)
    assert made.own
    assert made.missing
    if trace.run.model is not None and trace.run.model.config:
        same(model, trace, run(made, folder, {each: names[each] for each in made.own}))


def test_the_digits_need_nothing_from_the_user(digits_trace: Trace, folder: Path) -> None:
    made = program(digits_trace)
    assert not made.missing
    formatted(made, folder)
    shapes_hold(made, digits_trace)
    left = run(made, folder)
    assert left["history"].history["loss"] == [
        epoch.metrics["loss"] for epoch in digits_trace.epochs
    ]
    trained = {
        f"{layer.name}/{each.name}": each.numpy()
        for layer in left["model"].layers
        for each in layer.weights
    }
    for name, array in digits_trace.weights.items():
        np.testing.assert_array_equal(trained[name], array)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.slow
def test_settings_callbacks_and_a_second_fit_with_a_frozen_layer(folder: Path) -> None:
    import keras
    from keras import layers, losses, metrics, optimizers

    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 6, 4)).astype("float32")
    y = (x.sum((1, 2)) > 0).astype("int64")
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            layers.Conv1D(
                8, 3, padding="same", kernel_initializer="he_normal", kernel_regularizer="l2"
            ),
            layers.BatchNormalization(momentum=0.9),
            layers.LeakyReLU(negative_slope=0.1),
            layers.MaxPooling1D(3, strides=2),
            layers.Dropout(0.3),
            layers.Bidirectional(layers.SimpleRNN(5, dropout=0.1)),
            layers.Dense(6, "gelu", kernel_constraint=keras.constraints.MaxNorm(3)),
            layers.Dense(2),
        ]
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = optimizers.schedules.ExponentialDecay(0.05, 10, 0.9)
    measured = ["accuracy", metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")]
    model.compile(optimizers.SGD(rate, momentum=0.9, clipnorm=1.0), loss, metrics=measured)
    options: Any = {"validation_data": (x[64:], y[64:]), "verbose": 0}
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("top2", mode="max", factor=0.5, min_delta=0.01),
    ]
    pipetrace.watch(model, folder / "run.trace", verbose=False, budget=None)
    weights: Any = {"class_weight": {0: 1.0, 1: 2.0}, "shuffle": False}
    model.fit(x[:64], y[:64], 16, 3, callbacks=callbacks[:1], **weights, **options)
    model.layers[0].trainable = False
    model.compile(optimizers.Adam(3e-4, beta_1=0.8), loss, metrics=measured)
    model.fit(x[:64], y[:64], epochs=2, callbacks=callbacks[1:], **options)
    trace = pipetrace.read(folder / "run.trace")
    np.savez(folder / "data.npz", x=x[:64], y=y[:64], x_val=x[64:], y_val=y[64:])
    made = program(trace)
    formatted(made, folder)
    assert [part.name for part in made.parts][-2:] == ["fit", "fit 2"]
    same(model, trace, run(made, folder))
    for setting in ("patience=2", 'mode="max"', "strides=2", "beta_1=0.8"):
        assert made.code.count(setting) == 1


def test_what_was_not_recorded_is_missing(digits_trace: Trace) -> None:
    run_of, model = digits_trace.run, digits_trace.run.model
    assert model is not None
    unseeded = replace(
        digits_trace, run=replace(run_of, training=replace(run_of.training, seed=None))
    )
    assert "set_random_seed" not in program(unseeded).code
    own = replace(model, layer="Mine", config={})
    assert program(replace(digits_trace, run=replace(run_of, model=own))).own == ("Mine",)
    begun = Measurements([Measurement("dense/bias", 0, InitialWeight(min=-0.5, max=0.5))])
    assert program(replace(digits_trace, measurements=begun)).missing
    untrained = program(replace(digits_trace, run=replace(run_of, fits=())))
    assert untrained.missing
    assert "set_random_seed" not in untrained.code
    training = replace(run_of.fits[0].training, callbacks=(Callback("Mine"), Callback("CSVLogger")))
    fits = (replace(run_of.fits[0], training=training),)
    called = program(replace(digits_trace, run=replace(run_of, fits=fits)))
    assert len(called.missing) == 2
    assert "# Callbacks" in called.part("fit")
    large = replace(model, config={})
    assert program(replace(digits_trace, run=replace(run_of, model=large))).missing
    # While a training runs, its stages may not be known yet.
    unseen = replace(digits_trace, stages=Stages(()), run=replace(run_of, model=None))
    assert program(unseen).missing


HOSTILE = ("open", "eval", "__import__", "load_model", "get_file", "TFSMLayer", 'x"); exit(); ("')


@pytest.mark.parametrize("module", ["keras.saving", "keras.utils", "keras.layers", "os", ""])
def test_a_forged_file_puts_no_code_into_the_program(digits_trace: Trace, module: str) -> None:
    model = digits_trace.run.model
    assert model is not None
    evil = {"file": "x", "mode": "w", 'a"b': "'''\n\"\"\"", "name": "n\n); exit()  #"}
    layers = [{"module": module, "class_name": name, "config": evil} for name in HOSTILE]
    forged = replace(model, config={"layers": layers, "name": '"""\nexit()'})
    training = replace(
        digits_trace.run.training,
        compile_config={"loss": {"class_name": "function", "config": "exit"}},
    )
    fits = tuple(replace(each, training=training) for each in digits_trace.run.fits)
    changed = replace(digits_trace.run, model=forged, training=training, fits=fits)
    made = program(replace(digits_trace, run=changed))
    assert made.missing
    called = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(made.code))
        if isinstance(node, ast.Call)
    }
    assert not [name for name in called if hasattr(builtins, name) and name not in ("print", "len")]
    assert not [name for name in called if "." in name and name.rpartition(".")[2] in HOSTILE]
    for config in ({"input_layers": 3, "layers": [{}]}, {"layers": "x"}):
        broken = replace(digits_trace.run, model=replace(model, config=config))
        assert program(replace(digits_trace, run=broken)).missing
