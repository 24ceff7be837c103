"""Running the steps of a pipeline once on the whole data, with what was measured on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pipetrace.errors import ArgumentError, CountMismatchError, PipetraceError, StepError
from pipetrace.pipeline.callables import Action, action, described, not_fitted
from pipetrace.pipeline.forms import (
    DICT,
    LIST,
    TUPLE,
    Form,
    copied,
    form_of,
    form_text,
    is_flat,
    kind_of,
    rows_of,
    same,
    take,
)
from pipetrace.pipeline.given import read_source
from pipetrace.pipeline.probing import as_they_were, probed
from pipetrace.pipeline.relations import SPLIT, WHICH_ROWS, Measured, measured
from pipetrace.pipeline.results import Batches, Parts, Result, Rows, joined, read_result

IN_PLACE = "in place"
"""The fact that a step changes what it receives."""

Steps: TypeAlias = Sequence[tuple[str, Any]]


@dataclass(frozen=True, eq=False)
class Passed:
    """A step with what passed through it.

    Attributes:
        name: of its stage.
        action: the step itself, described as plain JSON.
        given: what it received: in a pipeline with a split, the training part.
        result: what it returned, as it was read.
        value: what it returned, as it is.
        goes_on: what the next step receives, or the model.
        measured: what holds between the two.
        held_out: whether the held-out parts passed it too.
    """

    name: str
    action: Mapping[str, Any]
    given: Rows
    result: Result
    value: Any
    goes_on: Rows
    measured: Measured
    held_out: bool = False

    @property
    def forms(self) -> tuple[Form, Form]:
        """The form of what it received and of what it returned, without the targets that it did not touch."""
        return form_of(self.given.x), form_of(self.value)


@dataclass(frozen=True, eq=False)
class Passage:
    """A source and its steps, run once.

    Attributes:
        source: the rows as they came.
        name, description: of the source, where it has them.
        steps: in order.
        train: what the model is trained on; of batches, their rows put together again in the order of the batches.
        held_out: the parts that were split off, by name, having passed the later steps too.
        batches: what the last step made, where it made batches: they are trained on as they are, unshuffled.
        batch_size: rows in each of them, the last one perhaps fewer; None without batches, or of many sizes.
    """

    source: Rows
    name: str | None
    description: str | None
    steps: tuple[Passed, ...]
    train: Rows
    held_out: Mapping[str, Rows]
    batches: tuple[Rows, ...] = ()
    batch_size: int | None = None

    def way(self, row: int) -> tuple[Any, ...]:
        """What a row of ``train`` was in the source and after each step, as far back as that is known.

        Returns:
            for the source and each step a row without the axis of rows, an array or a dictionary of arrays; None where
            the way back is lost, or what was there has no rows. Before a window it is the window's first row.
        """
        found: list[Any] = []
        at: int | None = row
        for step in reversed(self.steps):
            found.append(_row(_trained(step.result), at))
            origin = step.measured.origin
            at = (
                int(origin[at])
                if at is not None and origin is not None and at < len(origin)
                else None
            )
        return (_row(self.source, at), *reversed(found))


def check_steps(steps: Any, where: str = "steps") -> tuple[Action, ...]:
    """Check the steps of a pipeline without running them.

    Raises:
        ArgumentError: something is no pair of name and step, a name is no text, is empty or occurs twice, or a step is
            neither a callable nor a fitted transformer.
    """
    found: list[Action] = []
    try:
        pairs: list[tuple[Any, Any]] = [(name, step) for name, step in steps]
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            "The steps are no list of pairs, each of a name and a step.",
            where=where,
            hint='Give them as [("Scale", lambda x: x / 255), ...].',
        ) from error
    for position, (name, step) in enumerate(pairs):
        place = f"{where}[{position}]"
        if not isinstance(name, str) or not name.strip():
            raise ArgumentError(
                f"Step {position + 1} has the name {name!r}; expected a text.",
                where=place,
                hint='Give each step a name, such as "Scale".',
            )
        if any(each.name == name for each in found):
            raise ArgumentError(
                f"Two steps are called {name!r}.", where=place, hint="Give each a name of its own."
            )
        found.append(action(name, step, place))
    return tuple(found)


def run_steps(source: Any, steps: Steps = (), where: str = "steps") -> Passage:
    """Run every step once on the whole data, then measure what each did.

    Each step gets a copy of the arrays, so that one that changes what it receives changes neither the source nor what
    was measured before it. What is split off passes the later steps as well, but for those that were seen to
    choose, order or repeat rows. Afterwards each step that keeps the number of rows is called again with three rows,
    one at a time and twice, which shows whether a row's result depends on the others, and whether it is the same each
    time; the random numbers of Python and NumPy are then put back to where they were.

    Args:
        source: ``x``, or ``(x, y)``; each an array, a frame, a list, or a dictionary of arrays. A ``tf.data.Dataset``
            or a generator is passed on as it is.
        steps: names and steps.
        where: the argument that error messages name.

    Raises:
        ArgumentError: the source or a step is not what it can be, or no row is left.
        CountMismatchError: x and y have different numbers of rows.
        StepError: a step raised an error.
    """
    actions = check_steps(steps, where)
    start, name, description = read_source(source)
    passed: list[Passed] = []
    current = start
    for position, act in enumerate(actions):
        passed.append(_run(act, current, f"{where}[{position}]"))
        current = passed[-1].goes_on
    held_out = _held_out(actions, passed, where)
    with as_they_were():
        for position, (act, step) in enumerate(zip(actions, passed, strict=True)):
            passed[position] = replace(
                step, measured=probed(act, step.given, step.result, step.measured)
            )
    last = passed[-1].result if passed else start
    batches = last.batches if isinstance(last, Batches) else ()
    train = _trained(last)
    _check_end(train, passed, where)
    size = passed[-1].measured.facts[0].get("size") if batches else None
    return Passage(start, name, description, tuple(passed), train, held_out, batches, size)


def _run(act: Action, given: Rows, where: str, part: str = "") -> Passed:
    """Run one step on rows, a held-out part or what is trained on, and measure it."""
    both = act.both and given.y is not None
    x, y = copied(given.x), copied(given.y) if both else None
    if act.needs and given.y is None:
        raise ArgumentError(
            f"The step {act.name!r} takes rows and targets, and there are no targets.",
            where=where,
            hint="Give the source as (x, y), or a step with one parameter.",
        )
    try:
        value = act(x, y)
    except PipetraceError:
        raise
    except Exception as error:
        raise _failed(act, given, where, part, error) from error
    result = read_result(value, given, both)
    if not both and given.y is not None and isinstance(result, Parts | Batches):
        what = "splits the rows" if isinstance(result, Parts) else "makes batches of the rows"
        raise ArgumentError(
            f"The step {act.name!r} {what} and does not get their targets, which it would have to take along.",
            where=where,
            hint="Give it a second parameter, y, and let it return both.",
        )
    goes_on = result.parts[0][1] if isinstance(result, Parts) else result
    found = measured(given, result)
    if same(x, given.x) is False or (both and same(y, given.y) is False):
        found = replace(found, facts=(*found.facts, {"kind": IN_PLACE, "of": "x"}))
    goes_on = Rows(goes_on.value) if isinstance(goes_on, Batches) else goes_on
    return Passed(act.name, described(act), given, result, value, goes_on, found)


def _failed(act: Action, given: Rows, where: str, part: str, error: Exception) -> PipetraceError:
    if act.transformer and type(error).__name__ == "NotFittedError":
        return not_fitted(act.name, act.step, where)
    form = form_of(given.x)
    received = form_text(form) + (
        f", and targets: {form_text(form_of(given.y))}" if act.both and given.y is not None else ""
    )
    if act.transformer and (form.shape is not None and len(form.shape) == 1):
        return ArgumentError(
            f"The step {act.name!r} is a transformer, and x has one axis only: it is {received}.",
            where=where,
            hint="A transformer takes rows of features: give x.reshape(-1, 1).",
        )
    of = f" on the held-out part {part!r}" if part else ""
    return StepError(
        f"The step {act.name!r} raised {type(error).__name__}{of}: {error}. It received {received}.",
        where=where,
        hint="Call the step with these rows by itself to see the whole error.",
    )


def _held_out(actions: Sequence[Action], passed: list[Passed], where: str) -> dict[str, Rows]:
    """The parts that were split off, after the later steps that change what a row is."""
    found: dict[str, Rows] = {}
    for since, split in enumerate(list(passed)):
        if not isinstance(split.result, Parts):
            continue
        for part, rows in split.result.parts[1:]:
            last: Result = rows
            for position in range(since + 1, len(passed)):
                if passed[position].measured.kinds & {SPLIT, *WHICH_ROWS}:
                    continue
                if isinstance(last, Batches):
                    last = Rows(last.value)
                last = _run(actions[position], _trained(last), f"{where}[{position}]", part).result
                passed[position] = replace(passed[position], held_out=True)
            name = part
            while name in found:
                name = f"{name} of {split.name}"
            found[name] = _trained(last)
    return found


def _trained(result: Result) -> Rows:
    """The rows of a result that the model gets: of a split the training part, of batches all of them in a row."""
    if isinstance(result, Parts):
        return result.parts[0][1]
    if isinstance(result, Batches):
        together = joined(result.batches)
        return Rows(result.value) if together is None else together
    return result


def _check_end(train: Rows, passed: Sequence[Passed], where: str) -> None:
    after = f" after the step {passed[-1].name!r}" if passed else ""
    x, y = rows_of(train.x), rows_of(train.y)
    if x is not None and train.y is not None and x != y:
        raise CountMismatchError(
            f"x has {x:,} rows and y has {'none' if y is None else f'{y:,}'}{after}.",
            where=where,
            hint="Give the step that changes the number of rows a second parameter, y, and let it return both.",
        )
    if x == 0:
        empty = next(
            (f" since the step {step.name!r}" for step in passed if rows_of(step.goes_on.x) == 0),
            "",
        )
        raise ArgumentError(
            f"No row is left{empty}.", where=where, hint="Check what that step keeps."
        )


def _row(rows: Rows, at: int | None) -> Any:
    """One row without the axis of rows."""
    count = rows_of(rows.x)
    if at is None or count is None or not 0 <= at < count:
        return None
    row = take(rows.x, at, at + 1)
    return _without_rows(row)


def _without_rows(row: Any) -> Any:
    kind = kind_of(row)
    if kind == DICT:
        return {key: _without_rows(each) for key, each in row.items()}
    if kind in (TUPLE, LIST) and not is_flat(row):
        return tuple(_without_rows(each) for each in row)
    return row.iloc[0] if hasattr(row, "iloc") else row[0]
