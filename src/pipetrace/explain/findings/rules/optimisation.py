"""PT4xx: learning rate, updates, gradients, optimizer, batches."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from pipetrace.explain.facts import steps_per_epoch
from pipetrace.explain.findings.figures import NO_SKILL, POOR, Figures, figures_of, margin
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.findings.rules.inputs import LARGE, entries
from pipetrace.explain.text import figure, share
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import (
    TRAINING,
    DatasetCheck,
    Gradient,
    InitialWeight,
    LossPoint,
    Signal,
    StepLosses,
    Update,
)

UNMOVED = 0.1
"""A kernel that moved less than this part of its own size in all of training is nearly as it was drawn. Networks that learn
move theirs by a third and more in the runs that were looked at; wide ones move less (Jacot et al. 2018), and learn all the
same, so this counts only where the model does not."""
STILL_FALLING = 0.02
"""Part by which the loss falls in the last epoch, from which it surely still falls,"""
EVEN = 0.4
"""or part of the mean fall of all epochs that the last one still has: a loss that has settled has a few percent."""
STRAIGHT = 0.9
"""Cosine of the changes of two epochs: near an optimum steps cancel each other, far from it they add up."""
BACKWARD = 0.02
"""Root mean square of the gradient of the first kernels over that of the last ones. In sound networks both are within a
factor of ten or so of each other; the first layers then learn fifty times more slowly."""
BLOWN_UP = 10.0
"""Loss of a step over that before training. A loss that is drawn at random around its start does not reach ten times it."""
THROWN = 4.0
"""Movement of a kernel in the first epoch as a multiple of the size that it was drawn with: networks that learn end within one
to two times it, those that were drawn very small within five; what is thrown further has forgotten its start."""
MEMORY = 50.0
"""Steps that a momentum remembers, 1 / (1 - momentum), from which it is far off what is in use: 10 (0.9), rarely 20 (0.95)."""


class RateTooHigh(Rule):
    """Steps so large that the loss rises."""

    code = "PT401"
    name = "learning-rate-too-high"
    category = "lr_too_high"
    level = ERROR
    needs = (
        "epochs",
        "stages",
        "outcomes",
        "losses",
        "step losses",
        "weight updates",
        "initial weights",
    )
    root_cause_of = (
        *POOR,
        "PT201",
        "PT202",
        "PT303",
        "PT402",
        "PT405",
        "PT406",
        "PT502",
        "PT604",
        "PT701",
    )
    what = "The loss leaps far above where it began, or swings from epoch to epoch without falling."
    why = "A step that is longer than the valley is wide lands higher on its other side."

    SWING = 0.2
    """Mean change of the loss from epoch to epoch as a part of it."""
    STEP = 0.02
    """Change of a kernel in a single step as a part of its size; around 0.001 is usual."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        start = facts.loss_at(0)
        if start is None or not math.isfinite(start) or not facts.struggles or _data_broken(facts):
            return
        evidence = self._leap(facts, start) or self._thrown(facts) or self._swing(facts)
        if evidence is None:
            return
        rate = trace.epochs[0].learning_rate if trace.epochs else None
        now = f" from {figure(rate)}" if rate is not None else ""
        yield self.found(
            evidence[0].text,
            [*evidence, *facts.how_well()],
            f"Lower the learning rate{now} by a factor of 10, and again until the loss falls from the first steps on; "
            "clipnorm=1 in the optimizer catches single leaps.",
            epochs=[each.number for each in trace.epochs if self._leapt(facts, each.number, start)],
            change=""
            if rate is None
            else f"keras.optimizers.{trace.run.training.optimizer}(learning_rate={rate / 10:.3g})",
            confidence=0.9,
        )

    @staticmethod
    def _leapt(facts: Figures, epoch: int, start: float) -> bool:
        most = facts.of(StepLosses, TRAINING, epoch).max or 0.0
        return most > BLOWN_UP * max(abs(start), 1e-6)

    def _leap(self, facts: Figures, start: float) -> list[Evidence] | None:
        for epoch, most in facts.course(StepLosses, TRAINING, lambda each: each.max).items():
            if self._leapt(facts, epoch, start):
                text = (
                    f"Before training the loss was {figure(start)}; in epoch "
                    f"{epoch} that of a step reached {figure(most)}."
                )
                return [
                    Evidence(
                        text, most / start, f"measurements[step_losses/training, epoch {epoch}].max"
                    )
                ]
        return None

    @staticmethod
    def _thrown(facts: Figures) -> list[Evidence] | None:
        """That the first epoch threw a kernel many times its own size away, and nothing came of it."""
        skill = facts.skill(TRAINING)
        sizes = [facts.of(Signal, stage.name, 0).rms or 0.0 for stage in entries(facts)]
        if max(sizes, default=0.0) > LARGE:
            return None  # Gradients grow with the inputs, so the way that they go says nothing of the rate.
        found = []
        for name in facts.kernels:
            start, moved = facts.of(InitialWeight, name, 0), facts.of(Update, name, 1).from_start
            size = (start.std or 0.0) * math.sqrt((start.fan_in or 0) * (start.fan_out or 0))
            if size > 0 and moved is not None and math.isfinite(moved):
                found.append((moved / size, name))
        most, name = max(found, default=(0.0, ""))
        if most < THROWN or skill is None or skill >= NO_SKILL:
            return None
        text = f"In the first epoch {name} moved by {figure(most)} times the size that it started with."
        return [Evidence(text, most, f"measurements[update/{name}, epoch 1].from_start")]

    def _swing(self, facts: Figures) -> list[Evidence] | None:
        losses = facts.course(LossPoint, TRAINING, lambda each: each.loss)
        course = [value for epoch, value in losses.items() if epoch]
        late = course[len(course) // 2 :]
        if len(late) < 3 or not all(map(math.isfinite, course)) or not facts.underfits:
            return None
        changes = [now - before for before, now in pairwise(late)]
        rises = sum(change > 0 for change in changes) / len(changes)
        swing = sum(map(abs, changes)) / len(changes) / max(1e-12, sum(map(abs, late)) / len(late))
        steps = [
            (update.last_step / update.weight_norm, name)
            for name in facts.kernels
            if (update := facts.of(Update, name, facts.last)).last_step is not None
            and update.weight_norm is not None
            and update.weight_norm > 0
        ]
        largest, name = max(steps, default=(0.0, ""))
        if rises < 0.3 or swing < self.SWING or largest < self.STEP:
            return None
        text = (
            f"In the later half of training the loss changes by {share(swing)} "
            "from epoch to epoch, up as often as down."
        )
        more = f"The last step alone changed {name} by {share(largest)} of its size."
        return [
            Evidence(text, swing, "measurements[loss/training].loss"),
            Evidence(more, largest, f"measurements[update/{name}, epoch {facts.last}].last_step"),
        ]


class RateTooLow(Rule):
    """Steps so small that the weights stay where they began."""

    code = "PT402"
    name = "learning-rate-too-low"
    category = "lr_too_low"
    needs = ("stages", "epochs", "outcomes", "weight updates")
    root_cause_of = POOR
    what = "The weights have hardly moved from where they began, all in one direction, and the loss is still falling."
    why = "At this pace training would take many times the epochs that it was given."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        moved = travelled(facts)
        falling = still_falling(facts) or steady(facts)
        if moved is None or falling is None or not facts.underfits or facts.broken:
            return
        part, name = moved
        if part >= UNMOVED:
            return
        rate = trace.epochs[-1].learning_rate
        optimizer = trace.run.training.optimizer
        text = (
            f"In {len(trace.epochs)} epochs the kernels moved by {share(part)} of "
            "their size (the median), and they are still on their way."
        )
        yield self.found(
            text,
            [
                Evidence(text, part, f"measurements[update/{name}, epoch {facts.last}].from_start"),
                falling,
                *facts.how_well(),
            ],
            f"Raise the learning rate{'' if rate is None else f' from {figure(rate)}'} by a factor of 10, and again while "
            "the loss falls smoothly.",
            change=""
            if rate is None
            else f"keras.optimizers.{optimizer}(learning_rate={self._usual(optimizer, rate):.3g})",
            confidence=margin(-part, -UNMOVED, -0.01),
        )

    @staticmethod
    def _usual(optimizer: str, rate: float) -> float:
        """Ten times the rate, or what the optimizer's own paper uses where that is far away."""
        return {"Adadelta": 1.0}.get(optimizer, 10 * rate)


class LongMemory(Rule):
    """A momentum that remembers very many steps."""

    code = "PT403"
    name = "momentum-too-high"
    category = "optimizer"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT502")
    what = "A momentum so near to 1 that it adds up the gradients of a hundred steps and more."
    why = "The step is 1 / (1 - momentum) times the learning rate, goes on long after the gradient has turned, and overshoots."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        config = trace.run.training.optimizer_config
        momentum = (
            config.get("momentum")
            if trace.run.training.optimizer in ("SGD", "RMSprop")
            else config.get("beta_1")
        )
        if not isinstance(momentum, (int, float)) or not 0 <= momentum < 1 or not facts.struggles:
            return
        memory = 1 / (1 - momentum)
        if memory < MEMORY:
            return
        rate = trace.epochs[0].learning_rate if trace.epochs else None
        text = (
            f"A momentum of {figure(momentum)} adds up the gradients of about {memory:.0f} steps."
        )
        evidence = [Evidence(text, memory, "run.training.optimizer_config.momentum")]
        if rate is not None:
            line = (
                f"With a learning rate of {figure(rate)} a lasting gradient moves a "
                f"weight at {figure(rate * memory)} times its size."
            )
            evidence.append(Evidence(line, rate * memory, "epochs[1].learning_rate"))
        yield self.found(
            text,
            [*evidence, *facts.how_well()],
            "Use 0.9, or Adam with its own settings.",
            change="keras.optimizers.Adam()",
            confidence=0.8,
        )


class BatchTooLarge(Rule):
    """So few steps in an epoch that many epochs do not suffice."""

    code = "PT404"
    name = "batch-too-large"
    category = "batch_too_large"
    needs = ("stages", "epochs", "outcomes", "weight updates")
    root_cause_of = POOR
    what = "A batch takes a large part of all rows, and after many epochs the weights have hardly moved."
    why = "An epoch then makes only a few updates, whatever it costs."

    FEW = 8
    """Steps in an epoch."""
    EPOCHS = 20
    """Epochs from which it is not their number that is small."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        steps, moved = steps_per_epoch(trace), travelled(facts)
        falling = still_falling(facts) or steady(facts)
        if (
            steps is None
            or not steps.rows
            or steps.count > self.FEW
            or len(trace.epochs) < self.EPOCHS
            or not facts.underfits
        ):
            return
        if moved is None or falling is None or moved[0] >= UNMOVED or steps.batch <= 8:
            return
        text = (
            f"A batch of {steps.batch} of {steps.rows:,} rows makes {steps.count} updates an epoch."
        )
        yield self.found(
            text,
            [Evidence(text, float(steps.count), "run.training.batch_size"), falling],
            "Take smaller batches, 8 to 32 rows, or raise the learning rate with the batch.",
            change=f"model.fit(..., batch_size={max(1, steps.batch // 8)})",
            confidence=0.65,
        )


class Vanishing(Rule):
    """Gradients that fade on their way to the first layers."""

    code = "PT405"
    name = "vanishing-gradient"
    category = "vanishing_gradient"
    needs = ("stages", "outcomes", "gradients")
    root_cause_of = POOR
    what = "The gradient of the first kernels is a small part of that of the last ones, all through training."
    why = "The first layers then stay as they were drawn, and the last ones work on features of chance."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        courses_of = {
            name: course
            for name in facts.kernels
            if (course := facts.course(Gradient, name, lambda each: each.rms))
        }
        kernels, courses = list(courses_of), list(courses_of.values())
        if len(kernels) < 3 or not facts.struggles:
            return
        epochs = [epoch for epoch in courses[0] if all(epoch in course for course in courses)]
        if not epochs:
            return
        ratios = []
        for place in range(len(kernels)):
            later = [
                max((course[epoch] for course in courses[place:]), default=0.0) for epoch in epochs
            ]
            own = [courses[place][epoch] for epoch in epochs]
            known = [mine / most for mine, most in zip(own, later, strict=True) if most > 0]
            ratios.append(_median(known) if known else 1.0)
        first = next((place for place, ratio in enumerate(ratios) if ratio < BACKWARD), None)
        if first is None or first > len(kernels) // 2:
            return
        name = kernels[first]
        text = (
            f"The gradient of {name} is {figure(ratios[first])} of the largest "
            "one behind it (the median over the epochs)."
        )
        yield self.found(
            text,
            [
                Evidence(text, ratios[first], f"measurements[gradient/{name}].rms"),
                *facts.how_well(),
            ],
            "Use ReLU with He initialisation within the network, BatchNormalization between its layers, or fewer layers.",
            stage=name.rpartition("/")[0],
            epochs=[epoch for epoch in epochs if epoch],
            change="activation='relu', kernel_initializer='he_normal'",
            confidence=margin(-math.log10(max(ratios[first], 1e-12)), -math.log10(BACKWARD), 4.0),
        )


class Exploding(Rule):
    """Values or gradients that grow from layer to layer until they are no numbers."""

    code = "PT406"
    name = "exploding-gradient"
    category = "exploding_gradient"
    level = ERROR
    needs = ("stages", "activations", "gradients", "outcomes")
    root_cause_of = (*POOR, "PT201", "PT202", "PT405", "PT701")
    what = "Values become infinite within the untrained network, or gradients grow by orders of magnitude on their way back."
    why = "The first step throws the weights far away, or makes them no numbers at all."

    LARGE = 100.0
    """Root mean square of a stage, from which values grow rather than break at once."""
    RATIO = 1e4
    """Gradient of the first kernels over that of the last one."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        if _data_broken(facts):
            return
        burst = next(
            (
                stage.name
                for stage in facts.layers
                if facts.of(Signal, stage.name, 0).not_finite is not None
            ),
            None,
        )
        if burst is not None:
            sizes = [facts.of(Signal, stage.name, 0).rms or 0.0 for stage in facts.layers]
            largest = max(sizes, default=0.0)
            grows = (
                facts.activation(facts.stage(burst)) == "exponential"
            )  # which makes infinity of 89
            if largest < self.LARGE and not grows:
                return  # A logarithm or a root of what it cannot take, and nothing that grew.
            text = (
                f"Before training the outputs of {burst} are already not finite; those before it have root mean squares up to "
                f"{figure(largest)}."
            )
            yield self.found(
                text,
                [Evidence(text, largest, f"measurements[signal/{burst}, epoch 0].not_finite")],
                "Use an activation that does not grow (ReLU, tanh), a smaller initialisation, or normalisation between layers.",
                stage=burst,
                change="activation='relu'",
            )
            return
        sizes_of = {name: facts.of(Gradient, name, 0).rms or 0.0 for name in facts.kernels}
        kernels = [name for name, size in sizes_of.items() if size]
        if len(kernels) < 3 or not facts.struggles:
            return
        name = max(kernels, key=lambda each: sizes_of[each])
        ratio = sizes_of[name] / sizes_of[kernels[-1]]
        if ratio > self.RATIO:
            text = f"Before training the gradient of {name} is {figure(ratio)} times that of {kernels[-1]}."
            yield self.found(
                text,
                [
                    Evidence(text, ratio, f"measurements[gradient/{name}, epoch 0].rms"),
                    *facts.how_well(),
                ],
                "Start from a smaller initialisation, normalise between layers, or clip gradients.",
                stage=name.rpartition("/")[0],
                change="clipnorm=1.0",
                confidence=0.8,
            )


def travelled(facts: Figures) -> tuple[float, str] | None:
    """How far the kernels moved from their start, as a part of their size, in the median, and whose that is."""
    found = sorted(
        (update.from_start / update.weight_norm, name)
        for name in facts.kernels
        if (update := facts.of(Update, name, facts.last)).from_start is not None
        and update.weight_norm is not None
        and update.weight_norm > 0
    )
    moved = [each for each in found if each[0] > 0]
    return moved[(len(moved) - 1) // 2] if moved and math.isfinite(moved[-1][0]) else None


def still_falling(facts: Figures) -> Evidence | None:
    """That the loss was still falling when training ended, by the training loss of the last epochs."""
    losses = [epoch.metrics.get("loss", math.nan) for epoch in facts.trace.epochs]
    start = facts.loss_at(0)
    if start is not None and math.isfinite(start) and losses:
        losses = [max(start, losses[0]), *losses]
    if len(losses) < 2 or not all(map(math.isfinite, losses)):
        return None
    # Over as many epochs as a quarter, so that the noise of single ones counts little.
    back = max(1, (len(losses) - 1) // 4)
    fall, whole = (
        (losses[-1 - back] - losses[-1]) / back,
        (losses[0] - losses[-1]) / (len(losses) - 1),
    )
    part = fall / max(abs(losses[-1 - back]), 1e-12)
    if fall <= 0 or not (part >= STILL_FALLING or (whole > 0 and fall >= EVEN * whole)):
        return None
    text = (
        f"In the last {'epoch' if back == 1 else f'{back} epochs'} the loss fell "
        f"by {share(part)} an epoch, to {figure(losses[-1])}."
    )
    return Evidence(text, part, f"epochs[{facts.last}].metrics[loss]")


def steady(facts: Figures) -> Evidence | None:
    """That the kernels still moved on in the one direction that they always had, at the pace that they always had."""
    cosines, pace = [], []
    for name in facts.kernels:
        update = facts.of(Update, name, facts.last)
        if update.from_start and update.cosine is not None and update.update_norm is not None:
            cosines.append(update.cosine)
            pace.append(update.update_norm * facts.last / update.from_start)
    # The last kernel gets its gradient first; where it stands still, what drifts before it leads nowhere.
    if not cosines or _median(cosines) < STRAIGHT or min(_median(pace), pace[-1]) < EVEN:
        return None
    text = f"From one epoch to the next the kernels' changes point the same way (cosine {figure(_median(cosines))})."
    return Evidence(
        text,
        _median(cosines),
        f"measurements[update/{facts.kernels[0]}, epoch {facts.last}].cosine",
    )


def _data_broken(facts: Figures) -> bool:
    check = facts.of(DatasetCheck, TRAINING)
    return bool(check.inputs_not_finite or check.targets_not_finite)


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
