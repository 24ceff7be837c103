"""What a forward pass was seen to do: its stages with their tensors, and their weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipetrace.capture.tensors import Origin
from pipetrace.capture.weights import plain_config
from pipetrace.trace.document import Group, Parameters, Spec, Stage, Weight


@dataclass
class Node:
    """A stage with its tensors, their masks, and the operation behind it."""

    stage: Stage
    tensors: list[Any]
    masks: list[Any]
    operation: Any = None
    # by place, those of its inputs that come from no stage and may be of any length
    outside: dict[int, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """What a forward pass was seen to do."""

    nodes: list[Node] = field(default_factory=list)  # its stages in the order of execution
    # the calls that the stages happened within, outer ones first
    groups: list[Group] = field(default_factory=list)
    owners: list[Any] = field(default_factory=list)  # for each group the operation behind it
    # for each group where its outputs come from
    given: list[list[Origin | None]] = field(default_factory=list)
    sources: frozenset[str] = frozenset()  # the names of the stages that the rows come from
    outputs: tuple[Spec, ...] = ()  # what the model gave, each with the stage that it came from

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages alone."""
        return tuple(node.stage for node in self.nodes)

    @property
    def outside(self) -> list[tuple[Node, int]]:
        """The inputs that come from no stage and may be of any length, by their stage and place."""
        return [(node, place) for node in self.nodes for place in node.outside]

    def recount(self) -> None:
        """Say anew which weights train, after layers were frozen or thawed."""
        for node in self.nodes:
            if node.stage.weights:
                node.stage = replace(node.stage, **of_weights(node.operation))
        self.count_groups()

    def from_sources(self) -> set[str]:
        """The stages whose values come from the rows, the sources among them."""
        found = set(self.sources)
        for node in self.nodes:
            if any(spec.source in found for spec in node.stage.inputs):
                found.add(node.stage.name)
        return found

    def without_rows(self, lengths: Mapping[Origin, int], outside: Mapping[Origin, int]) -> None:
        """Say how long first axes are that are not those of the rows, by stage and place."""

        def said(spec: Spec, length: int | None) -> Spec:
            if length is None or not spec.shape:
                return spec
            return replace(spec, shape=(length, *spec.shape[1:]))

        def received(name: str, specs: Sequence[Spec]) -> tuple[Spec, ...]:
            return tuple(
                said(spec, lengths.get((spec.source, spec.output)))
                if spec.source
                else said(spec, outside.get((name, place)))
                for place, spec in enumerate(specs)
            )

        for node in self.nodes:
            stage = node.stage
            node.stage = replace(
                stage,
                inputs=received(stage.name, stage.inputs),
                outputs=tuple(
                    said(spec, lengths.get((stage.name, place)))
                    for place, spec in enumerate(stage.outputs)
                ),
                flops=None if (stage.name, 0) in lengths else stage.flops,
            )
        for place, group in enumerate(self.groups):
            outputs = [
                said(spec, lengths.get(origin) if origin else None)
                for spec, origin in zip(group.outputs, self.given[place], strict=True)
            ]
            inputs = received(group.path, group.inputs)
            self.groups[place] = replace(group, inputs=inputs, outputs=tuple(outputs))
        self.outputs = received("", self.outputs)

    def count_groups(self) -> None:
        """What each group holds in all, and itself, without the stages and groups in it."""
        held = {id(each) for node in self.nodes for each in getattr(node.operation, "weights", [])}
        for index in reversed(range(len(self.groups))):
            every = getattr(self.owners[index], "weights", [])
            own = [weight for weight in every if id(weight) not in held]
            held.update(map(id, own))
            group = self.groups[index]
            self.groups[index] = replace(group, parameters=count(every), own=count(own))


def weight_names(stage: str, layer: Any) -> list[tuple[str, Any]]:
    """A layer's variables with the names that the trace gives them, such as ``conv2d/kernel``."""
    return [(f"{stage}/{name}", variable) for name, variable in _named(layer)]


def variables_of(found: Graph) -> dict[str, Any]:
    """The Keras variables of stages and groups by names such as ``conv2d/kernel``; each once."""
    named = [(node.stage.name, node.operation) for node in found.nodes]
    named += [(group.path, each) for group, each in zip(found.groups, found.owners, strict=True)]
    variables: dict[str, Any] = {}
    seen: set[int] = set()
    for place, layer in named:
        for name, variable in weight_names(place, layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                variables[name.lstrip("/")] = variable
    return variables


def count(variables: Sequence[Any]) -> Parameters:
    """How many numbers variables hold, each variable counted once."""
    once = {id(variable): variable for variable in variables}.values()
    trainable = sum(math.prod(each.shape) for each in once if each.trainable)
    return Parameters(trainable, sum(math.prod(each.shape) for each in once) - trainable)


def of_weights(operation: Any) -> dict[str, Any]:
    """What a stage says of its weights and whether they train."""
    named = _named(operation)
    return {
        "config": plain_config(operation),
        "parameters": count([variable for _, variable in named]),
        "weights": tuple(
            Weight(label, tuple(each.shape), bool(each.trainable)) for label, each in named
        ),
    }


def _named(layer: Any) -> list[tuple[str, Any]]:
    """A layer's variables with unique names: their own, or with the part of the layer."""
    variables = list(getattr(layer, "weights", []))
    names = [str(variable.name) for variable in variables]
    if len(set(names)) < len(names):
        names = [str(variable.path).rpartition(f"{layer.name}/")[2] for variable in variables]
    if len(set(names)) < len(names):
        names = [f"{name}_{place}" for place, name in enumerate(names)]
    return list(zip(names, variables, strict=True))
