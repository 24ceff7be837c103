"""TensorFlow variables that a model reads and Keras does not know: no optimizer gets them."""

from typing import Any

import numpy as np

from pipetrace.capture.forward import Forward
from pipetrace.capture.tensors import operations_behind
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import UntrackedVariables

MOST_COMPARED = 1_000_000
"""Values that are kept to see whether they change."""


class Untracked:
    """The variables that a forward pass reads beside the model's own, by the first stage that does.

    Keras' variables, those of metrics and random seeds included, are its own. A variable that is
    made with ``trainable=False`` is a constant or a counter on purpose.

    Args:
        forward: the compiled pass.
    """

    def __init__(self, forward: Forward) -> None:
        function: Any = forward.function
        known = {id(each.value) for each in forward.model.variables}
        inner = {id(outer): each.op.name for outer, each in function.graph.captures}
        self._by_stage: dict[str, list[Any]] = {}
        self._before: dict[int, Array] = {}
        found = [
            each for each in function.graph.variables if each.trainable and id(each) not in known
        ]
        if not found:
            return
        outputs = zip(forward.stages, function.structured_outputs[0], strict=True)
        behind = {
            stage.name: set(operations_behind(tensors, control=False)) for stage, tensors in outputs
        }
        for variable in found:
            read = inner.get(id(variable.handle))
            stage = next((name for name, needed in behind.items() if read in needed), None)
            if stage is None:
                continue  # what is computed for nothing, such as a mask
            self._by_stage.setdefault(stage, []).append(variable)
            if variable.shape.num_elements() <= MOST_COMPARED:
                self._before[id(variable)] = np.array(variable.numpy())

    def figures(self) -> list[tuple[str, UntrackedVariables]]:
        """How many there are, by stage, and whether any changed since the pass was made."""
        if not self._by_stage:
            return [("model", UntrackedVariables(count=0, values=0))]
        return [
            (
                stage,
                UntrackedVariables(
                    count=len(variables),
                    values=sum(int(each.shape.num_elements()) for each in variables),
                    changed=any(
                        not np.array_equal(each.numpy(), self._before[id(each)], equal_nan=True)
                        for each in variables
                        if id(each) in self._before
                    ),
                ),
            )
            for stage, variables in self._by_stage.items()
        ]
