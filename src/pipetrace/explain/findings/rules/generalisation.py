"""PT5xx: overfitting, stopping, regularisation, held-out rows."""

import math
from collections.abc import Iterator

from pipetrace.explain.facts import train_rows, updates
from pipetrace.explain.findings.figures import NO_SKILL, POOR, figures_of, margin
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.findings.rules.optimisation import UNMOVED, steady, still_falling, travelled
from pipetrace.explain.text import counted, figure, share
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import (
    HELD_OUT,
    TRAINING,
    DatasetCheck,
    Gradient,
    LossPoint,
    Outcome,
    Update,
)


class Overfitting(Rule):
    """A validation loss that rises while the training loss falls."""

    code = "PT501"
    name = "overfitting"
    category = "overfitting"
    needs = ("stages", "epochs")
    root_cause_of = POOR
    what = (
        "The validation loss has risen far above its best while the training loss went on falling."
    )
    why = "From there on the model learns its rows by heart; the weights of the best epoch were better."

    RISE = 0.25
    """Part above its best. By chance a validation loss of some hundred rows moves by a few percent from epoch to epoch."""
    EPOCHS = 3
    """Epochs that it lasts."""
    PART = 0.1
    """The rise as a part of the loss before training: of a loss that is nearly nothing even twice is nearly nothing."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        held = [epoch.metrics.get("val_loss", math.nan) for epoch in trace.epochs]
        own = [epoch.metrics.get("loss", math.nan) for epoch in trace.epochs]
        if len(held) < self.EPOCHS + 1 or not all(map(math.isfinite, [*held, *own])):
            return
        best = min(range(len(held)), key=held.__getitem__)
        late = held[best + 1 :]
        if (
            len(late) < self.EPOCHS
            or held[best] <= 0
            or own[-1] >= own[best]
            or "EarlyStopping" in trace.run.training.callbacks
        ):
            return
        # The least of the last epochs, so that one bad epoch at the end is no finding.
        low = min(late[-self.EPOCHS :])
        rise = low / held[best] - 1
        start = facts.loss_at(0)
        before = max(held[0], start if start is not None and math.isfinite(start) else 0.0)
        if rise < self.RISE or low - held[best] < self.PART * before:
            return
        number = trace.epochs[best].number
        text = (
            f"The validation loss was best in epoch {number} ({figure(held[best])}) "
            f"and is {figure(held[-1])} at the end."
        )
        yield self.found(
            text,
            [
                Evidence(text, rise, f"epochs[{number}].metrics[val_loss]"),
                Evidence(
                    f"Meanwhile the training loss fell from {figure(own[best])} to {figure(own[-1])}.",
                    own[-1],
                    f"epochs[{facts.last}].metrics[loss]",
                ),
            ],
            f"Stop at the best epoch, or add Dropout, weight decay or more rows. The best weights are those of epoch {number}.",
            epochs=[epoch.number for epoch in trace.epochs[best + 1 :]],
            change="keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)",
            confidence=margin(rise, self.RISE, 0.6),
        )


class TooFewEpochs(Rule):
    """A training that ended while the loss still fell."""

    code = "PT502"
    name = "too-few-epochs"
    category = "too_few_epochs"
    needs = (
        "stages",
        "epochs",
        "outcomes",
        "losses",
        "weight updates",
        "baseline models",
    )
    root_cause_of = POOR
    what = (
        "The training ended while the loss still fell, and what can be learned is not learned yet."
    )
    why = "More epochs would make it better at no other cost than time."

    UPDATES = 100
    """With fewer updates than this a run is short at any learning rate: Adam at 0.01 moves a weight by at most 1 in them."""

    LEARNED = 0.5
    """Skill on the training rows from which a training has come halfway, and its length may be meant."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        moved, made = travelled(facts), updates(trace)
        few = made is not None and made < self.UPDATES
        falling = still_falling(facts) or (steady(facts) if few else None)
        if (
            falling is None
            or moved is None
            or not facts.underfits
            or facts.broken
            or trace.ending.kind == "failed"
        ):
            return
        skill = facts.skill(TRAINING)
        if skill is not None and skill >= (NO_SKILL if facts.rebuilds else self.LEARNED):
            return
        if moved[0] < UNMOVED and not few:
            return
        text = (
            f"After {counted(len(trace.epochs), 'epoch')} the loss still fell, "
            "and the model has not learned its own training rows."
        )
        evidence = [falling]
        if made is not None:
            line = f"{counted(made, 'update')} of the weights were made."
            evidence.append(Evidence(line, float(made), "epochs[].steps"))
        yield self.found(
            text,
            [*evidence, *facts.how_well()],
            "Train for several times as many epochs, until the validation loss stops falling.",
            change=f"model.fit(..., epochs={5 * len(trace.epochs)})",
            confidence=0.75,
        )


class TooStrong(Rule):
    """A penalty on weights that outweighs what is to be learned."""

    code = "PT503"
    name = "regularisation-too-strong"
    category = "regularisation_too_strong"
    needs = ("stages", "outcomes", "losses")
    root_cause_of = (*POOR, "PT201", "PT401", "PT402", "PT405", "PT502", "PT604")
    what = "The penalties on weights make up most of the loss or of the gradient, and the model learns little."
    why = "Training makes the weights small instead of making the predictions right."

    SHARE = 0.5
    """Part of the loss that is penalty, before training or in the median over the epochs."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        losses = facts.course(LossPoint, TRAINING, lambda each: each.loss)
        penalties = facts.course(LossPoint, TRAINING, lambda each: each.penalty)
        parts = sorted(
            penalties[epoch] / losses[epoch]
            for epoch in losses
            if losses[epoch] > 0 and epoch in penalties
        )
        if not parts or not facts.underfits:
            return
        # A strong penalty is soon small itself, since it leaves no weights.
        first = penalties.get(0, 0.0) / losses[0] if losses.get(0, 0.0) > 0 else 0.0
        middle = max(first, parts[len(parts) // 2])
        if middle < self.SHARE:
            return
        sizes = {}
        for name in facts.names(Gradient):
            course = facts.course(Gradient, name, lambda each: each.penalty_norm)
            norms = facts.course(Update, name, lambda each: each.weight_norm)
            epochs = [epoch for epoch in course if norms.get(epoch)]
            if epochs and course[epochs[0]] > 0:
                sizes[name] = course[epochs[0]]
        kernel = next((each for each in facts.kernels if each in sizes), None)
        when = "before training" if middle == first else "in the median over the epochs"
        text = f"Penalties make up {share(middle)} of the loss ({when})."
        evidence = [Evidence(text, middle, "measurements[loss/training].penalty")]
        if kernel is not None:
            line = f"The gradient of the penalty on {kernel} has a norm of {figure(sizes[kernel])}."
            evidence.append(
                Evidence(line, sizes[kernel], f"measurements[gradient/{kernel}].penalty_norm")
            )
        yield self.found(
            text,
            [*evidence, *facts.how_well()],
            "Weaken the regularizers by a factor of 100, or remove them; raise them again once training rows are learned.",
            stage=kernel.rpartition("/")[0] if kernel is not None else None,
            change="kernel_regularizer=keras.regularizers.L2(1e-4)",
            confidence=margin(middle, self.SHARE, 0.9),
        )


class DropoutTooHigh(Rule):
    """Dropout that leaves too little to learn from."""

    code = "PT504"
    name = "dropout-too-high"
    category = "dropout_too_high"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT502")
    what = "A Dropout rate above one half in a model that does not learn its own training rows."
    why = "A rate p makes the variance 1 / (1 - p) times as large: noise of 4 times the signal's power at 0.8."

    RATE = 0.5
    """What Srivastava et al. (2014) found best for hidden units; it is the most noise that they use."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        drops = [
            (float(rate), stage)
            for stage in facts.layers
            if "ropout" in (stage.layer or "")
            and isinstance(rate := stage.config.get("rate"), (int, float))
            and rate > self.RATE
        ]
        if not drops or not facts.underfits:
            return
        kept = math.prod(1 - rate for rate, _ in drops)
        rate, stage = drops[0]
        text = f"{stage.name} drops {share(rate)} of its values" + (
            f"; the {len(drops)} such layers together pass {share(kept)}."
            if len(drops) > 1
            else "."
        )
        yield self.found(
            text,
            [Evidence(text, rate, f"stages[{stage.name}].config.rate"), *facts.how_well()],
            "Use 0.2 to 0.5, and only once the model fits its training rows without.",
            stage=stage.name,
            change=f"keras.layers.{stage.layer}(0.2)",
            confidence=margin(rate, self.RATE, 0.8),
        )


class Leak(Rule):
    """Held-out rows that also occur in training."""

    code = "PT505"
    name = "validation-leak"
    category = "validation_leak"
    needs = ("stages", "training rows", "validation rows")
    root_cause_of = POOR
    what = "Held-out rows that are among the training rows too."
    why = "Validation then measures what was memorised, not what holds for new rows."

    SHARE = 0.05
    """Shares of held-out rows below this move a metric by less than its own error on a few hundred rows."""
    UNIQUE = 0.9
    """Where training rows repeat themselves more often than this allows, new rows repeat old ones by chance."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        ours, theirs = facts.of(DatasetCheck, TRAINING), facts.of(DatasetCheck, HELD_OUT)
        seen = theirs.seen_in_training or 0.0
        rows, distinct = ours.rows, ours.distinct
        if not rows or distinct is None or seen < self.SHARE:
            return
        # Where the rows cover all that can be, as for XOR, held-out rows cannot be others.
        possible = math.inf if ours.possible_rows is None else ours.possible_rows
        covers = distinct >= 0.5 * possible
        repeats = distinct < self.UNIQUE * rows
        if covers or repeats:
            return
        text = (
            f"{share(seen)} of the {theirs.rows or 0:,} held-out rows are among the training rows."
        )
        yield self.found(
            text,
            [
                Evidence(text, seen, "measurements[dataset_check/held_out].seen_in_training"),
                Evidence(
                    f"{distinct:,} of the {rows:,} training rows are different ones, so this is no chance.",
                    distinct / rows,
                    "measurements[dataset_check/training].distinct",
                ),
            ],
            "Split the rows once, before anything is copied, oversampled or augmented, and validate on the other part only.",
            confidence=margin(seen, self.SHARE, 0.3),
        )


class TooLittleData(Rule):
    """Rows so few that more of them would help clearly."""

    code = "PT506"
    name = "too-little-data"
    category = "too_little_data"
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT501")
    what = "The training rows are learned, held-out rows are not, and there are only a few rows, or more of them help clearly."
    why = "What a few rows have in common by chance is learned along with what holds for all."

    GAP = 0.2
    """Skill on training rows less that on held-out ones."""
    LEARNED = 0.8
    """Skill on training rows from which they are learned."""
    PER_CLASS = 20
    """Rows for each class (or in all, for numbers, five times as many) below which a class is known by a handful of rows."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        own, held = facts.skill(TRAINING), facts.skill(HELD_OUT)
        rows = train_rows(trace)
        if own is None or held is None or own < self.LEARNED or own - held < self.GAP or not rows:
            return
        classes = facts.of(Outcome, TRAINING).classes_present
        few = rows <= self.PER_CLASS * (classes or 5)
        if not few:
            return
        each = f", {rows / classes:.0f} for each class" if classes else ""
        text = f"There are {rows:,} training rows{each}."
        yield self.found(
            text,
            [
                Evidence(text, float(rows), "run.data.rows"),
                Evidence(
                    f"Skill is {figure(own)} on training rows and {figure(held)} on held-out ones (0 is guessing, 1 perfect).",
                    own - held,
                    "measurements[outcome/held_out]",
                ),
                *facts.how_well(),
            ],
            "Gather or augment rows, start from a trained model, or use a much smaller one.",
            confidence=0.75,
        )
