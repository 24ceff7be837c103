"""Questions about what training did."""

import math

from pipetrace.explain import metrics
from pipetrace.explain.facts import classes, first_of, once_a_step, steps_per_epoch
from pipetrace.explain.fits import last_stretch
from pipetrace.explain.formatting import counted, figure, number, share
from pipetrace.explain.judgement import best_validation, chance
from pipetrace.explain.quiz.draft import Draft, draft, written
from pipetrace.explain.task import only
from pipetrace.trace.document import Trace

OPTIONS = 4
"""How many answers a question has."""
MARGIN = 0.05
"""Answers that differ by less, relative to the right one, differ by rounding alone."""


def _several(trace: Trace) -> bool:
    """Whether there are several fits, so that an epoch is not like the others."""
    return len(trace.fits) > 1


def steps_in_progress_bar(trace: Trace) -> Draft | None:
    """What does Keras' 32/32 count?"""
    found = None if _several(trace) else steps_per_epoch(trace)
    if not once_a_step(trace) or found is None or not found.rows or found.count < 2:
        return None
    if found.batch == 1:  # then rows and batches are the same
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


def weight_updates(trace: Trace) -> Draft | None:
    """How often were the weights updated?"""
    found, epochs = None if _several(trace) else steps_per_epoch(trace), len(trace.epochs)
    if not epochs or not once_a_step(trace) or found is None or not found.rows:
        return None
    steps, rows, batch, last = found.count, found.rows, found.batch, found.last
    rounded = ", rounded up," if last != batch else ""
    said = "The last batch, smaller than the others, counts as well."
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
""",
        "training",
        [(number(rows // batch * epochs), said)] if rows > batch else (),
    )


def chance_loss(trace: Trace) -> Draft | None:
    """What is the loss at chance level?"""
    total, level = classes(trace), chance(trace)
    first = trace.epochs[0].metrics.get("loss", math.nan) if trace.epochs else math.nan
    if level is None or _several(trace) or not math.isfinite(first):
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


def validation_ahead(trace: Trace) -> Draft | None:
    """Why can validation be better than training in the first epoch?"""
    if not trace.epochs or _several(trace) or trace.run.training.is_weighted:
        return None
    first = trace.epochs[0].metrics
    before, after = first.get("loss", math.nan), first.get("val_loss", math.nan)
    if not (math.isfinite(before) and math.isfinite(after) and 0 < after < 0.9 * before):
        return None
    # Where the training loss does not fall in the next epoch either, it is the rows that differ.
    later = trace.epochs[1].metrics.get("loss", math.nan) if len(trace.epochs) > 1 else after
    if not later < 0.95 * before:
        return None
    return written(
        f"""
Question: In epoch 1 the training loss is {figure(before)} and the validation loss {figure(after)}.
    Why is the validation loss lower?
Answer: The training loss is an average over the epoch; validation comes after it
Why: The training loss is averaged over all steps, the first ones with weak weights included.
    Validation is measured once, with the weights at the end of the epoch.
The model was trained on the validation rows as well: No step ever sees the validation rows.
There are fewer validation rows, so less loss adds up: A loss is a mean over rows, not a sum.
The model overfits the training rows: Overfitting makes the training loss the lower one.
Losses on different rows cannot be compared: They are means over rows of the same kind, so they can.
""",
        "epoch/1",
    )


def best_epoch(trace: Trace) -> Draft | None:
    """Which epoch's weights would one keep?"""
    trace = last_stretch(trace)
    best, epochs = best_validation(trace), trace.epochs
    if best is None or len(epochs) < OPTIONS or best is epochs[-1]:
        return None
    losses = {epoch.number: epoch.metrics.get("val_loss", math.nan) for epoch in epochs}
    lowest, last = figure(losses[best.number]), epochs[-1].number
    if sum(figure(each) == lowest for each in losses.values()) > 1:
        return None
    trained = [epoch for epoch in epochs if math.isfinite(epoch.metrics.get("loss", math.nan))]
    least = min(trained, key=lambda epoch: epoch.metrics["loss"], default=None)
    wrong = [(f"Epoch {last}", "That is the last epoch; later is not always better.")]
    if least is not None:
        said = "There the training loss is lowest, on rows that the model was trained on."
        wrong.append((f"Epoch {least.number}", said))
    wrong += [
        (
            f"Epoch {each}",
            f"The validation loss after epoch {each} is {figure(loss)}, above {lowest}.",
        )
        for each, loss in losses.items()
        if math.isfinite(loss)
    ]
    return draft(
        "After which epoch did the model perform best on the validation set?",
        f"Epoch {best.number}",
        f"There the validation loss is lowest, {lowest}; after the last epoch it is "
        f"{figure(losses[last])}.",
        wrong,
        f"epoch/{best.number}",
    )


def mean_of_a_loss(trace: Trace) -> Draft | None:
    """What is a mean squared error?"""
    output = only(trace)
    loss = trace.epochs[-1].metrics.get("loss", math.nan) if trace.epochs else math.nan
    if output is None or output.loss != "mean squared error" or not 0 < loss < math.inf:
        return None
    if trace.run.training.is_weighted:
        return None
    root = math.sqrt(loss)
    if abs(root - loss) < MARGIN * loss:
        return None
    wrong = (
        (loss, "That is the square; the error is its square root."),
        (loss / 2, "That is half of the square; the error is its square root."),
        (loss**2, "That squares once more; the loss is a square already."),
        (2 * loss, "That doubles the square; the error is its square root."),
    )
    return written(
        f"""
Question: The loss of the last epoch, a mean squared error, is {figure(loss)}. How large is the
    error of a row with exactly this loss?
Answer: {figure(root)}
Why: The error is squared: {figure(root)} x {figure(root)} is about {figure(loss)}. The square root
    of the loss has the unit of the target.
""",
        f"epoch/{trace.epochs[-1].number}",
        [(figure(each), said) for each, said in wrong if abs(each - root) > MARGIN * root],
    )


DRAFTS = (
    steps_in_progress_bar,
    weight_updates,
    chance_loss,
    validation_ahead,
    best_epoch,
    mean_of_a_loss,
)
