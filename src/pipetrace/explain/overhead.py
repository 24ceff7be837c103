"""What recording took, and what was left out for it, in words."""

from pipetrace.explain.text import counted, duration, listed, number, share
from pipetrace.trace.document import Trace
from pipetrace.trace.overhead import BUDGET, DECLINED, DISK, TIME, UNSUPPORTED, Omission

EPOCHS = {
    "probe": "what leaves each stage was not measured after {epochs}",
    "probe rows": "fewer rows than planned passed the stages after {epochs}",
    "channels": "channels were not summarised each by itself after {epochs}",
    "health": "signals, gradients and outcomes were not measured after {epochs}",
    "weights": "the weights were not summarised after {epochs}",
}
"""What was left out after some epochs, by its name in the trace."""

OTHERS = {
    "stages": "the layers of the model were not recorded",
    "late stages": "the layers of the model were recorded only after training",
    "fit arguments": "the arguments of fit and its validation data are unknown",
    "steps": "the loss of single steps was not recorded",
    "masks": "masks were not recorded",
    "inner layers": "layers inside custom layers were not counted",
    "seed": "the random seed is unknown",
    "loss checks": "whether the loss is a number was looked at only after every {amount} steps",
    "rows": "{amount} of {of} rows did not pass in the data flow, those that did are evenly spaced",
    "after training": "data flow, predictions and weights were not measured when training was over",
}
"""What was left out once."""

REASONS = {
    BUDGET: "to keep the budget",
    DISK: "since the disk was slow",
    TIME: "since all of them would have taken very long",
    DECLINED: "as it was declined",
    UNSUPPORTED: "because the installed Keras or the data gives no access to it",
}


def spent(trace: Trace) -> str:
    """What recording took while training ran and after it, beside what it was allowed to take.

    Args:
        trace: one that has a spending.
    """
    spending = trace.spending
    if spending is None:
        return ""
    took = f"took {duration(spending.spent)} while training ran for {duration(spending.training)}"
    if spending.share is not None:
        took += f", {share(spending.share)}"
    if spending.budget is None:
        took += ", without a budget"
    else:
        took += f"; the budget is {share(spending.budget)}"
        if (
            spending.share is not None
            and spending.share > spending.budget
            and spending.spent <= spending.floor
        ):
            took += f", or {duration(spending.floor)} in all in a training of less than a minute"
    return f"{took}; and {duration(spending.after)} when training was over, outside the budget"


def omissions(trace: Trace) -> str:
    """What was not recorded and why, in sentences; empty where all was."""
    spending = trace.spending
    if spending is None:
        return ""
    found = []
    for reason, why in REASONS.items():
        told = [
            text for each in spending.left_out if each.reason == reason and (text := _told(each))
        ]
        if told:
            text = f"{listed(told)}, {why}."
            found.append(text[:1].upper() + text[1:])
    return " ".join(found)


def _told(omission: Omission) -> str:
    amount, of = omission.amount, omission.of
    if omission.what in EPOCHS:
        epochs = (
            f"{number(amount or 0)} of {counted(of, 'epoch')}"
            if of
            else counted(amount or 0, "epoch")
        )
        return EPOCHS[omission.what].format(epochs=epochs)
    text = OTHERS.get(omission.what, "")
    return text.format(amount=number(amount or 0), of=number(of or 0))
