"""The outputs of a model for a row: classes, binary, labels, numbers, steps, image or mask."""

from collections.abc import Callable

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.facts import class_name, output_of, rebuilds
from pipetrace.explain.formatting import counted, dimensions, figure, number, share
from pipetrace.present.build import images
from pipetrace.present.build.outcome_images import compared, image_outcome, mask_outcome
from pipetrace.present.build.sequence import rest, sequence
from pipetrace.present.drawings import Bar, Grid, ImageView, Threshold
from pipetrace.present.views import OutcomeView
from pipetrace.trace.document import Array, Prediction, Trace
from pipetrace.trace.records import Record

MOST_NUMBERS = 12
"""Of more numbers the first ones stand in the table."""


class Given(Record):
    """What an output gave for a row, and what it should have given."""

    trace: Trace
    made: Prediction
    output: task.Output
    values: Array
    target: Array | None

    @property
    def label(self) -> int | None:
        """The true class, where the output tells classes and it is known."""
        if self.made.label is not None and task.only(self.trace):
            return self.made.label
        return class_of(self.target, self.output.classes)


def outcomes(trace: Trace, made: Prediction) -> tuple[OutcomeView, ...]:
    """What each output gave."""
    return tuple(_outcome(trace, made, output, at) for at, output in enumerate(task.outputs(trace)))


def class_of(target: Array | None, classes: int) -> int | None:
    """The class that a target stands for: its number, or the place of the one among zeros."""
    if (
        target is None
        or target.dtype.kind not in "fiub"
        or not target.size
        or not np.isfinite(target).all()
    ):
        return None
    found = int(target.reshape(-1)[0]) if target.size == 1 else int(np.argmax(target))
    return found if target.size in (1, classes) and 0 <= found < max(2, classes) else None


def _outcome(trace: Trace, made: Prediction, output: task.Output, position: int) -> OutcomeView:
    values = output_of(made, output)
    target = made.targets[position] if position < len(made.targets) else None
    if values is None:
        return _view(output, f"Its output of {dimensions(output.shape)} was too large to store.")
    if values.dtype.kind not in "fiub":
        return _view(output, f"It gives {counted(values.size, 'text')}.")
    target = None if target is None or target.dtype.kind not in "fiub" else target
    if output.form == task.IMAGE and values.ndim == 2:
        values = values[..., None]  # an image without an axis of channels
        target = target[..., None] if target is not None and target.ndim == 2 else target
    given = Given(trace, made, output, values, target)
    return _in_form(given) if np.isfinite(values).all() else _view(output, _broken(values))


def _broken(values: Array) -> str:
    if values.size == 1:
        return f"The model gives {figure(float(values.reshape(-1)[0]))}: there is no prediction."
    broken = int(values.size - np.isfinite(values).sum())
    part = f"{number(broken)} of {counted(values.size, 'value')}"
    return f"{part} are not finite: there is no prediction."


def _in_form(given: Given) -> OutcomeView:
    output, values = given.output, given.values
    sizes = {task.CLASSES: output.classes, task.BINARY: 1}
    axes = {task.SEQUENCE: 2, task.IMAGE: 3, task.MASK: 3}
    form = output.form
    fits = values.size == sizes.get(form, values.size) and values.ndim == axes.get(
        form, values.ndim
    )
    if form in FORMS and fits:
        return FORMS[form](given)
    them = "it stands" if values.size == 1 else "they stand"
    return _view(output, f"{_range(values)}; the trace does not say what {them} for.")


def _sequence(given: Given) -> OutcomeView:
    verdict, table = sequence(given.trace, given.made, given.output, given.values, given.target)
    return _view(given.output, verdict, table=table)


def _view(
    output: task.Output,
    verdict: str,
    *,
    bars: tuple[Bar, ...] = (),
    bars_label: str = "",
    threshold: Threshold | None = None,
    table: Grid | None = None,
    drawn: tuple[ImageView | None, ...] = (),
) -> OutcomeView:
    return OutcomeView(
        output.name,
        output.form,
        verdict,
        bars,
        bars_label,
        threshold,
        table,
        tuple(each for each in drawn if each),
    )


def _classes(given: Given) -> OutcomeView:
    output, values = given.output, given.values.reshape(-1)
    shares, label = task.shares(output, values), given.label
    truth = "" if label is None else _name(given, label)
    if shares is None:
        first = int(np.argmax(values))
        said = "The scores are not probabilities"
        said += f"; the largest, {figure(float(values[first]))}, is that of {_name(given, first)}."
        if truth:
            said += f" The true label is {truth}: {'correct' if label == first else 'wrong'}."
        bars = _scores(given, values)
        return _view(output, said, bars=bars, bars_label="The score of each class")
    order = np.argsort(-shares, kind="stable")
    first, second = int(order[0]), int(order[1])
    how = ", the softmax of its scores" if output.scale == task.LOGITS else ""
    said = (
        f"The model predicts {_name(given, first)} with {share(float(shares[first]))}{how}, then "
    )
    said += f"{_name(given, second)} with {share(float(shares[second]))}."
    if label is not None and label == first:
        said += f" The true label is {truth}: correct."
    elif label is not None:
        said += f" The true label is {truth}, which got {share(float(shares[label]))}: wrong."
    bars = images.scores(shares, [_name(given, at).strip("'") for at in range(len(shares))])
    most = (
        f"The {len(bars)} largest of the {len(shares)} probabilities"
        if len(shares) > len(bars)
        else "Probabilities"
    )
    return _view(output, said, bars=bars, bars_label=most)


def _name(given: Given, index: int) -> str:
    return class_name(given.trace, index, given.output)


def _scores(given: Given, values: Array) -> tuple[Bar, ...]:
    """Scores of any size and sign: the bars begin at the smallest."""
    low, high = float(values.min()), float(values.max())
    span = high - low or 1.0
    return tuple(
        Bar(
            _name(given, int(index)).strip("'"),
            round((float(values[index]) - low) / span, 5),
            figure(float(values[index])),
            bool(values[index] == high),
        )
        for index in images.largest(values)
    )


def _binary(given: Given) -> OutcomeView:
    output, label = given.output, given.label
    score = float(given.values.reshape(-1)[0])
    shares = task.shares(output, given.values.reshape(-1))
    truth = "" if label is None else _name(given, label)
    if shares is None:
        said = f"The score is {figure(score)}; it is no probability, so no threshold is known."
        return _view(output, f"{said} The true label is {truth}." if truth else said)
    chance = float(shares[0])
    yes = chance > task.THRESHOLD
    sign = ">" if yes else "<" if chance < task.THRESHOLD else "="
    word = _name(given, int(yes))
    made = f", the sigmoid of its score {figure(score)}" if output.scale == task.LOGITS else ""
    said = (
        f"The model gives {_beside(chance)}{made}, which is {WHERE[sign]} {task.THRESHOLD}: {word}."
    )
    if label is not None:
        said += f" The true label is {truth}: {'correct' if label == int(yes) else 'wrong'}."
    line = Threshold(
        min(1.0, max(0.0, chance)),
        task.THRESHOLD,
        f"{_beside(chance)} {sign} {task.THRESHOLD}: {word}",
    )
    return _view(output, said, threshold=line)


WHERE = {">": "above", "<": "below", "=": "exactly"}


def _beside(chance: float) -> str:
    """A share that rounding does not carry to the other side of the threshold."""
    text = figure(chance)
    return text if chance == task.THRESHOLD or float(text) != task.THRESHOLD else f"{chance:.7f}"


def _labels(given: Given) -> OutcomeView:
    output, values = given.output, given.values.reshape(-1)
    shares = task.shares(output, values)
    target = None if given.target is None else given.target.reshape(-1)
    if target is not None and target.size != values.size:
        target = None
    if shares is None:
        return _view(
            output, f"{_range(values)}; they are no probabilities, so no threshold is known."
        )
    said = shares > task.THRESHOLD
    names = given.trace.run.data.class_names
    columns = ("label", "probability", "predicted", *(("target",) if target is not None else ()))
    rows, marks = [], []
    for index in range(min(len(values), MOST_NUMBERS)):
        name = names[index] if len(names) == len(values) else str(index)
        cells = [name, share(float(shares[index])), "yes" if said[index] else "no"]
        if target is not None:
            cells.append("yes" if target[index] else "no")
            marks.append("right" if bool(target[index]) == bool(said[index]) else "wrong")
        rows.append(tuple(cells))
    verdict = f"{int(said.sum())} of {counted(len(values), 'label')} are above {task.THRESHOLD}."
    if target is not None:
        right = int((said == target.astype(bool)).sum())
        verdict += f" {right} of {len(values)} are correct."
    table = Grid(
        "The labels",
        columns,
        tuple(rows),
        tuple(marks) or ("",) * len(rows),
        rest(len(values), len(rows)),
    )
    return _view(output, verdict, table=table)


def _numbers(given: Given) -> OutcomeView:
    output, values = given.output, given.values.reshape(-1).astype(float)
    target = None if given.target is None else given.target.reshape(-1).astype(float)
    if target is not None and not (len(target) == len(values) and np.isfinite(target).all()):
        target = None
    if len(values) == 1:
        said = f"The model gives {figure(values[0])}"
        if target is None:
            return _view(output, f"{said}.")
        apart = values[0] - target[0]
        side = "high" if apart > 0 else "low"
        how = f"{figure(abs(apart))} too {side}" if apart else "no difference"
        return _view(output, f"{said}; the target is {figure(target[0])}: {how}.")
    if target is None:
        verdict = f"The model gives {_range(values, small=True)}."
    else:
        off = np.abs(values - target)
        verdict = f"The model gives {counted(len(values), 'number')}, "
        verdict += f"off by {figure(off.mean())} on average and by "
        verdict += f"{figure(off.max())} at most, at position {int(off.argmax())}."
    many = len(values) > MOST_NUMBERS
    drawn = compared(values.astype(np.float32), target, None) if many else ()
    return _view(output, verdict, table=_table(values, target), drawn=drawn)


def _table(values: Array, target: Array | None) -> Grid:
    shown = range(min(len(values), MOST_NUMBERS))
    columns = ("position", "output", *(("target", "difference") if target is not None else ()))
    rows = []
    for index in shown:
        cells = [str(index), figure(values[index])]
        if target is not None:
            cells += [figure(target[index]), figure(values[index] - target[index])]
        rows.append(tuple(cells))
    return Grid.plain("The numbers", columns, rows, rest(len(values), len(rows)))


def _image(given: Given) -> OutcomeView:
    verdict, drawn = image_outcome(
        given.output, given.values, given.target, rebuilds=rebuilds(given.trace)
    )
    return _view(given.output, verdict, drawn=drawn)


def _mask(given: Given) -> OutcomeView:
    verdict, drawn = mask_outcome(given.output, given.values, given.target)
    return _view(given.output, verdict, drawn=drawn)


def _range(values: Array, *, small: bool = False) -> str:
    count = counted(values.size, "number" if small else "value")
    if values.size == 1:
        return f"{'a' if small else 'A'} value of {figure(float(values.min()))}"
    return f"{count} from {figure(float(values.min()))} to {figure(float(values.max()))}"


FORMS: dict[str, Callable[[Given], OutcomeView]] = {
    task.CLASSES: _classes,
    task.BINARY: _binary,
    task.MULTILABEL: _labels,
    task.NUMBERS: _numbers,
    task.SEQUENCE: _sequence,
    task.IMAGE: _image,
    task.MASK: _mask,
}
