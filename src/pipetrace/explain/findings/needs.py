"""What rules need to have been recorded, and what of it a trace lacks."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from pipetrace.explain.facts import layer_stages
from pipetrace.trace.document import SOURCE, Trace
from pipetrace.trace.measurements import (
    TRAINING,
    VALIDATION,
    BaselineModel,
    BatchDependence,
    ClassOutcome,
    DatasetCheck,
    Figures,
    FitArguments,
    Gradient,
    InitialWeight,
    LossPoint,
    NormalizedInput,
    Outcome,
    ShiftedTargets,
    Signal,
    StepLosses,
    UntrackedVariables,
    Update,
)

Need: TypeAlias = str
"""Something that can be recorded: a key of ``NEEDS``."""


def _measured(kind: type[Figures], name: str | None = None) -> Callable[[Trace], bool]:
    def check(trace: Trace) -> bool:
        names = trace.measurements.names(kind)
        return name in names if name is not None else bool(names)

    return check


def _input_values(trace: Trace) -> bool:
    sources = [stage for stage in trace.stages if stage.kind == SOURCE]
    return _measured(DatasetCheck, TRAINING)(trace) or any(each.summary for each in sources)


def _validation_rows(trace: Trace) -> bool:
    """Without a validation set there is nothing to record."""
    return trace.run.data.validation_rows == 0 or _measured(DatasetCheck, VALIDATION)(trace)


def _class_outcomes(trace: Trace) -> bool:
    """An outcome that is not of classes has none."""
    measured = trace.measurements
    epochs = measured.epochs(Outcome, TRAINING)
    numbers = all(measured.of(Outcome, TRAINING, epoch).accuracy is None for epoch in epochs)
    return (bool(epochs) and numbers) or _measured(ClassOutcome)(trace)


def _normalized_inputs(trace: Trace) -> bool:
    """Without a batch normalization there is nothing to record."""
    has_any = any(stage.layer == "BatchNormalization" for stage in trace.stages)
    return not has_any or _measured(NormalizedInput)(trace)


def _summaries(trace: Trace) -> bool:
    """Of the outputs of layers, over all rows or over the probe rows of an epoch."""
    layers = layer_stages(trace)
    return any(stage.summary for stage in layers) or any(each.probe for each in trace.epochs)


NEEDS: Mapping[Need, Callable[[Trace], bool]] = {
    "stages": lambda trace: bool(trace.stages),
    "epochs": lambda trace: bool(trace.epochs),
    "targets": lambda trace: bool(trace.run.data.targets),
    "summaries": _summaries,
    "input values": _input_values,
    "fit arguments": _measured(FitArguments),
    "training rows": _measured(DatasetCheck, TRAINING),
    "validation rows": _validation_rows,
    "outcomes": _measured(Outcome, TRAINING),
    "class outcomes": _class_outcomes,
    "batch comparisons": _measured(BatchDependence),
    "baseline models": _measured(BaselineModel),
    "shifted targets": _measured(ShiftedTargets),
    "activations": _measured(Signal),
    "normalized inputs": _normalized_inputs,
    "initial weights": _measured(InitialWeight),
    "untracked variables": _measured(UntrackedVariables),
    "weight updates": _measured(Update),
    "gradients": _measured(Gradient),
    "losses": _measured(LossPoint),
    "step losses": _measured(StepLosses),
}
"""What a rule can need, and whether a trace has it."""


def missing(trace: Trace, needs: Iterable[Need]) -> tuple[Need, ...]:
    """What of this was not recorded."""
    return tuple(need for need in needs if not NEEDS[need](trace))
