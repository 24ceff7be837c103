import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.graph import leaves
from pipetrace.capture.hook import Call, watch

pytestmark = pytest.mark.framework

ROWS = np.ones((2, 3), np.float32)


def names(calls: list[Call]) -> list[str]:
    return [call.operation.name for call in calls]


@pytest.fixture(autouse=True)
def hook_is_removed(keras: Any) -> Iterator[None]:
    """After every test Keras' own methods are back, the very functions."""
    owners = (keras.Operation, keras.layers.Layer)
    before = [owner.__dict__["__call__"] for owner in owners]
    yield
    assert [owner.__dict__["__call__"] for owner in owners] == before
    assert all("pipetrace" not in str(owner.__call__.__code__.co_filename) for owner in owners)


def test_nothing_is_recorded_before_and_after(small: Any) -> None:
    small(ROWS)
    with watch() as calls:
        pass
    small(ROWS)
    assert calls == []


def test_an_exception_in_the_block_removes_the_hook(small: Any) -> None:
    def fail() -> None:
        small(ROWS)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), watch() as calls:
        fail()
    assert names(leaves(calls)) == ["a", "b"]


def test_an_exception_in_a_layer_passes_through_and_leaves_no_trace(keras: Any, small: Any) -> None:
    class Failing(keras.layers.Layer):  # type: ignore[misc]
        def call(self, rows: Any) -> Any:
            raise RuntimeError("the layer's own")

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="fine")])
    failing = Failing(name="failing")
    failing.built = True
    with watch() as calls:
        with pytest.raises(RuntimeError, match="the layer's own"):
            failing(model(ROWS))
        seen = len(calls)
        small(ROWS)
    # A call that failed gave nothing; those after it are within no other.
    assert [call.operation.name for call in calls if not call.outputs] == ["failing"]
    assert calls[seen].outer is None
    assert names(leaves(calls)) == ["fine", "failing", "a", "b"]


def test_another_threads_calls_are_not_ours(small: Any) -> None:
    thread = threading.Thread(target=small, args=(ROWS,))
    with watch() as calls:
        thread.start()
        thread.join()
    assert calls == []


def test_two_threads_watch_apart(keras: Any, small: Any) -> None:
    other = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="theirs")])
    inside, leave = threading.Event(), threading.Event()
    theirs: list[Call] = []

    def run() -> None:
        with watch() as calls:
            inside.set()
            leave.wait(10)
            other(ROWS)
            theirs.extend(calls)

    thread = threading.Thread(target=run)
    thread.start()
    inside.wait(10)
    with watch() as ours:
        small(ROWS)
    # We have left; the other one still listens.
    assert "pipetrace" in keras.Operation.__call__.__code__.co_filename
    leave.set()
    thread.join()
    assert names(leaves(ours)) == ["a", "b"]
    assert names(leaves(theirs)) == ["theirs"]


def test_an_inner_block_has_its_own_calls_and_the_outer_goes_on(small: Any) -> None:
    with watch() as outer:
        small(ROWS)
        with watch() as inner:
            small(ROWS)
        seen = len(outer)
        small(ROWS)
    assert names(leaves(inner)) == ["a", "b"]
    assert names(leaves(outer[:seen])) == names(leaves(outer[seen:])) == ["a", "b"]
