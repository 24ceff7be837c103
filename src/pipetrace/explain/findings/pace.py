"""How training went on: how far weights moved, whether the loss still fell, how many updates."""

import math
from collections.abc import Sequence

import numpy as np

from pipetrace.explain.facts import updates
from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.formatting import figure, share
from pipetrace.trace.measurements import TRAINING, Outcome, Update

UNMOVED = 0.1
"""A kernel that moved less than this part of its own size is nearly in its initial state. Kernels
of networks that learn move by a third or more; wide ones move less (Jacot et al. 2018) and learn
anyway, so this counts only where the model does not."""
STILL_FALLING = 0.02
"""Fall of the loss in an epoch, relative to the loss, from which it is surely still falling,"""
EVEN_PACE = 0.4
"""or relative to the mean fall of all epochs: of a loss that has settled this is a few percent."""
SAME_DIRECTION = 0.9
"""Cosine of the changes of two epochs: near an optimum steps cancel each other, far from it they
add up."""
SHORT_TRAINING = 100
"""Updates. Fewer are short at any learning rate: Adam at 0.01 then moves a weight by at most 1."""
SHORT_ADAPTIVE, USUAL_RATE = 300, 0.001
"""Optimizers that divide by the size of gradients move a weight by about the rate in a step, and no
more: in 300 steps of the usual 0.001 by 0.3, the size of a weight of a layer with ten inputs. Fewer
steps say nothing about the rate."""
ADAPTIVE = frozenset({"Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Lion"})
MOST_TIMES = 50
"""Times as many epochs as there were: a training that would need more is slow, not short."""
BELOW_CHANCE = -0.2
"""Skill that chance does not reach downwards: five standard errors of 600 rows of two classes."""


def distance_moved(run: MeasuredRun) -> tuple[float, str] | None:
    """How far kernels moved, relative to their size: the median, and its kernel."""
    found = sorted(
        (update.from_start / update.weight_norm, name)
        for name in run.kernels
        if (update := run.of(Update, name, run.last_epoch)).from_start is not None
        and update.weight_norm is not None
        and update.weight_norm > 0
    )
    moved = [each for each in found if each[0] > 0]
    return moved[(len(moved) - 1) // 2] if moved and math.isfinite(moved[-1][0]) else None


def still_falling(run: MeasuredRun) -> Evidence | None:
    """That the training loss was still falling in the last epochs."""
    losses = [epoch.metrics.get("loss", math.nan) for epoch in run.trace.epochs]
    start = run.loss_at(0)
    # Where classes are weighted, so are the losses of the epochs, but not that before training.
    weighted = run.trace.run.training.is_weighted
    if start is not None and math.isfinite(start) and losses and not weighted:
        losses = [max(start, losses[0]), *losses]
    if len(losses) < 2 or not all(map(math.isfinite, losses)):
        return None
    # Over a quarter of the epochs, so that the noise of single ones counts little.
    back = max(1, (len(losses) - 1) // 4)
    fall = (losses[-1 - back] - losses[-1]) / back
    mean_fall = (losses[0] - losses[-1]) / (len(losses) - 1)
    part = fall / max(abs(losses[-1 - back]), 1e-12)
    even = mean_fall > 0 and fall >= EVEN_PACE * mean_fall
    if fall <= 0 or not (part >= STILL_FALLING or even):
        return None
    text = f"In the last epoch the loss fell by {share(part)}"
    if back > 1:
        text = f"In the last {back} epochs the loss fell by {share(part)} an epoch"
    return Evidence(
        f"{text}, to {figure(losses[-1])}.",
        part,
        f"epochs[{run.last_epoch}].metrics[loss]",
    )


def moving_steadily(run: MeasuredRun) -> Evidence | None:
    """That the kernels still moved in the same direction, and as fast as before."""
    cosines, pace = [], []
    for name in run.kernels:
        update = run.of(Update, name, run.last_epoch)
        if update.from_start and update.cosine is not None and update.update_norm is not None:
            cosines.append(update.cosine)
            pace.append(update.update_norm * run.last_epoch / update.from_start)
    # The last kernel gets its gradient first. If it stands still, those before it move to no avail.
    if not cosines or min(median(pace), pace[-1]) < EVEN_PACE:
        return None
    cosine = median(cosines)
    if cosine < SAME_DIRECTION:
        return None
    return Evidence(
        f"The kernels move in the same direction in successive epochs (cosine {figure(cosine)}).",
        cosine,
        f"measurements[update/{run.kernels[0]}, epoch {run.last_epoch}].cosine",
    )


def median(values: Sequence[float]) -> float:
    """The median; NumPy's own would import numpy.ma, which takes 2 % of the time of a show."""
    ordered = np.sort(values)
    middle = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return math.nan if np.isnan(ordered[-1]) else float(sum(middle) / 2)


def hardly_begun(run: MeasuredRun) -> bool:
    """Whether the loss falls, and so few updates were made that the weights are nearly as drawn."""
    return (updates(run.trace) or SHORT_TRAINING) < SHORT_TRAINING and bool(still_falling(run))


def is_short(run: MeasuredRun) -> bool:
    """Whether so few updates were made that they say nothing about the learning rate."""
    made, epochs = updates(run.trace), run.trace.epochs
    if made is None:
        return False
    rate = epochs[-1].learning_rate
    usual = rate is not None and rate >= USUAL_RATE
    adaptive = run.trace.run.training.optimizer in ADAPTIVE and usual
    return made < (SHORT_ADAPTIVE if adaptive else SHORT_TRAINING)


def epochs_left(run: MeasuredRun) -> float | None:
    """In how many more epochs the loss is 0 if it goes on falling as in the last ones.

    A loss falls more and more slowly, so by then it has come far, and not to its end. None where it
    is not falling.
    """
    fall = still_falling(run)
    return 1 / fall.value if fall is not None and fall.value else None


def gets_worse(run: MeasuredRun) -> bool:
    """Whether the skill on training rows fell from its start, or is far below chance level.

    More of the same training then makes it worse, whatever the loss does.
    """
    epochs = sorted(each for each in run.epochs_of(Outcome, TRAINING) if each is not None)
    known = [skill for each in epochs if (skill := run.skill(TRAINING, each)) is not None]
    if not known:
        return False
    classes = run.of(Outcome, TRAINING, epochs[-1]).balanced_accuracy is not None
    return known[-1] < known[0] - NO_SKILL or (classes and known[-1] < BELOW_CHANCE)


def stands_still(run: MeasuredRun) -> bool:
    """Whether no kernel moved in the last epoch, as far as that was measured."""
    found = [run.of(Update, name, run.last_epoch).update_norm for name in run.kernels]
    known = [each for each in found if each is not None]
    return bool(known) and not any(known)
