"""Each kind of event has its sentence, with the numbers of its fields."""

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given, settings
from tests.explain.conftest import numbers_of
from tests.tasks import KINDS

from pipetrace.explain.events import SENTENCES, events, sentence
from pipetrace.trace import events as kinds
from pipetrace.trace.document import FINISHED, Ending
from pipetrace.trace.events import Event

CASES = (
    (Event(kinds.LOSS, 2, 3, value=float("nan"), last_finite_step=2), [2, 3], "NaN"),
    (Event(kinds.LOSS, 2, 9, value=float("inf"), last_finite_step=4), [2, 9, 4], "Inf"),
    (Event(kinds.LOSS, 2, 9, last_finite_step=0), [2, 9], "before the epoch"),
    (Event(kinds.INPUTS, stage="table", row=7, count=3), [3, 7], "table"),
    (Event(kinds.INPUTS, row=7, count=1), [1, 7], "the inputs is"),
    (Event(kinds.TARGETS, target=1), [2], "target 2"),
    (Event(kinds.OUTPUT, 2, 3, "hidden"), [2, 3], "Dense (hidden)"),
    (Event(kinds.GRADIENT, 2, 3, weight="hidden/kernel"), [2, 3], "hidden/kernel"),
    (
        Event(kinds.WEIGHTS, 2, 3, weight="hidden/kernel", count=4, total=40),
        [2, 3, 4, 40],
        "kernel",
    ),
    (
        Event(kinds.EXCEPTION, 1, 1, "price", error="ValueError: no."),
        [1, 1, 8],
        "ValueError: no. It",
    ),
    (Event(kinds.UNFINISHED, 4), [4], "fit"),
    (Event(kinds.NO_BATCHES, 4), [4], "no batch"),
    (Event(kinds.DATA_ENDED, 4, 5, count=5, total=6), [4, 5, 6], "5 of 6 steps"),
    (Event(kinds.OUTPUT_COUNT, count=2, total=1), [2, 1], "1 target"),
    (
        Event(kinds.TARGET_SHAPE, stage="price", shape=(None, 3), target_shape=(None,)),
        [3, 1],
        "price",
    ),
    (
        Event(kinds.TARGET_RANGE, stage="price", shape=(None, 3), low=0.0, high=5.0),
        [3, 0, 5],
        "price",
    ),
    (Event(kinds.REPLICAS, 3, weight="hidden/kernel"), [3], "hidden/kernel"),
    (Event(kinds.RECORDER, 3, part="weights", error="OSError: full"), [3], "OSError: full"),
    (Event("of another version", 3), [3], "'of another version'"),
)


def test_each_kind_has_a_sentence_with_its_numbers() -> None:
    trace = KINDS["regression"]()
    assert {event.kind for event, *_ in CASES} >= set(SENTENCES)
    for event, expected, words in CASES:
        text = sentence(trace, event)
        assert numbers_of(text) == expected, text
        assert words in text, text
        assert not text.startswith(("Hidden", "Price", "Table"))


def test_an_error_that_ended_the_run_is_left_to_the_headline() -> None:
    trace = KINDS["failed"]()
    assert events(trace) == ()
    assert len(events(replace(trace, ending=Ending(FINISHED)))) == 1


SHAPES = st.one_of(st.none(), st.just(()), st.just((None, 3)))


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from([*SENTENCES, "other"]),
    whole=st.lists(st.one_of(st.none(), st.integers(0, 99)), min_size=7, max_size=7),
    texts=st.lists(st.one_of(st.none(), st.text(max_size=9)), min_size=4, max_size=4),
    shapes=st.tuples(SHAPES, SHAPES),
)
def test_missing_fields_leave_a_sentence(
    kind: str,
    whole: list[int | None],
    texts: list[str | None],
    shapes: tuple[tuple[int | None, ...] | None, tuple[int | None, ...] | None],
) -> None:
    epoch, step, last, target, row, count, total = whole
    stage, weight, part, error = texts
    event = Event(
        kind,
        epoch=epoch,
        step=step,
        stage=stage,
        last_finite_step=last,
        weight=weight,
        target=target,
        row=row,
        count=count,
        total=total,
        shape=shapes[0],
        target_shape=shapes[1],
        part=part,
        error=error,
    )
    text = sentence(KINDS["regression"](), event)
    assert text.endswith(".")
    assert "None" not in text or any("None" in (each or "") for each in texts)
