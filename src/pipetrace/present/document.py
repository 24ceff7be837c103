"""A whole trace as one view."""

import math
from collections.abc import Iterator
from dataclasses import replace

from pipetrace.errors import DamagedTraceError
from pipetrace.explain.insight import headline, insight
from pipetrace.explain.operations import operation
from pipetrace.explain.quiz import Question, quiz
from pipetrace.explain.wording import counted, duration, number, share
from pipetrace.present.view_flow import data_flow
from pipetrace.present.view_prediction import prediction
from pipetrace.present.view_training import training
from pipetrace.present.views import Document, Fact, QuestionView
from pipetrace.trace.document import Trace

WORDS_A_MINUTE = 238
"""Silent reading of English non-fiction: Brysbaert, "How many words do we read per minute?", 2019."""
SECONDS_A_PICTURE = 8
"""What looking at a picture or chart is taken to cost beside the reading."""
BACKENDS = {"tensorflow": "TensorFlow"}


CONTRADICTIONS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What words and pictures run into when the facts of a trace do not belong together."""


def document(trace: Trace, *, quiz_seed: int | None = None) -> Document:
    """Everything there is to show of a trace.

    Args:
        trace: the recording.
        quiz_seed: which questions; the run's own seed when left out.

    Raises:
        DamagedTraceError: the facts contradict each other, as in a file that was tampered with.
    """
    try:
        return _document(trace, quiz_seed)
    except CONTRADICTIONS as error:
        raise DamagedTraceError(
            f"The trace can be read, but its facts do not fit together: {type(error).__name__}: {error}.",
            where=str(trace.run.title),
            hint="If the file came from elsewhere, ask for it again. If pipetrace wrote it here, please report this.",
        ) from error


def _document(trace: Trace, quiz_seed: int | None) -> Document:
    run = trace.run
    seed = quiz_seed if quiz_seed is not None else run.training.seed or 0
    rows = trace.rows or sum(run.data.class_counts)
    made = Document(
        title=run.title,
        kind="Model pipeline trace",
        framework=f"Keras {run.versions.get('keras', '?')} on {BACKENDS.get(run.backend, run.backend)} "
        f"{run.versions.get(run.backend, '?')}",
        facts=(counted(rows, "row"), counted(len(trace.epochs), "epoch"), *_trained(trace)),
        data=f"{run.data.name}. {run.data.description}",
        notice=run.data.notice,
        headline=headline(trace),
        counting="Rows, columns, filters and places are counted from 0, as in Python.",
        stages=data_flow(trace),
        training=training(trace),
        prediction=prediction(trace),
        quiz=tuple(_question(trace, question) for question in quiz(trace, seed)),
        insight=insight(trace),
        foot=_foot(trace),
    )
    return replace(made, facts=(*made.facts, f"about {counted(minutes(made), 'minute')} to read"))


def minutes(made: Document) -> int:
    """How long a document takes to read, from its words and pictures, at least one minute."""
    words = sum(len((text or "").split()) for text in _prose(made))
    looks = sum(1 for _ in _pictures(made))
    return max(1, math.ceil(words / WORDS_A_MINUTE + looks * SECONDS_A_PICTURE / 60))


def _trained(trace: Trace) -> tuple[str, ...]:
    seconds = sum(epoch.seconds for epoch in trace.epochs)
    return (f"{duration(seconds)} of training",) if trace.epochs else ()


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
    return f"prediction, {operation(trace.stage(name)).title}" if name else "training, what a step is"


def _foot(trace: Trace) -> tuple[Fact, ...]:
    run, data = trace.run, trace.run.data
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    cost = sum(trace.cost.values())
    trained = sum(epoch.seconds for epoch in trace.epochs)
    parts = ", ".join(
        f"{name} {duration(seconds)}" for name, seconds in sorted(trace.cost.items(), key=lambda part: -part[1])
    )
    found = [
        Fact(
            "How this was measured",
            f"Every figure was measured in one run that began {run.created}, or computed from it. The data flow shows all "
            f"{counted(trace.rows, 'training row')} after training; the prediction is a row kept aside.",
        )
        if trace.rows
        else Fact(
            "How this was measured",
            f"Every figure was measured in one run that began {run.created} and ended early, or computed from it.",
        ),
        Fact(
            "Recording",
            f"took {duration(cost)} beside {duration(trained)} of training, {share(cost / (cost + trained))} of both: {parts}."
            if cost and trained
            else "was not measured to its end.",
        ),
        Fact("Command", run.command or "not recorded"),
        Fact("Seed", str(run.training.seed)),
        Fact(
            "Training",
            f"{run.training.optimizer}, {run.training.loss}, batches of {number(run.training.batch_size)}, "
            f"{counted(run.training.epochs, 'epoch')} planned.",
        ),
        Fact(
            "Data",
            f"{data.name}: {counted(sum(data.class_counts), 'row')} of {number(data.available)} trained on, "
            f"{number(data.validation_rows)} for validation; fingerprint {data.fingerprint[:16]}.",
        ),
        Fact("Model", f"fingerprint of configuration and first weights {run.model_fingerprint[:16]}."),
        Fact("Versions", f"{versions}; {run.platform}."),
    ]
    return tuple(found)


def _prose(made: Document) -> Iterator[str | None]:
    """What a reader reads: the sentences, not the figures of tables, axes and tooltips."""
    yield from (made.title, made.kind, made.framework, made.data, made.notice, made.headline, made.counting)
    for stage in made.stages:
        yield from (stage.title, stage.input, stage.output, stage.does, stage.shape, stage.parameters, stage.parts)
        yield from (stage.arithmetic, stage.example, *stage.measured)
    yield from (made.training.steps, made.training.note, *(row.observation for row in made.training.rows))
    if made.prediction:
        yield from (made.prediction.title, made.prediction.verdict, made.prediction.check)
        yield from (layer.text for layer in made.prediction.layers)
    for question in made.quiz:
        yield from (question.text, *question.options, question.remarks[question.answer])
    yield from made.insight
    yield from (fact.text for fact in made.foot)


def _pictures(made: Document) -> Iterator[object]:
    for stage in made.stages:
        yield from (each for each in (stage.picture, stage.distribution) if each)
    for layer in made.prediction.layers if made.prediction else ():
        yield from (each for each in (layer.picture,) if each)
    yield from made.training.charts
