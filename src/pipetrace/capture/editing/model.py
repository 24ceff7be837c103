"""A model with some layers changed, and a model with its first weights drawn anew."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.capture.weights import random_state_kept, size
from pipetrace.errors import RetrainError, in_short

SPREAD_TIMES = 2.0
"""A kernel whose spread differs by more from that of a new one was loaded, not drawn."""
LONGEST = 200
"""Characters of what a layer says of a shape."""
FEWEST_VALUES = 16
"""Of fewer values the spread says little."""


@dataclass
class _Copies:
    """The layers of a copy of a model."""

    # what is done to layers, by their paths: settings that differ, or the class of a layer without
    # weights that stands in
    changes: Mapping[str, Any]
    frozen: Collection[str]  # the paths of layers that do not train
    # for the identity of a layer its copy; both, so that no identity is used twice
    made: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)  # the paths at which something was changed

    def model(self, model: Any, around: str = "") -> Any:
        keras, compiled = load(), model.compiled
        model.compiled = False  # Keras would compile the copy too, from names alone
        try:
            return keras.models.clone_model(
                model, clone_function=lambda layer: self.layer(layer, around)
            )
        finally:
            model.compiled = compiled

    def layer(self, layer: Any, around: str) -> Any:
        if id(layer) not in self.made:
            self.made[id(layer)] = layer, self._copy(layer, f"{around}{layer.name}")
        return self.made[id(layer)][1]

    def _copy(self, layer: Any, path: str) -> Any:
        keras = load()
        if internals.built_calls(layer) is not None:
            return self.model(layer, f"{path}/")
        change = self.changes.get(path)
        if change is not None or path in self.frozen:
            self.done.add(path)
        if isinstance(change, str):
            return getattr(keras.layers, change)(name=layer.name)
        if not isinstance(layer, keras.Layer) or (change is None and not _is_copied(layer)):
            return layer
        copy = type(layer).from_config({**layer.get_config(), **(change or {})})
        if path in self.frozen:
            copy.trainable = False
        return copy


def _is_copied(layer: Any) -> bool:
    """Whether a layer is made anew: not one of the program's own, nor one that was adapted."""
    return internals.is_of_keras(type(layer)) and not callable(getattr(layer, "adapt", None))


def is_editable(model: Any) -> bool:
    """Whether the layers of a model can be changed: it is Keras' own Sequential or Functional."""
    return internals.built_calls(model) is not None


def edited(model: Any, changes: Mapping[str, Any], frozen: Collection[str] = ()) -> Any:
    """A copy of a built Sequential or Functional model, some layers changed or ``frozen``; not
    compiled.

    A layer whose variables have the shapes that they had gets their values, random states included.
    What the copy draws changes no random state. ``changes`` has by a layer's path, such as
    ``encoder/conv1``, settings that differ, or the class of a layer without weights to stand in for
    it.

    Raises:
        RetrainError: the changed layers do not fit together, or the output would have another
            shape.
    """
    copies = _Copies(changes, frozen)
    with random_state_kept(), internals.own_names():
        try:
            copy = copies.model(model)
        except Exception as error:  # whatever a layer says of a shape
            raise _does_not_fit(in_short(error)[:LONGEST].rstrip(".")) from error
    if missing := {*changes, *frozen} - copies.done:
        raise _does_not_fit(f"the model has no layer {', '.join(sorted(missing))}")
    if _shapes(copy) != _shapes(model):
        raise _does_not_fit("the output of the model would have another shape")
    for layer, other in copies.made.values():
        if other is not layer and internals.built_calls(layer) is None:
            ours, theirs = getattr(layer, "variables", []), getattr(other, "variables", [])
            if [each.shape for each in ours] == [each.shape for each in theirs]:
                _assign(theirs, ours)
    return copy


def _does_not_fit(why: str) -> RetrainError:
    return RetrainError(
        f"The changed model does not fit together: {why}.",
        hint="Try another change; pipetrace ablate --list shows those of this run.",
    )


def _shapes(model: Any) -> list[Any]:
    return [tuple(each.shape) for each in model.outputs]


def _assign(to: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(to, values, strict=True):
        variable.assign(value)


def built(model: Any, x: Any) -> None:
    """Build a model by the rows that it is to be trained on; without arrays a ``RetrainError``."""
    if model.built:
        return
    shape = getattr(x, "shape", None)
    if shape is None:
        raise RetrainError(
            "The model has no weights before fit, and the rows do not tell their shape.",
            hint="Begin the model with keras.Input.",
        )
    model.build((None, *shape[1:]))


def redraw(model: Any) -> None:
    """Draw the first weights of a built model anew, those that were loaded excepted.

    Weights were loaded if those that every new layer has, such as a bias of zeros, are others, or
    if their spread is far from that of new ones. Frozen layers keep theirs too.
    """
    for layer in _units(model):
        if not layer.trainable or not layer.weights:
            continue
        with contextlib.suppress(Exception):  # a layer of the program's own may not be made anew
            one, other = _anew(layer), _anew(layer)
            if not _was_loaded(layer, one, other):
                _assign(layer.variables, one.variables)


def _units(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, load().Model):
            yield from _units(layer)
        else:
            yield layer


def _anew(layer: Any) -> Any:
    made = type(layer).from_config(layer.get_config())
    made.build_from_config(layer.get_build_config())
    if [each.shape for each in made.variables] != [each.shape for each in layer.variables]:
        raise ValueError("the new layer has other variables")
    return made


def _was_loaded(layer: Any, one: Any, other: Any) -> bool:
    for ours, new, second in zip(layer.weights, one.weights, other.weights, strict=True):
        values, fresh = ours.numpy(), new.numpy()
        if np.array_equal(fresh, second.numpy()):
            if not np.array_equal(values, fresh):
                return True
        elif size([ours]) >= FEWEST_VALUES:
            ratio = float(np.std(values) / max(float(np.std(fresh)), 1e-12))
            if not 1 / SPREAD_TIMES <= ratio <= SPREAD_TIMES:
                return True
    return False
