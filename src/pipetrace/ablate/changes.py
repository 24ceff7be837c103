"""The changes that can be tried on a run, derived from its trace.

Each is a row of ``CHANGES``: a code, and a function that says what is changed in the run of a
trace, or None where there is nothing to change. ``explain.ablations`` has the words for the codes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pipetrace.trace.document import LAYER, SOURCE, STEP, Stage, Trace

IDENTITY, FLATTEN = "Identity", "Flatten"
"""The layers without weights that stand in for a layer that is removed."""
MODELS = frozenset({"Functional", "Sequential"})
"""The models whose layers can be changed: their configuration says how these are connected."""

DIMENSIONS = ("1D", "2D", "3D")
POOLING = frozenset(f"{kind}Pooling{each}" for kind in ("Max", "Average") for each in DIMENSIONS)
GLOBAL_POOLING = frozenset(f"Global{each}" for each in POOLING)
CONVOLUTIONS = frozenset(
    f"{kind}{each}" for kind in ("Conv", "SeparableConv") for each in DIMENSIONS
)
RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN"})
ACTIVATIONS = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
SCALING = frozenset({"Rescaling", "Normalization"})
NORMALIZATION = frozenset(
    f"{kind}Normalization" for kind in ("Batch", "Layer", "Group", "RMS", "Unit", "Spectral")
) - {"SpectralNormalization"}
DROPOUT = frozenset(
    {"Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"}
    | {f"SpatialDropout{each}" for each in DIMENSIONS}
)
SIZES: Mapping[str, str] = {
    "Dense": "units",
    **dict.fromkeys(CONVOLUTIONS, "filters"),
    **dict.fromkeys(RECURRENT, "units"),
}
"""The setting that holds how many units or filters a layer has."""

Replacement: TypeAlias = str | Mapping[str, Any]
"""The class that stands in for a layer, or settings of its own that are changed."""


@dataclass(frozen=True)
class Edit:
    """What is done to a run before it trains."""

    # what is done to layers, by their paths in the trace
    layers: Mapping[str, Replacement] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()  # the paths of layers that do not train
    rate: float = 1.0  # by how much the learning rate is multiplied
    optimizer: str = ""  # the class that takes the place of the optimizer; empty for its own
    # arguments of ``fit`` that are given in place of the run's
    fit: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0  # by how much the rows are multiplied, validation rows included
    every: int = 1  # which training rows are taken: each first of so many

    @property
    def other_rows(self) -> bool:
        """Whether it trains on other rows than the run."""
        return self.scale != 1.0 or self.every != 1


class _Model:
    """The layers of a trace's model that can be changed."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.stages = {stage.name: stage for stage in trace.stages}
        facts = trace.run.model
        closed = tuple(f"{each.path}/" for each in trace.groups if each.layer not in MODELS)
        own = [
            stage
            for stage in trace.stages
            if stage.kind == LAYER
            and stage.layer != "InputLayer"
            and not stage.path.startswith(closed or "//")
            and stage.outputs
        ]
        usable = facts is not None and facts.layer in MODELS
        self.tail = self._tail() if usable else set()
        self.hidden = [stage for stage in own if usable and stage.name not in self.tail]
        self.heads = [
            stage for stage in own if stage.name in self.tail and stage.parameters.total > 0
        ]

    def _tail(self) -> set[str]:
        """The last layers with weights, and what is behind them: they make the output."""
        facts, found = self.trace.run.model, set[str]()
        waiting = [spec.source for spec in facts.outputs] if facts else []
        while waiting:
            stage = self.stages.get(waiting.pop() or "")
            if stage is None or stage.name in found:
                continue
            found.add(stage.name)
            if not stage.parameters.total:
                waiting += [spec.source for spec in stage.inputs]
        return found

    def of(self, kinds: Collection[str | None]) -> list[Stage]:
        """The hidden layers of some classes."""
        return [stage for stage in self.hidden if stage.layer in kinds]

    @property
    def is_chain(self) -> bool:
        """Whether each stage within has one input and the model one output."""
        inside = [each for each in self.trace.stages if each.kind not in (SOURCE, STEP)]
        facts = self.trace.run.model
        singly = all(
            each.kind == LAYER and len(each.inputs) == len(each.outputs) == 1 for each in inside
        )
        return singly and facts is not None and len(facts.outputs) == 1


def path_of(stage: Stage) -> str:
    """Where a layer sits in its model: the path without the number of the call."""
    return stage.path.partition(":")[0]


def _edit(layers: Iterable[tuple[Stage, Replacement]]) -> Edit | None:
    found = {path_of(stage): each for stage, each in layers}
    return Edit(found) if found else None


def _removed(model: _Model, kinds: Collection[str]) -> Edit | None:
    return _edit((stage, IDENTITY) for stage in model.of(kinds))


def _no_scaling(model: _Model) -> Edit | None:
    steps = [stage for stage in model.trace.stages if stage.kind == STEP]
    config = steps[-1].config if steps else {}
    if len(steps) == 1 and config.get("operation") == "divide" and config.get("by"):
        return Edit(scale=float(config["by"]))
    return _removed(model, SCALING)


def _no_pooling(model: _Model) -> Edit | None:
    pools = [(stage, IDENTITY) for stage in model.of(POOLING)]
    return _edit([*pools, *((stage, FLATTEN) for stage in model.of(GLOBAL_POOLING))])


def _one_filter(model: _Model) -> Edit | None:
    several = [each for each in model.of(CONVOLUTIONS) if each.config.get("filters", 1) > 1]
    return _edit([(stage, {"filters": 1}) for stage in several[:1]])


def _is_active(stage: Stage) -> bool:
    return stage.layer in ("Dense", *CONVOLUTIONS) and stage.config.get("activation") not in (
        None,
        "linear",
    )


def _no_activation(model: _Model) -> Edit | None:
    inner = [(each, {"activation": "linear"}) for each in model.hidden if _is_active(each)]
    return _edit([*inner, *((stage, IDENTITY) for stage in model.of(ACTIVATIONS))])


def _linear_model(model: _Model) -> Edit | None:
    rest = [each for each in model.hidden if each.layer not in SCALING]
    works = [each for each in rest if each.parameters.trainable or each.layer in ACTIVATIONS]
    if not (works and model.is_chain and [each.layer for each in model.heads] == ["Dense"]):
        return None
    given = model.heads[0].inputs[0].shape
    if len(given) != 2 or not rest[0].inputs[0].dtype.startswith(("float", "bfloat")):
        return None  # numbers of words, say, of which no sum means anything
    end = FLATTEN if len(rest[0].inputs[0].shape) > 2 else IDENTITY
    return _edit([*((stage, IDENTITY) for stage in rest[:-1]), (rest[-1], end)])


def _no_dropout(model: _Model) -> Edit | None:
    inner = [
        (each, {"dropout": 0.0, "recurrent_dropout": 0.0})
        for each in model.of(RECURRENT)
        if each.config.get("dropout") or each.config.get("recurrent_dropout")
    ]
    return _edit([*inner, *((stage, IDENTITY) for stage in model.of(DROPOUT))])


def _no_augmentation(model: _Model) -> Edit | None:
    return _edit((each, IDENTITY) for each in model.hidden if (each.layer or "")[:6] == "Random")


def _no_penalty(model: _Model) -> Edit | None:
    found = []
    for stage in (*model.hidden, *model.heads):
        names = [name for name in stage.config if name.endswith("_regularizer")]
        if given := [name for name in names if stage.config[name]]:
            found.append((stage, dict.fromkeys(given)))
    return _edit(found)


def _half_units(model: _Model) -> Edit | None:
    return _edit(
        (stage, {name: size // 2})
        for stage in model.of(SIZES)
        if (size := stage.config.get(name := SIZES[stage.layer or ""], 0)) > 1
    )


def _one_layer_fewer(model: _Model) -> Edit | None:
    """Remove the last hidden layer that keeps the shape; of a chain the last one of all."""
    found = model.of(SIZES)
    same = [each for each in found if each.inputs[0].shape == each.outputs[0].shape]
    last = (found if model.is_chain else same)[-1:]
    ranks = [len(each[0].shape) for stage in last for each in (stage.inputs, stage.outputs)]
    return _edit((stage, FLATTEN if ranks[0] > ranks[1] else IDENTITY) for stage in last)


def _untrained_layers(model: _Model) -> Edit | None:
    paths = [path_of(each) for each in model.hidden if each.parameters.trainable]
    return Edit(frozen=tuple(dict.fromkeys(paths))) if paths and model.heads else None


def _has_arrays(model: _Model) -> bool:
    fits = model.trace.fits
    by_demo = model.trace.run.data.origin != "fit"
    return bool(fits) and (by_demo or fits[0].data in ("array", "arrays"))


def _one_optimizer(model: _Model) -> bool:
    """Whether the run has one optimizer, that of ``compile``."""
    run = model.trace.run
    several = run.step is not None and [each.name for each in run.step.optimizers] != ["optimizer"]
    return bool(run.training.optimizer) and not several


def _learning_rate(model: _Model, factor: float) -> Edit | None:
    rate = model.trace.run.training.optimizer_config.get("learning_rate")
    is_constant = isinstance(rate, float) and _one_optimizer(model)
    return Edit(rate=factor) if is_constant else None


CHANGES: Mapping[str, Callable[[_Model], Edit | None]] = {
    "no_scaling": _no_scaling,
    "no_pooling": _no_pooling,
    "one_filter": _one_filter,
    "no_activation": _no_activation,
    "linear_model": _linear_model,
    "no_normalization": lambda model: _removed(model, NORMALIZATION),
    "no_dropout": _no_dropout,
    "no_augmentation": _no_augmentation,
    "no_penalty": _no_penalty,
    "half_units": _half_units,
    "one_layer_fewer": _one_layer_fewer,
    "untrained_layers": _untrained_layers,
    "half_rows": lambda model: Edit(every=2) if _has_arrays(model) else None,
    "no_shuffling": lambda model: Edit(fit={"shuffle": False}) if _has_arrays(model) else None,
    "no_class_weights": lambda model: (
        Edit(fit={"class_weight": None}) if model.trace.run.training.class_weights else None
    ),
    "plain_sgd": lambda model: (
        Edit(optimizer="SGD")
        if _one_optimizer(model) and model.trace.run.training.optimizer != "SGD"
        else None
    ),
    "rate_times_100": lambda model: _learning_rate(model, 100.0),
    "rate_by_100": lambda model: _learning_rate(model, 0.01),
}
"""What is changed, by the code of the change."""


def offered(trace: Trace) -> dict[str, Edit]:
    """The changes that can be tried on the run of a trace, by their codes, in order.

    Of two that do the same, such as of a model with one hidden layer, the first is offered.
    """
    model, found = _Model(trace), dict[str, Edit]()
    for code, change in CHANGES.items():
        edit = change(model)
        if edit is not None and edit not in found.values():
            found[code] = edit
    return found
