"""PT7xx: numbers that broke."""

from collections.abc import Iterator

from pipetrace.explain.findings.figures import figures_of
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.trace.document import DATA, GRADIENT, LOSS, OUTPUT, WEIGHTS, Trace


class NotANumber(Rule):
    """A loss that is no number any more."""

    code = "PT701"
    name = "loss-not-finite"
    category = "nan"
    level = ERROR
    explains = ("PT308", "PT309", "PT201", "PT202", "PT405", "PT502")
    what = "The loss became NaN or infinite."
    why = "From that step on the weights are no numbers either, and nothing is learned any more."

    def check(self, trace: Trace) -> Iterator[Finding]:
        if not figures_of(trace).broken:
            return
        events = [each for each in trace.events if each.kind in (LOSS, OUTPUT, GRADIENT, WEIGHTS, DATA)]
        evidence = [Evidence(each.message, None, f"events[{trace.events.index(each)}]") for each in events]
        stage = next((each.stage for each in events if each.stage is not None), None)
        epochs = [each.number for each in trace.epochs if not _finite(each.metrics.get("loss", 0.0))]
        text = evidence[0].text if evidence else f"The loss was no number in epoch {epochs[0]}."
        yield self.found(
            text,
            evidence or [Evidence(text, None, f"epochs[{epochs[0]}].metrics[loss]")],
            "Look at the rows first, then lower the learning rate, and see that no logarithm, division or root meets 0.",
            stage=stage,
            epochs=epochs,
        )


def _finite(value: float) -> bool:
    return abs(value) < float("inf")
