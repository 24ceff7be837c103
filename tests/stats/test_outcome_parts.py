"""Outcomes in parts, against the outcome of all rows at once, and that against NumPy."""

from dataclasses import fields
from functools import reduce
from typing import Any

import numpy as np
import pytest

from pipetrace.stats.outcome_parts import (
    merge_parts,
    outcome_of,
    outcome_part,
    outcomes_by_class,
)

KINDS = ("one-hot", "labels", "logits", "binary", "numbers", "flags", "gaps", "none", "labels late")


def rows(kind: str, count: int, seed: int) -> tuple[Any, Any]:
    """Outputs and targets of one kind."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(count, 4)).astype(np.float32)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = random.integers(0, 4, count)
    if kind == "one-hot":
        return shares, np.eye(4, dtype=np.float32)[labels]
    if kind in ("labels", "logits"):
        return (shares if kind == "labels" else scores), labels
    if kind == "labels late":  # the last target alone shows that these are no classes
        labels[-1] = 9
        return scores, labels
    if kind == "binary":
        single = scores[:, :1] * random.choice([0.1, 3])
        return np.abs(single) if seed % 2 else single, labels % 2
    target = random.normal(2, 3, size=(count, 4))
    if kind == "flags":
        target = (target > 0).astype(int)
    if kind == "gaps":
        scores[0, 0], target[-1, 1] = np.inf, np.nan
    return scores, None if kind == "none" else target


def figures(found: Any) -> dict[str, Any]:
    return {each.name: getattr(found, each.name) for each in fields(found)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [[1], [1, 1, 38], [30, 4, 17, 1, 9]])
@pytest.mark.parametrize("seed", range(4))
def test_merged_parts_are_the_outcome_of_the_whole(kind: str, sizes: list[int], seed: int) -> None:
    made, wanted = rows(kind, sum(sizes), seed)
    cuts = np.cumsum(sizes)[:-1]
    outputs = np.split(made, cuts)
    targets = [None] * len(sizes) if wanted is None else np.split(wanted, cuts)
    parts = [outcome_part(*each) for each in zip(outputs, targets, strict=True)]
    part, whole = reduce(merge_parts, parts), outcome_part(made, wanted)
    found, expected = figures(outcome_of(part)), figures(outcome_of(whole))
    for name in expected:
        wanted_value = expected[name]
        if wanted_value is not None:
            wanted_value = pytest.approx(wanted_value, rel=1e-9, abs=1e-12)
        assert found[name] == wanted_value, name
    assert outcomes_by_class(part) == outcomes_by_class(whole)


def by_numpy(values: Any, name: str = "") -> dict[str, float]:
    """What is told of all outputs, or of all targets."""
    wide = values.astype(np.float64)
    known = wide[np.isfinite(wide)]
    found = {"min": known.min(), "max": known.max(), "mean": known.mean(), "std": known.std()}
    if known.size == wide.size:
        found["std"] = np.sqrt(wide.reshape(len(wide), -1).var(axis=0).mean())
        if wide.ndim > 1 and wide.shape[-1] > 1:
            sums = wide.sum(axis=-1)
            found |= {"sum_min": sums.min(), "sum_max": sums.max()}
    if name:
        found |= {
            "binary": np.isin(known, (0, 1)).mean(),
            "below_minus_one": (known < -1).mean(),
            "below_zero": (known < 0).mean(),
            "above_one": (known > 1).mean(),
        }
    return {f"{name}{each}": value for each, value in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_outcome_of_the_whole_is_what_numpy_says(kind: str) -> None:
    made, wanted = rows(kind, 61, 5)
    expected = {} if kind == "gaps" else by_numpy(made)
    expected |= {} if wanted is None else by_numpy(wanted, "target_")
    found = outcome_of(outcome_part(made, wanted))
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, rel=1e-9)
    assert (found.rows, found.not_finite) == (61, (~np.isfinite(made)).sum())
    named = {name for name, value in figures(found).items() if value is not None}
    of_values = {name for name in named if name.startswith(("min", "max", "sum", "std", "target"))}
    assert of_values <= set(expected)
    if kind in ("numbers", "flags"):
        apart, spread = made - wanted, ((wanted - wanted.mean(axis=0)) ** 2).mean()
        assert found.mean_squared_error == pytest.approx((apart**2).mean())
        assert found.mean_absolute_error == pytest.approx(np.abs(apart).mean())
        assert found.mean_squared_error_of_mean == pytest.approx(spread)
        assert found.r2 == pytest.approx(1 - (apart**2).mean() / spread)
    assert (found.binary_accuracy is not None) == (kind == "flags")
    assert (found.accuracy is not None) == (kind in ("one-hot", "labels", "logits", "binary"))
