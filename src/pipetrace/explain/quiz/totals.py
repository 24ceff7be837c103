"""Questions about all parameters of a model: who holds them, and what they take."""

from random import Random

from pipetrace.explain.formatting import counted, number, share
from pipetrace.explain.quiz.generator import (
    Draft,
    draft,
    lines,
    measured,
    named,
    owners,
    question,
    written,
)
from pipetrace.trace.document import Trace

SLOTS = {"Adam": 2, "AdamW": 2, "Nadam": 2, "RMSprop": 1, "Adagrad": 1}
"""How many numbers an optimizer of Keras keeps for each weight, as it is by default."""


@question("easy", "parameters")
def most_parameters(trace: Trace, chance: Random) -> Draft | None:
    """Which layer has the most parameters?"""
    order = sorted(owners(trace), key=lambda stage: -stage.parameters.total)
    if len(order) < 4 or order[0].parameters.total == order[1].parameters.total:
        return None
    most, total = order[0], number(sum(each.parameters.total for each in order))
    has = {each.name: number(each.parameters.total) for each in order}
    return draft(
        "Which of these layers has the most parameters?",
        named(most),
        f"{named(most)} has {has[most.name]} of {total}.",
        [
            (named(each), f"It has {has[each.name]}; {named(most)} has {has[most.name]}.")
            for each in order[1:5]
        ],
        f"stage/{most.name}",
    )


@question("easy", "parameters")
def parameter_share(trace: Trace, chance: Random) -> Draft | None:
    """What share of all parameters does a layer hold?"""
    held = owners(trace)
    total = sum(each.parameters.total for each in held)
    if len(held) < 2:
        return None
    stage = chance.choice(held)
    part = stage.parameters.total
    right = part / total
    wrong = [
        (1 / len(held), f"The {len(held)} layers with parameters have not equally many."),
        (1 - right, "That is what the other layers hold."),
        (part / (total + part), "The total includes this layer already."),
        (right / 10, "A share of 1 is 100 %, so this is ten times too small."),
        (10 * right, "A share of 1 is 100 %, so this is ten times too large."),
        (part / (total - part), "That is the ratio to all others, not to the total."),
        (right / 2, "Each parameter counts once, so this is half of it."),
    ]
    return written(
        f"""
Question: {named(stage)} has {number(part)} of the model's {number(total)} parameters. What share is
    that?
Answer: {share(right)}
Why: {number(part)} / {number(total)} = {share(right)}.
{lines(measured(wrong, right, share))}
""",
        f"stage/{stage.name}",
        stage=stage.name,
    )


@question("medium", "parameters")
def weight_bytes(trace: Trace, chance: Random) -> Draft | None:
    """How much memory do the parameters take?"""
    total = sum(each.parameters.total for each in owners(trace))
    if not total:
        return None
    dtype, each = chance.choice((("float32", 4), ("float16", 2), ("float64", 8)))
    return written(
        f"""
Question: How many bytes do this model's {counted(total, "parameter")} take in {dtype}?
Answer: {number(total * each)}
Why: A {dtype} has {8 * each} bits, {each} bytes: {number(total)} x {each} = {number(total * each)}.
{number(total)}: That would be one byte for each; a {dtype} has {each}.
{number(total * 8 * each)}: Those are bits; 8 of them are a byte.
{number(total * (6 - each) if each < 6 else total * 4)}: That is another dtype.
{number(total * each // 1024)}: Those are kibibytes.
{number(total * each * 3)}: That is with what Adam keeps beside them.
""",
        "training",
        dtype=dtype,
    )


@question("hard", "parameters")
def optimizer_memory(trace: Trace, chance: Random) -> Draft | None:
    """How many numbers does the optimizer keep beside the weights?"""
    total = sum(each.parameters.trainable for each in owners(trace))
    if not total:
        return None
    own = trace.run.training.optimizer
    name = own if own in SLOTS else chance.choice([*SLOTS])
    instead = "" if name == own else ", in place of this run's optimizer,"
    slots = SLOTS[name]
    keeps = "averages of gradients and of their squares" if slots == 2 else "one average"
    return written(
        f"""
Question: Training changes {counted(total, "weight")} here. How many numbers of its own does
    {name}{instead} keep for that with its defaults, the count of its steps apart?
Answer: {number(slots * total)}
Why: For each weight {keeps}: {slots} x {number(total)} = {number(slots * total)}.
{number((3 - slots) * total)}: It keeps {keeps} for each weight.
{number(slots)}: It keeps them for each weight.
{number(3 * total)}: The weights themselves are the model's.
{number(total + slots)}: It keeps them for each weight.
{number(slots * len(owners(trace)))}: It keeps them for each weight, not for each layer.
""",
        "training",
        optimizer=name,
    )
