"""The table ``content``: values that are written once, however many rows refer to them."""

import math

from pipetrace.trace.histogram_codec import encode_channels, encode_histogram
from pipetrace.trace.live_file import Changes
from pipetrace.trace.summary import Summary

UNUSED = """
DELETE FROM content WHERE id NOT IN (
    SELECT histogram FROM summary
    UNION SELECT channels FROM summary WHERE channels IS NOT NULL
    UNION SELECT figures FROM measurement
)
"""


class Contents:
    """Writes equal values once: an epoch repeats those of stages that training does not change."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str, str], tuple[bytes | str, int]] = {}

    def add(self, database: Changes, of: tuple[str, str, str], data: bytes | str) -> int:
        """Write something, unless the latest ``of`` the same was equal, and give its number."""
        latest = self._latest.get(of)
        if latest is None or latest[0] != data:
            number = database.execute("INSERT INTO content VALUES (NULL, ?)", (data,)).lastrowid
            latest = self._latest[of] = (data, number or 0)
        return latest[1]

    def add_summary(
        self,
        database: Changes,
        part: str,
        name: str,
        epoch: int | None,
        summary: Summary,
    ) -> None:
        """Write a summary with its channels."""
        histogram = self.add(
            database, ("histogram", part, name), encode_histogram(summary.histogram)
        )
        mean, std = _finite(summary)
        channels = None
        if summary.channels:
            channels = self.add(
                database, ("channels", part, name), encode_channels(summary.channels)
            )
        row = (
            part,
            name,
            epoch,
            summary.count,
            summary.nan,
            summary.positive_infinity,
            summary.negative_infinity,
            summary.zeros,
            summary.min,
            summary.max,
            mean,
            std,
            histogram,
            channels,
        )
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO summary VALUES (NULL, {marks})", row)  # noqa: S608 marks

    def forget(self) -> None:
        """Refer to nothing that was written before."""
        self._latest.clear()

    def tidy(self, database: Changes) -> None:
        """Delete what nothing refers to any more."""
        self.forget()
        database.execute(UNUSED)


def _finite(summary: Summary) -> tuple[float | None, float | None]:
    """Mean and standard deviation. Of values near the largest float they can overflow."""
    mean, std = summary.mean, summary.std
    if mean is not None and summary.min is not None and summary.max is not None:
        mean = min(max(mean, summary.min), summary.max)
    return mean, std if std is not None and math.isfinite(std) else None
