"""Whether rows and targets belong together, told by what simple learners get of them."""

from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.measurements import HELD_OUT, TRAINING, Measured
from pipetrace.explain.text import figure, share

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
    """That a simple learner fails on the held-out rows after learning the training rows, not after learning held-out ones."""
    learner = facts.of("learner", TRAINING)
    best = None
    for name in ("linear", "kernel"):
        # Identity of input and target is told by rows of any kind, few or many.
        if f"{name}_own" in learner and not facts.rebuilds:
            own, taught = (
                learner[f"{name}_own"],
                max(learner["linear_held_out"], learner["kernel_held_out"]),
            )
            if own - max(taught, 0.0) >= OTHER_RULE and (
                best is None or own - taught > best[0] - best[1]
            ):
                best = (own, taught, name)
    majority = facts.of("outcome", HELD_OUT).get("majority", 0.0) if learner.get("classes") else 0.0
    # Right on nearly all held-out rows says something only where one class is not nearly all of them.
    if best is None or best[0] - majority < OTHER_RULE:
        return None
    own, taught, name = best
    what = "is right on" if learner.get("classes") else "reaches R2"
    first, second = (
        (share(own), share(taught)) if learner.get("classes") else (figure(own), figure(taught))
    )
    place = f"measurements[learner/training].{name}"
    return [
        Evidence(
            f"A simple learner {what} {second} of the held-out rows after the training rows, and {first} after other held-out "
            "rows.",
            own - taught,
            f"{place}_own",
        )
    ]


def noisy(facts: Measured) -> list[Evidence] | None:
    """That a simple learner is right on held-out rows and not on training rows that it left out: their labels are noise."""
    learner = facts.of("learner", TRAINING)
    name = max(("linear", "kernel"), key=lambda each: learner.get(f"{each}_held_out", -1.0))
    own, held = facts.skill(TRAINING), facts.skill(HELD_OUT)
    if (
        f"{name}_held_out" not in learner
        or own is None
        or held is None
        or held - own < OTHER_RULE / 2
    ):
        return None
    left, taught = learner[name], learner[f"{name}_held_out"]
    if taught - max(left, 0.0) < OTHER_RULE:
        return None
    classes = learner.get("classes")
    what = "is right on" if classes else "reaches R2"
    first, second = (share(taught), share(left)) if classes else (figure(taught), figure(left))
    text = f"A simple learner {what} {first} of the held-out rows, and {second} of training rows that it left out."
    return [Evidence(text, taught - left, f"measurements[learner/training].{name}")]


def unseen_classes(facts: Measured) -> float:
    """The share of held-out rows whose class training never saw, 0 where it is that of a few rows."""
    theirs = facts.of("rows", HELD_OUT)
    unseen = theirs.get("unseen", 0.0)
    return unseen if unseen >= NOT_SEEN and theirs["rows"] * unseen >= 5 else 0.0


def in_blocks(facts: Measured) -> bool:
    """Whether the training rows stand in blocks of one class."""
    ours = facts.of("rows", TRAINING)
    return bool(
        ours.get("runs_by_chance", 0) > 10 and ours["runs"] < IN_BLOCKS * ours["runs_by_chance"]
    )


def misaligned(facts: Measured) -> Evidence | None:
    """That targets belong to other rows than those where they stand."""
    rows, learner, lags = (
        facts.of("rows", TRAINING),
        facts.of("learner", TRAINING),
        facts.of("lag", TRAINING),
    )
    skill = facts.skill(TRAINING)
    if not learner or (skill is not None and skill > 0.5):
        return None
    if learner.get("classes"):
        majority = facts.of("outcome", TRAINING).get("majority", 0.0)
        none = max(learner["linear"], learner["kernel"]) < majority + NO_SKILL * (1 - majority)
    else:
        majority, none = 0.0, max(learner["linear"], learner["kernel"]) < NO_SKILL
    if not none:
        return None
    among = rows.get("targets_among_inputs", 0.0)
    if among > 0.99 and rows.get("targets_are_inputs", 1.0) < 0.5:
        text = (
            f"Each of the {int(rows['rows']):,} targets is the input of some row, and "
            f"only {share(rows['targets_are_inputs'])} of their own."
        )
        return Evidence(
            text, rows["targets_are_inputs"], "measurements[rows/training].targets_are_inputs"
        )
    here = lags.get("lag_0", 1.0)
    other = max(
        (name for name in lags if name != "lag_0"), key=lambda name: lags[name], default=None
    )
    if (
        other is not None
        and lags[other] - max(here, majority) >= OTHER_RULE
        and not in_blocks(facts)
    ):
        where = (
            "in reverse order"
            if other == "reversed"
            else f"moved by {other.removeprefix('lag_')} rows"
        )
        text = (
            f"A linear fit tells the targets {where} (score {figure(lags[other])}), "
            f"and not as they stand ({figure(here)})."
        )
        return Evidence(text, lags[other], f"measurements[lag/training].{other}")
    moved = (
        facts.of("rows", HELD_OUT).get("shift", 0.0) >= SHIFTED
        and facts.of("rows", HELD_OUT).get("shift_sigmas", 0.0) >= SIGMAS
    )
    found = transfer(facts)
    return found[0] if found and not moved else None
