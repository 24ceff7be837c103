"""Courses of runs, each with what every epoch and the whole run are judged to be."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import hypothesis.strategies as st

Metrics: TypeAlias = dict[str, float]

LN10 = math.log(10)
UNEVEN: dict[str, Any] = {"counts": (910, *[10] * 9)}
FEW: dict[str, Any] = {"validation": 20}


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

Course: TypeAlias = tuple[list[Metrics], dict[str, Any], list[str], str]
"""Metrics, options of ``make_trace``, the kinds of each epoch, and the outcome."""


def course(metrics: list[Metrics], kinds: str, outcome: str = "better", **options: Any) -> Course:
    """A course; ``kinds`` holds those of one epoch after another, with ``;`` between them."""
    return metrics, options, kinds.split("; "), outcome


LOSS_AND_VALIDATION = [{"loss": 1.6, "val_loss": 1.5}, {"loss": 0.8, "val_loss": 0.8}]
ONLY_LOSS = [{"loss": 1.6}, {"loss": 0.8}]
ON = run([1.0, 0.5, 0.3, 0.2], [0.7] * 4, [(0.8, 0.7), (0.9, 0.7), (1.0, 0.7), (1.1, 0.7)])
BOTH_RISE = run([0.5, 0.6, 0.55], [0.8] * 3, [(0.5, 0.8), (0.6, 0.8), (0.6, 0.8)])
LATE = run([0.5, 0.4], [0.8, 0.8], [(0.6, 0.8), (0.7, 0.8)])
FEW_ROWS = run([1.0, 0.5], [0.7, 0.9], [(1.2, 0.6), (1.1, 0.8)])
ONE_ROW = run([1.0], [1.0], [(9.0, 0.0)])
FROM_WORSE = run([40.0, 12.0, 2.6], [0.1] * 3, [(9.0, 0.1)] * 3)
VALIDATION_LEARNS = run([2.31, 1.9], [0.1, 0.5], [(2.0, 0.4), (1.6, 0.5)])
TWO_OF_TEN: dict[str, Any] = {"counts": (500, 500, *[0] * 8)}

COURSES: dict[str, Course] = {
    "learns": course(LEARNS, "learning ahead; learning follows; learning follows"),
    "one epoch": course(LEARNS[:1], "learning ahead"),
    "no validation": course(run([1.6, 0.8], [0.5, 0.75]), "learning; learning"),
    "no accuracy": course(ONLY_LOSS, "learning; learning"),
    "no accuracy, validation": course(
        LOSS_AND_VALIDATION, "learning validation; learning validation"
    ),
    "no loss": course([{"accuracy": 0.5}], "unmeasured"),
    "only a validation loss": course([{"val_loss": 1.0}], "unmeasured"),
    "plateau": course(
        run([0.5, 0.499, 0.5], [0.8] * 3, [(0.5, 0.8)] * 3),
        "learning follows; plateau follows; plateau follows",
    ),
    "slow is no plateau": course(run([0.5, 0.494], [0.8, 0.8]), "learning; learning"),
    "rises": course(run([1.0, 0.5, 0.7], [0.6, 0.8, 0.75]), "learning; learning; rise"),
    "rises from nothing": course(run([1.0, 0.0, 0.7], [0.6, 0.9, 0.8]), "learning; learning; rise"),
    "overfits": course(
        OVERFITS, "learning follows; learning gap; learning turned; learning overfitting"
    ),
    "overfits on": course(
        ON, "learning follows; learning turned; learning overfitting; learning overfitting"
    ),
    "both losses rise": course(BOTH_RISE, "learning follows; rise turned; learning turned"),
    "best epoch has no training loss": course(
        [{"val_loss": 0.5, "loss": math.nan}, *LATE], "non-finite; learning turned; learning turned"
    ),
    "gap": course(
        run([1.0, 0.5], [0.7, 0.95], [(1.2, 0.68), (1.1, 0.7)]), "learning follows; learning gap"
    ),
    "generalises nothing": course(run([0.5], [0.95], [(3.0, 0.11)]), "learning gap"),
    "near, on few": course(run([1.0], [0.62], [(1.2, 0.6)]), "learning unclear", **FEW),
    "a difference that can be luck": course(
        run([1.0], [0.88], [(0.6, 0.8)]), "learning unclear", validation=200
    ),
    "few validation rows": course(FEW_ROWS, "learning unclear; learning unclear", **FEW),
    "one validation row": course(ONE_ROW, "learning complete unclear", validation=1),
    "far too low with few": course(ONE_ROW, "learning complete gap", validation=30),
    "stays at chance": course(CHANCE, "chance; chance; chance", "chance"),
    "slowly from chance": course(
        run([2.3, 2.2, 2.1], [0.1, 0.11, 0.12]), "chance; chance; chance", "chance"
    ),
    "chance, yet validation not": course(VALIDATION_LEARNS, "learning ahead; learning follows"),
    "falls back to chance": course(run([1.0, 2.303], [0.6, 0.1]), "learning; chance", "chance"),
    "from worse to chance": course(FROM_WORSE, "worse; worse; chance", "chance"),
    "worse than chance": course(run([9.0], [0.1]), "worse", "worse"),
    "right, but too sure": course(run([1.0, 4.0], [0.6, 0.7]), "learning; worse"),
    "becomes NaN": course(BROKEN, "learning follows; non-finite; non-finite", "broken"),
    "NaN at last": course(BROKEN[:2], "learning follows; non-finite", "broken"),
    "is infinite once": course(run([math.inf, 1.0], [0.1, 0.6]), "non-finite; learning"),
    "validation is NaN": course(run([1.0], [0.6], [(math.nan, 0.1)]), "learning non-finite"),
    "perfect": course(
        run([1.0, 0.01, 0.001], [0.8, 1.0, 1.0]), "learning; learning complete; learning"
    ),
    "90 % of one class": course(
        run([0.52, 0.46], [0.9, 0.91]), "chance; chance", "chance", **UNEVEN
    ),
    "beyond 90 % of one class": course(run([0.5, 0.2], [0.91, 0.95]), "chance; learning", **UNEVEN),
    "equal shares of uneven classes": course(run([2.303], [0.9]), "chance", "chance", **UNEVEN),
    "two of ten classes": course(run([0.69, 0.2], [0.5, 0.95]), "chance; learning", **TWO_OF_TEN),
}

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
