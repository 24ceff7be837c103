"""Courses of runs, each with what every epoch and the whole run are judged to be."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import hypothesis.strategies as st

Metrics: TypeAlias = dict[str, float]

LN10 = math.log(10)
UNEVEN = {"counts": (910, *[10] * 9)}
FEW = {"validation": 20}


def run(
    losses: Sequence[float], accuracies: Sequence[float], val: Sequence[tuple[float, float]] = ()
) -> list[Metrics]:
    """The metrics of each epoch, with validation where it is given."""
    found: list[Metrics] = [
        {"loss": loss, "accuracy": right} for loss, right in zip(losses, accuracies, strict=True)
    ]
    for metrics, (loss, right) in zip(found, val, strict=False):
        metrics.update(val_loss=loss, val_accuracy=right)
    return found


LEARNS = run([1.6, 0.8, 0.5], [0.5, 0.75, 0.85], [(1.0, 0.68), (0.7, 0.77), (0.55, 0.83)])
OVERFITS = run(
    [1.0, 0.5, 0.3, 0.2],
    [0.7, 0.85, 0.9, 0.95],
    [(0.9, 0.7), (0.8, 0.75), (0.9, 0.75), (1.0, 0.75)],
)
CHANCE = run([2.303] * 3, [0.1, 0.11, 0.12], [(2.303, 0.1)] * 3)
BROKEN = run(
    [1.0, math.nan, math.nan], [0.6, 0.1, 0.1], [(1.0, 0.6), (math.nan, 0.1), (math.nan, 0.1)]
)

COURSES: dict[str, tuple[list[Metrics], dict[str, Any], list[str], str]] = {
    "learns": (LEARNS, {}, ["learning ahead", *["learning follows"] * 2], "better"),
    "one epoch": (LEARNS[:1], {}, ["learning ahead"], "better"),
    "no validation": (run([1.6, 0.8], [0.5, 0.75]), {}, ["learning"] * 2, "better"),
    "no accuracy": ([{"loss": 1.6}, {"loss": 0.8}], {}, ["learning"] * 2, "better"),
    "no accuracy, validation": (
        [{"loss": 1.6, "val_loss": 1.5}, {"loss": 0.8, "val_loss": 0.8}],
        {},
        ["learning validation"] * 2,
        "better",
    ),
    "no loss": ([{"accuracy": 0.5}], {}, ["unmeasured"], "better"),
    "only a validation loss": ([{"val_loss": 1.0}], {}, ["unmeasured"], "better"),
    "plateau": (
        run([0.5, 0.499, 0.5], [0.8] * 3, [(0.5, 0.8)] * 3),
        {},
        ["learning follows", *["plateau follows"] * 2],
        "better",
    ),
    "slow is no plateau": (run([0.5, 0.494], [0.8, 0.8]), {}, ["learning"] * 2, "better"),
    "rises": (
        run([1.0, 0.5, 0.7], [0.6, 0.8, 0.75]),
        {},
        ["learning", "learning", "rise"],
        "better",
    ),
    "rises from nothing": (
        run([1.0, 0.0, 0.7], [0.6, 0.9, 0.8]),
        {},
        ["learning", "learning", "rise"],
        "better",
    ),
    "overfits": (
        OVERFITS,
        {},
        ["learning follows", "learning gap", "learning turned", "learning overfitting"],
        "better",
    ),
    "overfits on": (
        run([1.0, 0.5, 0.3, 0.2], [0.7] * 4, [(0.8, 0.7), (0.9, 0.7), (1.0, 0.7), (1.1, 0.7)]),
        {},
        ["learning follows", "learning turned", *["learning overfitting"] * 2],
        "better",
    ),
    "both losses rise": (
        run([0.5, 0.6, 0.55], [0.8] * 3, [(0.5, 0.8), (0.6, 0.8), (0.6, 0.8)]),
        {},
        ["learning follows", "rise turned", "learning turned"],
        "better",
    ),
    "best epoch has no training loss": (
        [
            {"val_loss": 0.5, "loss": math.nan},
            *run([0.5, 0.4], [0.8, 0.8], [(0.6, 0.8), (0.7, 0.8)]),
        ],
        {},
        ["non-finite", "learning turned", "learning turned"],
        "better",
    ),
    "gap": (
        run([1.0, 0.5], [0.7, 0.95], [(1.2, 0.68), (1.1, 0.7)]),
        {},
        ["learning follows", "learning gap"],
        "better",
    ),
    "generalises nothing": (run([0.5], [0.95], [(3.0, 0.11)]), {}, ["learning gap"], "better"),
    "near, on few": (run([1.0], [0.62], [(1.2, 0.6)]), FEW, ["learning unclear"], "better"),
    "a difference that can be luck": (
        run([1.0], [0.88], [(0.6, 0.8)]),
        {"validation": 200},
        ["learning unclear"],
        "better",
    ),
    "few validation rows": (
        run([1.0, 0.5], [0.7, 0.9], [(1.2, 0.6), (1.1, 0.8)]),
        FEW,
        ["learning unclear"] * 2,
        "better",
    ),
    "one validation row": (
        run([1.0], [1.0], [(9.0, 0.0)]),
        {"validation": 1},
        ["learning complete unclear"],
        "better",
    ),
    "far too low with few": (
        run([1.0], [1.0], [(9.0, 0.0)]),
        {"validation": 30},
        ["learning complete gap"],
        "better",
    ),
    "stays at chance": (CHANCE, {}, ["chance"] * 3, "chance"),
    "slowly from chance": (run([2.3, 2.2, 2.1], [0.1, 0.11, 0.12]), {}, ["chance"] * 3, "chance"),
    "chance, yet validation not": (
        run([2.31, 1.9], [0.1, 0.5], [(2.0, 0.4), (1.6, 0.5)]),
        {},
        ["learning ahead", "learning follows"],
        "better",
    ),
    "falls back to chance": (run([1.0, 2.303], [0.6, 0.1]), {}, ["learning", "chance"], "chance"),
    "from worse to chance": (
        run([40.0, 12.0, 2.6], [0.1, 0.1, 0.1], [(9.0, 0.1)] * 3),
        {},
        ["worse", "worse", "chance"],
        "chance",
    ),
    "worse than chance": (run([9.0], [0.1]), {}, ["worse"], "worse"),
    "right, but too sure": (run([1.0, 4.0], [0.6, 0.7]), {}, ["learning", "worse"], "better"),
    "becomes NaN": (BROKEN, {}, ["learning follows", *["non-finite"] * 2], "broken"),
    "NaN at last": (BROKEN[:2], {}, ["learning follows", "non-finite"], "broken"),
    "is infinite once": (
        run([math.inf, 1.0], [0.1, 0.6]),
        {},
        ["non-finite", "learning"],
        "better",
    ),
    "validation is NaN": (
        run([1.0], [0.6], [(math.nan, 0.1)]),
        {},
        ["learning non-finite"],
        "better",
    ),
    "perfect": (
        run([1.0, 0.01, 0.001], [0.8, 1.0, 1.0]),
        {},
        ["learning", "learning complete", "learning"],
        "better",
    ),
    "90 % of one class": (run([0.52, 0.46], [0.9, 0.91]), UNEVEN, ["chance"] * 2, "chance"),
    "beyond 90 % of one class": (
        run([0.5, 0.2], [0.91, 0.95]),
        UNEVEN,
        ["chance", "learning"],
        "better",
    ),
    "equal shares of uneven classes": (run([2.303], [0.9]), UNEVEN, ["chance"], "chance"),
    "two of ten classes": (
        run([0.69, 0.2], [0.5, 0.95]),
        {"counts": (500, 500, *[0] * 8)},
        ["chance", "learning"],
        "better",
    ),
}
"""Metrics, options of ``make_trace``, the kinds of each epoch, and the outcome."""

LOSSES = st.one_of(
    st.floats(0, 5),
    st.floats(0, 1e30),
    st.sampled_from([0.0, 1e-9, LN10, 2.2, 3.5, math.nan, math.inf, -math.inf]),
)
SHARES = st.integers(0, 1000).map(lambda count: count / 1000)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Metrics], dict[str, Any]]:
    """Metrics of up to eight epochs, each perhaps without some of them, with any rows and
    classes."""
    epochs = []
    for _ in range(draw(st.integers(0, 8))):
        drawn = {
            "loss": draw(LOSSES),
            "accuracy": draw(SHARES),
            "val_loss": draw(LOSSES),
            "val_accuracy": draw(SHARES),
        }
        missing = draw(st.sets(st.sampled_from([*drawn]))) if draw(st.booleans()) else set()
        epochs.append({name: value for name, value in drawn.items() if name not in missing})
    counts = draw(st.lists(st.integers(0, 500), min_size=10, max_size=10).filter(any))
    options = {"counts": counts, "validation": draw(st.integers(0, 1000))}
    return epochs, {**options, "batch": draw(st.integers(1, 64)), "planned": 9}
