"""PT11x: what is wrong with the targets, and with how rows are split."""

from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain import task
from pipetrace.explain.findings.figures import HELD_OUT, NO_SKILL, TRAINING, Figures, figures_of, margin
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.wording import figure, share
from pipetrace.trace.document import Trace

OTHER_RULE = 0.25
"""Difference of two scores of one simple learner on the held-out rows, taught by the training rows and by the other held-out
rows. Both see hundreds of rows of one kind; 0.25 is four standard errors of a share of 100 rows and more."""
SHIFTED, SIGMAS = 0.1, 6.0
"""Half the sum of differences of the classes' shares, and how far beyond chance, before two parts hold other classes."""
IN_BLOCKS = 0.2
"""Share of the changes of class that a random order would have; below this the rows stand in blocks."""
NOT_SEEN = 0.02
"""Share of held-out rows of classes that training never saw; a rare class may be missing by chance in fewer."""


class LabelsOutOfPlace(Rule):
    """Labels that the loss cannot take as they are."""

    code = "PT111"
    name = "labels-do-not-fit-the-loss"
    category = "labels_wrong"
    level = ERROR
    explains = (
        "PT308",
        "PT309",
        "PT401",
        "PT402",
        "PT404",
        "PT502",
        "PT701",
        "PT305",
        "PT501",
        "PT106",
        "PT105",
        "PT405",
    )
    what = (
        "Labels that are fractions, negative, or beyond the number of classes, where the loss wants numbers of classes."
    )
    why = "The loss reads them as other classes than they mean, or as none, and training goes for the wrong thing."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        output = facts.output
        target = output.target if output else None
        if output is None or target is None or target.min is None or target.max is None:
            return
        reach = f"from {figure(target.min)} to {figure(target.max)}"
        evidence = [Evidence(f"The targets go {reach}.", target.max, "run.data.targets[0]")]
        width = output.shape[-1] or 0
        if output.loss == "sparse categorical crossentropy":
            if not target.whole:
                yield self.found(
                    f"The labels are fractions {reach}; {output.loss} takes whole numbers and drops what is behind the point.",
                    evidence,
                    "Give the number of the class as it is; scale inputs only, never labels.",
                    stage=None,
                    change="model.fit(x, labels.astype('int64'), ...)",
                )
            elif width and (target.min < 0 or target.max >= width):
                yield self.found(
                    f"The labels go {reach}, and {output.stage} has {width} classes, numbered from 0 to {width - 1}.",
                    evidence,
                    "Number the classes from 0 on, and give the last layer as many units as there are classes.",
                    stage=output.stage,
                    change=f"keras.layers.Dense({int(target.max - min(0.0, target.min)) + 1}, activation='softmax')",
                )
        elif (
            output.loss in task.YES_OR_NO
            and target.whole
            and target.distinct == 2
            and (target.min, target.max) != (0, 1)
        ):
            yield self.found(
                f"The labels are {figure(target.min)} and {figure(target.max)}; {output.loss} takes 0 and 1.",
                evidence,
                "Name the two classes 0 and 1.",
                stage=None,
                change=f"y = (y == {figure(target.max)}).astype('float32')",
            )


class OneClass(Rule):
    """Training rows of a single class."""

    code = "PT112"
    name = "one-class-only"
    category = "labels_wrong"
    level = ERROR
    explains = ("PT308", "PT309", "PT302", "PT106", "PT107")
    what = "All training rows are of one class."
    why = "The model learns to say that class always, and nothing else."

    def check(self, trace: Trace) -> Iterator[Finding]:
        values = figures_of(trace).of("outcome", TRAINING)
        if values.get("classes_there") == 1 and values.get("rows", 0) > 1:
            yield self.found(
                f"All {int(values['rows']):,} training rows that were looked at are of one class.",
                [Evidence("One class occurs.", 1.0, "measurements[outcome/training].classes_there")],
                "Look at how the labels are read, and at the split.",
            )


class OneClassLabels(Rule):
    """The same input with different labels."""

    code = "PT105"
    name = "contradicting-labels"
    category = "labels_wrong"
    what = "Rows with the same inputs and different targets."
    why = "No model can be right on both, so the rest is the least error that training can reach."

    SHARE = 0.05
    """Single mistakes of labelling reach a few percent in well-kept data sets (Northcutt et al. 2021: 3.4 % on average)."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        values = facts.of("rows", TRAINING)
        part = values.get("contradicted", 0.0)
        if part < self.SHARE or values["distinct"] >= 0.5 * values.get("domain", float("inf")):
            return
        text = f"{share(part)} of the training rows have a twin with another target."
        found = self.found(
            text,
            [Evidence(text, part, "measurements[rows/training].contradicted"), *facts.how_well()],
            "Compare the twins, and keep one target for each; or add the input that tells them apart.",
            confidence=margin(part, self.SHARE, 0.3),
        )
        yield found if facts.struggles and not facts.rebuilds else replace(found, level=NOTE, confidence=0.6)


class OtherRule(Rule):
    """Training rows from which the held-out rows cannot be told, though these can be told from each other."""

    code = "PT106"
    name = "training-labels-follow-another-rule"
    category = "labels_wrong"
    explains = ("PT308", "PT309", "PT501", "PT305", "PT402", "PT502", "PT110")
    what = "A simple learner tells the held-out rows from each other, and not from the training rows."
    why = "What holds in training does not hold in the held-out rows: labels of one part are wrong, or it is another task."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        evidence = transfer(facts)
        if evidence is None or in_blocks(facts) or misaligned(facts):
            return
        held_out = facts.of("rows", HELD_OUT)
        moved = held_out.get("shift", 0.0)
        if moved >= SHIFTED and held_out.get("shift_sigmas", 0.0) >= SIGMAS:
            text = f"{share(moved)} of the rows would have to change class for both parts to hold as many of each."
            evidence.append(Evidence(text, moved, "measurements[rows/held_out].shift"))
        yield self.found(
            evidence[0].text,
            evidence,
            "Look at some training rows with their labels, class by class, against held-out rows of the same class.",
            confidence=0.9,
        )


class NotShuffled(Rule):
    """Rows in the order of their classes, of which the last are held out, or which training takes in that order."""

    code = "PT107"
    name = "not-shuffled"
    category = "not_shuffled"
    explains = ("PT106", "PT501", "PT308", "PT309", "PT305")
    what = "Rows stand in blocks of one class where their order matters."
    why = "A split by position then holds out classes that training never sees, and batches teach one class at a time."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        fit, ours, theirs = (
            facts.of("fit", "arguments"), facts.of("rows", TRAINING), facts.of("rows", HELD_OUT),
        )  # fmt: skip
        unseen = theirs.get("unseen", 0.0)
        if unseen >= NOT_SEEN and theirs["rows"] * unseen >= 5:
            text = f"{share(unseen)} of the held-out rows are of classes that training has no row of."
            split = fit.get("validation_split", 0.0) > 0
            yield self.found(
                text,
                [Evidence(text, unseen, "measurements[rows/held_out].unseen")],
                "Shuffle the rows before the split; validation_split takes the last rows as they stand."
                if split
                else "Shuffle the rows before they are split.",
                change="order = np.random.default_rng(0).permutation(len(x)); x, y = x[order], y[order]",
                confidence=margin(unseen, NOT_SEEN, 0.1),
            )
        elif in_blocks(facts) and not fit.get("shuffle", 1.0):
            runs, chance = ours["runs"], ours["runs_by_chance"]
            text = f"The class changes {int(runs) - 1} times from row to row; in a random order it would {chance - 1:.0f} times."
            yield self.found(
                f"fit does not shuffle, and the rows stand in blocks. {text}",
                [Evidence(text, runs / chance, "measurements[rows/training].runs")],
                "Shuffle the rows, or leave out shuffle=False.",
                change="model.fit(x, y, shuffle=True, ...)",
                confidence=0.9,
            )


class Misaligned(Rule):
    """Targets that do not belong to their inputs."""

    code = "PT108"
    name = "targets-misaligned"
    category = "labels_misaligned"
    explains = ("PT308", "PT309", "PT106", "PT501", "PT402", "PT502", "PT105")
    what = "Targets show no relation to the inputs of their rows, but do to those of other rows, or are all inputs reordered."
    why = "There is nothing to learn from pairs that do not belong together."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        evidence = misaligned(facts)
        if evidence is not None:
            yield self.found(
                evidence.text,
                [evidence, *facts.how_well()],
                "Shuffle, sort, filter and split inputs and targets together, by the same indices.",
                change="order = rng.permutation(len(x)); x, y = x[order], y[order]",
                confidence=0.9,
            )


class Imbalance(Rule):
    """A rare class that the model does not name."""

    code = "PT110"
    name = "class-imbalance"
    category = "class_imbalance"
    explains = ("PT308", "PT309", "PT305")
    what = "A class with few rows that the model names far too seldom."
    why = "The loss is least where the rare class is ignored, and accuracy looks well all the same."

    RARE = 0.35
    """A class is rare with less than this part of its even share: 17 % of two classes, 3.5 % of ten."""
    IGNORED = 0.35
    """It is ignored where fewer of its rows are named rightly than this,"""
    LED = 0.3
    """and at least so much fewer than of the most frequent class."""
    FEWEST = 5
    """Rows of a class from which a share can be told at all."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        if trace.run.training.class_weights:
            return
        worst: tuple[float, str, float, float] | None = None
        names = [name for name in facts.names("class") if name.startswith(f"{TRAINING}/")]
        rows = {name: facts.of("class", name) for name in names}
        total = sum(values["rows"] for values in rows.values())
        there = [name for name in names if rows[name]["rows"] >= self.FEWEST]
        if len(there) < 2 or not total:
            return
        most = max(there, key=lambda name: rows[name]["rows"])
        led = rows[most]["right"] / rows[most]["rows"]
        for name in there:
            part, right = rows[name]["rows"] / total, rows[name]["right"] / rows[name]["rows"]
            if (
                part < self.RARE / len(names)
                and right < self.IGNORED
                and right < led - self.LED
                and (worst is None or right < worst[0])
            ):
                worst = (right, name, part, rows[name]["said"] / total)
        if worst is None:
            return
        right, name, part, said = worst
        label = int(name.rpartition("/")[2])
        title = trace.run.data.class_names[label] if label < len(trace.run.data.class_names) else str(label)
        text = f"Class {title} has {share(part)} of the training rows; the model names it for {share(said)} of them."
        yield self.found(
            text,
            [
                Evidence(text, part, f"measurements[class/{name}].rows"),
                Evidence(
                    f"It is right on {share(right)} of that class's own rows.",
                    right,
                    f"measurements[class/{name}].right",
                ),
                Evidence(
                    f"On the most frequent class it is right on {share(led)}.", led, f"measurements[class/{most}].right"
                ),
            ],
            "Weight the classes, or sample the rare one more often, and judge by balanced accuracy, recall or AUC.",
            change=f"model.fit(..., class_weight={{{label}: {1 / part / len(names):.2g}, ...}})",
            confidence=margin(part, self.RARE / len(names), 0.1 / len(names)),
        )


def transfer(facts: Figures) -> list[Evidence] | None:
    """That a simple learner fails on the held-out rows after learning the training rows, not after learning held-out ones."""
    learner = facts.of("learner", TRAINING)
    best = None
    for name in ("linear", "kernel"):
        # Identity of input and target is told by rows of any kind, few or many.
        if f"{name}_own" in learner and not facts.rebuilds:
            own, taught = learner[f"{name}_own"], max(learner["linear_held_out"], learner["kernel_held_out"])
            if own - max(taught, 0.0) >= OTHER_RULE and (best is None or own - taught > best[0] - best[1]):
                best = (own, taught, name)
    majority = facts.of("outcome", HELD_OUT).get("majority", 0.0) if learner.get("classes") else 0.0
    # Right on nearly all held-out rows says something only where one class is not nearly all of them.
    if best is None or best[0] - majority < OTHER_RULE:
        return None
    own, taught, name = best
    what = "is right on" if learner.get("classes") else "reaches R2"
    first, second = (share(own), share(taught)) if learner.get("classes") else (figure(own), figure(taught))
    place = f"measurements[learner/training].{name}"
    return [
        Evidence(
            f"A simple learner {what} {second} of the held-out rows after the training rows, and {first} after other held-out "
            "rows.",
            own - taught,
            f"{place}_own",
        )
    ]


def in_blocks(facts: Figures) -> bool:
    """Whether the training rows stand in blocks of one class."""
    ours = facts.of("rows", TRAINING)
    return bool(ours.get("runs_by_chance", 0) > 10 and ours["runs"] < IN_BLOCKS * ours["runs_by_chance"])


def misaligned(facts: Figures) -> Evidence | None:
    """That targets belong to other rows than those where they stand."""
    rows, learner, lags = facts.of("rows", TRAINING), facts.of("learner", TRAINING), facts.of("lag", TRAINING)
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
        text = f"Each of the {int(rows['rows']):,} targets is the input of some row, and only {share(rows['targets_are_inputs'])} of their own."
        return Evidence(text, rows["targets_are_inputs"], "measurements[rows/training].targets_are_inputs")
    here = lags.get("lag_0", 1.0)
    other = max((name for name in lags if name != "lag_0"), key=lambda name: lags[name], default=None)
    if other is not None and lags[other] - max(here, majority) >= OTHER_RULE and not in_blocks(facts):
        where = "in reverse order" if other == "reversed" else f"moved by {other.removeprefix('lag_')} rows"
        text = f"A linear fit tells the targets {where} (score {figure(lags[other])}), and not as they stand ({figure(here)})."
        return Evidence(text, lags[other], f"measurements[lag/training].{other}")
    moved = (
        facts.of("rows", HELD_OUT).get("shift", 0.0) >= SHIFTED
        and facts.of("rows", HELD_OUT).get("shift_sigmas", 0.0) >= SIGMAS
    )
    found = transfer(facts)
    return found[0] if found and not moved else None
