"""What is wrong is said, with an exit code, and nothing is left behind."""

import signal
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
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
        changed = database.execute("UPDATE content SET data = '[1]' WHERE typeof(data) = 'text'")
        assert changed.rowcount > 0


def newer(place: Path) -> None:
    with closing(sqlite3.connect(place)) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA + 1}")


def foreign(place: Path) -> None:
    place.unlink()
    with closing(sqlite3.connect(place)) as database:
        database.execute("CREATE TABLE a (b)")


def refused(
    run: Run, folder: Path, arguments: Sequence[object], slug: str, where: str = ""
) -> None:
    """The command ends with 2 and this message, and leaves the folder as it was."""
    before = listing(folder)
    ran = run(*arguments)
    assert ran.code == 2, arguments
    assert is_message(ran, slug, where), arguments
    assert listing(folder) == before, arguments


READERS = ("show", "page", "quiz", "export")
WRITERS = (
    "page digits.trace -o",
    "export digits.trace -o",
    "quiz digits.trace -o",
    "digits --out",
    "digits --page",
)
SPOILED: Sequence[tuple[Callable[[Path], object], str]] = (
    (Path.unlink, "trace-not-found"),
    (lambda place: place.write_bytes(b""), "not-a-trace"),
    (lambda place: place.write_text("epoch,loss\n1,2.3\n" * 20), "not-a-trace"),
    (foreign, "not-a-trace"),
    (damaged, "damaged-trace"),
    (cut, "damaged-trace"),
    (damaged_figures, "damaged-trace"),
    (newer, "newer-trace"),
)


def test_a_trace_that_cannot_be_read(run: Run, here: Path) -> None:
    sound = (here / "digits.trace").read_bytes()
    for spoil, slug in SPOILED:
        (here / "digits.trace").write_bytes(sound)
        spoil(here / "digits.trace")
        for command in READERS:
            refused(run, here, [command, "digits.trace"], slug, "digits.trace")


def test_a_place_that_is_no_file(run: Run, here: Path) -> None:
    for command in READERS:
        for place in (".", "..", "/", "x" * 300):
            refused(run, here, [command, place], "not-a-trace")
        refused(run, here, [command, "digits.trace/deeper"], "trace-not-found")


def test_a_place_that_cannot_be_written(run: Run, here: Path) -> None:
    (here / "there.x").write_text("mine")
    places = [("missing/out.x", "not-writable"), (".", "not-writable"), ("x" * 300, "not-writable")]
    places += [("digits.trace/out.x", "not-writable"), ("there.x", "output-exists")]
    if Path("/proc/self").exists():
        places.append(("/proc/run.x", "not-writable"))
    for command in WRITERS:
        other = ["--out", "new.trace"] if command.endswith("--page") else []
        for out, slug in places:
            refused(run, here, [*command.split(), out, *other], slug, out)


def test_all_that_would_be_overwritten_is_named_before_any_work(run: Run, here: Path) -> None:
    (here / "digits.html").write_text("mine")
    ran = run("digits")
    assert ran.code == 2
    assert is_message(ran, "output-exists", "digits.trace and digits.html")
    assert (here / "digits.html").read_text() == "mine"


def test_force_does_not_write_over_what_is_read(run: Run, here: Path) -> None:
    (here / "again.trace").symlink_to("digits.trace")
    write_data(here)
    for arguments in (
        "page digits.trace -o digits.trace",
        "page digits.trace -o again.trace",
        "export digits.trace -o ./digits.trace",
        "digits --data data.npz -o data.npz",
        "digits --data data.npz --page data.npz",
    ):
        refused(run, here, [*arguments.split(), "--force"], "bad-argument")


def test_force_replaces(run: Run, here: Path) -> None:
    for command, name in (("page", "digits.html"), ("export", "run.json")):
        (here / name).write_text("old")
        assert run(command, "digits.trace", "-o", name, "--force") == Ran(0, f"Wrote {name}\n", "")
        assert len((here / name).read_bytes()) > 100_000


def write_data(folder: Path, **arrays: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    kept: dict[str, Any] = {"x": x, "y": np.arange(40) % 10, **arrays}
    np.savez(folder / "data.npz", **kept)


IMPOSSIBLE = (
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
)
UNFIT: Sequence[tuple[dict[str, Any], str]] = (
    ({"y": np.arange(39)}, "count-mismatch"),
    ({"y": np.arange(40)}, "bad-labels"),
    ({"x": np.random.default_rng(0).random((40, 28, 28))}, "bad-pixels"),
    ({"x": np.zeros((40, 8, 8), np.uint8)}, "bad-arrays"),
)


def test_a_run_that_cannot_begin(run: Run, here: Path) -> None:
    start_of = ["digits", "--quiet", "--out", "new.trace"]
    write_data(here)
    for options, slug, where in IMPOSSIBLE:
        refused(run, here, [*start_of, *options.split()], slug, where)
    for arrays, slug in UNFIT:
        write_data(here, **arrays)
        refused(run, here, [*start_of, "--rows", "20", "--data", "data.npz"], slug)


def test_a_command_that_is_not_understood(run: Run, here: Path) -> None:
    before = listing(here)
    for arguments in (
        "nonsense",
        "digits --nonsense",
        "digits --epochs many",
        "digits extra",
        "show",
        "page",
    ):
        ran = run(*arguments.split())
        assert (ran.code, ran.out) == (2, ""), arguments
        assert "Traceback" not in ran.err
        assert ran.err.startswith("Usage: pipetrace")
        assert "\nError: " in ran.err
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
