"""From calls to stages: inputs, outputs, weights and origin of each."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pipetrace.capture.hook import Call
from pipetrace.capture.internals import is_of_keras, mask_of
from pipetrace.capture.nodes import Graph, Node, of_weights
from pipetrace.capture.tensors import Origin, class_of, is_local, key, name_of, traced_back
from pipetrace.trace.document import LAYER, OP, Group, Spec, Stage

MOST_OPERATIONS = 6
"""A stage of TensorFlow operations names so many of them."""


def leaves(calls: Sequence[Call]) -> list[Call]:
    """The calls that called nothing further: what the data passes, without the models around it.

    What ran within a loop of TensorFlow's own is no stage, since its tensors never leave the loop.
    """
    local = [call for call in calls if all(map(is_local, [*call.inputs, *call.outputs]))]
    around = {id(call.outer) for call in local}
    return [call for call in local if id(call) not in around and (call.outputs or call.error)]


def graph(
    keras: Any,
    calls: Sequence[Call],
    inputs: Sequence[tuple[Any, Origin]],
    result: Any = None,
    rows: int | None = None,
    taken: Collection[str] = (),
) -> Graph:
    """The stages of a forward pass: one for each leaf call, and one for what TensorFlow computed
    between them; the second call of a layer gets a number after its name.

    All calls that were seen are given, the model's own first, their tensors alive; the model's
    input tensors, each with the stage and the output that it comes from; what it returned, if it
    did; and how many rows the pass has, where fixed. No stage has one of the names ``taken``.
    """
    return _Builder(keras, calls, inputs, rows, taken).build(result)


class _Builder:
    """Builds the stages one by one, so that the origin of each tensor is known."""

    def __init__(
        self,
        keras: Any,
        calls: Sequence[Call],
        inputs: Sequence[tuple[Any, Origin]],
        rows: int | None,
        taken: Collection[str],
    ) -> None:
        self.keras, self.calls, self.rows = keras, calls, rows
        self.leaves = {id(call) for call in leaves(calls)}
        self.origin: dict[Any, Origin] = {key(tensor): place for tensor, place in inputs}
        self.given = {place: tensor for tensor, place in inputs}
        self.found = Graph(sources=frozenset(name for _, (name, _) in inputs))
        self.taken = {*taken, *(name for _, (name, _) in inputs)}
        self.times: dict[int, int] = {}
        self.labels: dict[int, str] = {}
        self.shared = _shared_names([call for call in calls if id(call) in self.leaves])
        self.from_group: dict[Any, tuple[str, Any]] = {}
        self.given_by: list[list[Any]] = []

    def build(self, result: Any) -> Graph:
        around = {
            id(each) for call in self.calls if id(call) in self.leaves for each in _outer(call)
        }
        for call in self.calls:
            is_leaf = id(call) in self.leaves
            if not is_leaf and id(call) not in around:
                continue
            self.labels[id(call)] = self._label(call)
            if is_leaf:
                self._leaf(call)
            else:
                self._group(call)
        self.found.count_groups()
        groups = self.found.groups  # the model itself is none, unless it holds weights of its own
        self.found.given = [[self.origin.get(each) for each in given] for given in self.given_by]
        if groups and not (groups[0].path or groups[0].own.total):
            del groups[0], self.found.owners[0], self.found.given[0]
        if result is not None:
            self.found.outputs = self._outputs(result)
            self._drop_unused()
        return self.found

    def _drop_unused(self) -> None:
        """Leave out operations without a use: Keras computes masks beside the data."""
        while True:
            used = {spec.source for node in self.found.nodes for spec in node.stage.inputs}
            used |= {spec.source for spec in self.found.outputs}
            kept = [
                node
                for node in self.found.nodes
                if node.stage.kind != OP or node.stage.name in used
            ]
            if len(kept) == len(self.found.nodes):
                return
            self.found.nodes = kept

    def _label(self, call: Call) -> str:
        operation = call.operation
        times = self.times[id(operation)] = self.times.get(id(operation), 0) + 1
        return str(operation.name) if times == 1 else f"{operation.name}:{times}"

    def _path(self, call: Call | None) -> str:
        """The labels of a call and of those around it, without that of the model itself."""
        labels = [self.labels[id(each)] for each in reversed([call, *_outer(call)])] if call else []
        return "/".join(labels[1:])

    def _leaf(self, call: Call) -> None:
        received, given = self._ways(call)
        around = self._path(call.outer)
        path = f"{around}/{call.operation.name}" if around else str(call.operation.name)
        base = path if str(call.operation.name) in self.shared else str(call.operation.name)
        label = self.labels[id(call)]
        name = self._free(base + label[len(str(call.operation.name)) :], "~")
        stage = _stage(self.keras, call.operation, name, received, given)
        outside = {
            place: tensor
            for place, (spec, tensor) in enumerate(zip(received, call.inputs, strict=True))
            if spec.source is None and spec.shape[:1] == (None,)
        }
        stage = replace(stage, path=path)
        self._add(Node(stage, call.outputs, call.masks, call.operation, outside))

    def _group(self, call: Call) -> None:
        received, given = self._ways(call)
        path = self._path(call)
        self.found.groups.append(
            Group(
                path=path,
                layer=type(call.operation).__name__,
                inputs=received,
                outputs=given,
            )
        )
        self.found.owners.append(call.operation)
        self.given_by.append([key(tensor) for tensor in call.outputs])
        for tensor in call.outputs:
            self.from_group.setdefault(key(tensor), (path, tensor))

    def _ways(self, call: Call) -> tuple[tuple[Spec, ...], tuple[Spec, ...]]:
        """The specs of what a call got and gave.

        What is computed on the way into a group belongs to where it was computed, outside.
        """
        received = tuple(
            self._received(tensor, call.outer, name)
            for tensor, name in zip(call.inputs, call.input_names, strict=True)
        )
        named = zip(call.outputs, call.output_names, strict=True)
        return received, tuple(self._spec(tensor, name=key) for tensor, key in named)

    def _received(self, tensor: Any, outer: Call | None, name: str | None) -> Spec:
        place = key(tensor)
        if place not in self.origin:
            self._between(tensor, place, outer)
        source, output = self.origin.get(place, (None, 0))
        return self._spec(tensor, source, output, name)

    def _between(self, tensor: Any, place: Any, outer: Call | None) -> None:
        """Find the origin of a tensor that no Keras operation gave; what computed it is a stage."""
        places = {**self.origin, **self._given_by_groups(place)}
        met, passed = traced_back(tensor, places, of_known=True)
        for where in met:
            # What a group gave is a stage of its own, within the group.
            if where not in self.origin:
                self._between(self.from_group[where][1], where, outer)
        met = [where for where in met if where in self.origin]
        if len(met) == 1 and not passed:
            self.origin[place] = self.origin[met[0]]
        elif met:
            name = self._free(name_of(passed), "_")
            received = tuple(
                self._spec(source, *self.origin[where])
                for where in met
                if (source := self._tensor(where)) is not None
            )
            around = self.from_group[place][0] if place in self.from_group else self._path(outer)
            names = list(dict.fromkeys(map(class_of, passed)))
            more = ", ..." if len(names) > MOST_OPERATIONS else ""
            kinds = f"{', '.join(names[:MOST_OPERATIONS])}{more}"
            stage = Stage(
                name=name,
                kind=OP,
                layer=kinds or "Identity",
                path=f"{around}/{name}" if around else name,
                config={"name": name},
                inputs=received,
                outputs=(self._spec(tensor),),
            )
            self._add(Node(stage, [tensor], [mask_of(tensor)]))

    def _given_by_groups(self, place: Any) -> dict[Any, Any]:
        return {where: None for where in self.from_group if where != place}

    def _tensor(self, place: Any) -> Any:
        name, output = self.origin[place]
        for node in self.found.nodes:
            if node.stage.name == name:
                return node.tensors[output]
        return self.given.get((name, output))

    def _add(self, node: Node) -> None:
        self.found.nodes.append(node)
        self.taken.add(node.stage.name)
        for output, tensor in enumerate(node.tensors):
            self.origin.setdefault(key(tensor), (node.stage.name, output))

    def _free(self, name: str, mark: str) -> str:
        if name not in self.taken:
            return name
        number = 1 if mark == "_" else 2
        while f"{name}{mark}{number}" in self.taken:
            number += 1
        return f"{name}{mark}{number}"

    def _outputs(self, result: Any) -> tuple[Spec, ...]:
        found = []
        for path, tensor in self.keras.tree.flatten_with_path(result):
            if self.keras.ops.is_tensor(tensor):
                keys = [key for key in path if isinstance(key, str)]
                found.append(self._received(tensor, None, keys[-1] if keys else None))
        return tuple(found)

    def _spec(
        self, tensor: Any, source: str | None = None, output: int = 0, name: str | None = None
    ) -> Spec:
        shape = tuple(None if length is None else int(length) for length in tensor.shape)
        # With a fixed number of rows, the axis of that length is still that of the rows.
        if shape and shape[0] == self.rows:
            shape = (None, *shape[1:])
        return Spec(shape, dtype_name(self.keras, tensor), source, output, name)


def dtype_name(keras: Any, tensor: Any) -> str:
    """The dtype of a tensor as Keras writes it, or TensorFlow's name, as for complex64."""
    try:
        return str(keras.backend.standardize_dtype(tensor.dtype))
    except ValueError:
        return str(getattr(tensor.dtype, "name", tensor.dtype))


def _outer(call: Call | None) -> list[Call]:
    """The calls around a call, innermost first."""
    return [] if call is None or call.outer is None else [call.outer, *_outer(call.outer)]


def _shared_names(calls: Sequence[Call]) -> set[str]:
    """Names that more than one layer has, as layers of different nested models may."""
    owners: dict[str, set[int]] = {}
    for call in calls:
        owners.setdefault(str(call.operation.name), set()).add(id(call.operation))
    return {name for name, found in owners.items() if len(found) > 1}


def _stage(
    keras: Any, operation: Any, name: str, received: tuple[Spec, ...], given: tuple[Spec, ...]
) -> Stage:
    return Stage(
        name=name,
        kind=LAYER if isinstance(operation, keras.layers.Layer) else OP,
        layer=type(operation).__name__,
        path=name,
        inputs=received,
        outputs=given,
        flops=_flops(operation, given[0].shape) if given else None,
        **of_weights(operation),
    )


def _flops(operation: Any, output: tuple[int | None, ...]) -> int | None:
    """FLOPs with weights, for one row; None where the layer's class is not known here.

    A dense layer and a convolution use each kernel entry of an output channel once per output value
    of that channel (Goodfellow, Bengio and Courville, "Deep Learning", chapter 9); bias, activation
    and comparisons are not counted.
    """
    kind = type(operation).__name__
    if not is_of_keras(type(operation)):
        return None
    if kind in ("Flatten", "Reshape", "MaxPooling1D", "MaxPooling2D", "Dropout", "Activation"):
        return 0
    if kind not in ("Dense", "Conv1D", "Conv2D", "Conv3D") or None in output[1:]:
        return None
    per_value = math.prod(int(length) for length in operation.kernel.shape[:-1])
    return 2 * per_value * math.prod(length for length in output[1:] if length is not None)
