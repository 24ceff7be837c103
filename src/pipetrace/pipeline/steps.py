"""Steps before the model: callables on a batch of rows that can say what they are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipetrace.errors import ArgumentError
from pipetrace.pipeline.forms import array_of, form_of, form_text, pick, rows_of, take

__all__ = ["Batch", "Divide", "OneHot", "Shuffle", "Split", "Step", "Window"]


class Step(Protocol):
    """Something done to the rows before the model sees them."""

    @property
    def config(self) -> Mapping[str, Any]:
        """What it was made with, as facts for the trace."""
        ...

    def __call__(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Transform a batch of rows; the first axis is the rows."""
        ...


@dataclass(frozen=True)
class Divide:
    """Divide every value by a constant, in float32: 0 to 255 becomes 0 to 1.

    Args:
        by: the divisor, not zero.

    Raises:
        ValueError: the divisor is zero.
    """

    by: float

    def __post_init__(self) -> None:
        if self.by == 0:
            raise ValueError("Divide needs a divisor that is not zero. Received: by=0")

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation and its divisor."""
        return {"operation": "divide", "by": self.by}

    def __call__(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """The rows as float32, divided."""
        return rows.astype(np.float32) / np.float32(self.by)


@dataclass(frozen=True)
class Window:
    """Windows of a series: each row becomes several rows in their order, such as 1,000 rows 990 windows of 11.

    Args:
        length: rows in a window.
        step: how many rows further the next one begins.
        ahead: with targets, how many rows after the window's last one its target stands; 0 is the last one's own.

    Raises:
        ArgumentError: a number is too small, or, on a call, there are fewer rows than one window needs.
    """

    length: int
    step: int = 1
    ahead: int = 0

    def __post_init__(self) -> None:
        _at_least(1, length=self.length, step=self.step)
        _at_least(0, ahead=self.ahead)

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation and its numbers."""
        return {
            "operation": "window",
            "length": self.length,
            "step": self.step,
            "ahead": self.ahead,
        }

    def __call__(self, x: Any, y: Any = None) -> Any:
        """Windows of shape ``(windows, length, ...)``, and the target of each."""
        rows = _array(x, "Window")
        needed = self.length + (self.ahead if y is not None else 0)
        count = (len(rows) - needed) // self.step + 1
        if count < 1:
            raise ArgumentError(
                f"A window needs {needed:,} rows, and there are {len(rows):,}.",
                where="Window",
                hint="Give a shorter window or more rows.",
            )
        starts = np.arange(count) * self.step
        made = rows[starts[:, None] + np.arange(self.length)]
        return made if y is None else (made, pick(y, starts + self.length - 1 + self.ahead))


@dataclass(frozen=True)
class Split:
    """Rows for training, for validation and for a test, drawn by the seed; no row is in two of them.

    Args:
        validation: the share of the rows that is held out for validation, or their number.
        test: the same for a test.
        seed: of the draw; None leaves the order: first the training rows, then validation, then test.

    Raises:
        ArgumentError: the numbers leave no row for training.
    """

    validation: float = 0.2
    test: float = 0.0
    seed: int | None = 0

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            share = getattr(self, name)
            if share < 0 or not math.isfinite(share) or (share >= 1 and share != int(share)):
                raise ArgumentError(
                    f"{name} received {share}, expected a share from 0 to 1 or a number of rows.",
                    where=name,
                    hint=f"Give {name} a share such as 0.2, or a whole number of rows.",
                )

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation, its shares and its seed."""
        return {
            "operation": "split",
            "validation": self.validation,
            "test": self.test,
            "seed": self.seed,
        }

    def __call__(self, x: Any, y: Any = None) -> dict[str, Any]:
        """The parts by name; one of no rows is left out."""
        rows = _count(x, "Split")
        held = {name: _part(getattr(self, name), rows) for name in ("validation", "test")}
        train = rows - sum(held.values())
        if train < 1:
            raise ArgumentError(
                f"Of {rows:,} rows, {held['validation']:,} for validation and {held['test']:,} for the test leave none "
                "for training.",
                where="Split",
                hint="Hold out fewer rows.",
            )
        order = (
            np.arange(rows)
            if self.seed is None
            else np.random.default_rng(self.seed).permutation(rows)
        )
        parts: dict[str, Any] = {}
        start = 0
        for name, count in {"train": train, **held}.items():
            if count:
                which = order[start : start + count]
                parts[name] = pick(x, which) if y is None else (pick(x, which), pick(y, which))
            start += count
        return parts


@dataclass(frozen=True)
class Shuffle:
    """The same rows in another order, drawn by the seed, their targets with them."""

    seed: int = 0

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation and its seed."""
        return {"operation": "shuffle", "seed": self.seed}

    def __call__(self, x: Any, y: Any = None) -> Any:
        """All rows, each once."""
        order = np.random.default_rng(self.seed).permutation(_count(x, "Shuffle"))
        return pick(x, order) if y is None else (pick(x, order), pick(y, order))


@dataclass(frozen=True)
class Batch:
    """Batches of rows in their order: 1,000 rows in batches of 32 are 31 full ones and one of 8.

    Args:
        size: rows in a batch.
        drop_remainder: leave out the last one where it is not full.

    Raises:
        ArgumentError: the size is below 1, or, on a call, not one batch would be full and the rest is left out.
    """

    size: int
    drop_remainder: bool = False

    def __post_init__(self) -> None:
        _at_least(1, size=self.size)

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation, the size, and what happens to the rest."""
        return {"operation": "batch", "size": self.size, "drop_remainder": self.drop_remainder}

    def __call__(self, x: Any, y: Any = None) -> list[Any]:
        """The batches: of x, or pairs of x and y."""
        rows = _count(x, "Batch")
        end = rows - rows % self.size if self.drop_remainder else rows
        if not end:
            raise ArgumentError(
                f"{rows:,} rows fill no batch of {self.size:,}, and the rest is left out.",
                where="Batch",
                hint="Give a smaller size, or keep the rest.",
            )
        ends = [(start, min(start + self.size, end)) for start in range(0, end, self.size)]
        return [take(x, *each) if y is None else (take(x, *each), take(y, *each)) for each in ends]


@dataclass(frozen=True)
class OneHot:
    """Whole numbers from 0 on, as rows of zeros with a single one, float32.

    Args:
        classes: how many columns.
        of: ``y`` for the targets, ``x`` for the rows themselves.

    Raises:
        ArgumentError: ``of`` is something else, there are fewer than 2 classes, or, on a call, a value is no whole
            number from 0 to classes - 1.
    """

    classes: int
    of: str = "y"

    def __post_init__(self) -> None:
        _at_least(2, classes=self.classes)
        if self.of not in ("x", "y"):
            raise ArgumentError(
                f"of received {self.of!r}, expected 'x' or 'y'.", where="of", hint="Give x or y."
            )

    @property
    def config(self) -> Mapping[str, Any]:
        """The operation, its columns, and what is encoded."""
        return {"operation": "one-hot", "classes": self.classes, "of": self.of}

    def __call__(self, x: Any, y: Any = None) -> Any:
        """The rows and targets, one of the two encoded."""
        if self.of == "x":
            return self._encoded(x) if y is None else (self._encoded(x), y)
        if y is None:
            raise ArgumentError(
                "OneHot encodes the targets, and there are none.",
                where="OneHot",
                hint="Give y, or of='x'.",
            )
        return x, self._encoded(y)

    def _encoded(self, values: Any) -> NDArray[np.float32]:
        found = _array(values, "OneHot").reshape(-1)
        fits = found.dtype.kind in "biuf" and bool(
            np.all((found >= 0) & (found < self.classes) & (found == np.floor(found)))
        )
        if not fits or len(found) != len(values):
            raise ArgumentError(
                f"OneHot received {form_text(form_of(values))}; expected one whole number from 0 to {self.classes - 1} "
                "in each row.",
                where="OneHot",
                hint=f"Number the classes from 0 on, or give more than {self.classes} classes.",
            )
        encoded = np.zeros((len(found), self.classes), np.float32)
        encoded[np.arange(len(found)), found.astype(np.int64)] = 1
        return encoded


def _at_least(least: int, **numbers: Any) -> None:
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ArgumentError(
                f"{name} received {value!r}, expected a whole number of at least {least}.",
                where=name,
                hint=f"Give {name} a whole number of at least {least}.",
            )


def _part(share: float, rows: int) -> int:
    """A share of the rows, rounded to the nearest, or their number."""
    return math.floor(share * rows + 0.5) if share < 1 else int(share)


def _count(x: Any, step: str) -> int:
    count = rows_of(x)
    if count is None:
        raise ArgumentError(
            f"{step} needs rows, and received {form_text(form_of(x))}.",
            where=step,
            hint="Give it an array.",
        )
    return count


def _array(x: Any, step: str) -> NDArray[Any]:
    array = array_of(x)
    if array is None or array.ndim == 0:
        raise ArgumentError(
            f"{step} needs one array, and received {form_text(form_of(x))}.",
            where=step,
            hint="Give it an array.",
        )
    return array
