"""Line charts over epochs: scales, ticks and points for the terminal and the page."""

import math
from collections.abc import Callable, Sequence

from pipetrace.explain.formatting import figure
from pipetrace.present.drawings import Chart, Point, Series, Tick
from pipetrace.trace.records import Record

DECADES = 1.5
"""From this many powers of ten on a loss is drawn on a logarithmic axis."""
FAR = 0.25
"""Negative values whose span is a smaller share of their distance to zero get their own axis."""
STEPS = (1, 2, 2.5, 5, 10)


class Line(Record):
    """Values to draw: a name, the role that sets the colour, a value or NaN for each epoch."""

    name: str
    role: str
    values: tuple[float, ...]


def chart(
    title: str,
    lines: Sequence[Line],
    epochs: Sequence[int],
    *,
    text: Callable[[float], str] = figure,
    limits: tuple[float, float] | None = None,
    reference: tuple[float, str] | None = None,
    best: tuple[int, str] | None = None,
    borders: Sequence[int] = (),
) -> Chart | None:
    """A chart of lines over the epochs, or None when nothing finite was measured.

    Without ``limits`` zero is on the axis, or it is logarithmic where positive values span more
    than a decade and a half; negative values that are far from zero have an axis of their own
    range. A ``reference`` is a level to compare with, left out where it is far off the values;
    ``best`` the epoch to mark, and why; at ``borders`` a further ``fit`` began.
    """
    values = [value for line in lines for value in line.values if math.isfinite(value)]
    if not values:
        return None
    scale = _scale(values, limits, reference[0] if reference else None)
    shown = [Series(line.name, line.role, _points(line, epochs, scale, text)) for line in lines]
    level = None
    if reference and 0 <= scale.place(reference[0]) <= 1:
        level = Tick(scale.place(reference[0]), reference[1])
    return Chart(
        title=title if not scale.logarithmic else f"{title}, logarithmic axis",
        label=_label(title, lines, epochs, text, since=max(borders, default=epochs[0])),
        x=_epoch_ticks(epochs),
        y=tuple(Tick(scale.place(value), _tidy(text(value))) for value in scale.ticks),
        series=tuple(shown),
        reference=level,
        best=best[0] if best else None,
        best_text=best[1] if best else None,
        borders=tuple(borders),
    )


class _Scale(Record):
    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        if self.logarithmic:
            if value <= 0:
                return -1.0  # below any power of ten, so off the axis
            low, high, value = math.log10(self.low), math.log10(self.high), math.log10(value)
            return round((value - low) / (high - low), 5)
        return round((value - self.low) / (self.high - self.low), 5)


def _scale(
    values: Sequence[float], limits: tuple[float, float] | None, reference: float | None
) -> _Scale:
    if limits:
        low, high = limits
        return _Scale(low, high, False, _linear_ticks(low, high))
    least, most = min(values), max(values)
    if least > 0 and math.log10(most / least) > DECADES:
        first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
        each = max(1, (last - first) // 5)
        ticks = tuple(10.0**power for power in range(first, last + 1, each))
        return _Scale(10.0**first, 10.0**last, True, ticks)
    if reference is not None and most < reference < 2 * most:
        most = reference
    low, high = min(0.0, least), max(0.0, most)
    if most < 0 and 1e-6 * -most < most - least < FAR * -most:
        high = most
    ticks = _linear_ticks(low, high if high > low else 1.0)
    return _Scale(ticks[0], ticks[-1], False, ticks)


def _linear_ticks(low: float, high: float) -> tuple[float, ...]:
    """Four to six round numbers from at most low to at least high."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in STEPS if each * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Twelve significant digits: 3 x 0.1 is 0.3, and the smallest steps stay apart.
    return tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))


def _points(
    line: Line, epochs: Sequence[int], scale: _Scale, text: Callable[[float], str]
) -> tuple[Point, ...]:
    return tuple(
        Point(
            epoch,
            _along(epoch, epochs),
            scale.place(value) if math.isfinite(value) else None,
            text(value),
        )
        for epoch, value in zip(epochs, line.values, strict=True)
        # Before training some lines have no value.
        if epoch or not math.isnan(value)
    )


def _epoch_ticks(epochs: Sequence[int]) -> tuple[Tick, ...]:
    """Whole numbers on the axis, at most ten or so, whichever epochs were measured."""
    first, last = epochs[0], epochs[-1]
    each = max(1, math.ceil((last - first + 1) / 10))
    return tuple(Tick(_along(at, epochs), str(at)) for at in range(first, last + 1, each))


def _along(epoch: int, epochs: Sequence[int]) -> float:
    """Where an epoch is on the axis, from 0 to 1; those that were not measured have their room."""
    return round((epoch - epochs[0]) / max(1, epochs[-1] - epochs[0]), 5)


def _tidy(text: str) -> str:
    """A tick without the zeros that only tell precision: 0.500 is 0.5."""
    number, space, unit = text.partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number}{space}{unit}"


def _label(
    title: str,
    lines: Sequence[Line],
    epochs: Sequence[int],
    text: Callable[[float], str],
    *,
    since: int,
) -> str:
    parts, start = [], epochs.index(since)
    for line in lines:
        known = [at for at, each in enumerate(line.values) if at >= start and not math.isnan(each)]
        at, end = (known[0], known[-1]) if known else (start, len(epochs) - 1)
        parts.append(
            f"{line.name} from {text(line.values[at])} in epoch {epochs[at]} "
            f"to {text(line.values[end])} in epoch {epochs[end]}"
        )
    return f"{title}: {'; '.join(parts)}."
