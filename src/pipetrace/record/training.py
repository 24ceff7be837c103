"""Writing each epoch of a training run into its trace."""

import time
from collections.abc import Mapping
from typing import Protocol

from pipetrace.capture.forward import Forward
from pipetrace.record.cost import Cost
from pipetrace.record.data_flow import Flow
from pipetrace.summary import summarise
from pipetrace.trace.document import Array, Epoch
from pipetrace.trace.store import TraceWriter


class Progress(Protocol):
    """Who is shown how a run goes. Every method may do nothing."""

    def begins(self, what: str) -> None:
        """A part of the work begins, such as loading the framework."""

    def step(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """A training step is done; epoch and step count from 1."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is finished and in the trace."""

    def rows(self, done: int, total: int) -> None:
        """So many rows of the data flow are measured."""


class EpochRecorder:
    """Listens to ``fit`` and adds each finished epoch to the trace.

    It reads the weights and runs its own compiled forward pass on the probe rows; it changes no weight, state or random
    number of the training.

    Args:
        writer: the open trace.
        forward: the model's forward pass.
        flow: the whole pipeline's, for the probe.
        probe: rows of the source; the first one is the example.
        progress: who is shown.
        cost: where the recording's own time is counted.
    """

    def __init__(
        self, writer: TraceWriter, forward: Forward, flow: Flow, probe: Array, progress: Progress, cost: Cost
    ) -> None:
        self.writer = writer
        self.forward = forward
        self.flow = flow
        self.probe = probe
        self.progress = progress
        self.cost = cost
        self.current = 0
        self._began = 0.0
        self._steps = 0

    def epoch_begins(self, number: int) -> None:
        """Start the clock."""
        self.current = number
        self._steps = 0
        self._began = time.perf_counter()

    def step_ends(self, number: int, logs: Mapping[str, float]) -> None:
        """Count the step."""
        self._steps = number
        self.progress.step(self.current, number, logs)

    def epoch_ends(self, number: int, logs: Mapping[str, float], learning_rate: float | None) -> None:
        """Measure the probe and the weights, and write the epoch in one transaction."""
        seconds = time.perf_counter() - self._began
        with self.cost.of("probe"):
            outputs = self.flow.outputs(self.probe)
            probe = {name: summarise(values) for name, values in outputs.items()}
            examples = {name: values[0] for name, values in outputs.items()}
        with self.cost.of("weights"):
            weights = {name: summarise(values) for name, values in self.forward.weights().items()}
        epoch = Epoch(
            number=number,
            metrics={name: float(value) for name, value in logs.items()},
            seconds=seconds,
            learning_rate=learning_rate,
            steps=self._steps,
            probe=probe,
            weights=weights,
        )
        with self.cost.of("writing"):
            self.writer.add_epoch(epoch, examples)
        self.progress.epoch(epoch)
