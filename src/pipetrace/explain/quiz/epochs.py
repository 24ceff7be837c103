"""Questions about how training went, from epoch to epoch."""

import math
from random import Random

from pipetrace.explain.fits import last_stretch
from pipetrace.explain.formatting import as_written, figure, number, share
from pipetrace.explain.judgement import best_validation
from pipetrace.explain.quiz.generator import (
    MARGIN,
    OPTIONS,
    Draft,
    draft,
    lines,
    measured,
    question,
    written,
)
from pipetrace.explain.task import only
from pipetrace.trace.document import Trace, stage_of_weight
from pipetrace.trace.measurements import Update


@question("hard", "training")
def validation_ahead(trace: Trace, chance: Random) -> Draft | None:
    """Why can validation be better than training in the first epoch?"""
    if not trace.epochs or len(trace.fits) > 1 or trace.run.training.is_weighted:
        return None
    first = trace.epochs[0].metrics
    before, after = first.get("loss", math.nan), first.get("val_loss", math.nan)
    if not (math.isfinite(before) and math.isfinite(after) and 0 < after < 0.9 * before):
        return None
    later = trace.epochs[-1].metrics.get("loss", math.nan)
    if not later < 0.95 * before:
        return None
    return written(
        f"""
Question: In epoch 1 the training loss is {figure(before)} and the validation loss {figure(after)}.
    Why is the validation loss lower?
Answer: Training loss is averaged over the epoch, validation comes after it
Why: The training loss is averaged over all steps, the first ones with weak weights included.
    Validation is measured once, with the weights at the end of the epoch.
The model was trained on the validation rows as well: No step ever sees the validation rows.
There are fewer validation rows, so less loss adds up to a sum: A loss is a mean over rows.
The model overfits the training rows, and loses less on others: Overfitting makes the training loss
    the lower one.
Losses on different rows cannot be compared, whatever the model learned: They are means over rows
    of the same kind, so they can.
""",
        "epoch/1",
    )


@question("easy", "training")
def best_epoch(trace: Trace, chance: Random) -> Draft | None:
    """Which epoch's weights would one keep?"""
    part = last_stretch(trace)
    best, epochs = best_validation(part), part.epochs
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
        (f"Epoch {each}", f"Its validation loss is {figure(loss)}, above {lowest}.")
        for each, loss in losses.items()
        if math.isfinite(loss)
    ]
    return draft(
        "After which epoch is the validation loss lowest?",
        f"Epoch {best.number}",
        f"There the validation loss is lowest, {lowest}; after the last epoch it is "
        f"{figure(losses[last])}.",
        wrong,
        f"epoch/{best.number}",
    )


@question("medium", "training")
def mean_of_a_loss(trace: Trace, chance: Random) -> Draft | None:
    """How large an error does a mean squared error stand for?"""
    output, losses = only(trace), _losses(trace)
    if output is None or output.loss != "mean squared error" or not losses:
        return None
    at, loss = chance.choice([*losses.items()])
    root = math.sqrt(loss)
    if trace.run.training.is_weighted or abs(root - loss) < MARGIN * loss:
        return None
    wrong = [
        (loss, "That is the square; the error is its square root."),
        (loss / 2, "That is half of the square; the error is its square root."),
        (loss**2, "That squares once more; the loss is a square already."),
        (2 * loss, "That doubles the square; the error is its square root."),
    ]
    return written(
        f"""
Question: The loss of epoch {at}, a mean squared error, is {figure(loss)}. How large is the error of
    a row with exactly this loss?
Answer: {figure(root)}
Why: The error is squared: {figure(root)} x {figure(root)} is about {figure(loss)}. The square root
    of the loss has the unit of the target.
{lines(measured(wrong, root))}
""",
        f"epoch/{at}",
        epoch=at,
    )


@question("easy", "training")
def loss_fell(trace: Trace, chance: Random) -> Draft | None:
    """By what share did the loss fall between two epochs?"""
    values = _losses(last_stretch(trace))
    pairs = [
        (one, two)
        for one in values
        for two in values
        if one < two and 0.02 < 1 - values[two] / values[one] < 0.98
    ]
    if not pairs:
        return None
    one, two = chance.choice(pairs)
    before, after = as_written(values[one]), as_written(values[two])
    right = 1 - after / before
    wrong = [
        (after / before, "That is what is left of it."),
        (before / after - 1, "The share is of the loss at the beginning."),
        (before - after, "That is the difference, not its share of the beginning."),
        (right / 2, "The difference is compared with the first loss."),
        ((before - after) / (before + after), "It is compared with the first loss alone."),
        (right / (two - one + 1), "That is for each epoch, roughly; all together are asked."),
    ]
    return written(
        f"""
Question: The loss is {figure(before)} in epoch {one} and {figure(after)} in epoch {two}. By what
    share did it fall?
Answer: {share(right)}
Why: ({figure(before)} - {figure(after)}) / {figure(before)} = {share(right)}.
{lines(measured(wrong, right, share))}
""",
        f"epoch/{two}",
        epochs=(one, two),
    )


@question("easy", "training")
def step_time(trace: Trace, chance: Random) -> Draft | None:
    """How long did a step take?"""
    found = [each for each in trace.epochs if (each.steps or 0) > 1 and each.seconds > 0.01]
    if not found:
        return None
    epoch = chance.choice(found)
    steps, seconds = epoch.steps or 1, as_written(epoch.seconds)
    right = 1000 * seconds / steps
    rows = trace.run.training.batch_size or 32
    wrong = [
        (1000 * seconds, "That is the whole epoch."),
        (right / rows, "That is a row; a step takes a batch."),
        (steps / seconds, "That is how many steps a second has."),
        (right / len(trace.epochs), "The time of this epoch is its own."),
        (right * 10, "A second has 1,000 ms."),
        (right / 10, "A second has 1,000 ms."),
    ]
    return written(
        f"""
Question: Epoch {epoch.number} took {figure(epoch.seconds)} s for {number(steps)} steps, with
    validation. How many milliseconds is that for a step?
Answer: {figure(right)} ms
Why: {figure(epoch.seconds)} s / {number(steps)} = {figure(right)} ms.
{lines(measured(wrong, right, lambda each: f"{figure(each)} ms"))}
""",
        f"epoch/{epoch.number}",
        epoch=epoch.number,
    )


@question("hard", "training")
def relative_update(trace: Trace, chance: Random) -> Draft | None:
    """How large was the change of a weight beside the weight?"""
    found = [
        (name, epoch, figures)
        for name in trace.measurements.names(Update)
        for epoch in trace.measurements.epochs(Update, name)
        if epoch is not None
        and (figures := trace.measurements.of(Update, name, epoch)).update_norm
        and figures.weight_norm
    ]
    if not found:
        return None
    name, epoch, figures = chance.choice(found)
    change, size = as_written(figures.update_norm or 0.0), as_written(figures.weight_norm or 1.0)
    right = change / size
    wrong = [
        (size / change, "That is the weight beside its change."),
        (change * size, "The change is divided by the weight."),
        (change / (size + change), "It is compared with the weight alone."),
        (change, "That is the change by itself."),
        (abs(size - change), "Beside means divided by."),
        (right**2, "The norms are compared as they are."),
        (right / 10, "Beside means divided by."),
    ]
    return written(
        f"""
Question: In epoch {epoch} all of {name} together changed by {figure(change)} (the norm of the
    change); the norm of the weights themselves is {figure(size)}. How large is the change beside
    the weights?
Answer: {figure(right)}
Why: {figure(change)} / {figure(size)} = {figure(right)}.
{lines(measured(wrong, right))}
""",
        f"epoch/{epoch}",
        name=name,
        epoch=epoch,
    )


@question("medium", "training")
def most_moved(trace: Trace, chance: Random) -> Draft | None:
    """Which weights moved most from where they began?"""
    moved: dict[str, float] = {}
    for name in trace.measurements.names(Update):
        course = trace.measurements.course(Update, name, lambda each: each.from_start)
        if course:
            moved[name] = course[max(course)]
    order = sorted(moved, key=lambda name: -moved[name])
    if len(order) < OPTIONS:
        return None
    names = chance.sample(order, OPTIONS)
    names.sort(key=lambda name: -moved[name])
    most = names[0]
    if moved[names[1]] > (1 - MARGIN) * moved[most]:
        return None
    return draft(
        f"Which of these weights moved furthest from its start in training: "
        f"{', '.join(sorted(names))}?",
        most,
        f"{most} moved by {figure(moved[most])} (the norm of the change).",
        [(name, f"It moved by {figure(moved[name])}, less than {most}.") for name in names[1:]],
        f"stage/{stage_of_weight(most, trace.stages.by_name)}",
        names=tuple(sorted(names)),
    )


def _losses(trace: Trace) -> dict[int, float]:
    """The training loss of each epoch that has a positive one."""
    losses = {epoch.number: epoch.metrics.get("loss", math.nan) for epoch in trace.epochs}
    return {number: loss for number, loss in losses.items() if 0 < loss < math.inf}
