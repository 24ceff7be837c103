"""Exports read back by the tools they are for; those that are not installed are skipped.

``make test-trackers`` installs them all into an environment of its own.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.trackers.servers import server

import pipetrace
from pipetrace.cli import commands
from pipetrace.errors import MissingLibraryError
from pipetrace.explain.findings.finding import flat
from pipetrace.present.export import tables
from pipetrace.present.export.trackers import export_to_mlflow
from pipetrace.trace import Trace

pytestmark = pytest.mark.filterwarnings("ignore")  # of those tools


def export(*arguments: object, code: int = 0) -> str:
    from click.testing import CliRunner

    done = CliRunner().invoke(commands, ["export", *map(str, arguments)], prog_name="pipetrace")
    if code == 0 and done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_csv_holds_every_figure_of_every_epoch(digits_file: Path, digits_trace: Trace) -> None:
    text = export(digits_file, "--to", "csv")
    lines = [line.split(",") for line in text.splitlines()]
    assert len(lines) == 1 + len(digits_trace.epochs)
    for name, *values in zip(*lines, strict=True):
        expected = digits_trace.columns()[name]
        assert [float(each) for each in values] == expected, name


def test_parquet_is_read_back(
    digits_file: Path, digits_trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = 0
    for library in ("pyarrow", "polars"):
        monkeypatch.setattr(
            tables, "find_spec", lambda name, library=library: name == library or None
        )
        try:
            module = __import__(library)
        except ImportError:
            continue
        out = tmp_path / f"{library}.parquet"
        export(digits_file, "--to", "parquet", "-o", out)
        if library == "pyarrow":
            parquet = importlib.import_module("pyarrow.parquet")
            read = parquet.read_table(out).to_pydict()
        else:
            read = module.read_parquet(out).to_dict(as_series=False)
        assert read == digits_trace.columns()
        found += 1
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    with pytest.raises(MissingLibraryError):
        tables.epochs_parquet(digits_trace)
    if not found:
        pytest.skip("neither pyarrow nor polars is installed")


def test_frames_of_both_libraries(digits_file: Path, digits_trace: Trace) -> None:
    for library in ("pandas", "polars"):
        pytest.importorskip(library)
        frame = digits_trace.to_frame(library)
        assert list(frame.columns) == list(digits_trace.columns())
        assert list(frame["val_loss"]) == digits_trace.columns()["val_loss"]
        runs = pipetrace.runs(digits_file).to_frame(library)
        assert list(runs["dense.units"]) == [10]
        mixed = pipetrace.runs([digits_file, Path(__file__)]).to_frame(library)
        assert mixed.shape[0] == 2


def test_junit_has_a_case_for_each_rule(digits_file: Path) -> None:
    root = ElementTree.fromstring(export(digits_file, "--to", "junit"))
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    failed = {case.attrib["name"].split()[0] for case in cases if case.find("failure") is not None}
    assert failed == {each.code for each in flat(pipetrace.findings(digits_file))}
    assert int(suite.attrib["tests"]) == len(cases) > 50
    assert int(suite.attrib["failures"]) == len(failed)
    skipped = [case for case in cases if case.find("skipped") is not None]
    assert int(suite.attrib["skipped"]) == len(skipped)


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars of a folder by TensorBoard's own reader: steps and values by tag."""
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    tensor_util = importlib.import_module("tensorboard.util.tensor_util")
    read = reader.EventAccumulator(str(folder))
    read.Reload()
    found = {}
    for tag in read.Tags()["tensors"]:
        kind = read.SummaryMetadata(tag).plugin_data.plugin_name
        if kind == "scalars":
            found[tag] = [
                (each.step, float(tensor_util.make_ndarray(each.tensor_proto)))
                for each in read.Tensors(tag)
            ]
    return found


@pytest.mark.framework
def test_tensorboard_reads_what_keras_own_callback_writes(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    import keras

    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    board = keras.callbacks.TensorBoard(str(tmp_path / "keras"), write_graph=False)
    recorder = pipetrace.Recorder(tmp_path / "run.trace", verbose=False)
    history = model.fit(
        x, x[:, :1], epochs=3, verbose=0, validation_split=0.25, callbacks=[board, recorder]
    )
    assert pipetrace.read(tmp_path / "run.trace").history == history.history
    out = tmp_path / "ours"
    export(tmp_path / "run.trace", "--to", "tensorboard", "-o", out)
    assert events(out / "validation").keys() == {"epoch_loss", "epoch_mae"}
    for part in ("train", "validation"):
        theirs = events(tmp_path / "keras" / part)
        by_epoch = {tag: points for tag, points in theirs.items() if tag.startswith("epoch_")}
        assert by_epoch == events(out / part)
    assert "output-exists" in (
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pipetrace",
                "export",
                "run.trace",
                "--to",
                "tensorboard",
                "-o",
                out,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        ).stderr
    )
    export(tmp_path / "run.trace", "--to", "tensorboard", "-o", out, "--force")
    assert [step for step, _ in events(out / "train")["epoch_loss"]] == [0, 1, 2]


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of MLflow's own server on loopback, with its runs in SQLite."""
    for library in ("mlflow", "sqlalchemy", "flask_cors", "aiohttp"):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("server")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", "0"]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    env = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with server(command, r"running on (http://127\.0\.0\.1:\d+)", folder, env) as address:
        yield address


@pytest.mark.parametrize("place", ["store", "server"])
def test_mlflow_reads_the_run_back(
    place: str,
    digits_file: Path,
    digits_trace: Trace,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)  # MLflow makes folders where it is
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    address = f"sqlite:///{tmp_path}/mlflow.db"
    if place == "server":
        address = request.getfixturevalue("mlflow_server")
    identity = export(digits_file, "--to", "mlflow", "-o", address).split()[-1]
    client = mlflow.MlflowClient(tracking_uri=address)
    run = client.get_run(identity)
    assert run.info.status == "FINISHED"
    assert run.data.params["dense.units"] == "10"
    assert float(run.data.params["learning_rate"]) == 0.003
    for name, values in digits_trace.history.items():
        read = client.get_metric_history(identity, name)
        assert [(each.step, each.value) for each in read] == [*enumerate(values, 1)], name
    files = {each.path for each in client.list_artifacts(identity, "pipetrace")}
    assert files == {"pipetrace/digits.trace", "pipetrace/digits.html"}
    copy = client.download_artifacts(identity, "pipetrace/digits.trace", str(tmp_path))
    assert Path(copy).read_bytes() == digits_file.read_bytes()
    page = client.download_artifacts(identity, "pipetrace/digits.html", str(tmp_path))
    assert "</html>" in Path(page).read_text()[-20:]


@pytest.mark.parametrize("address", ["nothing://known", "http://127.0.0.1:9"])
def test_a_store_that_is_not_there(address: str, digits_file: Path) -> None:
    pytest.importorskip("mlflow")
    begun = time.monotonic()
    with pytest.raises(pipetrace.PipetraceError, match="bad-output"):
        export_to_mlflow(digits_file, address)
    assert time.monotonic() - begun < 60  # MLflow itself tries for four minutes


TRAIN = """
import json, os, sys
import keras, numpy as np
import pipetrace

tracker, folder, store = sys.argv[1:]
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
recorder = pipetrace.Recorder("run.trace", verbose=False, log_to=tracker)
if tracker == "mlflow":
    import mlflow
    mlflow.set_tracking_uri(store)
    with mlflow.start_run() as run:
        model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[recorder])
    found = [run.info.run_id]
else:
    import wandb
    run = wandb.init(project="p", mode="offline", dir=folder, settings=wandb.Settings(silent=True))
    model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[recorder])
    run.finish()
    found = []
again = pipetrace.Recorder("second.trace", verbose=False, log_to=tracker)
model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[again])  # no run is active any more
print(json.dumps(found))
"""


@pytest.mark.framework
@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_recorder_logs_its_trace_to_the_active_run(
    tracker: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    module = pytest.importorskip(tracker)
    store = request.getfixturevalue("mlflow_server") if tracker == "mlflow" else ""
    folders = {f"WANDB_{name}_DIR": str(tmp_path / name) for name in ("DATA", "CACHE", "CONFIG")}
    wandb = {"WANDB_MODE": "offline", **folders}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, tracker, str(tmp_path), store],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **wandb},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{tracker} has no active run" in done.stderr
    if tracker == "mlflow":
        (identity,) = json.loads(done.stdout.splitlines()[-1])
        client = module.MlflowClient(tracking_uri=store)
        found = client.list_artifacts(identity, "pipetrace")
        assert {each.path for each in found} == {"pipetrace/run.html", "pipetrace/run.trace"}
        copy = Path(client.download_artifacts(identity, "pipetrace/run.trace", str(tmp_path)))
        logged = copy.read_bytes()
    else:
        files = logged_to_wandb(tmp_path)
        assert files.keys() == {"run.trace", "run.html"}
        logged = files["run.trace"]
    assert logged == (tmp_path / "run.trace").read_bytes()
    for name in ("run.trace", "second.trace"):
        trace = pipetrace.read(tmp_path / name)
        assert (trace.ending.kind, len(trace.epochs)) == ("finished", 1)
        assert not any(each.kind == "recording lost" for each in trace.events)


def logged_to_wandb(folder: Path) -> dict[str, bytes]:
    """The files of the artifacts in an offline run, whose file is a log of LevelDB with W&B's own
    messages; W&B sends the copies that they name."""
    messages = importlib.import_module("wandb.proto.wandb_internal_pb2")
    found: dict[str, bytes] = {}
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    for data in leveldb_records(file.read_bytes()):
        record = messages.Record()
        record.ParseFromString(data)
        for artifact in (record.artifact, record.request.log_artifact.artifact):
            for each in artifact.manifest.contents:
                found[each.path] = Path(each.local_path).read_bytes()
    return found


def leveldb_records(data: bytes, begin: int = 7, block: int = 32768) -> Iterator[bytes]:
    """The records of a log: each part has a checksum of 4 bytes, its length in 2 and its kind in 1,
    in blocks of 32 KiB; ``begin`` is the length of W&B's own header."""
    at, whole = begin, b""
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


def test_log_to_is_checked_at_once(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    with pytest.raises(pipetrace.PipetraceError, match="bad-argument"):
        pipetrace.Recorder(tmp_path / "run.trace", log_to="tensorboard")
