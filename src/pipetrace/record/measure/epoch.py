"""What is measured when an epoch ends: some rows at every stage, and the weights, as far as the budget has room."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipetrace.capture.weights import copied, size
from pipetrace.capture.weights import weights as weights_of
from pipetrace.record.budget import FULL, NOTHING, Detail
from pipetrace.record.measure import failure
from pipetrace.record.measure.rows import Measure
from pipetrace.record.recording import Recording
from pipetrace.stats import COARSE, summarise
from pipetrace.trace.document import Array, Epoch
from pipetrace.trace.overhead import BUDGET, DISK, Overhead
from pipetrace.trace.summary import Summary
from pipetrace.trace.writer import EpochFacts

SECONDS, SECONDS_A_LAYER = 0.005, 0.0005
SECONDS_A_VALUE = 10e-9
"""What measuring an epoch takes, for each layer, and for each value of the probe and of the weights, its passing included.
Guessed so, on the high side, until it was measured."""
SECONDS_A_VARIABLE, SECONDS_A_COPIED_VALUE = 100e-6, 2e-9
"""What copying the weights takes."""


def choose(session: Recording, *, last: bool) -> Detail:
    """How much is measured of the epoch that has just ended, and a note of what is left out.

    Args:
        session: of the recording.
        last: whether training is over with it.
    """
    measure = session.measure
    if last:
        return FULL if session.settings.after else NOTHING
    if session.writer is not None and session.writer.is_behind:
        session.skip("probe", DISK)
        return NOTHING
    guess = SECONDS + SECONDS_A_LAYER * session.layers()
    guess += SECONDS_A_VALUE * (measure.extent.values * measure.extent.probe if measure else 0)
    guess += SECONDS_A_VALUE * size(weights_of(session.model))
    detail = session.schedule.choose(session.epoch, session.planned, guess)
    left = {
        "probe": not detail.part,
        "probe rows": 0 < detail.part < 1,
        "channels": detail.part > 0 and not detail.channels,
        "weights": not detail.weights,
    }
    for what in (name for name, is_left in left.items() if is_left):
        session.skip(what, BUDGET)
    return detail


def take_down(
    session: Recording,
    epoch: Epoch,
    detail: Detail,
    weights: Mapping[int, Array],
    overhead: Callable[[], Overhead],
) -> Callable[[], EpochFacts]:
    """Take down what an epoch left, and give what makes summaries of it later, in another thread.

    Args:
        session: of the recording.
        epoch: with its metrics.
        detail: what is measured beside them.
        weights: copies, by the identities of the variables.
        overhead: gives what the recording took, when it is written.
    """
    measure, passed = session.measure, None
    if measure is not None and session.rows is not None and detail.part and session.can("probe"):
        with session.safely("probe"):
            rows = max(1, round(measure.extent.probe * detail.part))
            passed = measure.passed(session.rows.taken(slice(0, rows)).x)
    told = detail.weights and weights and session.can("weights")
    named = measure.forward.variables() if measure is not None and told else {}

    def make() -> EpochFacts:
        probe, examples, summaries = {}, {}, {}
        if measure is not None and passed is not None and session.can("probe"):
            with session.cost.beside("probe"), _kept(session, "probe"):
                probe = measure.probe(passed, channels=detail.channels)
                examples = {name: values[0] for name, values in measure.examples(passed).items()}
        if named:
            with session.cost.beside("weights"), _kept(session, "weights"):
                each_with_values = {name: (each, weights[id(each)]) for name, each in named.items()}
                summaries = summaries_of(each_with_values, session, measure)
        return replace(epoch, probe=probe, weights=summaries), examples, overhead()

    return make


def keep_weights(session: Recording, *, needed: bool = False) -> dict[int, Array]:
    """Copy the weights, by the identities of their variables; none where the budget has no room for that.

    Where they are few and sound they are remembered: what a broken step made of them cannot be undone.

    Args:
        session: of the recording.
        needed: whether it was decided already that there is room.
    """
    found: dict[int, Array] = {}
    variables = weights_of(session.model)
    count = size(variables)
    seconds = SECONDS_A_VARIABLE * len(variables) + SECONDS_A_COPIED_VALUE * count
    if not needed and (count > failure.MOST_REMEMBERED or not session.budget.has_room_for(seconds)):
        return found
    with session.safely("weight snapshots"):
        found = copied(variables)
    if found and session.can("loss checks"):
        with session.safely("loss checks"):
            if failure.are_sound(found):
                session.good = found
    return found


def summaries_of(
    weights: Mapping[str, tuple[Any, Array]], session: Recording, measure: Measure | None
) -> dict[str, Summary]:
    """The weights after an epoch; those that do not train are told again only where they moved all the same."""
    found = {}
    for name, (variable, values) in weights.items():
        if not values.size:
            continue
        bits = measure.extent.bits if measure else COARSE
        summary = summarise(values.reshape(values.shape or (1,)), by_channel=False, bits=bits)
        figures = (summary.min, summary.max, summary.mean, summary.std)
        if variable.trainable or session.still.get(name) != figures:
            found[name] = summary
        session.still[name] = figures
    return found


@contextlib.contextmanager
def _kept(session: Recording, part: str) -> Iterator[None]:
    """A block whose errors stay here, in the thread of the journal."""
    try:
        yield
    except Exception as error:  # whatever it is, it is ours
        session.lose(part, error)
