"""Short runs of the reference pipeline, to be watched or not."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import once_for_all

from pipetrace.demo.data import embedded_digits
from pipetrace.demo.model import Plan
from pipetrace.demo.source import Source
from pipetrace.trace import Trace, read
from pipetrace.trace.document import Epoch


class Noting:
    """A Progress that notes what it is told, and can break off."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.epochs: list[Epoch] = []
        self.done: list[tuple[int, int]] = []
        self.at_step: Callable[[int, int], None] = lambda epoch, step: None
        self.at_rows: Callable[[], None] = lambda: None

    def begins(self, what: str) -> None:
        self.begun.append(what)

    def step(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        self.steps.append((epoch, step))
        self.at_step(epoch, step)

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def rows(self, done: int, total: int) -> None:
        self.done.append((done, total))
        self.at_rows()


@pytest.fixture
def progress() -> Noting:
    return Noting()


@pytest.fixture(scope="session")
def source() -> Source:
    return embedded_digits()


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan(rows=96, epochs=2, seed=5)


@pytest.fixture(scope="session")
def short_trace(tmp_path_factory: pytest.TempPathFactory, source: Source, plan: Plan) -> Trace:
    """A run under the plan, recorded as anybody would."""
    from pipetrace.demo.run import record_digits

    def record(path: Path) -> None:
        record_digits(source, plan, path, Noting())

    return read(once_for_all(tmp_path_factory, "short.trace", record))


@pytest.fixture
def record(tmp_path: Path, source: Source, plan: Plan, progress: Noting) -> Callable[..., None]:
    """Records a run into ``run.trace`` in the test's own folder."""
    from pipetrace.demo.run import record_digits

    def run(**options: Any) -> None:
        record_digits(
            source, options.pop("plan", plan), tmp_path / "run.trace", progress, **options
        )

    return run
