"""A forward pass that raises: the stages up to the one that did."""

import contextlib
from collections.abc import Collection, Sequence
from typing import Any

from pipetrace.capture.backend import load
from pipetrace.capture.forward import Forward, failed_graph, fixed_rows, untouched
from pipetrace.capture.graph import Graph
from pipetrace.capture.hook import watch
from pipetrace.capture.tensors import Origin


def failing_graph(
    model: Any, x: Any, sources: Sequence[Origin], taken: Collection[str] = ()
) -> Graph:
    """The stages of a model that fails on some rows; the last one has no outputs where it was a stage that raised.

    Args:
        model: that raised on these or other rows.
        x: rows as the model gets them.
        sources: the names of the stages that they come from.
        taken: names that no stage may have.
    """
    forward = Forward.__new__(Forward)
    try:
        forward.__init__(model, x, sources, taken=taken)  # type: ignore[misc] # what was seen is wanted although it raises
    except Exception:
        return forward.seen
    return _eagerly(model, x, sources, taken) or forward.seen


def _eagerly(model: Any, x: Any, sources: Sequence[Origin], taken: Collection[str]) -> Graph | None:
    """What is seen when the model runs step by step, where values can be at fault; None where nothing raises."""
    import tensorflow as tf

    keras = load()
    given = keras.tree.map_structure(tf.convert_to_tensor, x)
    inputs = list(zip(keras.tree.flatten(given), sources, strict=True))
    with watch() as calls, untouched(model), contextlib.suppress(Exception):
        model(given, training=False)
        return None
    rows = fixed_rows(model) or len(keras.tree.flatten(given)[0])
    return failed_graph(keras, calls, inputs, rows, taken)
