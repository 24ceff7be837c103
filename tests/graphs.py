"""Traces of models of any form, made by hand: each stage is told by its name, its class and whom it receives from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tests.documents import a_model, a_run, a_trace, total_of

from pipetrace.stats import summarise
from pipetrace.trace import Trace
from pipetrace.trace.document import LAYER, SOURCE, Group, Parameters, Spec, Stage

INPUT = "InputLayer"


def stage(
    name: str, layer: str, sources: str = "", shape: Sequence[int] = (8, 8, 4), **more: Any
) -> Stage:
    """A stage.

    Args:
        name: what it is called.
        layer: its class; ``InputLayer`` for a source.
        sources: whom it receives from, with spaces between.
        shape: of what it gives, without the rows.
        more: other fields.
    """
    given = Spec((None, *shape), "float32")
    received = tuple(Spec((None, *shape), "float32", source) for source in sources.split())
    kind, of = (SOURCE, None) if layer == INPUT else (LAYER, layer)
    return replace(Stage(name, kind, of, name, {}, received, (given,)), **more)


def measured(found: Stage, seed: int = 0, rows: int = 4) -> Stage:
    """The stage with an example and a summary of a few rows of noise."""
    values = np.random.default_rng(seed).normal(
        0.2, 1, (rows, *(size or 1 for size in found.outputs[0].shape[1:]))
    )
    values = values.astype(np.float32)
    return replace(found, example=values[0], summary=summarise(values))


def trace_of(
    stages: Sequence[Stage],
    outputs: Sequence[str] = (),
    groups: Sequence[tuple[str, str]] = (),
    *,
    title: str = "made",
) -> Trace:
    """A trace of stages in their order.

    Args:
        stages: which.
        outputs: the names of the stages that the model gives; the last one when left out.
        groups: path and class of each.
        title: what it is called.
    """
    given = outputs or [stages[-1].name]
    shapes = {each.name: each.outputs[0].shape if each.outputs else () for each in stages}
    model = a_model(stages, (Spec(shapes[name], "float32", name) for name in given))
    run = a_run(title, data={"rows": 4}, versions={"keras": "3"}, model=replace(model, name=title))
    held = tuple(group_of(stages, *each) for each in groups)
    return a_trace(stages, run, rows=4, groups=held)


def group_of(stages: Sequence[Stage], path: str, layer: str) -> Group:
    """A group with the inputs, the output and the parameters of its stages."""
    within = [each for each in stages if each.path.startswith(f"{path}/")]
    names = {each.name for each in within}
    return Group(
        path,
        layer,
        inputs=tuple(spec for each in within for spec in each.inputs if spec.source not in names),
        outputs=within[-1].outputs if within else (),
        parameters=total_of(within),
    )


def lined(text: str, **shared: Any) -> list[Stage]:
    """Stages from lines of name, class and sources."""
    return [
        stage(name, layer, " ".join(sources), **shared)
        for name, layer, *sources in map(str.split, text.split("\n"))
        if name
    ]


CHAIN = "x InputLayer\na Conv2D x\nb ReLU a\nc Dense b"
RESIDUAL = """picture InputLayer
stem Conv2D picture
conv_1 Conv2D stem
conv_2 Conv2D conv_1
add Add stem conv_2
relu ReLU add
direction Dense relu"""
UNET = """picture InputLayer
down_1 Conv2D picture
pool_1 MaxPooling2D down_1
down_2 Conv2D pool_1
pool_2 MaxPooling2D down_2
bottom Conv2D pool_2
up_2 UpSampling2D bottom
concat_2 Concatenate down_2 up_2
dec_2 Conv2D concat_2
up_1 UpSampling2D dec_2
concat_1 Concatenate down_1 up_1
mask Conv2D concat_1"""
TOWERS = """picture InputLayer
words InputLayer
conv Conv2D picture
pool GlobalAveragePooling2D conv
embed Embedding words
lstm LSTM embed
both Concatenate pool lstm
answer Dense both"""
HEADS = """x InputLayer
trunk Dense x
age Dense trunk
hidden Dense trunk
sex Dense hidden"""
SIAMESE = """left InputLayer
right InputLayer
tower Dense left
tower:2 Dense right
distance Subtract tower tower:2
same Dense distance"""


def nested_twice() -> Trace:
    """An encoder of three layers that is called for two inputs."""
    stages = lined("""left InputLayer
right InputLayer
conv Conv2D left
pool MaxPooling2D conv
flat Dense pool
conv:2 Conv2D right
pool:2 MaxPooling2D conv:2
flat:2 Dense pool:2
distance Subtract flat flat:2""")
    paths: Mapping[str, str] = {
        f"{name}{end}": f"encoder{end}/{name}"
        for name in ("conv", "pool", "flat")
        for end in ("", ":2")
    }
    held = {"conv": Parameters(40), "flat": Parameters(10, 5)}
    stages = [
        replace(
            each,
            path=paths.get(each.name, each.name),
            parameters=held.get(each.name.partition(":")[0], Parameters()),
        )
        for each in stages
    ]
    return trace_of(stages, groups=[("encoder", "Functional"), ("encoder:2", "Functional")])


def deep(
    blocks: int = 16, *, skip: bool = True, nested: bool = False, example: bool = False
) -> Trace:
    """A backbone of residual blocks of nine stages: 150 stages and some for sixteen of them.

    Args:
        blocks: how many.
        skip: whether each block has a skip; without one the model is a chain.
        nested: whether they are in a nested model, "backbone".
        example: whether the stages have pictures and measurements.
    """
    stages = [
        stage("picture", INPUT, shape=(16, 16, 3)),
        stage("stem", "Conv2D", "picture", (16, 16, 8)),
    ]
    for number in range(1, blocks + 1):
        first = last = stages[-1].name
        shape = (16, 16, 8) if number <= blocks // 2 else (8, 8, 16)
        for part in ("1", "2"):
            for kind, layer in (("conv", "Conv2D"), ("bn", "BatchNormalization"), ("relu", "ReLU")):
                name = f"block{number}_{kind}{part}"
                counts = {"conv": Parameters(100), "bn": Parameters(0, 32)}.get(kind, Parameters())
                stages.append(stage(name, layer, last, shape, parameters=counts))
                last = name
        stages.append(
            stage(f"block{number}_conv3", "Conv2D", last, shape, parameters=Parameters(100))
        )
        stages.append(stage(f"block{number}_drop", "Dropout", f"block{number}_conv3", shape))
        both = f"{first} block{number}_drop" if skip else f"block{number}_drop"
        stages.append(stage(f"block{number}_add", "Add", both, shape))
    if nested:
        stages = [
            each if each.kind == SOURCE else replace(each, path=f"backbone/{each.name}")
            for each in stages
        ]
    stages += [
        stage("pool", "GlobalAveragePooling2D", stages[-1].name, (16,)),
        stage("label", "Dense", "pool", (10,)),
    ]
    if example:
        stages = [measured(each, index) for index, each in enumerate(stages)]
    return trace_of(stages, groups=[("backbone", "Functional")] if nested else [], title="deep")
