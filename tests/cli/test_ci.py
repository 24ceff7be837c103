"""Trainings in CI: ``run --check --page``, annotations and summary of GitHub, the fixture of pytest."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.cli.conftest import Run, start

import pipetrace
from pipetrace.cli import commands

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import sys
import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
y = rng.integers(0, 3, 300)
x = (rng.normal(size=(300, 3)) + 3 * np.eye(3)[y]).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])  # no softmax
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, validation_split=0.2, verbose=0)
print("trained")
sys.exit(int(sys.argv[1]))
"""
LINE, OF_LAYER = (
    1 + next(at for at, line in enumerate(PROGRAM.splitlines()) if said in line)
    for said in ("model.fit", "layers.Dense")
)


@pytest.mark.framework
def test_a_checked_run_in_a_workflow_of_github(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(PROGRAM)
    (tmp_path / "pyproject.toml").write_text('[tool.pipetrace]\nexpect = ["epochs > 5"]\n')
    summary = tmp_path / "summary.md"
    summary.write_text("Before.\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    command = ("run", "--check", "--page", "--after-training", "all", "code/train.py")
    ran = start(*command, "0", cwd=tmp_path, env=env)
    assert (ran.returncode, ran.stdout) == (1, "trained\n"), ran.stderr
    assert f"::error file=code/train.py,line={OF_LAYER},title=PT303" in ran.stderr
    assert f"::error file=code/train.py,line={LINE},title=PT001" in ran.stderr
    assert summary.read_text().startswith("Before.\n")
    assert "PT303" in summary.read_text()
    assert str(tmp_path) not in summary.read_text() + ran.stderr
    assert "title=PT001" in ran.stderr  # as pyproject.toml asks
    assert "<html" in (tmp_path / "train.html").read_text()
    (fit,) = pipetrace.read(tmp_path / "train.trace").fits
    assert fit.called_from == f"code/train.py:{LINE}"
    monkeypatch.chdir(tmp_path)
    hidden = run(*command[:1], "--anonymous", *command[1:], "3")
    assert hidden.code == 3, hidden.err
    assert pipetrace.read(tmp_path / "train.trace").fits[0].called_from == ""


def test_the_summary_is_written_for_github_alone(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    run("check", "digits.trace")
    assert not (here / "summary.md").exists()
    run("check", "digits.trace", "--format", "github")
    assert "digits.trace" in (here / "summary.md").read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "no" / "folder"))
    assert "cannot be written" in run("check", "digits.trace", "--format", "github").err


TESTS = """
import pytest

def test_right(pipetrace_check):
    hidden = pipetrace_check("digits.trace", level="error", expect=["epochs == 3"])
    assert all(each.level != "error" for each in hidden)

def test_wrong(pipetrace_check):
    pipetrace_check("digits.trace", level="error", expect=["val_accuracy > 2"])

def test_baseline(pipetrace_check):
    pipetrace_check("digits.trace", level="error", baseline="digits.trace", expect=())

def test_from_pyproject(pipetrace_check):
    pipetrace_check("digits.trace")
"""


def test_the_fixture_of_pytest_fails_a_test_by_what_is_found(here: Path) -> None:
    (here / "test_it.py").write_text(TESTS)
    (here / "pyproject.toml").write_text(
        '[tool.pipetrace]\nlevel = "error"\nexpect = ["epochs > 5"]\n[tool.pytest.ini_options]\n'
    )
    plugin = ("-p", "pipetrace.pytest_plugin", "-p", "no:cacheprovider")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin],
        cwd=here,
        # Where the package is installed, its entry point would give the plugin a second time.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.findall(r"FAILED test_it.py::(\w+)", ran.stdout) == [
        "test_wrong",
        "test_from_pyproject",
    ], ran.stdout
    assert "PT001" in ran.stdout
    assert "Traceback" not in ran.stdout


def test_the_start_of_pytest_loads_next_to_nothing_of_it() -> None:
    code = "import pytest, sys; before = set(sys.modules); import pipetrace.pytest_plugin; "
    code += "print(*(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "pipetrace.pytest_plugin" in loaded
    assert not {"numpy", "rich", "click", "keras", "pipetrace.explain"} & loaded
    assert len(loaded) < 15


def test_the_workflow_and_the_hook_call_commands_that_exist() -> None:
    workflow = (ROOT / "examples" / "github-workflow.yml").read_text()
    calls = re.findall(r"run: (pipetrace .*)", workflow)
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    calls += [f"{entry} a.trace" for entry in re.findall(r"entry: (pipetrace .*)", hook)]
    assert len(calls) == 4
    for call in calls:
        _, name, *arguments = shlex.split(call)
        around = click.Context(commands, info_name="pipetrace", **commands.context_settings)
        commands.commands[name].make_context(name, arguments, parent=around)
