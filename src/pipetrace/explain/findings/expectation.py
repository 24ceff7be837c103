"""What is expected of a run, such as ``val_accuracy >= 0.9``: a rule that is asked where it is given."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipetrace.errors import ExpectationError
from pipetrace.explain import metrics
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import counted, listed
from pipetrace.trace.document import Trace

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
FORM = re.compile(
    r"\s*(?P<best>best\s+)?(?P<name>[^\s<>=!][^<>=!]*?)\s*(?P<sign>>=|<=|==|!=|>|<)\s*"
    r"(?P<number>[-+]?(\d[\d_,]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?)\s*(?P<percent>%)?\s*"
)
EPOCHS, PARAMETERS, FINDINGS = "epochs", "parameters", "findings"
QUANTITIES = (EPOCHS, PARAMETERS, FINDINGS)
"""What can be expected beside metrics; a metric of such a name stands behind these."""
HINT = (
    "Write it as 'val_accuracy >= 0.9', 'best val_loss < 0.2', 'epochs <= 20', 'parameters <= 1e6' or 'findings == 0', "
    "in quotes."
)


@dataclass(frozen=True)
class Parsed:
    """An expectation, understood.

    Attributes:
        text: as it was written.
        name: of a metric or a quantity.
        sign: the comparison.
        number: what is compared with.
        best: whether the epoch counts that comes closest to it, and not the last.
    """

    text: str
    name: str
    sign: str
    number: float
    best: bool


def parse(text: str) -> Parsed:
    """Understand an expectation; no code in it is run.

    Raises:
        ExpectationError: it has another form.
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise ExpectationError(
            f"The expectation {text!r} cannot be understood.", where="--expect", hint=HINT
        )
    number = float(found["number"].replace("_", "").replace(",", "")) / (
        100 if found["percent"] else 1
    )
    best = found["best"] is not None
    if best and found["sign"] in ("==", "!="):
        raise ExpectationError(
            f"The expectation {text!r} has no best epoch: {found['sign']} does not say which way is better.",
            where="--expect",
            hint="Compare with >=, >, <= or <; or leave out 'best'.",
        )
    return Parsed(text.strip(), found["name"], found["sign"], number, best)


class Expectation(Rule):
    """A figure of the run is not what it was expected to be.

    Args:
        text: the expectation, such as ``val_accuracy >= 0.9``: of the last epoch that measured it, or with ``best`` ahead
            of the name of the epoch that comes closest.
        found: how many findings the other rules had, for ``findings``; None asks them.

    Raises:
        ExpectationError: the text has another form.
    """

    code = "PT001"
    name = "not-as-expected"
    category = "expectation"
    level = ERROR
    what = "A figure of the run is not what `--expect` says: a metric, or the number of epochs, parameters or findings."
    why = "Whoever gave the expectation takes the run for a failure without it."

    def __init__(self, text: str, found: int | None = None) -> None:
        self.expected = parse(text)
        self.findings = found

    def check(self, trace: Trace) -> Iterator[Finding]:
        """One finding where the expectation does not hold.

        Raises:
            ExpectationError: the trace has no metric of the name.
        """
        value, told, place, epochs = self._measured(trace)
        if COMPARISONS[self.expected.sign](value, self.expected.number):
            return
        text = f"{told}, expected {self.expected.text}."
        advice = (
            f"Look at what changed since it last held. {HINTS.get(self.expected.name, HINTS[''])}"
        )
        yield self.found(text, (Evidence(f"{told}.", value, place),), advice, epochs=epochs)

    def _measured(self, trace: Trace) -> tuple[float, str, str, tuple[int, ...]]:
        """The value, the value in words, its place in the trace, and the epoch that it is of."""
        name, model = self.expected.name, trace.run.model
        if name == EPOCHS:
            count = len(trace.epochs)
            return count, f"The run has {counted(count, 'finished epoch')}", "epochs", ()
        if name == PARAMETERS:
            total = (
                model.parameters.total
                if model
                else sum(stage.parameters.total for stage in trace.stages)
            )
            return total, f"The model has {counted(total, 'parameter')}", "run.model.parameters", ()
        if name == FINDINGS:
            count = self.findings if self.findings is not None else _others(trace)
            return count, f"The run has {counted(count, 'finding')}", "", ()
        epoch, value = self._epoch(trace)
        return (
            value,
            f"{name} is {value:.6g} after epoch {epoch}",
            f"epochs[{epoch}].metrics[{name}]",
            (epoch,),
        )

    def _epoch(self, trace: Trace) -> tuple[int, float]:
        """The epoch that counts, and the metric in it; one that is no number is never the best."""
        expected = self.expected
        known = [
            (each.number, each.metrics[expected.name])
            for each in trace.epochs
            if expected.name in each.metrics
        ]
        if not known:
            has = listed([*metrics.names(trace), *QUANTITIES])
            what = (
                "finished no epoch, so it has only"
                if not trace.epochs
                else f"has no metric {expected.name!r}; it has"
            )
            raise ExpectationError(
                f"The trace {what} {has}.",
                where=f"--expect {expected.text!r}",
                hint="Give one of these names, or record a run that measures it.",
            )
        sound = [pair for pair in known if pair[1] == pair[1]]
        if not expected.best or not sound:
            return known[-1]
        return (max if expected.sign in (">", ">=") else min)(sound, key=lambda pair: pair[1])


HINTS = {
    EPOCHS: "Where early stopping ended the run, its course in pipetrace show tells when the validation loss was lowest.",
    PARAMETERS: "The data flow of pipetrace show has the parameters of each layer as a sum.",
    FINDINGS: "They are listed beside this one; pipetrace rules CODE explains each.",
    "": "The table of epochs in pipetrace show has its course.",
}


def _others(trace: Trace) -> int:
    from pipetrace.explain.findings.engine import findings

    return len(findings(trace))
