"""The index of a gallery: its trainings as cards, in one HTML file without scripts."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipetrace.explain.findings.engine import check
from pipetrace.explain.findings.selection import known_rules
from pipetrace.explain.formatting import counted, figure
from pipetrace.present.build.document import document
from pipetrace.present.page import still_page
from pipetrace.present.views import Document
from pipetrace.trace.document import Trace

WIDTH, HEIGHT, EDGE = 240, 90, 4
STEEP = 100
"""A loss that changes by a larger factor is drawn on a logarithmic scale."""
LOSSES = (("loss", "training"), ("val_loss", "validation"))

STYLE = """
#app.gallery > header { padding-top: 40px; padding-bottom: 0; }
.gallery h1 { font-size: 34px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
.exhibits { list-style: none; margin: 24px 0; padding: 0; display: grid; gap: 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
.exhibits > li { display: flex; flex-direction: column; border: 1px solid var(--line);
  border-radius: 8px; padding: 16px 20px; break-inside: avoid; }
.exhibits h2 { font-size: 18px; margin: 0 0 8px; }
.exhibits .number { margin: 8px 0; }
.exhibits dt, .exhibits figcaption { font-size: 13px; color: var(--muted); }
.exhibits dd { margin: 0; font-size: 24px; font-weight: 600; line-height: 1.25; }
.exhibits dd small { font-size: 13px; font-weight: 400; color: var(--muted); }
.exhibits .said { font-weight: 600; white-space: pre-line; }
.curve svg { display: block; width: 100%; height: auto; background: var(--zero); }
.curve polyline { fill: none; stroke: var(--training); stroke-width: 2; }
.curve polyline.validation { stroke: var(--validation); stroke-dasharray: 5 4; }
.curve .training { color: var(--training); }
.curve .validation { color: var(--validation); }
.curve { margin: 8px 0 12px; }
.exhibits details { margin: 0 0 12px; font-size: 13px; }
.exhibits .links { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: auto 0 0; }
"""


@dataclass(frozen=True)
class Card:
    """What the index says of a training."""

    # page, program: their addresses, relative to the index
    page: str
    program: str
    # title, learn: what it is, and what one learns from it
    title: str
    learn: str
    planted: str  # the code of the rule that finds its fault; empty for a healthy one
    trace: Trace | None  # the recording; None where there is none
    error: str = ""  # why there is none


def index_page(cards: Sequence[Card], title: str = "A gallery of trainings") -> str:
    """The index as HTML text."""
    recorded = [card for card in cards if card.trace is not None]
    said = (
        f"{counted(len(recorded), 'small training')}, recorded on this computer. Some are healthy, "
        "in others something is wrong. Open one, look what happened, then compare with the fault "
        "that was planted. The digits are real; all other rows are made up by the programs. Every "
        "page has a quiz of its own."
    )
    listing = "\n".join(_card(number, card) for number, card in enumerate(cards, 1))
    body = f'<ul role="list" class="exhibits">\n{listing}\n</ul>'
    return still_page("gallery", title, said, body, STYLE)


def _card(number: int, card: Card) -> str:
    head = f"<h2>{number}. {html.escape(card.title)}</h2>"
    learn = f"<p>{html.escape(card.learn)}</p>" if card.learn else ""
    program = f'<a href="{html.escape(card.program)}">The program</a>'
    if card.trace is None:
        error = f'<p class="notice">{html.escape(card.error or "It is not recorded.")}</p>'
        return f"<li>{head}{learn}{error}<p>{program}</p></li>"
    made = document(card.trace, questions=0, with_courses=False)
    title = html.escape(card.title)
    link = (
        f'<a href="{html.escape(card.page)}" aria-label="Open the page: {title}">Open the page</a>'
    )
    parts = [head, learn, _figure(made), _curve(card.trace)]
    parts.append(f'<p class="said">{html.escape(made.headline)}</p>')
    parts += [_planted(card, card.trace), f'<p class="links">{link} {program}</p>']
    return f"<li>{''.join(parts)}</li>"


def _figure(made: Document) -> str:
    if not made.figures:
        return ""
    first = made.figures[0]
    note = f"<small>{html.escape(first.note)}</small>" if first.note else ""
    return (
        f'<dl class="number"><dt>{html.escape(first.name)}</dt>'
        f"<dd>{html.escape(first.text)} {note}</dd></dl>"
    )


def _planted(card: Card, trace: Trace) -> str:
    """The fault, behind a summary, and whether the rules found it."""
    if not card.planted:
        said = "Nothing is planted here."
    else:
        rule = next((each for each in known_rules()[0] if each.code == card.planted), None)
        name = f"{card.planted} {rule.name}: {rule.what}" if rule else card.planted
        found = check(trace).findings
        codes = {each.code for one in found for each in (one, *one.symptoms)}
        seen = "pipetrace found it." if card.planted in codes else "pipetrace did not find it."
        said = f"{name} {seen}"
    return f"<details><summary>The planted fault</summary><p>{html.escape(said)}</p></details>"


def _curve(trace: Trace) -> str:
    """The loss of each epoch as a small chart, its scale beside it."""
    series = {
        name: [
            (epoch.number, epoch.metrics[key])
            for epoch in trace.epochs
            if math.isfinite(epoch.metrics.get(key, math.nan))
        ]
        for key, name in LOSSES
    }
    values = [value for points in series.values() for _, value in points]
    if not values:
        return ""
    steep = min(values) > 0 and max(values) / min(values) > STEEP
    low, high = (min(values) if steep else min(0.0, *values)), max(values)
    last = max(1, len(trace.epochs) - 1)

    def place(epoch: int, value: float) -> str:
        part = (
            (math.log(value / low) / math.log(high / low))
            if steep
            else (value - low) / ((high - low) or 1.0)
        )
        across = EDGE + (WIDTH - 2 * EDGE) * (epoch - 1) / last
        return f"{across:.1f},{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * part:.1f}"

    lines = "".join(
        f'<polyline class="{name}" points="{" ".join(place(*point) for point in points)}"/>'
        for name, points in series.items()
        if points
    )
    scale = f"{figure(low)} to {figure(high)}{', logarithmic' if steep else ''}"
    what = f"Loss in {counted(len(trace.epochs), 'epoch')}"
    return (
        f'<figure class="curve"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{what}, {scale}">{lines}</svg>'
        f"<figcaption>{what}: {_key(series)}; {scale}</figcaption></figure>"
    )


def _key(series: dict[str, list[tuple[int, float]]]) -> str:
    return ", ".join(
        f'<span class="{name}">{name}{" (dashed)" if name == "validation" else ""}</span>'
        for name, points in series.items()
        if points
    )
