"""PT601 to PT603: initial weights."""

import math
from collections.abc import Iterator

from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import (
    POOR,
    faded_signal,
    glorot_ratios,
    of_all,
    struggles,
    weak_kernels,
)
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import counted, figure, share
from pipetrace.trace.document import Stage
from pipetrace.trace.measurements import InitialWeight, Signal

STRONG_KERNEL = 5.0
"""Standard deviation of a kernel over Glorot's, above which what follows saturates or explodes."""
EXPLODED_SIGNAL = 100.0
"""Standard deviation of a stage over that of the inputs, before training."""
INITIALIZER_STD = 0.03
"""Relative difference of a standard deviation from its initializer's: two standard errors for 2,000
weights."""
DUPLICATE_UNITS = 0.9
"""Share of units with the same weights as another."""


class BadInitialisation(RunRule):
    code = "PT601"
    name = "bad-initialisation"
    category = "bad_init"
    needs = ("stages", "outcomes", "activations", "initial weights")
    root_cause_of = (*POOR, "PT201", "PT202", "PT401", "PT402", "PT405", "PT406", "PT502", "PT604")
    what = (
        "Kernels start so small that the signal fades from layer to layer, or so large that it "
        "explodes."
    )
    why = (
        "A signal that does not reach the last layer cannot be learned from. Gradients fade in "
        "the same way."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        if not struggles(run):
            return
        ratios = glorot_ratios(run)
        strong = [name for name, ratio in ratios.items() if ratio > STRONG_KERNEL]
        weak, faded = weak_kernels(ratios), faded_signal(run)
        if faded is not None and weak:
            names = weak
        elif len(strong) >= 2 and (run.broken or _explodes(run)):
            names = strong
        else:
            return
        name = names[0]
        shown = faded
        if shown is None or names is strong:
            text = (
                f"{len(strong)} kernels start at {STRONG_KERNEL:g} times Glorot's standard "
                "deviation or more."
            )
            shown = Evidence(text, ratios[name], f"measurements[initial_weight/{name}/kernel].std")
        std = run.initial_kernel(run.stage(name)).std or 0.0
        yield self.shown(
            shown,
            Evidence(
                f"The kernel of {name} starts with a standard deviation of {figure(std)}; "
                f"Glorot's is {figure(std / ratios[name])}.",
                ratios[name],
                f"measurements[initial_weight/{name}/kernel].std",
            ),
            *run.how_well(),
            advice="Use the initializer that matches the activation: he_normal for ReLU, "
            "glorot_uniform (the default) for tanh.",
            stage=name,
            change=of_all("kernel_initializer='he_normal'", names),
            confidence=0.9,
        )


class IdenticalUnits(RunRule):
    code = "PT602"
    name = "identical-units"
    category = "bad_init"
    level = ERROR
    needs = ("stages", "initial weights")
    root_cause_of = (*POOR, "PT201", "PT401", "PT402", "PT405", "PT502", "PT601", "PT604", "PT607")
    what = "All units of a layer start with the same weights."
    why = "Equal units get equal gradients and stay equal, so the layer works like a single unit."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for stage in run.weighted:
            duplicates = run.initial_kernel(stage).duplicate_units
            # A layer that gives an output may start at zero: its units have different targets.
            if duplicates is None or duplicates < DUPLICATE_UNITS or stage not in run.hidden:
                continue
            if not stage.parameters.trainable or _became_different(run, stage):
                continue
            found = self.fault(
                f"{share(duplicates)} of the units of {stage.name} start with the weights of "
                "another unit.",
                duplicates,
                f"measurements[initial_weight/{stage.name}/kernel].duplicate_units",
                *run.how_well(),
                advice="Start from random weights.",
                stage=stage.name,
                change="kernel_initializer='glorot_uniform'",
            )
            yield found if struggles(run) else as_note(found)
            return


class FrozenLayers(RunRule):
    code = "PT603"
    name = "frozen-layers"
    needs = ("stages", "initial weights")
    root_cause_of = (*POOR, "PT402", "PT502")
    what = "Frozen layers hold random initial weights."
    why = "Freezing helps only layers that were trained before. Random features stay random."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        frozen = [
            stage
            for stage in run.weighted
            if not any(weight.trainable for weight in stage.weights) and _untrained(run, stage)
        ]
        if not frozen or _normalised_before(run):
            return
        count, name = sum(stage.parameters.frozen for stage in frozen), frozen[0].name
        model, std = run.trace.run.model, run.initial_kernel(frozen[0]).std or 0.0
        total = model.parameters.total if model else count
        found = self.fault(
            f"{counted(len(frozen), 'layer')} with {count:,} of {total:,} parameters are "
            "frozen with random initial weights.",
            float(count),
            f"stages[{name}].parameters",
            Evidence(
                f"The kernel of {name} has the standard deviation of an initializer, "
                f"{figure(std)}.",
                std,
                f"measurements[initial_weight/{name}/kernel].std",
            ),
            *run.how_well(),
            advice="Set trainable=True before compile, or load trained weights.",
            stage=name,
            change="layer.trainable = True  # for each of them, then compile again",
            confidence=0.9,
        )
        yield found if struggles(run) else as_note(found)


def _became_different(run: MeasuredRun, stage: Stage) -> bool:
    """Whether the units differ after training: what follows may treat them differently."""
    values = next(
        (run.trace.weights.get(f"{stage.name}/{each.name}") for each in stage.weights[:1]), None
    )
    if values is None or values.ndim < 2:
        return False
    units = values.reshape(-1, values.shape[-1]).T
    return len({each.tobytes() for each in units}) > (1 - DUPLICATE_UNITS) * len(units) + 1


def _explodes(run: MeasuredRun) -> bool:
    """Whether a stage before training has a far larger standard deviation than the inputs."""
    stds = {stage.name: run.of(Signal, stage.name, 0).std or 0.0 for stage in run.trace.stages}
    inputs = max((stds[stage.name] for stage in run.sources), default=0.0)
    return inputs > 0 and max(stds.values()) / inputs > EXPLODED_SIGNAL


def _normalised_before(run: MeasuredRun) -> bool:
    """Whether a frozen BatchNormalization has averages, which only training gives."""
    averages = [
        run.of(InitialWeight, f"{stage.name}/moving_mean", 0)
        for stage in run.layers
        if stage.layer == "BatchNormalization" and not stage.parameters.trainable
    ]
    return any(each.std or each.mean for each in averages)


def _untrained(run: MeasuredRun, stage: Stage) -> bool:
    """Whether a stage has the standard deviation of a Keras initializer, and no bias yet."""
    start, bias = run.initial_kernel(stage), run.of(InitialWeight, f"{stage.name}/bias", 0)
    fan_in, fan_out = start.fan_in, start.fan_out
    if not start.std or not fan_in or not fan_out or bias.std or bias.mean:
        return False
    variances = 2 / (fan_in + fan_out), 2 / fan_in, 1 / fan_in, 0.05**2, 0.05**2 / 3
    near = max(INITIALIZER_STD, 3 / math.sqrt(2 * fan_in * fan_out))
    return any(abs(start.std / math.sqrt(each) - 1) < near for each in variances)
