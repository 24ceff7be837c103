"""What is written of a document: its blocks in order, for plain text, the terminal and Markdown.

The order of a document and what of it is collapsed are decided here, once.
"""

import shlex
from collections.abc import Iterator

from pipetrace.explain.formatting import counted
from pipetrace.present.blocks import (
    GAP,
    Bars,
    Block,
    Code,
    Entry,
    Epochs,
    Facts,
    Figure,
    Finding,
    Heading,
    Labelled,
    Paragraph,
    Question,
    Shapes,
    Title,
)
from pipetrace.present.views import (
    Document,
    FindingsView,
    FindingView,
    GroupView,
    LayerView,
    OutcomeView,
    PredictionView,
    StageView,
)

FIRST_AND_LAST = 4
"""Of more than three times as many layers, so many of the first and of the last are written."""
MOST_OUTPUTS = 3
"""So many further outputs of a stage are drawn."""


def document_blocks(made: Document, file: str = "FILE") -> Iterator[Block]:
    """Everything that is written of a document; of a focus, its data flow."""
    yield Title(made.title, made.framework, (made.kind, *made.facts))
    yield Paragraph(made.data, "note")
    if made.notice:
        yield Paragraph(made.notice, "warning")
    yield GAP
    yield Paragraph(f"{made.headline} {made.remark}".strip(), "strong")
    yield from (Paragraph(sentence, "warning") for sentence in made.events)
    if not made.focus:
        yield from _findings_section(made.findings)
    yield from _data_flow(made, file)
    if made.focus:
        return
    yield from _training(made)
    if made.ablations:
        yield Heading("Ablations", made.ablations.label)
        yield made.ablations
    yield from _predictions(made)
    if made.quiz:
        yield Heading("Quiz", counted(len(made.quiz), "question"))
        for number, question in enumerate(made.quiz, 1):
            yield Question(number, question.text, question.options)
        yield GAP
        yield Paragraph(f"Take the quiz on the page, or with: pipetrace quiz {file}", "note")
    if made.insight:
        yield Heading("Key insight")
        yield Paragraph(" ".join(made.insight))
    yield Heading("About this trace")
    yield Facts(tuple(Labelled(fact.name, fact.text) for fact in made.foot))


def findings_blocks(view: FindingsView, *, brief: bool = False) -> Iterator[Block]:
    """The findings, then the rules that failed; in brief the fix and the names of the symptoms."""
    for number, each in enumerate(view.found, 1):
        body: list[Block] = [Paragraph(each.text)]
        if not brief:
            body += _rows(("Evidence", " ".join(each.evidence)), ("Why it matters", each.why))
        body += _rows(("Fix", each.advice))
        body += [Code(each.change)] if each.change else []
        body += [] if brief else _rows(("Confidence", each.sure))
        for symptom in each.symptoms:
            at = f", {_places(symptom)}" if symptom.places else ""
            text = "" if brief else f": {symptom.text}"
            body += _rows(("Root cause of", f"{symptom.level} {symptom.rule}{at}{text}"))
        yield Finding(number, each.level, each.rule, _places(each), tuple(body))
    if view.failed:
        yield GAP
        yield from (Paragraph(text, "warning") for text in view.failed)


def _rows(*rows: tuple[str, str]) -> list[Block]:
    return [Labelled(label, text) for label, text in rows if text]


def _places(view: FindingView) -> str:
    return ", ".join(link.text for link in view.places)


def _findings_section(view: FindingsView) -> Iterator[Block]:
    if view.found or view.failed:
        yield Heading("Findings")
        yield Paragraph(_sentence(view.title), "note")
        yield from findings_blocks(view)
    elif view.title:
        yield Paragraph(_sentence(view.title), "note")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _data_flow(made: Document, file: str) -> Iterator[Block]:
    of = f" of {made.focus}" if made.focus else ""
    yield Heading(f"Data flow{of}", counted(len(made.stages), "stage"))
    yield Paragraph(made.counting, "note")
    if made.graph:
        yield GAP
        yield made.graph
    yield from _expand_hint(made, file)
    hidden = -1
    for position, stage in enumerate(made.stages):
        for group in made.groups:
            if group.first == position > hidden:
                yield _group(made, group)
                hidden = hidden if group.expanded else group.last
        if position > hidden:
            yield _stage(stage, brief=made.brief, last=stage is made.stages[-1])


def _expand_hint(made: Document, file: str) -> Iterator[Block]:
    """How to see what is collapsed or in short."""
    collapsed = [group for group in made.groups if not group.expanded]
    if not collapsed and not made.brief:
        return
    said = "■ marks a collapsed group. " if collapsed else ""
    said += "Each stage is shown in short. " if made.brief else ""
    one = shlex.quote(collapsed[0].name) if collapsed else "NAME"
    inside = f"--stage {shlex.quote(made.focus)} " if made.focus else ""
    yield GAP
    yield Paragraph(f"{said}To see one in full, or all:", "note")
    yield Code(
        f"pipetrace show {file} --stage {one}\npipetrace show {file} {inside}--expand", "console"
    )


def _group(made: Document, group: GroupView) -> Entry:
    first, last = made.stages[group.first].number, made.stages[group.last].number
    body: list[Block] = [Shapes(group.input, group.output)]
    body += [] if group.expanded else group.findings
    body += [Paragraph(group.text), Labelled("Parameters", group.parameters)]
    return Entry(
        number=f"{first}-{last}",
        title=group.title,
        name="" if group.title.startswith(group.name) else group.name,
        body=tuple(body),
        knot="□" if group.expanded else "■",
        last=not group.expanded and group.last + 1 == len(made.stages),
    )


def _stage(stage: StageView, *, brief: bool, last: bool) -> Entry:
    body: list[Block] = [Shapes(stage.input, stage.output), *stage.findings]
    if stage.wiring:
        body.append(Paragraph(" ".join(stage.wiring), "accent"))
    body.append(
        Paragraph(f"{stage.does} {stage.shape}" if stage.shape and not brief else stage.does)
    )
    if stage.parameters and stage.parameters != "0":
        parts = f" ({stage.parts})" if stage.parts and not brief else ""
        body.append(Labelled("Parameters", f"{stage.parameters}{parts}"))
    if not brief:
        body += _measured(stage)
    return Entry(str(stage.number), stage.title, stage.name, tuple(body), "○", last)


def _measured(stage: StageView) -> Iterator[Block]:
    labelled = (
        ("FLOPs", stage.arithmetic),
        ("Time", stage.time),
        ("Example", stage.example),
        ("Strings", stage.written),
        ("Mask", stage.mask),
        ("Measured", " ".join(stage.measured)),
    )
    yield from (Labelled(label, text) for label, text in labelled if text)
    if stage.image and not (stage.change and stage.change.training):
        yield Figure(stage.image)
    if stage.bars:
        yield Bars(stage.bars)
    if stage.change:
        yield Paragraph(stage.change.text)
        images = (stage.change.prediction, stage.change.training)
        yield from (Figure(image, image.label) for image in images if image)
    yield from (Figure(image, image.label) for image in stage.others[:MOST_OUTPUTS])
    if stage.omitted:
        yield Paragraph(stage.omitted, "note")


def _training(made: Document) -> Iterator[Block]:
    view = made.training
    if view.absent:
        return
    yield Heading("Training", counted(len(view.rows), "epoch"))
    if view.steps or view.note:
        yield Paragraph(" ".join(text for text in (view.steps, view.note) if text), "note")
    if view.empty:
        yield Paragraph(view.empty, "warning")
        return
    yield from view.charts[:1]
    yield Epochs(view.columns, view.rows)
    if view.evaluations:
        yield Heading(view.evaluations.label, minor=True)
        yield view.evaluations


def _predictions(made: Document) -> Iterator[Block]:
    view = made.prediction
    if not view:
        return
    shown = f"{len(view.layers)} of " if view.total > len(view.layers) else ""
    yield Heading("Prediction", f"{shown}{counted(view.total, 'layer')}")
    yield Paragraph(_sentence(view.title), "note")
    yield Paragraph(view.verdict, "strong")
    for outcome in view.outcomes:
        yield from _outcome(outcome)
    yield from _layers(view)
    if view.omitted or view.check:
        yield GAP
    yield from (Paragraph(text, "note") for text in (view.omitted, view.check) if text)
    for other in made.others:
        yield Heading(other.name, minor=True)
        yield Paragraph(_sentence(other.title), "note")
        yield Paragraph(other.verdict)


def _layers(view: PredictionView) -> Iterator[Block]:
    skipped = len(view.layers) - 2 * FIRST_AND_LAST
    if skipped <= FIRST_AND_LAST:
        yield from map(_layer, view.layers)
        return
    yield from map(_layer, view.layers[:FIRST_AND_LAST])
    yield GAP
    yield Paragraph(f"The page shows the {skipped} layers between.", "note")
    yield from map(_layer, view.layers[-FIRST_AND_LAST:])


def _layer(layer: LayerView) -> Entry:
    body: list[Block] = [Paragraph(layer.text)]
    body += [Figure(layer.image)] if layer.image else []
    body += [Bars(layer.bars)] if layer.bars else []
    return Entry(str(layer.number), layer.title, layer.shape, tuple(body))


def _outcome(view: OutcomeView) -> Iterator[Block]:
    body: list[Block] = [view.threshold] if view.threshold else []
    body += [Bars(view.bars)] if view.bars else []
    body += [view.table] if view.table else []
    body += [Figure(image, image.label) for image in view.images]
    if body and view.name:
        yield Heading(view.name, minor=True)
    elif body:
        yield GAP
    yield from body
