"""What the validation metrics were before the first step, computed from the outputs of the kept
rows."""

from collections.abc import Mapping

import numpy as np

from pipetrace.explain import metrics, task
from pipetrace.explain.cache import once
from pipetrace.explain.facts import validation_rows
from pipetrace.explain.fits import stretches
from pipetrace.stats.outcomes import class_labels, predicted_labels
from pipetrace.trace.document import Array, Trace

AGREES = 2e-3
"""The largest difference from what Keras reported after an epoch, as a share of it where it is
above 1: the outputs of earlier epochs have 16 bits."""


@once
def before_training(trace: Trace) -> Mapping[str, float]:
    """Validation loss and accuracy before training, by their names.

    Only those that, computed in the same way from the outputs after the last epoch, agree with what
    Keras reported of it. So what this function does not know of, such as a regularizer in the loss,
    leaves none.
    """
    kept, output = trace.kept_rows, task.only(trace)
    if kept is None or len(kept.targets) != 1 or output is None or not output.of_classes:
        return {}
    if not trace.epochs or len(stretches(trace)) > 1:
        return {}
    shown, last = kept.validation, trace.epochs[-1]
    given = {last.number: kept.outputs, **kept.outputs_after}
    if 0 not in given or not shown.any() or shown.sum() != validation_rows(trace):
        return {}
    start, end = (
        _measured(trace, output, given[at][0][shown], kept.targets[0][shown])
        for at in (0, last.number)
    )
    return {
        name: value
        for name, value in start.items()
        if name in end and name in last.metrics and _agree(end[name], last.metrics[name])
    }


def _measured(trace: Trace, output: task.Output, given: Array, wanted: Array) -> dict[str, float]:
    """The crossentropy and the accuracy of some rows."""
    shares, labels = task.shares(output, given), class_labels(wanted, given.shape)
    if labels is None or not np.isfinite(given).all():
        return {}
    found = {}
    accuracy = metrics.accuracy_name(trace)
    if accuracy:
        found[f"{metrics.VALIDATION}{accuracy}"] = float((predicted_labels(given) == labels).mean())
    if shares is not None and output.loss in task.CROSSENTROPIES:
        flat = shares.reshape(len(shares), -1).astype(np.float64)
        if flat.shape[1] == 1:
            true = np.where(labels == 1, flat[:, 0], 1 - flat[:, 0])
        else:
            true = flat[np.arange(len(flat)), labels]
        found[f"{metrics.VALIDATION}loss"] = float(-np.log(np.clip(true, 1e-7, 1.0)).mean())
    return found


def _agree(computed: float, reported: float) -> bool:
    return abs(computed - reported) <= AGREES * max(1.0, abs(reported))
