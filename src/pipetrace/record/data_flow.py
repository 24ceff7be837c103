"""What rows are at every stage: summaries of many, and one of them in full."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipetrace.pipeline.pipeline import Pipeline
from pipetrace.summary import Summariser
from pipetrace.trace.document import SOURCE, STEP, Array, Spec, Stage, Summary

MEASURED_TOGETHER = 256
"""Rows that pass through the model at a time: enough to make up for the fixed cost of a batch, few enough for memory."""


@dataclass(frozen=True)
class Flow:
    """A pipeline with its model's forward pass: from rows of the source to the output of every stage.

    Attributes:
        pipeline: for its steps.
        source: the name of the stage that the rows come from.
        forward: from the rows that the model gets to the outputs of its stages.
    """

    pipeline: Pipeline
    source: str
    forward: Callable[[Array], dict[str, Array]]

    def outputs(self, rows: Array) -> dict[str, Array]:
        """Every stage's output for these rows, shape ``(n, ...)`` each, the source itself first."""
        found = {self.source: rows}
        for name, step in self.pipeline.steps:
            rows = step(rows)
            found[name] = rows
        found.update(self.forward(rows))
        return found

    def one(self, row: Array) -> dict[str, Array]:
        """Every stage's output for a single row, without the axis of rows."""
        return {name: values[0] for name, values in self.outputs(row[None]).items()}

    def summaries(self, rows: Array, progress: Callable[[int, int], None] | None = None) -> dict[str, Summary]:
        """The summary of every stage's output over all rows, measured in batches.

        Args:
            rows: of the source, shape ``(n, ...)``.
            progress: is told how many rows are done, and of how many.
        """
        found: dict[str, Summariser] = {}
        done = 0
        for batch in _batches(rows):
            for name, values in self.outputs(batch).items():
                found.setdefault(name, Summariser()).add(values)
            done += len(batch)
            if progress:
                progress(done, len(rows))
        return {name: summariser.summary() for name, summariser in found.items()}


def stages_before(pipeline: Pipeline, source: str, rows: Array, config: Mapping[str, object]) -> tuple[Stage, ...]:
    """The source and the steps as stages, their specs measured on a few rows."""
    spec = _spec(rows)
    found = [Stage(source, SOURCE, None, source, config, (spec,), (spec,))]
    for name, step in pipeline.steps:
        before = found[-1]
        rows = step(rows)
        received = Spec(before.outputs[0].shape, before.outputs[0].dtype, before.name)
        found.append(Stage(name, STEP, None, name, dict(step.config), (received,), (_spec(rows),), flops=0))
    return tuple(found)


def _spec(rows: Array) -> Spec:
    return Spec((None, *rows.shape[1:]), str(rows.dtype))


def _batches(rows: Array) -> Iterator[Array]:
    for start in range(0, len(rows), MEASURED_TOGETHER):
        yield np.asarray(rows[start : start + MEASURED_TOGETHER])
