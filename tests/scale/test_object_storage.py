"""Traces and rows on S3 and on Google Cloud Storage, of servers on loopback that stand for both."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.trackers.servers import server

from pipetrace.trace import read

pytest.importorskip("fsspec")
pytestmark = pytest.mark.filterwarnings("ignore")  # of those libraries, and of Keras and NumPy


@dataclass(frozen=True)
class Storage:
    """A server, its log, and what programs have to know of it."""

    scheme: str
    log: Path
    env: Mapping[str, str]

    def python(self, program: str, *arguments: object, **env: str) -> str:
        """Run a program with the file system as ``system``; what it prints."""
        told = f"import fsspec, sys\nsystem = fsspec.filesystem({self.scheme!r})\n{program}"
        done = self._run(["-c", told, *map(str, arguments)], env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def put(self, file: Path, place: str) -> None:
        self.python("system.put_file(*sys.argv[1:])", file, place)

    def pipetrace(self, *arguments: object, **env: str) -> "subprocess.CompletedProcess[str]":
        return self._run(["-m", "pipetrace", *map(str, arguments)], env)

    def _run(self, rest: list[str], env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        known = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return subprocess.run(
            [sys.executable, *rest],
            env={**known, **self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def fetched(self, name: str) -> int:
        """How often a file was fetched so far."""
        lines = [line for line in self.log.read_text().splitlines() if '"GET ' in line]
        if self.scheme == "gs":
            return sum(name in line and "alt=media" in line for line in lines)
        return sum(f"/{name} HTTP" in line for line in lines)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture(scope="module", params=["s3", "gs"])
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    """An empty bucket."""
    folder, scheme = tmp_path_factory.mktemp("storage"), request.param
    says = r"(?:Running on|Starting server at) (?:http://)?(127\.0\.0\.1:\d+)"
    env = {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONUNBUFFERED": "1"}
    if scheme == "s3":
        pytest.importorskip("s3fs")
        pytest.importorskip("moto.server")
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        env |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull, **keys}
        told = "AWS_ENDPOINT_URL"
    else:
        pytest.importorskip("gcsfs")
        pytest.importorskip("gcp_storage_emulator")
        command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--in-memory"]
        command += ["--host=127.0.0.1", f"--port={free_port()}"]
        env |= {"FSSPEC_GCS_TOKEN": "anon", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
        told = "STORAGE_EMULATOR_HOST"
    with server(command, says, folder, env) as place:
        made = Storage(scheme, folder / "server.log", {**env, told: f"http://{place}"})
        made.python("system.mkdir('bucket')")
        yield made


def test_a_trace_is_fetched_once_and_again_when_it_changes(
    storage: Storage, digits_file: Path, tmp_path: Path
) -> None:
    address, folder = f"{storage.scheme}://bucket/runs/run.trace", f"{storage.scheme}://bucket/runs"
    storage.put(digits_file, address)
    shown = storage.pipetrace("show", address, "--plain")
    assert shown.returncode == 0, shown.stderr
    listed = [storage.pipetrace("runs", each, "--plain") for each in (folder, f"{folder}/*.trace")]
    for done in listed:
        assert done.returncode == 0, done.stderr
        assert "run.trace" in done.stdout
    program = "import pipetrace; print(pipetrace.read(sys.argv[1]).run.created)"
    created = read(digits_file).run.created
    assert storage.python(program, address).strip() == created
    assert storage.fetched("run.trace") == 1
    changed = tmp_path / "run.trace"
    data = digits_file.read_bytes()
    assert data.count(created.encode()) >= 1
    changed.write_bytes(data.replace(created.encode(), created.replace("T", " ").encode()))
    storage.put(changed, address)  # of the same size
    assert storage.python(program, address).strip() == created.replace("T", " ")
    assert storage.pipetrace("runs", folder, "--plain").returncode == 0
    assert storage.fetched("run.trace") == 2
    storage.put(digits_file, f"{folder}/below/other.trace")
    assert "other.trace" in storage.pipetrace("runs", folder, "--plain").stdout
    assert storage.fetched("other.trace") == 1


def test_what_is_not_there_is_told(storage: Storage, digits_file: Path) -> None:
    told, bucket = storage.scheme, f"{storage.scheme}://bucket"
    for place in (f"{told}://no-such-bucket/run.trace", f"{bucket}/no-such.trace"):
        for command in ("show", "runs"):
            done = storage.pipetrace(command, place)
            assert done.returncode == 2
            assert "[trace-not-found]" in done.stderr
            assert f"Where: {place}" in done.stderr
    if told == "s3":
        none = {"AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true"}
        gone = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
        for env in (none, gone):
            done = storage.pipetrace("show", f"{bucket}/run.trace", **env)
            assert done.returncode == 2
            assert "[storage-unreachable]" in done.stderr


@pytest.mark.framework
def test_rows_on_a_storage(storage: Storage, tmp_path: Path) -> None:
    import keras

    rng = np.random.default_rng(0)
    for number in range(2):
        x, y = rng.normal(size=(20, 3)).astype("float32"), np.zeros(20, "int64")
        np.savez(tmp_path / "rows.npz", x=x, y=y)
        storage.put(tmp_path / "rows.npz", f"{storage.scheme}://bucket/rows/{number}.npz")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    out, data = tmp_path / "run.trace", f"{storage.scheme}://bucket/rows/*.npz"
    done = storage.pipetrace("trace", tmp_path / "model.keras", "--data", data, "--out", out)
    assert done.returncode == 0, done.stderr
    assert read(out).rows == 40
    data = f"{storage.scheme}://bucket/none/*.npz"
    done = storage.pipetrace("trace", tmp_path / "model.keras", "--data", data, "--force")
    assert done.returncode == 2
    assert "[data-not-found]" in done.stderr
