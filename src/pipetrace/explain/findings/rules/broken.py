"""PT7xx: numbers that broke."""

from collections.abc import Iterator

from pipetrace.explain.events import sentence
from pipetrace.explain.findings.figures import POOR, figures_of
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.trace.document import Trace
from pipetrace.trace.events import NON_FINITE
from pipetrace.trace.measurements import Signal, Update


class NotANumber(Rule):
    """A loss or weights that are no numbers any more."""

    code = "PT701"
    name = "nan-or-inf"
    category = "nan"
    level = ERROR
    needs = ("stages", "epochs")
    root_cause_of = (*POOR, "PT201", "PT202", "PT405", "PT502")
    what = "The loss or the weights became NaN or infinite."
    why = "From that step on the weights are no numbers either, and nothing is learned any more."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        if not facts.broken:
            return
        events = [each for each in trace.events if each.kind in NON_FINITE]
        evidence = [
            Evidence(sentence(trace, each), None, f"events[{trace.events.index(each)}]")
            for each in events
        ]
        stage = next((each.stage for each in events if each.stage is not None), None)
        epochs = [
            each.number for each in trace.epochs if not _finite(each.metrics.get("loss", 0.0))
        ]
        if stage is None:
            # Where it is so before any step, it is none of the training's doing.
            first = next(
                (
                    each.name
                    for each in facts.layers
                    if facts.of(Signal, each.name, 0).not_finite is not None
                ),
                None,
            )
            if first is not None:
                stage = first
                text = f"Before training the outputs of {first} are already not finite."
                evidence.insert(
                    0, Evidence(text, None, f"measurements[signal/{first}, epoch 0].not_finite")
                )
        if not evidence and epochs:
            evidence = [
                Evidence(
                    f"The loss was no number in epoch {epochs[0]}.",
                    None,
                    f"epochs[{epochs[0]}].metrics[loss]",
                )
            ]
        if not evidence:
            name = next(
                each
                for each in facts.kernels
                if not _finite(facts.of(Update, each, facts.last).weight_norm or 0.0)
            )
            text = f"{name} holds values that are no numbers after epoch {facts.last}."
            evidence, stage = (
                [Evidence(text, None, f"measurements[update/{name}].weight_norm")],
                name.rpartition("/")[0],
            )
        yield self.found(
            evidence[0].text,
            evidence,
            "Look at the rows first, then lower the learning rate, and see that no logarithm, division or root meets 0.",
            stage=stage,
            epochs=epochs,
        )


def _finite(value: float) -> bool:
    return abs(value) < float("inf")
