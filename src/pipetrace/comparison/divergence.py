"""Where two runs that were meant to be equal differ first: epoch by epoch, stage by stage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from pipetrace.comparison import tensors
from pipetrace.comparison.pairing import names, weights
from pipetrace.comparison.records import GRADIENT, METRIC, OUTPUT, WEIGHTS, FirstDifference
from pipetrace.trace.document import Array, Epoch, Trace, stage_of_weight
from pipetrace.trace.measurements import Gradient
from pipetrace.trace.records import same


@dataclass(frozen=True)
class _Found:
    """Something of one stage that both runs recorded at one time."""

    stage: str | None  # where; None of a metric
    # what, name: as in the record
    what: str
    name: str
    # figure, place, values: of the difference; None where it is equal
    figure: str | None = None
    place: tuple[int, ...] | None = None
    values: tuple[float, float] | None = None


def first_difference(first: Trace, other: Trace, run: int) -> FirstDifference | None:
    """Where another run differs first from the first one; None where all recorded is equal.

    Within an epoch the stages are looked at in the order of the data flow, of each its weights
    before its output on the probe rows; then gradients, backwards; then metrics.
    """
    named = names(first, other)
    back = {ours: theirs for theirs, ours in named.items()}
    places = {stage.name: place for place, stage in enumerate(first.stages)}
    equal: list[int] = []
    for epoch, found in _times(first, other, named, back):
        ordered = sorted(found, key=lambda each: _order(each, places))
        apart = next((each for each in ordered if each.values), None)
        if apart is None or apart.values is None:
            if ordered and epoch is not None:
                equal.append(epoch)
            continue
        before = [] if apart.what in (GRADIENT, METRIC) else ordered[: ordered.index(apart)]
        upstream = [each.stage for each in before if each.stage and each.stage != apart.stage]
        absolute, relative = tensors.distances(*apart.values)
        return FirstDifference(
            run=run,
            epoch=epoch,
            stage=apart.stage,
            what=apart.what,
            name=apart.name,
            figure=apart.figure,
            place=apart.place,
            values=apart.values,
            absolute=absolute,
            relative=relative,
            upstream=tuple(dict.fromkeys(upstream)),
            equal_epochs=tuple(equal),
        )
    return None


def _order(found: _Found, places: Mapping[str, int]) -> tuple[int, int]:
    place = places.get(found.stage or "", len(places))
    kind = {GRADIENT: 1, METRIC: 2}.get(found.what, 0)
    return kind, -place if kind == 1 else place


def _times(
    first: Trace, other: Trace, named: Mapping[str, str], back: Mapping[str, str]
) -> Iterator[tuple[int | None, list[_Found]]]:
    """What both recorded, before training, after each epoch, and after training."""
    theirs = {each.number: each for each in other.epochs}
    numbers = {0, *(each.number for each in first.epochs)} | set(first.weights_after)
    ours = {each.number: each for each in first.epochs}
    for number in sorted(numbers):
        ours_then, theirs_then = (each.weights_after.get(number, {}) for each in (first, other))
        found = list(_arrays(WEIGHTS, ours_then, weights(theirs_then, other, named), first))
        found += _gradients(first, other, back, number)
        if number in ours and number in theirs:
            found += _epoch(first, ours[number], theirs[number], back)
        yield number, found
    found = list(_arrays(WEIGHTS, first.weights, weights(other.weights, other, named), first))
    predictions = {(each.validation, each.row): each for each in other.predictions}
    for each in first.predictions:
        same_row = predictions.get((each.validation, each.row))
        if same_row is not None:
            outputs = {named[k]: v for k, v in same_row.outputs.items() if k in named}
            found += _arrays(OUTPUT, each.outputs, outputs, first)
    yield None, [*found, *_kept(first, other)]


def _kept(first: Trace, other: Trace) -> Iterator[_Found]:
    """What the models gave for the rows that both kept, where these are the same."""
    ours, theirs = first.kept_rows, other.kept_rows
    specs = first.run.model.outputs if first.run.model else ()
    if ours is None or theirs is None or not np.array_equal(ours.numbers, theirs.numbers):
        return
    if not all(map(np.array_equal, ours.inputs.values(), theirs.inputs.values())):
        return
    for spec, mine, others in zip(specs, ours.outputs, theirs.outputs, strict=False):
        if spec.source is not None:
            yield from _arrays(OUTPUT, {spec.source: mine}, {spec.source: others}, first)


def _arrays(
    what: str, ours: Mapping[str, Array], theirs: Mapping[str, Array], trace: Trace
) -> Iterator[_Found]:
    for name, values in ours.items():
        if name not in theirs:
            continue
        stage = name if what == OUTPUT else stage_of_weight(name, trace.stages.by_name)
        apart = tensors.difference(name, 1, np.asarray(values), np.asarray(theirs[name]))
        place, pair = (apart.place, apart.values) if apart else (None, None)
        yield _Found(stage, what, name, place=place, values=pair)


def _gradients(first: Trace, other: Trace, back: Mapping[str, str], epoch: int) -> Iterator[_Found]:
    for name in first.measurements.names(Gradient):
        stage = stage_of_weight(name, first.stages.by_name)
        theirs = f"{back.get(stage, stage)}{name[len(stage) :]}"
        pair = [
            each.measurements.of(Gradient, of, epoch)
            for each, of in ((first, name), (other, theirs))
            if each.measurements.has(Gradient, of, epoch)
        ]
        if len(pair) == 2:
            found = [
                (each.name, *(getattr(of, each.name) for of in pair)) for each in fields(Gradient)
            ]
            apart = next((e for e in found if None not in e and e[1] != e[2]), None)
            figure, values = (apart[0], apart[1:]) if apart else (None, None)
            yield _Found(stage, GRADIENT, name, figure, values=values)


def _epoch(first: Trace, ours: Epoch, theirs: Epoch, back: Mapping[str, str]) -> Iterator[_Found]:
    for what, mine, others in (
        (WEIGHTS, ours.weights, theirs.weights),
        (OUTPUT, ours.probe, theirs.probe),
    ):
        for name, summary in mine.items():
            stage = name if what == OUTPUT else stage_of_weight(name, first.stages.by_name)
            known = others.get(f"{back.get(stage, stage)}{name[len(stage) :]}")
            if known is None or known.count != summary.count:
                continue
            apart = tensors.statistic(summary, known)
            figure, pair = (apart[0], apart[1:]) if apart else (None, None)
            yield _Found(stage, what, name, figure, values=pair)
    for name, value in ours.metrics.items():
        known_value = theirs.metrics.get(name)
        if known_value is not None:
            pair = None if same(value, known_value) else (value, known_value)
            yield _Found(None, METRIC, name, values=pair)
