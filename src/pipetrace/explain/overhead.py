"""What recording took, and what was skipped, in words."""

from pipetrace.explain.text import counted, duration, listed, number, share
from pipetrace.trace.document import Trace
from pipetrace.trace.overhead import BUDGET, DECLINED, DISK, TIME, UNSUPPORTED, Omission

SKIPPED = {
    "stages": "the layers of the model",
    "late stages": "the layers of the model during training",
    "fit arguments": "the arguments of fit and the validation data",
    "steps": "the loss of single steps",
    "masks": "masks",
    "inner layers": "layers inside custom layers",
    "seed": "the random seed",
    "data facts": "facts on the data set",
    "probe": "stage outputs after {epochs}",
    "health": "activations, gradients and outcomes after {epochs}",
    "weights": "weight statistics after {epochs}",
    "loss checks": "checks for NaN or Inf between every {amount} steps",
    "rows": "{amount} of {of} rows of the data flow; the rest are evenly spaced",
    "after training": "data flow, predictions and weights after training",
}
"""What was skipped, by its name in the trace."""

REASONS = {
    BUDGET: "Skipped to stay within the budget",
    DISK: "Skipped because the disk was slow",
    TIME: "Skipped because it would have taken too long",
    DECLINED: "Turned off",
    UNSUPPORTED: "Not recorded, because the installed Keras or the data gives no access to it",
}


def spent(trace: Trace) -> str:
    """What recording took: ``0.25 s during 12.5 s of training (2 %, budget 2 %) and 1.2 s after it``.

    Empty for a trace that tells nothing of it.
    """
    spending = trace.spending
    if spending is None:
        return ""
    budget, part = spending.budget, spending.share
    details = [share(part)] if part is not None else []
    if budget is None:
        details.append("no budget")
    elif part is not None and part > budget and spending.spent <= spending.floor:
        # The share of a short training is large and means little: its budget is in seconds.
        details = [f"budget {duration(spending.floor)}, as the training was short"]
    else:
        details.append(f"budget {share(budget)}")
    text = f"{duration(spending.spent)} during {duration(spending.training)} of training"
    return f"{text} ({', '.join(details)}) and {duration(spending.after)} after it"


def omissions(trace: Trace) -> str:
    """What was not recorded and why, in sentences; empty where all was."""
    left_out = trace.spending.left_out if trace.spending else ()
    found = []
    for reason in dict.fromkeys([*REASONS, *(each.reason for each in left_out)]):
        parts = [_skipped(each) for each in left_out if each.reason == reason]
        if parts:
            found.append(f"{REASONS.get(reason, f'Skipped ({reason})')}: {listed(parts)}.")
    return " ".join(found)


def _skipped(omission: Omission) -> str:
    amount, of = omission.amount or 0, omission.of
    epochs = f"{number(amount)} of {counted(of, 'epoch')}" if of else counted(amount, "epoch")
    text = SKIPPED.get(omission.what, omission.what)
    return text.format(epochs=epochs, amount=number(amount), of=number(of or 0))
