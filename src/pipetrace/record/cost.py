"""What the recording itself takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Cost:
    """Seconds of wall time spent on recording, by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._within: list[float] = []

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the time that the block takes to a part, without that of other parts within it."""
        began = time.perf_counter()
        self._within.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.parts[part] = self.parts.get(part, 0.0) + took - self._within.pop()
            if self._within:
                self._within[-1] += took
