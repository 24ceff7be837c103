"""Objects of Keras as calls that make them, with the settings that differ from their defaults."""

import builtins
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipetrace.explain.learn.program.defaults import COMMON, OWN, POSITIONAL
from pipetrace.explain.learn.program.text import (
    Code,
    Expression,
    Group,
    Pair,
    call,
    flat,
    listed,
    literal,
    mapped,
    snake,
)
from pipetrace.trace.document import Stage

LEFT_OUT = ("name", "dtype", "vocabulary_size")
"""Entries of a configuration that are written apart, or that are no arguments."""
NAMED = ("initializers", "regularizers", "constraints")
"""Modules whose objects go by their names where they have no settings."""
PARTS = """
layers initializers regularizers constraints optimizers losses metrics optimizers.schedules random
"""
MODULES = tuple(f"keras.{name}" for name in PARTS.split())
"""Where the classes of Keras are that a program may make. A file can be anyone's: no other name of
Keras, such as one that loads files, is written into code that somebody may run."""
LOADING = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
UNKNOWN = object()
OF_ANY_LAYER: Mapping[str, Any] = {"activity_regularizer": None, "autocast": True}
SHAPES = ("target_shape", "dims", "attention_axes", "noise_shape", "shared_axes", "output_shape")
"""Arguments that are tuples, however short."""
IN_ORDER = """
initial_learning_rate decay_steps decay_rate num_heads key_dim value_dim strides padding
dilation_rate groups activation recurrent_activation use_bias return_sequences return_state momentum
epsilon kernel_initializer bias_initializer kernel_regularizer
"""
ORDER = {name: place for place, name in enumerate(IN_ORDER.split())}
"""Arguments in the order in which they are written; others follow by their names."""


@dataclass
class Context:
    """What is known while a program is written."""

    policy: str = "float32"  # the dtype policy of the whole model
    # what cannot be written down, each once, in order
    missing: dict[str, None] = field(default_factory=dict)
    # what has to be imported beside Keras and its layers
    modules: set[str] = field(default_factory=set)
    # the names of classes and functions that are the user's
    own: dict[str, None] = field(default_factory=dict)
    # how many layers there are so far by the beginning of their automatic names
    made: dict[str, int] = field(default_factory=dict)
    # the names of the arrays that are read from the user's file, in order
    arrays: dict[str, None] = field(default_factory=dict)

    def lacks(self, what: str) -> None:
        """Note what cannot be reconstructed."""
        self.missing[what] = None


def object_of(given: Mapping[str, Any], context: Context) -> Expression:
    """The expression that makes an object."""
    name, config = str(given.get("class_name")), given.get("config")
    if name == "__tuple__":
        return literal(tuple(_plain(config)))
    if name in ("__tensor__", "__numpy__"):
        context.modules.add("numpy")
        found = config if isinstance(config, Mapping) else {}
        dtype = Pair("dtype=", literal(found.get("dtype", "float32")))
        return call("np.array", listed(map(literal, _plain(config))), dtype)
    if name == "__lambda__":
        context.lacks("a lambda, whose code is not recorded")
        return "missing"
    if name == "function" or not isinstance(config, Mapping):
        return own_name(str(config), context, "the function")
    module = str(given.get("module") or "")
    if module not in MODULES or name in LOADING or not re.fullmatch(r"[A-Z]\w*", name):
        function = own_name(name, context, "the class")
        return call(function, *arguments("", config, context))
    place = "layers" if module == "keras.layers" else module
    kept = arguments(name, config, context)
    part = module.rpartition(".")[2]
    if not kept and part in NAMED:
        return literal(snake(name))
    called = str(config.get("name") or "")
    if part in ("losses", "metrics") and not is_automatic(called, snake(name)):
        kept += [Pair("name=", literal(called))] if called and called != name.lower() else []
    return call(f"{place}.{name}", *kept)


def own_name(name: str, context: Context, what: str) -> str:
    """The name of a class or a function that is the user's."""
    if not name.isidentifier() or keyword.iskeyword(name) or hasattr(builtins, name):
        context.lacks(f"{what} {name!r}")
        return "missing"
    context.lacks(f"{what} {name}, which is your own")
    context.own[name] = None
    return name


def arguments(name: str, config: Mapping[str, Any], context: Context) -> list[Expression]:
    """The arguments of a class that differ from its defaults, those without names first."""
    defaults = {**COMMON, **OWN[name]} if name in OWN else OF_ANY_LAYER
    first = next((each for each in POSITIONAL if each[0] in config), ()) if name in OWN else ()
    first = first if set(first) <= set(config) else ()
    found: list[Expression] = []
    others = sorted((key for key in config if key not in first), key=_order)
    for key in [*first, *others]:
        value = config[key]
        if (
            key in LEFT_OUT
            or (key, value) == ("trainable", True)
            or not str(key).isidentifier()
            or _is_implied(name, key, config)
        ):
            continue
        made = value_of(value, context, collapsed=key not in SHAPES)
        required = key in first and (name == "Activation" or key not in defaults)
        if not required and _is_default(value, made, defaults.get(key, UNKNOWN)):
            continue
        found.append(made if key in first else Pair(f"{key}=", made))
    return found


def value_of(value: Any, context: Context, *, collapsed: bool = False) -> Expression:
    """A setting as Python writes it; ``collapsed`` writes equal whole numbers as one."""
    if isinstance(value, Code):
        return value
    if isinstance(value, Mapping) and "class_name" in value:
        return object_of(value, context)
    if isinstance(value, Mapping):
        return mapped(value, lambda each: value_of(each, context))
    if isinstance(value, (list, tuple)):
        kinds = {type(each) for each in value}
        numbers = set(_leaves(value))
        if collapsed and len(numbers) == 1 and {type(each) for each in numbers} == {int}:
            return literal(numbers.pop())
        if kinds <= {int} or (collapsed and kinds <= {int, float, list, tuple}):
            return literal(_tuples(value))
        return listed([value_of(each, context) for each in value])
    return literal(value)


def layer_of(
    given: Mapping[str, Any], context: Context, path: str, *, named: bool = False
) -> Group:
    """The call that makes a layer of its Keras configuration.

    Its path says what of it is missing. With ``named`` its name is written even where it is like
    one that Keras gives.
    """
    kind, config = str(given["class_name"]), dict(given["config"])
    name, auto = str(config.get("name", "")), snake(kind)
    is_auto = is_automatic(name, auto)
    count = context.made[auto] = context.made.get(auto, 0) + 1
    would_be = auto if count == 1 else f"{auto}_{count - 1}"
    if kind == "Lambda":
        context.lacks(f"the function of the Lambda layer {path}")
        config = {}
    made = object_of({**given, "config": config}, context)
    items = list(made.items) if isinstance(made, Group) else []
    function = made.before if isinstance(made, Group) else made
    if kind == "Lambda":
        items.append("lambda x: x")
    if (dtype := config.get("dtype")) is not None and _dtype(dtype) != context.policy:
        items.append(Pair("dtype=", literal(_dtype(dtype))))
    if name and (not is_auto or (named and name != would_be)):
        items.append(Pair("name=", literal(name)))
    return call(function, *items)


def layer_line(stage: Stage, **blank: str) -> str:
    """A layer of Keras as code on one line, with blanks in place of some of its arguments."""
    config = {**stage.config, **{name: Code(text) for name, text in blank.items()}}
    items = arguments(stage.layer or "", config, Context())
    return flat(call(f"layers.{stage.layer}", *items))


def is_automatic(name: str, auto: str) -> bool:
    """Whether a name is one that Keras gives, such as ``dense_2`` of ``dense``."""
    return bool(re.fullmatch(rf"{re.escape(auto)}(_\d+)?", name))


def _dtype(given: Any) -> str:
    config = given.get("config") if isinstance(given, Mapping) else None
    return str(config.get("name") if isinstance(config, Mapping) else given)


def _order(key: str) -> tuple[int, str]:
    return ORDER.get(key, len(ORDER)), key


def _is_implied(name: str, key: str, config: Mapping[str, Any]) -> bool:
    """Whether Keras derives the setting from the others."""
    value = config[key]
    if name not in OWN:
        return False
    if key == "data_format":
        return value in ("channels_last", None)
    if key == "strides" and "pool_size" in config:
        return bool(value == config["pool_size"])
    if key == "value_dim":
        return bool(value == config.get("key_dim"))
    return key in ("backward_layer", "build_config", "batch_input_shape")


def _is_default(value: Any, made: Expression, default: Any) -> bool:
    if default is UNKNOWN:
        return False
    numbers = (int, float)
    if isinstance(value, numbers) and isinstance(default, numbers) and not isinstance(value, bool):
        return flat(literal(float(value))) == flat(literal(float(default)))
    return flat(made) == flat(literal(default))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each)
    else:
        yield value if isinstance(value, (int, float, str)) else repr(value)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _plain(config: Any) -> list[Any]:
    found = config.get("value") if isinstance(config, Mapping) else config
    return list(found) if isinstance(found, (list, tuple)) else [found]
