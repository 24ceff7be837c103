"""``pipetrace show`` as a process: what it loads, and that a terminal is found."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipetrace.cli.show import FORCE_TERMINAL
from pipetrace.present.build.document import document
from pipetrace.trace import read
from pipetrace.trace.measurement_table import Measurements
from pipetrace.trace.measurements import Figures, Gradient, Update


def ran(program: str, environment: Mapping[str, str] | None = None) -> str:
    """What a program prints, without a variable that the tests' own process may have."""
    plain = {name: value for name, value in os.environ.items() if name not in FORCE_TERMINAL}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**plain, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ended.stdout


@pytest.mark.parametrize(
    "variables", [{}, {"FORCE_COLOR": "1"}, {"FORCE_COLOR": ""}, {"TTY_COMPATIBLE": "1"}]
)
def test_showing_imports_what_it_needs_and_rich_where_it_may_find_a_terminal(
    digits_file: Path, variables: Mapping[str, str]
) -> None:
    program = (
        f"import sys; sys.argv = ['pipetrace', 'show', {str(digits_file)!r}]\nfrom pipetrace.cli import main\nmain()\n"
        f"print([name for name in {[*UNNEEDED, 'pipetrace.present.text']!r} if name in sys.modules])"
    )
    text, _, answer = ran(program, variables).rstrip("\n").rpartition("\n")
    assert "'rich'" in answer if variables else answer == "['pipetrace.present.text']"
    assert "Conv2D" in text
    assert ("\x1b[" in text) == (
        variables.get("FORCE_COLOR") == "1" or "TTY_COMPATIBLE" in variables
    )


UNNEEDED = (
    "importlib.metadata",
    "pipetrace.present.page",
    "pipetrace.record.recorder",
    "socket",
    "hashlib",
    "rich",
    "difflib",
    "numpy.ma",
    "pipetrace.trace.writer",
    "tomllib",
)


def test_importing_the_package_loads_no_numpy() -> None:
    """Only so ``show`` can set how many threads NumPy starts."""
    program = "import sys, pipetrace, pipetrace.cli; print('numpy' in sys.modules)"
    assert ran(program).split() == ["False"]


def test_showing_a_healthy_run_decodes_no_figures_of_epochs_in_the_middle(
    digits_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: set[tuple[str, int | None]] = set()
    figures = Measurements._figures

    def spied(self: Measurements, kind: str, name: str, epoch: int | None) -> Figures:
        decoded.add((kind, epoch))
        return figures(self, kind, name, epoch)

    monkeypatch.setattr(Measurements, "_figures", spied)
    trace = read(digits_file)
    document(trace, with_courses=False)
    for kind in (Gradient, Update):
        names = trace.measurements.names(kind)
        assert 2 in trace.measurements.epochs(kind, names[0])
        assert kind.kind in dict(decoded)
        assert (kind.kind, 2) not in decoded
