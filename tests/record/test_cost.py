"""What a recording took, by part."""

import threading
import time

import pytest

from pipetrace.record.budget import Cost


def test_a_part_within_a_part_is_counted_once() -> None:
    cost = Cost()
    cost.training = True
    with cost.of("outer"):
        time.sleep(0.02)
        with cost.of("inner"):
            time.sleep(0.03)
    assert cost.parts["inner"] >= 0.03
    assert 0.02 <= cost.parts["outer"] < cost.parts["inner"] + 0.02
    assert cost.during == pytest.approx(cost.parts["inner"] + cost.parts["outer"])


def test_beside_the_training_only_processor_time_counts() -> None:
    cost = Cost()
    cost.training = True

    def work() -> None:
        with cost.beside("writing"):
            time.sleep(0.05)
        with cost.of("rows"):  # as of a generator whose batches Keras draws ahead
            time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert cost.background == cost.parts["writing"] + cost.parts["rows"] < 0.08
    assert cost.during == 0


def test_parts_of_two_threads_do_not_mix() -> None:
    cost = Cost()
    inside, done = threading.Event(), threading.Event()

    def work() -> None:
        with cost.of("other"):
            inside.set()
            done.wait(1)

    thread = threading.Thread(target=work)
    with cost.of("own"):
        thread.start()
        inside.wait(1)
        time.sleep(0.02)
        done.set()
        thread.join()
    assert cost.parts["own"] >= 0.02
    assert cost.parts["other"] >= 0.02


def test_when_training_is_over_it_counts_apart() -> None:
    cost = Cost()
    cost.training = True
    cost.add("probe", 1)
    cost.training = False
    cost.add("probe", 2)
    cost.add("writing", 4, background=True)
    assert (cost.during, cost.background, cost.after) == (1, 0, 6)
    assert (cost.counted(("probe", "writing")), cost.parts["probe"]) == (1, 3)
