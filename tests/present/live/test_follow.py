"""A training is followed in the terminal: from before its file is there until it has ended, was killed, or Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.present.live.live_writer import PLANNED, writing

from pipetrace.present.live.follow import screen
from pipetrace.present.live.states import states
from pipetrace.trace import Trace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no kill -9 here")
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from pipetrace.cli import main; main()"
)


@contextmanager
def following(path: Path, *options: str, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, "show", str(path), "--follow", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    process = subprocess.Popen(command, text=True, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_lines_come_as_they_are_written_and_end_with_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    with following(path) as shown, writing(path) as writer:
        assert shown.stdout is not None
        assert str(path) in shown.stdout.readline()
        for number in (1, 2):
            writer.do("epoch")
            if number == 1:
                assert shown.stdout.readline() == "followed\n"
            assert shown.stdout.readline().startswith(f"Epoch {number}: loss {1 / number:.1g}")
        writer.kill()
        rest = shown.communicate(timeout=60)[0].splitlines()
        assert rest[-1] == f"Killed after 2 of {PLANNED} epochs."
        assert shown.returncode == 0


def test_ctrl_c_ends_it_as_it_ends_any_command(tmp_path: Path) -> None:
    with following(tmp_path / "run.trace") as shown:
        assert shown.stdout is not None
        shown.stdout.readline()
        shown.send_signal(signal.SIGINT)
        _, said = shown.communicate(timeout=60)
        assert (shown.returncode, said.strip()) == (130, "Interrupted. [interrupted]")


def test_a_terminal_has_one_screen_that_ends_with_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
    with following(path, stdout=theirs, env=environment) as shown, writing(path) as writer:
        os.close(theirs)
        writer.do("epoch")
        writer.do("epoch")
        writer.do("finish")
        drawn = b""
        while piece := _read(ours):
            drawn += piece
        os.close(ours)
        assert shown.wait(60) == 0
    last = drawn.decode().rpartition("followed")[2]
    assert "●" in last
    assert "Epoch 1:" not in last


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other side has closed it
        return b""


@pytest.mark.parametrize("other", [["--stage", "conv2d"], ["--markdown"], ["--expand"]])
def test_what_shows_another_thing_cannot_be_followed(tmp_path: Path, other: list[str]) -> None:
    with following(tmp_path / "run.trace", *other) as shown:
        shown.communicate(timeout=60)
        assert shown.returncode == 2


def test_each_state_is_read_once_and_no_reading_touches_the_file(tmp_path: Path) -> None:
    path, slept = tmp_path / "run.trace", list[float]()
    with writing(path) as writer:
        steps = iter(["", "epoch", "", "epoch", "finish"])

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if step := next(steps):
                writer.do(step)

        seen = [None if each is None else len(each.epochs) for each in states(path, sleep)]
    assert seen == [None, 1, 2, 2]
    assert min(slept) >= 0.5
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.trace"]


@pytest.mark.parametrize(("width", "height"), [(40, 20), (80, 24), (200, 60)])
def test_a_screen_fits_the_window_however_long_the_training(
    digits_trace: Trace, width: int, height: int
) -> None:
    from tests.traces import lengthened

    console = Console(width=width, height=height, color_system=None, force_terminal=True)
    for trace in (digits_trace, lengthened(digits_trace, 500)):
        with console.capture() as captured:
            console.print(screen(trace, console))
        drawn = captured.get().splitlines()
        assert max(map(len, drawn)) <= width
        assert len(drawn) <= max(height, 24) + 4
    assert f"{500:>5}" in captured.get()
