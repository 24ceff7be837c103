"""The commands for programs and models of somebody's own: ``run`` and ``trace``."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run, start

import pipetrace
from pipetrace.trace.claim import claim

pytestmark = [
    pytest.mark.framework,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

PROGRAM = """
import argparse, os, sys
import numpy as np
os.environ["SET_BEFORE_KERAS"] = "yes"
import helper
import keras
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--fits", type=int, default=1)
parser.add_argument("--end", default="well")
wanted = parser.parse_args()
x = np.arange(60, dtype="float32").reshape(20, 3) / 60
for width in (2, 4):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(width, name=f"wide_{width}"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    for _ in range(wanted.fits):
        model.fit(x, x[:, :1], epochs=wanted.epochs, verbose=0)
print("argv", sys.argv, "name", __name__, "file", os.path.basename(__file__), helper.WORD)
if wanted.end == "raises":
    raise ValueError("the program's own words")
sys.exit({"well": 0, "three": 3, "text": "ended with a text"}[wanted.end])
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "helper.py").write_text("WORD = 'from beside'\n")
    path = folder / "train.py"
    path.write_text(PROGRAM)
    return path


def quiet(text: str) -> list[str]:
    """What was said, without TensorFlow's notes on the processor."""
    noise = ("WARNING: All log", "I0000", "To enable the following", "W0000", "E0000")
    return [line for line in text.splitlines() if line.strip() and not line.startswith(noise)]


def traces_told(text: str) -> list[str]:
    """The lines that name the traces."""
    return [line for line in quiet(text) if line.startswith("pipetrace: the trace is ")]


def without_ours(text: str) -> list[str]:
    """What was said beside the recorder's lines; what follows on one of its own is set in."""
    return [line for line in quiet(text) if not line.startswith(("pipetrace: ", "  "))]


TWO_AT_A_TIME = """
import sys, time
from pathlib import Path
import numpy as np
import keras
name, watched, others = sys.argv[1], sys.argv[2] == "watch", int(sys.argv[3])
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
def wait(epoch, logs):
    Path(name).touch()
    until = time.monotonic() + 120
    while len(list(Path().glob("trains-*"))) < others and time.monotonic() < until:
        time.sleep(0.05)
if watched:
    import pipetrace
    pipetrace.watch(model, "train.trace")
calls = [keras.callbacks.LambdaCallback(on_epoch_begin=wait)]
model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=int(name[-1]), verbose=0, callbacks=calls)
"""


def test_processes_that_train_in_one_folder_have_a_trace_and_a_page_each(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(TWO_AT_A_TIME)
    given = {1: ("trains-1", "run"), 2: ("trains-2", "watch")}
    running = []
    for name, door in given.values():
        run_by = ["-m", "pipetrace", "run", "--page"] if door == "run" else []
        line = [sys.executable, *run_by, program.name, name, door, str(len(given))]
        pipes: Any = {"stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
        running.append(subprocess.Popen(line, **pipes))
    told = [each.communicate(timeout=300)[1] for each in running]
    assert [each.returncode for each in running] == [0, 0], told
    names = []
    for number, text in zip(given, told, strict=True):
        (found,) = re.findall(r"the trace is (\S+\.trace);", text)
        names.append(found)
        assert len(pipetrace.read(tmp_path / found).epochs) == number
        assert (f"this one is recorded in {found}" in text) == (found != "train.trace")
        page = (tmp_path / found).with_suffix(".html")
        assert page.exists() == (given[number][1] == "run")
    assert sorted(names) == ["train-2.trace", "train.trace"]
    assert not list(tmp_path.glob(".*"))


def test_a_program_runs_as_with_python_and_each_model_has_a_trace(
    program: Path, tmp_path: Path
) -> None:
    ended = start("run", program, "--epochs", "2", "--fits", "2", "--end", "three", cwd=tmp_path)
    assert ended.returncode == 3
    name = str(program)
    assert quiet(ended.stdout) == [
        f"argv {[name, '--epochs', '2', '--fits', '2', '--end', 'three']} name __main__ file train.py from beside"
    ]
    first, second = traces_told(ended.stderr)
    assert first == "pipetrace: the trace is train.trace; see it with: pipetrace show train.trace"
    # What the rules found stands below the first trace, and beside the second; all is said once.
    assert second.startswith("pipetrace: the trace is train-2.trace: ")
    found = re.findall(r"^pipetrace: .* (?:from|of the) \d+ rules", ended.stderr, re.MULTILINE)
    assert len(found) == 2
    assert without_ours(ended.stderr) == []
    for path, width in ((tmp_path / "train.trace", 2), (tmp_path / "train-2.trace", 4)):
        trace = pipetrace.read(path)
        assert [stage.name for stage in trace.stages][1] == f"wide_{width}"
        assert [epoch.number for epoch in trace.epochs] == [1, 2, 3, 4]
        assert trace.ending.kind == "finished"
        assert trace.run.command.startswith("pipetrace run")


RAISES = """
import sys
def fails():
    print(__file__, sys.argv, sys.path[0])
    raise ValueError("the program's own words")
fails()
"""


def test_an_exception_ends_the_program_as_with_python(
    program: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raises.py").write_text(RAISES)
    theirs, ours = (
        subprocess.run(
            [sys.executable, *call, "raises.py", "--argument"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        for call in ([], ["-m", "pipetrace", "run"])
    )
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert (theirs.returncode, "--argument" in theirs.stdout) == (1, True)
    assert ours.stderr.startswith(theirs.stderr)
    assert theirs.stderr.endswith("ValueError: the program's own words\n")
    ours_alone = ours.stderr.removeprefix(theirs.stderr).splitlines()
    assert all(line.startswith("pipetrace: ") for line in ours_alone)
    # One that raises after it has trained has whole traces.
    monkeypatch.chdir(tmp_path)
    assert run("run", "-o", "mine.trace", program, "--end", "raises").code == 1
    assert pipetrace.read(tmp_path / "mine.trace").ending.kind == "finished"
    assert (tmp_path / "mine-2.trace").exists()


@pytest.mark.parametrize(
    "first",
    [
        "import tensorflow as tf",
        pytest.param("import tensorflow as tf; import keras", marks=pytest.mark.slow),
        pytest.param("import keras", marks=pytest.mark.slow),
    ],
)
def test_keras_is_found_whoever_imports_it(first: str, tmp_path: Path) -> None:
    keras = "tf.keras" if first.endswith("tf") else "keras"
    program = f"{first}; import numpy as np; K = {keras}; m = K.Sequential([K.Input((2,)), K.layers.Dense(1)])"
    fit = "m.compile('sgd', 'mse'); m.fit(np.ones((9, 2)), np.ones(9), verbose=0)"
    (tmp_path / "small.py").write_text(f"{program}; {fit}\n")
    ended = start("run", "small.py", cwd=tmp_path)
    assert ended.returncode == 0
    assert traces_told(ended.stderr) == [
        "pipetrace: the trace is small.trace; see it with: pipetrace show small.trace"
    ]
    assert without_ours(ended.stderr) == []


def test_another_backend_runs_without_a_recording(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(
        "class backend:\n    backend = staticmethod(lambda: 'openvino')\n"
    )
    (tmp_path / "main.py").write_text("import keras; print(keras.backend.backend())\n")
    ended = start("run", "main.py", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "openvino\n")
    assert "Keras runs on openvino here" in ended.stderr
    assert "Nothing is recorded." in ended.stderr


def test_a_module_and_a_program_that_fits_nothing(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "go.py").write_text(
        "import sys; print(__name__, __package__, sys.argv[1:])\n"
    )
    ended = start("run", "-m", "pack.go", "-x", "--help", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "__main__ pack ['-x', '--help']\n")
    assert ended.stderr == "pipetrace: no model was fitted, so there is no trace.\n"
    assert not list(tmp_path.glob("*.trace"))


def test_a_program_that_is_not_there(run: Run, tmp_path: Path) -> None:
    ran = run("run", tmp_path / "nothing.py")
    assert ran.code == 2
    assert "There is no script" in ran.err
    assert "bad-argument" in ran.err


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two named inputs, and rows for it."""
    import keras

    folder = tmp_path_factory.mktemp("saved")
    given = {"size": keras.Input((2,), name="size"), "shape": keras.Input((3,), name="shape")}
    joined = keras.layers.Concatenate(name="join")([given["size"], given["shape"]])
    model = keras.Model(
        given, keras.layers.Dense(3, activation="softmax", name="kind")(joined), name="two"
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    path = folder / "two.keras"
    model.save(path)
    chance = np.random.default_rng(0)
    rows: dict[str, Any] = {
        "size": chance.random((50, 2), np.float32),
        "shape": chance.random((50, 3), np.float32),
    }
    np.savez(folder / "rows.npz", **rows, y=chance.integers(0, 3, 50))
    np.savez(folder / "bare.npz", **rows)
    np.savez(folder / "bad.npz", size=rows["shape"], shape=rows["shape"])
    np.savez(folder / "uneven.npz", size=rows["size"][:9], shape=rows["shape"])
    np.savez(folder / "objects.npz", x=np.array([{}, {}], object))
    return path


def test_a_saved_model_with_rows(saved: Path, run: Run, tmp_path: Path) -> None:
    import keras

    out = tmp_path / "two.trace"
    ran = run("trace", saved, "--data", saved.parent / "rows.npz", "-o", out, "--plain")
    assert ran.code == 0, ran.err
    assert "kind" in ran.out
    trace = pipetrace.read(out)
    assert not trace.epochs
    assert (trace.rows, trace.ending.kind) == (50, "finished")
    assert [stage.name for stage in trace.stages] == ["shape", "size", "join", "kind"]
    assert trace.run.data.name == "rows.npz"
    rows = dict(np.load(saved.parent / "rows.npz"))
    labels = rows.pop("y")
    expected = keras.saving.load_model(saved, compile=False)(rows).numpy()
    for prediction in trace.predictions:
        np.testing.assert_allclose(prediction.outputs["kind"], expected[prediction.row], atol=1e-6)
        assert prediction.label == labels[prediction.row]
    assert {prediction.reason for prediction in trace.predictions} >= {"right", "surest wrong"}
    again = run("trace", saved, "--data", saved.parent / "rows.npz", "-o", out, "--quiet")
    assert (again.code, again.out) == (2, "")
    assert "output-exists" in again.err
    bare = ("--data", saved.parent / "bare.npz", "-o", out, "--quiet", "--force")
    assert run("trace", saved, *bare).code == 0
    assert [each.reason for each in pipetrace.read(out).predictions] == ["row"]
    held = claim(out)  # where another process writes, the trace goes beside it and is shown
    ran = run("trace", saved, "--data", saved.parent / "rows.npz", "-o", out, "--plain", "--force")
    assert (ran.code, held.path) == (0, out)
    assert pipetrace.read(out.with_name("two-2.trace")).rows == 50
    assert ran.out.rstrip().endswith("two-2.trace")
    held.release()


@pytest.mark.parametrize(
    ("data", "slug", "words"),
    [
        ("bad.npz", "rows-do-not-fit", "expected shape=(None, 2), found shape=(None, 3)"),
        ("uneven.npz", "count-mismatch", "shape 50, size 9"),
        ("objects.npz", "bad-arrays", "cannot be read"),
        ("two.keras", "bad-arrays", "holds no arrays"),
        ("nothing.npz", "data-not-found", "no file"),
    ],
)
def test_rows_that_do_not_fit(
    saved: Path, run: Run, tmp_path: Path, data: str, slug: str, words: str
) -> None:
    ran = run(
        "trace", saved, "--data", saved.parent / data, "-o", tmp_path / "out.trace", "--quiet"
    )
    assert ran.code == 2
    assert words in ran.err
    assert f"[{slug}]" in ran.err
    if data == "bad.npz":
        trace = pipetrace.read(tmp_path / "out.trace")
        assert trace.ending.kind == "failed"
        assert [stage.name for stage in trace.stages][:2] == ["shape", "size"]


def lambda_model(path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)


def custom_model(path: Path) -> None:
    import keras

    class Mine(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, x: Any) -> Any:
            return x

    keras.Sequential([keras.Input((3,)), Mine()]).save(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda_model, "would run code out of the file"),
        (custom_model, "parts that only your program knows"),
        (lambda path: path.write_bytes(b"PK\x03\x04 not a model"), "cannot load it"),
        (lambda path: None, "There is no file"),
        (lambda path: path.mkdir(), "is a folder"),
    ],
)
def test_models_that_keras_refuses_are_explained(
    make: Any, words: str, run: Run, saved: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    make(path)
    ran = run("trace", path, "--data", saved.parent / "rows.npz", "--quiet")
    assert ran.code == 2
    assert words in ran.err
    assert "[bad-model-file]" in ran.err
    assert "safe_mode=False" not in ran.err
    assert not (tmp_path / "model.trace").exists()
