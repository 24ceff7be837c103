"""The examples of the documents run, and say what the documents show; the guides are followed from top to bottom."""

import contextlib
import itertools
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.conftest import here
from tests.markdown import DOCS, Block, blocks, documents

from pipetrace.cli import commands
from pipetrace.trace import read

__all__ = ["here"]

FORMAT = (DOCS / "trace-format.md").read_text(encoding="utf-8")
FRAMEWORK = "framework"
"""The HTML comment before a block of Python that needs Keras."""
VARIES = "varies"
"""The HTML comment before an output whose lines depend on the run, so that it is not compared."""
FILE = "file: "
"""The HTML comment before a block says under which name it is saved."""
ENDS_WITH = "  # exit code "
READS = ("check", "show", "page", "rules", "export", "quiz", "learn", "compare", "runs")
"""The commands that import no framework."""
ANSWERS = "A\nB\nC\nD\nA\nB\nC\nD\nA\nB\n"
"""To the ten questions of a quiz."""
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def scripts(text: str, *, framework: bool) -> list[tuple[Block, Block | None]]:
    """The blocks of Python, each with the output that follows at once, where one does."""
    found = blocks(text)
    between = text.splitlines()
    pairs = []
    for block, after in itertools.zip_longest(found, found[1:]):
        if block.language == "python" and (block.mark == FRAMEWORK) == framework:
            follows = after if after and after.language == "text" and after.mark != VARIES else None
            if follows:
                gap = between[block.line + block.text.count("\n") : follows.line - 2]
                follows = None if any(gap) else follows
            pairs.append((block, follows))
    return pairs


def masked(output: str) -> set[str]:
    """The lines of an output without its figures: those of another run differ, the rest must not."""
    return {
        re.sub(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?", "#", line).strip() for line in output.splitlines()
    } - {""}


def run(path: Path, capture: pytest.CaptureFixture[str], *, framework: bool) -> int:
    """Run each block in a namespace of its own; a traceback names the line of the document."""
    pairs = scripts(path.read_text(encoding="utf-8"), framework=framework)
    for block, output in pairs:
        capture.readouterr()
        code = compile("\n" * (block.line - 1) + block.text, str(path), "exec")
        exec(code, {"__name__": "__main__"})
        if output:
            assert masked(capture.readouterr().out) == masked(output.text), (
                f"{path.name}, line {output.line}"
            )
    return len(pairs)


def test_the_python_examples_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The guides are followed from top to bottom, below.
    others = [path for path in documents() if not path.name.startswith("guide-")]
    assert sum(run(path, capsys, framework=False) for path in others) > 20


@pytest.mark.framework
def test_the_python_examples_with_keras_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The programs of the rules' pages run in `test_rule_pages.py`, each with the command behind it.
    for path in (each for each in documents() if each.parent.name != "rules"):
        if scripts(path.read_text(encoding="utf-8"), framework=True):
            assert run(path, capsys, framework=True)


EXAMPLE = """
<!-- framework -->
```python
import keras
```

```python
print("a", 1)
```

```text
a 23
```

```python
print("b")
```

Words.

```text
c
```
"""


def test_the_examples_of_a_document_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "example.md"
    path.write_text(EXAMPLE)
    assert run(path, capsys, framework=False) == 2
    assert [block.text for block, _ in scripts(EXAMPLE, framework=True)] == ["import keras\n"]


def test_an_example_that_fails_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "example.md"
    for change in (("a 23", "b 23"), ('print("b")', "1 / 0"), ("Words.\n", "")):
        path.write_text(EXAMPLE.replace(*change))
        with pytest.raises((AssertionError, ZeroDivisionError)):
            run(path, capsys, framework=False)


def queries() -> Iterator[tuple[str, str]]:
    """Each query with the output below it."""
    found = blocks(FORMAT)
    for query, output in itertools.pairwise(found):
        if query.language == "sql":
            yield query.text, output.text


def test_the_queries_run_and_give_the_columns_that_are_shown(digits_file: Path) -> None:
    assert len(list(queries())) == 5
    with closing(sqlite3.connect(digits_file)) as database:
        for query, output in queries():
            cursor = database.execute(query)
            assert cursor.fetchall(), query
            assert [column[0] for column in cursor.description] == output.splitlines()[0].split()


# The guides


def carried_out(command: str, folder: Path) -> tuple[int, str]:
    """How a command line ends, and what it says.

    What only reads a trace runs within this process. Programs have one of their own, and so has
    what is meant for a shell.
    """
    name, *arguments = shlex.split(command)
    if name == "pipetrace" and arguments[0] in READS and not set(command) & set("|><&;*$"):
        with contextlib.chdir(folder):
            done = CliRunner(env=ENVIRONMENT).invoke(commands, arguments, input=ANSWERS)
        return done.exit_code, done.output
    ran = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=ENVIRONMENT,
        input=ANSWERS,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stderr


def follow_all(guide: str, folder: Path) -> None:
    for block in blocks((DOCS / guide).read_text(encoding="utf-8")):
        follow(block, folder)


def follow(block: Block, folder: Path) -> None:
    """Do what a block of a guide says, and see that it ends as the guide says."""
    if block.mark.startswith(FILE):
        (folder / block.mark.removeprefix(FILE)).write_text(block.text)
    elif block.language == "python":
        with contextlib.chdir(folder):
            exec(compile(block.text, block.mark, "exec"), {"__name__": "__main__"})
    elif block.language == "console":
        for line in block.text.splitlines():
            assert line.startswith("$ ")
            command, _, code = line.removeprefix("$ ").partition(ENDS_WITH)
            ended, said = carried_out(command, folder)
            assert ended == int(code or 0), (command, said)


@pytest.mark.slow
@pytest.mark.framework
def test_the_guide_for_engineers_works(tmp_path: Path) -> None:
    follow_all("guide-engineer.md", tmp_path)
    assert b"PT303" not in (tmp_path / "findings.json").read_bytes().partition(b'"findings"')[2]
    assert {path.name for path in tmp_path.iterdir()} >= {
        "train.trace",
        "train.html",
        "findings.sarif",
    }


@pytest.mark.slow
@pytest.mark.framework
def test_the_guide_to_comparing_works(tmp_path: Path) -> None:
    follow_all("guide-compare.md", tmp_path)
    assert {"report.html", "report.md", "report.json"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.framework
def test_the_guide_to_watching_works(tmp_path: Path) -> None:
    follow_all("guide-live.md", tmp_path)
    trace = read(tmp_path / "run.trace")
    assert (trace.ending.rule, len(trace.epochs) < 60) == ("PT303", True)


@pytest.mark.slow
@pytest.mark.framework
def test_the_guide_to_many_runs_works(tmp_path: Path) -> None:
    follow_all("guide-runs.md", tmp_path)
    assert {"runs.csv", "runs.html", "fast.csv", "fast.xml", "train.html"} <= {
        path.name for path in tmp_path.iterdir()
    }
    # The entry point of the installed package gives the fixture.
    test = [sys.executable, "-m", "pytest", "-q", "test_training.py"]
    ran = subprocess.run(test, cwd=tmp_path, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout.decode()


@pytest.mark.slow
@pytest.mark.framework
def test_the_guide_for_teachers_works(tmp_path: Path) -> None:
    follow_all("guide-teacher.md", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"digits.html", "digits.txt", "more.html", "wrong.trace", "quiz.xml"}
    assert (tmp_path / "week7/class/zoë/digits.html").is_file()
