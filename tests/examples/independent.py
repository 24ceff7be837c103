"""What the stages of the examples give, by routes that pipetrace has no part in.

A model with a graph is asked for the outputs of all its operations by ``keras.Model(inputs, outputs)``, as the Keras
guides do it; where there is no graph, or one operation stands in it twice, its layers are called one by one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Outputs = dict[str, list[Any]]
"""For each stage all its outputs, for the rows that were given."""


def independent(name: str, model: Any, x: Any, recorded: Mapping[str, Any]) -> Outputs:
    """The outputs of all stages of an example.

    Args:
        name: of the example.
        model: trained.
        x: rows in the form that the model gets.
        recorded: what the trace has for these rows; a random draw can be taken from nowhere else.
    """
    if name == "vae":
        return vae(model, x, recorded)
    return ROUTES.get(name, by_graph)(model, x)


def by_graph(model: Any, x: Any) -> Outputs:
    """Every operation of a Functional or Sequential model but the models within it."""
    import keras

    operations = [
        each
        for each in getattr(model, "operations", model.layers)
        if not isinstance(each, (keras.Model, keras.layers.InputLayer))
    ]
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    opened = keras.Model(inputs, {each.name: each.output for each in operations})
    given = opened(x, training=False)
    return {
        name: [np.asarray(each) for each in keras.tree.flatten(values)]
        for name, values in given.items()
    }


def nested_model(model: Any, x: Any) -> Outputs:
    encoder = model.get_layer("encoder")
    return by_graph(encoder.get_layer("stem"), x) | by_graph(encoder, x) | by_graph(model, x)


def frozen_backbone(model: Any, x: Any) -> Outputs:
    outer = by_graph(model, x)
    return outer | by_graph(model.get_layer("backbone"), outer["scale"][0])


def shared_layer(model: Any, x: Any) -> Outputs:
    """Keras runs the first layer on the right side before the left, and the second one on the left side first."""
    look, code, apart, same = (model.get_layer(name) for name in ("look", "code", "apart", "same"))
    left, right = (look(side) for side in x)
    difference = apart([code(left), code(right)])
    distance = np.abs(difference)
    (absolute,) = (each.name for each in model.operations if type(each).__name__ == "Absolute")
    found = {
        "look": right,
        "look:2": left,
        "code": code(left),
        "code:2": code(right),
        "apart": difference,
        absolute: distance,
        "same": same(distance),
    }
    return {name: [np.asarray(values)] for name, values in found.items()}


def subclassed_lists(model: Any, x: Any) -> Outputs:
    found = {"widen": model.widen(x)}
    state = found["widen"]
    for number, (bend, straighten) in enumerate(model.blocks):
        found[bend.name] = bend(state)
        found[straighten.name] = straighten(found[bend.name])
        state = state + found[straighten.name]
        found[f"add_{number}" if number else "add"] = state
    found["height"] = model.height(state)
    return {name: [np.asarray(values)] for name, values in found.items()}


def attention(model: Any, x: Any) -> Outputs:
    """Keras shows the scores of an attention only to those who ask."""
    found = by_graph(model, x)
    vectors = found["vectors"][0]
    result, scores = model.get_layer("attention")(vectors, vectors, return_attention_scores=True)
    return found | {"attention": [np.asarray(result), np.asarray(scores)]}


def vae(model: Any, x: Any, recorded: Mapping[str, Any]) -> Outputs:
    """Every draw is another one: what comes after it is computed from the recorded one."""
    encoded = model.get_layer("encode")(x)
    z = np.asarray(recorded["sampling"])
    decoded = model.get_layer("decode")(z)
    found = {
        "encode": encoded,
        "mean": model.get_layer("mean")(encoded),
        "log_variance": model.get_layer("log_variance")(encoded),
        "sampling": z,
        "decode": decoded,
        "wave_again": model.get_layer("wave_again")(decoded),
    }
    return {name: [np.asarray(values)] for name, values in found.items()}


ROUTES: Mapping[str, Callable[[Any, Any], Outputs]] = {
    "attention": attention,
    "frozen_backbone": frozen_backbone,
    "nested_model": nested_model,
    "shared_layer": shared_layer,
    "subclassed_lists": subclassed_lists,
}
