"""PT11x: what is wrong with the targets, and with how rows are split."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.explain import task
from pipetrace.explain.findings.alignment import (
    NOT_SEEN,
    has_moved,
    in_blocks,
    misaligned,
    noisy,
    transfer,
    unseen_classes,
)
from pipetrace.explain.findings.figures import POOR, figures_of, margin
from pipetrace.explain.findings.finding import ERROR, NOTE, Evidence, Finding
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.text import figure, share
from pipetrace.trace.document import Trace
from pipetrace.trace.measurements import (
    HELD_OUT,
    TRAINING,
    ClassOutcome,
    DatasetCheck,
    FitArguments,
    Outcome,
)


class LabelsOutOfPlace(Rule):
    """Labels that the loss cannot take as they are."""

    code = "PT111"
    name = "labels-do-not-match-loss"
    category = "labels_wrong"
    level = ERROR
    needs = ("stages", "targets")
    root_cause_of = (
        *POOR,
        "PT105",
        "PT106",
        "PT305",
        "PT401",
        "PT402",
        "PT404",
        "PT405",
        "PT501",
        "PT502",
        "PT701",
    )
    what = "Labels that are fractions, negative, or beyond the number of classes, where the loss wants numbers of classes."
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
    name = "single-class"
    category = "labels_wrong"
    level = ERROR
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT106", "PT107", "PT302")
    what = "All training rows are of one class."
    why = "The model learns to say that class always, and nothing else."

    def check(self, trace: Trace) -> Iterator[Finding]:
        outcome = figures_of(trace).of(Outcome, TRAINING)
        rows = outcome.rows or 0
        if outcome.classes_present == 1 and rows > 1:
            yield self.found(
                f"All {rows:,} training rows that were looked at are of one class.",
                [
                    Evidence(
                        "One class occurs.", 1.0, "measurements[outcome/training].classes_present"
                    )
                ],
                "Look at how the labels are read, and at the split.",
            )


class Contradictions(Rule):
    """The same input with different labels."""

    code = "PT105"
    name = "conflicting-labels"
    category = "labels_wrong"
    needs = ("stages", "training rows")
    root_cause_of = POOR
    what = "Rows with the same inputs and different targets."
    why = "No model can be right on both, so the rest is the least error that training can reach."

    COPIES = 0.1
    """Share of rows from which it counts however well the rest is learned."""
    SHARE = 0.05
    """Single mistakes of labelling reach a few percent in well-kept data sets (Northcutt et al. 2021: 3.4 % on average)."""

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        check = facts.of(DatasetCheck, TRAINING)
        part, distinct = check.contradictory or 0.0, check.distinct or 0
        possible = math.inf if check.possible_rows is None else check.possible_rows
        if part < self.SHARE or distinct >= 0.5 * possible:
            return
        text = f"{share(part)} of the training rows have a twin with another target."
        found = self.found(
            text,
            [
                Evidence(text, part, "measurements[dataset_check/training].contradictory"),
                *facts.how_well(),
            ],
            "Compare the twins, and keep one target for each; or add the input that tells them apart.",
            confidence=margin(part, self.SHARE, 0.3),
        )
        # Of continuous values no two rows are the same by chance, so twins are copies, and one of them is wrong.
        copies = check.possible_rows == math.inf and part >= self.COPIES
        costs = not facts.rebuilds and (facts.struggles or copies)
        yield found if costs else replace(found, level=NOTE, confidence=0.6)


class OtherRule(Rule):
    """Training rows from which the held-out rows cannot be told, though these can be told from each other."""

    code = "PT106"
    name = "train-validation-mismatch"
    category = "labels_wrong"
    needs = ("stages", "baseline models", "validation rows", "outcomes")
    root_cause_of = (*POOR, "PT110", "PT305", "PT402", "PT501", "PT502")
    what = (
        "A simple learner tells the held-out rows from each other, and not from the training rows."
    )
    why = "What holds in training does not hold in the held-out rows: labels of one part are wrong, or it is another task."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        unseen = unseen_classes(facts)
        if (
            in_blocks(facts)
            or misaligned(facts)
            or (unseen and facts.of(FitArguments, "fit").validation_split)
        ):
            return
        evidence = transfer(facts) or noisy(facts) or []
        if unseen:
            text = (
                f"{share(unseen)} of the held-out rows are of classes that training has no row of."
            )
            evidence.append(
                Evidence(text, unseen, "measurements[dataset_check/held_out].unseen_classes")
            )
        if not evidence:
            return
        if has_moved(facts):
            moved = facts.of(DatasetCheck, HELD_OUT).class_shift or 0.0
            text = f"{share(moved)} of the rows would have to change class for both parts to hold as many of each."
            evidence.append(
                Evidence(text, moved, "measurements[dataset_check/held_out].class_shift")
            )
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
    needs = ("stages", "fit arguments", "training rows", "validation rows")
    root_cause_of = (*POOR, "PT106", "PT305", "PT501")
    what = "Rows stand in blocks of one class where their order matters."
    why = "A split by position then holds out classes that training never sees, and batches teach one class at a time."

    def check(self, trace: Trace) -> Iterator[Finding]:
        facts = figures_of(trace)
        fit, ours = facts.of(FitArguments, "fit"), facts.of(DatasetCheck, TRAINING)
        split = (fit.validation_split or 0.0) > 0
        unseen = unseen_classes(facts)
        if unseen and (in_blocks(facts) or split):
            text = (
                f"{share(unseen)} of the held-out rows are of classes that training has no row of."
            )
            yield self.found(
                text,
                [Evidence(text, unseen, "measurements[dataset_check/held_out].unseen_classes")],
                "Shuffle the rows before the split; validation_split takes the last rows as they stand."
                if split
                else "Shuffle the rows before they are split.",
                change="order = np.random.default_rng(0).permutation(len(x)); x, y = x[order], y[order]",
                confidence=margin(unseen, NOT_SEEN, 0.1),
            )
        elif in_blocks(facts) and fit.shuffle is False:
            runs, chance = ours.class_runs or 0, ours.expected_class_runs or 1.0
            text = (
                f"The class changes {runs - 1} times from row to row; in a "
                f"random order it would {chance - 1:.0f} times."
            )
            yield self.found(
                f"fit does not shuffle, and the rows stand in blocks. {text}",
                [Evidence(text, runs / chance, "measurements[dataset_check/training].class_runs")],
                "Shuffle the rows, or leave out shuffle=False.",
                change="model.fit(x, y, shuffle=True, ...)",
                confidence=0.9,
            )


class Misaligned(Rule):
    """Targets that do not belong to their inputs."""

    code = "PT108"
    name = "targets-misaligned"
    category = "labels_misaligned"
    needs = ("stages", "training rows", "baseline models", "shifted targets", "outcomes")
    root_cause_of = (*POOR, "PT105", "PT106", "PT501", "PT502")
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
    needs = ("stages", "class outcomes")
    root_cause_of = (*POOR, "PT305", "PT502")
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
        names = [name for name in facts.names(ClassOutcome) if name.startswith(f"{TRAINING}/")]
        classes = {name: facts.of(ClassOutcome, name) for name in names}
        rows = {name: each.rows or 0 for name, each in classes.items()}
        total = sum(rows.values())
        recall = {
            name: (classes[name].correct or 0) / count
            for name, count in rows.items()
            if count >= self.FEWEST
        }
        if len(recall) < 2:
            return
        most = max(recall, key=lambda name: rows[name])
        led = recall[most]
        for name, right in recall.items():
            part = rows[name] / total
            if (
                part < self.RARE / len(names)
                and right < self.IGNORED
                and right < led - self.LED
                and (worst is None or right < worst[0])
            ):
                worst = (right, name, part, (classes[name].predicted or 0) / total)
        if worst is None:
            return
        right, name, part, said = worst
        label = int(name.rpartition("/")[2])
        title = (
            trace.run.data.class_names[label]
            if label < len(trace.run.data.class_names)
            else str(label)
        )
        text = f"Class {title} has {share(part)} of the training rows; the model names it for {share(said)} of them."
        yield self.found(
            text,
            [
                Evidence(text, part, f"measurements[class_outcome/{name}].rows"),
                Evidence(
                    f"It is right on {share(right)} of that class's own rows.",
                    right,
                    f"measurements[class_outcome/{name}].correct",
                ),
                Evidence(
                    f"On the most frequent class it is right on {share(led)}.",
                    led,
                    f"measurements[class_outcome/{most}].correct",
                ),
            ],
            "Weight the classes, or sample the rare one more often, and judge by balanced accuracy, recall or AUC.",
            change=f"model.fit(..., class_weight={{{label}: {1 / part / len(names):.2g}, ...}})",
            confidence=margin(part, self.RARE / len(names), 0.1 / len(names)),
        )
