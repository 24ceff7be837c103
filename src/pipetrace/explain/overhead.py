"""What recording took, and what was skipped, in words."""

from pipetrace.explain.formatting import counted, duration, listed, number, share
from pipetrace.trace.document import Trace
from pipetrace.trace.overhead import (
    BUDGET,
    DECLINED,
    DISK,
    INTERRUPTED_BY_USER,
    NOT_BY_ROW,
    NOT_TOLD,
    SPREAD,
    UNSUPPORTED,
    Skipped,
)

SKIPPED = {
    "stages": "the layers of the model",
    "passes": "everything that passes rows through the model, which takes long to trace",
    "late stages": "the layers of the model during training",
    "fit arguments": "the arguments of fit and the validation data",
    "steps": "the loss of single steps",
    "masks": "masks",
    "inner layers": "layers inside custom layers",
    "seed": "the random seed",
    "data facts": "facts on the data set",
    "probe": "stage outputs after {epochs}",
    "measurements": "activations, gradients and outcomes after {epochs}",
    "weights": "weight statistics after {epochs}",
    "loss checks": "checks for NaN or Inf between every {amount} steps",
    "rows": "{amount} of {of} rows of the data flow (the others are evenly spaced)",
    "row losses": "the loss of single rows",
    "prediction": "predictions",
    "outcomes": "outcomes after training",
    "data flow": "the data flow",
    "dataset checks": "checks of the data set",
    "baseline models": "baseline models",
    "dimensions": "the dimensions of the activations",
    "batch dependence": "whether a prediction depends on the other rows of its batch",
    "training mode": "layers in training mode",
    "stage times": "the time that each stage takes",
    "final weights": "the final weights",
    "replicas": "whether all processes ended with the same weights",
    "kept rows": "rows to look at, and their outputs after each epoch",
    "after training": "data flow, predictions and weights after training",
}
"""What was skipped, by its name in the trace."""

REASONS = {
    BUDGET: "Skipped to stay within the budget",
    DISK: "Skipped because the disk was slow",
    INTERRUPTED_BY_USER: "Stopped by Ctrl-C",
    DECLINED: "Turned off",
    UNSUPPORTED: "Not recorded, because the installed Keras or the data gives no access to it",
    NOT_BY_ROW: "Not recorded, because the loss of a batch is not the mean of its rows' losses",
    SPREAD: "Not recorded, because the rows were measured one partition at a time",
    NOT_TOLD: "Not recorded, because another process of the training did not tell it in time",
}


def spent(trace: Trace) -> str:
    """What recording took: ``0.25 s during 12.5 s of training (2 %, budget 2 %) and 1.2 s after
    it``.
    """
    overhead = trace.overhead
    if overhead is None:
        return ""
    budget, part = overhead.budget, overhead.share
    details = [share(part)] if part is not None else []
    if budget is None:
        details.append("no budget")
    elif part is not None and part > budget and overhead.spent <= overhead.floor:
        # The share of a short training is large and means little: its budget is in seconds.
        details = [f"budget {duration(overhead.floor)}, as the training was short"]
    else:
        details.append(f"budget {share(budget)}")
    text = f"{duration(overhead.spent)} during {duration(overhead.training)} of training"
    return f"{text} ({', '.join(details)}) and {duration(overhead.after)} after it"


def omissions(trace: Trace) -> str:
    """What was not recorded and why, in sentences; empty where all was."""
    skipped = trace.overhead.skipped if trace.overhead else ()
    found = []
    for reason in dict.fromkeys([*REASONS, *(each.reason for each in skipped)]):
        parts = [_skipped(each) for each in skipped if each.reason == reason]
        if parts:
            found.append(f"{REASONS.get(reason, f'Skipped ({reason})')}: {listed(parts)}.")
    return " ".join(found)


def _skipped(part: Skipped) -> str:
    amount, of = part.amount or 0, part.total
    epochs = f"{number(amount)} of {counted(of, 'epoch')}" if of else counted(amount, "epoch")
    text = SKIPPED.get(part.what, part.what)
    return text.format(epochs=epochs, amount=number(amount), of=number(of or 0))
