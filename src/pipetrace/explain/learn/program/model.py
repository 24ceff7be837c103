"""The code that builds a model: sequential, functional, and those within it."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipetrace.explain.learn.program.objects import Context, is_automatic, layer_of, value_of
from pipetrace.explain.learn.program.operations import operation_of
from pipetrace.explain.learn.program.text import (
    INDENT,
    WIDTH,
    Code,
    Commented,
    Expression,
    Group,
    Pair,
    call,
    flat,
    identifier,
    listed,
    literal,
    mapped,
    remark,
    statement,
)
from pipetrace.explain.learn.program.wiring import (
    MODELS,
    Layer,
    Node,
    calls_in,
    ends_of,
    in_order,
    name_of,
    parts_of,
    places_of,
    slice_of,
    unfrozen,
)
from pipetrace.trace.document import Stage, Trace

ADAPTED: Mapping[str, str] = {
    "Normalization": "mean",
    "TextVectorization": "vocabulary",
    "StringLookup": "vocabulary",
    "IntegerLookup": "vocabulary",
    "Discretization": "bin_boundaries",
}
"""Layers that learn from rows before training, and the setting that they have otherwise."""
FEW_WORDS, MOST_WORDS = 6, 1000
"""Words of a vocabulary that are written as a list, and at all."""
PLAIN_WORD = re.compile(r"[^\s\"\\]+")
RESERVED = ("keras", "layers", "ops", "np", "tf", "model", "history", "data", "x", "y")


@dataclass
class ModelWriter:
    """Writes the code of one model, whose ``path`` ends with a slash; empty for the outermost."""

    trace: Trace
    context: Context
    path: str = ""
    indent: int = 0
    lines: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    objects: dict[str, str] = field(default_factory=dict)
    results: dict[Node, tuple[str, Sequence[Any] | None]] = field(default_factory=dict)

    def sequential(self, config: Layer) -> Group:
        """The expression of a sequential model."""
        entries: list[Expression] = []
        for layer in config["layers"]:
            made = self._layer(layer)
            if self._adapts(layer):
                made = self._adapted(layer, made, "x" if len(entries) < 2 else None)
            entries.append(Commented(made, self._shape(self.path + name_of(layer))))
        items: list[Expression] = [Group("", "[]", entries, is_long=True)]
        return call("keras.Sequential", *items, *self._model_name(config, "sequential"))

    def functional(self, config: Layer, target: str) -> None:
        """Write the lines of a functional model, into a variable, or to return it where empty."""
        layers = {name_of(layer): layer for layer in config["layers"]}
        ranks = self._ranks(layers)
        inputs = places_of(config["input_layers"])
        outputs = places_of(config["output_layers"])
        named = {each[0] for each in ends_of(outputs)} if len(ends_of(outputs)) > 1 else set()
        shared = {name for name, layer in layers.items() if len(layer["inbound_nodes"]) > 1}
        for name, index in in_order(layers, ranks):
            layer = layers[name]
            if layer["class_name"] == "InputLayer":
                variable = self._variable(name)
                self._write(variable, self._layer(layer), self._shape(self.path + name))
                self.results[name, 0] = variable, None
                continue
            earlier = sorted(ranks[each] for each in ranks if each not in self.objects)
            for rank in earlier if name in ranks and name not in self.objects else ():
                if rank < ranks[name]:  # it was made before, and drew its random seed then
                    self._make(next(each for each in ranks if ranks[each] == rank), layers, named)
            if name in shared or self._adapts(layer) or layer["class_name"] in MODELS:
                self._make(name, layers, named)
            self._call(name, index, layers, named)
        given, made = self._ends(inputs), self._ends(outputs)
        whole = call("keras.Model", given, made, *self._model_name(config, "functional"))
        if target:
            self._write(target, whole)
        else:
            self.lines.append(f"{' ' * self.indent}return {statement('', whole)}")

    def _make(self, name: str, layers: Mapping[str, Layer], named: set[str]) -> None:
        """Write the line that makes a layer, ahead of its first call."""
        if name in self.objects:
            return
        layer = layers[name]
        is_shared = len(layer["inbound_nodes"]) > 1
        made = self._layer(layer, named=name in named)
        if self._adapts(layer):
            self.objects[name] = self._adapted(layer, made, self._rows_for(layer, layers))
            return
        variable = self._variable(name if is_shared else f"{name}_layer")
        if layer["class_name"] in MODELS and not is_shared:
            self.taken.discard(variable)
            variable = self._variable(f"{name}_model")
        self.objects[name] = variable
        self._write(variable, made)
        if layer["class_name"] in MODELS and layer["config"].get("trainable") is False:
            self.lines.append(f"{' ' * self.indent}{variable}.trainable = False\n")

    def _call(self, name: str, index: int, layers: Mapping[str, Layer], named: set[str]) -> None:
        """Write the line that calls a layer or an operation."""
        layer, node = layers[name], layers[name]["inbound_nodes"][index]
        stage = self._found(self.path + name, index)
        args = [self._argument(each) for each in node["args"]]
        kwargs = {key: value for key, value in node["kwargs"].items() if value is not None}
        pairs = {key: self._argument(value) for key, value in kwargs.items()}
        value: Expression
        if ".ops" in str(layer.get("module")) and layer["class_name"] not in MODELS:
            value = operation_of(layer, args, pairs, self.context)
        else:
            function: Expression = (
                self.objects[name]
                if name in self.objects
                else self._layer(layer, named=name in named)
            )
            self.objects.setdefault(name, "")
            value = call(function, *args, *(Pair(f"{key}=", each) for key, each in pairs.items()))
        is_shared = len(layer["inbound_nodes"]) > 1
        variable = self._variable(f"{name}_{index + 1}" if is_shared else name)
        self.results[name, index] = variable, parts_of(layer, stage)
        self._write(variable, value, self._shape(self.path + name, index))

    def _layer(self, layer: Layer, *, named: bool = False) -> Expression:
        """The expression that makes a layer or a model within this one."""
        kind, config, path = layer["class_name"], layer["config"], self.path + name_of(layer)
        if kind in MODELS and config.get("trainable") is False:
            config = {**config, "layers": [unfrozen(each) for each in config["layers"]]}
        if kind == "InputLayer":
            return self._input(config)
        if kind in MODELS:
            inner = ModelWriter(self.trace, self.context, f"{path}/", functions=self.functions)
            if kind == "Sequential":
                inner.lines, inner.indent, inner.taken = self.lines, self.indent, self.taken
                return inner.sequential(config)
            inner.indent = INDENT
            function = identifier(f"build_{path.replace('/', '_')}")
            inner.functional(config, "")
            self.functions += [f"def {function}():\n", *inner.lines, "\n\n"]
            return call(function)
        stage = self._found(path)
        settings = dict(config)
        if stage is not None and settings.get("vocabulary", ()) is None:
            words = stage.config.get("vocabulary")
            settings["vocabulary"] = words if 0 < len(words or ()) <= MOST_WORDS else None
        if settings.get("vocabulary"):
            settings["vocabulary"] = self._words(name_of(layer), settings["vocabulary"])
        if stage is not None and stage.outputs and "attention_axes" in settings:
            axes = list(range(1, len(stage.outputs[0].shape) - 1))
            if settings["attention_axes"] == axes:  # what Keras takes where it is given none
                settings["attention_axes"] = None
        given = {**layer, "config": settings}
        return layer_of(given, self.context, path, named=named)

    def _words(self, name: str, words: Sequence[Any]) -> Any:
        """A long vocabulary gets a line of its own, ahead of its layer."""
        is_plain = all(isinstance(each, str) and PLAIN_WORD.fullmatch(each) for each in words)
        if not is_plain or len(words) <= FEW_WORDS:
            return words
        variable = self._variable(f"{name}_vocabulary")
        text = textwrap.fill(" ".join(words), WIDTH, break_long_words=False, break_on_hyphens=False)
        self.lines.append(f'{" " * self.indent}{variable} = """\n{text}\n""".split()\n')
        return Code(variable)

    def _input(self, config: Layer) -> Group:
        """``keras.Input`` with the length of its axes."""
        rows, *shape = config["batch_shape"]
        name = str(config["name"])
        items: list[Expression] = [literal(tuple(shape))]
        if rows is not None:
            items.append(Pair("batch_size=", literal(rows)))
        dtype = str(config.get("dtype") or "float32")
        if dtype != ("float32" if self.context.policy == "float32" else "float16"):
            items.append(Pair("dtype=", literal(dtype)))
        items += [Pair(f"{key}=", literal(True)) for key in ("sparse", "ragged") if config.get(key)]
        if not is_automatic(name, "input_layer"):
            items.append(Pair("name=", literal(name)))
        return call("keras.Input", *items)

    def _adapts(self, layer: Layer) -> bool:
        """Whether a layer learned from rows what it was not given."""
        setting = ADAPTED.get(layer["class_name"])
        if setting is None or layer["config"].get(setting) is not None:
            return False
        stage = self._found(self.path + name_of(layer))
        words = stage.config.get("vocabulary") if stage and setting == "vocabulary" else None
        return not 0 < len(words or ()) <= MOST_WORDS

    def _adapted(self, layer: Layer, made: Expression, rows: str | None) -> str:
        """Write the lines that make a layer and let it learn; its variable."""
        name = name_of(layer)
        variable = self._variable(f"{name}_layer")
        self.lines.append(remark(f"Which rows {name} learned from is not recorded.", self.indent))
        if layer["class_name"] == "Normalization":
            self.lines.append(remark(self._moments(name), self.indent))
        self._write(variable, made)
        if rows is None:
            self.context.lacks(f"the rows that the layer {self.path}{name} learned from")
        else:
            self.lines.append(f"{' ' * self.indent}{variable}.adapt({rows})\n")
        return variable

    def _moments(self, name: str) -> str:
        mean = self.trace.weights.get(f"{name}/mean")
        if mean is None or mean.size > 8:
            return ""
        return f"The recorded mean is {np.asarray(mean).reshape(-1).tolist()}."

    def _rows_for(self, layer: Layer, layers: Mapping[str, Layer]) -> str | None:
        """The rows that come to a layer straight from an input of the whole model."""
        sources = [each for node in layer["inbound_nodes"] for each in calls_in(node)]
        names = [name for name, each in layers.items() if each["class_name"] == "InputLayer"]
        if self.path or len(sources) != 1 or sources[0][0] not in names:
            return None
        return "x" if len(names) == 1 else f"x[{flat(literal(sources[0][0]))}]"

    def _argument(self, value: Any) -> Expression:
        """What a layer is called with, tensors by their variables."""
        if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
            name, index, place = value["config"]["keras_history"]
            return self._result(str(name), int(index), int(place))
        if isinstance(value, Mapping) and value.get("class_name") == "__slice__":
            return slice_of(value["config"])
        if isinstance(value, Mapping) and value.get("class_name") == "__ellipsis__":
            return "..."
        if isinstance(value, list):
            return listed(map(self._argument, value))
        if isinstance(value, Mapping) and "class_name" not in value:
            return mapped(value, self._argument)
        return value_of(value, self.context)

    def _result(self, name: str, index: int, place: int) -> str:
        variable, parts = self.results[name, index]
        if parts is None:
            return variable
        key = parts[place] if place < len(parts) else place
        return f"{variable}[{flat(literal(key))}]"

    def _ends(self, places: Any) -> Expression:
        """The inputs or the outputs of the model."""
        if isinstance(places, Mapping):
            return mapped(places, self._ends)
        if places and isinstance(places[0], str):
            return self._result(str(places[0]), int(places[1]), int(places[2]))
        return listed(map(self._ends, places))

    def _ranks(self, layers: Mapping[str, Layer]) -> dict[str, int]:
        """When each layer drew its first random seed, as far as that was recorded."""
        places = self.trace.run.model.seed_places if self.trace.run.model else {}
        found: dict[str, int] = {}
        for path, place in places.items():
            if path.startswith(self.path):
                name = path[len(self.path) :].partition("/")[0]
                if name in layers:
                    found[name] = min(place, found.get(name, place))
        return found

    def _variable(self, name: str) -> str:
        found = identifier(name, self.taken)
        self.taken.add(found)
        return found

    def _write(self, target: str, value: Expression, comment: str = "") -> None:
        self.lines.append(statement(target, value, comment, self.indent))

    def _found(self, path: str, index: int = 0) -> Stage | None:
        """The stage of a layer's call; None where it was not recorded."""
        calls = [each for each in self.trace.stages if each.path == path]
        return calls[index] if index < len(calls) else None

    def _shape(self, path: str, index: int = 0) -> str:
        """The comment on what a layer gives for a row; empty where that is not recorded."""
        stage = self._found(path, index)
        if stage is None or stage.kind == "source" or not stage.outputs:
            return ""
        return f"# {tuple(stage.outputs[0].shape[1:])}"

    def _model_name(self, config: Layer, auto: str) -> list[Expression]:
        name = str(config.get("name") or auto)
        return [] if is_automatic(name, auto) else [Pair("name=", literal(name))]
