"""PT405 and PT406: gradients that vanish or explode on their way to the first layers."""

from collections.abc import Iterator

from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.pace import median
from pipetrace.explain.findings.questions import POOR, log_margin, struggles
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import figure
from pipetrace.trace.measurements import Gradient

VANISHING = 0.02
"""Gradient of a kernel over the largest after it (root mean squares). In sound networks both are
within a factor of about ten; here the first layers learn fifty times more slowly."""
EXPLODING = 1e4
"""Gradient of the first kernels over that of the last one."""
GROWN_RMS = 100.0
"""Root mean square of a stage, from which values grew rather than became infinite at once."""


class VanishingGradient(RunRule):
    code = "PT405"
    name = "vanishing-gradient"
    category = "vanishing_gradient"
    needs = ("stages", "outcomes", "gradients")
    root_cause_of = POOR
    what = (
        "The gradients of the first kernels are a small fraction of those of later ones, "
        "throughout training."
    )
    why = (
        "The first layers then keep their random weights, and the last ones work with random "
        "features."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        measured = {name: run.course(Gradient, name, lambda each: each.rms) for name in run.kernels}
        courses = {name: course for name, course in measured.items() if course}
        kernels = list(courses)
        if len(kernels) < 3 or not struggles(run):
            return
        epochs = sorted(set.intersection(*(set(course) for course in courses.values())))
        later, largest = dict.fromkeys(epochs, 0.0), {}
        for name in reversed(kernels):
            later = {epoch: max(most, courses[name][epoch]) for epoch, most in later.items()}
            largest[name] = later
        for name in kernels[: len(kernels) // 2 + 1]:
            of = courses[name]
            ratios = [of[epoch] / most for epoch, most in largest[name].items() if most > 0]
            ratio = median(ratios) if ratios else 1.0
            if ratio >= VANISHING:
                continue
            yield self.fault(
                Evidence(
                    f"The gradient of {name} is {figure(ratio)} of the largest one after it "
                    "(median over the epochs).",
                    ratio,
                    f"measurements[gradient/{name}].rms",
                ),
                *run.how_well(),
                advice="Use ReLU with He initialization in hidden layers, BatchNormalization "
                "between them, or fewer layers.",
                stage=name.rpartition("/")[0],
                epochs=[epoch for epoch in epochs if epoch],
                change="activation='relu', kernel_initializer='he_normal'",
                confidence=log_margin(ratio, VANISHING, 4.0),
            )
            return


class ExplodingGradient(RunRule):
    code = "PT406"
    name = "exploding-gradient"
    category = "exploding_gradient"
    level = ERROR
    needs = ("stages", "activations", "gradients", "outcomes")
    root_cause_of = (*POOR, "PT201", "PT202", "PT405", "PT701")
    what = (
        "Values become Inf in the untrained network, or gradients grow by orders of magnitude "
        "towards the first layers."
    )
    why = "The first step moves the weights far away, or makes them NaN or Inf."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        if run.data_broken:
            return
        if run.first_not_finite is not None:
            yield from self._values(run, run.first_not_finite.name)
            return
        sizes = {name: run.of(Gradient, name, 0).rms or 0.0 for name in run.kernels}
        kernels = [name for name, size in sizes.items() if size]
        if len(kernels) < 3 or not struggles(run):
            return
        name = max(kernels, key=lambda each: sizes[each])
        ratio = sizes[name] / sizes[kernels[-1]]
        if ratio > EXPLODING:
            yield self.fault(
                Evidence(
                    f"Before training the gradient of {name} is {figure(ratio)} times that of "
                    f"{kernels[-1]}.",
                    ratio,
                    f"measurements[gradient/{name}, epoch 0].rms",
                ),
                *run.how_well(),
                advice="Use smaller initial weights, normalise between layers, or clip gradients.",
                stage=name.rpartition("/")[0],
                change="clipnorm=1.0",
                confidence=0.8,
            )

    def _values(self, run: MeasuredRun, name: str) -> Iterator[Finding]:
        largest = max((run.rms(stage) for stage in run.layers), default=0.0)
        # An exponential makes infinity of 89.
        grows = run.activation(run.stage(name)) == "exponential"
        if largest < GROWN_RMS and not grows:
            return  # A logarithm or a root of a wrong value: nothing grew.
        yield self.fault(
            Evidence(
                f"Before training the outputs of {name} already contain NaN or Inf; those before "
                f"it have root mean squares up to {figure(largest)}.",
                largest,
                f"measurements[signal/{name}, epoch 0].not_finite",
            ),
            advice="Use an activation that does not grow (ReLU, tanh), smaller initial weights, or "
            "normalisation between layers.",
            stage=name,
            change="activation='relu'",
        )
