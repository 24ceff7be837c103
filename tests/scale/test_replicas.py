"""Training on the replicas of ``tf.distribute.MirroredStrategy``: recorded once, and left as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipetrace.explain.events import events
from pipetrace.present.build.document import document
from pipetrace.present.text import document_text
from pipetrace.trace import Trace, read
from pipetrace.trace.events import REPLICAS

pytestmark = pytest.mark.framework
PROGRAM = Path(__file__).parents[1] / "backend" / "train_together.py"
SECONDS = 600


def trained(folder: object) -> str:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "replicas", str(folder), "0", "0"],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("replicas")
    return folder, trained(folder)


@pytest.mark.slow
def test_a_recorded_training_is_the_same_to_the_bit(recorded: tuple[Path, str]) -> None:
    assert recorded[1] == trained("")


def test_rows_of_all_replicas_are_counted_once(recorded: tuple[Path, str]) -> None:
    trace = read(recorded[0] / "run.trace")
    training = trace.run.training
    assert (training.replicas, training.batch_size, trace.rows) == (2, 40, 100)
    assert (trace.run.data.rows, trace.epochs[-1].steps) == (100, 3)
    assert "batches of 40 on 2 replicas" in " ".join(document_text(document(trace)).split())
    assert unequal(trace) == []


def test_replicas_that_differ_are_told(recorded: tuple[Path, str]) -> None:
    trace = read(recorded[0] / "apart.trace")
    assert unequal(trace) == ["answer/kernel"]
    assert any("answer/kernel" in each for each in events(trace))


def unequal(trace: Trace) -> list[str | None]:
    return [each.weight for each in trace.events if each.kind == REPLICAS]
