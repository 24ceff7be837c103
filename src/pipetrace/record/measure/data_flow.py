"""All rows at every stage, in one pass; each batch is summarised while the next passes."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipetrace.capture import structures
from pipetrace.capture.forward import Passed
from pipetrace.record.measure.model_pass import ModelPass, as_rows
from pipetrace.stats import Summariser, can_summarise, kernels
from pipetrace.trace.document import Array
from pipetrace.trace.summary import Summary

HISTOGRAM_ROWS = 10_000
"""Rows beyond which the histograms count an evenly spaced sample of as many; a share is then known
to half a per cent."""
WORTH_COMPILING = 50_000_000
"""Values from which on the compiled loops save more than loading them takes."""
THREADS = min(4, os.cpu_count() or 1)


@dataclass
class Flow:
    """All rows at every stage."""

    rows: int  # how many were measured
    total: int  # how many there are
    # of how many the histograms are; None where of all that were measured
    histogram_rows: int | None = None
    # summaries, masks: by stage
    summaries: dict[str, Summary] = field(default_factory=dict)
    masks: dict[str, Summary] = field(default_factory=dict)
    # the first row's outputs by stage, without the axis of rows; ``mask_examples``: the masks of
    # these
    examples: Mapping[str, Sequence[Array]] = field(default_factory=dict)
    mask_examples: Mapping[str, Array] = field(default_factory=dict)


def flow(
    measure: ModelPass,
    x: Any,
    total: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    seconds: float | None = None,
    exact: bool = False,
    fast: bool | None = None,
    seen: Callable[[Passed], None] | None = None,
) -> Flow:
    """The summaries of all rows at every stage.

    Rows are an array or a structure of arrays. In ``seconds``, of which None is no limit, as far as
    a first batch tells, evenly spaced rows pass. ``exact`` histograms count all rows, however many.
    ``fast`` uses numba's compiled loops, which count the same; None uses them where they are
    installed and pay. ``progress`` is told how many rows are done; ``seen`` gets what each batch
    became.
    """
    values = total * measure.extent.values
    # Loading the compiled loops takes longer than a limit allows.
    pays = seconds is None and values > WORTH_COMPILING
    compiled = kernels() if (pays if fast is None else fast) else None
    count = total
    if seconds is not None and not exact and total > measure.extent.together:
        count = _rows_in(seconds, measure, x, total, compiled)
    places = None if count == total else np.linspace(0, total - 1, count).round().astype(int)
    sampled = None
    if count > HISTOGRAM_ROWS and not exact:
        sampled = np.zeros(count, bool)
        sampled[np.linspace(0, count - 1, HISTOGRAM_ROWS).round().astype(int)] = True
    summing = _Summing(measure, compiled)
    found = Flow(count, total, None if sampled is None else HISTOGRAM_ROWS)
    with ThreadPoolExecutor(THREADS, "pipetrace summary") as pool:
        for start, passed in _batches(measure, x, count, places):
            if not start:
                found.examples, found.mask_examples = first_row(measure, passed)
            if seen is not None:
                seen(passed)
            stop = min(count, start + measure.extent.together)
            summing.add(
                pool,
                passed,
                stop - start,
                None if sampled is None else np.flatnonzero(sampled[start:stop]),
            )
            if progress:
                progress(stop, count)
        summing.wait()
    found.summaries, found.masks = summing.summaries()
    return found


def first_row(
    measure: ModelPass, passed: Passed
) -> tuple[dict[str, tuple[Array, ...]], dict[str, Array]]:
    """Copies of the first row's outputs and masks, so that the batch can be let go."""
    examples = {
        name: tuple(np.array(each) for each in values)
        for name, values in measure.examples(passed).items()
    }
    return examples, {name: passed.masks[name][0] for name in examples if name in passed.masks}


def _rows_in(seconds: float, measure: ModelPass, x: Any, total: int, compiled: Any) -> int:
    """How many rows pass in so many seconds, judged by the second of two batches; by a single row
    where there is no time for batches."""
    together, took = min(total, measure.extent.together), 0.0
    with ThreadPoolExecutor(THREADS) as pool:
        for number, rows in enumerate((1, 1, together, together)):
            seconds -= took
            began = time.perf_counter()
            summing = _Summing(measure, compiled)
            some = structures.taken(x, slice(0, rows))
            summing.add(pool, measure.passed(some), rows, None)
            summing.wait()
            took = time.perf_counter() - began
            if number == 1 and took * together > seconds - took:
                return min(together, max(1, int((seconds - took) / took)))
    return min(total, max(1, int((seconds - took) / took)) * together)


def _batches(measure: ModelPass, x: Any, count: int, places: Any) -> Iterator[tuple[int, Passed]]:
    for start in range(0, count, measure.extent.together):
        stop = min(count, start + measure.extent.together)
        yield (
            start,
            measure.passed(
                structures.taken(x, slice(start, stop) if places is None else places[start:stop])
            ),
        )


class _Summing:
    """The summaries of all stages in the making.

    What one stage gives may be what another one gave, in another shape: Flatten and Reshape move
    nothing. Two outputs that lie at the same place in memory are the same values, and are counted
    once.
    """

    def __init__(self, measure: ModelPass, compiled: Any) -> None:
        self.measure, self.compiled = measure, compiled
        self._made: dict[str, Summariser] = {}
        self._masks: dict[str, Summariser] = {}
        self._as: dict[str, str] = {}
        self._first = True
        self._running: list[Future[None]] = []

    def add(self, pool: ThreadPoolExecutor, passed: Passed, rows: int, sampled: Any) -> None:
        """Begin to summarise a batch, once the one before is done."""
        self.wait()
        outputs = {
            name: as_rows(values[0])
            for name, values in passed.outputs.items()
            if can_summarise(values[0]) and (self._first or name in self.measure.by_row)
        }
        self._find_same({name: outputs[name] for name in outputs if name in self.measure.by_row})
        work = [
            (self._made.setdefault(name, self._new(name)), values)
            for name, values in outputs.items()
            if name not in self._as
        ]
        for name in passed.masks.keys() & outputs.keys():
            mask = passed.masks[name]
            made = self._masks.setdefault(name, Summariser(by_channel=False, kernels=self.compiled))
            work.append((made, as_rows(mask)))
        # The largest first, so that no thread is left with it at the end.
        work.sort(key=lambda each: -each[1].size)
        self._running = [
            pool.submit(made.add, values, sampled if len(values) == rows else None)
            for made, values in work
        ]

    def wait(self) -> None:
        """Until the batch is summarised; what that raised is raised here."""
        running, self._running = self._running, []
        for each in running:
            each.result()

    def summaries(self) -> tuple[dict[str, Summary], dict[str, Summary]]:
        """By stage: of the outputs, and of the masks."""
        made = {name: each.summary() for name, each in self._made.items()}
        for name, other in self._as.items():
            own = name in self.measure.extent.by_channel
            made[name] = made[other] if own else replace(made[other], channels=None)
        return made, {name: each.summary() for name, each in self._masks.items()}

    def _new(self, name: str) -> Summariser:
        return Summariser(by_channel=name in self.measure.extent.by_channel, kernels=self.compiled)

    def _find_same(self, outputs: dict[str, Array]) -> None:
        if self._first:
            self._first = False
            self._shape = {name: values.shape[1:] for name, values in outputs.items()}
            at: dict[tuple[object, ...], str] = {}
            for name, values in outputs.items():
                other = (
                    at.setdefault(_place(values), name)
                    if values.size and values.flags.c_contiguous
                    else name
                )
                apart = self.measure.extent.by_channel
                alike = self._shape[name] == self._shape[other] and other in apart
                if other != name and (alike or name not in apart):
                    self._as[name] = other
            return
        for name, other in list(self._as.items()):
            # A layer may hand on its input in one batch, and give another value in the next.
            if _place(outputs[name]) != _place(outputs[other]):
                del self._as[name]
                self._made[name] = self._made[other].copied(
                    channels=name in self.measure.extent.by_channel
                )


def _place(values: Array) -> tuple[object, ...]:
    return values.__array_interface__["data"][0], values.nbytes, values.dtype
