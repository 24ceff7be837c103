"""The page: one self-contained HTML file that opens from disk.

The viewer's ES modules stay separate files. The page names them in an import map of ``data:`` URLs.
So they import each other by name, unchanged, without a server and without a build step. The map is
packed, and unpacked when the page starts.
"""

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from urllib.parse import quote

from pipetrace.errors import ArgumentError
from pipetrace.explain.formatting import listed
from pipetrace.explain.learn.lesson import Lesson
from pipetrace.explain.learn.modes import lessons
from pipetrace.explain.quiz import LENGTH
from pipetrace.present.build.detail import DETAILS, NORMAL, of_rows
from pipetrace.present.build.document import document, seed_of
from pipetrace.present.build.model import model_view
from pipetrace.present.comparison.views import ComparisonView
from pipetrace.present.formats.json import to_json
from pipetrace.present.formats.sheet import identity_of
from pipetrace.present.model_view import ModelView
from pipetrace.present.teach.hidden import hidden, hidden_lessons
from pipetrace.present.text import document_text
from pipetrace.present.views import Document, PredictionView
from pipetrace.trace.document import RUNNING, Trace

SAFE = " !$&'()*+,-./:;<=>?@[]^_`{|}~"
"""What a ``data:`` URL may hold as it is in every browser; the rest is escaped."""
ENTRY = "viewer/main.js"
"""The module that draws the page of a trace."""
IMPORTED = re.compile(r'^\s*import [^;]*?from "([^"]+)"', re.MULTILINE)
"""What a module of the viewer imports; types are imported in comments."""
RELOAD_SECONDS = 10
"""How often the page of a training that is still running loads itself again."""

FILE, FRAME = "file", "frame"
"""Where a page is shown: opened from disk, or in a frame, where it cannot load itself again."""


@dataclass(frozen=True)
class Served:
    """Where a page is shown that ``pipetrace serve`` sends."""

    changes: str  # the address of the events that tell the state of the trace
    version: str  # the state that the page shows
    home: str  # the address of the table of runs


HEAD = """<!doctype html>
<html lang="en"{live}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="pipetrace">
{reload}<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
"""
TEMPLATE = (
    HEAD
    + """<noscript><pre>{plain}</pre></noscript>
<div id="app"><h1>{heading}</h1><p class="headline">{headline}</p></div>
<script type="application/json" id="document">{document}</script>
<script type="text/plain" id="model">{model}</script>
<script type="text/plain" id="lessons">{lessons}</script>
<script type="text/plain" id="modules">{modules}</script>
<script>{start}</script>
</body>
</html>
"""
)
STILL = (
    HEAD
    + """<div id="app" class="{kind}">
<header><h1>{title}</h1><p>{said}</p></header>
<main>{body}</main>
</div>
{script}</body>
</html>
"""
)
"""A page that no module draws."""

START = """(async () => {
  const text = document.getElementById("modules").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const map = document.createElement("script");
  map.type = "importmap";
  map.textContent = await new Response(stream).text();
  document.head.append(map);
  (await import("viewer/main.js")).start();
})();"""
"""Not a module: an import map has to be there before the first module."""

RELOAD = '<noscript><meta http-equiv="refresh" content="{}"></noscript>\n'


def trace_page(
    trace: Trace,
    *,
    title: str | None = None,
    detail: str = NORMAL,
    rows: int | None = None,
    where: str | Served = FILE,
    quiz_seed: int | str | None = None,
    questions: int = LENGTH,
    hide_answers: bool = False,
) -> str:
    """A trace as HTML text, with its own title, its own quiz seed and all recorded rows unless
    given.

    ``detail`` is ``brief``, ``normal`` or ``all``; ``rows`` at least one; ``where`` is
    ``"file"``, ``"frame"``, or ``Served``; no questions leave the quiz out; ``hide_answers`` keeps
    the answers out of the text in clear.

    Raises:
        ArgumentError: there is no such detail, or no row.
        DamagedTraceError: the facts of the trace contradict each other.
    """
    if detail not in DETAILS:
        raise ArgumentError(
            f"There is no detail {detail!r}.",
            where="detail",
            hint=f"Give {listed(list(DETAILS), 'or')}.",
        )
    if rows is not None and rows < 1:
        raise ArgumentError(
            f"A page cannot have {rows} rows.", where="rows", hint="Give at least 1."
        )
    much = DETAILS[detail]
    made = document(
        of_rows(trace, rows),
        quiz_seed=quiz_seed,
        questions=questions,
        image_bytes=much.images,
    )
    if title is not None:
        made = replace(made, title=title)
    seed = seed_of(trace, quiz_seed)
    ways = lessons(trace, seed)
    if hide_answers:
        identity = identity_of(trace, seed)
        made, ways = hidden(made, identity), hidden_lessons(ways, identity)
    live = live_attributes(where, running=trace.ending.kind == RUNNING)
    return page(made, model_view(trace, much, rows), ways, live=live)


def _without_what_is_computed(made: Document, model: ModelView) -> Document:
    """A document without the images of what the page draws from the model and its rows."""
    drawn = set(model.rows[0].outputs) if model.rows else set()
    return replace(
        made,
        stages=tuple(
            replace(stage, image=None, bars=(), omitted=None) if stage.name in drawn else stage
            for stage in made.stages
        ),
        prediction=made.prediction and _in_short(made.prediction),
        others=tuple(map(_in_short, made.others)),
        graph=None if model.sections else made.graph,
    )


def page(
    made: Document,
    model: ModelView | None = None,
    ways: Sequence[Lesson] = (),
    *,
    live: str = "",
) -> str:
    """A document as HTML text; ``live`` says how it learns of more."""
    shown = _without_what_is_computed(made, model) if model else made
    return shell(
        shown,
        made.kind,
        document_text(made),
        model=packed(to_json(model)) if model else "",
        lessons=packed(to_json(tuple(ways)).replace(" %", "\u00a0%")) if ways else "",
        live=live,
    )


def shell(
    shown: Document | ComparisonView,
    kind: str,
    plain: str,
    *,
    entry: str = ENTRY,
    style: str = "",
    model: str = "",
    lessons: str = "",
    live: str = "",
) -> str:
    """A page with its modules, styles and data, as HTML text; ``entry`` is the module that draws
    it, ``kind`` what it shows, and ``plain`` what is there without JavaScript.

    The model and the lessons are packed; ``live`` has attributes that say how it learns of more.
    """
    start, modules = START.replace(ENTRY, entry), import_map(entry)
    return TEMPLATE.format(
        policy=html.escape(policy("data:", start, modules, served="data-home" in live)),
        title=html.escape(f"{shown.title} · {kind}"),
        heading=html.escape(shown.title),
        headline=html.escape(shown.headline),
        live=live,
        reload=RELOAD.format(RELOAD_SECONDS) if "data-reload" in live else "",
        style=stylesheet() + style,
        modules=packed(modules),
        plain=html.escape(plain),
        # A number stays on one line with its percent sign.
        document=in_script(to_json(shown).replace(" %", "\u00a0%")),
        model=model,
        lessons=lessons,
        start=start,
    )


def _in_short(prediction: PredictionView) -> PredictionView:
    """A prediction with the probabilities alone of what its layers gave."""
    kept = tuple(replace(layer, image=None) for layer in prediction.layers if layer.bars)
    return replace(prediction, layers=kept)


def in_script(text: str) -> str:
    """JSON that cannot end the element it stands in: ``<`` is written as an escape."""
    return text.replace("<", "\\u003c")


def packed(text: str) -> str:
    """A text that the page unpacks when it starts: gzip, in base64."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def import_map(entry: str = ENTRY) -> str:
    """Where the browser finds the viewer's modules: in the page itself.

    Args:
        entry: the module that draws the page; it and all that it imports are in the map.
    """
    known = dict(_modules(resources.files("pipetrace.present") / "viewer", "viewer"))
    wanted, waiting = set[str](), [entry]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += IMPORTED.findall(known[name].decode())
    modules = {
        name: "data:text/javascript;charset=utf-8," + quote(known[name], safe=SAFE)
        for name in sorted(wanted)
    }
    return json.dumps({"imports": modules})


def _modules(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".js"):
            yield f"{name}/{entry.name}", entry.read_bytes()


def policy(*scripts: str, served: bool = False) -> str:
    """Nothing from outside, and no script but ours: a value in the data can never become code.

    Scripts may run by their texts, or by ``data:``; a served page may ask the server that sent it.
    """
    hashes = " ".join(
        each
        if each == "data:"
        else f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'"
        for each in scripts
    )
    styles = "style-src 'unsafe-inline'; img-src data:; font-src 'none'"
    asks = "; connect-src 'self'" if served else ""
    return f"default-src 'none'; script-src {hashes}; {styles}{asks}"


def live_attributes(where: str | Served, *, running: bool) -> str:
    """The attributes of a page that say how it learns of more."""
    if not isinstance(where, Served):
        return f' data-reload="{RELOAD_SECONDS}"' if running and where == FILE else ""
    told = {"home": where.home}
    if running:
        told |= {"changes": where.changes, "version": where.version}
    return "".join(f' data-{name}="{html.escape(text)}"' for name, text in told.items())


def still_page(kind: str, title: str, said: str, body: str, style: str, script: str = "") -> str:
    """A page that no module draws, as HTML text: its heading, what is said below it, and a body.

    The script, if there is one, may ask the server that sent it.
    """
    nothing = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return STILL.format(
        policy=html.escape(policy(script, served=True) if script else nothing),
        live="",
        reload="",
        title=html.escape(title),
        style=stylesheet() + style,
        kind=kind,
        said=html.escape(said),
        body=body,
        script=f"<script>{script}</script>\n" if script else "",
    )


def stylesheet(name: str = "page.css") -> str:
    """The styles of every page, or those of another file of the viewer."""
    return (resources.files("pipetrace.present") / "viewer" / name).read_text("utf-8")
