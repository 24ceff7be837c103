"""Try: code and sums of this very model with blanks to fill in."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from random import Random

from pipetrace.explain import task
from pipetrace.explain.facts import layer_stages
from pipetrace.explain.formatting import counted, listed
from pipetrace.explain.layers import is_of_keras, kernel, operation, strides
from pipetrace.explain.learn.lesson import BLANK, Blank, Exercise, Lesson, Slip, stage_place
from pipetrace.explain.learn.program import layer_line
from pipetrace.explain.learn.values import worked_values
from pipetrace.explain.quiz.generator import (
    EASY,
    HARD,
    MEDIUM,
    has_known_shapes,
    is_biased,
    lengths,
    named,
)
from pipetrace.explain.quiz.windows import POOLINGS, undilated
from pipetrace.trace.document import Spec, Stage, Trace

ABOUT = "fill in code, shapes and sums"
INTRO = (
    "Everything that you need can be read off this run. Each task has three attempts; the hint "
    "leads to the place in the pipeline that shows the answer."
)
TASKS, STRICT = 5, 2
"""How many tasks; in how many rounds no answer comes twice."""
WEIGHTED = ("Dense", "Conv1D", "Conv2D", "Conv3D")
"""Layers of units or filters, each with weights of its own and mostly a bias."""
RECURRENT = ("LSTM", "GRU", "SimpleRNN")


def exercises(trace: Trace, seed: int | str) -> Lesson:
    """Five tasks, the easiest first."""
    chance = Random(f"try {seed} {trace.run.model_fingerprint}")  # noqa: S311 no secret
    stages = [each for each in layer_stages(trace) if has_known_shapes(each) and is_of_keras(each)]
    kinds = (_argument, _shape, _parameters, worked_values, _two_blanks, _error)
    made: list[Exercise] = []
    asked: Counter[str] = Counter()  # a task shows the arguments that one about its stage asks for
    # Where fewer kinds apply, one comes again about another stage.
    for again in range(TASKS):
        for kind in kinds:
            shuffled = chance.sample(stages, len(stages))
            shuffled.sort(key=lambda stage: asked[stage_place(stage).address])
            told = {(each.text, each.code) for each in made}
            known = {blank.answer for each in made for blank in each.blanks}
            new = (
                each
                for each in kind(trace, shuffled)
                if (each.text, each.code) not in told
                # An answer that was given before would be given away; in the end it has to do.
                and (again >= STRICT or known.isdisjoint(blank.answer for blank in each.blanks))
            )
            of_first = next(iter(groupby(new, _stage_asked)), None)
            if of_first is not None and len(made) < TASKS + (again == 0):
                made.append(chance.choice([*of_first[1]]))
                asked[of_first[0]] += 1
    if not made:
        text = "No layer of a known kind was recorded with its shapes."
        return Lesson("try", ABOUT, "", absent=text)
    order = (EASY, MEDIUM, HARD)
    ordered = sorted(made, key=lambda each: order.index(each.level))
    while len(ordered) > TASKS:  # the second of the easiest kind goes
        ordered.pop(1)
    return Lesson("try", ABOUT, INTRO, exercises=tuple(ordered))


def _stage_asked(exercise: Exercise) -> str:
    """The address of the stage that a task is about."""
    return exercise.place.address.partition("&")[0] if exercise.place else ""


def _shown(spec: Spec) -> str:
    return f"(None, {', '.join(map(str, lengths(spec)))})"


def _slips(answer: int, *wrong: tuple[float, str]) -> tuple[Slip, ...]:
    """Wrong numbers that are not the answer, each once."""
    found: dict[str, str] = {}
    for value, remark in wrong:
        if value != answer and value == int(value) and value > 0:
            found.setdefault(str(int(value)), remark)
    return tuple(Slip(*each) for each in found.items())


def _argument(_: Trace, stages: Sequence[Stage]) -> Iterator[Exercise]:
    for stage in stages:
        out, gives = lengths(stage.outputs[0]), _shown(stage.outputs[0])
        if stage.layer in ("Conv1D", "Conv2D", "Conv3D"):
            argument, answer = "filters", int(stage.config["filters"])
            why = "Each filter gives one channel, and the channels come last."
            slips = _slips(
                answer,
                (out[0], "That is how many lines the output has, not how many channels."),
                (lengths(stage.inputs[0])[-1], "Those are the channels that come in."),
                (kernel(stage)[0] if len(out) == 3 else 0, "That is the side of the window."),
                (stage.parameters.total, "That is how many parameters it has."),
            )
        elif stage.layer in ("Dense", *RECURRENT):
            argument, answer = "units", int(stage.config["units"])
            why = "Each unit gives one value, and these come last."
            slips = _slips(
                answer,
                (lengths(stage.inputs[0])[-1], "Those are the values that come in."),
                (stage.parameters.total, "That is how many parameters it has."),
                (answer + 1, "The bias is no unit."),
            )
        elif stage.layer == "Embedding":
            argument, answer = "output_dim", int(stage.config["output_dim"])
            why = "Each token becomes a vector of that length, the last axis."
            slips = _slips(
                answer,
                (stage.config["input_dim"], "That is how many tokens it knows."),
                (out[0], "That is how many tokens a row has."),
            )
        else:
            continue
        yield Exercise(
            EASY,
            f"What is missing, so that the layer gives {gives}?",
            f"x = {layer_line(stage, **{argument: BLANK})}(x)\nx.shape  # {gives}",
            (Blank(str(answer), 0, slips),),
            f"Open {named(stage)} and count what its last axis holds.",
            f"{argument}={answer}. {why}",
            stage_place(stage),
        )


def _shape(_: Trace, stages: Sequence[Stage]) -> Iterator[Exercise]:
    for stage in stages:
        taken, out = lengths(stage.inputs[0]), lengths(stage.outputs[0])
        told = operation(stage).shape
        if not told or taken == out or not out:
            continue
        axis = 0 if stage.layer in (*POOLINGS, "Conv1D", "Conv2D") else len(out) - 1
        answer, came = out[axis], taken[min(axis, len(taken) - 1)]
        parts = [BLANK if at == axis else str(each) for at, each in enumerate(out)]
        side = next(iter(kernel(stage)), 0)
        slips = _slips(
            answer,
            (came, "That is what comes in; look at what the layer does to it."),
            (came - side, f"The first place counts too: {came} - {side} + 1."),
            (came // 2, "Nothing halves it here."),
            (came / side if side else 0, "The windows of a convolution overlap."),
            (sum(taken), "The lengths are multiplied, not added."),
            (math.prod(taken[:-1]), "The channels count as well."),
            (answer + 1, "One too many."),
        )
        if len(out) > 1 and axis == 0 and out[1] == answer:
            parts[1] = BLANK  # square maps: the same answer twice would be given away by the other
        blanks = tuple(Blank(str(answer), 0, slips) for each in parts if each == BLANK)
        yield Exercise(
            EASY,
            "Which shape comes out?",
            f"x.shape  # {_shown(stage.inputs[0])}\nx = {layer_line(stage)}(x)\n"
            f"x.shape  # (None, {', '.join(parts)})",
            blanks,
            _shape_hint(stage),
            told,
            stage_place(stage),
        )


def _shape_hint(stage: Stage) -> str:
    if stage.layer in ("Conv1D", "Conv2D"):
        return (
            "Put the window at the edge of the input. How often can you move it on by "
            f"{strides(stage)[0]} before it hits the other edge? "
            "Once more than that."
        )
    if stage.layer in POOLINGS:
        return "Count how many blocks lie side by side."
    return f"Open {named(stage)}: its output stands there, value by value."


def _parameters(_: Trace, stages: Sequence[Stage]) -> Iterator[Exercise]:
    for stage in stages:
        told, total = operation(stage), stage.parameters.total
        if not told.parameters or not total:
            continue
        out, width = lengths(stage.outputs[0])[-1], lengths(stage.inputs[0])[-1]
        biased = out if stage.layer in WEIGHTED and is_biased(stage) else 0
        slips = _slips(
            total,
            (total - biased, "The biases are missing, one for each unit or filter."),
            (total - biased + 1 if biased else 0, "Each unit or filter has a bias of its own."),
            (width * out, "That is the product of the channels alone."),
            (math.prod(lengths(stage.outputs[0])), "That is how many values come out."),
            (math.prod(lengths(stage.inputs[0])) * out, "The weights are shared by all positions."),
        )
        yield Exercise(
            MEDIUM,
            "How many parameters does this layer have?",
            f"x.shape  # {_shown(stage.inputs[0])}\nlayer = {layer_line(stage)}\nlayer(x)\n"
            f"layer.count_params()  # {BLANK}",
            (Blank(str(total), 0, slips),),
            _parameters_hint(stage),
            f"{told.parameters}{f': {told.parts}' if told.parts else ''}.",
            stage_place(stage),
        )


def _parameters_hint(stage: Stage) -> str:
    if stage.layer in WEIGHTED:
        bias = " add its bias," if is_biased(stage) else ""
        return (
            f"Count the weights of one unit or filter,{bias} and multiply by how many there are. "
            f"{named(stage)} shows its weights."
        )
    names = [each.name for each in stage.weights]
    return (
        f"{named(stage)} shows what it holds{f': {listed(names)}' if names else ''}. Multiply the "
        "lengths in each shape; a single number counts as 1. Then add up."
    )


def _two_blanks(_: Trace, stages: Sequence[Stage]) -> Iterator[Exercise]:
    for stage in stages:
        taken, out = lengths(stage.inputs[0]), lengths(stage.outputs[0])
        gives = _shown(stage.outputs[0])
        if (
            stage.layer == "Conv2D"
            and strides(stage) == (1, 1)
            and undilated(stage)
            and stage.config.get("padding") == "valid"
            and len({*kernel(stage)}) == 1
        ):
            side, filters = kernel(stage)[0], int(stage.config["filters"])
            one_more = f"{taken[0]} - side + 1 = {out[0]}: one more."
            answers = (
                (filters, _slips(filters, (out[0], "The channels come last."))),
                (side, _slips(side, (taken[0] - out[0], one_more), (side - 1, one_more))),
            )
            text = "Two blanks at once: how many filters, and how large a window?"
            line = layer_line(stage, filters=BLANK, kernel_size=BLANK)
            code = f"x = {line}(x)\nx.shape  # {gives}"
            hint = f"Open {named(stage)}: compare the sizes of what comes in and what goes out."
            why = f"{filters} channels come out; {taken[0]} - {side} + 1 = {out[0]}."
        elif stage.layer == "Dense" and is_biased(stage) and len(taken) == 1:
            units, width, total = int(stage.config["units"]), taken[0], stage.parameters.total
            no_biases = (width * units, "The biases are missing, one for each unit.")
            one_bias = (width * units + 1, "Every unit has a bias of its own.")
            answers = (
                (units, _slips(units, (width, "Those are the values that come in."))),
                (total, _slips(total, no_biases, one_bias)),
            )
            text = "Two blanks: the units, and how many parameters they have."
            code = f"layer = {layer_line(stage, units=BLANK)}\nlayer(x).shape  # {gives}\n"
            code += f"layer.count_params()  # {BLANK}"
            hint = f"{named(stage)} shows both: its output, and its weights."
            why = f"{counted(units, 'unit')}; ({width} + 1) x {units} = {total}."
        else:
            continue
        yield Exercise(
            MEDIUM,
            text,
            f"x.shape  # {_shown(stage.inputs[0])}\n{code}",
            tuple(Blank(str(answer), 0, slips) for answer, slips in answers),
            hint,
            why,
            stage_place(stage),
        )


def _error(trace: Trace, _: Sequence[Stage]) -> Iterator[Exercise]:
    """A last layer of the wrong width, with the error that Keras or TensorFlow raises then."""
    output, last = task.only(trace), next(iter(layer_stages(trace)[::-1]), None)
    if output is None or last is None or last.layer != "Dense" or output.layout != task.ROW:
        return
    units = int(last.config.get("units", 0))
    if output.what == task.CLASSES and output.loss == task.SPARSE and units > 2:
        wrong = units - 1
        text = (
            f"Training with layers.Dense({wrong}) as the last layer stops with this error. Mend it."
        )
        error = (
            f"# InvalidArgumentError: Received a label value of {wrong} which is outside the valid "
            f"range of [0, {wrong})."
        )
        why = f"The classes are numbered from 0 to {units - 1}: {units} of them, a unit for each."
        slips = _slips(
            units,
            (wrong, "That is what the error is about."),
            (units + 1, "One unit too many: class 0 counts."),
        )
    elif output.what == task.BINARY and output.loss == task.BINARY_LOSS and units == 1:
        text = "Training with layers.Dense(2) as the last layer stops with this error. Mend it."
        error = (
            "# ValueError: Arguments `target` and `output` must have the same shape. Received: "
            "target.shape=(None, 1), output.shape=(None, 2)"
        )
        why = "A binary cross-entropy compares one probability with one target of 0 or 1."
        slips = _slips(1, (2, "That is what the error is about."))
    else:
        return
    yield Exercise(
        MEDIUM,
        text,
        f"{error}\nx = {layer_line(last, units=BLANK)}(x)",
        (Blank(str(units), 0, slips),),
        f"Open {named(last)} and count its outputs; compare them with the classes.",
        why,
        stage_place(last),
    )
