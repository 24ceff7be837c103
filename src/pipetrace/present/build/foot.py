"""The foot of a document: how everything was measured, and what of it was not."""

from dataclasses import replace
from itertools import zip_longest

from pipetrace.explain import task
from pipetrace.explain.facts import (
    layers_words,
    own_pipeline,
    rebuilds,
    train_rows,
    trained,
    validation_rows,
)
from pipetrace.explain.fits import weights_words
from pipetrace.explain.formatting import (
    counted,
    dimensions,
    duration,
    figure,
    listed,
    number,
    share,
)
from pipetrace.explain.headline import shortened
from pipetrace.explain.overhead import omissions, spent
from pipetrace.present.views import Fact
from pipetrace.trace.document import FINISHED, RUNNING, STOPPED, Parameters, Trace
from pipetrace.trace.rows import Target
from pipetrace.trace.training import Callback, Fit, StepFacts, Training

SHOWN_SETTINGS = ("mode", "patience", "restore_best_weights", "save_best_only", "factor")
"""Settings of callbacks that are told, where they have them."""
MOST_PARTS = 4
"""Parts of the recording that are texts by name."""


def foot(trace: Trace) -> tuple[Fact, ...]:
    """How a trace was measured, line by line."""
    run, message = trace.run, trace.ending.error
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    found = [
        Fact("How this was measured", _measured(trace)),
        Fact("Error", " ".join(message.split()))
        if message and shortened(message) != message
        else None,
        Fact("Recording", _recording(trace)),
        Fact("Not recorded", omitted) if (omitted := omissions(trace)) else None,
        Fact("Command", run.command or "not recorded"),
        Fact("Seed", str(run.training.seed)) if run.training.seed is not None else None,
        Fact("Training", _trainings(trace)) if trained(trace) else None,
        Fact("Data", _data(trace)),
        Fact("Model", _model(trace)),
        Fact("Versions", f"{versions}; {run.platform}."),
    ]
    return tuple(fact for fact in found if fact is not None)


def data(trace: Trace) -> str:
    """The data set in a sentence, or the targets if its source has no description."""
    facts = trace.run.data
    if facts.description:
        return f"{facts.name}. {facts.description}" if facts.name else facts.description
    known = task.outputs(trace) if len(task.outputs(trace)) == len(facts.targets) else ()
    texts = [
        f"{f'{target.name}, ' if target.name else ''}{_target(target, of)}"
        for target, of in zip_longest(facts.targets, known)
        if target is not None
    ]
    if rebuilds(trace):
        texts = ["the input itself"]
    wanted = f"{'Targets' if len(texts) > 1 else 'Target'}: {'; '.join(texts)}." if texts else ""
    return " ".join(text for text in (f"Data: {facts.name}." if facts.name else "", wanted) if text)


def _target(target: Target, output: task.Output | None) -> str:
    """What one output is to give, as it was seen."""
    classes = output.shape[-1] if output is not None and output.what == task.CLASSES else None
    if classes and classes == target.shape[-1] and (target.min, target.max) == (0, 1):
        places = dimensions(target.shape[:-1])
        each = "" if places == "1" else f" at each of {places} positions"
        return f"one of {counted(classes, 'class', 'classes')}{each}, one-hot"
    each = dimensions(target.shape)
    shape = "" if each == "1" else f"{each} for each row, "
    if target.min is None or target.max is None:
        return f"{shape}{target.dtype}"
    span = f"from {figure(target.min)} to {figure(target.max)}"
    if target.whole and target.distinct is not None:
        return f"{shape}whole numbers {span}, {number(target.distinct)} different ones"
    return f"{shape}numbers {span}"


def _measured(trace: Trace) -> str:
    began = f"Every figure was measured in one run that began {trace.run.created}"
    if not trace.rows:
        early = {FINISHED: "", STOPPED: "", RUNNING: " and still runs"}.get(
            trace.ending.kind, " and ended early"
        )
        return f"{began}{early}, or computed from it."
    text = f"{began}, or computed from it. "
    if own_pipeline(trace):
        aside = all(made.validation for made in trace.predictions)
        drawn = "; the row that it draws is a validation row" if aside else ""
        rows = counted(trace.rows, "training row")
        return f"{text}The data flow was measured on all {rows} after training{drawn}."
    text += f"The data flow shows {counted(trace.rows, 'row')}"
    text += " after training." if trace.epochs else "."
    if trace.histogram_rows is not None:
        text += (
            " Counts, extremes, mean and deviation are of all of them, the distributions of "
            f"{number(trace.histogram_rows)} evenly spaced ones."
        )
    if not trace.run.data.complete:
        rows = counted(trace.rows, "row")
        spread = trace.run.training.processes is not None
        of = f"the {rows} of one process" if spread else f"{rows} of the first batches"
        text += f" The recorder saw {of}, not all of the data."
    return text


def _recording(trace: Trace) -> str:
    overhead = trace.overhead
    parts = sorted(trace.cost.items(), key=lambda part: -part[1])
    texts = [f"{name} {duration(seconds)}" for name, seconds in parts]
    if overhead is not None and overhead.training > 0:
        others = sum(seconds for _, seconds in parts[MOST_PARTS:])
        if len(parts) > MOST_PARTS:
            count = counted(len(parts) - MOST_PARTS, "other part")
            texts[MOST_PARTS:] = [f"{count} {duration(others)}"]
        return f"{spent(trace)}. The largest parts: {listed(texts)}."
    cost, trained_for = sum(trace.cost.values()), sum(epoch.seconds for epoch in trace.epochs)
    if cost and trained_for:
        whole = share(cost / (cost + trained_for))
        beside = f"{duration(cost)} beside {duration(trained_for)} of training"
        return f"{beside}, {whole} of both: {', '.join(texts)}."
    return (
        f"{duration(cost)}: {', '.join(texts)}." if cost and not trained(trace) else "not recorded."
    )


def _trainings(trace: Trace) -> str:
    """The settings, fit by fit where there are several."""
    fits = trace.fits
    if len(fits) < 2:
        return _training(trace.run.training, trace.run.step)
    return " ".join(
        f"Fit {place}, {_epochs(fit)}: {_training(_own(fit))}" for place, fit in enumerate(fits, 1)
    )


def _own(fit: Fit) -> Training:
    """The settings of a fit, with the epochs that it planned itself."""
    return replace(fit.training, epochs=max(0, fit.training.epochs - fit.first_epoch + 1))


def _epochs(fit: Fit) -> str:
    if fit.last_epoch is None:
        return "no epoch finished"
    if fit.last_epoch == fit.first_epoch:
        return f"epoch {fit.first_epoch}"
    return f"epochs {fit.first_epoch} to {fit.last_epoch}"


def _training(training: Training, step: StepFacts | None = None) -> str:
    several = [f"{loss} for {name}" for name, loss in training.losses.items()]
    several_optimizers = [
        f"{each.optimizer} ({each.name})" for each in (step.optimizers if step else ())
    ]
    # Where the step's one loss is Keras' own ``loss``, the function behind it says more.
    own = listed(step.losses) if step and step.own and step.losses != ("loss",) else ""
    parts = [
        listed(several_optimizers)
        if len(several_optimizers) > 1
        else training.optimizer or "no optimizer",
        own or (listed(several) if len(several) > 1 else training.loss or "no loss"),
    ]
    if training.from_logits:
        parts[1] += " of scores (from_logits)"
    if training.batch_size is not None:
        parts.append(f"batches of {number(training.batch_size)}{_spread(training)}")
    parts.append(f"{counted(training.epochs, 'epoch')} planned")
    text = f"{', '.join(parts)}."
    if training.callbacks:
        text += f" Callbacks: {', '.join(map(_callback, training.callbacks))}."
    if weights := weights_words(training):
        text += f" The training loss has {weights}."
        text += " Class weights do not count in validation." if training.class_weights else ""
    if training.policy != "float32":
        text += f" Computed under the dtype policy {training.policy}."
    return text


def _spread(training: Training) -> str:
    """Where the rows of a batch are; nothing where one device has them all."""
    replicas, devices = training.replicas, training.devices
    text = f" on {number(replicas)} replicas" if replicas else ""
    if devices and devices > (replicas or 1):
        each = counted(devices // (replicas or 1), "device")
        text += f" of {each} each" if replicas else f" on {each}"
    if training.processes:
        text += f" in{'' if text else ' one of'} {number(training.processes)} processes"
    return text


def _callback(callback: Callback) -> str:
    """Its class, and what it watches."""
    settings = callback.settings
    watched = [str(settings["monitor"])] if "monitor" in settings else []
    watched += [f"{name}={settings[name]}" for name in SHOWN_SETTINGS if settings.get(name)]
    return f"{callback.name} ({', '.join(watched)})" if watched else callback.name


def _data(trace: Trace) -> str:
    data, rows, validation = trace.run.data, train_rows(trace), validation_rows(trace)
    parts = []
    if trained(trace):
        of = f" of {number(data.available)}" if data.available else ""
        parts.append(
            f"{counted(rows, 'row')}{of} trained on"
            if rows
            else "how many rows were trained on is not known"
        )
        if validation or data.validation_rows == 0:
            parts.append(f"{number(validation)} for validation")
    elif data.available or trace.rows:
        parts.append(counted(data.available or trace.rows, "row"))
    text = ", ".join(parts)
    if not data.complete:
        text += f"{'; ' if text else ''}the recorder did not see them all"
    fingerprint = f"fingerprint {data.fingerprint[:16]}" if data.fingerprint else ""
    name = f"{data.name}: " if data.name else ""
    return f"{name}{'; '.join(part for part in (text, fingerprint) if part)}."


def _model(trace: Trace) -> str:
    model, run = trace.run.model, trace.run
    hashed = f"fingerprint of configuration and first weights {run.model_fingerprint[:16]}."
    if model is None:
        return hashed
    count, _, how = layers_words(trace).partition(", ")
    layers = f"{count} {'layer' if count == '1' else 'layers'}{f' ({how})' if how else ''}"
    return f"{model.name}, {model.layer}, {layers}, {_parameters(model.parameters)}; {hashed}"


def _parameters(parameters: Parameters) -> str:
    if not parameters.frozen:
        return counted(parameters.total, "parameter")
    return (
        f"{counted(parameters.total, 'parameter')}: {number(parameters.trainable)} trainable and "
        f"{number(parameters.frozen)} frozen"
    )
