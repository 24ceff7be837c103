"""Pictures, bars and charts from block characters."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from pipetrace.present.drawings import Bar, Chart, ImageView

GREY = ("#000000", "#ffffff")
# Viridis by van der Walt and Smith (2015, CC0), at every sixteenth of its range: equal steps look
# equal, also in grey.
ACTIVATION = (
    "#440154",
    "#481a6c",
    "#472f7d",
    "#414487",
    "#39568c",
    "#31688e",
    "#2a788e",
    "#23888e",
    "#1f988b",
    "#22a884",
    "#35b779",
    "#54c568",
    "#7ad151",
    "#a5db36",
    "#d2e21b",
    "#fde725",
)
# Colour-blind readers can tell orange, below zero, from blue; the middle is near white.
SIGNED = ("#8f3f04", "#d9832f", "#f3c9a0", "#f1f3f5", "#b5cfea", "#5a93cc", "#174a88")

COLORMAPS: dict[str, tuple[str, ...]] = {"grey": GREY, "activation": ACTIVATION, "signed": SIGNED}
"""Each ramp by its name in ``ImageView.colormap``."""


def colours(places: NDArray[np.float64], ramp: str) -> NDArray[np.uint8]:
    """Red, green and blue, ``(..., 3)``, of places from 0 to 1, or the nearer end, on a scale."""
    stops = np.array(
        [[int(stop[index : index + 2], 16) for index in (1, 3, 5)] for stop in COLORMAPS[ramp]],
        np.float64,
    )
    at = np.clip(np.nan_to_num(places), 0.0, 1.0) * (len(stops) - 1)
    low = np.minimum(at.astype(np.int64), len(stops) - 2)
    part = (at - low)[..., None]
    mixed = stops[low] * (1 - part) + stops[low + 1] * part
    painted: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return painted


SMALLEST = 3
"""A map is drawn at a third of its size at the least."""
ACROSS = 8
"""Feature maps in a row; the others are counted."""
MOST_LINES = 24
"""More steps than this share lines."""
WIDEST_IMAGE = 64
SHADES = " ░▒▓█"
"""For a terminal without colours."""
CHART_HEIGHT = 9
EIGHTHS = " ▏▎▍▌▋▊▉"
MARKS = {"training": ("●", "cyan"), "validation": ("○", "yellow")}
BOTH = ("◉", "bold")
"""Where two lines meet in one character."""


def image(view: ImageView, width: int, *, colour: bool) -> Text:
    """An image, drawn as its kind asks for."""
    draw = {"vector": strip, "steps": steps}.get(view.kind, maps)
    return draw(view, width, colour=colour)


def maps(image: ImageView, width: int, *, colour: bool) -> Text:
    """The first eight maps side by side, each as large as fits, two values to a character.

    A map that is too wide is drawn smaller: each drawn value is the mean of a block of the measured
    ones.
    """
    if image.kind == "colour":
        return colour_map(image, width, colour=colour)
    # Rather fewer maps than ones that are drawn at less than a third of their size.
    least = -(-image.shape[2] // SMALLEST) + 1
    shown = max(1, min(ACROSS, image.shape[0], (width + 1) // least))
    room = width if shown == 1 else (width - (shown - 1)) // shown
    factor = max(1, -(-image.shape[2] // max(1, room)))
    drawn = [_smaller(image.values[index], factor) for index in range(shown)]
    lines = [Text() for _ in range(-(-drawn[0].shape[0] // 2))]
    for index, each in enumerate(drawn):
        for line, part in zip(lines, _painted(each, image, colour=colour), strict=True):
            line.append("" if index == 0 else " ")
            line.append_text(part)
    remarks = [f"colours from {image.low_text} to {image.high_text}"]
    if image.note:
        remarks.append(image.note)
    if image.shape[0] > shown:
        remarks.insert(
            0, f"{shown} of {image.shape[0]} maps, {image.shape[0] - shown} more on the page"
        )
    if factor > 1:
        remarks.append(f"drawn at 1/{factor} of their size")
    lines.append(Text(", ".join(remarks), "dim"))
    return Text("\n").join(lines)


def strip(image: ImageView, width: int, *, colour: bool) -> Text:
    """A vector as one line of cells, each the mean of its share of the values."""
    flat = image.values.reshape(-1)
    flat = flat[np.isfinite(flat)]
    cells = np.array_split(flat, min(width, len(flat)))
    row = np.array([[part.mean() for part in cells]])
    [line] = _painted(np.repeat(row, 2, axis=0), image, colour=colour)
    remark = (
        f"{len(flat):,} values in {len(cells)} cells, each the mean of its share, "
        f"colours from {image.low_text} to {image.high_text}"
    )
    return Text("\n").join([line, Text(remark, "dim")])


def steps(image: ImageView, width: int, *, colour: bool) -> Text:
    """Steps downward, one to a line and their channels across; hidden ones are dotted and said.

    Where there are many, a line is the mean of several steps, and a cell the mean of several
    channels.
    """
    values = image.values[0]
    high, wide = -(-len(values) // MOST_LINES), -(-values.shape[1] // max(1, width - 8))
    hidden = np.isin(np.arange(len(values)), image.hidden)
    cells = _smaller(values, max(high, 1), max(wide, 1))
    drawn = Text()
    for number, line in enumerate(cells):
        part = slice(number * high, (number + 1) * high)
        [painted] = _painted(np.repeat(line[None], 2, axis=0), image, colour=colour)
        if hidden[part].all():
            drawn.append("┄" * len(cells[0]), "dim")
            drawn.append(" hidden", "dim")
        else:
            drawn.append_text(painted)
        drawn.append("\n")
    remarks = ["one step a line" if high == 1 else f"{high} steps a line"]
    if wide > 1:
        remarks.append(f"{wide} channels a cell")
    if high > 1 or wide > 1:
        remarks.append("each the mean")
    if image.hidden:
        remarks.append(f"{int(hidden.sum())} of {len(values)} steps hidden")
    remarks += [image.note] if image.note else []
    drawn.append(f"{', '.join(remarks)}, colours from {image.low_text} to {image.high_text}", "dim")
    return drawn


def colour_map(image: ImageView, width: int, *, colour: bool) -> Text:
    """An image in its own colours, two values to a character; in shades without colours."""
    factor = max(1, -(-image.shape[2] // max(1, min(width, WIDEST_IMAGE))))
    bands = np.stack([_smaller(each, factor) for each in image.values], axis=-1)
    places = np.clip(_places(bands, image), 0, 1)
    if not colour:
        return Text("\n").join(half_blocks(places.mean(axis=-1), "grey", colour=False))
    painted = np.rint(np.nan_to_num(places) * 255).astype(np.uint8)
    if len(painted) % 2:
        painted = np.concatenate([painted, np.zeros((1, *painted.shape[1:]), np.uint8)])
    lines = []
    for upper, lower in zip(painted[::2], painted[1::2], strict=True):
        line = Text()
        for top, bottom in zip(upper, lower, strict=True):
            line.append("▀", f"{_hex(top)} on {_hex(bottom)}")
        lines.append(line)
    return Text("\n").join(lines)


def _painted(values: NDArray[np.floating], image: ImageView, *, colour: bool) -> list[Text]:
    """Two rows of values in each line of text."""
    return half_blocks(_places(values, image), image.colormap, colour=colour)


def half_blocks(places: NDArray[np.float64], ramp: str, *, colour: bool) -> list[Text]:
    """Two rows of places, 0 to 1, in each line of text."""
    if len(places) % 2:
        places = np.vstack([places, np.full((1, places.shape[1]), np.nan)])
    if not colour:
        means = np.nan_to_num((places[::2] + np.nan_to_num(places[1::2])) / 2)
        steps = np.clip((means * (len(SHADES) - 1)).round().astype(int), 0, len(SHADES) - 1)
        return [Text("".join(SHADES[step] for step in row)) for row in steps]
    painted = colours(places, ramp)
    lines = []
    for upper, lower, below in zip(painted[::2], painted[1::2], places[1::2], strict=True):
        line = Text()
        for top, bottom, there in zip(upper, lower, below, strict=True):
            style = _hex(top) if np.isnan(there) else f"{_hex(top)} on {_hex(bottom)}"
            line.append("▀", style)
        lines.append(line)
    return lines


def bars(entries: tuple[Bar, ...], width: int) -> Table:
    """One line for each bar, to an eighth of a character."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    room = max(8, min(40, width - 24))
    table.add_column(width=room, no_wrap=True)
    table.add_column(no_wrap=True)
    for bar in entries:
        style = "bold cyan" if bar.marked else "cyan"
        table.add_row(
            Text(bar.name, "bold" if bar.marked else ""),
            Text(_bar(bar.length, room), style),
            Text(bar.text),
        )
    return table


def _bar(length: float, room: int) -> str:
    eighths = round(length * room * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def chart(view: Chart, width: int) -> Text:
    """A line chart of points, its ticks at the left, its lines named at their end."""
    # What stands at the right: a space, the mark, a space, the name and the last value.
    ends = _ends(view)
    names = max(len(text) for entries in ends.values() for text, _ in entries) + 1
    margin = max(len(tick.text) for tick in view.y) + 2
    room = max(10, min(64, width - margin - names))
    grid = [[(" ", "")] * room for _ in range(CHART_HEIGHT)]
    if view.reference:
        grid[_row(view.reference.at)] = [("┈", "dim")] * room
    for border in _borders(view):
        for cells in grid:
            cells[round(border * (room - 1))] = ("╎", "dim")
    for series in view.series:
        mark = MARKS.get(series.role, ("·", ""))
        for point in series.points:
            if point.y is not None:
                cells, place = grid[_row(point.y)], round(point.x * (room - 1))
                cells[place] = BOTH if cells[place] in MARKS.values() else mark
    ticks = {_row(tick.at): tick.text for tick in view.y}
    lines = [Text(view.title, "bold")]
    for number, cells in enumerate(grid):
        line = Text.assemble((ticks.get(number, "").rjust(margin - 1) + "│", "dim"))
        for character, style in cells:
            line.append(character, style)
        for text, style in ends.get(number, []):
            line.append(f" {text}", style)
        lines.append(line)
    lines.append(Text(" " * (margin - 1) + "└" + "─" * room, "dim"))
    lines.append(_axis(view, margin, room))
    return Text("\n").join(lines)


def _borders(view: Chart) -> list[float]:
    """Where fits began, between the last epoch before and the first one of each."""
    points = view.series[0].points
    return [
        (before.x + after.x) / 2
        for before, after in pairwise(points)
        if after.epoch in view.borders
    ]


def _ends(view: Chart) -> dict[int, list[tuple[str, str]]]:
    """The text right of each line of characters: names of lines, moved apart, and reference."""
    ends: dict[int, list[tuple[str, str]]] = {}
    if view.reference:
        ends[_row(view.reference.at)] = [(view.reference.text, "dim")]
    for series in view.series:
        last = next((point for point in reversed(series.points) if point.y is not None), None)
        if last is None or last.y is None:
            continue
        row = _row(last.y)
        mark, style = MARKS.get(series.role, ("·", ""))
        while row in ends and row > 0:
            row -= 1
        ends.setdefault(row, []).append((f"{mark} {series.name} {last.text}", style))
    return ends


def _axis(view: Chart, margin: int, room: int) -> Text:
    cells = [" "] * (room + max((len(tick.text) for tick in view.x), default=0))
    for tick in view.x:
        start = round(tick.at * (room - 1))
        for offset, letter in enumerate(tick.text):
            cells[start + offset] = letter
    return Text(" " * margin + "".join(cells).rstrip() + "  epoch", "dim")


def _row(place: float) -> int:
    return min(CHART_HEIGHT - 1, max(0, round((1 - place) * (CHART_HEIGHT - 1))))


def _places(values: NDArray[np.floating], image: ImageView) -> NDArray[np.float64]:
    span = image.high - image.low
    return np.asarray((values.astype(np.float64) - image.low) / (span if span else 1.0))


def _smaller(
    values: NDArray[np.float32], factor: int, across: int | None = None
) -> NDArray[np.floating]:
    """Each block of values as its mean; ``factor`` down and ``across``, equal by default."""
    across = factor if across is None else across
    if factor == across == 1:
        return values
    high, wide = -(-values.shape[0] // factor), -(-values.shape[1] // across)
    padded = np.full((high * factor, wide * across), np.nan, np.float32)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(high, factor, wide, across)
    kept = np.isfinite(blocks)
    total = np.where(kept, blocks, 0).sum(axis=(1, 3), dtype=np.float64)
    return np.asarray(total / np.maximum(1, kept.sum(axis=(1, 3))))


def _hex(colour: NDArray[np.uint8]) -> str:
    return f"#{int(colour[0]):02x}{int(colour[1]):02x}{int(colour[2]):02x}"
