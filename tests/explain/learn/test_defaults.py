"""The table of defaults, held against the classes of Keras themselves."""

import inspect
import json
from typing import Any

import pytest

from pipetrace.explain.learn.program.defaults import COMMON, OWN, POSITIONAL
from pipetrace.explain.learn.program.objects import Context, arguments, value_of
from pipetrace.explain.learn.program.text import flat

pytestmark = pytest.mark.framework

GIVEN: dict[str, Any] = {
    "activation": "relu",
    "axes": 1,
    "boundaries": [1],
    "bias_axes": None,
    "decay_rate": 0.5,
    "decay_steps": 10,
    "dims": (2, 1),
    "equation": "ab,bc->ac",
    "factor": 0.2,
    "filters": 4,
    "first_decay_steps": 10,
    "height": 4,
    "height_factor": 0.1,
    "initial_learning_rate": 0.1,
    "input_dim": 7,
    "kernel_size": 3,
    "key_dim": 4,
    "n": 3,
    "num_classes": 3,
    "num_heads": 2,
    "output_dim": 5,
    "output_shape": 3,
    "pool_size": 2,
    "precision": 0.5,
    "rate": 0.25,
    "recall": 0.5,
    "scale": 0.5,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "stddev": 0.3,
    "target_shape": (4,),
    "units": 3,
    "values": [0.1, 0.2],
    "width": 4,
    "width_factor": 0.1,
}
"""Arguments that some class cannot do without."""


def made(keras: Any, name: str) -> tuple[Any, set[str], list[str]]:
    """An object of the class with nothing but what it needs, and the names of what that is and of all its arguments."""
    places = ("layers", "initializers", "regularizers", "constraints", "optimizers", "losses")
    homes = [getattr(keras, place) for place in places]
    kind = next(
        getattr(home, name)
        for home in (*homes, keras.metrics, keras.optimizers.schedules)
        if hasattr(home, name)
    )
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    needed = {
        each.name: GIVEN[each.name] if each.name in GIVEN else keras.layers.LSTM(2)
        for each in parameters
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    }
    return kind(**needed), {*needed}, [each.name for each in parameters]


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_class_with_nothing_set_needs_only_what_it_cannot_do_without(name: str) -> None:
    import keras

    each, required, parameters = made(keras, name)
    config = json.loads(json.dumps(each.get_config(), default=str))
    context = Context()
    written = [flat(one) for one in arguments(name, config, context)]
    named = [text.partition("=")[0] for text in written if "=" in text.partition("(")[0]]
    alone = [text for text in written if "=" not in text.partition("(")[0]]
    assert set(named) <= {*required, "pool_size", "size"}, written
    first = next((each for each in POSITIONAL if each[0] in config), ())
    assert len(alone) <= max(len(first), 1)
    if alone:
        assert parameters[: len(alone)] == list(first[: len(alone)])
    for key, default in {**COMMON, **OWN[name]}.items():
        if key in config and key not in required and key not in ("strides", "factor"):
            value = value_of(config[key], context, collapsed=True)
            assert flat(value) == flat(value_of(default, context)), key
