"""The lines of a program that construct the layers of a model, found in its source.

Nothing watches how layers are made, so a line counts only where the source leaves one way: one call
fits the class, the name and the configuration of one layer, and each layer of the model is made by
the program's own source.
"""

import ast
import math
import os
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipetrace.record.privacy import INSTALLED, is_own
from pipetrace.trace.claim import process_start
from pipetrace.trace.document import LAYER, Group, Stage

MOST_BYTES = 300_000
"""Of all files of the program; a larger one is not read."""
LOADERS = frozenset(
    ("load_model", "model_from_json", "from_config", "clone_model", "deserialize_keras_object")
)
"""What makes layers without naming their classes. Beside it a call has to give the layer's name."""
CONTAINERS = frozenset({"Functional", "Sequential", "Model"})
INPUT = "InputLayer"

Constructor = Callable[[str], Mapping[str, Any] | None]
"""The parameters of a layer class of Keras and their defaults, in order; None for other classes."""


@dataclass(frozen=True)
class Call:
    """A call of a class: what it gives, as far as it is written as plain values."""

    place: str  # ``train.py:12``
    kind: str
    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    is_whole: bool  # without ``*`` and ``**``


class _Unknown:
    """What is not written as a plain value."""


UNKNOWN = _Unknown()


def program_files() -> dict[str, Path]:
    """The files of the program that lie in the current folder, by their paths in it, unless one of
    them changed since the process began."""
    here, began = Path.cwd(), _process_began()
    installed = [f"{os.sep}{each}{os.sep}" for each in INSTALLED]
    found = {}
    for module in [*sys.modules.values()]:
        name = getattr(module, "__file__", None)
        # Those of a .venv in this folder are thousands: their paths are not taken apart.
        if isinstance(name, str) and not any(each in name for each in installed):
            file = Path(name).absolute()
            if is_own(file, here):
                found[file.relative_to(here).as_posix()] = file
    sizes = [each.stat() for each in found.values()]
    if began is None or any(each.st_mtime >= began for each in sizes):
        return {}
    return found if sum(each.st_size for each in sizes) <= MOST_BYTES else {}


def _process_began() -> float | None:
    """The end of the clock tick in which this process began: no earlier write of a file is later,
    and Python reads no program within that tick."""
    ticks = process_start(os.getpid())
    if ticks is None:
        return None
    since_boot = (int(ticks) + 1) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def constructions(
    stages: Sequence[Stage],
    groups: Sequence[Group],
    sources: Mapping[str, bytes],
    constructor: Constructor,
) -> dict[str, str]:
    """The file and line that construct each layer, ``train.py:12``, by its stage; without those
    that cannot be told apart.

    Args:
        stages: of the trace.
        groups: of the trace; what a layer of Keras holds is not made by the program.
        sources: the text of each file of the program, by its path.
        constructor: gives the parameters of Keras' layers.
    """
    kinds = {stage.layer for stage in stages}
    telling = {*kinds, *(group.layer for group in groups), *LOADERS} - {None}
    words = [str(each).encode() for each in telling]
    # Taking a large program apart takes longer than a short epoch, and most files name no layer.
    trees = {
        file: ast.parse(text)
        for file, text in sources.items()
        if any(word in text for word in words)
    }
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef)}

    def known(kind: str) -> Mapping[str, Any] | None:
        return None if kind in own else constructor(kind)

    calls = [call for file, tree in trees.items() for call in _calls(file, tree, kinds)]
    within = tuple(
        f"{each.path}/"
        for each in groups
        if each.layer not in CONTAINERS and known(each.layer) is not None
    )
    layers: dict[tuple[str, str], list[Stage]] = {}  # a layer that is called twice has two stages
    for each in stages:
        if each.kind == LAYER and each.layer != INPUT and not each.path.startswith(within):
            layers.setdefault((str(each.layer), _name(each)), []).append(each)
    fitting = {
        layer: [call for call in calls if _fits(call, found[0], known)]
        for layer, found in layers.items()
    }
    named = {
        layer: [call for call in found if call.named.get("name") == layer[1]]
        for layer, found in fitting.items()
    }
    if all(fitting.values()) and not any(_last(node) in LOADERS for node in nodes):
        fitting = {layer: named[layer] or found for layer, found in fitting.items()}
    else:
        fitting = named
    made = [id(call) for found in fitting.values() for call in found]
    return {
        stage.name: found[0].place
        for layer, found in fitting.items()
        if len(found) == 1 and made.count(id(found[0])) == 1
        for stage in layers[layer]
    }


def _calls(file: str, tree: ast.Module, kinds: Container[str | None]) -> Iterator[Call]:
    """The calls of classes that the model has layers of."""
    aliases = dict(_aliases(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not (name := _last(node.func)):
            continue
        if (kind := aliases.get(name, name)) in kinds:
            yield Call(
                f"{file}:{node.lineno}",
                kind,
                tuple(_value(each) for each in node.args if not isinstance(each, ast.Starred)),
                {each.arg: _value(each.value) for each in node.keywords if each.arg},
                not any(isinstance(each, ast.Starred) for each in node.args)
                and all(each.arg for each in node.keywords),
            )


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Other names of classes, by ``import ... as`` and by assignments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((each.asname, each.name) for each in node.names if each.asname)
        elif isinstance(node, ast.Assign) and (name := _last(node.value)):
            yield from ((each.id, name) for each in node.targets if isinstance(each, ast.Name))


def _last(node: ast.AST) -> str:
    """The last name of ``keras.layers.Dense``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _name(stage: Stage) -> str:
    return str(stage.config.get("name", stage.name))


def _fits(call: Call, stage: Stage, constructor: Constructor) -> bool:
    """Whether a call can have made a layer.

    Of a class of the program's own only the name counts: what its configuration holds is its own.
    """
    if call.kind != stage.layer:
        return False
    name, parameters = call.named.get("name"), constructor(call.kind)
    if parameters is None:
        return name in (None, UNKNOWN, _name(stage))
    if len(call.positional) > len(parameters):
        return False
    given: dict[str, Any] = dict(call.named)
    if call.is_whole:
        given = {**parameters, **dict(zip(parameters, call.positional, strict=False)), **given}
        if given.get("name") is None and not _is_automatic(stage):
            return False
    return all(_agrees(key, each, stage.config.get(key, UNKNOWN)) for key, each in given.items())


def _is_automatic(stage: Stage) -> bool:
    """Whether a layer may have the name that Keras gives where the program gives none."""
    letters = str(stage.layer).replace("_", "").lower()
    name = _name(stage).replace("_", "")
    return name.rstrip("0123456789") == letters.rstrip("0123456789")


def _agrees(key: str, given: Any, known: Any) -> bool:
    """Whether an argument may have become what is in the configuration; True where that may have
    another form, as -1 for the last axis has."""
    if key == "activation" and given is None:
        given = "linear"
    if isinstance(given, (str, bool)) and isinstance(known, (str, bool)):
        return str(given).lower() == str(known).lower()
    several, others = [*_numbers(given)], [*_numbers(known)]
    if not several or not others or not all(each >= 0 for each in (*several, *others)):
        return True
    if len(several) == 1:
        return all(each == several[0] for each in others)  # 3 for a window of (3, 3)
    return len(several) != len(others) or several == others


def _numbers(value: Any) -> Iterator[float]:
    """The numbers of a number or of nested lists; NaN for anything else."""
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _numbers(each)
    else:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        yield value if is_number else math.nan
