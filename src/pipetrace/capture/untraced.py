"""Stages without a whole pass: of a functional model as Keras knows them from building it, and of a
model that fails on the way."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.capture.graph import graph
from pipetrace.capture.hook import Call
from pipetrace.capture.nodes import Graph
from pipetrace.capture.tensors import Origin, key


def untraced_graph(
    model: Any, sources: Sequence[Origin], taken: Collection[str] = ()
) -> Graph | None:
    """The stages of a sequential or functional model, as it was built; None of any other.

    ``sources`` has for each input the stage and the output that it comes from; no stage has one of
    the names ``taken``.
    """
    keras = load()
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    outputs = keras.tree.flatten(getattr(model, "outputs", None) or [])
    if not inputs or len(inputs) != len(sources):
        return None
    calls: list[Call] = []
    whole = _call(model, inputs, outputs, None)
    if not _Reader(calls).read(whole, inputs, outputs):
        return None
    found = graph(keras, calls, list(zip(inputs, sources, strict=True)), taken=taken)
    made = {
        key(tensor): (node.stage, place)
        for node in found.nodes
        for place, tensor in enumerate(node.tensors)
    }
    found.outputs = tuple(
        replace(stage.outputs[place], source=stage.name, output=place)
        for stage, place in (made[key(each)] for each in outputs if key(each) in made)
    )
    for node in found.nodes:
        node.tensors = []
    return found


class _Reader:
    """Writes down the calls that a model was built of, as if it were called."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self._tensors: dict[int, Any] = {}
        self._models: set[int] = set()

    def read(self, call: Call, inputs: list[Any], outputs: list[Any]) -> bool:
        """Read a model's own calls from how it was built; False where that is not told, or if
        called twice.
        """
        model = call.operation
        nodes = internals.built_calls(model)
        if nodes is None or id(model) in self._models:
            return False
        self._models.add(id(model))
        self.calls.append(call)
        for ours, theirs in ((call.inputs, inputs), (call.outputs, outputs)):
            for outer, inner in zip(ours, theirs, strict=True):
                self._tensors.setdefault(id(inner), self._tensors.get(id(outer), outer))
        for operation, received, given in nodes:
            inner = _call(operation, self._own(received), self._own(given), call)
            nested = internals.built_calls(operation)
            if nested is None:
                self.calls.append(inner)
                continue
            built = [load().tree.flatten(each) for each in (operation.inputs, operation.outputs)]
            if not self.read(inner, *built):
                return False
        return True

    def _own(self, tensors: list[Any]) -> list[Any]:
        """Those of the whole model, where a nested one was built with others."""
        return [self._tensors.get(id(each), each) for each in tensors]


def _call(operation: Any, inputs: list[Any], outputs: list[Any], outer: Call | None) -> Call:
    nothing: list[Any] = [None] * max(len(inputs), len(outputs))
    return Call(
        operation,
        inputs,
        input_names=nothing[: len(inputs)],
        outputs=outputs,
        output_names=nothing[: len(outputs)],
        masks=nothing[: len(outputs)],
        outer=outer,
    )


def failed_graph(
    keras: Any,
    calls: list[Call],
    inputs: list[tuple[Any, Origin]],
    rows: int | None,
    taken: Collection[str] = (),
) -> Graph:
    """The stages of a forward pass that raised, the last one where it did, without outputs."""
    broken = next((call for call in reversed(calls) if call.error is not None), None)
    found = graph(keras, calls, inputs, rows=rows, taken=taken)
    if broken is not None and not any(not node.stage.outputs for node in found.nodes):
        # It failed between the calls of what it is made of.
        inner = [each for each in calls if each is not broken and broken not in _around(each)]
        found.nodes += graph(keras, [*inner, broken], inputs, rows=rows, taken=taken).nodes[-1:]
    return found


def _around(call: Call) -> list[Call]:
    found = []
    while call.outer is not None:
        call = call.outer
        found.append(call)
    return found
