"""What the recording itself takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Cost:
    """Seconds of wall time spent on recording, by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the time that the block takes to a part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.parts[part] = self.parts.get(part, 0.0) + time.perf_counter() - began
