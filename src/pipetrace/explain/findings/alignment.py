"""Whether rows and targets belong together, told by what simple learners get of them."""

from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.measurements import Measured
from pipetrace.explain.text import figure, share
from pipetrace.trace.measurements import (
    ALIGNED,
    HELD_OUT,
    KERNEL,
    LINEAR,
    REVERSED,
    TRAINING,
    BaselineModel,
    DatasetCheck,
    Outcome,
    ShiftedTargets,
)

NO_SKILL = 0.1
"""A skill below this is no better than guessing: a tenth of the way from guessing to always right. With the 300 rows that
a small validation has, chance alone reaches 0.06 (two standard errors of a share of one half, twice)."""
OTHER_RULE = 0.25
"""Difference of two scores of one simple learner on the held-out rows, taught by the training rows and by the other held-out
rows. Both see hundreds of rows of one kind; 0.25 is four standard errors of a share of 100 rows and more."""
SHIFTED, SIGMAS = 0.1, 6.0
"""Half the sum of differences of the classes' shares, and how far beyond chance, before two parts hold other classes."""
IN_BLOCKS = 0.2
"""Share of the changes of class that a random order would have; below this the rows stand in blocks."""
NOT_SEEN = 0.02
"""Share of held-out rows of classes that training never saw; a rare class may be missing by chance in fewer."""


def transfer(facts: Measured) -> list[Evidence] | None:
    """That a baseline fails on the held-out rows after learning the training rows, not after learning held-out ones."""
    baselines = {name: facts.of(BaselineModel, name) for name in (LINEAR, KERNEL)}
    held_out = [each.held_out for each in baselines.values() if each.held_out is not None]
    taught = max(held_out, default=0.0)
    best = None
    for name, each in baselines.items():
        own = each.within_held_out
        # Identity of input and target is told by rows of any kind, few or many.
        if own is None or facts.rebuilds or own - max(taught, 0.0) < OTHER_RULE:
            continue
        if best is None or own > best[0]:
            best = (own, name)
    classes = baselines[LINEAR].classification
    majority = (facts.of(Outcome, HELD_OUT).majority_share or 0.0) if classes else 0.0
    # Right on nearly all held-out rows says something only where one class is not nearly all of them.
    if best is None or best[0] - majority < OTHER_RULE:
        return None
    own, name = best
    what = "is right on" if classes else "reaches R2"
    first, second = (share(own), share(taught)) if classes else (figure(own), figure(taught))
    return [
        Evidence(
            f"A simple learner {what} {second} of the held-out rows after the training rows, and {first} after other held-out "
            "rows.",
            own - taught,
            f"measurements[baseline_model/{name}].within_held_out",
        )
    ]


def noisy(facts: Measured) -> list[Evidence] | None:
    """That a baseline is right on held-out rows and not on training rows that it left out: their labels are noise."""
    scores = {name: facts.of(BaselineModel, name).held_out for name in (LINEAR, KERNEL)}
    known = {name: score for name, score in scores.items() if score is not None}
    own, held = facts.skill(TRAINING), facts.skill(HELD_OUT)
    if not known or own is None or held is None or held - own < OTHER_RULE / 2:
        return None
    name = max(known, key=lambda each: known[each])
    baseline, taught = facts.of(BaselineModel, name), known[name]
    left = baseline.score
    if left is None or taught - max(left, 0.0) < OTHER_RULE:
        return None
    classes = baseline.classification
    what = "is right on" if classes else "reaches R2"
    first, second = (share(taught), share(left)) if classes else (figure(taught), figure(left))
    text = f"A simple learner {what} {first} of the held-out rows, and {second} of training rows that it left out."
    return [Evidence(text, taught - left, f"measurements[baseline_model/{name}].score")]


def unseen_classes(facts: Measured) -> float:
    """The share of held-out rows whose class training never saw, 0 where it is that of a few rows."""
    theirs = facts.of(DatasetCheck, HELD_OUT)
    unseen = theirs.unseen_classes or 0.0
    return unseen if unseen >= NOT_SEEN and (theirs.rows or 0) * unseen >= 5 else 0.0


def in_blocks(facts: Measured) -> bool:
    """Whether the training rows stand in blocks of one class."""
    ours = facts.of(DatasetCheck, TRAINING)
    chance = ours.expected_class_runs or 0.0
    return chance > 10 and ours.class_runs is not None and ours.class_runs < IN_BLOCKS * chance


def has_moved(facts: Measured) -> bool:
    """Whether the held-out rows hold other shares of the classes than the training rows."""
    theirs = facts.of(DatasetCheck, HELD_OUT)
    return (theirs.class_shift or 0.0) >= SHIFTED and (theirs.class_shift_sigmas or 0.0) >= SIGMAS


def misaligned(facts: Measured) -> Evidence | None:
    """That targets belong to other rows than those where they stand."""
    scores = [facts.of(BaselineModel, name).score for name in (LINEAR, KERNEL)]
    known = [each for each in scores if each is not None]
    skill = facts.skill(TRAINING)
    if not known or (skill is not None and skill > 0.5):
        return None
    majority = 0.0
    if facts.of(BaselineModel, LINEAR).classification:
        majority = facts.of(Outcome, TRAINING).majority_share or 0.0
    if max(known) >= majority + NO_SKILL * (1 - majority):
        return None
    rows = facts.of(DatasetCheck, TRAINING)
    among, own = rows.targets_among_inputs or 0.0, rows.targets_are_inputs
    if among > 0.99 and own is not None and own < 0.5:
        text = f"Each of the {rows.rows or 0:,} targets is the input of some row, and only {share(own)} of their own."
        return Evidence(text, own, "measurements[dataset_check/training].targets_are_inputs")
    return _shifted(facts, majority) or (
        None if has_moved(facts) else next(iter(transfer(facts) or ()), None)
    )


def _shifted(facts: Measured, majority: float) -> Evidence | None:
    """That the linear baseline predicts the targets well where they are moved to other rows."""
    found = {name: facts.of(ShiftedTargets, name).score for name in facts.names(ShiftedTargets)}
    scores = {name: score for name, score in found.items() if score is not None}
    here = scores.pop(ALIGNED, 1.0)
    other = max(scores, key=lambda name: scores[name], default=None)
    if other is None or scores[other] - max(here, majority) < OTHER_RULE or in_blocks(facts):
        return None
    where = "in reverse order" if other == REVERSED else f"moved by {other} rows"
    text = (
        f"A linear fit tells the targets {where} (score {figure(scores[other])}), "
        f"and not as they stand ({figure(here)})."
    )
    return Evidence(text, scores[other], f"measurements[shifted_targets/{other}].score")
