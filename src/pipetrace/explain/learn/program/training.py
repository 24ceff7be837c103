"""The code that compiles a model and trains it: the calls of ``compile`` and ``fit``."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipetrace.explain.learn.program.data import Rows, epochs_of
from pipetrace.explain.learn.program.defaults import OWN
from pipetrace.explain.learn.program.objects import Context, arguments, own_name, value_of
from pipetrace.explain.learn.program.text import (
    Expression,
    Pair,
    call,
    listed,
    literal,
    mapped,
    remark,
    statement,
)
from pipetrace.trace.document import Trace
from pipetrace.trace.training import Callback, Fit, Training

KERAS_BATCH_SIZE = 32
COMPILE_DEFAULTS: Mapping[str, Any] = {
    "jit_compile": False,
    "run_eagerly": False,
    "steps_per_execution": 1,
    "auto_scale_loss": True,
}
"""Arguments of ``compile`` that are not written. A model on a processor is not jitted by itself."""
CALLBACKS: Mapping[str, Mapping[str, Any]] = {
    "EarlyStopping": {
        "monitor": "val_loss",
        "min_delta": 0,
        "patience": 0,
        "baseline": None,
        "restore_best_weights": False,
        "start_from_epoch": 0,
    },
    "ReduceLROnPlateau": {
        "monitor": "val_loss",
        "factor": 0.1,
        "patience": 10,
        "min_delta": 0.0001,
        "cooldown": 0,
        "min_lr": 0.0,
    },
    "TerminateOnNaN": {},
}
"""Callbacks that change a training and are recorded whole, with their defaults."""
WRITERS = ("ModelCheckpoint", "TensorBoard", "CSVLogger", "BackupAndRestore", "RemoteMonitor")
"""Callbacks that write files and leave the training as it is."""


def compiled(trace: Trace, context: Context, training: Training) -> list[str]:
    """The call of ``compile``."""
    if not training.optimizer:
        return [remark("How the model was compiled is not recorded.")]
    given = training.compile_config
    items: list[Expression] = [Pair("optimizer=", _optimizer(training, context))]
    if given:
        order = ["loss", "loss_weights", "metrics", "weighted_metrics"]
        for name in [*order, *(name for name in given if name not in order)]:
            value = given.get(name)
            if value is None or value == COMPILE_DEFAULTS.get(name, ""):
                continue
            items.append(Pair(f"{name}=", value_of(value, context)))
    elif training.loss:
        # Keras could not write them down: one of them is the user's.
        losses = training.losses or {"": training.loss}
        named = {key: own_name(name, context, "the loss") for key, name in losses.items()}
        lone = named.get("") if len(named) == 1 else None
        items.append(Pair("loss=", lone or mapped(named, str)))
        metrics = [literal(name) for name in training.metrics]
        items += [Pair("metrics=", listed(metrics))] if metrics else []
    line = statement("", call("model.compile", *items))
    if trace.run.step is not None and trace.run.step.own:
        context.lacks("the model's own training step")
        return [remark("The model has a training step of its own, which is not recorded."), line]
    return [line]


def fitted(context: Context, fit: Fit, earlier: Fit | None, rows: Rows) -> list[str]:
    """The call of ``fit``; what the ``earlier`` one has is not said again."""
    training, settings = fit.training, _settings(fit, rows)
    initial = int(settings.get("initial_epoch") or 0)
    epochs = training.epochs - (earlier.training.epochs if earlier else 0)
    items: list[Expression] = [*rows.given]
    named: dict[str, Expression] = {}
    if training.batch_size is not None and training.batch_size != KERAS_BATCH_SIZE:
        named["batch_size"] = literal(training.batch_size)
    named["epochs"] = literal(epochs + (initial if earlier is None else 0))
    if initial:
        named["initial_epoch"] = literal(initial)
    if settings.get("validation_split"):
        named["validation_split"] = literal(settings["validation_split"])
    for name in ("validation_data", "sample_weight"):
        if name in rows.named:
            named[name] = rows.named[name]
    for name in ("class_weight", "shuffle", "steps_per_epoch", "validation_steps"):
        if settings.get(name) not in (None, True, {}):
            named[name] = literal(settings[name])
    left_out = [each.name for each in training.callbacks if each.name not in CALLBACKS]
    for name in left_out:
        writes = ", which writes files," if name in WRITERS else ""
        context.lacks(f"the callback {name}{writes} with its settings")
    callbacks = _callbacks(each for each in training.callbacks if each.name in CALLBACKS)
    if callbacks:
        named["callbacks"] = listed(callbacks)
    made = call("model.fit", *items, *(Pair(f"{name}=", each) for name, each in named.items()))
    told = f"Callbacks of the recorded run that are left out here: {', '.join(left_out)}."
    return [*([remark(told)] if left_out else []), statement("history", made)]


def _settings(fit: Fit, rows: Rows) -> dict[str, Any]:
    """The further arguments of a ``fit``; rows that came in batches stay in their order."""
    weights = {_class(key): value for key, value in fit.training.class_weights.items()}
    settings = {**fit.training.fit_config, "class_weight": weights}
    if "shuffle" in rows.named:
        settings |= {"shuffle": False, "steps_per_epoch": None, "validation_steps": None}
    return settings


def printed(trace: Trace, fit: Fit) -> list[str]:
    """The line that prints the losses, and what they were in the recorded run."""
    of_fit = epochs_of(trace, fit)
    lines = []
    for epoch in [of_fit[0], of_fit[-1]] if len(of_fit) > 1 else of_fit:
        for name in ["loss"] if "loss" in epoch.metrics else list(epoch.metrics):
            value = epoch.metrics[name]
            lines.append(remark(f"Recorded: {name} {value!r} in epoch {epoch.number}."))
    shown = '["loss"]' if any("loss" in each.metrics for each in of_fit) else ""
    return [*lines, f"print(history.history{shown})\n"] if lines else []


def _optimizer(training: Training, context: Context) -> Expression:
    name, config = training.optimizer, dict(training.optimizer_config)
    if name == "LossScaleOptimizer" and isinstance(inner := config.get("inner_optimizer"), Mapping):
        # Keras puts it around the optimizer of a model in float16 by itself.
        name, config = str(inner.get("class_name")), dict(inner.get("config") or {})
    if name not in OWN:
        return call(own_name(name, context, "the optimizer"), *arguments(name, config, context))
    items = arguments(name, config, context)
    return call(f"keras.optimizers.{name}", *items) if items else literal(name.lower())


def _callbacks(given: Iterable[Callback]) -> list[Expression]:
    found: list[Expression] = []
    for each in given:
        defaults, settings = CALLBACKS[each.name], dict(each.settings)
        if "min_delta" in settings:  # Keras turns its sign where less is better
            settings["min_delta"] = abs(settings["min_delta"])
        if settings.get("mode") == _usual_mode(str(settings.get("monitor", "val_loss"))):
            settings.pop("mode", None)
        items = [
            Pair(f"{name}=", literal(value))
            for name, value in settings.items()
            if (name in defaults or name == "mode") and value != defaults.get(name)
        ]
        found.append(call(f"keras.callbacks.{each.name}", *items))
    return found


def _usual_mode(monitor: str) -> str:
    """What Keras looks for by itself."""
    return "max" if monitor.endswith(("acc", "accuracy", "auc")) else "min"


def _class(key: str) -> Any:
    return int(key) if key.lstrip("-").isdigit() else key
