"""PT105 to PT112: targets, and how rows are split."""

import math
from collections.abc import Iterator

from pipetrace.explain import task
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.pace import is_short, still_falling
from pipetrace.explain.findings.pairing import (
    all_checked,
    misaligned,
    noisy_labels,
    trained_apart,
    unseen_classes,
)
from pipetrace.explain.findings.questions import POOR, hopeless, margin, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.findings.rules.series import targets_are_padding
from pipetrace.explain.formatting import figure, share
from pipetrace.explain.other_rows import UNSEEN_CLASSES, classes_shifted, sorted_by_class
from pipetrace.trace.measurements import (
    TRAINING,
    VALIDATION,
    ClassOutcome,
    DatasetCheck,
    FitArguments,
    Outcome,
)

CONFLICTING = 0.05
"""Share of rows. Labelling errors reach a few percent in well-kept data sets (Northcutt et al.
2021: 3.4 %)."""
CONFLICTING_COPIES = 0.1
"""Share of rows from which copies count however well the rest is learned."""
RARE_CLASS = 0.35
"""A class with less than this part of an even share is rare: 17 % of two classes, 3.5 % of ten."""
IGNORED_RECALL, RECALL_GAP = 0.35, 0.3
"""It is ignored with a recall below the first, and below that of the most frequent class by the
second."""
TOLD_APART = 0.5
"""Cross-entropy over that of the class frequencies."""
MOST_WEIGHTS = 10
"""Classes whose weights are written out."""
ROWS_FOR_RECALL = 5
"""Rows of a class, below which a recall means nothing."""


class ConflictingLabels(RunRule):
    code = "PT105"
    name = "conflicting-labels"
    category = "labels_wrong"
    needs = ("stages", "training rows")
    root_cause_of = POOR
    what = "Rows with the same inputs have different targets."
    why = "No model can be right on both, so this sets a lower bound on the error."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        check = run.of(DatasetCheck, TRAINING)
        part, distinct = check.contradictory or 0.0, check.distinct or 0
        possible = math.inf if check.possible_rows is None else check.possible_rows
        if part < CONFLICTING or distinct >= 0.5 * possible:
            return
        found = self.fault(
            f"{share(part)} of the training rows have a copy with another target.",
            part,
            "measurements[dataset_check/training].contradictory",
            *run.how_well(),
            advice="Compare the copies and keep one target for each, or add the input that "
            "separates them.",
            confidence=margin(part, CONFLICTING, 0.3),
        )
        # Rows of continuous values are equal only as copies, and then one target is wrong.
        copies = check.possible_rows == math.inf and part >= CONFLICTING_COPIES
        yield found if not run.rebuilds and (struggles(run) or copies) else as_note(found)


class TrainValidationMismatch(RunRule):
    code = "PT106"
    name = "train-validation-mismatch"
    category = "labels_wrong"
    needs = ("stages", "baseline models", "validation rows", "outcomes")
    root_cause_of = (*POOR, "PT110", "PT305", "PT402", "PT501", "PT502")
    what = (
        "A baseline model trained on the training set fails on the validation set; one trained on "
        "other validation rows succeeds."
    )
    why = (
        "Training and validation rows follow different rules: the labels of one part are wrong, "
        "or it is another task."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        checked = all_checked(run)
        unseen = unseen_classes(run) if checked else None
        split = unseen and run.of(FitArguments, "fit").validation_split
        if sorted_by_class(run.trace.measurements) or misaligned(run) or split:
            return
        evidence = [each for each in (trained_apart(run) or noisy_labels(run), unseen) if each]
        if not evidence:
            return
        if checked and classes_shifted(run.trace.measurements):
            evidence.append(_other_classes(run))
        yield self.shown(
            *evidence,
            advice="Compare training rows and their labels with validation rows of the same "
            "class, class by class.",
            confidence=0.9,
        )


class NotShuffled(RunRule):
    code = "PT107"
    name = "not-shuffled"
    needs = ("stages", "fit arguments", "training rows", "validation rows")
    root_cause_of = (*POOR, "PT106", "PT305", "PT501")
    what = "The rows are sorted by class where their order matters."
    why = (
        "A split by position then leaves classes out of training, and batches contain one class "
        "at a time."
    )

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        fit, check = run.of(FitArguments, "fit"), run.of(DatasetCheck, TRAINING)
        split = (fit.validation_split or 0.0) > 0
        is_sorted = sorted_by_class(run.trace.measurements)
        unseen = unseen_classes(run) if all_checked(run) else None
        if unseen is None and split and is_sorted and classes_shifted(run.trace.measurements):
            unseen = _other_classes(run) if all_checked(run) else None
        if unseen and (is_sorted or split):
            last = " validation_split takes the last rows." if split else ""
            yield self.shown(
                unseen,
                advice=f"Shuffle the rows before you split them.{last}",
                change="order = np.random.default_rng(0).permutation(len(x)); x, y = x[order], "
                "y[order]",
                confidence=margin(unseen.value or 0.0, UNSEEN_CLASSES, 0.1),
            )
        elif is_sorted and (order := _kept_order(run)):
            runs, chance = check.class_runs or 0, check.expected_class_runs or 1.0
            yield self.fault(
                f"{order}, and the rows are sorted: the class changes {runs - 1} "
                f"times from row to row, in random order {chance - 1:.0f} times.",
                runs / chance,
                "measurements[dataset_check/training].class_runs",
                advice="Shuffle single rows, ahead of batch, with a buffer as large as the data; "
                "or shuffle the arrays, and leave out shuffle=False.",
                change="model.fit(x, y, shuffle=True, ...)"
                if fit.shuffle is False
                else "dataset = dataset.unbatch().shuffle(10_000).batch(32)",
                confidence=0.9,
            )


def _other_classes(run: MeasuredRun) -> Evidence:
    shift = run.of(DatasetCheck, VALIDATION).class_shift or 0.0
    text = f"The class shares of training and validation rows differ by {share(shift)}."
    return Evidence(text, shift, "measurements[dataset_check/validation].class_shift")


def _kept_order(run: MeasuredRun) -> str | None:
    """How rows come to the model in the order that they have; None where they are shuffled.

    Of a dataset the first batches were seen as the model got them, so their order is its order.
    """
    steps = [stage for stage in run.trace.stages if isinstance(stage.config.get("dataset"), dict)]
    if not steps:
        return "fit does not shuffle" if run.of(FitArguments, "fit").shuffle is False else None
    shuffles = [each for each in steps if each.config["dataset"].get("operation") == "shuffle"]
    if not shuffles:
        return "The dataset does not shuffle"
    last = shuffles[-1]
    if last.config["dataset"].get("batched"):
        return f"{last.name} shuffles whole batches, not rows"
    size = last.config["dataset"].get("settings", {}).get("buffer_size")
    return f"{last.name} shuffles within a buffer of {size} rows" if size else None


class TargetsMisaligned(RunRule):
    code = "PT108"
    name = "targets-misaligned"
    category = "labels_misaligned"
    needs = ("stages", "training rows", "baseline models", "shifted targets", "outcomes")
    root_cause_of = (*POOR, "PT105", "PT106", "PT110", "PT201", "PT501", "PT502")
    what = "The targets do not match the inputs of their rows, but those of other rows."
    why = "Wrong pairs of input and target leave nothing to learn."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        evidence = misaligned(run)
        if evidence is not None:
            yield self.shown(
                evidence,
                *run.how_well(),
                advice="Shuffle, sort, filter and split inputs and targets together, with the "
                "same indices.",
                change="order = rng.permutation(len(x)); x, y = x[order], y[order]",
                confidence=0.9,
            )


class ClassImbalance(RunRule):
    code = "PT110"
    name = "class-imbalance"
    needs = ("stages", "class outcomes")
    root_cause_of = (*POOR, "PT305", "PT502")
    what = "The model rarely predicts a class that has few rows."
    why = "Ignoring the rare class lowers the loss, and the accuracy still looks good."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        training = run.trace.run.training
        names = [name for name in run.names(ClassOutcome) if name.startswith(f"{TRAINING}/")]
        classes = {name: run.of(ClassOutcome, name) for name in names}
        rows = {name: each.rows or 0 for name, each in classes.items()}
        recall = {
            name: (classes[name].correct or 0) / count
            for name, count in rows.items()
            if count >= ROWS_FOR_RECALL
        }
        if training.is_weighted or len(recall) < 2 or hopeless(run) or targets_are_padding(run):
            return
        if _on_its_way(run, list(rows.values())):
            return
        if _continues_text(run):
            return  # Nobody can tell every next token: rare ones are guessed last, and rightly so.
        total, rare = sum(rows.values()), RARE_CLASS / len(names)
        most = max(recall, key=lambda name: rows[name])
        ignored = [
            name
            for name, found in recall.items()
            if rows[name] / total < rare and found < min(IGNORED_RECALL, recall[most] - RECALL_GAP)
        ]
        if not ignored:
            return
        name = min(ignored, key=lambda each: recall[each])
        part, predicted = rows[name] / total, (classes[name].predicted or 0) / total
        label, titles = int(name.rpartition("/")[2]), run.trace.run.data.class_names
        title, place = titles[label] if label < len(titles) else label, "measurements[class_outcome"
        yield self.fault(
            f"Class {title} has {share(part)} of the training {_places(run)}; the model "
            f"predicts it for {share(predicted)} of them.",
            part,
            f"{place}/{name}].rows",
            Evidence(
                f"Its recall is {share(recall[name])}.", recall[name], f"{place}/{name}].correct"
            ),
            Evidence(
                f"The recall of the most frequent class is {share(recall[most])}.",
                recall[most],
                f"{place}/{most}].correct",
            ),
            advice=f"{_weigh(run)} Judge by balanced accuracy, recall or AUC.",
            change=_weights(run, label, {int(each.split("/")[-1]): rows[each] for each in names}),
            confidence=margin(part, rare, 0.1 / len(names)),
        )


def _on_its_way(run: MeasuredRun, rows: list[int]) -> bool:
    """Whether a short training already tells the classes apart, and no score is at its threshold.

    The loss is then far below that of the class frequencies, the least without looking at a row.
    """
    loss, total = run.of(Outcome, TRAINING).log_loss, sum(rows)
    frequencies = -sum(count / total * math.log(count / total) for count in rows if count)
    apart = loss is not None and loss < TOLD_APART * frequencies
    return apart and is_short(run) and still_falling(run) is not None


def _continues_text(run: MeasuredRun) -> bool:
    """Whether each step's classes are the tokens that the model reads."""
    output = run.output
    tokens = {each.config.get("input_dim") for each in run.layers if each.layer == "Embedding"}
    return output is not None and output.layout == task.STEPS and output.shape[-1] in tokens


def _places(run: MeasuredRun) -> str:
    """What the targets are counted by."""
    layout = run.output.layout if run.output else task.ROW
    return {task.ROW: "rows", task.STEPS: "steps", task.PICTURE: "pixels"}.get(layout, "positions")


def _weigh(run: MeasuredRun) -> str:
    if run.output is None or run.output.layout == task.ROW:
        return "Weight the classes, or sample the rare one more often."
    return f"Weight the {_places(run)} of the rare class, or use a Dice or focal loss."


def _weights(run: MeasuredRun, label: int, rows: dict[int, int]) -> str:
    """The call of ``fit`` in which each class weighs as much as any other.

    ``class_weight`` is for targets of one class a row; others get a weight for each target.
    """
    even = sum(rows.values()) / len(rows)
    output = run.output
    if output is not None and output.layout != task.ROW:
        one_hot = output.target is not None and output.target.shape == output.shape
        labels = "y.argmax(axis=-1)" if one_hot and output.classes > 2 else "y"
        weight = f"np.where({labels} == {label}, {even / max(1, rows[label]):.2g}, 1.0)"
        return f"model.fit(x, y, sample_weight={weight})"
    if len(rows) > MOST_WEIGHTS:
        return "model.fit(..., class_weight=dict(enumerate(len(y) / np.bincount(y))))"
    weights = ", ".join(f"{each}: {even / max(1, count):.2g}" for each, count in rows.items())
    return f"model.fit(..., class_weight={{{weights}}})"


class LabelsDoNotMatchLoss(RunRule):
    code = "PT111"
    name = "labels-do-not-match-loss"
    category = "labels_wrong"
    level = ERROR
    needs = ("stages", "targets")
    root_cause_of = (
        *POOR,
        *("PT105", "PT106", "PT305", "PT320", "PT401", "PT402"),
        *("PT404", "PT405", "PT501", "PT502", "PT701"),
    )
    what = (
        "The labels are fractions, negative, or beyond the number of classes, but the loss "
        "expects class numbers."
    )
    why = "The loss reads them as other classes, or as none, so the model learns the wrong thing."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output = run.output
        target = output.target if output else None
        if output is None or target is None or target.min is None or target.max is None:
            return
        low, high = figure(target.min), figure(target.max)
        width = (output.shape[-1] if output.shape else None) or 0
        outside = target.min < 0 or target.max >= width
        other_flags = target.whole and target.distinct == 2 and (target.min, target.max) != (0, 1)
        stage = None
        if output.loss == "sparse categorical crossentropy" and not target.whole:
            text = f"The labels are fractions from {low} to {high}; {output.loss} truncates them."
            advice = "Give the number of the class. Scale only inputs, never labels."
            change = "y = np.unique(y, return_inverse=True)[1]  # the number of each class"
        elif output.loss == "sparse categorical crossentropy" and width and outside:
            units, stage = int(target.max - min(0.0, target.min)) + 1, output.stage
            text = f"The labels are from {low} to {high}; {stage} has the classes 0 to {width - 1}."
            advice = (
                "Number the classes from 0 on, and give the last layer one unit for each class."
            )
            change = f"keras.layers.Dense({units}, activation='softmax')"
        elif output.loss in task.YES_OR_NO and other_flags:
            text = f"The labels are {low} and {high}; {output.loss} expects 0 and 1."
            advice = "Label the two classes 0 and 1."
            change = f"y = (y == {high}).astype('float32')"
        else:
            return
        shown = Evidence(text, target.max, "run.data.targets[0]")
        yield self.shown(shown, advice=advice, stage=stage, change=change)


class SingleClass(RunRule):
    code = "PT112"
    name = "single-class"
    category = "labels_wrong"
    level = ERROR
    needs = ("stages", "outcomes")
    root_cause_of = (*POOR, "PT106", "PT107", "PT302")
    what = "All training rows are of one class."
    why = "The model learns to predict that class always, and nothing else."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        outcome = run.of(Outcome, TRAINING)
        rows = outcome.rows or 0
        if outcome.classes_present == 1 and rows > 1:
            yield self.fault(
                f"All {rows:,} training rows that were checked are of one class.",
                1.0,
                "measurements[outcome/training].classes_present",
                advice="Check how the labels are read and how the rows are split.",
            )
