"""Image and mask outputs for a row: a verdict; output, target and difference as images."""

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.formatting import counted, dimensions, figure, number, share
from pipetrace.present.build import images
from pipetrace.present.drawings import ImageView
from pipetrace.trace.document import Array

Drawn = tuple[ImageView | None, ...]


OUTPUT, REBUILT = ("Output", "Target"), ("Reconstruction", "Input")
"""What is compared: an output with its target, or with the input that it rebuilds."""


def compared(
    values: Array, target: Array | None, form: str | None, names: tuple[str, str] = OUTPUT
) -> Drawn:
    """Output, target and difference, the first two on one scale."""
    scale, (one, other) = images.scale_of(values, target), names
    found = [images.tensor(values, one, "grey", whole_scale=scale, form=form)]
    if target is not None:
        difference = (values - target).astype(np.float32)
        found.append(images.tensor(target, other, "grey", whole_scale=scale, form=form))
        found.append(images.tensor(difference, f"{one} minus {other.lower()}", "grey"))
    return tuple(found)


def image_outcome(
    output: task.Output, values: Array, target: Array | None, *, rebuilds: bool
) -> tuple[str, Drawn]:
    """The verdict and the images of an output and its target, maybe the input; (height, width,
    channels).
    """
    names = REBUILT if rebuilds else OUTPUT
    form = "colour" if values.shape[-1] == 3 else None
    low, high = figure(float(values.min())), figure(float(values.max()))
    does = "rebuilds its input as" if rebuilds else "outputs"
    verdict = (
        f"The model {does} an image of {dimensions(output.shape)}, values from {low} to {high}"
    )
    if target is None or target.size != values.size or not np.isfinite(target).all():
        return f"{verdict}.", compared(values, None, form, names)
    target = target.reshape(values.shape)
    off = np.abs(values.astype(float) - target)
    row, column, *_ = map(int, np.unravel_index(int(off.argmax()), off.shape))
    mean, most = figure(float(off.mean())), figure(float(off.max()))
    verdict += f", off by {mean} on average and by {most} at most, in line {row}, column {column}."
    return verdict, compared(values.astype(np.float32), target.astype(np.float32), form, names)


def mask_outcome(output: task.Output, values: Array, target: Array | None) -> tuple[str, Drawn]:
    """The verdict and the images of a mask, which has a class for each pixel."""
    shares = task.shares(output, values)
    binary = output.what == task.BINARY
    if output.what != task.CLASSES and shares is None:
        low, high = figure(float(values.min())), figure(float(values.max()))
        text = f"{counted(values.size, 'value')} from {low} to {high}; they are no probabilities."
        return text, compared(values, None, None)
    ends = (0.0, float(max(1, output.classes - 1)))
    if output.what == task.CLASSES or shares is None:
        predicted = values.argmax(axis=-1)
    else:
        predicted = (shares[..., 0] > task.THRESHOLD).astype(int)
    if binary and shares is not None:
        label = "Output, a probability for each pixel"
        drawn = [images.tensor(shares, label, "grey", whole_scale=(0.0, 1.0))]
    else:
        label = "Output, the class of each pixel"
        drawn = [images.tensor(predicted[..., None], label, "grey", whole_scale=ends)]
    truth = _target_classes(target, predicted.shape, output.classes)
    if truth is None:
        return _marked(predicted, binary=binary), tuple(drawn)
    wrong = predicted != truth
    drawn.append(images.tensor(truth[..., None], "Target", "grey", whole_scale=ends))
    drawn.append(images.tensor(wrong[..., None], "Differences", "grey", whole_scale=(0.0, 1.0)))
    verdict = f"{share(float(1 - wrong.mean()))} of {counted(predicted.size, 'pixel')} are correct."
    if binary:
        both, either = int((predicted & truth).sum()), int((predicted | truth).sum())
        verdict = f"{_marked(predicted, binary=True)} {verdict}"
        if either:
            verdict += f" Intersection over union: {share(both / either)}."
    return verdict, tuple(drawn)


def _marked(predicted: Array, *, binary: bool) -> str:
    pixels = counted(predicted.size, "pixel")
    if binary:
        return f"The model marks {number(int(predicted.sum()))} of {pixels}."
    found, counts = np.unique(predicted, return_counts=True)
    most, part = int(found[counts.argmax()]), share(float(counts.max() / predicted.size))
    return f"{counted(len(found), 'class', 'classes')} occur; class {most} has {part} of {pixels}."


def _target_classes(target: Array | None, shape: tuple[int, ...], classes: int) -> Array | None:
    """The true class of each pixel."""
    if target is None:
        return None
    if target.shape == shape:
        return target.astype(int)
    if target.shape == (*shape, 1):
        return target[..., 0].astype(int)
    found: Array | None = target.argmax(axis=-1) if target.shape == (*shape, classes) else None
    return found
