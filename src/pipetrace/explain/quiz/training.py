"""Questions about the steps of training."""

import math
from random import Random

from pipetrace.explain import metrics
from pipetrace.explain.facts import Steps, classes, first_of, once_a_step, steps_per_epoch
from pipetrace.explain.formatting import counted, exact, figure, number, share
from pipetrace.explain.judgement import chance as chance_level
from pipetrace.explain.quiz.generator import (
    Draft,
    draft,
    question,
    written,
)
from pipetrace.trace.document import Trace

SIZES = (4, 8, 10, 12, 16, 20, 25, 40, 48, 50, 64, 100, 128, 200, 256)


@question("easy", "training")
def steps_in_progress_bar(trace: Trace, chance: Random) -> Draft | None:
    """What does Keras' 32/32 count?"""
    found = _steps(trace)
    if found is None or found.count < 2 or found.batch == 1:  # then rows and batches are alike
        return None
    steps, rows, batch, last = found.count, found.rows, found.batch, found.last
    full = f"{counted(steps - 1, 'full one')} and one of {last}" if last != batch else "all full"
    epochs, convolution = trace.run.training.epochs, first_of(trace, "Conv2D")
    holds = f"A batch holds {counted(batch, 'row')}"
    holds += " here as well, but the bar" if batch == steps else "; the bar"
    too = " as well" if epochs == steps else ""
    if metrics.accuracy_name(trace):
        quality, shown = "classified correctly", "accuracy"
    else:
        quality, shown = "fitted", "loss"
    more = []
    if convolution is not None:
        same = convolution.config.get("filters") == steps
        said = "There are as many filters, but the" if same else "The"
        said += " bar knows nothing of layers; it counts batches."
        more.append((f"{number(steps)} filters of the convolution", said))
    return written(
        f"""
Question: While this model trains, Keras' progress bar ends with {steps}/{steps}. What does it
    count?
Answer: {number(steps)} batches of rows
Why: {number(rows)} rows in batches of {batch} are {number(steps)} steps: {full}. Each step updates
    the weights once.
{number(steps)} rows out of {number(rows)}: It counts batches; each of them holds many rows.
{number(steps)} rows in each batch: {holds} counts batches.
{number(steps)} passes over all rows: It counts batches; one such bar is one pass, an epoch, and
    there are {epochs}{too}.
{number(steps)} rows that were {quality}: It counts what was done, not how well; the {shown} is
    shown after it.
""",
        "training",
        more,
    )


@question("medium", "training")
def weight_updates(trace: Trace, chance: Random) -> Draft | None:
    """How often are the weights updated?"""
    found = _steps(trace)
    if found is None or not trace.epochs:
        return None
    epochs = chance.choice((len(trace.epochs), *range(2, 30)))
    steps, rows, batch = found.count, found.rows, found.batch
    rounded = ", rounded up," if found.last != batch else ""
    return written(
        f"""
Question: {counted(rows, "row")} in batches of {batch}, {counted(epochs, "epoch")}: how many times
    does training update the weights?
Answer: {number(steps * epochs)}
Why: {number(rows)} / {batch}{rounded} is {counted(steps, "batch", "batches")} an epoch;
    {number(steps)} x {epochs} = {number(steps * epochs)}.
{number(epochs)}: The weights are updated after every batch, not once an epoch.
{number(rows * epochs)}: All rows of a batch share one update.
{number(steps)}: That is one epoch.
{number(batch * epochs)}: That takes the batch size for the number of batches.
{number(rows // batch * epochs)}: The last batch, smaller than the others, counts as well.
""",
        "training",
        epochs=epochs,
    )


@question("easy", "training")
def other_batch_size(trace: Trace, chance: Random) -> Draft | None:
    """How many steps would an epoch have with another batch size?"""
    found = _steps(trace)
    sizes = [each for each in SIZES if found and each != found.batch and 2 * each < found.rows]
    if found is None or not sizes:
        return None
    batch, rows = chance.choice(sizes), found.rows
    right, rest = math.ceil(rows / batch), "; the rest is a batch too" if rows % batch else ""
    return written(
        f"""
Question: This run has {counted(found.count, "step")} in an epoch, with batches of {found.batch}.
    How many would it have with batch_size={batch}, for its {number(rows)} rows?
Answer: {number(right)}
Why: {number(rows)} / {batch} is {figure(rows / batch)}{rest}.
{number(rows // batch)}: The rows that are left over make a last, smaller batch.
{number(found.count)}: That is with batches of {found.batch}.
{number(batch)}: That is how many rows a batch has.
{number(round(found.count * batch / found.batch))}: Larger batches make fewer steps.
{number(rows - batch)}: The rows are divided into batches.
{number(right + 1)}: The last batch is counted already.
""",
        "training",
        batch=batch,
    )


@question("medium", "training")
def last_batch(trace: Trace, chance: Random) -> Draft | None:
    """How many rows has the last batch?"""
    found = _steps(trace)
    rows = found.rows if found else 0
    sizes = [each for each in SIZES if 2 * each < rows and rows % each]
    if not sizes:
        return None
    batch = chance.choice(sizes)
    rest = rows % batch
    return written(
        f"""
Question: {number(rows)} rows are trained on in batches of {batch}. How many rows has the last batch
    of an epoch?
Answer: {number(rest)}
Why: {rows // batch} full batches hold {number(rows - rest)} rows; {rest} are left.
{number(batch)}: {number(rows)} is no multiple of {batch}.
{number(batch - rest)}: So many are missing for a full batch.
{number(rows // batch)}: That is the number of full batches.
{number(math.ceil(rows / batch))}: That is the number of batches.
{number(rest + batch)}: What is more than a batch is split.
{number(1)}: All rows that are left over come together.
""",
        "training",
        batch=batch,
    )


@question("hard", "training")
def epochs_for_updates(trace: Trace, chance: Random) -> Draft | None:
    """How many epochs give so many updates?"""
    found = _steps(trace)
    if found is None or found.count < 2:
        return None
    steps, wanted = found.count, 50 * chance.randrange(2, 60)
    right = math.ceil(wanted / steps)
    return written(
        f"""
Question: An epoch of this run is {number(steps)} steps. After how many epochs have the weights been
    updated at least {number(wanted)} times?
Answer: {number(right)}
Why: {number(right)} x {number(steps)} = {number(right * steps)}; one epoch less gives
    {number((right - 1) * steps)}.
{number(right - 1)}: That gives {number((right - 1) * steps)} updates.
{number(wanted)}: An epoch has {number(steps)} updates.
{number(math.ceil(wanted / found.rows))}: A step takes a whole batch; rows are not updates.
{number(math.ceil(wanted / found.batch))}: An epoch has {number(steps)} updates, not
    {found.batch}.
{number(right + 2)}: That is more than needed.
{number(2 * right)}: That is more than needed.
""",
        "training",
        updates=wanted,
    )


@question("hard", "training")
def chance_loss(trace: Trace, chance: Random) -> Draft | None:
    """What is the loss at chance level?"""
    total, level = classes(trace), chance_level(trace)
    first = trace.epochs[0].metrics.get("loss", math.nan) if trace.epochs else math.nan
    if level is None or len(trace.fits) > 1 or not math.isfinite(first):
        return None
    return written(
        f"""
Question: A model gives each of {total} classes the same probability. What is its cross-entropy
    loss?
Answer: {figure(level.loss)}
Why: The loss is minus the logarithm of the probability of the true class: -ln(1/{total}) = ln
    {total} = {figure(level.loss)}. The first epoch of this run reached {figure(first)}.
{figure(1 / total)}: That is the probability of each class, {share(1 / total)}, not its logarithm.
{figure(1 - 1 / total)}: That is the share of wrong answers; cross-entropy takes the logarithm.
{figure(math.log10(total))}: That is the logarithm to base 10; the loss uses the natural one.
{figure(math.log2(total))}: That is the logarithm to base 2; the loss uses the natural one.
0: A loss of 0 needs probability 1 for the true class.
""",
        "epoch/1",
    )


@question("medium", "training")
def learning_rate(trace: Trace, chance: Random) -> Draft | None:
    """What does one step of plain gradient descent make of a weight?"""
    rate = trace.epochs[-1].learning_rate if trace.epochs else None
    if not rate or not math.isfinite(rate):
        return None
    weight, slope = chance.randrange(5, 95) / 100, chance.choice((-4, -2, -1, 1, 2, 3, 5))
    right = weight - rate * slope
    wrong = [
        (weight + rate * slope, "A step goes against the gradient."),
        (weight - slope, "The gradient is multiplied by the learning rate."),
        (weight * (1 - rate), "The step depends on the gradient, not on the weight."),
        (weight - rate, "The step is the learning rate times the gradient."),
        (rate * slope, "That is the step; it is taken off the weight."),
        (weight - slope / rate, "The gradient is multiplied by the learning rate."),
    ]
    return draft(
        f"With this run's learning rate of {exact(rate)}, what does one step of plain gradient "
        f"descent make of a weight of {exact(weight)} whose gradient is {slope}?",
        exact(round(right, 7)),
        f"{exact(weight)} - {exact(rate)} x {slope} = {exact(round(right, 7))}.",
        [(exact(round(each, 7)), said) for each, said in wrong],
        f"epoch/{trace.epochs[-1].number}",
        weight=weight,
        slope=slope,
    )


def _steps(trace: Trace) -> Steps | None:
    """The batches of an epoch where each updates the weights once, and their rows are known."""
    found = None if len(trace.fits) > 1 else steps_per_epoch(trace)
    return found if found is not None and found.rows and once_a_step(trace) else None
