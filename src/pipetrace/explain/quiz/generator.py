"""What a generator of questions is, and the question in the making that it gives."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import partial
from random import Random
from typing import Any, Literal, TypeAlias

import numpy as np

from pipetrace.explain.facts import first_call, layer_stages
from pipetrace.explain.formatting import dimensions, figure, has_rows, number, share
from pipetrace.explain.layers import is_of_keras
from pipetrace.trace.document import Array, Spec, Stage, Trace
from pipetrace.trace.records import Record

Level: TypeAlias = Literal["easy", "medium", "hard"]
Skill: TypeAlias = Literal["shapes", "parameters", "values", "training", "prediction", "measures"]
"""What a question takes: to follow shapes, to count parameters, to compute a value, to know what
training does, to read one prediction, to work with measures of the result."""
LEVELS: tuple[Level, Level, Level] = ("easy", "medium", "hard")
EASY, MEDIUM, HARD = LEVELS
OPTIONS = 4
"""How many answers a question has."""

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
IMPOSSIBLE = re.compile(r"(^|x )(0|-\d+) x |x (0|-\d+)$|^Lines -")
"""A shape with an axis of no length, or lines ahead of the first one."""
NEAR = 1e-4
"""How far what is computed here may be from what was recorded, beside the largest value."""
MARGIN = 0.05
"""Measured answers that differ by less, relative to the right one, differ by rounding alone."""
Mistakes: TypeAlias = Sequence[tuple[str, str]]
"""Wrong answers, each with what to tell a person who chose it."""
Asked: TypeAlias = str | tuple[str, Mapping[str, Any]]
"""A question as ``written`` takes it, alone or with what was drawn for it."""


class Draft(Record):
    """What a question is made from."""

    text: str  # the question
    right: str  # the right answer
    explanation: str  # why it is right, with the figures
    # answers that a known mistake gives, each with what to tell a person who chose it; all
    # different from each other and from the right one
    wrong: tuple[tuple[str, str], ...]
    evidence: str  # the part of the trace that shows it
    # what was drawn for it, such as a stage and a position, so that the answer can be computed
    # again
    about: Mapping[str, Any] = field(default_factory=dict)


class Generator(Record):
    """One kind of question, where it applies to a run."""

    name: str
    level: Level
    skill: Skill
    draft: "Callable[[Trace, Random], Draft | None]"  # None where it does not apply


Drafts: TypeAlias = Callable[[Trace, Random], Draft | None]


def named_after(
    function: Callable[..., Any], level: Level, skill: Skill, drafts: Drafts
) -> Generator:
    """A kind of question with the name of a function: ``BatchShape`` of ``batch_shape``."""
    return Generator(function.__name__.title().replace("_", ""), level, skill, drafts)


def question(level: Level, skill: Skill) -> Callable[[Drafts], Generator]:
    """A decorator: what makes a draft by the run and by chance becomes a kind of question."""
    return lambda drafts: named_after(drafts, level, skill, drafts)


Fits: TypeAlias = Callable[[Trace, Stage], bool]
Asks: TypeAlias = Callable[[Trace, Stage, Random], Asked | None]


def about_stage(
    level: Level,
    skill: Skill,
    *kinds: str,
    of: Callable[[Stage], bool] = lambda _stage: True,
    fits: Fits = lambda _trace, _stage: True,
    place: str = "stage",
) -> Callable[[Asks], Generator]:
    """A decorator: a question about one stage, drawn from those of some classes that fit.

    Without ``kinds``, classes of Keras' layers, it is about any stage with rows that is ``of`` this
    sort. What is decorated gives the question as ``written`` takes it, and what else was drawn;
    None where it does not apply after all. The page shows the answer at the ``place``, ``stage`` or
    ``prediction``.
    """

    def made(ask: Asks) -> Generator:
        def drafted(trace: Trace, chance: Random) -> Draft | None:
            known = layers(trace, *kinds) if kinds else layer_stages(trace)
            known = [stage for stage in known if has_known_shapes(stage) and of(stage)]
            found = [stage for stage in known if fits(trace, stage)]
            stage = chance.choice(found) if found else None
            asked = None if stage is None else ask(trace, stage, chance)
            if stage is None or asked is None:
                return None
            block, about = asked if isinstance(asked, tuple) else (asked, {})
            return written(block, f"{place}/{stage.name}", stage=stage.name, **about)

        return named_after(ask, level, skill, drafted)

    return made


def takes_images(stage: Stage) -> bool:
    """Whether a stage receives feature maps whose channels come last."""
    is_last = stage.config.get("data_format") != "channels_first"
    return is_last and len(stage.inputs[0].shape) == 4


about_images = partial(about_stage, of=takes_images)
"""The same of a stage between feature maps whose channels come last."""


def draft(
    text: str, right: str, explanation: str, mistakes: Mistakes, evidence: str, **about: Any
) -> Draft:
    """A draft without the mistakes that happen to give the right answer, the same answer twice, or
    nothing that there could be, and without a second mistake of the same kind.

    Answers are compared by what they say: 10 % and 10.0 % are one answer.
    """
    answers, remarks = {_meaning(right)}, set[str]()
    wrong = []
    for answer, remark in mistakes:
        is_new = _meaning(answer) not in answers and remark not in remarks
        if is_new and not IMPOSSIBLE.search(answer):
            answers.add(_meaning(answer))
            remarks.add(remark)
            wrong.append((answer, remark))
    return Draft(text, right, explanation, tuple(wrong), evidence, about)


def written(block: str, evidence: str, more: Mistakes = (), **about: Any) -> Draft:
    """A draft written as lines; an indented line continues the one above.

    The first three lines are the question, the right answer and its explanation, marked by
    "Question:", "Answer:" and "Why:". The others are mistakes: "answer: remark". The lines hold no
    names that a user gave, which might hold line breaks.
    """
    lines = re.sub(r"\n +", " ", block.strip()).splitlines()
    text, right, explanation = (line.partition(": ")[2] for line in lines[:3])
    wrong = [(answer, remark) for answer, _, remark in (line.partition(": ") for line in lines[3:])]
    return draft(text, right, explanation, [*wrong, *more], evidence, **about)


def measured(
    values: Iterable[tuple[float, str]], right: float, write: Callable[[float], str] = figure
) -> list[tuple[str, str]]:
    """The mistakes, each with what to say of it, whose value can be told from the right one."""
    most = 1 if write is share else math.inf  # nobody would choose a share above all
    return [
        (write(value), remark)
        for value, remark in values
        if math.isfinite(value) and value <= most and abs(value - right) > MARGIN * abs(right)
    ]


def named(stage: Stage) -> str:
    """A layer as questions name it: ``Conv2D (conv2d)``; a stage without a class by its name."""
    return f"{stage.layer} ({stage.name})" if stage.layer else stage.name


def layers(trace: Trace, *kinds: str) -> list[Stage]:
    """The stages of some classes of Keras' own layers whose specs are recorded, in order."""
    return [
        stage
        for stage in trace.stages
        if stage.layer in kinds and stage.inputs and stage.outputs and is_of_keras(stage)
    ]


def owners(trace: Trace) -> list[Stage]:
    """The stages that hold parameters, each once."""
    return [
        stage
        for stage in layer_stages(trace)
        if stage.parameters.total and first_call(trace, stage) == stage.name
    ]


def has_known_shapes(stage: Stage) -> bool:
    """Whether a layer takes and gives rows of a known shape."""
    if not stage.inputs or not stage.outputs or not stage.layer:
        return False
    specs = (stage.inputs[0], stage.outputs[0])
    return all(len(each.shape) > 1 and has_rows(each) and all(each.shape[1:]) for each in specs)


def lengths(spec: Spec) -> tuple[int, ...]:
    """The lengths of the axes but that of the rows, all of which are known."""
    return tuple(length or 0 for length in spec.shape[1:])


def size(*shape: int) -> str:
    """Lengths as a shape: ``26 x 26 x 32``."""
    return dimensions(shape)


def is_biased(stage: Stage) -> bool:
    """Whether a layer adds a bias."""
    return bool(stage.config.get("use_bias", True))


def activation_name(stage: Stage) -> str:
    """A layer's activation as questions name it."""
    name = stage.config.get("activation") or "linear"
    return {"relu": "ReLU", "linear": "no function"}.get(str(name), str(name))


def activated(stage: Stage, value: float) -> float | None:
    """A sum behind the stage's activation; None for one that takes more than a value."""
    kinds = {
        "ReLU": lambda x: max(0.0, x),
        "no function": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
        "tanh": math.tanh,
    }
    found = kinds.get(activation_name(stage))
    return None if found is None else float(found(value))


def agrees(value: float, example: Array, place: tuple[int, ...]) -> bool:
    """Whether a value is what was recorded."""
    return abs(value - float(example[place])) <= NEAR * max(1.0, float(np.abs(example).max()))


def example_row(trace: Trace) -> str:
    """The row that the examples of the stages are of, as questions name it."""
    return f"row {number(trace.run.data.example_row)}"


def lines(mistakes: Mistakes) -> str:
    """Mistakes as ``written`` takes them."""
    return "\n".join(f"{answer}: {remark}" for answer, remark in mistakes)


def _meaning(answer: str) -> tuple[str, tuple[float, ...]]:
    """An answer's words and its numbers, however these are written."""
    numbers = tuple(float(found.replace(",", "")) for found in NUMBER.findall(answer))
    return NUMBER.sub("#", answer), numbers
