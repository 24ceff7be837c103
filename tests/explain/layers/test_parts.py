"""Templates: conditions, formats, and lines that continue the one above."""

import pytest

from pipetrace.explain.layers.parts import UnfitError, fill, sum_of, table

TEMPLATE = """
{filters:# filter} of {each:~ weight}, {units:# entry/entries}.
[filters>1] Several
    of them.
[filters=1] One.
[padding=same, not idle] Padded by {rate:percent}.
[idle] Idle.
"""


def test_lines_stand_where_all_their_conditions_hold() -> None:
    config = {"filters": 32, "each": 9, "units": 2, "padding": "same", "rate": 0.25}
    assert fill(TEMPLATE, {}, config) == (
        "32 filters of nine weights, 2 entries. Several of them. Padded by 25 %."
    )
    fields = {"filters": 1, "each": 27, "units": 1, "idle": True}
    assert fill(TEMPLATE, fields, config) == "1 filter of 27 weights, 1 entry. One. Idle."


def test_ranges_are_written_as_such() -> None:
    ranges = {"a": (-0.1, 0.2), "b": 0.5, "c": (0.25, 0.25), "d": (1, 1), "e": (0, 0.5)}
    assert fill("{a:percents}; {b:percents}; {c:degrees}", ranges, {}) == (
        "-10 % to 20 %; -50 % to 50 %; 90"
    )
    assert fill("all{d:chance}", ranges, {}) == "all"
    assert fill("some{e:chance}", ranges, {}).count("%") == 2


def test_what_a_configuration_cannot_hold_is_refused() -> None:
    for value in (None, True, -1, 1.5, "3", [2]):
        with pytest.raises(UnfitError):
            fill("{n:# unit}", {}, {"n": value})
    for value in (None, True, 1.5, -0.1, "0.5", float("nan")):
        with pytest.raises(UnfitError):
            fill("{rate:percent}", {}, {"rate": value})


def test_sums_and_tables() -> None:
    total = sum_of([3, 3, 1, 32], [], [32])
    assert (total.text, total.total) == ("3 x 3 x 1 x 32 + 32", 320)
    assert table("\nadd, addv2: adds {what}\nmean: averages\n    along axes\n") == [
        ("add, addv2", "adds {what}"),
        ("mean", "averages along axes"),
    ]
