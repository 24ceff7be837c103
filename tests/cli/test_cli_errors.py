"""What is wrong is said, with an exit code, and nothing is left behind."""

import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import COMMAND, Ran, Run, is_message, listing, start

from pipetrace.trace.schema import SCHEMA


def damaged(place: Path) -> None:
    content = bytearray(place.read_bytes())
    for at in range(4096, len(content), 4096):
        content[at : at + 64] = b"\xff" * 64
    place.write_bytes(content)


def cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 2])


def damaged_figures(place: Path) -> None:
    """What is found only when a rule asks for it."""
    with closing(sqlite3.connect(place)) as database, database:
        assert (
            database.execute("UPDATE content SET data = '[1]' WHERE typeof(data) = 'text'").rowcount
            > 0
        )


def newer(place: Path) -> None:
    with closing(sqlite3.connect(place)) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA + 1}")


def foreign(place: Path) -> None:
    place.unlink()
    with closing(sqlite3.connect(place)) as database:
        database.execute("CREATE TABLE a (b)")


@pytest.mark.parametrize("command", ["show", "page", "quiz", "export"])
@pytest.mark.parametrize(
    ("spoil", "slug"),
    [
        (Path.unlink, "trace-not-found"),
        (lambda place: place.write_bytes(b""), "not-a-trace"),
        (lambda place: place.write_text("epoch,loss\n1,2.3\n" * 20), "not-a-trace"),
        (foreign, "not-a-trace"),
        (damaged, "damaged-trace"),
        (cut, "damaged-trace"),
        (damaged_figures, "damaged-trace"),
        (newer, "newer-trace"),
    ],
    ids=["missing", "empty", "text", "foreign", "damaged", "cut", "figures", "newer"],
)
def test_a_trace_that_cannot_be_read(
    run: Run, here: Path, command: str, spoil: Callable[[Path], object], slug: str
) -> None:
    spoil(here / "digits.trace")
    before = listing(here)
    ran = run(command, "digits.trace")
    assert ran.code == 2
    assert is_message(ran, slug, "digits.trace")
    assert listing(here) == before


@pytest.mark.parametrize("command", ["show", "page", "quiz", "export"])
@pytest.mark.parametrize("place", [".", "..", "/", "x" * 300, "digits.trace/deeper"])
def test_a_place_that_is_no_file(run: Run, here: Path, command: str, place: str) -> None:
    before = listing(here)
    ran = run(command, place)
    assert ran.code == 2
    assert is_message(ran, "trace-not-found" if place == "digits.trace/deeper" else "not-a-trace")
    assert listing(here) == before


NOWHERE = [
    ("missing/out.x", "not-writable", "There is no folder"),
    (".", "not-writable", ". is a folder"),
    ("digits.trace/out.x", "not-writable", "There is no folder"),
    ("x" * 300, "not-writable", "File name too long"),
    ("there.x", "output-exists", "there.x exists and would be overwritten"),
]


@pytest.mark.parametrize(
    ("out", "slug", "words"), NOWHERE, ids=["no-folder", "folder", "in-a-file", "long", "exists"]
)
@pytest.mark.parametrize(
    "command", ["page digits.trace -o", "export digits.trace -o", "digits --out", "digits --page"]
)
def test_a_place_that_cannot_be_written(
    run: Run, here: Path, command: str, out: str, slug: str, words: str
) -> None:
    (here / "there.x").write_text("mine")
    before = listing(here)
    ran = run(
        *command.split(), out, *(["--out", "new.trace"] if command.endswith("--page") else [])
    )
    assert ran.code == 2
    assert is_message(ran, slug, out)
    assert words in ran.err
    assert listing(here) == before


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="a folder that nobody can write to is wanted"
)
@pytest.mark.parametrize(
    "command", ["page digits.trace -o", "export digits.trace -o", "digits --out", "digits --page"]
)
def test_a_folder_that_cannot_be_written_to(run: Run, here: Path, command: str) -> None:
    ran = run(*command.split(), "/proc/run.x")
    assert ran.code == 2
    assert is_message(ran, "not-writable", "/proc/run.x")
    assert "cannot be written to" in ran.err


def test_all_that_would_be_overwritten_is_named_before_any_work(run: Run, here: Path) -> None:
    (here / "digits.html").write_text("mine")
    ran = run("digits")
    assert ran.code == 2
    assert is_message(ran, "output-exists", "digits.trace and digits.html")
    assert "digits.trace and digits.html exist and would be overwritten" in ran.err
    assert "--force" in ran.err
    assert (here / "digits.html").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("page", "digits.trace", "-o", "digits.trace"),
        ("page", "digits.trace", "-o", "again.trace"),
        ("export", "digits.trace", "-o", "./digits.trace"),
        ("digits", "--data", "data.npz", "-o", "data.npz"),
        ("digits", "--data", "data.npz", "--page", "data.npz"),
    ],
    ids=["page", "page through a link", "export", "trace", "page of a run"],
)
def test_force_does_not_write_over_what_is_read(
    run: Run, here: Path, arguments: tuple[str, ...]
) -> None:
    (here / "again.trace").symlink_to("digits.trace")
    write_data(here)
    before = listing(here)
    ran = run(*arguments, "--force")
    assert ran.code == 2
    assert is_message(ran, "bad-argument")
    assert "is what is read" in ran.err
    assert listing(here) == before


def test_force_replaces(run: Run, here: Path) -> None:
    for command, name in (("page", "digits.html"), ("export", "run.json")):
        (here / name).write_text("old")
        assert run(command, "digits.trace", "-o", name, "--force") == Ran(0, f"Wrote {name}\n", "")
        assert len((here / name).read_bytes()) > 100_000


def write_data(folder: Path, **arrays: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    kept: dict[str, Any] = {"x": x, "y": np.arange(40) % 10, **arrays}
    np.savez(folder / "data.npz", **kept)


@pytest.mark.parametrize(
    ("options", "slug", "where"),
    [
        ("--rows 0", "bad-argument", "--rows"),
        ("--epochs 0", "bad-argument", "--epochs"),
        ("--epochs -3", "bad-argument", "--epochs"),
        ("--batch-size 0", "bad-argument", "--batch-size"),
        ("--seed -1", "bad-argument", "--seed"),
        ("--pixel 256", "bad-argument", "--pixel"),
        ("--pixel -1", "bad-argument", "--pixel"),
        ("--out a.trace --page a.trace", "bad-argument", "a.trace"),
        ("--out same.html", "bad-argument", "same.html"),
        ("--rows 1797", "too-many-rows", "--rows"),
        ("--rows 1000000", "too-many-rows", "--rows"),
        ("--data nothing.npz", "data-not-found", "nothing.npz"),
        ("--data .", "data-not-found", "."),
        ("--data digits.trace", "not-idx", "digits.trace"),
        ("--data data.npz --rows 39", "too-many-rows", "--rows"),
    ],
)
def test_a_run_that_cannot_begin(run: Run, here: Path, options: str, slug: str, where: str) -> None:
    write_data(here)
    before = listing(here)
    ran = run("digits", "--quiet", "--out", "new.trace", *options.split())
    assert ran.code == 2
    assert is_message(ran, slug, where)
    assert listing(here) == before


@pytest.mark.parametrize(
    ("arrays", "slug"),
    [
        ({"y": np.arange(39)}, "count-mismatch"),
        ({"y": np.arange(40)}, "bad-labels"),
        ({"x": np.random.default_rng(0).random((40, 28, 28))}, "bad-pixels"),
        ({"x": np.zeros((40, 8, 8), np.uint8)}, "bad-arrays"),
    ],
    ids=["count", "labels", "scaled", "size"],
)
def test_data_that_cannot_be_trained_on(
    run: Run, here: Path, arrays: dict[str, Any], slug: str
) -> None:
    write_data(here, **arrays)
    before = listing(here)
    ran = run("digits", "--quiet", "--out", "new.trace", "--rows", "20", "--data", "data.npz")
    assert ran.code == 2
    assert is_message(ran, slug)
    assert listing(here) == before


@pytest.mark.parametrize(
    "arguments",
    [
        "nonsense",
        "digits --nonsense",
        "digits --epochs many",
        "digits extra",
        "show",
        "page",
    ],
)
def test_a_command_that_is_not_understood(run: Run, here: Path, arguments: str) -> None:
    before = listing(here)
    ran = run(*arguments.split())
    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.startswith("Usage: pipetrace")
    assert "\nError: " in ran.err
    assert "Try 'pipetrace" in ran.err
    assert listing(here) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is wanted")
@pytest.mark.parametrize("command", ["show", "export"])
def test_an_output_that_is_full_is_an_error(here: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [COMMAND, command, "digits.trace"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 2
    assert is_message(Ran(2, "", ran.stderr), "disk-full", "standard output")


SMALL_DISK = (
    "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="a limit to the size of files is wanted")
@pytest.mark.parametrize(("command", "out"), [("page", "digits.html"), ("export", "run.json")])
def test_a_disk_that_is_full_leaves_nothing_half_written(
    here: Path, command: str, out: str
) -> None:
    (here / out).write_text("mine")
    before = listing(here)
    ran = start(command, "digits.trace", "-o", out, "--force", before=SMALL_DISK)
    assert ran.returncode == 2
    assert is_message(Ran(2, ran.stdout, ran.stderr), "disk-full", out)
    assert listing(here) == before
