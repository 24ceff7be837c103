"""A forward pass that gives every stage's output, compiled once and used for all measuring."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipetrace.capture import fit, internals, structures
from pipetrace.capture.backend import load
from pipetrace.capture.graph import graph
from pipetrace.capture.hook import watch
from pipetrace.capture.nodes import Graph, Node, variables_of
from pipetrace.capture.tensors import Origin, dense, length, operations_behind
from pipetrace.capture.train_step import TrainStep
from pipetrace.capture.training import Slopes
from pipetrace.capture.untraced import failed_graph
from pipetrace.capture.weights import (
    Weights,
    fixed_rows,
    specs_of,
    tensors_of,
    untouched,
    weights,
)
from pipetrace.trace.document import Array, Group, Spec, Stage


@dataclass(frozen=True)
class Passed:
    """What rows became."""

    # for each stage all its outputs, ``(n, ...)`` each where they have an axis of rows
    outputs: Mapping[str, tuple[Array, ...]] = field(default_factory=dict)
    # by stage, the mask of its first output, True where nothing is hidden
    masks: Mapping[str, Array] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()  # of the first axes of what stages got that comes from no stage


class Forward:
    """The model as a compiled function from rows to the outputs of all its stages.

    The hook runs while TensorFlow traces the function, so that what it sees is compiled with the
    rest and costs nothing when the function runs. The model's own functions, state and random
    numbers are not touched: what the pass would change, such as a moving average or a seed, is
    forgotten. The weights are inputs of the function, so that rows can pass with other weights than
    the model has.

    Args:
        model: a built Keras model, or its training step; rows are then what a batch is.
        example: rows as the model gets them; only shapes and dtypes are used.
        sources: for each array the stage that it comes from, and which of its outputs it is.
        training: whether the layers behave as in training.
        only: the names of the stages whose outputs are wanted; all where None.
        taken: names that no stage may have, such as those of the stages before the model.
        until: when to give up tracing, as ``time.perf_counter`` counts.
        rows: how many rows the model takes at a time, where it works for one number of them only.

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
        rows: int | None = None,
    ) -> None:
        self._keras = load()
        self.step = step = model if isinstance(model, TrainStep) else None
        self.model = model = model if step is None else step.model
        self._sources = list(sources)
        self._training, self._only, self._until = training, only, until
        self.fixed, self.taken = fixed_rows(model) or rows, frozenset(taken)
        self.most: int | None = None  # rows that pass at a time; no limit where None
        self.most_final: int | None = None  # the same where only the own outputs are kept
        self._nodes: list[Node] = []
        self._masked: list[str] = []
        self.seen = Graph()
        self._variables: list[Any] = []
        self._final: Any = None
        self._prepare(example)
        for node in self.seen.nodes:
            # Symbolic tensors belong to the function.
            node.tensors, node.masks, node.outside = [], [], {}

    def _prepare(self, example: Any) -> None:
        """Run the model once, so that its stages are seen."""
        import tensorflow as tf

        signature = self._keras.tree.map_structure(self._signature, example)
        trace = tf.function(self._trace, autograph=False)
        if self.step is None and not self.model.built:  # the first pass makes the variables
            trace.get_concrete_function([], signature)
        self._variables = weights(self.model)
        self._signature_of_rows, specs = signature, specs_of(self._variables)
        if self.step is None:
            self.function = trace.get_concrete_function(specs, signature)
        else:
            self.function = self.step.compiled(self._trace, specs, signature)

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

    def needs(self, batch: int | None) -> bool:
        """Whether the model works for so many rows at a time: what comes from them has as many."""
        follow = self.seen.from_sources()
        return batch is not None and any(
            stage.name in follow and any(spec.shape[:1] == (batch,) for spec in stage.outputs)
            for stage in self.stages
        )

    def find_rows(self, rows: Any, most: int) -> None:
        """Find out of which outputs the first axis is that of the rows, and say it in their specs.

        It is where it is as long as there are rows, for one row and for three, or, where the model
        takes ``most`` at a time, where the values come from the rows.
        """
        counts = (1, min(3, most)) if self.fixed is None else (self.fixed,)
        found = [
            self.passed(structures.taken(rows, np.arange(count) % len(structures.flatten(rows)[0])))
            for count in counts
        ]
        follow, known = self.seen.from_sources(), dict[Origin, int]()
        for name, values in found[0].outputs.items():
            for output in range(len(values)):
                lengths = [len(each.outputs[name][output]) for each in found if values[output].ndim]
                if lengths and not (
                    tuple(lengths) == counts and (self.fixed is None or name in follow)
                ):
                    known[name, output] = _for_batch(lengths, counts, most)
        outside = {
            (node.stage.name, place): _for_batch(lengths, counts, most)
            for (node, place), *lengths in zip(
                self._outside, *(each.lengths for each in found), strict=True
            )
            if self.fixed is not None or tuple(lengths) != counts
        }
        self.samples = {
            name
            for name, values in found[-1].outputs.items()
            if values[0].ndim and (self.fixed or len(values[0]) != len(found[0].outputs[name][0]))
        }
        self.seen.without_rows(known, outside)

    @property
    def outputs(self) -> tuple[Spec, ...]:
        """What the model gives, each with the stage that it comes from."""
        return self.seen.outputs

    def __call__(self, rows: Any) -> dict[str, Array]:
        """The first output of every stage, ``(n, ...)``, for rows like those of the example."""
        return {name: values[0] for name, values in self.passed(rows).outputs.items()}

    def passed(self, rows: Any, instead: Weights | None = None) -> Passed:
        """All outputs of all stages and their masks, for rows, with its weights or others."""
        flat = [np.asarray(each) for each in self._keras.tree.flatten(rows)]
        total = len(flat[0]) if flat and flat[0].ndim else 1
        if not total:
            # Some of TensorFlow's convolutions fail on no rows, so one of zeros passes.
            one = self._keras.tree.map_structure(lambda each: _zeros(np.asarray(each)), rows)
            return _joined([self.passed(one, instead)], self.stages, 0)
        step = self.fixed or self.most or total
        if total == step or (total < step and self.fixed is None):
            return self._run(rows, instead)
        parts = [self._part(rows, start, total, instead) for start in range(0, total, step)]
        return _joined(parts, self.stages, total)

    def final(self, rows: Any, instead: Weights | None = None) -> list[Array] | None:
        """The model's own outputs for rows, by its weights or others; None where rows are an
        output.

        The function is that of all stages, of which TensorFlow then runs only what is needed.
        """
        import tensorflow as tf

        if not self.outputs:
            return []
        places = {node.stage.name: place for place, node in enumerate(self._nodes)}
        if not all(spec.source in places for spec in self.outputs):
            return None
        wanted = [(places[str(spec.source)], spec.output) for spec in self.outputs]
        if self.fixed is not None:
            found = self.passed(rows, instead).outputs
            return [found[str(spec.source)][spec.output] for spec in self.outputs]
        if self._final is None:

            def run(given: Any, some: Any) -> Any:
                outputs = self.function(given, some)[0]
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
            parts.append([plain_array(each) for each in found])
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
        outputs = self.function.structured_outputs[0]
        for place, tensors in enumerate(outputs):
            if named & set(operations_behind(tensors)):
                return place
        return None

    def weights(self) -> dict[str, Array]:
        """The weights as they are now, by names such as ``conv2d/kernel``; each once."""
        return {
            name: np.array(fit.array_of(variable)) for name, variable in self.variables().items()
        }

    def variables(self) -> dict[str, Any]:
        """The Keras variables by the names of ``weights``."""
        return variables_of(self.seen)

    def _trace(self, given: list[Any], rows: Any) -> tuple[list[list[Any]], list[Any], list[Any]]:
        flat = self._keras.tree.flatten(rows)
        inputs = list(zip(flat, self._sources, strict=True))
        with watch(self._until, self.model if self.step else None) as calls:
            try:
                result = self._run_model(rows, given)
            except Exception:
                self.seen = failed_graph(self._keras, calls, inputs, self.fixed, taken=self.taken)
                raise
            self.seen = graph(self._keras, calls, inputs, result, self.fixed, self.taken)
        self._found(self.seen)
        masked = [node for node in self._nodes if node.masks and node.masks[0] is not None]
        self._masked = [node.stage.name for node in masked]
        lengths = [length(node.outside[place]) for node, place in self._outside]
        outputs = [[dense(tensor) for tensor in node.tensors] for node in self._nodes]
        return outputs, [node.masks[0] for node in masked], lengths

    def _found(self, seen: Graph) -> None:
        """Take the operations of all stages, and the stages whose outputs are wanted."""
        self.operations = [node.operation for node in seen.nodes]
        self._nodes = self._wanted(seen)
        self._outside = seen.outside

    def _wanted(self, seen: Graph) -> list[Node]:
        return [each for each in seen.nodes if self._only is None or each.stage.name in self._only]

    def _run_model(self, rows: Any, given: list[Any]) -> Any:
        if self.step is not None:
            self.step.run(rows, given)
            return {}
        with untouched(self.model, self._variables, given):
            return self.model(rows, training=self._training)

    def slopes(self, rows: Any, instead: Weights | None = None) -> Slopes:
        """The loss of a batch and its gradients, as the training step takes them."""
        import tensorflow as tf

        if self.step is None:
            raise LookupError("the gradients of a model with a call are those of its loss")
        given = self._keras.tree.map_structure(tf.convert_to_tensor, rows)
        with internals.as_traced():
            return self.step.slopes(tensors_of(self._variables, instead), given)

    def _run(self, rows: Any, instead: Weights | None) -> Passed:
        import tensorflow as tf

        given = self._keras.tree.map_structure(tf.convert_to_tensor, rows)
        values = tensors_of(self._variables, instead)
        with internals.as_traced():
            outputs, masks, lengths = self.function(values, given)
        found = {
            node.stage.name: tuple(plain_array(tensor) for tensor in tensors)
            for node, tensors in zip(self._nodes, outputs, strict=True)
        }
        masked = {name: np.asarray(mask) for name, mask in zip(self._masked, masks, strict=True)}
        return Passed(found, masked, tuple(map(int, lengths)))

    def _part(
        self, rows: Any, start: int, total: int, instead: Weights | None, most: int | None = None
    ) -> Passed:
        """Rows that pass at a time; the last is repeated where the model takes no fewer."""
        stop = start + (self.fixed or min(most or self.most or total, total - start))
        places = np.minimum(np.arange(start, stop), total - 1)
        return self._run(
            self._keras.tree.map_structure(lambda each: np.asarray(each)[places], rows), instead
        )

    def _signature(self, values: Any) -> Any:
        import tensorflow as tf

        values = np.asarray(values)
        dtype = tf.string if values.dtype.kind in "OSU" else values.dtype
        return tf.TensorSpec((self.fixed, *values.shape[1:]) if values.ndim else (), dtype)


def _for_batch(lengths: Sequence[int], counts: Sequence[int], most: int) -> int:
    """How long an axis is for a whole batch: as measured, or in proportion to the rows."""
    times = lengths[0] // counts[0]
    grows = len(lengths) > 1 and lengths[-1] == times * counts[-1] != lengths[0]
    return times * most if grows else lengths[-1]


def _zeros(values: Array) -> Array:
    """One row of zeros, or of empty texts."""
    made = np.zeros((1, *values.shape[1:]), values.dtype)
    if values.dtype.kind == "O":
        made[:] = ""
    return made


def plain_array(tensor: Any) -> Array:
    """A tensor as an array, in a type that NumPy knows."""
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
