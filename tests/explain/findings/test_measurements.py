"""Measurements by part, name and epoch."""

from dataclasses import replace

from pipetrace.explain.findings.measurements import Measured
from pipetrace.trace import Trace
from pipetrace.trace.document import Measurement


def test_a_course_is_in_the_order_of_the_epochs_and_has_what_was_measured(
    digits_trace: Trace,
) -> None:
    given = [
        ("slope", "loss", 2, {"loss": 0.5}),
        ("slope", "loss", 0, {"loss": 2.0, "penalty": 0.1}),
        ("slope", "loss", 1, {"penalty": 0.1}),
        ("slope", "loss", None, {"loss": 9.0}),
        ("slope", "other", 1, {"loss": 7.0}),
        ("steps", "loss", 1, {"loss": 8.0}),
    ]
    measured = Measured(
        replace(digits_trace, measurements=tuple(Measurement(*each) for each in given))
    )
    assert list(measured.course("slope", "loss", "loss").items()) == [(0, 2.0), (2, 0.5)]
    assert measured.course("slope", "none", "loss") == measured.course("none", "loss", "loss") == {}
    assert measured.names("slope") == ["loss", "other"]
    assert measured.names("none") == []
    assert measured.value("slope", "loss", "loss") == 9.0
    assert measured.value("slope", "loss", "loss", 1) is None
    assert measured.of("steps", "none", 1) == {}
