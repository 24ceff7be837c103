"""Conditions on a run, such as ``val_accuracy >= 0.9``: the rule behind ``--expect``."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipetrace.errors import ExpectationError
from pipetrace.explain import metrics
from pipetrace.explain.facts import train_rows
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.formatting import counted, listed
from pipetrace.trace.document import Trace

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(
    r"\s*(?P<best>best\s+)?(?P<name>[^\s<>=!][^<>=!]*?)\s*(?P<sign>>=|<=|==|!=|>|<)\s*"
    r"(?P<number>[-+]?(\d[\d_,]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?)\s*(?P<percent>%)?\s*"
)
EPOCHS, ROWS, PARAMETERS, FINDINGS = "epochs", "rows", "parameters", "findings"
ADVICE = {
    EPOCHS: "If early stopping ended the run, see its epochs with pipetrace show.",
    ROWS: "Train on other rows, or change the condition.",
    PARAMETERS: "pipetrace show lists the parameters of each layer.",
    FINDINGS: "They are listed in this report; pipetrace rules CODE explains each.",
}
"""What a condition can name beside metrics, with what to do. It comes before a metric of the same
name."""
METRIC_ADVICE = "Compare with the last run that met it; pipetrace show lists all epochs."


class Expectation(Rule):
    """A condition that the run does not meet, such as ``val_accuracy >= 0.9``.

    It is about the last epoch that measured the metric; with ``best`` before the name, about the
    epoch that comes closest. ``findings`` is how many the other rules have, for ``findings == 0``.
    A text that cannot be parsed is an ``ExpectationError``.
    """

    code = "PT001"
    name = "expectation-not-met"
    category = "expectation"
    level = ERROR
    needs = ()
    what = (
        "The run does not meet a condition of `--expect`: on a metric, or on the number of epochs, "
        "training rows, parameters or findings."
    )
    why = "You asked for this check to fail when the condition is not met."

    def __init__(self, text: str, findings: int) -> None:
        found = CONDITION.fullmatch(text)
        if found is None:
            raise ExpectationError(
                f"The expectation {text!r} cannot be parsed.",
                where="--expect",
                hint="Write it in quotes: 'val_accuracy >= 0.9', 'best val_loss < 0.2', "
                "'epochs <= 20', 'parameters <= 1e6' or 'findings == 0'.",
            )
        # whether the epoch that comes closest counts, instead of the last
        self.best = found["best"] is not None
        if self.best and found["sign"] in ("==", "!="):
            raise ExpectationError(
                f"The expectation {text!r} has no best epoch: {found['sign']} has no direction.",
                where="--expect",
                hint="Compare with >=, >, <= or <, or leave out 'best'.",
            )
        number = float(found["number"].replace("_", "").replace(",", ""))
        self.text, self.measure, self.sign = text.strip(), found["name"], found["sign"]
        self.limit = number / 100 if found["percent"] else number
        self.findings = findings

    def check(self, trace: Trace) -> Iterator[Finding]:
        """One finding if it is not met; ``ExpectationError`` where the trace has no such metric."""
        value, said, place, epochs = self._measured(trace)
        if COMPARISONS[self.sign](value, self.limit):
            return
        yield self.found(
            f"{said}; expected {self.text}.",
            (Evidence(f"{said}.", value, place),),
            ADVICE.get(self.measure, METRIC_ADVICE),
            epochs=epochs,
        )

    def _measured(self, trace: Trace) -> tuple[float, str, str, tuple[int, ...]]:
        """The value, the value in words, its place in the trace, and its epoch."""
        name, model = self.measure, trace.run.model
        if name == EPOCHS:
            count = len(trace.epochs)
            return count, f"The run finished {counted(count, 'epoch')}", "epochs", ()
        if name == ROWS:
            rows = train_rows(trace)
            return rows, f"An epoch trains on {counted(rows, 'row')}", "run.data.rows", ()
        if name == PARAMETERS:
            held = [model] if model else trace.stages
            total = sum(each.parameters.total for each in held)
            return total, f"The model has {counted(total, 'parameter')}", "run.model.parameters", ()
        if name == FINDINGS:
            return self.findings, f"The run has {counted(self.findings, 'finding')}", "", ()
        epoch, value = self._epoch(trace)
        said = f"{name} is {value:.6g} after epoch {epoch}"
        return value, said, f"epochs[{epoch}].metrics[{name}]", (epoch,)

    def _epoch(self, trace: Trace) -> tuple[int, float]:
        """The epoch that counts, and the metric in it. NaN is never the best."""
        name = self.measure
        known = [(each.number, each.metrics[name]) for each in trace.epochs if name in each.metrics]
        if not known:
            has = listed([*metrics.names(trace), *ADVICE])
            what = (
                f"has no metric {name!r}; it has"
                if trace.epochs
                else "finished no epoch, so it has only"
            )
            raise ExpectationError(
                f"The trace {what} {has}.",
                where=f"--expect {self.text!r}",
                hint="Use one of these names, or record a run that measures the metric.",
            )
        numbers = [pair for pair in known if pair[1] == pair[1]]
        if not self.best or not numbers:
            return known[-1]
        best = max if self.sign in (">", ">=") else min
        return best(numbers, key=lambda pair: pair[1])
