"""The two guides, read from top to bottom: each file is written, each command and program run, in one folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.markdown import DOCS, Block, blocks

pytestmark = pytest.mark.framework

FILE = "file: "
"""The HTML comment before a block says under which name it is saved."""
ENDS_WITH = "  # exit code "
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def follow(block: Block, folder: Path) -> None:
    """Do what a block of a guide says, and see that it ends as the guide says."""
    if block.mark.startswith(FILE):
        (folder / block.mark.removeprefix(FILE)).write_text(block.text)
    elif block.language == "python":
        ran = subprocess.run(
            [sys.executable, "-c", block.text], cwd=folder, env=ENVIRONMENT, check=False
        )
        assert ran.returncode == 0, block.text
    elif block.language == "console":
        for line in block.text.splitlines():
            assert line.startswith("$ ")
            command, _, code = line.removeprefix("$ ").partition(ENDS_WITH)
            # Three answers, for the quiz.
            ran = subprocess.run(
                command,
                shell=True,
                cwd=folder,
                env=ENVIRONMENT,
                input=b"A\nB\nC\n",
                capture_output=True,
                check=False,
            )
            assert ran.returncode == int(code or 0), (command, ran.stderr.decode())


def test_the_guide_for_engineers_works(tmp_path: Path) -> None:
    for block in blocks((DOCS / "guide-engineer.md").read_text(encoding="utf-8")):
        follow(block, tmp_path)
    assert b"PT303" not in (tmp_path / "findings.json").read_bytes().partition(b'"findings"')[2]
    assert {path.name for path in tmp_path.iterdir()} >= {
        "train.trace",
        "train.html",
        "findings.sarif",
    }


def test_the_guide_for_teachers_works(tmp_path: Path) -> None:
    for block in blocks((DOCS / "guide-teacher.md").read_text(encoding="utf-8")):
        follow(block, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"digits.html", "digits.txt", "more.html", "wrong.trace"}


def test_a_command_that_ends_otherwise_is_seen(tmp_path: Path) -> None:
    assert shutil.which("pipetrace", path=ENVIRONMENT["PATH"])
    follow(Block("console", "$ pipetrace show no.trace  # exit code 2\n", 1, ""), tmp_path)
    with pytest.raises(AssertionError):
        follow(Block("console", "$ pipetrace show no.trace\n", 1, ""), tmp_path)
