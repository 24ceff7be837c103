"""Figures of signals, movements, outcomes and rows, against values that can be seen or are told by NumPy."""

import math
from dataclasses import asdict

import numpy as np
import pytest

from pipetrace.stats import activations, dataset_checks, outcomes
from pipetrace.trace.measurements import ClassOutcome, DatasetCheck, Signal, StepLosses


def test_a_signal_by_units() -> None:
    values = np.zeros((4, 2, 3), np.float32)
    values[..., 1] = 2.0
    values[..., 2] = np.arange(8).reshape(4, 2)
    found = activations.signal(values)
    assert found.dead_units == pytest.approx(1 / 3)
    assert found.rms == pytest.approx(np.sqrt((values.astype(float) ** 2).mean()))
    assert found.std == pytest.approx(
        np.sqrt(values.astype(float).reshape(4, -1).var(axis=0).mean())
    )
    assert found.mean_rms == pytest.approx(
        np.sqrt((values.reshape(-1, 3).mean(axis=0) ** 2).mean())
    )
    assert found.units == 3


def test_a_signal_that_is_not_finite_has_no_other_figure() -> None:
    assert activations.signal(np.array([[1.0, math.inf], [math.nan, 2.0]])) == Signal(
        not_finite=0.5
    )


def test_dimensions_are_those_of_the_covariance() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 4)) * [3, 1, 1, 0.1]
    powers = np.linalg.eigvalsh(np.cov(values.T))
    assert activations.dimensions(values) == pytest.approx(powers.sum() ** 2 / (powers**2).sum())
    assert activations.dimensions(np.outer(np.arange(9), [1.0, 2.0])) == pytest.approx(1)
    assert activations.dimensions(np.ones((5, 3))) == 0


def test_an_initial_kernel() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5))
    kernel[..., 4] = kernel[..., 1]
    found = activations.initial(kernel)
    assert (found.fan_in, found.fan_out) == (18, 45)
    assert found.duplicate_units == pytest.approx(0.4)
    assert found.std == pytest.approx(kernel.std())
    assert activations.initial(np.zeros(5)).fan_in is None
    assert activations.initial(np.zeros((4, 3))).duplicate_units == 1


def test_a_movement() -> None:
    start, before, now = np.zeros(2), np.array([1.0, 0.0]), np.array([1.0, 2.0])
    found = activations.movement(now, before, start, np.array([1.0, 1.5]), start)
    assert found.update_norm == 2
    assert found.from_start == found.weight_norm == pytest.approx(math.sqrt(5))
    assert found.last_step == 0.5
    assert found.cosine == 0
    assert activations.movement(now, now, start, None, start).cosine is None


def test_the_steps_of_an_epoch() -> None:
    found = activations.step_losses([1.0] * 10 + [9.0, math.nan])
    assert (found.count, found.not_finite, found.max, found.median) == (12, 1, 9, 1)
    assert found.jumps == pytest.approx(0.1)
    assert activations.step_losses([math.nan]) == StepLosses(count=1, not_finite=1)


def test_an_outcome_of_classes() -> None:
    scores = np.array(
        [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.9, 0.05, 0.05]], np.float32
    )
    found = outcomes.outcome(scores, np.array([0, 1, 1, 0]))
    assert found.accuracy == 0.75
    assert found.balanced_accuracy == 0.75
    assert found.majority_share == 0.5
    assert (found.classes, found.classes_present) == (3, 2)
    assert found.log_loss == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.9]).mean(), rel=1e-6)
    once = outcomes.outcome(scores, np.eye(3)[[0, 1, 1, 0]])
    ours, theirs = (
        {name: value for name, value in asdict(each).items() if not name.startswith("target")}
        for each in (found, once)
    )
    assert ours == theirs
    assert (once.target_sum_min, once.target_sum_max) == (1, 1)
    assert outcomes.by_class(scores, np.array([0, 1, 1, 0]))[1] == ClassOutcome(2, 1, 1)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (np.array([0.0, 0.5]), "fractions"),
        (np.array([0, 3]), "beyond the classes"),
        (np.array([-1, 1]), "negative"),
        (np.array([[1, 1, 0], [0, 0, 1]]), "two at once"),
        (np.array([math.nan, 1]), "not finite"),
    ],
)
def test_what_are_no_classes(wanted: np.ndarray, why: str) -> None:
    assert outcomes.labels_of(np.zeros((2, 3), np.float32), wanted) is None, why


def test_a_single_score_is_read_at_one_half_or_at_zero() -> None:
    labels = np.array([0, 1])
    shares = outcomes.labels_of(np.array([[0.4], [0.6]], np.float32), labels)
    scores = outcomes.labels_of(np.array([[-0.4], [0.2]], np.float32), labels)
    assert shares is not None
    assert scores is not None
    assert shares[0].tolist() == scores[0].tolist() == [0, 1]


def test_an_outcome_of_numbers() -> None:
    given, wanted = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0])
    found = outcomes.outcome(given, wanted)
    assert found.mean_squared_error == pytest.approx(1 / 3)
    assert found.r2 == pytest.approx(0.5)
    assert found.target_above_one == pytest.approx(2 / 3)
    flags = outcomes.outcome(np.array([[0.9, 0.2], [0.1, 0.4]]), np.array([[1, 1], [0, 0]]))
    assert flags.binary_accuracy == 0.75


def test_repeated_rows_and_contradictions() -> None:
    x = np.array([[0, 1], [0, 1], [2, 3], [2, 3], [4, 5]], np.float32)
    hashed = dataset_checks.hashes([x])
    assert len(set(hashed.tolist())) == 3
    found = dataset_checks.repeated(hashed, dataset_checks.hashes([np.array([1, 2, 7, 7, 0])]))
    assert found == DatasetCheck(5, 3, 0.4)
    assert dataset_checks.domain([x]) == 9
    assert dataset_checks.domain([np.random.default_rng(0).normal(size=(100, 20))]) == math.inf


def test_the_order_of_labels_against_chance() -> None:
    labels = np.repeat([0, 1, 2], 100)
    assert dataset_checks.class_runs(labels)[0] == 3
    runs, chance = dataset_checks.class_runs(np.random.default_rng(0).permutation(labels))
    assert runs == pytest.approx(chance, rel=0.15)


def test_a_shift_of_classes() -> None:
    rng = np.random.default_rng(0)
    same = dataset_checks.class_shift(rng.integers(0, 4, 600), rng.integers(0, 4, 300), 4)
    assert same["unseen_classes"] == 0
    assert same["class_shift_sigmas"] < 4
    other = dataset_checks.class_shift(rng.integers(0, 3, 600), np.full(300, 3), 4)
    assert (other["class_shift"], other["unseen_classes"]) == (1, 1)
    assert other["class_shift_sigmas"] > 100
