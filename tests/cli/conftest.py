"""The command, run within this process or in one of its own, and a folder to run it in."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipetrace.cli import main

COMMAND = Path(sysconfig.get_path("scripts")) / "pipetrace"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int | str | None
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command within this process, through the very function that the installed script calls."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["pipetrace", *map(str, arguments)])
        code: int | str | None = 0
        try:
            main()
        except SystemExit as ending:
            code = ending.code
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


def command(*arguments: object, before: str = "") -> list[str]:
    """The installed command; ``before`` is Python that runs first, in the process that becomes the command."""
    plain = [str(COMMAND), *map(str, arguments)]
    code = f"import os, sys\n{before}\nos.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", code, *plain] if before else plain


def start(
    *arguments: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: str = "",
    typed: str = "",
) -> subprocess.CompletedProcess[str]:
    """Runs the installed command in a process of its own; ``before`` is Python that runs first."""
    return subprocess.run(
        command(*arguments, before=before),
        input=typed,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def listing(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits_file: Path) -> Path:
    """A folder to be in, with a copy of the recorded trace."""
    shutil.copy(digits_file, tmp_path / "digits.trace")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_message(ran: Ran, slug: str, where: str | None = None) -> bool:
    lines = ran.err.splitlines()
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert lines[0].startswith("Error: ")
    assert lines[-2].startswith("To do: ")
    assert lines[-1] == f"       [{slug}] is explained by: pipetrace help {slug}"
    places = [line.removeprefix("Where: ") for line in lines if line.startswith("Where: ")]
    assert len(places) == 1
    return where is None or where in places[0]
