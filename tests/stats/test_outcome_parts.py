"""Outcomes in parts, against the outcome of all rows at once."""

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
from pipetrace.stats.outcomes import by_class, outcome

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
    part = reduce(merge_parts, parts)
    found, expected = figures(outcome_of(part)), figures(outcome(made, wanted))
    for name in expected:
        wanted_value = expected[name]
        if wanted_value is not None:
            wanted_value = pytest.approx(wanted_value, rel=1e-9, abs=1e-12)
        assert found[name] == wanted_value, name
    assert {key: figures(each) for key, each in outcomes_by_class(part).items()} == {
        key: figures(each) for key, each in by_class(made, wanted).items()
    }
