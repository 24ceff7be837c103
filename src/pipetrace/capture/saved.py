"""A model as Keras saves it: its configuration and what is known of it as a whole; and loading a
saved one, in Keras' safe mode and without its optimizer."""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.capture.nodes import count
from pipetrace.capture.weights import plain_config, values_of
from pipetrace.errors import ModelFileError
from pipetrace.trace.document import ModelFacts, Spec

SUFFIXES = (".keras", ".h5", ".hdf5")
MOST_HASHED = 10_000_000
"""Values of weights that go into a model's fingerprint; of a larger model the first so many."""
MOST_PARTS = 20_000
"""Objects and lists in a model's configuration; a larger one is not recorded."""
MOST_DRAWS = 2_000
"""Draws of random seeds among which those of a model's layers are looked for."""


def check_model(path: Path) -> None:
    """See whether there is a file of the right kind before Keras is loaded; else a
    ``ModelFileError``.
    """
    hint = "Give the path of a model saved with model.save('model.keras')."
    if path.is_dir():
        hint = f"{hint} The folder of a SavedModel has no layers that can be looked at."
        raise ModelFileError(f"{path} is a folder.", where=str(path), hint=hint)
    if not path.is_file():
        raise ModelFileError(f"There is no file {path}.", where=str(path), hint=hint)
    if path.suffix.lower() not in SUFFIXES:
        raise ModelFileError(
            f"{path.name} is no Keras model: it does not end in .keras, .h5 or .hdf5.",
            where=str(path),
            hint="Save the model with model.save('model.keras').",
        )


def load_model(path: Path) -> Any:
    """A model out of a ``.keras`` or an older ``.h5`` file, or a ``ModelFileError`` that says why
    not.
    """
    check_model(path)
    keras = load()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        what, hint = _explained(error)
        raise ModelFileError(what, where=str(path), hint=hint) from error


def _explained(error: Exception) -> tuple[str, str]:
    """Why Keras refuses a file, and what to do."""
    text = " ".join(str(error).split())
    # Keras goes on with the advice to switch its safe mode off.
    short = f"{text.split('. ')[0].rstrip('.')[:300]}."
    for signs, what, hint in REFUSALS:
        if any(sign in text.lower() for sign in signs):
            return f"{what}: {short}", hint
    return f"Keras cannot load it: {type(error).__name__}: {short}", DAMAGED


REFUSALS = (
    (
        ("safe_mode", "unsafe", "lambda"),
        "Keras does not load it in its safe mode, because it would run code out of the file",
        (
            "If the model is your own, replace its Lambda layers by a layer class or by keras.ops "
            "and save it again, or record it from your program with pipetrace.watch(model, path)."
        ),
    ),
    (
        ("could not locate", "unknown", "custom"),
        "The model has parts that only your program knows",
        (
            "Record it from the program that defines them, with pipetrace.watch(model, path); or "
            "register them with @keras.saving.register_keras_serializable() and save again."
        ),
    ),
)
"""Words that tell why Keras refused, what that means, and what to do."""

DAMAGED = (
    "Run keras.saving.load_model(path, compile=False) to see the whole error. Save the model again "
    "if the file is damaged or was written by another version."
)


def model_facts(
    model: Any, outputs: tuple[Spec, ...] = (), earlier: ModelFacts | None = None
) -> ModelFacts:
    """The model as a whole; of ``earlier`` facts the configuration stays."""
    inner = [layer for layer in internals.all_layers(model) if layer is not model]
    if earlier is not None:
        config, places = earlier.config, earlier.seed_places
    else:
        config = model_config(model)
        places = seed_places(model, internals.seed()) if config else {}
    return ModelFacts(
        name=str(model.name),
        layer=type(model).__name__,
        parameters=count(list(model.weights)),
        layers=len(inner),
        outputs=outputs,
        config=config,
        seed_places=places,
    )


def fingerprint(model: Any) -> str:
    """SHA-256 of the model's configuration and of its weights as they are, as far as this process
    has them."""
    digest = hashlib.sha256(json.dumps(plain_config(model), sort_keys=True, default=str).encode())
    left = MOST_HASHED
    for variable in model.weights:
        try:
            values = np.ascontiguousarray(values_of(variable)).reshape(-1)[:left]
        except NotImplementedError:
            continue
        digest.update(values.tobytes())
        left -= values.size
        if left <= 0:
            break
    return digest.hexdigest()


def model_config(model: Any) -> dict[str, Any]:
    """The configuration of a sequential or functional model of Keras' own classes, with the calls
    of its layers; empty for other models, and for one that is very large."""
    if not internals.is_of_keras(type(model)) or internals.all_layers(model) == [model]:
        return {}
    found = _without_details(plain_config(model))
    text = json.dumps(found)
    return found if text.count("{") + text.count("[") <= MOST_PARTS else {}


def compile_config(model: Any) -> dict[str, Any]:
    """The arguments of ``compile`` but the optimizer; empty where Keras cannot write them down."""
    try:
        given = json.loads(json.dumps(model.get_compile_config() or {}, default=str))
    except Exception:  # a loss or metric of somebody's own
        return {}
    return {
        name: _without_details(value)
        for name, value in given.items()
        if name != "optimizer" and value is not None
    }


def _without_details(value: Any) -> Any:
    """A configuration without what Keras needs to load it only, such as the code of a lambda."""
    if isinstance(value, list):
        return [_without_details(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config") or {}
    if kind == "__keras_tensor__":
        return {"class_name": kind, "config": {"keras_history": config["keras_history"]}}
    if kind == "__lambda__":
        return {"class_name": kind}
    if kind == "DTypePolicy":
        return config["name"]
    left_out = ("build_config", "compile_config", "registered_name", "build_input_shape")
    return {key: _without_details(each) for key, each in value.items() if key not in left_out}


def seed_places(model: Any, seed: int | None) -> dict[str, int]:
    """The places, from 0, of the draws of each layer's first seed after ``set_random_seed(seed)``.

    None where a layer's seed is no such draw, as of a model that was made before.
    """
    if seed is None:
        return {}
    drawing = random.Random(seed)  # noqa: S311 as Keras draws them
    places = {drawing.randint(1, 10**9): place for place in range(MOST_DRAWS)}
    found: dict[str, int] = {}
    try:
        for path, drawn in _drawn_seeds(model):
            found.setdefault(path, min(places[each] for each in drawn))
    except Exception:  # a seed of another time, or a layer of somebody's own
        return {}
    return found


def _drawn_seeds(model: Any, path: str = "") -> Iterator[tuple[str, list[int]]]:
    """The paths of the layers that drew seeds, with these; those that were given are no draws."""
    keras = load()
    for layer in model.layers:
        where = f"{path}{layer.name}"
        if isinstance(layer, keras.Model) and internals.is_of_keras(type(layer)):
            yield from _drawn_seeds(layer, f"{where}/")
            continue
        drawn = []
        for part in internals.all_layers(layer):
            for held in vars(part).values():
                is_generator = isinstance(held, keras.random.SeedGenerator)
                if not is_generator and not isinstance(held, keras.initializers.Initializer):
                    continue
                if held.get_config().get("seed", 0) is None:
                    drawn.append(int(held.state.numpy()[0]) if is_generator else int(held.seed))
        if drawn:
            yield where, drawn
