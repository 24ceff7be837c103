"""A forward pass that gives every stage's output, compiled once and used for all measuring."""

import contextlib
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipetrace.capture import internals, structures
from pipetrace.capture.backend import load
from pipetrace.capture.graph import Graph, Node, graph, weight_names
from pipetrace.capture.hook import Call, watch
from pipetrace.capture.tensors import Origin, operations_behind
from pipetrace.capture.weights import Weights, in_place_of, specs_of, tensors_of, weights
from pipetrace.trace.document import Array, Group, Spec, Stage


@dataclass(frozen=True)
class Passed:
    """What rows became.

    Attributes:
        outputs: for each stage all its outputs, ``(n, ...)`` each where they have an axis of rows.
        masks: by stage, the mask of its first output, True where nothing is hidden.
    """

    outputs: Mapping[str, tuple[Array, ...]] = field(default_factory=dict)
    masks: Mapping[str, Array] = field(default_factory=dict)


class Forward:
    """The model as a compiled function from rows to the outputs of all its stages.

    The hook runs while TensorFlow traces the function, so that what it sees is compiled with the
    rest and costs nothing when the function runs. The model's own functions, state and random
    numbers are not touched: what the pass would change, such as a moving average or a seed, is
    forgotten. The weights are inputs of the function, so that rows can pass with other weights than
    the model has.

    Args:
        model: a built Keras model.
        example: rows as the model gets them; only shapes and dtypes are used.
        sources: for each array the stage that it comes from, and which of its outputs it is.
        training: whether the layers behave as in training.
        only: the names of the stages whose outputs are wanted; all where None.
        taken: names that no stage may have, such as those of the stages before the model.
        until: when to give up tracing, as ``time.perf_counter`` counts.

    Attributes:
        model: as it was given.
        most: rows that pass at a time, at the most; no limit where None.
        most_final: the same where only the model's own outputs are kept.

    Raises:
        Exception: whatever the model raises; ``seen`` then holds the stages up to there.
        TookTooLongError: tracing was given up.
    """

    def __init__(
        self,
        model: Any,
        example: Any,
        sources: Sequence[Origin],
        *,
        training: bool = False,
        only: set[str] | None = None,
        taken: Collection[str] = (),
        until: float = math.inf,
    ) -> None:
        import tensorflow as tf

        self._keras = load()
        self.model, self._sources = model, list(sources)
        self._training, self._only, self._until = training, only, until
        self._fixed, self.taken = fixed_rows(model), frozenset(taken)
        self.most: int | None = None
        self.most_final: int | None = None
        self._nodes: list[Node] = []
        self._masked: list[str] = []
        self.seen = Graph()
        signature = self._keras.tree.map_structure(self._signature, example)
        self._variables: list[Any] = []
        trace = tf.function(self._trace, autograph=False)
        if not model.built:  # the first pass makes the variables
            trace.get_concrete_function([], signature)
        self._variables = weights(model)
        self._signature_of_rows = signature
        self._function = trace.get_concrete_function(specs_of(self._variables), signature)
        self._final: Any = None
        self.operations = [node.operation for node in self.seen.nodes]
        for node in self.seen.nodes:
            node.tensors, node.masks = [], []  # symbolic tensors belong to the function

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in the order of execution."""
        return self.seen.stages

    @property
    def groups(self) -> tuple[Group, ...]:
        """What the stages sit in."""
        return tuple(self.seen.groups)

    def recount(self) -> None:
        """Say anew which weights train, after layers were frozen or thawed."""
        self.seen.recount()

    @property
    def outputs(self) -> tuple[Spec, ...]:
        """What the model gives, each with the stage that it comes from."""
        return self.seen.outputs

    def __call__(self, rows: Any) -> dict[str, Array]:
        """The first output of every stage.

        Args:
            rows: ``(n, ...)``, in the structure of the example.

        Returns:
            for each stage its first output, shape ``(n, ...)``.
        """
        return {name: values[0] for name, values in self.passed(rows).outputs.items()}

    def passed(self, rows: Any, instead: Weights | None = None) -> Passed:
        """All outputs of all stages, and the masks they carry; see ``Passed``.

        Args:
            rows: ``(n, ...)``, in the structure of the example.
            instead: weights to use in place of those that the model has.
        """
        flat = [np.asarray(each) for each in self._keras.tree.flatten(rows)]
        total = len(flat[0]) if flat and flat[0].ndim else 1
        if not total:
            # Some of TensorFlow's convolutions fail on no rows, so one of zeros passes.
            one = self._keras.tree.map_structure(lambda each: _zeros(np.asarray(each)), rows)
            return _joined([self.passed(one, instead)], self.stages, 0)
        step = self._fixed or self.most or total
        if total == step or (total < step and self._fixed is None):
            return self._run(rows, instead)
        parts = [self._part(rows, start, total, instead) for start in range(0, total, step)]
        return _joined(parts, self.stages, total)

    def final(self, rows: Any, instead: Weights | None = None) -> list[Array] | None:
        """What the model itself gives, one array for each output; None where the rows themselves
        are an output.

        The function is that of all stages, of which TensorFlow then runs only what the outputs
        need; nothing is traced again.

        Args:
            rows: ``(n, ...)``, in the structure of the example.
            instead: weights to use in place of those that the model has.
        """
        import tensorflow as tf

        places = {node.stage.name: place for place, node in enumerate(self._nodes)}
        if not all(spec.source in places for spec in self.outputs):
            return None
        wanted = [(places[str(spec.source)], spec.output) for spec in self.outputs]
        if self._fixed is not None:
            found = self.passed(rows, instead).outputs
            return [found[str(spec.source)][spec.output] for spec in self.outputs]
        if self._final is None:

            def run(given: Any, some: Any) -> Any:
                outputs, _ = self._function(given, some)
                return [outputs[place][output] for place, output in wanted]

            self._final = tf.function(run, autograph=False).get_concrete_function(
                specs_of(self._variables), self._signature_of_rows
            )
        given = tensors_of(self._variables, instead)
        parts, total = list[list[Array]](), len(self._keras.tree.flatten(rows)[0])
        step = self.most_final or total
        for start in range(0, total, step):
            part = structures.taken(rows, slice(start, start + step))
            some = structures.mapped(tf.convert_to_tensor, part)
            with internals.as_traced():
                found = self._final(given, some)
            parts.append([_array(each) for each in found])
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    @property
    def has_final(self) -> bool:
        """Whether the function of ``final`` was made."""
        return self._final is not None

    def failing(self, rows: Any) -> int | None:
        """Which stage fails on some rows, by its place; None where none does, or none is known.

        TensorFlow names the operation that failed. The stage is the first one that needs it.
        """
        import tensorflow as tf

        try:
            self.passed(rows)
        except tf.errors.OpError as error:
            text = str(error)
        else:
            return None
        named = set(re.findall(r"(?:Detected at node |\bnode )([\w./>-]+)", text))
        outputs = self._function.structured_outputs[0]
        for place, tensors in enumerate(outputs):
            if named & set(operations_behind(tensors)):
                return place
        return None

    def weights(self) -> dict[str, Array]:
        """The weights as they are now, by names such as ``conv2d/kernel``; each once."""
        return {name: np.array(variable.numpy()) for name, variable in self.variables().items()}

    def variables(self) -> dict[str, Any]:
        """The Keras variables by the names of ``weights``."""
        return variables_of(self.seen)

    def _trace(self, given: list[Any], rows: Any) -> tuple[list[list[Any]], list[Any]]:
        flat = self._keras.tree.flatten(rows)
        inputs = list(zip(flat, self._sources, strict=True))
        with watch(self._until) as calls, untouched(self.model, self._variables, given):
            try:
                result = self.model(rows, training=self._training)
            except Exception:
                self.seen = failed_graph(self._keras, calls, inputs, self._fixed, taken=self.taken)
                raise
            self.seen = graph(self._keras, calls, inputs, result, self._fixed, self.taken)
        wanted = [
            node for node in self.seen.nodes if self._only is None or node.stage.name in self._only
        ]
        self._nodes = wanted
        self._masked = [
            node.stage.name for node in wanted if node.masks and node.masks[0] is not None
        ]
        masks = [node.masks[0] for node in wanted if node.masks and node.masks[0] is not None]
        return [[_dense(tensor) for tensor in node.tensors] for node in wanted], masks

    def _run(self, rows: Any, instead: Weights | None) -> Passed:
        import tensorflow as tf

        given = self._keras.tree.map_structure(tf.convert_to_tensor, rows)
        values = tensors_of(self._variables, instead)
        with internals.as_traced():
            outputs, masks = self._function(values, given)
        found = {
            node.stage.name: tuple(_array(tensor) for tensor in tensors)
            for node, tensors in zip(self._nodes, outputs, strict=True)
        }
        return Passed(
            found, {name: np.asarray(mask) for name, mask in zip(self._masked, masks, strict=True)}
        )

    def _part(self, rows: Any, start: int, total: int, instead: Weights | None) -> Passed:
        """Rows that pass at a time; the last is repeated where the model takes no fewer."""
        stop = start + (self._fixed or min(self.most or total, total - start))
        places = np.minimum(np.arange(start, stop), total - 1)
        return self._run(
            self._keras.tree.map_structure(lambda each: np.asarray(each)[places], rows), instead
        )

    def _signature(self, values: Any) -> Any:
        import tensorflow as tf

        values = np.asarray(values)
        dtype = tf.string if values.dtype.kind in "OSU" else values.dtype
        return tf.TensorSpec((self._fixed, *values.shape[1:]) if values.ndim else (), dtype)


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


def fixed_rows(model: Any) -> int | None:
    """How many rows the model takes at a time, where it is built for one number of them."""
    inputs: list[Any] = []
    with contextlib.suppress(AttributeError, ValueError):
        inputs = list(model.inputs or [])
    lengths = [tensor.shape[0] for tensor in inputs if len(tensor.shape)]
    return next((int(length) for length in lengths if length is not None), None)


@contextlib.contextmanager
def untouched(
    model: Any, variables: Sequence[Any] = (), given: Sequence[Any] = ()
) -> Iterator[None]:
    """A block in which no state of the model changes; see ``in_place_of``."""
    if not model.built:  # the first pass makes the variables, which the scope would refuse
        yield
        return
    with in_place_of(variables, given):
        yield


def failing_graph(
    model: Any, x: Any, sources: Sequence[Origin], taken: Collection[str] = ()
) -> Graph:
    """The stages of a model that fails on some rows; the last one has no outputs where it was a
    stage that raised.

    Args:
        model: that raised on these or other rows.
        x: rows as the model gets them.
        sources: the names of the stages that they come from.
        taken: names that no stage may have.
    """
    forward = Forward.__new__(Forward)
    try:
        # What was seen is wanted although it raises.
        forward.__init__(model, x, sources, taken=taken)  # type: ignore[misc]
    except Exception:
        return forward.seen
    place = forward.failing(x)
    if place is None:
        return forward.seen
    nodes = forward.seen.nodes[: place + 1]
    nodes[-1] = replace(nodes[-1], stage=replace(nodes[-1].stage, outputs=()))
    return replace(forward.seen, nodes=nodes)


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


def _dense(tensor: Any) -> Any:
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor)
    return tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor


def _zeros(values: Array) -> Array:
    """One row of zeros, or of empty texts."""
    made = np.zeros((1, *values.shape[1:]), values.dtype)
    if values.dtype.kind == "O":
        made[:] = ""
    return made


def _array(tensor: Any) -> Array:
    values = np.asarray(tensor)
    # NumPy knows bfloat16 by another package only; float32 holds all its values.
    return values.astype(np.float32) if values.dtype.name == "bfloat16" else values


def _joined(parts: list[Passed], stages: tuple[Stage, ...], rows: int) -> Passed:
    open_axis = {
        stage.name: [spec.shape[:1] == (None,) for spec in stage.outputs] for stage in stages
    }

    def one(name: str, output: int) -> Array:
        values = [part.outputs[name][output] for part in parts]
        # What compares all rows of a batch has as many columns as there were rows.
        alike = len({each.shape[1:] for each in values}) == 1
        return np.concatenate(values)[:rows] if open_axis[name][output] and alike else values[0]

    outputs = {
        name: tuple(one(name, output) for output in range(len(values)))
        for name, values in parts[0].outputs.items()
    }
    masks = {
        name: np.concatenate([part.masks[name] for part in parts])[:rows] for name in parts[0].masks
    }
    return Passed(outputs, masks)
