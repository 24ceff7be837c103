"""A document in a terminal: colour, charts of characters, feature maps as half-blocks, as wide as the window."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pipetrace.explain.wording import counted
from pipetrace.present.blocks import bars, chart, maps, strip
from pipetrace.present.views import Document, LayerView, Picture, PredictionView, QuestionView, StageView, TrainingView

WIDEST = 110
"""Sentences longer than this are hard to follow with the eye, however wide the window."""
INDENT = 4


def show(made: Document, console: Console) -> None:
    """Print a document.

    Args:
        made: the document.
        console: where to; its width and colours decide how.
    """
    width = min(console.width, WIDEST)
    # NO_COLOR leaves the system in place and drops the colours, so both are asked.
    for part in _parts(made, width, colour=console.color_system is not None and not console.no_color):
        console.print(part, width=width, highlight=False)


def _parts(made: Document, width: int, *, colour: bool) -> Iterator[RenderableType]:
    yield Text()
    yield _apart(Text(made.title, "bold"), Text(made.framework, "dim"), width)
    yield Text(f"{made.kind} · {' · '.join(made.facts)}", "dim")
    yield Text(made.data, "dim")
    if made.notice:
        yield Text(made.notice, "yellow")
    yield Padding(Text(made.headline, "bold"), (1, 0, 0, 0))
    yield _heading(f"Data flow · {len(made.stages)} stages", width)
    yield Text(made.counting, "dim")
    for stage in made.stages:
        yield from _stage(stage, width, last=stage is made.stages[-1], colour=colour)
    yield _heading(f"Training · {counted(len(made.training.rows), 'epoch')}", width)
    yield from _training(made.training, width)
    if made.prediction:
        yield _heading(f"Prediction · {len(made.prediction.layers)} layers", width)
        yield from _prediction(made.prediction, width, colour=colour)
    if made.quiz:
        yield _heading(f"Quiz · {len(made.quiz)} questions", width)
        for number, question in enumerate(made.quiz, 1):
            yield question_text(number, question)
        yield Text("Answer them on the page, or with the command pipetrace quiz.", "dim")
    if made.insight:
        yield _heading("Key insight", width)
        yield Text(" ".join(made.insight))
    yield _heading("About this trace", width)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="dim")
    for fact in made.foot:
        # As Text: in a plain string rich would read what stands in brackets as its markup.
        table.add_row(fact.name, Text(fact.text))
    yield table


def question_text(number: int, question: QuestionView) -> RenderableType:
    """A question with its options, unanswered."""
    lines = [Text(f"{number}. {question.text}", "bold")]
    lines += [
        Text.assemble("   ", (letter, "cyan"), f"  {option}")
        for letter, option in zip("ABCD", question.options, strict=False)
    ]
    return Group(Text(), *lines)


def _heading(text: str, width: int) -> RenderableType:
    rule = Rule(Text(f"{text} ", "bold cyan"), align="left", style="dim", characters="─")
    return Padding(rule, (1, 0, 0, 0), expand=width > 0)


def _apart(left: Text, right: Text, width: int) -> RenderableType:
    if left.cell_len + right.cell_len + 2 > width:
        return Group(left, right)
    return Text.assemble(left, " " * (width - left.cell_len - right.cell_len), right)


def _stage(stage: StageView, width: int, *, last: bool, colour: bool) -> Iterator[RenderableType]:
    yield Text()
    head = Text.assemble(
        (f"{stage.number:>2} ", "cyan"), ("○ ", "dim"), (stage.title, "bold"), (f"  {stage.name}", "dim")
    )
    yield head
    body: list[RenderableType] = [
        Text(stage.output, "cyan") if stage.input == stage.output
        else Text.assemble((stage.input, "dim"), (" → ", "dim"), (stage.output, "cyan")),
        Text(" ".join(part for part in (stage.does, stage.shape) if part)),
    ]  # fmt: skip
    if stage.parameters and stage.parameters != "0":
        body.append(_labelled("Parameters", f"{stage.parameters}, {stage.parts}" if stage.parts else stage.parameters))
    if stage.arithmetic:
        body.append(_labelled("Arithmetic", stage.arithmetic))
    if stage.example:
        body.append(_labelled("Example", stage.example))
    if stage.measured:
        body.append(_labelled("Measured", " ".join(stage.measured)))
    body += _drawn(stage.picture, width - INDENT, colour=colour)
    if stage.bars:
        body.append(bars(stage.bars, width - INDENT))
    yield _threaded(Group(*body), width, last=last)


def _threaded(body: RenderableType, width: int, *, last: bool) -> RenderableType:
    """The body beside the thread that joins the stages."""
    console = Console(width=width - INDENT, color_system="truecolor", force_terminal=True, legacy_windows=False)
    lines = console.render_lines(body, console.options.update(width=width - INDENT), pad=False)
    joined = Text()
    for number, line in enumerate(lines):
        joined.append("\n" if number else "")
        joined.append("   " + (" " if last else "│"), "dim")
        for segment in line:
            joined.append(segment.text, segment.style)
    return joined


def _labelled(name: str, text: str) -> Text:
    return Text.assemble((f"{name}: ", "dim"), text)


def _drawn(picture: Picture | None, width: int, *, colour: bool) -> list[RenderableType]:
    if picture is None:
        return []
    return [strip(picture, width, colour=colour) if picture.kind == "vector" else maps(picture, width, colour=colour)]


def _training(view: TrainingView, width: int) -> Iterator[RenderableType]:
    yield Text(f"{view.steps} {view.note}", "dim")
    if view.empty:
        yield Text(view.empty, "yellow")
        return
    for each in view.charts[:1]:
        yield Padding(chart(each, width), (1, 0, 0, 0))
    narrow = width < 90
    *figures, told = view.columns
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in figures:
        table.add_column(column, justify="right", no_wrap=True)
    if not narrow:
        table.add_column(told, ratio=1)
    for row in view.rows:
        table.add_row(*row.cells, *([] if narrow else [Text(row.observation)]))
    yield Padding(table, (1, 0, 0, 0))
    if narrow:
        yield Text()
        for row in view.rows:
            yield Text.assemble((f"Epoch {row.epoch}: ", "dim"), row.observation)


def _prediction(view: PredictionView, width: int, *, colour: bool) -> Iterator[RenderableType]:
    yield Text(view.title, "dim")
    yield Text(view.verdict, "bold")
    for layer in view.layers:
        yield from _layer(layer, width, colour=colour)
    yield Padding(Text(view.check, "dim"), (1, 0, 0, 0))


def _layer(layer: LayerView, width: int, *, colour: bool) -> Iterator[RenderableType]:
    yield Padding(
        Text.assemble(
            (f"{layer.number:>2} ", "cyan"), (layer.title, "bold"), (f"  {layer.shape}", "cyan"), f"  {layer.text}"
        ),
        (1, 0, 0, 0),
    )
    body: list[RenderableType] = [*_drawn(layer.picture, width - INDENT, colour=colour)]
    if layer.bars:
        body.append(bars(layer.bars, width - INDENT))
    yield Padding(Group(*body), (0, 0, 0, INDENT))
