"""A whole trace as one view."""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

from pipetrace.errors import DamagedTraceError
from pipetrace.explain.events import events
from pipetrace.explain.facts import measured_rows, trained
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.headline import headline
from pipetrace.explain.insight import insight
from pipetrace.explain.layers import operation
from pipetrace.explain.quiz import Question, quiz
from pipetrace.explain.text import counted, duration
from pipetrace.present.build.data_flow import data_flow
from pipetrace.present.build.findings import (
    every,
    findings_view,
    marked_epochs,
    marked_groups,
    marked_stages,
)
from pipetrace.present.build.foot import data, foot
from pipetrace.present.build.graph.groups import LARGE
from pipetrace.present.build.graph.overview import overview, visible
from pipetrace.present.build.prediction import predictions
from pipetrace.present.build.training import training
from pipetrace.present.views import Document, PredictionView, QuestionView, StageView
from pipetrace.trace.document import Trace

COUNTING = "Rows, columns, filters and places are counted from 0, as in Python."
WORDS_A_MINUTE = 238
"""Silent reading of English non-fiction: Brysbaert, "How many words do we read per minute?", 2019."""
SECONDS_A_IMAGE = 8
"""What looking at a image or chart is taken to cost beside the reading."""
BACKENDS = {"tensorflow": "TensorFlow"}


CONTRADICTIONS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What words and images run into when the facts of a trace do not belong together."""


def document(
    trace: Trace,
    *,
    quiz_seed: int | None = None,
    expanded: bool = False,
    shown: Collection[str] = (),
) -> Document:
    """Everything there is to show of a trace.

    Args:
        trace: the recording.
        quiz_seed: which questions; the run's own seed when left out.
        expanded: whether the nested models and repeated blocks of a large model are shown open.
        shown: the names of the stages that keep their images before all others where not all can.

    Raises:
        DamagedTraceError: the facts contradict each other, as in a file that was tampered with.
    """
    try:
        return _document(trace, quiz_seed, expanded, shown)
    except CONTRADICTIONS as error:
        raise DamagedTraceError(
            f"The trace can be read, but its facts do not fit together: {type(error).__name__}: {error}.",
            where=str(trace.run.title),
            hint="If the file came from elsewhere, ask for it again. If pipetrace wrote it here, please report this.",
        ) from error


def _document(
    trace: Trace, quiz_seed: int | None, expanded: bool, shown: Collection[str]
) -> Document:
    run = trace.run
    graph, groups = overview(trace, expanded=expanded)
    seen = visible(trace, groups)
    seed = quiz_seed if quiz_seed is not None else run.training.seed or 0
    rows, made_predictions = measured_rows(trace), predictions(trace)
    found = findings_view(check(trace, CheckOptions()))
    stages, trainings = marked_stages(data_flow(trace, shown or seen), found), training(trace)
    made = Document(
        title=run.title,
        kind="Model pipeline trace",
        framework=f"Keras {run.versions.get('keras', '?')} on {BACKENDS.get(run.backend, run.backend)} "
        f"{run.versions.get(run.backend, '?')}",
        facts=(*((counted(rows, "row"),) if rows else ()), *_trained(trace)),
        data=data(trace),
        notice=run.data.notice,
        headline=headline(trace),
        counting=COUNTING,
        stages=stages,
        training=replace(trainings, rows=marked_epochs(trainings.rows, found)),
        prediction=made_predictions[0] if made_predictions else None,
        quiz=tuple(_question(trace, question) for question in quiz(trace, seed)),
        insight=insight(trace),
        foot=foot(trace),
        others=made_predictions[1:],
        events=events(trace),
        graph=graph,
        groups=marked_groups(groups, stages),
        brief=not expanded and len(seen) > LARGE,
        findings=found,
    )
    return replace(made, facts=(*made.facts, f"about {counted(minutes(made), 'minute')} to read"))


def minutes(made: Document) -> int:
    """How long a document takes to read, from its words and images, at least one minute."""
    words = sum(len((text or "").split()) for text in _prose(made))
    looks = sum(1 for _ in _images(made))
    return max(1, math.ceil(words / WORDS_A_MINUTE + looks * SECONDS_A_IMAGE / 60))


def _trained(trace: Trace) -> tuple[str, ...]:
    if not trained(trace):
        return ("not trained",)
    seconds = sum(epoch.seconds for epoch in trace.epochs)
    epochs = counted(len(trace.epochs), "epoch")
    return (epochs, f"{duration(seconds)} of training") if trace.epochs else (epochs,)


def _question(trace: Trace, question: Question) -> QuestionView:
    return QuestionView(
        text=question.text,
        options=question.options,
        answer=question.answer,
        remarks=question.remarks,
        evidence=question.evidence,
        place=_place(trace, question.evidence),
    )


def _place(trace: Trace, evidence: str) -> str:
    part, _, name = evidence.partition("/")
    if part == "stage":
        position = [stage.name for stage in trace.stages].index(name)
        return f"data flow, stage {position + 1}, {operation(trace.stages[position]).title}"
    if part == "epoch":
        return f"training, epoch {name}"
    return (
        f"prediction, {operation(trace.stage(name)).title}" if name else "training, what a step is"
    )


def _unfolded(made: Document) -> Iterator[StageView]:
    """The stages that are read unless something is opened."""
    hidden = {
        position
        for group in made.groups
        if not group.expanded
        for position in range(group.first, group.last + 1)
    }
    yield from (stage for position, stage in enumerate(made.stages) if position not in hidden)


def _prose(made: Document) -> Iterator[str | None]:
    """What a reader reads: the sentences, not the figures of tables, axes and tooltips."""
    yield from (
        made.title,
        made.kind,
        made.framework,
        made.data,
        made.notice,
        made.headline,
        made.counting,
    )
    for stage in _unfolded(made):
        yield from (
            stage.title,
            stage.input,
            stage.output,
            stage.does,
            stage.shape,
            stage.parameters,
            stage.parts,
        )
        yield from (stage.arithmetic, stage.example, *stage.measured)
    yield from made.events
    yield made.findings.title
    for finding in every(made.findings.found):
        yield from (finding.text, *finding.evidence, finding.why, finding.advice, finding.change)
    if not made.training.absent:
        yield from (
            made.training.steps,
            made.training.note,
            *(row.observation for row in made.training.rows),
        )
    for view in _predictions(made):
        yield from (view.title, view.verdict, view.omitted, view.check)
        yield from (layer.text for layer in view.layers)
    for question in made.quiz:
        yield from (question.text, *question.options, question.remarks[question.answer])
    yield from made.insight
    yield from (fact.text for fact in made.foot)


def _images(made: Document) -> Iterator[object]:
    for stage in _unfolded(made):
        yield from (each for each in (stage.image, stage.distribution) if each)
    for view in _predictions(made):
        for layer in view.layers:
            yield from (each for each in (layer.image,) if each)
        for outcome in view.outcomes:
            yield from outcome.images
    yield from made.training.charts


def _predictions(made: Document) -> tuple[PredictionView, ...]:
    return (*((made.prediction,) if made.prediction else ()), *made.others)
