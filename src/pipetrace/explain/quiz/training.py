"""Questions about what training did."""

import math

from pipetrace.explain import metrics
from pipetrace.explain.facts import (
    accumulated,
    classes,
    first_of,
    steps_per_epoch,
)
from pipetrace.explain.judgement import best_validation, chance
from pipetrace.explain.quiz.draft import Draft, draft
from pipetrace.explain.task import only
from pipetrace.explain.text import counted, figure, number, share
from pipetrace.trace.document import Trace


def steps_in_progress_line(trace: Trace) -> Draft | None:
    """What does Keras' 32/32 count?"""
    found = steps_per_epoch(trace)
    if (
        accumulated(trace) or found is None or not found.rows or found.count < 2 or found.batch == 1
    ):  # one row each: rows and batches are one
        return None
    steps, rows, batch, last = found.count, found.rows, found.batch, found.last
    full = (
        f"{counted(steps - 1, 'full one')} and one of {last}"
        if last != batch
        else "all of them full"
    )
    epochs, convolution = trace.run.training.epochs, first_of(trace, "Conv2D")
    holds = (
        f"A batch does hold {batch} rows here, but"
        if batch == steps
        else f"A batch holds {counted(batch, 'row')};"
    )
    planned = f"one such line is one pass, an epoch, and there are {epochs}"
    mistakes = [
        (
            f"{number(steps)} rows out of {number(rows)}",
            "It counts batches; each of them holds many rows.",
        ),
        (f"{number(steps)} rows in each batch", f"{holds} the line counts batches."),
        (
            f"{number(steps)} passes over all rows",
            f"It counts batches; {planned}{' too' if epochs == steps else ''}.",
        ),
        (
            f"{number(steps)} rows named right",
            "It counts what was done, not how well; the accuracy stands behind it.",
        )
        if metrics.accuracy_name(trace)
        else (
            f"{number(steps)} rows that fit",
            "It counts what was done, not how well; the loss stands behind it.",
        ),
    ]
    if convolution is not None:
        also = (
            " There are as many filters, but the line"
            if convolution.config.get("filters") == steps
            else " The line"
        )
        remark = f"{also.strip()} knows nothing of layers; it counts batches."
        mistakes.append((f"{number(steps)} filters of the convolution", remark))
    return draft(
        f"While this model trains, Keras' progress line ends with {steps}/{steps}. What does it count?",
        f"{number(steps)} batches of rows",
        f"{number(rows)} rows in batches of {batch} are {number(steps)} steps: {full}. Each step changes the weights once.",
        mistakes,
        "training",
    )


def weight_updates(trace: Trace) -> Draft | None:
    """How often did the weights change?"""
    if not trace.epochs or accumulated(trace):
        return None
    found, epochs = steps_per_epoch(trace), len(trace.epochs)
    if found is None or not found.rows:
        return None
    steps, rows, batch, last = found.count, found.rows, found.batch, found.last
    rounded = ", rounded up," if last != batch else ""
    mistakes = [
        (number(epochs), "The weights change after every batch, not once an epoch."),
        (number(rows * epochs), "The rows of a batch share one change."),
        (number(steps), "That is one epoch."),
        (number(batch * epochs), "That takes the size of a batch for the number of batches."),
    ]
    if rows > batch:
        mistakes.append(
            (
                number(rows // batch * epochs),
                "The last batch, smaller than the others, counts as well.",
            )
        )
    return draft(
        f"{counted(rows, 'row')} in batches of {batch}, {counted(epochs, 'epoch')}: how many times does training change the "
        "weights?",
        number(steps * epochs),
        f"{number(rows)} / {batch}{rounded} is {counted(steps, 'batch', 'batches')} an epoch; {number(steps)} x {epochs} = "
        f"{number(steps * epochs)}.",
        mistakes,
        "training",
    )


def guessing_loss(trace: Trace) -> Draft | None:
    """What loss does guessing give?"""
    total, guess = classes(trace), chance(trace)
    if not trace.epochs or "loss" not in trace.epochs[0].metrics or guess is None:
        return None
    first = trace.epochs[0].metrics["loss"]
    if not math.isfinite(first):
        return None
    return draft(
        f"A model gives each of {total} classes the same probability. What is its cross-entropy loss?",
        figure(guess.loss),
        f"The loss is minus the logarithm of the probability of the true class: -ln(1/{total}) = ln {total} = "
        f"{figure(guess.loss)}. The first epoch of this run came to {figure(first)}.",
        [
            (
                figure(1 / total),
                f"That is the probability of each class, {share(1 / total)}, not its logarithm.",
            ),
            (
                figure(1 - 1 / total),
                "That is the share of wrong answers; cross-entropy takes the logarithm.",
            ),
            (
                figure(math.log10(total)),
                "That takes the logarithm to base 10; the loss uses the natural one.",
            ),
            (
                figure(math.log2(total)),
                "That takes the logarithm to base 2; the loss uses the natural one.",
            ),
            ("0", "A loss of 0 needs probability 1 on the true class."),
        ],
        "epoch/1",
    )


def validation_ahead(trace: Trace) -> Draft | None:
    """Why can validation be better than training in the first epoch?"""
    if not trace.epochs:
        return None
    metrics = trace.epochs[0].metrics
    before, after = metrics.get("loss", math.nan), metrics.get("val_loss", math.nan)
    if not (math.isfinite(before) and math.isfinite(after) and 0 < after < 0.9 * before):
        return None
    # Where the training loss does not come down in the next epoch either, it is the rows that differ.
    later = trace.epochs[1].metrics.get("loss", math.nan) if len(trace.epochs) > 1 else after
    if not later < 0.95 * before:
        return None
    return draft(
        f"In epoch 1 the training loss is {figure(before)} and the validation loss {figure(after)}. Why is validation lower?",
        "Training is averaged over the epoch, validation comes after it",
        "The training loss is averaged over the steps while the weights still change, the weak first ones included; "
        "validation is measured once, with the weights at the epoch's end.",
        [
            (
                "The validation rows were trained on as well",
                "They are kept aside: no step ever sees them.",
            ),
            (
                "There are fewer validation rows, so less loss adds up",
                "A loss is the mean of its rows; it does not add up.",
            ),
            (
                "The model memorises its training rows",
                "Memorising makes training better than validation, not worse.",
            ),
            (
                "Losses of different rows cannot be compared",
                "They are means over rows of the same data, so they can.",
            ),
        ],
        "epoch/1",
    )


def best_epoch(trace: Trace) -> Draft | None:
    """Which epoch's weights would one keep?"""
    best, epochs = best_validation(trace), trace.epochs
    if best is None or len(epochs) < OPTIONS or best is epochs[-1]:
        return None
    losses = {epoch.number: epoch.metrics.get("val_loss", math.nan) for epoch in epochs}
    lowest = figure(losses[best.number])
    if sum(figure(each) == lowest for each in losses.values()) > 1:
        return None
    trained = [epoch for epoch in epochs if math.isfinite(epoch.metrics.get("loss", math.nan))]
    least = min(trained, key=lambda epoch: epoch.metrics["loss"], default=None)
    mistakes = [
        (f"Epoch {epochs[-1].number}", "That is the last one; later is not better by itself.")
    ]
    if least is not None:
        mistakes.append(
            (
                f"Epoch {least.number}",
                "There the training loss is lowest, on rows that it was trained on.",
            )
        )
    mistakes += [
        (
            f"Epoch {each}",
            f"After epoch {each} the validation loss is {figure(loss)}, above {lowest}.",
        )
        for each, loss in losses.items()
        if math.isfinite(loss)
    ]
    return draft(
        "After which epoch did the model do best on the rows that it is not trained on?",
        f"Epoch {best.number}",
        f"There the validation loss is lowest, {lowest}; after the last epoch it is "
        f"{figure(losses[epochs[-1].number])}.",
        mistakes,
        f"epoch/{best.number}",
    )


def mean_of_a_loss(trace: Trace) -> Draft | None:
    """What is a mean squared error?"""
    output = only(trace)
    loss = trace.epochs[-1].metrics.get("loss", math.nan) if trace.epochs else math.nan
    if (
        output is None
        or output.loss != "mean squared error"
        or not (math.isfinite(loss) and loss > 0)
    ):
        return None
    root = math.sqrt(loss)
    if abs(root - loss) < 0.05 * loss:
        return None
    return draft(
        f"The last epoch's loss, a mean squared error, is {figure(loss)}. A row that is off by how much adds just that?",
        figure(root),
        f"The error is squared: {figure(root)} x {figure(root)} is about {figure(loss)}. The root of the loss is in the "
        "unit of the target.",
        [
            # An answer beside the right one would be a matter of rounding.
            (figure(each), remark)
            for each, remark in (
                (loss, "That is the square; the error itself is its root."),
                (loss / 2, "That is half of the square; its root is meant."),
                (loss**2, "That squares once more; the loss is a square already."),
                (2 * loss, "That doubles the square; its root is meant."),
            )
            if abs(each - root) > 0.05 * root
        ],
        f"epoch/{trace.epochs[-1].number}",
    )


OPTIONS = 4
"""So many answers a question has."""

DRAFTS = (
    steps_in_progress_line,
    weight_updates,
    guessing_loss,
    validation_ahead,
    best_epoch,
    mean_of_a_loss,
)
