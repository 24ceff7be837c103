"""``pipetrace digits`` from end to end: a run that finishes, one that is interrupted, one whose disk is full."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Ran, Run, command, is_message, listing, start

from pipetrace.present.build.document import document
from pipetrace.present.page import trace_page
from pipetrace.present.text import document_text
from pipetrace.trace import read
from pipetrace.trace.claim import claim

pytestmark = pytest.mark.framework

PATIENCE = 120
"""Seconds after which a run is taken to hang."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of its own: 160 images in which each class has a bar at another place."""
    place = tmp_path_factory.mktemp("digits")
    y = np.arange(160) % 10
    x = np.random.default_rng(3).integers(0, 60, (160, 28, 28)).astype(np.uint8)
    for row, label in enumerate(y):
        x[row, 2 * label + 3 : 2 * label + 6, 4:24] = 128
    np.savez(place / "bars.npz", x=x, y=y)
    return place


@pytest.fixture(scope="module")
def finished(folder: Path) -> Ran:
    """A whole run on that data: 64 rows, 2 epochs."""
    options = "digits --rows 64 --epochs 2 --data bars.npz --out run.trace --plain"
    ran = start(*options.split(), cwd=folder)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_it_ends_well_and_says_what_it_does_while_it_does_it(finished: Ran) -> None:
    assert (finished.code, finished.err) == (0, "")
    assert "\x1b" not in finished.out
    head = finished.out.partition("Conv2D digits\n")[0].splitlines()
    assert [line for line in head if not line.startswith("Epoch ")] == [
        "Reading the data ...",
        "Loading Keras ...",
        "Building the model ...",
        "Training ...",
        "Measuring the data flow ...",
        "Writing the page ...",
    ]
    epochs = [line for line in head if line.startswith("Epoch ")]
    figures = r"loss [\d.]+, accuracy [\d.]+ %, validation loss [\d.]+, validation accuracy [\d.]+ %, [\d.]+ s"
    assert all(
        re.fullmatch(rf"Epoch {number}: {figures}", line) for number, line in enumerate(epochs, 1)
    )
    assert len(epochs) == 2
    assert head.index(epochs[0]) > head.index("Training ...")


def test_it_shows_the_document_of_the_trace(finished: Ran, folder: Path) -> None:
    trace = read(folder / "run.trace")
    assert document_text(document(trace), "run.trace") in finished.out
    assert trace.rows == 64
    assert [epoch.number for epoch in trace.epochs] == [1, 2]
    assert (
        trace.run.command == "pipetrace digits --rows ... --epochs ... --data ... --out ... --plain"
    )
    assert trace.run.data.name == "bars.npz"
    assert trace.ending.kind == "finished"


def test_it_writes_the_trace_and_the_page_and_names_them_at_the_end(
    finished: Ran, folder: Path
) -> None:
    assert {path.name for path in folder.iterdir()} == {"bars.npz", "run.trace", "run.html"}
    expected = trace_page(read(folder / "run.trace"))
    assert (folder / "run.html").read_text(encoding="utf-8") == expected
    sizes = [(folder / name).stat().st_size / 1000 for name in ("run.trace", "run.html")]
    assert finished.out.partition("\nWritten:\n")[2].splitlines() == [
        f"  run.trace  the trace of 2 epochs, {sizes[0]:,.0f} kB",
        f"  run.html   the page, {sizes[1]:,.0f} kB",
        "",
        "Open the page:   xdg-open run.html",
        "Show it again:   pipetrace show run.trace",
        "Take the quiz:   pipetrace quiz run.trace",
        "Learn from it:   pipetrace learn run.trace",
    ]


def test_quiet_prints_nothing_and_force_replaces_both(
    finished: Ran, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before, first = listing(folder), read(folder / "run.trace")
    options = "--rows 64 --epochs 1 --data bars.npz --out run.trace --quiet --force"
    assert run("digits", *options.split()) == Ran(0, "", "")
    after = listing(folder)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"run.trace", "run.html"}
    again = read(folder / "run.trace")
    # The same seed gives the same rows, the same first weights and the same first epoch.
    assert again.run.data.fingerprint == first.run.data.fingerprint
    assert again.run.model_fingerprint == first.run.model_fingerprint
    assert again.epochs[0].metrics == first.epochs[0].metrics


@pytest.mark.slow
def test_where_another_writes_the_trace_goes_beside_it_and_is_shown(
    folder: Path, tmp_path: Path
) -> None:
    held = claim((tmp_path / "run.trace").absolute())
    options = f"digits --rows 64 --epochs 1 --data {folder / 'bars.npz'} --anonymous --plain"
    ran = start(*options.split(), "--out", "run.trace", cwd=tmp_path)
    assert held.path == tmp_path / "run.trace"
    assert ran.returncode == 0, ran.stderr
    assert not held.path.exists()
    trace = read(tmp_path / "run-2.trace")
    assert (trace.run.command, len(trace.epochs)) == ("", 1)
    assert "run-2.trace" in ran.stdout.partition("\nWritten:\n")[2]


CTRL_C = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)"
"""What runs first: a shell starts what is in the background with Ctrl-C ignored, and a child inherits that."""


@contextmanager
def begun(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A run under way, ended with the block whatever happens."""
    process = subprocess.Popen(
        command("digits", *options, before=CTRL_C),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return
    pytest.fail(f"the run ended without {beginning!r}: {process.communicate()[1]}")


@pytest.mark.skipif(os.name == "nt", reason="signals are wanted")
def test_ctrl_c_keeps_the_finished_epochs(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(tmp_path, "--rows", "200", "--epochs", "2000", "--plain") as process:
        wait_for(process, "Epoch 2:")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said[-2000:]
    assert is_message(Ran(130, "", said), "interrupted", "digits.trace")
    assert "pipetrace show digits.trace" in said
    assert [path.name for path in tmp_path.iterdir()] == ["digits.trace"]
    trace = read(tmp_path / "digits.trace")
    numbers = [epoch.number for epoch in trace.epochs]
    assert len(numbers) >= 2
    assert numbers == list(range(1, len(numbers) + 1))
    assert trace.ending.kind == "interrupted"
    assert trace.ending.epoch in (len(numbers), len(numbers) + 1)
    assert f"Error: Interrupted in epoch {trace.ending.epoch}." in said
    monkeypatch.chdir(tmp_path)
    shown = run("show", "digits.trace")
    assert shown.code == 0
    assert f"Interrupted after {len(numbers):,} of 2,000 epochs" in " ".join(shown.out.split())


@pytest.mark.skipif(os.name == "nt", reason="signals are wanted")
def test_ctrl_c_before_the_training_leaves_nothing(tmp_path: Path) -> None:
    with begun(tmp_path, "--plain") as process:
        wait_for(process, "Loading Keras")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said[-2000:]
    assert "[interrupted]" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_goes_on_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    with begun(tmp_path, "--rows", "64", "--epochs", "2") as process:
        wait_for(process, "Loading Keras")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(PATIENCE) == 0
        process.stdout = None  # it is closed, and no more to be read from
    assert said == ""
    assert {path.name for path in tmp_path.iterdir()} == {"digits.trace", "digits.html"}
    assert read(tmp_path / "digits.trace").ending.kind == "finished"


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="a limit to the size of files is wanted")
def test_a_disk_that_gets_full_keeps_the_finished_epochs(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    monkeypatch.chdir(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # Room for the epochs with their weights, not for all that is measured after training.
        resource.setrlimit(resource.RLIMIT_FSIZE, (850_000, limits[1]))
        ran = run("digits", "--rows", "64", "--epochs", "3", "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert ran.code == 2
    assert is_message(ran, "disk-full", "digits.trace")
    assert not (tmp_path / "digits.html").exists()
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")]
    trace = read(tmp_path / "digits.trace")
    assert [epoch.number for epoch in trace.epochs] == [1, 2, 3]
    assert trace.ending.kind == "finished"
    assert [event.part for event in trace.events if event.part] == ["writing"]
    assert run("show", "digits.trace").code == 0
