"""A process that only shows: what it leaves out, what it shows all the same, and that nothing of it stays."""

import gc
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipetrace import quick

THREADS = "import os; print(len(os.listdir('/proc/self/task')), os.environ.get('OPENBLAS_NUM_THREADS'), {more})"
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc here")


def ran(program: str, environment: Mapping[str, str] | None = None) -> str:
    """What a program prints, without a variable that the tests' own process may have."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in {quick.THREADS, *quick.FORCING}
    }
    command = [sys.executable, "-c", program]
    ended = subprocess.run(
        command,
        env={**plain, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ended.stdout


@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor has no further threads")
def test_numpy_starts_no_threads_and_the_environment_is_as_it_was() -> None:
    with_threads = ran(f"import numpy; {THREADS.format(more='')}").split()
    assert int(with_threads[0]) > 1, "NumPy starts no threads here, so this test shows nothing"
    program = (
        f"from pipetrace.quick import quick\nwith quick(): import numpy\n{THREADS.format(more='')}"
    )
    assert ran(program).split() == ["1", "None"]


@linux
def test_who_chose_a_number_of_threads_keeps_it() -> None:
    program = f"from pipetrace.quick import quick\nwith quick(): pass\n{THREADS.format(more='')}"
    assert ran(program, {quick.THREADS: "2"}).split()[1] == "2"


def test_garbage_is_looked_for_again_also_after_an_error() -> None:
    assert gc.isenabled()
    seen = []

    def fails() -> None:
        with quick.quick():
            seen.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert seen == [False]
    assert gc.isenabled()
    gc.disable()
    try:
        with quick.quick():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_process_that_had_numpy_before_ends_as_any_other() -> None:
    program = (
        "import atexit, gc\natexit.register(lambda: print(gc.get_freeze_count() > 0))\n{}from pipetrace.quick import quick\n"
        "with quick(): pass"
    )
    # What is registered last is called first.
    assert ran(program.format("import numpy\n")) == "False\n"
    assert ran(program.format("")) == "True\n"


@pytest.mark.parametrize(
    ("variables", "loaded"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": ""}, True),
        ({"TTY_COMPATIBLE": "1"}, True),
    ],
)
def test_rich_is_loaded_where_it_may_find_a_terminal(
    digits_file: Path, variables: Mapping[str, str], loaded: bool
) -> None:
    program = (
        f"import sys; sys.argv = ['pipetrace', 'show', {str(digits_file)!r}]\nfrom pipetrace.cli import main\nmain()\n"
        "print('rich.console' in sys.modules)"
    )
    text, _, answer = ran(program, variables).rstrip("\n").rpartition("\n")
    assert answer == str(loaded)
    assert "Conv2D" in text
    assert ("\x1b[" in text) == (
        variables.get("FORCE_COLOR") == "1" or "TTY_COMPATIBLE" in variables
    )


@pytest.mark.parametrize(
    "name",
    [
        "importlib.metadata",
        "pipetrace.present.page",
        "pipetrace.record",
        "socket",
        "hashlib",
        "rich",
        "difflib",
    ],
)
def test_showing_imports_nothing_that_it_needs_not(digits_file: Path, name: str) -> None:
    program = (
        f"import sys; sys.argv = ['pipetrace', 'show', {str(digits_file)!r}]\nfrom pipetrace.cli import main\nmain()\n"
        f"print({name!r} in sys.modules, 'pipetrace.present.text' in sys.modules)"
    )
    assert ran(program).splitlines()[-1] == "False True"
