"""How the training fares, in figures: signals, gradients, updates, outcomes; what they mean is for ``explain`` to say."""

import contextlib
import math
from typing import Any

import numpy as np

from pipetrace.capture import batches, facts
from pipetrace.capture.backend import load
from pipetrace.capture.gradients import Gradients
from pipetrace.record import outcome, signals
from pipetrace.record.measuring import Rows, is_numbers
from pipetrace.record.recording import Recording
from pipetrace.trace.document import Array, Measurement

CHECKED = 256
"""Rows that pass after every epoch, evenly spaced: with as many, a share of one half is told to 6 points (two sigma)."""
SLOPE_ROWS = 64
"""Rows of which the gradient is taken: no fewer than most batches have."""
MOST_FOLLOWED = 4_000_000
"""Weights of a larger model are not followed from step to step: it takes three copies of them."""
TRAINING, HELD_OUT = "training", "held_out"


class Health:
    """The figures of one model's training beside its data flow.

    Each part stands for itself under ``safely``, so that one that fails, or is left out, takes no other with it.

    Args:
        session: the recording that it belongs to.
    """

    def __init__(self, session: Recording) -> None:
        self._session = session
        self._steps: list[float] = []
        self._sum = 0.0
        self._start: dict[str, Array] = {}
        self._before: dict[str, Array] = {}
        self._last: dict[str, Array] = {}
        self._way: dict[str, Array] = {}
        self._count: int | None = None
        self._slopes: Gradients | None = None
        self._rows: Rows | None = None
        self._seen: Rows | None = None

    def begins(self) -> None:
        """Measure the model before its first step."""
        session = self._session
        self._seen, self._rows = session.rows, trained_on(session)
        if session.measure is None or session.epoch:
            return
        variables = session.measure.forward.variables()
        with session.safely("initial weights"):
            wanted = {name: v for name, v in variables.items() if math.prod(v.shape) and _floats(v)}
            if sum(math.prod(v.shape) for v in wanted.values()) <= MOST_FOLLOWED:
                found = [("initial", name, signals.initial(v.numpy())) for name, v in wanted.items()]
                self._add(found, epoch=0)
        self._follow(0)
        self._check(0)
        # Where loss and targets do not fit, the training is about to say so itself.
        with contextlib.suppress(Exception), session.cost.of("gradients"):
            self._slope(0)

    def step_ends(self, loss: float, step: int, steps: int | None) -> None:
        """Keep a step's loss, and the weights ahead of an epoch's last step.

        Args:
            loss: the epoch's mean so far, as Keras tells it.
            step: its number within the epoch.
            steps: how many an epoch has, where that is known.
        """
        total = loss * step
        self._steps.append(total - self._sum)
        self._sum = total
        last = steps or self._count
        if last is not None and step == last - 1 and self._before:
            with self._session.safely("updates"):
                self._last = {name: np.array(v.numpy()) for name, v in self._trained().items()}

    def epoch_ends(self, epoch: int) -> None:
        """Measure what an epoch did."""
        session = self._session
        if session.rows is not self._seen:
            # Of a dataset more batches have passed by now.
            self._seen, self._rows = session.rows, trained_on(session)
        if self._steps and session.can("steps"):
            with session.safely("steps"):
                self._add([("steps", "loss", signals.steps_figures(self._steps))], epoch)
        self._count = len(self._steps) or None
        self._steps, self._sum = [], 0.0
        self._follow(epoch)
        self._check(epoch)
        if session.can("gradients"):
            with session.safely("gradients"):
                self._slope(epoch)

    def _follow(self, epoch: int) -> None:
        """How far the weights moved."""
        session = self._session
        if session.measure is None or not session.can("updates"):
            return
        with session.safely("updates"):
            trained = self._trained()
            if sum(math.prod(v.shape) for v in trained.values()) > MOST_FOLLOWED:
                return
            now = {name: np.array(v.numpy()) for name, v in trained.items()}
            found = []
            for name, values in now.items():
                before, start = self._before.get(name), self._start.setdefault(name, values)
                if before is not None and before.shape == values.shape:
                    last, way = self._last.get(name), self._way.get(name)
                    found.append(("update", name, signals.movement(values, before, start, last, way)))
                    self._way[name] = values - before
            self._before, self._last = now, {}
            self._add(found, epoch)

    def _check(self, epoch: int) -> None:
        """Pass evenly spaced rows and tell what each stage makes of them, and how the outputs compare with the targets."""
        session = self._session
        measure, rows = session.measure, self._rows
        if measure is None or rows is None or not session.can("signals"):
            return
        with session.safely("signals"):
            few = spaced(rows, min(CHECKED, measure.extent.together))
            passed = measure.passed(few.x)
            found = [
                ("signal", name, signals.signal(values[0]))
                for name, values in passed.outputs.items()
                if values and is_numbers(values[0]) and values[0].size and values[0].ndim
            ]
            outputs = measure.forward.outputs
            given = [passed.outputs[str(each.source)][each.output] for each in outputs if each.source in passed.outputs]
            found += outcomes(session, few, given, TRAINING, losses=True)
            self._add(found, epoch)

    def _slope(self, epoch: int) -> None:
        """The loss in training mode and its gradients."""
        session = self._session
        measure, rows = session.measure, self._rows
        trained = self._trained()
        if measure is None or rows is None or rows.y is None or not trained:
            return
        if sum(math.prod(v.shape) for v in trained.values()) > MOST_FOLLOWED:
            return
        few = spaced(rows, min(SLOPE_ROWS, measure.extent.together))
        x, y = batches.as_fit_gets(few.x), batches.as_fit_gets(few.y)
        if self._slopes is None or epoch == 0:
            self._slopes = Gradients(session.model, x, y, few.weight)
        slopes = self._slopes(x, y, few.weight)
        found = [("slope", "loss", {"loss": slopes.loss, "penalty": slopes.penalty})]
        for name, variable in trained.items():
            if id(variable) in slopes.gradients:
                figures = signals.gradient(slopes.gradients[id(variable)])
                if id(variable) in slopes.penalties:
                    figures["penalty"] = float(np.linalg.norm(slopes.penalties[id(variable)].astype(np.float64)))
                found.append(("gradient", name, figures))
        self._add(found, epoch)

    def _trained(self) -> dict[str, Any]:
        measure = self._session.measure
        variables = measure.forward.variables() if measure else {}
        return {name: v for name, v in variables.items() if v.trainable and math.prod(v.shape) and _floats(v)}

    def _add(self, found: list[tuple[str, str, dict[str, float]]], epoch: int | None) -> None:
        session = self._session
        if session.writer is not None and session.can("writing"):
            with session.safely("writing"):
                session.writer.add_measurements(
                    Measurement(part, name, epoch, figures) for part, name, figures in found
                )


def outcomes(
    session: Recording, rows: Rows, given: list[Array], name: str, *, losses: bool = False, classes: bool = False
) -> list[tuple[str, str, dict[str, float]]]:
    """What the outputs are against the targets, one for each output.

    Args:
        session: the recording.
        rows: those that were passed.
        given: the outputs, one array each.
        name: of the kind of rows.
        losses: whether to tell the mean loss of the rows too.
        classes: whether to tell each class by itself.
    """
    tree = load().tree
    targets = [None] * len(given) if rows.y is None else tree.flatten(rows.y)
    if len(targets) != len(given):
        targets = [None] * len(given)
    found = []
    for place, (output, target) in enumerate(zip(given, targets, strict=True)):
        title = name if len(given) == 1 else f"{name}/{place}"
        found.append(("outcome", title, outcome.figures(output, target)))
        if classes:
            found += [("class", f"{title}/{each}", values) for each, values in outcome.by_class(output, target).items()]
    if losses and rows.y is not None:
        row_losses = facts.row_losses(session.model, rows.y, given if len(given) > 1 else given[0])
        if row_losses is not None and len(row_losses):
            found.append(("outcome", name, {"loss": float(np.mean(row_losses))}))
    return found


def trained_on(session: Recording) -> Rows | None:
    """The rows that ``fit`` trains on, where it was given arrays; else those that are looked at.

    Whoever gives rows to the recorder may give all of them, and have ``fit`` keep some for validation.
    """
    call = session.call
    x = batches.plain_arrays(call.x)
    if x is None or not len(load().tree.flatten(x)[0].shape):
        return session.rows
    found = Rows(x, batches.plain_arrays(call.y), batches.plain_arrays(call.sample_weight))
    forms = [[each.shape[1:] for each in load().tree.flatten(rows.x)] for rows in (found, session.rows) if rows]
    # A model may be given other rows to look at than it trains on, as where a callback changes them.
    return found if len(forms) == 2 and forms[0] == forms[1] else session.rows


def spaced(rows: Rows, count: int) -> Rows:
    """As many rows, evenly spaced, so that rows in order of their classes are told of as a whole."""
    total = len(rows)
    if total <= count:
        return rows
    return rows.taken(np.linspace(0, total - 1, count).round().astype(int))


def _floats(variable: Any) -> bool:
    return "float" in str(variable.dtype)
