"""What a compiled Keras model says of itself: its optimizer, losses and metrics."""

import contextlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipetrace.capture import structures
from pipetrace.capture.backend import load
from pipetrace.capture.distributed.processes import Spread
from pipetrace.capture.fit import FitCall, callback_facts
from pipetrace.capture.internals import all_layers, seed
from pipetrace.capture.saved import compile_config
from pipetrace.capture.train_step import TrainStep, computes_loss
from pipetrace.capture.weights import iterations, optimizers, plain_config
from pipetrace.trace.training import OptimizerFacts, StepFacts, Training

FIT_SETTINGS = (
    *("shuffle", "validation_split", "steps_per_epoch", "validation_steps", "initial_epoch"),
)
"""Arguments of ``fit`` that are recorded as they were given."""


def training_facts(
    model: Any,
    *,
    epochs: int,
    batch_size: int | None,
    probe_rows: int,
    call: FitCall,
    sample_weights: bool,
    spread: Spread,
) -> Training:
    """How a model is trained, from the arguments of ``compile`` and ``fit``; empty where it was not
    compiled."""
    optimizer = call.optimizer or getattr(model, "optimizer", None)
    by_output = losses(model) if call.loss is None else {"": _name(_loss_of(call.loss))}
    names = list(dict.fromkeys(by_output.values()))
    return Training(
        epochs=epochs,
        batch_size=batch_size and batch_size * spread.parts,
        optimizer=type(optimizer).__name__ if optimizer is not None else "",
        optimizer_config=_optimizer_config(optimizer) if optimizer is not None else {},
        loss=", ".join(names),
        metrics=tuple(_metrics(model)),
        seed=seed(),
        probe_rows=probe_rows,
        losses=by_output,
        loss_settings=_loss_settings(model),
        from_logits=any(
            _config(loss).get("from_logits")
            for loss in [*_loss_objects(model).values(), _loss_of(call.loss)]
        ),
        callbacks=callback_facts(call.callbacks),
        class_weights=call.class_weight,
        sample_weights=sample_weights,
        replicas=spread.replicas,
        devices=spread.devices,
        processes=spread.processes,
        policy=_policy(model),
        compile_config=compile_config(model),
        fit_config={name: getattr(call, name) for name in FIT_SETTINGS} if call.known else {},
    )


def step_facts(
    model: Any, step: TrainStep | None, begun: Mapping[str, int] | None, call: FitCall
) -> StepFacts:
    """What a training step does, by the traced step, if any, and the arguments of ``fit`` or loop.

    ``begun`` has how often each optimizer had changed weights before; None while training runs.
    """
    known = optimizers(model, call.optimizer)
    now = {} if begun is None else iterations(model, call.optimizer)
    found = [
        OptimizerFacts(
            name,
            type(each).__name__,
            _optimizer_config(each),
            now[name] - (begun or {}).get(name, 0) if name in now else None,
        )
        for name, each in known.items()
    ]
    moved = tuple(each for each in found if each.updates)
    losses = step.optimised if step is not None else ("loss",) if moved else ()
    return StepFacts(
        own=step is not None,
        losses=losses,
        optimizers=moved or tuple(found),
        by_fit=call.by_fit,
    )


def model_name(model: Any) -> str:
    """The name that Keras or the user gave a model."""
    return str(model.name)


def classifies(model: Any) -> bool:
    """Whether a model was compiled with a loss for classes."""
    return any("crossentropy" in name or "hinge" in name for name in losses(model).values())


def has_loss_of_keras(model: Any) -> bool:
    """Whether all losses are Keras' own, so that it is known what the outputs stand for; or no
    loss is known, as of a saved model."""
    kinds = [
        loss if inspect.isfunction(loss) else type(loss) for loss in _loss_objects(model).values()
    ]
    own_step = not kinds and computes_loss(model)
    return not own_step and all(kind.__module__.split(".")[0] == "keras" for kind in kinds)


def layer_names(model: Any) -> list[str]:
    """The names of a model's own layers, without those of nested models."""
    return [str(layer.name) for layer in getattr(model, "layers", [])]


def frozen_layers(model: Any) -> tuple[str, ...]:
    """The layers with weights that are set not to train; of nested ones the inner layers."""
    return tuple(
        str(layer.name)
        for layer in all_layers(model)
        if not layer.trainable and layer.weights and len(all_layers(layer)) == 1
    )


def constructor(kind: str) -> dict[str, Any] | None:
    """The parameters of a layer class of Keras and their defaults, in order; None where Keras has
    no such class."""
    found = getattr(load().layers, kind, None)
    if not isinstance(found, type):
        return None
    init = vars(found).get("__init__", found)
    parameters = [*inspect.signature(init).parameters.values()]
    plain = [
        each
        for each in parameters
        if each.kind == each.POSITIONAL_OR_KEYWORD and each.name != "self"
    ]
    return {each.name: None if each.default is each.empty else each.default for each in plain}


def input_names(model: Any) -> list[str]:
    """The names of a functional model's inputs; none of a subclassed model."""
    return [str(each.name) for each in getattr(model, "inputs", None) or []]


def input_specs(model: Any) -> list[str]:
    """A functional model's inputs as text, each with name, shape and dtype."""
    inputs = getattr(model, "inputs", None) or []
    return [f"{each.name} {tuple(each.shape)} {each.dtype}" for each in inputs]


def input_shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shape of a row for each input of a functional model; none of a subclassed one."""
    inputs = getattr(model, "inputs", None) or []
    return {str(each.name): tuple(each.shape[1:]) for each in inputs}


def stops(model: Any) -> bool:
    """Whether a callback has asked for the end of training."""
    return bool(getattr(model, "stop_training", False))


def learning_rate(model: Any, other: Any = None) -> float | None:
    """The optimizers' learning rate as it is now; None where they have none, or several."""
    counts = iterations(model, other)
    known = optimizers(model, other)
    used = [each for name, each in known.items() if counts.get(name, other is not None)]
    rates = set()
    with contextlib.suppress(Exception):  # an optimizer of somebody's own
        for each in used or [model.optimizer]:
            groups = _groups_of(each)
            rates |= {float(one["lr"]) for one in groups} or {float(each.learning_rate)}
    return rates.pop() if len(rates) == 1 else None


def _groups_of(optimizer: Any) -> list[dict[str, Any]]:
    """The settings of an optimizer of PyTorch's own, for each group of its weights."""
    return list(getattr(optimizer, "param_groups", ()))


def _optimizer_config(optimizer: Any) -> dict[str, Any]:
    groups = _groups_of(optimizer)
    if not groups:
        return plain_config(optimizer)
    settings = {"learning_rate": groups[0]["lr"], **groups[0]}
    kinds = (bool, int, float, str)
    return {
        name: each for name, each in settings.items() if isinstance(each, kinds) and name != "lr"
    }


class RowLosses:
    """The loss of single rows. The user's loss never gets more of them than a batch has.

    A loss may compare the rows of a batch with each other, as triplet and contrastive losses do.
    Then no row has a loss of its own. This is tried once, on a batch and its halves.
    """

    def __init__(self, model: Any, most: int) -> None:
        self.most = most
        # whether each row's loss depends on that row alone; None until it was tried
        self.apart: bool | None = None
        self._model, self._loss = model, getattr(model, "loss", None)

    def of(self, targets: Any, given: Any) -> Any:
        """The loss of each row ``(n, ...)``, in the structure of the outputs; None where rows have
        none.
        """
        if self._loss is not getattr(self._model, "loss", None):  # compiled anew
            self._loss, self.apart = self._model.loss, None
        total, found = len(structures.flatten(given)[0]), list[Any]()
        for start in range(0, total, self.most):
            part = slice(start, start + self.most)
            batch = structures.taken(targets, part), structures.taken(given, part)
            losses = row_losses(self._model, *batch)
            if losses is None or not self._are_apart(*batch, losses):
                return None
            found.append(losses)
        return np.concatenate(found) if found else None

    def _are_apart(self, targets: Any, given: Any, losses: Any) -> bool:
        if self.apart is None and len(losses) > 1:
            halves = (slice(0, None, 2), slice(1, None, 2))
            self.apart = all(
                (
                    own := row_losses(
                        self._model, structures.taken(targets, half), structures.taken(given, half)
                    )
                )
                is not None
                and np.allclose(own, losses[half], rtol=1e-3, atol=1e-6, equal_nan=True)
                for half in halves
            )
        return self.apart is not False


def row_losses(model: Any, targets: Any, given: Any) -> Any:
    """The loss of each row, summed over the outputs by their weights; None where unknown."""
    keras = load()
    wanted, made = keras.tree.flatten(targets), keras.tree.flatten(given)
    objects = _losses_in_order(model, targets, len(made))
    if not objects or len(wanted) != len(made):
        return None
    weights = _weights_in_order(model, targets, len(made))
    if weights is None:
        return None
    total = np.zeros(len(made[0]))
    try:
        for loss, weight, target, output in zip(objects, weights, wanted, made, strict=True):
            if loss is not None:
                total += weight * _of_rows(keras, loss, target, output)
    except Exception:  # a loss of somebody's own may want more than a target and an output
        return None
    return total


def _weights_in_order(model: Any, targets: Any, outputs: int) -> list[float] | None:
    """``loss_weights`` for each output; None where unknown."""
    given = _given_weights(model, unknown=())
    if given is None:
        return [1.0] * outputs
    if isinstance(given, (int, float)):
        return [float(given)] * outputs
    if isinstance(given, (list, tuple)):
        return [float(each) for each in given] if len(given) == outputs else None
    of_targets, of_model = _output_names(model, targets)
    names = of_targets or of_model
    if not isinstance(given, Mapping) or len(names) != outputs or not set(given) <= set(names):
        return None
    return [float(given.get(name, 1.0)) for name in names]


def _given_weights(model: Any, unknown: Any = None) -> Any:
    """``loss_weights`` as ``compile`` got them; ``unknown`` where Keras does not tell."""
    try:
        given = (model.get_compile_config() or {}).get("loss_weights")
    except Exception:  # a loss or metric of somebody's own that Keras cannot write down
        return unknown
    if isinstance(given, Mapping) and given.get("class_name") == "__tuple__":
        given = given["config"]["value"]
    return given


def _losses_in_order(model: Any, targets: Any, outputs: int) -> list[Any]:
    """The loss of each output, None for one without; nothing where that is unknown."""
    found = _loss_objects(model)
    if len(found) == 1 and (outputs == 1 or "" in found):
        return list(found.values()) * outputs
    for names in (*_output_names(model, targets), [str(place) for place in range(outputs)]):
        if found and len(names) == outputs and set(found) <= set(names):
            return [found.get(name) for name in names]
    return []


def _output_names(model: Any, targets: Any) -> tuple[list[str], list[str]]:
    """The names of the outputs, as the keys of the targets and as the model has them."""
    paths = [path for path, _ in load().tree.flatten_with_path(targets)]
    keys = [[key for key in path if isinstance(key, str)] for path in paths]
    of_model = getattr(model, "output_names", None) or ()
    return [each[-1] for each in keys if each], [str(name) for name in of_model]


def _of_rows(keras: Any, loss: Any, target: Any, output: Any) -> Any:
    if target.ndim == output.ndim - 1 and output.shape[-1] == 1:
        target = target[..., None]
    function = loss.call if isinstance(loss, keras.losses.Loss) else loss
    values = np.asarray(
        function(keras.ops.convert_to_tensor(target), keras.ops.convert_to_tensor(output)),
        np.float64,
    )
    if not values.ndim or len(values) != len(output):
        raise ValueError("this loss is one number for all rows")
    return values.reshape(len(values), -1).mean(axis=1)


def losses(model: Any) -> dict[str, str]:
    """The name of each output's loss, by the output's key or its position."""
    return {key: _name(loss) for key, loss in _loss_objects(model).items()}


def _loss_objects(model: Any) -> dict[str, Any]:
    given = getattr(model, "loss", None)
    if given is None:
        return {}
    if isinstance(given, Mapping):
        found = {str(key): loss for key, loss in given.items()}
    elif isinstance(given, (list, tuple)):
        names = list(getattr(model, "output_names", None) or [])
        named = names if len(names) == len(given) else [str(place) for place in range(len(given))]
        found = dict(zip(named, given, strict=True))
    else:
        found = {"": given}
    objects = {}
    for key, loss in found.items():
        if loss is not None:
            objects[key] = _loss_of(loss)
    return objects


def _metrics(model: Any) -> list[str]:
    """The names of the metrics that ``compile`` was given, as far as the model tells them."""
    names: list[str] = []
    with contextlib.suppress(Exception):
        for each in model.metrics:
            # Keras keeps those that ``compile`` was given in one metric that lists them.
            inner = getattr(each, "metrics", None)
            names += [str(one.name) for one in ([each] if inner is None else inner)]
    return [name for name in dict.fromkeys(names) if name != "loss"]


def _loss_of(given: Any) -> Any:
    """A loss as Keras has it, of its name, say."""
    with contextlib.suppress(Exception):  # one of somebody's own
        return load().losses.get(given)
    return given


def _name(loss: Any) -> str:
    name = getattr(loss, "name", None) or getattr(loss, "__name__", None) or type(loss).__name__
    return str(name)


def _config(loss: Any) -> dict[str, Any]:
    config: dict[str, Any] = {}
    with contextlib.suppress(Exception):  # a loss of somebody's own, or a function
        config = dict(loss.get_config())
    return config


def _loss_settings(model: Any) -> dict[str, dict[str, Any]]:
    """What the losses were made with, and their weights in the sum; those without any left out."""
    objects, weights = _loss_objects(model), _given_weights(model)
    if isinstance(weights, (list, tuple)):
        weights = dict(zip(objects, weights, strict=False))
    found = {}
    for key, loss in objects.items():
        weight = weights.get(key) if isinstance(weights, Mapping) else weights
        settings = {"weight": weight, **_config(loss)}
        found[key] = {
            name: value
            for name, value in settings.items()
            if name not in ("name", "dtype", "reduction")
            and isinstance(value, (str, bool, int, float))
        }
    return {key: settings for key, settings in found.items() if settings}


def _policy(model: Any) -> str:
    names = {
        str(layer.dtype_policy.name)
        for layer in all_layers(model)
        if hasattr(layer, "dtype_policy")
    }
    others = sorted(names - {"float32"})
    return others[0] if others else "float32"
