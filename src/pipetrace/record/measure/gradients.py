"""The loss of some rows in training mode and its gradients."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pipetrace.capture import structures
from pipetrace.capture.eager import gradients_of
from pipetrace.capture.training import Gradients, mean
from pipetrace.capture.weights import Weights, trainable
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.outcomes import Found
from pipetrace.record.measure.rows import Rows
from pipetrace.stats import activations
from pipetrace.trace.measurements import TRAINING, LossPoint

GRADIENT_ROWS = 64
"""Rows of which the gradient is taken: no fewer than most batches have. Where batches have fewer,
it is the mean over batches."""


class LossGradients:
    """Gradients of a model's loss by its weights; compiled when they are first asked for.

    Args:
        model: compiled.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._compiled: Gradients | None = None
        self._by: tuple[Any, Any] = (None, None)
        self._forms: list[Any] = []

    def measured(
        self,
        rows: Rows,
        measure: ModelPass,
        variables: Mapping[str, Any],
        instead: Weights | None = None,
    ) -> Callable[[], Found]:
        """Take the gradients now, and give what makes figures of them later.

        Args:
            rows: training rows with targets, or batches.
            measure: the forward pass.
            variables: the weights that train, by their names in the trace.
            instead: weights to use in place of those that the model has.
        """
        step = measure.forward.slopes if measure.forward.step is not None else None
        together = min(GRADIENT_ROWS, measure.extent.together)
        few = rows.spaced(GRADIENT_ROWS // together * together)
        parts = [
            (structures.as_fit_gets(part.x), structures.as_fit_gets(part.y), part.weight)
            for start in range(0, len(few), together)
            for part in (few.taken(slice(start, start + together)),)
        ]
        # A layer may have been frozen since, or the model compiled anew.
        trained = [id(variable) for variable in trainable(self._model)]
        by, was = (self._model.optimizer, self._model.loss), self._by
        forms = [(each.shape[1:], each.dtype) for each in structures.arrays(parts[0])]
        same = self._compiled is not None and self._compiled.variables == trained
        same = same and forms == self._forms and by[0] is was[0] and by[1] is was[1]
        if step is None and (self._compiled is None or not same):
            self._compiled = gradients_of(self._model, *parts[0])
            self._by, self._forms = by, forms
        taken = mean(
            [
                step(part[0], instead) if step else self._compiled(*part, instead)  # type: ignore[misc]
                for part in parts
            ]
        )

        def figures() -> Found:
            known = step is None or not math.isnan(taken.loss)
            found: Found = [(TRAINING, LossPoint(taken.loss, taken.penalty))] if known else []
            for name, variable in variables.items():
                if id(variable) in taken.gradients:
                    values = taken.gradients[id(variable)]
                    penalty = taken.penalties.get(id(variable))
                    found.append((name, activations.gradient(values, penalty)))
            return found

        return figures
