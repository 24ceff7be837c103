"""What the figures of an epoch are: which way is better, which are shares, and which belong together."""

import math
import re
from collections.abc import Callable, Iterable

from pipetrace.explain.cache import once
from pipetrace.explain.task import only
from pipetrace.explain.text import figure, share
from pipetrace.trace.document import Epoch, Trace

FALLS, RISES = "falls", "rises"
VALIDATION = "val_"

BETTER_LOWER = (
    "loss",
    "mse",
    "mae",
    "rmse",
    "mape",
    "msle",
    "error",
    "crossentropy",
    "kl_divergence",
    "kld",
    "poisson",
    "hinge",
    "logcosh",
    "log_cosh",
    "perplexity",
    "false_positives",
    "false_negatives",
)
BETTER_HIGHER = (
    "accuracy",
    "acc",
    "precision",
    "recall",
    "auc",
    "f1",
    "f1_score",
    "fbeta_score",
    "iou",
    "io_u",
    "r2",
    "r2_score",
    "top_k",
    "cosine_similarity",
    "true_positives",
    "true_negatives",
    "dice",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
    "precision_at_recall",
    "recall_at_precision",
)
"""The last words of a metric's name that tell which way is better. What ends in none of them is only reported."""
SHARES = ("accuracy", "acc", "precision", "recall", "top_k", *BETTER_HIGHER[-4:])
"""What is a share of something and is written as a percentage, as long as its values are between 0 and 1."""
ACCURACIES = (
    "accuracy",
    "acc",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "binary_accuracy",
)
"""The metrics that are the share of rows that are named right, where each row is of one class."""


def base(name: str) -> str:
    """A metric's name without ``val_`` and without the number that Keras gives a second one of a kind."""
    return re.sub(r"_\d+$", "", name.removeprefix(VALIDATION))


def direction(name: str) -> str | None:
    """Which way a metric gets better: ``falls`` or ``rises``; None where its name does not tell."""
    if any(_ends(name, each) for each in BETTER_LOWER):
        return FALLS
    return RISES if any(_ends(name, each) for each in BETTER_HIGHER) else None


def names(trace: Trace) -> tuple[str, ...]:
    """The run's metrics: ``loss`` first, then those of the outputs, then the others in their order.

    The ``val_`` ones stand behind the same of training.
    """
    seen = dict.fromkeys(name for epoch in trace.epochs for name in epoch.metrics)
    ordered = sorted(
        seen, key=lambda name: (name.removeprefix(VALIDATION) != "loss", not name.endswith("_loss"))
    )
    found: dict[str, None] = {}
    for name in ordered:
        plain = name.removeprefix(VALIDATION)
        found.update(
            dict.fromkeys(each for each in (plain, f"{VALIDATION}{plain}") if each in seen)
        )
    return tuple(found)


@once
def kinds(trace: Trace) -> tuple[str, ...]:
    """The run's metrics without regard to validation, ``loss`` first."""
    return tuple(dict.fromkeys(name.removeprefix(VALIDATION) for name in names(trace)))


def title(name: str) -> str:
    """A metric's own name, its validation told by a word of its own: ``val loss``."""
    return f"val {name.removeprefix(VALIDATION)}" if name.startswith(VALIDATION) else name


@once
def writer(trace: Trace, name: str) -> Callable[[float], str]:
    """How a metric's values are written: as percentages where it is a share."""
    plain = name.removeprefix(VALIDATION)
    values = [
        epoch.metrics.get(key) for epoch in trace.epochs for key in (plain, f"{VALIDATION}{plain}")
    ]
    finite = (value for value in values if value is not None and math.isfinite(value))
    return (
        share
        if any(_ends(name, each) for each in SHARES) and all(0 <= each <= 1 for each in finite)
        else figure
    )


def written(name: str, value: float) -> str:
    """One value of a metric, known without the others of its run."""
    return (
        share(value)
        if any(_ends(name, each) for each in SHARES) and 0 <= value <= 1
        else figure(value)
    )


@once
def accuracy_name(trace: Trace) -> str | None:
    """The metric that is the share of rows named right; None where there is none or rows are of no class."""
    output = only(trace)
    if output is None or not output.of_classes:
        return None
    return next(
        (name for name in ACCURACIES if any(name in epoch.metrics for epoch in trace.epochs)), None
    )


def accuracy(trace: Trace, epoch: Epoch) -> float | None:
    """The share of training rows that an epoch named right, or None."""
    name = accuracy_name(trace)
    return epoch.metrics.get(name) if name else None


def held_out_accuracy(trace: Trace, epoch: Epoch) -> float | None:
    """The share of validation rows that are named right after an epoch, or None."""
    name = accuracy_name(trace)
    return epoch.metrics.get(f"{VALIDATION}{name}") if name else None


def told(trace: Trace, *, most: int = 2) -> tuple[str, ...]:
    """The metrics that a sentence on an epoch names beside the loss: those of which the better way is known, at most
    so many; the losses of several outputs before the others."""
    found = [name for name in kinds(trace) if name != "loss" and direction(name)]
    heads = [name for name in found if name.endswith("_loss")]
    return tuple([*heads, *(name for name in found if name not in heads)][:most])


def finite(values: Iterable[float | None]) -> bool:
    """Whether all values are there and are numbers."""
    return all(value is not None and math.isfinite(value) for value in values)


def _ends(name: str, ending: str) -> bool:
    plain = base(name)
    return plain == ending or plain.endswith(f"_{ending}")
