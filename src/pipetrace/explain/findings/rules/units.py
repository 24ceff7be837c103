"""PT2xx: units and activations."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipetrace.explain.findings.figures import POOR, Figures, figures_of, margin
from pipetrace.explain.findings.finding import NOTE, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import share
from pipetrace.stats.histogram import lower_edges
from pipetrace.trace.document import Stage, Summary, Trace
from pipetrace.trace.measurements import Signal

BOUNDS = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
}
"""What bounded activations reach."""
FLAT = 0.025
"""Nearness to a bound, as a part of the reach, where the slope of tanh or sigmoid is under a tenth of its largest."""


class DyingRelu(Rule):
    """Units of a rectifier that give zero for every row."""

    code = "PT201"
    name = "dying-relu"
    category = "dying_relu"
    needs = ("stages", "epochs", "activations")
    root_cause_of = (*POOR, "PT402", "PT405", "PT502")
    what = "Units behind a ReLU that are zero for every row that was looked at."
    why = "Where a ReLU gives zero its gradient is zero too, so such a unit never changes again."

    MOST = 0.6
    """In sound networks up to about half of the units of a wide layer end up dead; beyond it the layer is narrowed by more
    than half."""
    ALL = 0.95
    """From here on the layer is dead, whenever that came."""
    GREW = 0.2
    """Training has to have killed some of them: units that were silent from the start are a matter of initialisation."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        worst: tuple[float, Stage, float] | None = None
        for stage in hidden(facts):
            if facts.activation(stage) not in ("relu", "relu6"):
                continue
            before, now = (
                facts.of(Signal, stage.name, epoch).dead_units for epoch in (0, facts.last)
            )
            if now is None:
                continue
            enough = now >= self.ALL or (now >= self.MOST and now - (before or 0.0) >= self.GREW)
            if enough and (worst is None or now > worst[0]):
                worst = (now, stage, before or 0.0)
        if worst is None:
            return
        dead, stage, before = worst
        units = facts.of(Signal, stage.name, facts.last).units or 0
        text = (
            f"{round(dead * units)} of {units} units of {stage.name} give zero for "
            f"every row; before training {round(before * units)} did."
        )
        found = self.found(
            text,
            [
                Evidence(
                    text, dead, f"measurements[signal/{stage.name}, epoch {facts.last}].dead_units"
                ),
                *facts.how_well(),
            ],
            "Lower the learning rate, scale the inputs, start from He initialisation, or use an activation with a slope "
            "below zero.",
            stage=stage.name,
            epochs=[
                epoch
                for epoch, value in facts.course(
                    Signal, stage.name, lambda each: each.dead_units
                ).items()
                if epoch and value >= self.MOST
            ],
            change="keras.layers.LeakyReLU()  # or activation='elu'",
            confidence=margin(dead, self.MOST, 0.95),
        )
        yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)


class Saturated(Rule):
    """Bounded units that stand at their bounds."""

    code = "PT202"
    name = "saturated-activation"
    category = "saturated_activation"
    needs = ("stages", "summaries")
    root_cause_of = (*POOR, "PT405")
    what = "Hidden tanh or sigmoid units whose values stand at their bounds for most rows."
    why = "There the slope is nearly zero, so almost no gradient passes to the layers before."

    MOST = 0.5
    """With most values at the bounds the gradient through the stage falls to less than half of what it could be."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        for stage in hidden(facts):
            activation = facts.activation(stage)
            if activation not in BOUNDS or stage.layer in (
                "LSTM",
                "GRU",
                "SimpleRNN",
                "Bidirectional",
            ):
                continue
            parts = {
                epoch.number: part
                for epoch in trace.epochs
                if stage.name in epoch.probe
                and (part := at_bounds(epoch.probe[stage.name], activation)) is not None
            }
            now = (
                at_bounds(stage.summary, activation)
                if stage.summary is not None
                else parts.get(facts.last)
            )
            if now is None or now < self.MOST:
                continue
            text = f"{share(now)} of the values of {stage.name} ({activation}) stand at its bounds."
            found = self.found(
                text,
                [Evidence(text, now, f"stages[{stage.name}].summary.histogram"), *facts.how_well()],
                "Scale what enters the layer (inputs to standard deviation 1, or BatchNormalization in front), lower the "
                "learning rate, or use ReLU.",
                stage=stage.name,
                epochs=[number for number, part in parts.items() if part >= self.MOST],
                change="keras.layers.BatchNormalization()  # before the layer",
                confidence=margin(now, self.MOST, 0.9),
            )
            yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)
            return


class OddHidden(Rule):
    """An activation between layers that is made for the end, or grows without bound."""

    code = "PT203"
    name = "unusual-hidden-activation"
    category = "hidden_activation"
    needs = ("stages",)
    root_cause_of = (*POOR, "PT402", "PT405", "PT406", "PT502", "PT701")
    what = "A softmax or an exponential as activation of a hidden layer."
    why = "A softmax lets the units of a layer compete for a sum of 1, an exponential multiplies from layer to layer."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        for stage in hidden(facts):
            activation = facts.activation(stage)
            if activation not in ("softmax", "exponential") or stage.layer not in (
                "Dense",
                "Activation",
                "Softmax",
                "Conv2D",
                "Conv1D",
            ):
                continue
            if activation == "softmax" and not self._between_kernels(facts, stage):
                continue
            found = self.found(
                f"{stage.name}, within the network, uses {activation}.",
                [
                    Evidence(
                        f"The activation of {stage.name} is {activation}.",
                        None,
                        f"stages[{stage.name}].config",
                    ),
                    *facts.how_well(),
                ],
                "Use ReLU or tanh within the network; keep softmax for the last layer.",
                stage=stage.name,
                change="activation='relu'",
                confidence=0.9,
            )
            yield found if facts.struggles else replace(found, level=NOTE, confidence=0.6)
            return

    @staticmethod
    def _between_kernels(facts: Figures, stage: Stage) -> bool:
        """Whether what follows first is a Dense or convolution: attention multiplies by its softmax instead."""
        following = facts.after(stage)
        while following and all(
            each.layer in ("Dropout", "Flatten", "Reshape", "BatchNormalization", "Activation")
            for each in following
        ):
            following = [more for each in following for more in facts.after(each)]
        return bool(following) and all(each in facts.weighted for each in following)


def hidden(facts: Figures) -> list[Stage]:
    """The stages within the model but those that make the outputs."""
    model = facts.trace.run.model
    last = {spec.source for spec in model.outputs} if model else set()
    ends = {facts.final_stage.name} if facts.final_stage is not None else set()
    return [stage for stage in facts.layers if stage.name not in last | ends and stage.outputs]


def at_bounds(summary: Summary | None, activation: str) -> float | None:
    """The share of values within ``FLAT`` of the reach from a bound, from the histogram."""
    if summary is None or not summary.finite:
        return None
    low, high = BOUNDS[activation]
    near = FLAT * (high - low)
    starts, ends = lower_edges(summary.histogram)
    centers = (np.asarray(starts) + np.asarray(ends)) / 2
    there = (centers <= low + near) | (centers >= high - near)
    if low == 0:
        # A sigmoid's zero is a bin of its own.
        there |= centers == 0
    counts = np.asarray(summary.histogram.counts)
    return float(counts[there].sum() / counts.sum())
