"""Traces of runs that differ in what a test says, written without a framework."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipetrace.trace import Trace
from pipetrace.trace.document import FINISHED, Ending, Epoch
from pipetrace.trace.writer import TraceWriter

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def write(digits_trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a trace, of a process of its own unless one is named."""
    made = []

    def written(
        name: str,
        *values: float,
        process: int | None = None,
        ending: str = FINISHED,
        layers: Mapping[str, Mapping[str, Any]] = {},
        **training: Any,
    ) -> Path:
        made.append(name)
        who = {"host": "h", "pid": process or 1000 + len(made), "started": "1"}
        monkeypatch.setattr("pipetrace.trace.writer.this_process", lambda: who)
        monkeypatch.setattr("pipetrace.trace.reader.is_alive", lambda who: who["pid"] == 7)
        config = dict(digits_trace.run.training.optimizer_config)
        config |= training.pop("optimizer_config", {})
        config |= {"learning_rate": training.pop("learning_rate", 0.003)}
        change = replace(digits_trace.run.training, optimizer_config=config, **training)
        fits = (replace(digits_trace.run.fits[0], training=change),)
        run = replace(
            digits_trace.run,
            training=change,
            fits=fits,
            created=f"2026-11-26T10:00:{len(made):02}+00:00",
        )
        stages = tuple(
            replace(each, config={**each.config, **layers.get(each.name, {})})
            for each in digits_trace.stages
        )
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = TraceWriter(path, run, stages)
        for number, value in enumerate(values, 1):
            metrics = {"loss": 1 - value, "val_accuracy": value, "val_loss": 2 - value}
            writer.add_epoch(Epoch(number, metrics, 1.0, config["learning_rate"], 7), {})
        if ending:
            writer.end(Ending(ending), {})
        else:
            writer.close()
        return path

    return written


NAN = math.nan
