"""What the recording itself takes."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Cost:
    """Seconds spent on recording: by part; and of them, what training waited for and what ran beside it.

    Attributes:
        parts: seconds by part, those in the background in processor time.
        during: seconds that training waited.
        background: processor seconds of other threads while training ran.
        after: seconds when training was over.
        beside_training: of the parts, what counts while training runs, waited for or beside it.
        training: whether training runs now.
    """

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.beside_training: dict[str, float] = {}
        self.during, self.background, self.after = 0.0, 0.0, 0.0
        self.training = False
        self._lock = threading.Lock()
        self._own = threading.local()

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the time that the block takes to a part, without that of other parts within it."""
        within: list[float] = self._own.__dict__.setdefault("within", [])
        began = time.perf_counter()
        within.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.add(part, took - within.pop())
            if within:
                within[-1] += took

    @contextmanager
    def beside(self, part: str) -> Iterator[None]:
        """Add the processor time that the block takes in this thread, beside the training. It holds no other part."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.add(part, time.thread_time() - began, background=True)

    def add(self, part: str, seconds: float, *, background: bool = False) -> None:
        """Add seconds to a part."""
        with self._lock:
            self.parts[part] = self.parts.get(part, 0.0) + seconds
            if not self.training:
                self.after += seconds
                return
            self.beside_training[part] = self.beside_training.get(part, 0.0) + seconds
            if background:
                self.background += seconds
            else:
                self.during += seconds

    def counted(self, parts: Iterable[str]) -> float:
        """Seconds of some parts while training ran."""
        return sum(self.beside_training.get(part, 0.0) for part in parts)
