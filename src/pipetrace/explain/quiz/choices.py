"""Questions in which something is to be chosen: a layer, an argument, or the name of a fault."""

import math
from collections.abc import Iterator
from random import Random
from typing import TypeAlias

from pipetrace.explain.facts import steps_per_epoch
from pipetrace.explain.findings.rule import AnyRule, all_rules
from pipetrace.explain.formatting import counted, number
from pipetrace.explain.layers import is_of_keras
from pipetrace.explain.quiz.faults import faults
from pipetrace.explain.quiz.generator import (
    Asked,
    Draft,
    about_images,
    about_stage,
    draft,
    is_biased,
    lengths,
    named,
    question,
    size,
)
from pipetrace.explain.quiz.windows import POOLINGS, steps_by_one
from pipetrace.trace.document import Stage, Trace

Shape: TypeAlias = tuple[int, ...]
Candidate: TypeAlias = tuple[str, Shape, int]
"""A layer as code, the shape that it gives, and how many parameters it has."""
KERNELS = (2, 3, 4, 5, 7, 9)
CHANGED = " is changed to: "
"""What stands ahead of the line of code in the question about a fault."""
BATCHES = (4, 8, 10, 16, 20, 25, 32, 40, 50, 64, 100, 128)


@about_stage("medium", "shapes")
def choose_layer(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which layer gives this shape with so many parameters?"""
    taken, given = lengths(stage.inputs[0]), lengths(stage.outputs[0])
    total = stage.parameters.total
    found = list(_candidates(taken, given))
    right = [
        code
        for code, shape, parameters in found
        if (shape, parameters) == (given, total) and code.startswith(f"{stage.layer}(")
    ]
    others = {
        (shape, parameters): code
        for code, shape, parameters in chance.sample(found, len(found))
        if (shape, parameters) != (given, total)
    }
    if len(right) != 1 or not is_of_keras(stage):
        return None
    wrong = "\n".join(
        f"{code}: It gives {size(*shape)} and has {counted(parameters, 'parameter')}."
        for (shape, parameters), code in others.items()
    )
    return (
        f"""
Question: A layer takes {size(*taken)} and gives {size(*given)}, with
    {counted(total, "parameter")}. Which one is it?
Answer: {right[0]}
Why: That is {named(stage)} of this model: {size(*taken)} in, {size(*given)} out.
{wrong}
""",
        {"taken": taken, "given": given, "parameters": total},
    )


def _candidates(taken: Shape, given: Shape) -> Iterator[Candidate]:
    """Layers that can take a shape."""
    *places, width = taken
    units = given[-1]
    yield f"Dense({units})", (*places, units), (width + 1) * units
    yield f"Dense({2 * units})", (*places, 2 * units), (width + 1) * 2 * units
    yield "BatchNormalization()", taken, 4 * width
    yield "Dropout(0.5)", taken, 0
    if len(taken) > 1:
        yield "Flatten()", (math.prod(taken),), 0
    if len(taken) == 2:
        yield from _of_sequence(taken, units)
    if len(taken) == 3:
        yield from _of_image(taken, units)


def _of_sequence(taken: Shape, units: int) -> Iterator[Candidate]:
    steps, width = taken
    yield "GlobalAveragePooling1D()", (width,), 0
    yield "MaxPooling1D(2)", (steps // 2, width), 0
    yield f"Conv1D({units}, 3)", (steps - 2, units), (3 * width + 1) * units
    gates = 4 * units * (width + units + 1)
    yield f"LSTM({units})", (units,), gates
    yield f"LSTM({units}, return_sequences=True)", (steps, units), gates
    yield f"GRU({units})", (units,), 3 * units * (width + units + 2)
    yield f"SimpleRNN({units})", (units,), units * (width + units + 1)


def _of_image(taken: Shape, units: int) -> Iterator[Candidate]:
    high, wide, channels = taken
    yield "GlobalAveragePooling2D()", (channels,), 0
    yield "UpSampling2D(2)", (2 * high, 2 * wide, channels), 0
    for side in (2, 3):
        yield f"MaxPooling2D({side})", (high // side, wide // side, channels), 0
    for side in (1, 3, 5):
        parameters = (side * side * channels + 1) * units
        yield f"Conv2D({units}, {side})", (high - side + 1, wide - side + 1, units), parameters
        if side > 1:
            yield f'Conv2D({units}, {side}, padding="same")', (high, wide, units), parameters


@about_images("medium", "shapes", "Conv2D", fits=steps_by_one)
def kernel_for_size(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which kernel size makes a map of this size?"""
    high, wide, _ = lengths(stage.inputs[0])
    sides = [each for each in KERNELS if each < min(high, wide) - 1]
    if len(sides) < 2:
        return None
    side = chance.choice(sides)
    down, across = high - side + 1, wide - side + 1
    return (
        f"""
Question: A Conv2D without padding, in the place of {named(stage)}, takes maps of {high} x {wide}.
    It is to give {down} x {across}. Which kernel_size does that?
Answer: kernel_size={side}
Why: A window of {side} fits at {high} - {side} + 1 = {down} places.
kernel_size={high - down}: The first place counts too: {high} - {high - down} + 1 is {down + 1}.
kernel_size={side + 1}: {high} - {side + 1} + 1 is {high - side}.
kernel_size={side + 2}: {high} - {side + 2} + 1 is {high - side - 1}.
kernel_size={down}: That is the size of the output, not of the window.
kernel_size={2 * side}: The output loses side - 1, not half of it.
""",
        {"side": side, "wanted": (down, across)},
    )


@about_images("easy", "shapes", *POOLINGS)
def pool_for_size(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """Which pool size makes a map of this size?"""
    high, wide, channels = lengths(stage.inputs[0])
    sides = [each for each in (2, 3, 4, 5) if 2 * each <= min(high, wide)]
    if not sides or stage.config.get("padding") != "valid":
        return None
    side = chance.choice(sides)
    asked = (high // side, wide // side)
    wrong = "\n".join(
        f"pool_size={each}: That gives {high // each} x {wide // each}."
        for each in (1, 2, 3, 4, 5, 6, 8)
        if (high // each, wide // each) != asked
    )
    return (
        f"""
Question: {named(stage)} takes {size(high, wide, channels)}. Which pool_size would make
    {asked[0]} x {asked[1]} of it?
Answer: pool_size={side}
Why: {high} / {side}, rounded down, is {asked[0]}.
{wrong}
""",
        {"side": side, "wanted": asked},
    )


@about_stage("hard", "parameters", "Dense")
def units_for_parameters(trace: Trace, stage: Stage, chance: Random) -> Asked | None:
    """How many units may a dense layer have within a limit of parameters?"""
    width = lengths(stage.inputs[0])[-1]
    units = chance.randrange(3, 60)
    limit = (width + 1) * units + chance.randrange(width // 2 + 1)
    if not is_biased(stage) or width < 3:
        return None
    return (
        f"""
Question: {named(stage)} receives {counted(width, "value")}. How many units may it have at most, if
    it is to have no more than {number(limit)} parameters?
Answer: {units}
Why: Each unit takes {number(width)} weights and a bias, {number(width + 1)}; {number(limit)} /
    {number(width + 1)}, rounded down, is {units}.
{units + 1}: That takes {number((width + 1) * (units + 1))} parameters.
{units - 1}: One more unit still fits.
{units + 3}: That takes {number((width + 1) * (units + 3))} parameters.
{units // 2}: That takes {number((width + 1) * (units // 2))} parameters; twice as many fit.
{2 * units}: That takes {number((width + 1) * 2 * units)} parameters.
""",
        {"limit": limit, "width": width},
    )


@question("medium", "training")
def batch_for_updates(trace: Trace, chance: Random) -> Draft | None:
    """Which batch size makes so many updates of an epoch?"""
    found = steps_per_epoch(trace)
    if found is None:
        return None
    rows = found.rows
    sizes = [each for each in BATCHES if 3 * each < rows]
    if not sizes:
        return None
    batch = chance.choice(sizes)
    updates = math.ceil(rows / batch)
    wrong = [
        (
            f"batch_size={each}",
            f"{number(rows)} / {each} makes {number(math.ceil(rows / each))} batches.",
        )
        for each in dict.fromkeys((batch // 2, 2 * batch, *BATCHES, updates))
        if each > 0 and math.ceil(rows / each) != updates
    ]
    return draft(
        f"{counted(rows, 'row')} are to give {counted(updates, 'update')} of the weights in an "
        "epoch. Which batch size does that?",
        f"batch_size={batch}",
        f"{number(rows)} / {batch}, rounded up, is {number(updates)}.",
        chance.sample(wrong, min(6, len(wrong))),
        "training",
        batch=batch,
        updates=updates,
    )


@question("hard", "training")
def find_the_fault(trace: Trace, chance: Random) -> Draft | None:
    """Which finding does a changed line lead to, and why?"""
    known = list(faults(trace))
    if len(known) < 4:
        return None
    fault = chance.choice(known)
    rules = {each.code: each for each in all_rules()}
    others = [each for each in known if each.rule != fault.rule and each.rule not in fault.unlike]
    return draft(
        f"One line of this run's program{fault.where}{CHANGED}{fault.code}. "
        "What does pipetrace find in the new run?",
        _rule_words(rules[fault.rule]),
        fault.reason,
        [
            (
                _rule_words(rules[each.rule]),
                f"Another line{each.where} leads to that finding: {each.code}.",
            )
            for each in chance.sample(others, len(others))
        ],
        "training",
        rule=fault.rule,
    )


def _rule_words(rule: AnyRule) -> str:
    """A rule by its name and what it means, with its code beside."""
    return f"{rule.name.replace('-', ' ').capitalize()}: {rule.what.rstrip('.')} ({rule.code})"
