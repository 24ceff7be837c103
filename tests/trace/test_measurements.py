"""Measurements by kind, name and epoch."""

from pipetrace.trace.measurement_table import Measurement, Measurements
from pipetrace.trace.measurements import LossPoint, Signal, StepLosses

MEASURED = Measurements(
    [
        Measurement("training", 2, LossPoint(loss=0.5)),
        Measurement("training", 0, LossPoint(loss=2.0, penalty=0.1)),
        Measurement("training", 1, LossPoint(penalty=0.1)),
        Measurement("training", None, LossPoint(loss=8.0)),
        Measurement("training", None, LossPoint(loss=9.0)),
        Measurement("other", 1, LossPoint(loss=7.0)),
        Measurement("training", 1, StepLosses(max=8.0)),
    ]
)


def loss(point: LossPoint) -> float | None:
    return point.loss


def test_a_course_is_in_the_order_of_the_epochs_and_has_what_was_measured() -> None:
    assert list(MEASURED.course(LossPoint, "training", loss).items()) == [(0, 2.0), (2, 0.5)]
    assert MEASURED.epochs(LossPoint, "training") == [0, 1, 2, None]
    assert MEASURED.course(LossPoint, "none", loss) == {}
    assert MEASURED.course(Signal, "training", lambda each: each.rms) == {}


def test_what_was_not_measured_is_a_record_without_figures() -> None:
    assert MEASURED.of(LossPoint, "training", 3) == LossPoint()
    assert not MEASURED.has(LossPoint, "training", 3)
    assert MEASURED.of(LossPoint, "training", 1).loss is None
    assert MEASURED.has(LossPoint, "training", 1)
    assert MEASURED.names(LossPoint) == ["training", "other"]
    assert MEASURED.names(Signal) == []


def test_the_last_of_several_holds_and_the_order_is_kept() -> None:
    assert MEASURED.of(LossPoint, "training").loss == 9.0
    assert [(each.kind, each.name, each.epoch) for each in MEASURED] == [
        ("loss", "training", 2),
        ("loss", "training", 0),
        ("loss", "training", 1),
        ("loss", "training", None),
        ("loss", "other", 1),
        ("step_losses", "training", 1),
    ]
    assert MEASURED[-1] == list(MEASURED)[-1]
    assert len(MEASURED) == 6
