"""Running the steps of a pipeline once on all rows, and the stages of a trace from that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipetrace.errors import ArgumentError, CountMismatchError, PipetraceError, StepError
from pipetrace.pipeline.detect import Detected, detect
from pipetrace.pipeline.kinds import (
    ARRAY,
    DICT,
    FRAME,
    LIST,
    SERIES,
    SPARSE,
    TUPLE,
    copied,
    described,
    is_flat,
    kind_of,
    rows_of,
    take,
)
from pipetrace.pipeline.source import (
    Batches,
    Parts,
    Result,
    StepRows,
    joined,
    read_result,
    read_source,
)
from pipetrace.pipeline.step import Step, check_steps, not_fitted
from pipetrace.trace.document import SOURCE, STEP, Spec, Stage


@dataclass(frozen=True, eq=False)
class Ran:
    """A step that ran."""

    step: Step  # the step
    given: StepRows  # what it received: in a pipeline with a split, the training part
    result: Result  # what it returned, as it was read
    value: Any  # what it returned, as it is
    detected: Detected  # what it did

    @property
    def rows(self) -> StepRows:
        """What it gave: of a split the training part, of batches all rows in their order."""
        if isinstance(self.result, Parts):
            return self.result.parts[0][1]
        if isinstance(self.result, Batches):
            return joined(self.result.batches) or StepRows(self.result.value)
        return self.result

    @property
    def goes_on(self) -> StepRows:
        """What the next step receives: batches go on as the list that they are."""
        return StepRows(self.value) if isinstance(self.result, Batches) else self.rows

    @property
    def config(self) -> dict[str, Any]:
        """The facts of the step as plain JSON, from which ``explain`` makes its words."""
        rows, given = self.rows, self.given
        config: dict[str, Any] = {
            "step": self.step.config,
            "given": described(given.x).config,
            "form": described(self.value).config,
            "goes_on": described(rows.x).config,
            "rows": [given.count, rows.count],
            "facts": [dict(fact) for fact in self.detected.facts],
        }
        if rows.y is not None:
            config["targets"] = described(rows.y).config
        return config


@dataclass(frozen=True, eq=False)
class Passage:
    """A source and its steps, run once."""

    source: StepRows  # the rows as they came
    steps: tuple[Ran, ...]  # in order
    # the parts that were split off, by name, having passed the later steps too
    validation: Mapping[str, StepRows]

    @property
    def train(self) -> StepRows:
        """What the model is trained on."""
        return self.steps[-1].rows if self.steps else self.source

    @property
    def batches(self) -> tuple[StepRows, ...]:
        """What the last step made, where it made batches; they are trained on as they are."""
        last = self.steps[-1].result if self.steps else None
        return last.batches if isinstance(last, Batches) else ()

    def history(self, row: int) -> tuple[Any, ...]:
        """What a row of ``train``, array or dictionary, was in the source and after each step, or
        None.
        """
        found: list[Any] = []
        at: int | None = row
        for ran in reversed(self.steps):
            found.append(_row(ran.rows, at))
            origin = ran.detected.origin
            known = at is not None and origin is not None and at < len(origin)
            at = int(origin[at]) if known and origin is not None and at is not None else None
        return (_row(self.source, at), *reversed(found))

    def origin(self) -> int | None:
        """Which row of the source the first row of ``train`` was; None where that is not known."""
        at = 0
        for ran in reversed(self.steps):
            origin = ran.detected.origin
            if origin is None or at >= len(origin):
                return None
            at = int(origin[at])
        return at


def run_steps(source: Any, steps: Sequence[tuple[str, Any]] = (), where: str = "steps") -> Passage:
    """Run every step once on all rows, and detect what each did.

    Each step gets a copy of the arrays, so that one that changes what it receives changes neither
    the source nor what was measured before it. What is split off passes the later steps as well,
    except those that split, select or order rows. The source is ``x`` or ``(x, y)``; each an array,
    a frame, a list, or a dictionary of arrays. A ``tf.data.Dataset`` or a generator is passed on as
    it is.

    Raises:
        ArgumentError: the source or a step is not what it can be, or no row is left.
        CountMismatchError: x and y have different numbers of rows.
        StepError: a step raised an error.
    """
    checked = check_steps(steps, where)
    current = start = read_source(source)
    ran: list[Ran] = []
    for position, step in enumerate(checked):
        ran.append(_run(step, current, f"{where}[{position}]"))
        current = ran[-1].goes_on
    validation: dict[str, StepRows] = {}
    for since, split in enumerate(ran):
        for part, rows in split.result.parts[1:] if isinstance(split.result, Parts) else ():
            name = part
            while name in validation:
                name = f"{name} of {split.step.name}"
            validation[name] = _later(rows, part, checked, ran, since + 1, where)
    passage = Passage(start, tuple(ran), validation)
    _check_end(passage, where)
    return passage


def _run(step: Step, given: StepRows, where: str, part: str = "") -> Ran:
    both = step.both and given.y is not None
    x, y = copied(given.x), copied(given.y) if both else None
    if step.needs and given.y is None:
        raise ArgumentError(
            f"The step {step.name!r} takes rows and targets, and there are no targets.",
            where=where,
            hint="Give the source as (x, y), or a step with one parameter.",
        )
    try:
        value = step(x, y)
    except PipetraceError:
        raise
    except Exception as error:
        raise _failed(step, given, where, part, error) from error
    result = read_result(value, given, both)
    if not both and given.y is not None and isinstance(result, Parts | Batches):
        what = "splits the rows" if isinstance(result, Parts) else "makes batches of the rows"
        raise ArgumentError(
            f"The step {step.name!r} {what} without their targets.",
            where=where,
            hint="Give it a second parameter, y, and let it return both.",
        )
    return Ran(step, given, result, value, detect(given, result))


def _failed(step: Step, given: StepRows, where: str, part: str, error: Exception) -> PipetraceError:
    if step.transformer and type(error).__name__ == "NotFittedError":
        return not_fitted(step.name, step.does, where)
    received = str(described(given.x))
    if step.both and given.y is not None:
        received += f", and targets: {described(given.y)}"
    of = f" on the part {part!r}" if part else ""
    return StepError(
        f"The step {step.name!r} raised {type(error).__name__}{of}: {error}. It received "
        f"{received}.",
        where=where,
        hint="Call the step with these rows by itself to see the whole error.",
    )


def _later(
    rows: StepRows, part: str, steps: Sequence[Step], ran: Sequence[Ran], since: int, where: str
) -> StepRows:
    """A part that was split off, after the later steps that change what a row is."""
    for position in range(since, len(steps)):
        if not ran[position].detected.chooses_rows:
            rows = _run(steps[position], rows, f"{where}[{position}]", part).rows
    return rows


def _check_end(passage: Passage, where: str) -> None:
    after = f" after the step {passage.steps[-1].step.name!r}" if passage.steps else ""
    train = passage.train
    x, y = rows_of(train.x), rows_of(train.y)
    if x is not None and train.y is not None and x != y:
        raise CountMismatchError(
            f"x has {x:,} rows and y has {'none' if y is None else f'{y:,}'}{after}.",
            where=where,
            hint="Give the step that changes the number of rows a second parameter, y, and let it "
            "return both.",
        )
    if x == 0:
        raise ArgumentError(
            f"No row is left{after}.", where=where, hint="Check what the steps keep."
        )


def _row(rows: StepRows, at: int | None) -> Any:
    """One row without the axis of rows."""
    count = rows_of(rows.x)
    if at is None or count is None or not 0 <= at < count:
        return None
    return _without_rows(take(rows.x, at, at + 1))


def _without_rows(row: Any) -> Any:
    kind = kind_of(row)
    if kind == DICT:
        return {key: _without_rows(each) for key, each in row.items()}
    if kind in (TUPLE, LIST) and not is_flat(row):
        return tuple(_without_rows(each) for each in row)
    return row.iloc[0] if hasattr(row, "iloc") else row[0]


def stages_of(
    passage: Passage,
    source: str = "source",
    first: Sequence[Stage] = (),
    outputs: Mapping[str, tuple[Spec, ...]] | None = None,
) -> tuple[Stage, ...]:
    """The source and the steps as stages of a trace.

    What is no array gets no spec, unless ``outputs`` has them: the stage then has no outputs, and
    the stage after it no inputs; what it is stands in the ``form`` of its configuration.
    Underscores follow the name of the source where a step has it; one that tells its own stages has
    them in ``first``.
    """
    names = {ran.step.name for ran in passage.steps}
    while source in names:
        source += "_"
    made = list(first)
    if not made:
        rows = passage.source
        config: dict[str, Any] = {"form": described(rows.x).config, "rows": rows.count}
        if rows.y is not None:
            config["targets"] = described(rows.y).config
        specs = specs_of(rows.x)
        made.append(Stage(source, SOURCE, None, source, config, specs, specs))
    for ran in passage.steps:
        before, name = made[-1], ran.step.name
        inputs = tuple(
            replace(spec, source=before.name, output=at) for at, spec in enumerate(before.outputs)
        )
        specs = (outputs or {}).get(name) or specs_of(ran.rows.x)
        made.append(Stage(name, STEP, None, name, ran.config, inputs, specs))
    return tuple(made)


def specs_of(value: Any, name: str | None = None) -> tuple[Spec, ...]:
    """The arrays that a value is made of, with None for the rows; none where a part is no array."""
    kind, told = kind_of(value), described(value)
    if kind == FRAME and told.dtype == "mixed":
        return tuple(Spec((None,), dtype, name=column) for column, dtype in told.columns)
    if kind in (ARRAY, FRAME, SERIES, SPARSE):
        return (Spec((None, *told.shape[1:]), told.dtype or "", name=name),) if told.shape else ()
    if kind in (DICT, TUPLE, LIST) and not is_flat(value):
        pairs = list(value.items()) if kind == DICT else [(None, each) for each in value]
        inner = [specs_of(each, None if key is None else str(key)) for key, each in pairs]
        return tuple(spec for each in inner for spec in each) if all(inner) else ()
    return ()
