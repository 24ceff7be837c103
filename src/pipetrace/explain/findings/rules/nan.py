"""PT701: NaN and Inf in training."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain.events import sentence
from pipetrace.explain.findings.finding import ERROR, WARNING, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import figure
from pipetrace.explain.judgement import NON_FINITE as VALIDATION_BROKE
from pipetrace.explain.judgement import judgement
from pipetrace.trace.events import NON_FINITE
from pipetrace.trace.measurements import Update


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
        if not evidence:
            norms = {
                each: run.of(Update, each, run.last_epoch).weight_norm or 0.0
                for each in run.kernels
            }
            name = next(each for each, norm in norms.items() if not math.isfinite(norm))
            stage = name.rpartition("/")[0]
            text = f"{name} contains NaN or Inf after epoch {run.last_epoch}."
            evidence = [Evidence(text, None, f"measurements[update/{name}].weight_norm")]
        yield self.fault(
            *evidence,
            advice="Check the rows first, then lower the learning rate. Make sure that no "
            "logarithm, division or root gets 0.",
            stage=stage,
            epochs=epochs,
        )

    def _in_validation(self, run: MeasuredRun) -> Iterator[Finding]:
        last = judgement(run.trace).last
        if last is None or last.validation != VALIDATION_BROKE:
            return
        number, value = last.epoch.number, last.epoch.metrics["val_loss"]
        text = f"The validation loss was {figure(value)} in epoch {number}."
        found = self.fault(
            Evidence(text, None, f"epochs[{number}].metrics[val_loss]"),
            advice="Check the validation rows for NaN, Inf and very large values.",
            epochs=[number],
        )
        yield replace(found, level=WARNING)
