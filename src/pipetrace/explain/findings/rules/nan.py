"""PT701: NaN and Inf in training."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain.events import sentence
from pipetrace.explain.findings.finding import ERROR, WARNING, Evidence, Finding
from pipetrace.explain.findings.layer_kinds import NONLINEAR, RESHAPING
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import figure
from pipetrace.explain.judgement import NON_FINITE as VALIDATION_BROKE
from pipetrace.explain.judgement import judgement
from pipetrace.trace.document import Stage
from pipetrace.trace.events import GRADIENT, INPUTS, LOSS, NON_FINITE, OUTPUT, TARGETS
from pipetrace.trace.measurements import TRAINING, Gradient, Outcome, Update

ROWS_FIRST = (
    "Check the rows first, then lower the learning rate. Make sure that no logarithm, division or "
    "root gets 0."
)


class NanOrInf(RunRule):
    code = "PT701"
    name = "nan-or-inf"
    category = "nan"
    level = ERROR
    needs = ("stages", "epochs")
    root_cause_of = (*POOR, "PT201", "PT202", "PT405", "PT502")
    what = "The loss or the weights became NaN or Inf; of the validation loss alone, a warning."
    why = "NaN spreads with every update to all weights, and nothing more is learned."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        if not run.broken:
            yield from self._in_validation(run)
            return
        trace = run.trace
        events = {
            number: each for number, each in enumerate(trace.events) if each.kind in NON_FINITE
        }
        evidence = [
            Evidence(sentence(trace, each), None, f"events[{number}]")
            for number, each in events.items()
        ]
        stage = next((each.stage for each in events.values() if each.stage is not None), None)
        losses = {epoch.number: epoch.metrics.get("loss", 0.0) for epoch in trace.epochs}
        epochs = [number for number, loss in losses.items() if not math.isfinite(loss)]
        if stage is None and run.first_not_finite is not None:
            # Before any step, so training is not the cause.
            stage = run.first_not_finite.name
            text = f"Before training the outputs of {stage} already contain NaN or Inf."
            place = f"measurements[signal/{stage}, epoch 0].not_finite"
            evidence.insert(0, Evidence(text, None, place))
        if not evidence and epochs:
            text = f"The loss was NaN or Inf in epoch {epochs[0]}."
            evidence = [Evidence(text, None, f"epochs[{epochs[0]}].metrics[loss]")]
        kinds = {each.kind for each in events.values()}
        if not evidence:
            evidence, stage, in_gradient = _in_weights(run)
            kinds |= {GRADIENT} if in_gradient else set()
        advice, change = ROWS_FIRST, ""
        # The gradient of such a loss is NaN from the last layer on.
        last = run.weighted[-1].name if run.weighted else None
        if at_once(run) and not kinds & {INPUTS, TARGETS, OUTPUT} and stage in (None, last):
            stage = None
            text = "Before training all outputs were finite, so the loss itself made it."
            evidence.append(Evidence(text, None, "measurements[outcome/training, epoch 0]"))
            advice = "Make sure that no logarithm, division or root in the loss gets 0."
            change = "keras.ops.log(keras.ops.maximum(y_pred, 1e-7))"
        elif GRADIENT in kinds and stage is not None:
            between = _without_weights(run, stage)
            if between is not None:
                text = (
                    f"Behind {stage} comes {between.name}, a layer without weights: the gradient "
                    "broke there or after it."
                )
                evidence.append(Evidence(text, None, f"stages[{between.name}]"))
                stage = between.name
            advice = "Make sure that no root, norm or division gets 0, where its gradient is Inf."
            change = "keras.ops.sqrt(keras.ops.maximum(squares, 1e-9))"
        elif not _before_any_update(run) and not kinds & {INPUTS, TARGETS}:
            advice = "Lower the learning rate by a factor of 10, or clip the gradients."
            change = "clipnorm=1.0"
        yield self.shown(*evidence, advice=advice, stage=stage, epochs=epochs, change=change)

    def _in_validation(self, run: MeasuredRun) -> Iterator[Finding]:
        last = judgement(run.trace).last
        if last is None or last.validation != VALIDATION_BROKE:
            return
        number, value = last.epoch.number, last.epoch.metrics["val_loss"]
        text = f"The validation loss was {figure(value)} in epoch {number}."
        found = self.fault(
            text,
            None,
            f"epochs[{number}].metrics[val_loss]",
            advice="Check the validation rows for NaN, Inf and very large values.",
            epochs=[number],
        )
        yield replace(found, level=WARNING)


def _in_weights(run: MeasuredRun) -> tuple[list[Evidence], str, bool]:
    """Which weights broke under finite losses, where, and whether their first gradient did."""
    broken = {
        name: epochs
        for name in run.kernels
        if (
            epochs := [
                epoch
                for epoch, norm in run.course(Update, name, lambda each: each.weight_norm).items()
                if not math.isfinite(norm)
            ]
        )
    }
    # Gradients come from the loss backwards: the last broken one is where it began.
    name = list(broken)[-1]
    text = f"{name} contains NaN or Inf after epoch {min(broken[name])}."
    evidence = [Evidence(text, None, f"measurements[update/{name}].weight_norm")]
    in_gradient = bool(run.of(Gradient, name, 0).not_finite)
    if in_gradient:
        text = f"Before training the gradient of {name} already contains NaN or Inf."
        evidence.append(Evidence(text, None, f"measurements[gradient/{name}, epoch 0].not_finite"))
    return evidence, run.owner(name), in_gradient


def at_once(run: MeasuredRun) -> bool:
    """Whether finite outputs gave a loss of NaN or Inf in the very first step."""
    has_loss = any(each.kind == LOSS for each in run.trace.events)
    finite = run.of(Outcome, TRAINING, 0).not_finite == 0
    return has_loss and finite and _before_any_update(run)


def _before_any_update(run: MeasuredRun) -> bool:
    """Whether NaN or Inf came in the very first step, before any rate had acted."""
    first = next((each for each in run.trace.events if each.kind in NON_FINITE), None)
    return first is not None and (first.epoch, first.step) == (1, 1)


def _without_weights(run: MeasuredRun, name: str) -> Stage | None:
    """The first stage behind one that has no weights and is no plain activation or reshaping."""
    left, seen = run.after(run.stage(name)), set[str]()
    while left:
        stage = left.pop(0)
        if stage.weights:
            return None
        plain = stage.layer in RESHAPING or run.activation(stage) in NONLINEAR
        if not plain:
            return stage
        if stage.name not in seen:
            seen.add(stage.name)
            left += run.after(stage)
    return None
