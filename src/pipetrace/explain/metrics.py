"""The metrics of a run: which way is better, which are shares, in which order they stand."""

import math
import re
from collections.abc import Callable, Iterable

from pipetrace.explain.cache import once
from pipetrace.explain.formatting import figure, share
from pipetrace.explain.task import NUMBERS, only
from pipetrace.trace.document import Epoch, Trace

FALLS, RISES = "falls", "rises"
VALIDATION = "val_"

BETTER_LOWER = re.compile(
    r"(^|_)(loss|mse|mae|rmse|mape|msle|error|crossentropy|kl_divergence|kld|poisson|hinge|logcosh"
    r"|log_cosh|perplexity|false_positives|false_negatives)$"
)
SHARES = re.compile(
    r"(^|_)(accuracy|acc|precision|recall|top_k|sensitivity_at_specificity"
    r"|specificity_at_sensitivity|precision_at_recall|recall_at_precision)$"
)
"""Metrics that are written as percentages as long as their values are between 0 and 1."""
BETTER_HIGHER = re.compile(
    SHARES.pattern + r"|(^|_)(auc|f1|f1_score|fbeta_score|iou|io_u|r2|r2_score|cosine_similarity"
    r"|true_positives|true_negatives|dice)$"
)
"""How a metric's name ends if its better way is known. Any other metric is only reported."""
ACCURACIES = (
    "accuracy",
    "acc",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "binary_accuracy",
)
"""Metrics that are the share of rows classified correctly, where each row has one class."""


def base(name: str) -> str:
    """A metric's name without ``val_`` and without the number that Keras gives a second one of a
    kind."""
    return re.sub(r"_\d+$", "", name.removeprefix(VALIDATION))


def direction(name: str) -> str | None:
    """Which way a metric gets better: ``falls`` or ``rises``; None where its name does not tell."""
    if BETTER_LOWER.search(base(name)):
        return FALLS
    return RISES if BETTER_HIGHER.search(base(name)) else None


def names(trace: Trace) -> tuple[str, ...]:
    """The run's metrics: ``loss`` first, then the losses of the outputs, then the others; each
    before its ``val_``."""
    seen = dict.fromkeys(name for epoch in trace.epochs for name in epoch.metrics)
    plain = dict.fromkeys(name.removeprefix(VALIDATION) for name in seen)
    ordered = sorted(plain, key=lambda name: (name != "loss", not name.endswith("_loss")))
    return tuple(key for name in ordered for key in (name, f"{VALIDATION}{name}") if key in seen)


@once
def kinds(trace: Trace) -> tuple[str, ...]:
    """The run's metrics without regard to validation, ``loss`` first."""
    return tuple(dict.fromkeys(name.removeprefix(VALIDATION) for name in names(trace)))


def title(name: str) -> str:
    """A metric's name as the head of a column: ``val loss``."""
    return f"val {name.removeprefix(VALIDATION)}" if name.startswith(VALIDATION) else name


@once
def writer(trace: Trace, name: str) -> Callable[[float], str]:
    """How a metric's values are written: as percentages where it is a share."""
    plain = name.removeprefix(VALIDATION)
    keys = (plain, f"{VALIDATION}{plain}")
    values = [epoch.metrics[key] for epoch in trace.epochs for key in keys if key in epoch.metrics]
    inside = all(0 <= each <= 1 for each in values if math.isfinite(each))
    return share if inside and SHARES.search(base(name)) else figure


def written(name: str, value: float) -> str:
    """One value of a metric, without knowing the others of its run."""
    return share(value) if 0 <= value <= 1 and SHARES.search(base(name)) else figure(value)


@once
def accuracy_name(trace: Trace) -> str | None:
    """The metric that is the share of rows classified correctly; None without one, or where rows
    have no class."""
    output = only(trace)
    if output is None or not output.of_classes:
        return None
    measured = {name.removeprefix(VALIDATION) for epoch in trace.epochs for name in epoch.metrics}
    return next((name for name in ACCURACIES if name in measured), None)


def accuracy(trace: Trace, epoch: Epoch) -> float | None:
    """The training accuracy of an epoch, an average over its steps; None where there is none."""
    name = accuracy_name(trace)
    return epoch.metrics.get(name) if name else None


def validation_accuracy(trace: Trace, epoch: Epoch) -> float | None:
    """The validation accuracy after an epoch, or None."""
    name = accuracy_name(trace)
    return epoch.metrics.get(f"{VALIDATION}{name}") if name else None


def main(trace: Trace) -> tuple[str, ...]:
    """The one or two metrics beside the loss that sentences mention: with a known better way,
    losses of outputs first."""
    output = only(trace)
    # Of numbers an accuracy counts those that are equal to the last digit, which are none.
    numbers = output is not None and output.what == NUMBERS
    found = [
        name
        for name in kinds(trace)
        if name != "loss" and direction(name) and not (numbers and base(name) in ACCURACIES)
    ]
    return tuple(sorted(found, key=lambda name: not name.endswith("_loss"))[:2])


def finite(values: Iterable[float | None]) -> bool:
    """Whether all values are there, and none is NaN or Inf."""
    return all(value is not None and math.isfinite(value) for value in values)
