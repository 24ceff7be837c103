"""Metrics: which measure matters here, worked from what the model got right and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.balance import accuracy_at_chance, chance_words
from pipetrace.explain.facts import class_name, train_rows, validation_rows
from pipetrace.explain.formatting import as_written, comes_to, counted, figure, number, share
from pipetrace.explain.learn.cost import cost
from pipetrace.explain.learn.lesson import Cells, Curve, Lesson, Pairs, Part, Place, Table
from pipetrace.stats.outcomes import labels_of
from pipetrace.trace.document import Array, Trace

ABOUT = "which measure matters, and how it is worked"
INTRO = "Every count below is of rows of this run; every measure is worked from these counts."
MOST_CLASSES = 20
"""A larger matrix is no longer read."""
MOST_PAIRS = 300
BINS = 10
"""Of a calibration, as in Guo et al., On Calibration of Modern Neural Networks (2017)."""
OF_LABELS = (
    "A row may have several labels, and most labels are absent in most rows. The share of labels "
    "that are right is high for a model that gives none; precision and recall of each label are "
    "not."
)
CHOICE = (
    "The model gives a probability; from which one on a row counts as yes is your choice. A higher "
    "threshold makes fewer false alarms and misses more."
)
MEANINGS = (
    "Precision: of those predicted to be of a class, the share that is of it. Recall: of those of "
    "a class, the share that is found. F1 is their harmonic mean, 2 x right / (predicted + true)."
)
THRESHOLDS = tuple(at / 50 for at in range(51))
RESULTS = Place("results", "right and wrong")


@dataclass(frozen=True)
class Judged:
    """The rows that measures are worked from."""

    output: task.Output  # which output
    # given, wanted: what it was and what it should be, a line for each row, all finite
    given: Array
    wanted: Array
    note: str  # which rows they are, in a sentence
    all: bool  # whether they are all rows of that kind; else mistakes are more frequent among them


def metrics(trace: Trace) -> Lesson:
    """The measures that fit the outputs, and the cost of each stage."""
    judged, costs = _judged(trace), cost(trace)
    if costs is None and judged is None:
        return Lesson("metrics", ABOUT, "", absent="Nothing was recorded to measure by.")
    made = _worked(trace, judged)
    return replace(made, parts=(*made.parts, costs)) if costs else made


def _worked(trace: Trace, judged: Judged | None) -> Lesson:
    """The measures that fit the outputs, where there are any."""
    if judged is None:
        text = "No rows with their targets were recorded, so no measure can be worked here."
        return _lesson([Part("Which measure matters", (text,))])
    if judged.output.what in (task.CLASSES, task.BINARY):
        found = labels_of(judged.given, judged.wanted)
        return _of_classes(trace, judged, *found) if found else _lesson()
    if judged.output.what == task.MULTILABEL:
        return _of_labels(trace, judged)
    return _of_numbers(judged) if judged.output.what == task.NUMBERS else _lesson()


def _lesson(parts: Sequence[Part] = (), **worked: Any) -> Lesson:
    return Lesson("metrics", ABOUT, INTRO, parts=tuple(parts), **worked)


def _judged(trace: Trace) -> Judged | None:
    """The kept rows of the validation set, or of the training set where there is none."""
    rows, outputs = trace.kept_rows, task.outputs(trace)
    if rows is None or len(rows.targets) != len(rows.outputs) or len(outputs) != len(rows.outputs):
        return None
    chosen, kind, total = rows.validation, "validation", validation_rows(trace)
    if not chosen.any():
        chosen, kind, total = ~chosen, "training", train_rows(trace)
    for output, given, wanted in zip(outputs, rows.outputs, rows.targets, strict=True):
        known = given.dtype.kind == "f" and wanted.dtype.kind in "biuf"
        if not known or output.what == task.UNKNOWN:
            continue
        said, true = given[chosen].astype(float), wanted[chosen].astype(float)
        sound = np.isfinite(said.reshape(len(said), -1)).all(axis=1)
        sound &= np.isfinite(true.reshape(len(true), -1)).all(axis=1)
        if not sound.any():
            continue
        count = int(sound.sum())
        is_all, words = count >= total > 0, counted(count, f"{kind} row")
        if is_all:
            words = f"all {words}"
        elif total:
            words = f"{number(count)} of the {number(total)} {kind} rows, mistakes first: among all"
            words += ", mistakes are rarer"
        return Judged(output, said[sound], true[sound], f"The counts are of {words}.", is_all)
    return None


def _of_classes(trace: Trace, judged: Judged, predicted: Array, true: Array, count: int) -> Lesson:
    cells, curve = None, None
    table = np.zeros((count, count), int)
    np.add.at(table, (true, predicted), 1)
    noun = {task.SEQUENCE: "positions", task.MASK: "pixels"}.get(judged.output.form, "rows")
    names = tuple(class_name(trace, at, judged.output).strip("'") for at in range(count))
    if count <= MOST_CLASSES:
        recalls = [table[at, at] / max(1, table[at].sum()) for at in range(count)]
        present = [at for at in range(count) if table[at].sum()]
        cells = Cells(
            names=names,
            counts=tuple(tuple(int(each) for each in line) for line in table),
            start=min(present, key=lambda at: (recalls[at], at)),
            noun=noun,
        )
    parts = [
        Part("Which measure matters", _summary(trace, judged, table, noun), place=RESULTS),
        Part("Precision, recall and F1 by class", (MEANINGS,), table=_by_class(names, table)),
    ]
    probabilities = task.shares(judged.output, judged.given)
    if count == 2 and probabilities is not None:
        yes = probabilities.reshape(len(true), -1)[:, -1]
        curve = _curve("", yes, true == 1, noun)
        parts.append(Part("Where to draw the line", (CHOICE,)))
    if probabilities is not None:
        parts.append(_calibration(judged, probabilities, predicted, true, count))
    return _lesson(parts, cells=cells, curve=curve)


def _summary(trace: Trace, judged: Judged, table: Array, noun: str) -> tuple[str, ...]:
    """Which measure says most, and the accuracy."""
    right, total = int(table.trace()), int(table.sum())
    level = accuracy_at_chance(trace) if task.only(trace) is not None else None
    beside = (
        "Accuracy alone would praise a model that always gives the most frequent class. Look at "
        "the recall of each class, or at their mean, the balanced accuracy."
        if level and level.uneven
        else "Precision and recall say which classes the accuracy hides."
    )
    texts = [judged.note, f"{chance_words(trace)} {beside}".strip()]
    texts.append(
        f"Accuracy: {number(right)} of {number(total)} {noun} are right, {share(right / total)}."
    )
    if judged.output.form == task.MASK:
        both = int(table[-1, -1])
        either = int(table[-1].sum() + table[:, -1].sum()) - both
        texts.append(
            "Intersection over union (IoU) of the last class: "
            f"{number(both)} {noun} are in mask and prediction, {number(either)} in at least one, "
            f"{share(both / either) if either else 'not defined'}."
        )
    return tuple(texts)


def _by_class(names: tuple[str, ...], table: Array) -> Table:
    counts = np.stack([table.diagonal(), table.sum(axis=0), table.sum(axis=1)]).T.tolist()
    lines = [
        _line(name, right, said, true, "never predicted")
        for name, (right, said, true) in zip(names, counts, strict=True)
        if said or true
    ]
    lines.sort(key=lambda line: float(line[3]))
    shown = lines[:MOST_CLASSES]
    rest = f"The {MOST_CLASSES} hardest of {len(lines)} classes." if len(lines) > len(shown) else ""
    return Table(("class", "precision", "recall", "F1"), tuple(shown), rest)


def _line(name: str, right: int, said: int, true: int, never: str) -> tuple[str, ...]:
    """Precision, recall and F1 from how often a class is right, predicted and true."""
    return (
        name,
        f"{right} / {said} = {share(right / said)}" if said else never,
        f"{right} / {true} = {share(right / true)}" if true else "no such row",
        figure(2 * right / (said + true)) if said + true else "not defined",
    )


def _curve(name: str, yes: Array, true: Array, noun: str) -> Curve:
    def count(said: Array, is_true: Array) -> int:
        return int((said & is_true).sum())

    counts = tuple(
        (count(said, true), count(said, ~true), count(~said, true), count(~said, ~true))
        for said in (yes > at for at in THRESHOLDS)
    )
    return Curve(name, THRESHOLDS, counts, THRESHOLDS.index(task.THRESHOLD), noun)


def _calibration(
    judged: Judged, probabilities: Array, predicted: Array, true: Array, count: int
) -> Part:
    """How often the model is right where it is so sure."""
    flat = probabilities.reshape(len(true), -1)
    yes = (
        flat.max(axis=1)
        if flat.shape[1] > 1
        else np.where(predicted == 1, flat[:, 0], 1 - flat[:, 0])
    )
    bins = np.minimum((yes * BINS).astype(int), BINS - 1)
    lines, error = [], 0.0
    for each in range(BINS):
        inside = bins == each
        rows = int(inside.sum())
        if not rows:
            continue
        sure, right = float(yes[inside].mean()), float((predicted == true)[inside].mean())
        error += rows / len(true) * abs(sure - right)
        bounds = f"{each * 10} to {each * 10 + 10} %"
        lines.append((bounds, number(rows), share(sure), share(right)))
    text = (
        "Where a model is well calibrated, it is right as often as it is sure. Weighted by rows, "
        f"the two differ by {share(error)} here: the expected calibration error. The most likely "
        f"of {count} classes has at least {share(1 / count)}."
    )
    table = Table(("sure", "rows", "mean probability", "right"), tuple(lines))
    notes = () if judged.all else (judged.note,)
    return Part("How sure, and how often right", (text, *notes), table=table)


def _of_labels(trace: Trace, judged: Judged) -> Lesson:
    probabilities = task.shares(judged.output, judged.given)
    if probabilities is None or probabilities.shape != judged.wanted.shape:
        return _lesson()
    flat = probabilities.reshape(-1, probabilities.shape[-1])
    true = judged.wanted.reshape(flat.shape) > task.THRESHOLD
    said, known = flat > task.THRESHOLD, trace.run.data.class_names
    many = flat.shape[1]
    names = known if len(known) == many else tuple(f"label {at}" for at in range(many))
    counts = np.stack([said & true, said, true]).sum(axis=1).T.tolist()
    lines = [
        _line(name, right, given, there, "never given")
        for name, (right, given, there) in zip(names, counts, strict=True)
    ]
    hardest = int((said == true).mean(axis=0).argmin())
    parts = [
        Part("Which measure matters", (judged.note, OF_LABELS), place=RESULTS),
        Part(
            "Precision, recall and F1 by label",
            (MEANINGS,),
            table=Table(("label", "precision", "recall", "F1"), tuple(lines[:MOST_CLASSES])),
        ),
    ]
    curve = _curve(names[hardest], flat[:, hardest], true[:, hardest], "rows")
    return _lesson(parts, curve=curve)


def _of_numbers(judged: Judged) -> Lesson:
    if judged.given.size != judged.wanted.size:
        return _lesson()
    given = judged.given.reshape(len(judged.given), -1)
    wanted = judged.wanted.reshape(given.shape)
    errors = given - wanted
    absolute, squared = float(np.abs(errors).mean()), float((errors**2).mean())
    spread = float(((wanted - wanted.mean(axis=0)) ** 2).mean())
    texts = [
        judged.note.replace("counts", "figures", 1),
        (
            f"Mean absolute error (MAE): {figure(absolute)}, in the unit of the targets: by so "
            "much a prediction is off on average."
        ),
        (
            f"Root of the mean squared error (RMSE): sqrt({figure(squared)}) = "
            f"{comes_to(as_written(squared) ** 0.5, squared**0.5)}; large errors count more in it."
        ),
    ]
    if spread > 0:
        texts.append(
            f"R2 = 1 - {figure(squared)} / {figure(spread)} = "
            f"{comes_to(1 - as_written(squared) / as_written(spread), 1 - squared / spread)}: the "
            f"part of the targets' variance ({figure(spread)}) that the model explains. Always "
            "giving their mean has 0."
        )
    matters = Part("Which measure matters", tuple(texts), place=RESULTS)
    if given.shape[1] > MOST_CLASSES:
        return _lesson([matters])
    every = max(1, -(-len(given) // MOST_PAIRS))
    both = zip(wanted[::every, 0], given[::every, 0], strict=True)
    name = judged.output.name or "output"
    part = f"{name}, column 0 of {given.shape[1]}" if given.shape[1] > 1 else name
    residuals = Part("Residuals", (_residuals(part, errors[:, 0]),))
    pairs = Pairs(part, tuple((float(one), float(other)) for one, other in both))
    return _lesson([matters, residuals], pairs=pairs)


def _residuals(name: str, errors: Array) -> str:
    """How far the predictions are off, and whether on one side."""
    mean, low, high = float(errors.mean()), *map(float, np.quantile(errors, (0.25, 0.75)))
    by_luck = 2 * float(errors.std()) / len(errors) ** 0.5  # two standard errors of the mean
    side = "too much" if mean > 0 else "too little"
    told = f"so on average the model gives {side}" if abs(mean) > by_luck else "no more than luck"
    return (
        f"A residual is the prediction less the true value. Half of those of {name} are between "
        f"{figure(low)} and {figure(high)}; their mean is {figure(mean)}, {told}."
    )
