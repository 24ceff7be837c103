"""How the training fares, in figures: signals, gradients, updates, outcomes; what they mean is for ``explain`` to say.

What the budget has no room for while training runs is measured when it is over, from copies of the weights as the epochs
left them.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from pipetrace.capture import facts, nests
from pipetrace.capture.backend import load
from pipetrace.capture.gradients import Gradients
from pipetrace.capture.weights import Weights, copied, is_float, size, trainable
from pipetrace.record.measure.rows import Rows, is_numbers
from pipetrace.record.measure.snapshots import Copies, Copy
from pipetrace.record.recording import Recording
from pipetrace.stats import activations, outcomes
from pipetrace.trace.document import Array
from pipetrace.trace.measured import Measurement
from pipetrace.trace.measurements import TRAINING, Figures, LossPoint, Outcome
from pipetrace.trace.overhead import BUDGET, TIME

CHECKED = 256
"""Rows that pass after every epoch, evenly spaced: with as many, a share of one half is told to 6 points (two sigma)."""
FEWEST, MOST_VALUES = 32, 500_000
"""Of a stage with many values for a row, as many of these rows are looked at as have so many values, and no fewer."""
SLOPE_ROWS = 64
"""Rows of which the gradient is taken: no fewer than most batches have."""
MOST_FOLLOWED = 4_000_000
"""Weights of a larger model are not followed from step to step: it takes three copies of them."""
SHARE = 0.4
"""Of the budget's share, what these figures may take. They do not touch the floor of a short training."""
PARTS = ("initial weights", "updates", "signals", "gradients")
"""What is measured of an epoch, as errors and times name it; 0 stands for before the first one, 1 and so on for the epochs."""
Found: TypeAlias = list[tuple[str, Figures]]
"""Figures with the names of what they are of."""

AT_ONCE = ("initial weights", "updates")
"""What is made of the copies alone, which is cheap, and not possible any more when the epoch before was let go."""


class Health:
    """The figures of one model's training beside its data flow.

    Each part stands for itself under ``safely``, so that one that fails, or is left out, takes no other with it.

    Args:
        session: the recording that it belongs to.
    """

    def __init__(self, session: Recording) -> None:
        self._session = session
        self._steps: list[float] = []
        self._sum, self._seen_step = 0.0, 0
        self._count: int | None = None
        self._copies = Copies()
        self._before_last: dict[int, Array] = {}
        self._done: set[tuple[str, int]] = set()
        self._times: dict[str, int] = {}
        self._ended, self._missed = 0, 0
        self._slopes: Gradients | None = None
        self._instead: Weights | None = None
        self._work: dict[str, Callable[[int], None]] = dict(
            zip(PARTS, (self._initial, self._follow, self._check, self._slope), strict=True)
        )

    def begins(self, weights: Weights) -> None:
        """Training is about to take its first step, with these weights; none where they were not copied."""
        if not self._session.epoch and weights:
            self._copies.keep(0, Copy(weights))
            self._measure_what_fits(0)

    def step_ends(self, loss: float, step: int) -> None:
        """Keep the loss of a step; where the last look is some steps ago, their mean.

        Args:
            loss: the epoch's mean so far, as Keras tells it.
            step: its number within the epoch.
        """
        total, since = loss * step, step - self._seen_step
        if since > 0:
            self._steps += [(total - self._sum) / since] * since
        self._sum, self._seen_step = total, step

    def before_last_step(self, step: int, steps: int | None) -> None:
        """Keep the weights ahead of an epoch's last step.

        Args:
            step: the number within the epoch of the one that is done.
            steps: how many an epoch has, where that is known.
        """
        last = steps or self._count
        if last is not None and step == last - 1 and self.follows():
            with self._session.safely("weight snapshots"):
                self._before_last = copied(trainable(self._session.model))

    def epoch_ends(self, epoch: int, weights: Weights) -> None:
        """An epoch is over, and left these weights; none where they were not copied."""
        session = self._session
        self._ended += 1
        if self._steps and session.can("steps"):
            with session.safely("steps"):
                self._add([(TRAINING, activations.step_losses(self._steps))], epoch)
        self._count = self._seen_step or None
        self._steps, self._sum, self._seen_step = [], 0.0, 0
        if weights and self.follows():
            self._copies.keep(epoch, Copy(weights, self._before_last))
        self._before_last = {}
        if weights:
            self._measure_what_fits(epoch)

    def finish(self, seconds: float) -> None:
        """Training is over: measure what waited for it.

        Args:
            seconds: how long that may take. Of epochs that would take longer, some are left out, evenly spread.
        """
        session, began = self._session, time.perf_counter()
        # Where no epoch ended, a model that does not fit its data would only fail once more.
        if session.measure is None or session.rows is None or not self._ended:
            return
        late = 0
        for epoch in self._copies.spread():
            waiting = self._waiting(epoch)
            kept = self._copies.of(epoch)
            if not waiting or kept is None:
                continue
            if time.perf_counter() - began > seconds:
                late += 1
                continue
            self._instead = kept.weights
            for part in waiting:
                self._measure(part, epoch)
        self._instead = None
        seen = {epoch for part, epoch in self._done if part == "signals" and epoch}
        missed = self._ended - len(seen)
        if late:
            session.skip("measurements", TIME, late)
        if missed - late > self._missed:
            session.skip("measurements", BUDGET, missed - late - self._missed)
        self._missed = missed

    def _waiting(self, epoch: int) -> list[str]:
        return [
            part
            for part in PARTS
            if (part, epoch) not in self._done
            and self._session.can(part)
            and (part != "initial weights" or not epoch)
        ]

    def _measure_what_fits(self, epoch: int) -> None:
        """Measure at once what the budget has room for; the weights are those of this epoch still."""
        if self._session.measure is not None and self._session.can("writing"):
            for part in self._waiting(epoch):
                if self._has_room_for(part):
                    self._measure(part, epoch)

    def _measure(self, part: str, epoch: int) -> None:
        session = self._session
        self._done.add((part, epoch))
        self._times[part] = self._times.get(part, 0) + 1
        if part == "gradients" and not epoch:
            # Where loss and targets do not fit, the training says so itself.
            with contextlib.suppress(Exception), session.cost.of(part):
                self._slope(0)
            return
        with session.safely(part):
            self._work[part](epoch)

    def _has_room_for(self, part: str) -> bool:
        budget = self._session.budget
        if budget.share is None:
            return True
        taken, seconds = budget.cost.counted(PARTS), self._seconds(part)
        if part in AT_ONCE:
            return budget.has_room_for(seconds)
        return taken + seconds <= SHARE * budget.share * budget.training and budget.has_room_for(
            seconds
        )

    def _seconds(self, part: str) -> float:
        """What a part will take: as it did before; else a guess on the high side."""
        session = self._session
        times = self._times.get(part, 0)
        if times:
            return float(session.cost.parts.get(part, 0.0) / times)
        values = size(trainable(session.model))
        measure = session.measure
        passed = measure.extent.values * min(CHECKED, measure.extent.together) if measure else 0
        return {
            "initial weights": 200e-9 * values,
            "updates": 40e-9 * values,
            "signals": 0.005 + 0.0005 * session.layers() + 10e-9 * passed,
            # Tracing and compiling it takes some times what the forward pass alone took.
            "gradients": 4 * max(0.05, session.cost.parts.get("stages", 0.0)),
        }[part]

    def _initial(self, epoch: int) -> None:
        """What the weights were before training."""
        kept = self._copies.of(epoch)
        if kept is None or not self.follows():
            return
        values = {
            name: kept.weights[id(v)]
            for name, v in self._variables().items()
            if id(v) in kept.weights
        }
        self._beside(
            "initial weights",
            epoch,
            lambda: [(name, activations.initial(each)) for name, each in values.items()],
        )

    def _follow(self, epoch: int) -> None:
        """How far the weights moved in an epoch."""
        start, now, before, earlier = (
            self._copies.of(each) for each in (0, epoch, epoch - 1, epoch - 2)
        )
        if now is None or before is None or not epoch:
            return
        trained = {name: id(v) for name, v in self._variables().items() if v.trainable}
        of = [
            (name, key)
            for name, key in trained.items()
            if key in now.weights and key in before.weights
        ]

        def work() -> Found:
            found: Found = []
            for name, key in of:
                values, last = now.weights[key], before.weights[key]
                if values.shape == last.shape:
                    first, second = (
                        None if copy is None else copy.weights.get(key) for copy in (start, earlier)
                    )
                    step = now.before_last.get(key)
                    found.append((name, activations.movement(values, last, first, step, second)))
            return found

        self._beside("updates", epoch, work)

    def _check(self, epoch: int) -> None:
        """Pass evenly spaced rows and tell what each stage makes of them, and how the outputs compare with the targets."""
        session = self._session
        measure, rows = session.measure, trained_on(session)
        if measure is None or rows is None:
            return
        few = spaced(rows, min(CHECKED, measure.extent.together))
        passed = measure.passed(few.x, self._instead)
        outputs = measure.forward.outputs
        given = [
            passed.outputs[str(each.source)][each.output]
            for each in outputs
            if each.source in passed.outputs
        ]
        found = outcome_figures(session, few, given, TRAINING, losses=True)
        looked_at = {
            name: _thinned(values[0])
            for name, values in passed.outputs.items()
            if values and is_numbers(values[0]) and values[0].size and values[0].ndim
        }
        self._beside(
            "signals",
            epoch,
            lambda: [
                *((name, activations.signal(values)) for name, values in looked_at.items()),
                *found,
            ],
        )

    def _slope(self, epoch: int) -> None:
        """The loss in training mode and its gradients."""
        session = self._session
        measure, rows = session.measure, trained_on(session)
        trained = {name: v for name, v in self._variables().items() if v.trainable}
        if measure is None or rows is None or rows.y is None or not trained or not self.follows():
            return
        few = spaced(rows, min(SLOPE_ROWS, measure.extent.together))
        x, y = nests.as_fit_gets(few.x), nests.as_fit_gets(few.y)
        if self._slopes is None or self._slopes.variables != [
            id(v) for v in trainable(session.model)
        ]:
            self._slopes = Gradients(session.model, x, y, few.weight)
        slopes = self._slopes(x, y, few.weight, self._instead)

        def work() -> Found:
            found: Found = [(TRAINING, LossPoint(slopes.loss, slopes.penalty))]
            for name, variable in trained.items():
                if id(variable) in slopes.gradients:
                    values = slopes.gradients[id(variable)]
                    penalty = slopes.penalties.get(id(variable))
                    found.append((name, activations.gradient(values, penalty)))
            return found

        self._beside("gradients", epoch, work)

    def follows(self) -> bool:
        """Whether the weights are few enough to be followed."""
        return size(trainable(self._session.model)) <= MOST_FOLLOWED

    def _variables(self) -> dict[str, Any]:
        """The weights that hold real numbers, by their names in the trace."""
        measure = self._session.measure
        variables = measure.forward.variables() if measure else {}
        return {name: v for name, v in variables.items() if size([v]) and is_float(v)}

    def _beside(self, part: str, epoch: int, work: Callable[[], Found]) -> None:
        """Make figures in the background, while training runs; after it at once, since nothing else waits then."""
        session = self._session
        if session.writer is None:
            return
        if not session.cost.training:
            self._add(work(), epoch)
            return

        def counted() -> None:
            with session.cost.beside(part):
                found = work()
            self._add(found, epoch)

        session.writer.do(part, counted)

    def _add(self, found: Found, epoch: int) -> None:
        session = self._session
        if session.writer is not None and session.can("writing"):
            session.writer.add_measurements(
                Measurement(name, epoch, figures) for name, figures in found
            )


def outcome_figures(
    session: Recording,
    rows: Rows,
    given: list[Array],
    name: str,
    *,
    losses: bool = False,
    classes: bool = False,
) -> Found:
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
    row_losses = None
    if losses and rows.y is not None:
        row_losses = facts.row_losses(session.model, rows.y, given if len(given) > 1 else given[0])
    loss = float(np.mean(row_losses)) if row_losses is not None and len(row_losses) else None
    found: Found = []
    if loss is not None and len(given) > 1:
        found.append((name, Outcome(loss=loss)))
    for place, (output, target) in enumerate(zip(given, targets, strict=True)):
        title = name if len(given) == 1 else f"{name}/{place}"
        outcome = outcomes.outcome(output, target)
        found.append((title, replace(outcome, loss=loss) if len(given) == 1 else outcome))
        if classes:
            of_class = outcomes.by_class(output, target)
            found += [(f"{title}/{label}", values) for label, values in of_class.items()]
    return found


def trained_on(session: Recording) -> Rows | None:
    """The rows that ``fit`` trains on, where it was given arrays; else those that are looked at.

    Whoever gives rows to the recorder may give all of them, and have ``fit`` keep some for validation.
    """
    call = session.call
    x = nests.plain_arrays(call.x)
    if x is None or not len(load().tree.flatten(x)[0].shape):
        return session.rows
    found = Rows(x, nests.plain_arrays(call.y), nests.plain_arrays(call.sample_weight))
    forms = [
        [each.shape[1:] for each in load().tree.flatten(rows.x)]
        for rows in (found, session.rows)
        if rows
    ]
    # A model may be given other rows to look at than it trains on, as where a callback changes them.
    return found if len(forms) == 2 and forms[0] == forms[1] else session.rows


def spaced(rows: Rows, count: int) -> Rows:
    """As many rows, evenly spaced, so that rows in order of their classes are told of as a whole."""
    total = len(rows)
    if total <= count:
        return rows
    return rows.taken(np.linspace(0, total - 1, count).round().astype(int))


def _thinned(values: Array) -> Array:
    """Evenly spaced rows of a stage's output, as many as are worth their time; a copy, so that the others can go."""
    total, size = len(values), values[0].size
    count = max(FEWEST, MOST_VALUES // max(1, size))
    if total <= count:
        return values
    few: Array = values[np.linspace(0, total - 1, count).round().astype(int)]
    return few
