"""Keras on JAX and on PyTorch: forward passes and gradients without TensorFlow.

PyTorch runs the model under the hook for each pass. JAX compiles it once for each number of rows,
and the hook runs meanwhile. What is computed between the calls of Keras leaves no trace in a
tensor, so a stage that gets such a tensor has an input without a source.
"""

import importlib
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import backend, structures
from pipetrace.capture.backend import load
from pipetrace.capture.forward import Forward, Passed, plain_array
from pipetrace.capture.graph import graph
from pipetrace.capture.hook import watch
from pipetrace.capture.nodes import Graph
from pipetrace.capture.training import Gradients, Slopes
from pipetrace.capture.untraced import failed_graph
from pipetrace.capture.weights import (
    Weights,
    in_place_of,
    random_state_kept,
    tensors_of,
    untouched,
    weights,
)
from pipetrace.trace.document import Array

FIRST_ROWS = 2
"""Rows of the first pass: an axis of this length is the axis of the rows."""


def forward_class() -> type[Forward]:
    """The class of a model's forward pass."""
    return Forward if backend.on_tensorflow() else EagerForward


def gradients_of(model: Any, x: Any, y: Any, sample_weight: Any = None) -> Gradients:
    """The gradients of a model's loss; see ``Gradients`` for the arguments."""
    return (Gradients if backend.on_tensorflow() else EagerGradients)(model, x, y, sample_weight)


_Taken: TypeAlias = tuple[Any, Any, list[Any], list[Any] | None]
"""A loss, the part of the added losses, and the gradients of both; of the added ones None where
there are none."""


class EagerForward(Forward):
    """The forward pass of a model that runs call by call; see ``Forward``."""

    function = None

    def _prepare(self, example: Any) -> None:
        if self.step is not None:
            raise NotImplementedError("a training step of one's own runs on TensorFlow only")
        count = self.fixed or FIRST_ROWS
        rows = structures.mapped(
            lambda each: np.resize(each, (count, *np.shape(each)[1:])), example
        )
        if not self.model.built:  # the first pass makes the variables, for rows as they come
            self._pass([], structures.mapped(load().ops.convert_to_tensor, example))
        self._variables = weights(self.model)
        self._compiled = _compiled(self._pass, self.model)
        self.seen = Graph()
        self._run(rows, None)
        self._until = math.inf  # it is the first look that may be given up
        self._found(self.seen)

    def _pass(self, values: list[Any], rows: Any) -> tuple[Any, Any, list[Any]]:
        """The tensors and masks of the stages, by their names; where JAX compiles it, this runs for
        each new number of rows only."""
        inputs = list(zip(structures.flatten(rows), self._sources, strict=True))
        count = int(inputs[0][0].shape[0])
        with watch(self._until) as calls:
            try:
                with untouched(self.model, self._variables, values):
                    result = self.model(rows, training=self._training)
            except Exception:
                self.seen = failed_graph(self._keras, calls, inputs, count, taken=self.taken)
                raise
            found = graph(self._keras, calls, inputs, result, count, self.taken)
        if not self.seen.nodes:  # those of later passes are the same; JAX must not find them kept
            self.seen = found
        nodes = self._wanted(found)
        masks = {
            each.stage.name: each.masks[0]
            for each in nodes
            if each.masks and each.masks[0] is not None
        }
        lengths = [int(node.outside[place].shape[0]) for node, place in found.outside]
        return {each.stage.name: list(each.tensors) for each in nodes}, masks, lengths

    def _run(self, rows: Any, instead: Weights | None) -> Passed:
        given = structures.mapped(load().ops.convert_to_tensor, rows)
        values = tensors_of(self._variables, instead)
        outputs, masks, lengths = self._compiled(values, given)
        return Passed(
            {name: tuple(map(_array, tensors)) for name, tensors in outputs.items()},
            {name: _array(mask) for name, mask in masks.items()},
            tuple(map(int, lengths)),
        )

    def final(self, rows: Any, instead: Weights | None = None) -> list[Array] | None:
        """What the model itself gives; see ``Forward``."""
        if not self.outputs:
            return []
        names = {node.stage.name for node in self._nodes}
        if not all(spec.source in names for spec in self.outputs):
            return None
        total = len(structures.flatten(rows)[0])
        step = self.fixed or self.most_final or total
        parts = [self._part(rows, start, total, instead, step) for start in range(0, total, step)]
        return [
            np.concatenate([part.outputs[str(spec.source)][spec.output] for part in parts])[:total]
            for spec in self.outputs
        ]

    @property
    def has_final(self) -> bool:
        """Nothing has to be made for ``final``."""
        return True

    def failing(self, rows: Any) -> int | None:
        """Which stage fails on some rows, by its place; None where none does."""
        seen = self.seen
        try:
            self.passed(rows)
        except Exception:
            broken = len(self.seen.nodes) - 1
            self.seen = seen
            return broken
        return None

    def slopes(self, rows: Any, instead: Weights | None = None) -> Slopes:
        """Those of a training step, which does not run here."""
        raise NotImplementedError


class EagerGradients(Gradients):
    """Gradients of a model's loss by its weights; see ``Gradients``."""

    def _prepare(self, x: Any, y: Any, sample_weight: Any) -> None:  # noqa: ARG002 as they come
        self._taken = _compiled(self._with_jax, self._model)
        if backend.name() == "torch":
            self._taken = self._with_torch

    def __call__(
        self, x: Any, y: Any, sample_weight: Any = None, instead: Weights | None = None
    ) -> Slopes:
        """The loss and the gradients for rows."""
        convert = load().ops.convert_to_tensor
        given = structures.mapped(
            lambda each: None if each is None else convert(each), (x, y, sample_weight)
        )
        every = tensors_of(self._every, instead)
        trained = tensors_of(self._variables, instead)
        loss, extra, whole, parts = self._taken(trained, every, given)
        self.penalised = parts is not None
        return Slopes(
            loss=float(loss),
            penalty=float(extra),
            gradients=self._named(whole),
            penalties={} if parts is None else self._named(parts),
        )

    def _losses(self, trained: list[Any], every: list[Any], given: Any) -> tuple[Any, Any]:
        """The whole loss, and the part of the added ones, or None where there are none."""
        x, y, sample_weight = given
        variables = [*self._every, *self._variables]
        with random_state_kept(), in_place_of(variables, [*every, *trained]):
            made = self._model(x, training=True)
            loss = self._model.compute_loss(
                x=x, y=y, y_pred=made, sample_weight=sample_weight, training=True
            )
            added = self._model.losses
            return loss, sum(added) if added else None

    def _named(self, gradients: Any) -> dict[int, Any]:
        pairs = zip(self._variables, gradients, strict=True)
        return {id(variable): _array(gradient) for variable, gradient in pairs}

    def _with_jax(self, trained: list[Any], every: list[Any], given: Any) -> _Taken:
        jax: Any = importlib.import_module("jax")
        has_added = False

        def both(some: list[Any]) -> tuple[Any, Any]:
            nonlocal has_added
            loss, extra = self._losses(some, every, given)
            has_added = extra is not None
            return loss, loss * 0 if extra is None else extra

        (loss, extra), whole = jax.value_and_grad(both, has_aux=True)(trained)
        parts = jax.grad(lambda some: both(some)[1])(trained) if has_added else None
        return loss, extra, whole, parts

    def _with_torch(self, trained: list[Any], every: list[Any], given: Any) -> _Taken:
        torch: Any = importlib.import_module("torch")
        some = [each.detach().clone().requires_grad_(True) for each in trained]
        loss, extra = self._losses(some, every, given)

        def gradients(of: Any) -> list[Any]:
            found = torch.autograd.grad(of, some, retain_graph=True, allow_unused=True)
            return [
                torch.zeros_like(each) if one is None else one
                for each, one in zip(some, found, strict=True)
            ]

        if extra is None or not getattr(extra, "requires_grad", False):
            return loss, 0.0 if extra is None else extra, gradients(loss), None
        return loss, extra, gradients(loss), gradients(extra)


def _compiled(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """A function as JAX compiles it, unless the model is to run without that; else itself."""
    if backend.name() != "jax" or getattr(model, "run_eagerly", False):
        return function
    compiled: Callable[..., Any] = importlib.import_module("jax").jit(function)
    return compiled


def _array(tensor: Any) -> Array:
    """A copy: on the processor, JAX and PyTorch would give a view of what they go on using."""
    return np.array(plain_array(load().ops.convert_to_numpy(tensor)))
