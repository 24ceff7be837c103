"""PT405, PT406, PT420 to PT422: gradients, and weights that they do not or no longer move."""

import math
from collections.abc import Iterator

from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.pace import median
from pipetrace.explain.findings.questions import (
    POOR,
    log_margin,
    of_all_alike,
    struggles,
    underfits,
)
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import counted, figure
from pipetrace.trace.measurements import Gradient, Update

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
        if not struggles(run):  # before thousands of figures are decoded
            return
        measured = {name: run.course(Gradient, name, lambda each: each.rms) for name in run.kernels}
        courses = {name: course for name, course in measured.items() if course}
        kernels = list(courses)
        if len(kernels) < 3:
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
                f"The gradient of {name} is {figure(ratio)} of the largest one after it "
                "(median over the epochs).",
                ratio,
                f"measurements[gradient/{name}].rms",
                *run.how_well(),
                advice="Use ReLU with He initialization in hidden layers, BatchNormalization "
                "between them, or fewer layers.",
                stage=run.owner(name),
                epochs=[epoch for epoch in epochs if epoch],
                change=of_all_alike(
                    run,
                    "activation='relu', kernel_initializer='he_normal'",
                    run.owner(name),
                ),
                confidence=log_margin(ratio, VANISHING, 4.0),
            )
            return


class ExplodingGradient(RunRule):
    code = "PT406"
    name = "exploding-gradient"
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
                f"Before training the gradient of {name} is {figure(ratio)} times that of "
                f"{kernels[-1]}.",
                ratio,
                f"measurements[gradient/{name}, epoch 0].rms",
                *run.how_well(),
                advice="Use smaller initial weights, normalise between layers, or clip gradients.",
                stage=run.owner(name),
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
            f"Before training the outputs of {name} already contain NaN or Inf; those before "
            f"it have root mean squares up to {figure(largest)}.",
            largest,
            f"measurements[signal/{name}, epoch 0].not_finite",
            advice="Use an activation that does not grow (ReLU, tanh), smaller initial weights, or "
            "normalisation between layers.",
            stage=name,
            change=of_all_alike(run, "activation='relu'", name),
        )


NO_MOVEMENT = 1e-4
"""Movement of all kernels in an epoch over that of the first: ten thousand such epochs make one."""
RATE_GONE = 1e-3
"""Learning rate over the first one. Warm restarts and cosine schedules end at a hundredth, or at 0
with the last step."""


class LearningRateGone(RunRule):
    code = "PT420"
    name = "learning-rate-gone"
    category = "lr_too_low"
    needs = ("stages", "epochs", "outcomes", "weight updates")
    root_cause_of = (*POOR, "PT402", "PT404", "PT502", "PT607")
    what = "The learning rate fell until the weights stopped moving, before the model had learned."
    why = "All further epochs change nothing."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        rates = {each.number: each.learning_rate for each in run.trace.epochs}
        if not rates or run.broken or not underfits(run):
            return  # Behind a good outcome it is the end of a schedule.
        moved = _movement(run)
        if not moved:
            return
        most, last = max(moved.values()), max(moved)
        first_rate, rate = next(iter(rates.values())), rates.get(last)
        if not most or not first_rate or rate is None or rate > RATE_GONE * first_rate:
            return
        still = [epoch for epoch, size in moved.items() if size < NO_MOVEMENT * most]
        if last not in still:
            return
        yield self.fault(
            f"The learning rate fell from {figure(first_rate)} to {figure(rate)}; in epoch "
            f"{last} the kernels {_far(moved[last] / most)}.",
            moved[last] / most,
            f"epochs[{last}].learning_rate",
            *run.how_well(),
            advice="Slow the decay down, or end it at a hundredth of the first rate. A factor for "
            "each epoch is not one for each step.",
            epochs=[epoch for epoch in rates if epoch >= min(still)],
            change="keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5, min_lr=1e-5)",
            confidence=log_margin(moved[last] / most, NO_MOVEMENT, 8.0),
        )


class NotUpdated(RunRule):
    code = "PT421"
    name = "weights-not-updated"
    category = "frozen_layers"
    needs = ("stages", "epochs", "gradients", "weight updates")
    root_cause_of = (*POOR, "PT402", "PT502")
    what = "Trainable kernels have a gradient, but training never moved them."
    why = "They were not handed to the optimizer, so they keep their random values."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        if run.broken or not any(_moved(run, name) for name in run.kernels):
            return
        still = [
            name
            for name in run.kernels
            if _moved(run, name) is False
            and len(_gradients(run, name)) > 1
            and min(_gradients(run, name)) > 0
        ]
        if not still:
            return
        name, epochs = still[0], len(run.trace.epochs)
        size = _gradients(run, name)[-1]
        found = self.fault(
            f"{counted(len(still), 'trainable kernel')} did not move in "
            f"{counted(epochs, 'epoch')}, while others did: {name} first.",
            float(len(still)),
            f"measurements[update/{name}].update_norm",
            Evidence(
                f"The gradient of {name} is not 0: its norm is {figure(size)}.",
                size,
                f"measurements[gradient/{name}].norm",
            ),
            *run.how_well(),
            advice="Hand the gradients of all trainable weights to the optimizer.",
            stage=run.owner(name),
            change="optimizer.apply(tape.gradient(loss, model.trainable_variables), "
            "model.trainable_variables)",
            confidence=0.9,
        )
        skill = run.skill(run.evaluated_rows)
        yield found if skill is None or struggles(run) else as_note(found)


class LossScaleOverflow(RunRule):
    code = "PT422"
    name = "loss-scale-overflow"
    category = "overflow"
    level = ERROR
    needs = ("stages", "epochs", "weight updates")
    root_cause_of = (*POOR, "PT402", "PT502", "PT701")
    what = "In mixed precision no step changed any weight: gradients overflow 16 bits every time."
    why = "The optimizer skips a step with Inf in it and lowers its scale, in vain."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        training = run.trace.run.training
        if training.policy != "mixed_float16" or not run.kernels:
            return
        rates = [each.learning_rate for each in run.trace.epochs]
        still = all(_moved(run, name) is False for name in run.kernels)
        if not rates or 0.0 in rates or not still:
            return
        yield self.fault(
            f"With the policy mixed_float16 no kernel moved in "
            f"{counted(len(run.trace.epochs), 'epoch')}.",
            0.0,
            f"measurements[update/{run.kernels[0]}].update_norm",
            advice="Find what is larger than 65,504, the largest number of 16 bits: inputs or "
            "targets that are not scaled, or a sum over many values. Scale it, or use bfloat16.",
            change="keras.mixed_precision.set_dtype_policy('mixed_bfloat16')",
            confidence=0.8,
        )


def _far(part: float) -> str:
    return f"moved {figure(part)} times as far as in their fastest epoch" if part else "stood still"


def _movement(run: MeasuredRun) -> dict[int, float]:
    """The change of all kernels together in each epoch in which that of all was measured."""
    courses = [run.course(Update, name, lambda each: each.update_norm) for name in run.kernels]
    epochs = set.intersection(*map(set, courses)) if courses else set()
    found = {
        epoch: math.sqrt(sum(course[epoch] ** 2 for course in courses)) for epoch in sorted(epochs)
    }
    return found if all(map(math.isfinite, found.values())) else {}


def _moved(run: MeasuredRun, name: str) -> bool | None:
    """Whether a kernel moved in a measured epoch; None where that was not measured."""
    epochs = (epoch for epoch in run.epochs_of(Update, name) if epoch is not None)
    norms = (run.of(Update, name, epoch).update_norm for epoch in epochs)
    known = (norm for norm in norms if norm is not None)
    first = next(known, None)
    return None if first is None else bool(first) or any(known)


def _gradients(run: MeasuredRun, name: str) -> list[float]:
    return [*run.course(Gradient, name, lambda each: each.norm).values()]
