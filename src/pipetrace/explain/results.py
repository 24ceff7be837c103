"""How the rows came out: how many are right, and which class, label or row is hardest."""

from collections.abc import Callable

import numpy as np

from pipetrace.explain import task
from pipetrace.explain.facts import class_name
from pipetrace.explain.formatting import counted, figure, listed, number, share
from pipetrace.stats.outcomes import MOST_CLASSES, class_labels, predicted_labels
from pipetrace.trace.document import Array, Trace
from pipetrace.trace.records import Record

MOST_NAMED = 5
"""So many classes that are never predicted are named; more are counted."""


class Results(Record):
    """How rows came out: the result in a few words, and sentences on its parts."""

    title: str
    sentences: tuple[str, ...] = ()


class _Rows(Record):
    trace: Trace
    output: task.Output
    given: Array
    wanted: Array
    numbers: Array
    since: tuple[int, Array] | None


def results(
    trace: Trace,
    output: task.Output,
    given: Array,
    wanted: Array,
    numbers: Array,
    since: tuple[int, Array] | None = None,
) -> Results | None:
    """What came out for some rows, ``(n, ...)``, of one output; None where that is not known.

    ``since`` is an earlier epoch, and what came out for the same rows after it.
    """
    describe = FORMS.get(output.form)
    if (
        describe is None
        or not len(given)
        or given.dtype.kind != "f"
        or wanted.dtype.kind not in "biuf"
    ):
        return None
    sound = np.isfinite(given.reshape(len(given), -1)).all(axis=1)
    sound &= np.isfinite(wanted.reshape(len(wanted), -1).astype(float)).all(axis=1)
    if not sound.any():
        return Results("No prediction: the outputs are NaN or Inf")
    if since and not np.isfinite(since[1]).all():
        since = None
    since = since and (since[0], since[1][sound])
    found = describe(_Rows(trace, output, given[sound], wanted[sound], numbers[sound], since))
    broken = int((~sound).sum())
    if found is None or not broken:
        return found
    text = f"{counted(broken, 'further row')} gave NaN or Inf, or had it as target."
    return Results(found.title, (*found.sentences, text))


def _classes(rows: _Rows) -> Results | None:
    if rows.output.what not in (task.CLASSES, task.BINARY):
        return _numbers(rows) if rows.output.what == task.NUMBERS else None
    true = class_labels(rows.wanted, rows.given.shape)
    if true is None:
        return None
    predicted, count = predicted_labels(rows.given), max(2, rows.given.shape[-1])
    right = int((true == predicted).sum())
    noun = {task.SEQUENCE: " positions", task.MASK: " pixels"}.get(rows.output.form, "")
    title = f"{number(right)} of {number(len(true))}{noun} right ({share(right / len(true))})"
    if right == len(true) or count > MOST_CLASSES:
        return Results(title)
    table = np.zeros((count, count), int)
    np.add.at(table, (true, predicted), 1)
    said = _by_class(rows, table)
    if rows.since:
        epoch, before = rows.since
        was = np.bincount(true[predicted_labels(before) == true], minlength=count)
        said += _changed(rows, table, was, epoch)
    return Results(title, tuple(said))


def _changed(rows: _Rows, table: Array, was: Array, epoch: int) -> list[str]:
    """The class that gained most and the one that lost most since an epoch."""
    now, totals = np.diag(table), table.sum(axis=1)
    gains = now - was
    parts = [
        f"{class_name(rows.trace, at, rows.output)} {word} most: {number(int(was[at]))} to "
        f"{_of(now[at], totals[at])} right"
        for at, word in ((int(gains.argmax()), "gained"), (int(gains.argmin()), "lost"))
        if (gains[at] > 0) == (word == "gained") and gains[at]
    ]
    return [f"Since epoch {epoch}, {', '.join(parts)}."] if parts else []


def _by_class(rows: _Rows, table: Array) -> list[str]:
    """The hardest class and the easiest one, from how often each (line) was taken for each
    (column)."""

    def name(index: int) -> str:
        return class_name(rows.trace, index, rows.output)

    totals, present = table.sum(axis=1), np.flatnonzero(table.sum(axis=1))
    if len(present) < 2:
        return []
    order = sorted(present, key=lambda at: (table[at, at] / totals[at], -totals[at]))
    hardest, easiest = int(order[0]), int(order[-1])
    parts = [
        f"as {name(int(at))} ({_times(int(table[hardest, at]))})"
        for at in np.argsort(-table[hardest], kind="stable")[:3]
        if at != hardest and table[hardest, at]
    ]
    right, best = (_of(table[at, at], totals[at]) for at in (hardest, easiest))
    said = [
        f"{_capital(name(hardest))} is hardest: {right} right, predicted {listed(parts[:2])}.",
        f"{_capital(name(easiest))} is easiest: {best} right.",
    ]
    never = [int(at) for at in present if not table[:, at].any()]
    if 0 < len(never) <= MOST_NAMED:
        is_are = "is" if len(never) == 1 else "are"
        said.append(f"{_capital(listed([name(at) for at in never]))} {is_are} never predicted.")
    elif never:
        said.append(f"{counted(len(never), 'class', 'classes')} are never predicted.")
    return said


def _labels(rows: _Rows) -> Results | None:
    shares = task.shares(rows.output, rows.given)
    if shares is None or rows.wanted.size != rows.given.size:
        return None
    said, true = shares > task.THRESHOLD, rows.wanted.reshape(shares.shape) > task.THRESHOLD
    right, names = (said == true).sum(axis=0), rows.trace.run.data.class_names
    title = f"{_of(right.sum(), said.size)} labels right ({share(float(right.sum() / said.size))})"
    worst, count = int(right.argmin()), said.shape[1]
    if right[worst] == len(said):
        return Results(title)
    name = f"'{names[worst]}'" if len(names) == count else f"Label {worst}"
    missed, extra = (int((true & ~said)[:, worst].sum()), int((said & ~true)[:, worst].sum()))
    text = f"{name} is hardest: {_of(right[worst], len(said))} right, "
    return Results(title, (f"{text}{_times(missed)} missed and {_times(extra)} given wrongly.",))


def _numbers(rows: _Rows) -> Results | None:
    if rows.wanted.size != rows.given.size:
        return None
    given = rows.given.reshape(len(rows.given), -1).astype(float)
    wanted = rows.wanted.reshape(given.shape).astype(float)
    off = np.abs(given - wanted)
    title = f"Off by {figure(off.mean())} on average"
    said = []
    if given.shape[1] == 1:
        mean = float((given - wanted).mean())
        too = "high" if mean > 0 else "low"
        said.append(f"The predictions are {figure(abs(mean))} too {too} on average.")
    worst = int(off.mean(axis=1).argmax())
    text = f"The largest error is that of row {number(int(rows.numbers[worst]))}: "
    text += f"off by {figure(off[worst].mean())}"
    if given.shape[1] == 1:
        text += f", {figure(given[worst, 0])} where {figure(wanted[worst, 0])} is true"
    else:
        text += " on average"
    return Results(title, (*said, f"{text}."))


def _mask(rows: _Rows) -> Results | None:
    found = _classes(rows)
    if found is None or rows.output.what != task.BINARY:
        return found
    shape = (len(rows.given), -1)
    said = predicted_labels(rows.given).reshape(shape).astype(bool)
    true = rows.wanted.reshape(shape) > task.THRESHOLD
    either, both = (said | true).sum(axis=1), (said & true).sum(axis=1)
    known = either > 0
    if not known.any():
        return Results(found.title)
    each = both[known] / either[known]
    worst = int(rows.numbers[known][each.argmin()])
    return Results(
        f"Intersection over union {figure(each.mean())} on average",
        (
            f"{found.title}.",
            f"The smallest one is that of row {number(worst)}: {figure(each.min())}.",
        ),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _of(part: int, total: int) -> str:
    return f"{number(int(part))} of {number(int(total))}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{number(count)} times")


FORMS: dict[str, Callable[[_Rows], Results | None]] = {
    task.CLASSES: _classes,
    task.BINARY: _classes,
    task.MULTILABEL: _labels,
    task.NUMBERS: _numbers,
    task.SEQUENCE: _classes,
    task.IMAGE: _numbers,
    task.MASK: _mask,
}
