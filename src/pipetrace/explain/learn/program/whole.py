"""A whole program: imports, rows, model, ``compile`` and each ``fit``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipetrace.explain.learn.program.data import rows_of, saving
from pipetrace.explain.learn.program.model import ModelWriter
from pipetrace.explain.learn.program.objects import Context, own_name
from pipetrace.explain.learn.program.text import call, remark, statement
from pipetrace.explain.learn.program.training import compiled, fitted, printed
from pipetrace.explain.learn.program.wiring import MODELS
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import InitialWeight
from pipetrace.trace.training import Fit


@dataclass(frozen=True)
class Part:
    """A part of a program."""

    # ``imports``, ``data``, ``model``, ``compile`` or ``fit``; the later fits of a model come as
    # ``fit 2`` and so on
    name: str
    code: str


@dataclass(frozen=True)
class Program:
    """The Keras program of a run."""

    parts: tuple[Part, ...]  # in order
    # what could not be reconstructed, in words; the code has a comment at its place
    missing: tuple[str, ...]
    own: tuple[str, ...]  # the names of the classes and functions that the user has to add

    @property
    def code(self) -> str:
        """All parts: Python, in lines of at most 88 characters."""
        return "".join(each.code for each in self.parts)

    def part(self, name: str) -> str:
        """The code of one part; empty where there is none."""
        return "".join(each.code for each in self.parts if each.name == name)


def program(trace: Trace) -> Program:
    """The program that builds and trains the recorded model; what is not recorded is a comment."""
    context = Context(policy=trace.run.training.policy)
    parts: list[tuple[str, Sequence[str]]] = []
    fits = trace.fits
    rows = rows_of(trace, context, fits[0]) if fits else None
    if rows is not None:
        parts.append(("data", rows.lines))
    parts.append(("model", _model(trace, context)))
    by_fit = trace.run.step is None or trace.run.step.by_fit
    if fits or trace.run.training.optimizer:
        first = fits[0].training if fits else trace.run.training
        parts.append(("compile", compiled(trace, context, first)))
    if fits and not by_fit:
        context.lacks("the training loop, which is your own")
        parts.append(("fit", [remark("The training loop is your own: its code is not recorded.")]))
    elif rows is not None:
        lines = [*fitted(context, fits[0], None, rows), *printed(trace, fits[0])]
        parts.append(("fit", lines))
        parts += _later_fits(trace, context, fits)
    if not fits:
        context.lacks("the weights and the training: the trace is of a model that was not trained")
    if rows is not None:
        parts[0] = ("data", [saving(context), *rows.lines])
    parts.insert(0, ("imports", _imports(context)))
    *others, last = [(name, "".join(lines)) for name, lines in parts]
    made = (*(Part(name, f"{code}\n") for name, code in others), Part(*last))
    return Program(made, tuple(context.missing), tuple(context.own))


def _model(trace: Trace, context: Context) -> list[str]:
    model = trace.run.model
    if model is None:
        context.lacks("the model")
        return [remark("The model is not recorded.")]
    lines = list[str](_seed(trace) if trace.fits else [])
    if not model.config:
        if model.layer in MODELS:
            context.lacks(f"the model: the configuration of {model.name} was not recorded")
            return [*lines, remark("The model's configuration was not recorded.")]
        made = own_name(model.layer, context, "the class")
        text = "What the class is made with is not recorded."
        return [*lines, remark(text), statement("model", call(made))]
    if (begun := _begun(trace)) is not None:
        context.lacks("the weights that the model began with")
        lines.append(remark(begun))
    writer = ModelWriter(trace, context)
    try:
        if "input_layers" in model.config:
            writer.functional(model.config, "model")
        else:
            writer.lines.append(statement("model", writer.sequential(model.config)))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # Whoever wrote the file, it was not this recorder.
        context.lacks("the model: its configuration cannot be read")
        return [*lines, remark("The model's configuration cannot be read.")]
    return [*(["\n", *writer.functions] if writer.functions else []), *lines, *writer.lines]


def _seed(trace: Trace) -> list[str]:
    """The line that sets the seed, and what is known of the numbers that follow from it."""
    seed, model = trace.run.training.seed, trace.run.model
    if seed is None:
        return [remark("No seed is recorded, so each run draws other initial weights.")]
    line = f"keras.utils.set_random_seed({seed})\n"
    places = model.seed_places if model is not None else {}
    if places and (before := min(places.values())):
        text = f"In the recorded run {before} random seeds were drawn before the model's."
        return [line, remark(text)]
    return [line]


def _begun(trace: Trace) -> str | None:
    """What shows that a model did not begin with new weights; None where nothing does."""
    for stage in trace.stages:
        for weight in stage.weights:
            given = stage.config.get(f"{weight.name}_initializer")
            is_zeros = isinstance(given, Mapping) and given.get("class_name") == "Zeros"
            initial = trace.measurements.of(InitialWeight, f"{stage.name}/{weight.name}", 0)
            is_other = initial.min or initial.max
            if is_zeros and is_other and not stage.config.get("unit_forget_bias"):
                return (
                    f"The recorded run began with other weights: the {weight.name} of {stage.name} "
                    "was not zero before training. Load yours, or the losses differ."
                )
    return None


def _later_fits(
    trace: Trace, context: Context, fits: Sequence[Fit]
) -> list[tuple[str, Sequence[str]]]:
    """The further calls of ``fit``, with what changed before each."""
    found = list[tuple[str, Sequence[str]]]()
    known = {fits[0].fingerprint: 0}
    for place, (before, fit) in enumerate(pairwise(fits), 2):
        lines: list[str] = []
        at = known.setdefault(fit.fingerprint, len(known))
        rows = rows_of(trace, context, fit, at)
        if at == len(known) - 1 and at and fit.fingerprint != before.fingerprint:
            lines += rows.lines
        lines += _changes(trace, context, before, fit)
        lines += fitted(context, fit, before, rows)
        found.append((f"fit {place}", [*lines, *printed(trace, fit)]))
    return found


def _changes(trace: Trace, context: Context, before: Fit, fit: Fit) -> list[str]:
    """What was set between two calls of ``fit``."""
    lines: list[str] = []
    layers = trace.run.model.config.get("layers") if trace.run.model else None
    known = layers if isinstance(layers, list) else []
    names = {str(layer["config"].get("name")) for layer in known}
    for trains, changed in (
        (False, [each for each in fit.frozen if each not in before.frozen]),
        (True, [each for each in before.frozen if each not in fit.frozen]),
    ):
        for name in changed:
            if name in names:
                lines.append(f'model.get_layer("{name}").trainable = {trains}\n')
            else:
                context.lacks(f"how {name} was {'thawed' if trains else 'frozen'}")
    one, other = before.training, fit.training
    if fit.initial_epoch is not None and fit.initial_epoch != before.last_epoch:
        text = f"The model then had the weights after epoch {fit.initial_epoch} again."
        lines.append(remark(text))
        context.lacks("how weights were set between two calls of fit")
    same = one.compile_config == other.compile_config and one.optimizer == other.optimizer
    if lines or not same or one.optimizer_config != other.optimizer_config:
        lines += compiled(trace, context, other)
    return lines


def _imports(context: Context) -> list[str]:
    """The imports, sorted as Ruff sorts them, and what the user has to add."""
    standard = [each for each in sorted(context.modules) if each.startswith("pathlib")]
    ours = [each for each in sorted(context.modules) if each.startswith("pipetrace")]
    lines = [f"from {each.replace(':', ' import ')}\n" for each in standard]
    lines += ["\n"] if standard else []
    lines.append("import keras\n")
    lines += ["import numpy as np\n"] if "numpy" in context.modules else []
    lines += ["import tensorflow as tf\n"] if "tensorflow" in context.modules else []
    lines.append(f"from keras import layers{', ops' if 'ops' in context.modules else ''}\n")
    lines += [f"from {each.replace(':', ' import ')}\n" for each in ours]
    if context.policy != "float32":
        lines.append(f'\nkeras.config.set_dtype_policy("{context.policy}")\n')
    if context.own:
        names = ", ".join(context.own)
        lines.append("\n" + remark(f"Your own code, which is not recorded, goes here: {names}."))
    return lines
