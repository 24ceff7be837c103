"""Traces at addresses: read through a copy that is kept as long as the file is the same."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run, is_message, run

from pipetrace import read
from pipetrace.errors import MissingLibraryError, TraceNotFoundError
from pipetrace.storage import COPIES, cache_folder, copies_at, local_copy

fsspec = pytest.importorskip("fsspec")
__all__ = ["run"]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, digits_file: Path) -> Iterator[Any]:
    """A storage with ``runs/digits.trace``, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.pipe_file("/runs/digits.trace", digits_file.read_bytes())
    yield system
    system.rm("/runs", recursive=True)


def fetched(system: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are fetched from now on."""
    found, get = list[str](), type(system).get_file

    def counted(self: Any, path: str, *arguments: Any, **options: Any) -> Any:
        found.append(path)
        return get(self, path, *arguments, **options)

    monkeypatch.setattr(type(system), "get_file", counted)
    return found


def test_a_file_is_fetched_once_and_again_when_it_changes(
    memory: Any, monkeypatch: pytest.MonkeyPatch, digits_file: Path
) -> None:
    found = fetched(memory, monkeypatch)
    for _ in range(2):
        trace = read("memory://runs/digits.trace")
        assert trace.run.title == read(digits_file).run.title
    assert len(found) == 1
    memory.pipe_file("/runs/digits.trace", digits_file.read_bytes())  # a moment later
    copy = local_copy("memory://runs/digits.trace")
    assert len(found) == 2
    folder = cache_folder() / COPIES
    assert [each for each in folder.rglob("*") if each.is_file()] == [copy]
    assert copy.read_bytes() == digits_file.read_bytes()


def test_without_a_sign_of_change_it_is_fetched_each_time(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fetched(memory, monkeypatch)
    info = type(memory).info
    monkeypatch.setattr(type(memory), "info", lambda *given: {**info(*given), "created": None})
    for _ in range(2):
        local_copy("memory://runs/digits.trace")
    assert len(found) == 2


def test_the_commands_take_addresses(
    memory: Any, run: Run, digits_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = "memory://runs/digits.trace"
    shown = run("show", address, "--plain")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[:20] == run("show", digits_file, "--plain").out.splitlines()[:20]
    for command in (
        ["check", address],
        ["quiz", address, "--plain"],
        ["compare", address, address],
    ):
        assert run(*command).code in (0, 1), command
    assert run("page", address).code == 0
    assert (tmp_path / "digits.html").exists()
    listed = run("runs", "memory://runs/")
    assert listed.code == 0
    assert address in listed.out or "digits" in listed.out
    assert is_message(run("show", "memory://runs/none.trace"), "trace-not-found", "memory://")
    assert is_message(run("runs", "memory://nothing/"), "trace-not-found", "memory://")


def test_what_lies_below_an_address(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/runs/a/b.trace", b"")
    memory.pipe_file("/runs/notes.txt", b"")
    below = ["memory:///runs/a/b.trace", "memory:///runs/digits.trace"]
    for address, expected in (
        ("memory://runs", below),
        ("memory://runs/*.trace", below[1:]),
        ("memory://runs/notes.txt", ["memory:///runs/notes.txt"]),
    ):
        assert [*dict(copies_at(address, ".trace"))] == expected
    found = fetched(memory, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "info", None)  # the list is enough
        assert [*dict(copies_at("memory://runs", ".trace"))] == below
    assert not found


WRITES = (
    "page {0} -o {1}/run.html",
    "export {0} --to csv -o {1}/run.csv",
    "runs {1} -o {1}/runs.csv --format csv",
    "quiz {0} -o {1}/quiz.txt",
    "serve {1}",
    "class {1}",
    "ablate {0}",
    "ablate --into {0} train.py",
    "trace {1}/model.keras --data rows.npz",
    "digits --out {0}",
)


def test_where_only_a_path_will_do(memory: Any, run: Run) -> None:
    for command in WRITES:
        done = run(*command.format("memory://runs/digits.trace", "memory://runs").split())
        assert done.code == 2, command
        assert "[bad-argument]" in done.err, command
        assert "memory://runs" in done.err, command


def test_what_is_made_of_a_copy_is_not_put_into_the_cache(
    memory: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = "memory://runs/digits.trace"
    assert run("quiz", address, "--format", "anki").code == 0
    assert run("learn", address, "review", "--to", "notebook").code == 0
    assert {each.name for each in tmp_path.iterdir()} - {"cache"} == {
        "digits.apkg",
        "digits-review.ipynb",
    }


def test_what_cannot_be_read_is_told(
    memory: Any, tmp_path: Path, digits_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("nosuch://a/b.trace", "memory://runs/none.trace"):
        with pytest.raises(TraceNotFoundError):
            read(address)
    assert read(f"file://{digits_file}").stages
    import sys

    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingLibraryError):
        read("memory://runs/digits.trace")


def test_a_server_on_loopback(
    memory: Any, tmp_path: Path, digits_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        asked: list[str] = []  # noqa: RUF012

        def log_message(self, *_: object) -> None:
            self.asked.append(str(self.command))

    handler = functools.partial(Quiet, directory=str(digits_file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/{digits_file.name}"
            first = read(address).run.created
            gets = Quiet.asked.count("GET")
            assert gets >= 1
            assert read(address).run.created == first == read(digits_file).run.created
            assert Quiet.asked.count("GET") == gets
        finally:
            server.shutdown()
            thread.join()
