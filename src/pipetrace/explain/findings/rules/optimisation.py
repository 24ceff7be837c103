"""PT401 to PT404: learning rate, updates, optimizer, batches."""

import math
from collections.abc import Iterator
from itertools import pairwise

from pipetrace.explain.facts import steps_per_epoch
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.pace import (
    MOST_TIMES,
    UNMOVED,
    distance_moved,
    epochs_left,
    is_short,
    moving_steadily,
    still_falling,
)
from pipetrace.explain.findings.questions import (
    POOR,
    margin,
    model_inputs,
    struggles,
    underfits,
)
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import figure, share
from pipetrace.trace.measurements import TRAINING, InitialWeight, LossPoint, StepLosses, Update

LOSS_JUMP = 10.0
"""Loss of a step over that before training. Chance around the start does not reach ten times it."""
FIRST_EPOCH_MOVE = 4.0
"""Movement of a kernel in the first epoch over its initial size. Networks that learn end within one
to two times it, those with very small initial weights within five."""
TRUSTED_INPUT_RMS = 10.0
"""Gradients grow with the inputs: beyond this the movement of kernels says nothing about the
learning rate."""
LOSS_SWING = 0.2
"""Mean change of the loss from epoch to epoch, relative to it."""
STEP_SIZE = 0.02
"""Change of a kernel in a single step, relative to its size; around 0.001 is usual."""
ENOUGH_MOVED, MOST_TENFOLDS = 0.3, 3
"""What kernels of networks that learn move by, relative to their size (see ``UNMOVED``); and the
most powers of ten to try at once."""
MOMENTUM_STEPS = 50.0
"""Steps that a momentum adds up, 1 / (1 - momentum). Usual are 10 (0.9), rarely 20 (0.95)."""
FEW_STEPS, MANY_EPOCHS = 8, 20
"""Steps of an epoch that are few, and epochs that are many."""


class LearningRateTooHigh(RunRule):
    code = "PT401"
    name = "learning-rate-too-high"
    category = "lr_too_high"
    level = ERROR
    needs = (
        *("stages", "epochs", "outcomes", "losses"),
        *("step losses", "weight updates", "initial weights"),
    )
    root_cause_of = (
        *POOR,
        *("PT201", "PT202", "PT303", "PT402", "PT405", "PT406", "PT502", "PT604", "PT701"),
    )
    what = "The loss jumps far above its start, or swings from epoch to epoch without falling."
    why = "Steps this large overshoot the minimum, so the loss grows."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        trace, start = run.trace, _first_loss(run)
        if start is None or not math.isfinite(start) or not struggles(run) or run.data_broken:
            return
        largest = run.course(StepLosses, TRAINING, lambda each: each.max)
        limit = LOSS_JUMP * max(abs(start), 1e-6)
        jumps = {epoch: loss for epoch, loss in largest.items() if loss > limit}
        evidence = [_jump(start, jumps)] if jumps else _moved_far(run) or _swing(run)
        if not evidence:
            return
        rate = trace.epochs[0].learning_rate if trace.epochs else None
        change, now = "", ""
        if rate is not None:
            now = f" from {figure(rate)}"
            change = f"keras.optimizers.{trace.run.training.optimizer}({_as_rate(rate / 10)})"
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice=f"Lower the learning rate{now} by a factor of 10; repeat until the loss falls "
            "from the first steps on. clipnorm=1 in the optimizer stops single jumps.",
            epochs=[each.number for each in trace.epochs if each.number in jumps],
            change=change,
            confidence=0.9,
        )


class LearningRateTooLow(RunRule):
    code = "PT402"
    name = "learning-rate-too-low"
    category = "lr_too_low"
    needs = ("stages", "epochs", "outcomes", "weight updates")
    root_cause_of = POOR
    what = "The weights have hardly moved, all in one direction, and the loss is still falling."
    why = "At this rate training would need many times its epochs."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        moved = distance_moved(run)
        falling = still_falling(run) or moving_steadily(run)
        if moved is None or falling is None or not underfits(run) or run.broken:
            return
        part, name = moved
        left = epochs_left(run)
        slow = left is not None and left > MOST_TIMES * len(run.trace.epochs)
        if part >= UNMOVED or (is_short(run) and not slow):
            return
        epochs, optimizer = run.trace.epochs, run.trace.run.training.optimizer
        rate, change, now = epochs[-1].learning_rate, "", ""
        # Movement goes with the rate, so this is how often it fits into that of a network that
        # learns, as a power of ten.
        factor = 10 ** min(MOST_TENFOLDS, max(1, round(math.log10(ENOUGH_MOVED / max(part, 1e-9)))))
        if rate is not None:
            now = f" from {figure(rate)}"
            # The optimizer's own paper uses 1.0.
            better = 1.0 if optimizer == "Adadelta" else factor * rate
            change = f"keras.optimizers.{optimizer}({_as_rate(better)})"
        yield self.fault(
            f"In {len(epochs)} epochs the kernels moved by {share(part)} of their size "
            "(median), and are still moving.",
            part,
            f"measurements[update/{name}, epoch {run.last_epoch}].from_start",
            falling,
            *run.how_well(),
            advice=f"Raise the learning rate{now} by a factor of {factor:,}; repeat while the loss "
            "falls smoothly.",
            change=change,
            confidence=margin(-part, -UNMOVED, -0.01),
        )


class MomentumTooHigh(RunRule):
    code = "PT403"
    name = "momentum-too-high"
    category = "optimizer"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT201", "PT502")
    what = "The momentum is so close to 1 that it adds up the gradients of 50 steps or more."
    why = (
        "The effective step is 1 / (1 - momentum) times the learning rate, and it overshoots when "
        "the gradient turns."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        training = run.trace.run.training
        key = "momentum" if training.optimizer in ("SGD", "RMSprop") else "beta_1"
        momentum = training.optimizer_config.get(key)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum < 1 or not struggles(run):
            return
        steps = 1 / (1 - momentum)
        if steps < MOMENTUM_STEPS:
            return
        text = f"A momentum of {figure(momentum)} adds up the gradients of about {steps:.0f} steps."
        evidence = [Evidence(text, steps, f"run.training.optimizer_config.{key}")]
        rate = run.trace.epochs[0].learning_rate if run.trace.epochs else None
        if rate is not None:
            text = (
                f"The learning rate is {figure(rate)}; for a steady gradient it is effectively "
                f"{figure(rate * steps)}."
            )
            evidence.append(Evidence(text, rate * steps, "epochs[1].learning_rate"))
        change = "keras.optimizers.Adam()"
        if rate is not None and key == "momentum":
            change = f"keras.optimizers.{training.optimizer}({_as_rate(rate)}, momentum=0.9)"
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice="Use a momentum of 0.9, or Adam with its defaults.",
            change=change,
            confidence=0.8,
        )


class BatchTooLarge(RunRule):
    code = "PT404"
    name = "batch-too-large"
    needs = ("stages", "epochs", "outcomes", "weight updates")
    root_cause_of = POOR
    what = (
        "A batch contains a large part of all rows, and after many epochs the weights have hardly "
        "moved."
    )
    why = "Each epoch then makes only a few updates."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        steps, moved = steps_per_epoch(run.trace), distance_moved(run)
        falling = still_falling(run) or moving_steadily(run)
        if steps is None or not steps.rows or steps.count > FEW_STEPS or steps.batch <= 8:
            return
        if moved is None or moved[0] >= UNMOVED or falling is None or not underfits(run):
            return
        if len(run.trace.epochs) < MANY_EPOCHS:
            return
        yield self.fault(
            f"With batches of {steps.batch} of {steps.rows:,} rows an epoch has {steps.count} "
            "updates.",
            float(steps.count),
            "run.training.batch_size",
            falling,
            advice="Use smaller batches, 8 to 32 rows, or raise the learning rate with the batch "
            "size.",
            change=f"model.fit(..., batch_size={max(1, steps.batch // 8)})",
            confidence=0.65,
        )


def _as_rate(value: float) -> str:
    """The argument of an optimizer; of whole numbers Keras takes none."""
    return f"learning_rate={float(f'{value:.3g}')}"


def _first_loss(run: MeasuredRun) -> float | None:
    """The loss before training, or of the first steps where the losses of steps are weighted."""
    start = run.loss_at(0)
    if run.trace.run.training.is_weighted and start is not None:
        return max(start, run.of(StepLosses, TRAINING, 1).first or math.inf)
    return start


def _jump(start: float, jumps: dict[int, float]) -> Evidence:
    epoch, most = next(iter(jumps.items()))
    return Evidence(
        f"At the start the loss was {figure(start)}; in epoch {epoch} it reached "
        f"{figure(most)} in a step.",
        most / start,
        f"measurements[step_losses/training, epoch {epoch}].max",
    )


def _moved_far(run: MeasuredRun) -> list[Evidence]:
    """The first epoch moved a kernel by many times its own size, and nothing was learned."""
    skill = run.skill(TRAINING)
    if max(map(run.rms, model_inputs(run)), default=0.0) > TRUSTED_INPUT_RMS:
        return []
    moves = []
    for name in run.kernels:
        start, moved = run.of(InitialWeight, name, 0), run.of(Update, name, 1).from_start
        size = (start.std or 0.0) * math.sqrt((start.fan_in or 0) * (start.fan_out or 0))
        if size > 0 and moved is not None and math.isfinite(moved):
            moves.append((moved / size, name))
    most, name = max(moves, default=(0.0, ""))
    if most < FIRST_EPOCH_MOVE or skill is None or skill >= NO_SKILL:
        return []
    text = f"In the first epoch {name} moved by {figure(most)} times its initial size."
    return [Evidence(text, most, f"measurements[update/{name}, epoch 1].from_start")]


def _swing(run: MeasuredRun) -> list[Evidence]:
    """The loss swings from epoch to epoch, and steps are large."""
    losses = run.course(LossPoint, TRAINING, lambda each: each.loss)
    course = [value for epoch, value in losses.items() if epoch]
    late = course[len(course) // 2 :]
    if len(late) < 3 or not all(map(math.isfinite, course)) or not underfits(run):
        return []
    changes = [now - before for before, now in pairwise(late)]
    rises = sum(change > 0 for change in changes) / len(changes)
    swing = sum(map(abs, changes)) / len(changes) / max(1e-12, sum(map(abs, late)) / len(late))
    steps = [
        (update.last_step / update.weight_norm, name)
        for name in run.kernels
        if (update := run.of(Update, name, run.last_epoch)).last_step is not None
        and update.weight_norm is not None
        and update.weight_norm > 0
    ]
    largest, name = max(steps, default=(0.0, ""))
    if rises < 0.3 or swing < LOSS_SWING or largest < STEP_SIZE:
        return []
    return [
        Evidence(
            f"In the second half of training the loss changes by {share(swing)} from epoch to "
            "epoch, up as often as down.",
            swing,
            "measurements[loss/training].loss",
        ),
        Evidence(
            f"The last step alone changed {name} by {share(largest)} of its size.",
            largest,
            f"measurements[update/{name}, epoch {run.last_epoch}].last_step",
        ),
    ]
