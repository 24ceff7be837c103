"""What is measured of a partition, small whatever its rows, and the merging of two.

``measured`` runs in the workers, each of which loads the model once.
"""

import hashlib
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipetrace.capture import facts, saved, structures
from pipetrace.capture.backend import load_quietly
from pipetrace.capture.forward import Passed
from pipetrace.errors import ColumnsError, ModelInputError, PipetraceError, in_short
from pipetrace.record.describe import see_stages
from pipetrace.record.measure.after_training import SAMPLED_ROWS
from pipetrace.record.measure.data_flow import Flow, flow
from pipetrace.record.measure.dataset import fingerprint
from pipetrace.record.measure.model_pass import ModelPass
from pipetrace.record.measure.rows import Rows
from pipetrace.record.state import Settings, State
from pipetrace.scale.columns import read
from pipetrace.scale.partitions import Partition
from pipetrace.stats import merge
from pipetrace.stats.outcome_parts import OutcomePart, merge_parts, outcome_part
from pipetrace.trace.document import Array

SAMPLED_BYTES = 64_000_000
"""Bytes of the rows that are sampled, at the most."""
FAN_IN = 8
"""Parts that are merged at a time."""

Form = tuple[tuple[str, tuple[int, ...], str], ...]
"""Name, shape of a row and dtype of each array of the rows and of the targets."""


@dataclass(frozen=True)
class ModelFile:
    """A saved model as it is sent to the workers, with the SHA-256 of its file."""

    suffix: str
    content: bytes
    digest: str


def model_file(path: Path) -> ModelFile:
    """The file of a saved model."""
    content = path.read_bytes()
    return ModelFile(path.suffix, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, eq=False)
class Part:
    """What one partition, or several merged ones, tell."""

    # name, form: of the first partition that has rows
    name: str
    form: Form
    flow: Flow  # the summaries of all rows at every stage, without examples
    by_row: frozenset[str]  # the stages whose first axis is that of the rows
    outcomes: tuple[OutcomePart, ...]  # one for each output of the model
    sample: Rows  # evenly spaced rows of each partition
    numbers: Array  # of the sample's rows, counted from the first row of the first partition
    fingerprint: str  # SHA-256 of the partitions' own


class _Loaded:
    """A model in this process, with its forward pass for each form of rows."""

    def __init__(self, file: ModelFile) -> None:
        load_quietly()
        with tempfile.TemporaryDirectory(prefix="pipetrace-") as folder:
            path = Path(folder) / f"model{file.suffix}"
            path.write_bytes(file.content)
            self.model = saved.load_model(path)
        self.inputs = facts.input_shapes(self.model)
        self._passes: dict[Form, ModelPass] = {}

    def measure(self, rows: Rows, form: Form) -> ModelPass:
        if form not in self._passes:
            state = State(self.model, Settings(Path("unwritten"), rows=rows, strict=True))
            state.only_looks = True
            see_stages(state, rows)
            assert state.measure is not None  # noqa: S101 it raises where there is none
            self._passes = {form: state.measure}
        return self._passes[form]


_loaded: dict[str, _Loaded] = {}
_lock = threading.Lock()


def measured(partition: Partition, file: ModelFile) -> Part | None:
    """What a partition tells; None where it has no rows.

    Raises:
        ModelInputError: the model cannot take its rows.
        DataError: the partition cannot be read; see ``columns.read``.
    """
    with _lock:  # the threads of a worker share the model
        if file.digest not in _loaded:
            _loaded.clear()
            _loaded[file.digest] = _Loaded(file)
        loaded = _loaded[file.digest]
        found = read(partition, loaded.inputs)
        if found is None:
            return None
        rows = Rows(*found)
        form = form_of(rows)
        try:
            return _measured(partition, rows, form, loaded.measure(rows, form))
        except PipetraceError:
            raise
        except Exception as error:
            wanted = ", ".join(facts.input_specs(loaded.model)) or "unknown"
            raise ModelInputError(
                f"The model cannot take these rows: {in_short(error)}",
                where=partition.name,
                hint=f"Its inputs are {wanted}.",
            ) from error


def _measured(partition: Partition, rows: Rows, form: Form, measure: ModelPass) -> Part:
    outputs: list[list[Array]] = []

    def seen(passed: Passed) -> None:
        outputs.append(measure.outputs_in(passed))

    found = flow(measure, rows.x, len(rows), exact=True, seen=seen)
    given = [np.concatenate(each) for each in zip(*outputs, strict=True) if each[0].ndim]
    given = [each for each in given if len(each) == len(rows)]
    targets: Sequence[Array | None] = rows.targets
    if len(targets) != len(given):
        targets = [None] * len(given)
    places = sampled_places(partition, len(rows), sum(each.nbytes for each in rows.arrays))
    return Part(
        name=partition.name,
        form=form,
        flow=Flow(found.rows, found.total, summaries=found.summaries, masks=found.masks),
        by_row=frozenset(measure.by_row),
        outcomes=tuple(
            outcome_part(output, target, classes=measure.tells_classes)
            for output, target in zip(given, targets, strict=True)
        ),
        sample=rows.taken(places),
        numbers=places,
        fingerprint=fingerprint(rows),
    )


def sampled_places(partition: Partition, rows: int, size: int) -> Array:
    """Which rows of a partition, of a size in bytes, are in the sample: evenly spaced ones."""
    most = max(1, min(SAMPLED_ROWS, SAMPLED_BYTES * rows // max(1, size)))
    start, stop = (
        -(-most * at // partition.total) for at in (partition.number, partition.number + 1)
    )
    count = min(rows, stop - start)
    places: Array = np.linspace(0, rows - 1, count).round().astype(int)
    return places


def form_of(rows: Rows) -> Form:
    """The form of rows, which is the same in every partition."""
    found = []
    for word, structure in (("row", rows.x), ("target", rows.y)):
        if structure is not None:
            names, arrays = structures.leaf_names(structure), structures.flatten(structure)
            found += [
                (name or word, each.shape[1:], str(each.dtype))
                for name, each in zip(names, arrays, strict=True)
            ]
    return tuple(found)


def merged(parts: Iterable[Part | None]) -> Part | None:
    """What several partitions tell together, one after the other.

    Raises:
        ColumnsError: they have different columns.
    """
    total: Part | None = None
    for part in parts:
        total = _merged(total, part) if total and part else total or part
    return total


def _merged(first: Part, second: Part) -> Part:
    if first.form != second.form:
        raise _differ(first, second)
    flow, other = first.flow, second.flow
    hashed = hashlib.sha256((first.fingerprint + second.fingerprint).encode())
    return Part(
        name=first.name,
        form=first.form,
        flow=Flow(
            flow.rows + other.rows,
            flow.total + other.total,
            summaries={
                name: merge(each, other.summaries[name]) if name in first.by_row else each
                for name, each in flow.summaries.items()
            },
            masks={name: merge(each, other.masks[name]) for name, each in flow.masks.items()},
        ),
        by_row=first.by_row,
        outcomes=tuple(map(merge_parts, first.outcomes, second.outcomes)),
        sample=_joined(first.sample, second.sample),
        numbers=np.concatenate([first.numbers, second.numbers + flow.rows]),
        fingerprint=hashed.hexdigest(),
    )


def _differ(first: Part, second: Part) -> ColumnsError:
    both = set(first.form), set(second.form)
    ours, theirs = (
        "; ".join(f"{name} {shape} {dtype}" for name, shape, dtype in sorted(each)) or "less"
        for each in (both[0] - both[1], both[1] - both[0])
    )
    return ColumnsError(
        f"Two files have different columns. One has {ours}, the other {theirs}.",
        where=f"{first.name} and {second.name}",
        hint="Write all files with the same columns and types.",
    )


def _joined(first: Rows, second: Rows) -> Rows:
    return first if not len(second) else second if not len(first) else second.after(first)
