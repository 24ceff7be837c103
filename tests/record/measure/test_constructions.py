"""The line that constructs a layer: the right one, or none."""

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pipetrace
from pipetrace.record.measure.constructions import program_files

SEQUENTIAL = """
from keras import layers as L
from keras.layers import Dense as D
def build():
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        L.Conv2D(4, 3, activation="relu"),  # conv2d
        L.Conv2D(4, 3),  # conv2d_1
        L.Flatten(),  # flatten
        L.Dropout(0.5), L.Dropout(rate=0.25),  # dropout dropout_1
        D(8, "relu"),  # dense
        D(8, "relu", name="named"),  # named
        D(CLASSES),  # dense_1
    ])
"""
FUNCTIONAL = """
class Scale(keras.layers.Layer):
    def __init__(self, by, **more):
        super().__init__(**more)
        self.by = by
    def call(self, x):
        return x * self.by
def build():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.ZeroPadding2D((1, 2))(inputs)  # zero_padding2d
    x = keras.layers.Conv2D(filters=4, kernel_size=(3, 3), padding="SAME")(x)  # conv2d
    x = keras.layers.LayerNormalization(axis=-1)(x)  # layer_normalization
    x = Scale(2.0)(x)  # scale
    x = keras.layers.GlobalAveragePooling2D()(x)  # global_average_pooling2d
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation=keras.activations.softplus)(x))  # dense
"""
SUBCLASS = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat = keras.layers.Flatten()  # flatten
        self.first = keras.layers.Dense(16, activation="relu")  # dense
        self.last = keras.layers.Dense(units=CLASSES)  # dense_1
    def call(self, x):
        return self.last(self.first(self.flat(x)))
def build():
    return Net()
"""
LOOP = """
def build():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])  # flatten
    for units in (16, 8):
        model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(CLASSES, name="scores"))  # scores
    return model
"""
HIDDEN = """
def build():
    made = getattr(keras.layers, "Dense")(16)
    other = keras.layers.Flatten()
    unused = keras.layers.Dense(16, activation="relu")
    return keras.Sequential([keras.Input((8, 8, 1)), other, made, keras.layers.Dense(CLASSES, name="scores")])  # scores
"""
LOADED = """
def build():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    return keras.models.clone_model(model)
"""
STYLES = {
    "sequential": SEQUENTIAL,
    "functional": FUNCTIONAL,
    "subclass": SUBCLASS,
    "loop": LOOP,
    "hidden": HIDDEN,
    "loaded": LOADED,
}
HEAD = "import keras\nCLASSES = 3\n"
TRAIN = """
import sys, importlib
import keras, numpy as np, pipetrace
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 64)
for style in sys.argv[1:]:
    keras.utils.clear_session()
    model = importlib.import_module(f"models.{style}").build()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    options = {"verbose": False, "after_training": "none", "anonymous": style == "anonymous"}
    recorder = pipetrace.Recorder(f"{style}.trace", **options)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[recorder])
    del sys.modules[f"models.{style}"]  # the next one is a program of its own
"""


@pytest.mark.framework
def test_each_style_of_program(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    styles = {**STYLES, "anonymous": SEQUENTIAL}
    for style, text in styles.items():
        (tmp_path / "models" / f"{style}.py").write_text(HEAD + text)
    (tmp_path / "train.py").write_text(TRAIN)
    time.sleep(0.05)  # what is written later than the process begins does not count
    done = subprocess.run(
        [sys.executable, "train.py", *styles],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for style, text in styles.items():
        expected = {
            name: f"models/{style}.py:{number}"
            for number, line in enumerate((HEAD + text).splitlines(), 1)
            for name in line.partition("  # ")[2].split()
        }
        trace = pipetrace.read(tmp_path / f"{style}.trace")
        found = dict(trace.run.constructed_at)
        assert found == ({} if style == "anonymous" else expected), style


def test_a_file_that_changed_since_the_process_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_program_of_mine.py").write_text("made = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("a_program_of_mine")
    file = Path("a_program_of_mine.py")
    assert program_files() == {}
    os.utime(file, (1e9, 1e9))
    assert program_files() == {file.name: tmp_path / file}
    monkeypatch.delitem(sys.modules, "a_program_of_mine")
    assert program_files() == {}


def test_a_program_written_just_before_it_runs(tmp_path: Path) -> None:
    """By the clock tick alone, two of three such programs seem to be changed after the start."""
    look = "from pipetrace.record.measure.constructions import program_files\n"
    for _ in range(4):
        (tmp_path / "program.py").write_text(look + "print(*program_files())\n")
        ran = subprocess.run(
            [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert ran.stdout == "program.py\n"
