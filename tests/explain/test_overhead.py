"""What recording took and what was skipped, in words."""

from dataclasses import replace

from tests.explain.conftest import numbers_of, trace_of

from pipetrace.explain.overhead import REASONS, SKIPPED, omissions, spent
from pipetrace.trace.overhead import BUDGET, Overhead, Skipped


def test_the_budget_of_a_short_training_is_in_seconds() -> None:
    for training, during, budget, expected in (
        (12.5, 0.25, 0.02, [0.25, 12.5, 2, 2, 1.5]),
        (0.2, 0.3, 0.02, [0.3, 0.2, 0.5, 1.5]),
        (2.0, 0.6, 0.02, [0.6, 2, 30, 2, 1.5]),
        (10.0, 0.6, None, [0.6, 10, 6, 1.5]),
        (0.0, 0.0, 0.02, [0, 2, 1.5]),
    ):
        overhead = Overhead(budget, 0.5, training, during, 0.0, 1.5)
        text = spent(replace(trace_of(), overhead=overhead))
        assert (
            numbers_of(text.replace("under 1 ms", "0 s", 1).replace("under 1 ms of", ""))
            == expected
        ), text
    assert spent(trace_of()) == ""


def test_each_omission_is_told_once_with_its_reason() -> None:
    for reason in REASONS:
        for what in SKIPPED:
            skipped = (Skipped(what, reason, 3, 8), Skipped("of another version", "unknown"))
            overhead = Overhead(None, 0.5, 1.0, 0.1, 0.0, 0.0, skipped)
            text = omissions(replace(trace_of(), overhead=overhead))
            assert set(numbers_of(text)) <= {3, 8}
            assert text.startswith(REASONS[reason])
            assert text.endswith("(unknown): of another version.")
    many = Overhead(
        None,
        0.5,
        1.0,
        0.1,
        0.0,
        0.0,
        (Skipped("probe", BUDGET, 3, 8), Skipped("rows", BUDGET, 1, 9)),
    )
    assert numbers_of(omissions(replace(trace_of(), overhead=many))) == [3, 8, 1, 9]
    assert omissions(trace_of()) == ""
