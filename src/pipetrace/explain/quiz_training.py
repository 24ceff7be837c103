"""Questions about what training did."""

import math

from pipetrace.explain.facts import chance, classes, first_of, steps_per_epoch, train_rows
from pipetrace.explain.question import Draft, draft
from pipetrace.explain.wording import counted, figure, number, share
from pipetrace.trace.document import Trace


def steps_in_progress_line(trace: Trace) -> Draft | None:
    """What does Keras' 32/32 count?"""
    rows, batch = train_rows(trace), trace.run.training.batch_size
    steps, last = steps_per_epoch(trace)
    if steps < 2 or batch == 1:  # with one row in each, rows and batches are the same number
        return None
    full = f"{counted(steps - 1, 'full one')} and one of {last}" if last != batch else "all of them full"
    epochs, convolution = trace.run.training.epochs, first_of(trace, "Conv2D")
    holds = f"A batch does hold {batch} rows here, but" if batch == steps else f"A batch holds {counted(batch, 'row')};"
    planned = f"one such line is one pass, an epoch, and there are {epochs}"
    mistakes = [
        (f"{number(steps)} rows out of {number(rows)}", "It counts batches; each of them holds many rows."),
        (f"{number(steps)} rows in each batch", f"{holds} the line counts batches."),
        (f"{number(steps)} passes over all rows", f"It counts batches; {planned}{' too' if epochs == steps else ''}."),
        (f"{number(steps)} rows named right", "It counts what was done, not how well; the accuracy stands behind it."),
    ]
    if convolution is not None:
        also = " There are as many filters, but the line" if convolution.config.get("filters") == steps else " The line"
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
    if not trace.epochs or trace.run.training.optimizer_config.get("gradient_accumulation_steps"):
        return None
    rows, batch, epochs = train_rows(trace), trace.run.training.batch_size, len(trace.epochs)
    steps, last = steps_per_epoch(trace)
    rounded = ", rounded up," if last != batch else ""
    mistakes = [
        (number(epochs), "The weights change after every batch, not once an epoch."),
        (number(rows * epochs), "The rows of a batch share one change."),
        (number(steps), "That is one epoch."),
        (number(batch * epochs), "That takes the size of a batch for the number of batches."),
    ]
    if rows > batch:
        mistakes.append((number(rows // batch * epochs), "The last batch, smaller than the others, counts as well."))
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
    if not trace.epochs or "loss" not in trace.epochs[0].metrics:
        return None
    total, guess = classes(trace), chance(trace)
    first = trace.epochs[0].metrics["loss"]
    if not math.isfinite(first):
        return None
    return draft(
        f"A model gives each of {total} classes the same probability. What is its cross-entropy loss?",
        figure(guess.loss),
        f"The loss is minus the logarithm of the probability of the true class: -ln(1/{total}) = ln {total} = "
        f"{figure(guess.loss)}. The first epoch of this run came to {figure(first)}.",
        [
            (figure(1 / total), f"That is the probability of each class, {share(1 / total)}, not its logarithm."),
            (figure(1 - 1 / total), "That is the share of wrong answers; cross-entropy takes the logarithm."),
            (figure(math.log10(total)), "That takes the logarithm to base 10; the loss uses the natural one."),
            (figure(math.log2(total)), "That takes the logarithm to base 2; the loss uses the natural one."),
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
    if not (math.isfinite(before) and after < 0.9 * before):
        return None
    return draft(
        f"In epoch 1 the training loss is {figure(before)} and the validation loss {figure(after)}. Why is validation lower?",
        "Training is averaged over the epoch, validation comes after it",
        "The training loss is averaged over the steps while the weights still change, the weak first ones included; "
        "validation is measured once, with the weights at the epoch's end.",
        [
            ("The validation rows were trained on as well", "They are kept aside: no step ever sees them."),
            (
                "There are fewer validation rows, so less loss adds up",
                "A loss is the mean of its rows; it does not add up.",
            ),
            ("The model memorises its training rows", "Memorising makes training better than validation, not worse."),
            ("Losses of different rows cannot be compared", "They are means over rows of the same data, so they can."),
        ],
        "epoch/1",
    )


DRAFTS = (steps_in_progress_line, weight_updates, guessing_loss, validation_ahead)
