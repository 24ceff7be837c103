"""What rules need to have been recorded, and what of it a trace lacks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

from pipetrace.explain.findings.measurements import HELD_OUT, TRAINING
from pipetrace.trace.document import SOURCE, STEP, Trace

Need: TypeAlias = Literal[
    "stages",
    "epochs",
    "targets",
    "summaries",
    "input values",
    "fit arguments",
    "training rows",
    "validation rows",
    "outcomes",
    "class outcomes",
    "baseline models",
    "shifted targets",
    "activations",
    "initial weights",
    "weight updates",
    "gradients",
    "losses",
    "step losses",
]


def _measured(part: str, name: str | None = None) -> Callable[[Trace], bool]:
    return lambda trace: any(
        each.part == part and name in (None, each.name) for each in trace.measurements
    )


def _input_values(trace: Trace) -> bool:
    sources = [stage for stage in trace.stages if stage.kind == SOURCE]
    return _measured("rows", TRAINING)(trace) or any(each.summary for each in sources)


def _validation_rows(trace: Trace) -> bool:
    """Without a validation set there is nothing to record."""
    return trace.run.data.validation_rows == 0 or _measured("rows", HELD_OUT)(trace)


def _class_outcomes(trace: Trace) -> bool:
    """An outcome that is not of classes has none."""
    outcomes = [
        each for each in trace.measurements if each.part == "outcome" and each.name == TRAINING
    ]
    numbers = bool(outcomes) and not any("accuracy" in each.values for each in outcomes)
    return numbers or _measured("class")(trace)


def _summaries(trace: Trace) -> bool:
    """Of the outputs of layers, over all rows or over the probe rows of an epoch."""
    layers = [stage for stage in trace.stages if stage.kind not in (SOURCE, STEP)]
    return any(stage.summary for stage in layers) or any(each.probe for each in trace.epochs)


NEEDS: Mapping[Need, Callable[[Trace], bool]] = {
    "stages": lambda trace: bool(trace.stages),
    "epochs": lambda trace: bool(trace.epochs),
    "targets": lambda trace: bool(trace.run.data.targets),
    "summaries": _summaries,
    "input values": _input_values,
    "fit arguments": _measured("fit"),
    "training rows": _measured("rows", TRAINING),
    "validation rows": _validation_rows,
    "outcomes": _measured("outcome", TRAINING),
    "class outcomes": _class_outcomes,
    "baseline models": _measured("learner"),
    "shifted targets": _measured("lag"),
    "activations": _measured("signal"),
    "initial weights": _measured("initial"),
    "weight updates": _measured("update"),
    "gradients": _measured("gradient"),
    "losses": _measured("slope"),
    "step losses": _measured("steps"),
}
"""What a rule can need, and whether a trace has it."""


def missing(trace: Trace, needs: Iterable[Need]) -> tuple[Need, ...]:
    """What of this was not recorded."""
    return tuple(need for need in needs if not NEEDS[need](trace))
