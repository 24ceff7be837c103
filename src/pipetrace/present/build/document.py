"""A whole trace as one view."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pipetrace.errors import DamagedTraceError
from pipetrace.explain.events import events
from pipetrace.explain.facts import measured_rows, trained
from pipetrace.explain.findings.engine import CheckOptions, check
from pipetrace.explain.formatting import counted, duration
from pipetrace.explain.headline import sentences
from pipetrace.explain.insight import insight
from pipetrace.explain.layers import operation
from pipetrace.explain.quiz import LENGTH, Question, quiz
from pipetrace.explain.quiz.measures import RESULTS
from pipetrace.present.blocks import Epochs, Figure, Labelled, Paragraph, flattened
from pipetrace.present.build.courses import courses
from pipetrace.present.build.data_flow import data_flow
from pipetrace.present.build.detail import DETAILS, NORMAL
from pipetrace.present.build.findings import findings_view, marked, marked_groups
from pipetrace.present.build.foot import data, foot
from pipetrace.present.build.graph.groups import LARGE
from pipetrace.present.build.graph.overview import overview, visible
from pipetrace.present.build.key_figures import key_figures
from pipetrace.present.build.prediction import predictions
from pipetrace.present.build.training import ablations_grid, training
from pipetrace.present.compose import document_blocks
from pipetrace.present.drawings import Chart
from pipetrace.present.views import Document, QuestionView
from pipetrace.trace.document import Trace

COUNTING = "Positions and filters are counted from 0, as in Python; a multiply-add is two FLOPs."
WORDS_PER_MINUTE = 200
SECONDS_PER_IMAGE = 3
MAX_MINUTES = 15
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


CONTRADICTIONS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What words and images run into when the facts of a trace do not belong together."""


def document(
    trace: Trace,
    *,
    quiz_seed: int | str | None = None,
    questions: int = LENGTH,
    expanded: bool = False,
    shown: Collection[str] = (),
    image_bytes: int = DETAILS[NORMAL].images,
    with_courses: bool = True,
) -> Document:
    """Everything there is to show of a trace, with so many questions of a seed, or of the run's
    own.

    ``expanded``: whether the nested models and repeated blocks of a large model are open. The
    stages ``shown`` keep their images before all others where not all can, in so many bytes of a
    page. Pages alone show the stages' charts over the epochs.

    Raises:
        DamagedTraceError: the facts contradict each other, as in a file that was tampered with.
    """
    run = trace.run
    with facts_that_fit(trace):
        asked = quiz(trace, seed_of(trace, quiz_seed), questions)
        graph, groups = overview(trace, expanded=expanded)
        seen = visible(trace, groups)
        head, *remarks = sentences(trace) or ("",)
        rows, made_predictions = measured_rows(trace), predictions(trace)
        report = check(trace, CheckOptions())
        found = findings_view(report)
        stages = marked(data_flow(trace, shown or seen, image_bytes), found)
        if with_courses:
            stages = tuple(
                replace(each, courses=courses(trace, trace.stage(each.name))) for each in stages
            )
        trainings = training(trace)
        made = Document(
            title=run.title,
            kind="Model pipeline trace",
            framework=f"Keras {run.versions.get('keras', '?')} on "
            f"{BACKENDS.get(run.backend, run.backend)} "
            f"{run.versions.get(run.backend, '?')}",
            facts=(*((counted(rows, "row"),) if rows else ()), *_trained(trace)),
            data=data(trace),
            notice=run.data.notice,
            headline=head,
            remark=" ".join(remarks),
            counting=COUNTING,
            stages=stages,
            training=replace(trainings, rows=marked(trainings.rows, found)),
            prediction=made_predictions[0] if made_predictions else None,
            quiz=tuple(_question(trace, each) for each in asked),
            insight=insight(trace),
            foot=foot(trace),
            others=made_predictions[1:],
            events=events(trace),
            graph=graph,
            groups=marked_groups(groups, stages),
            brief=not expanded and len(seen) > LARGE,
            findings=found,
            figures=key_figures(trace, report),
            ablations=ablations_grid(trace),
        )
        return replace(made, facts=(*made.facts, _reading_time(made)))


def seed_of(trace: Trace, quiz_seed: int | str | None) -> int | str:
    """The seed of a quiz: the one that is given, or the run's own."""
    return quiz_seed if quiz_seed is not None else trace.run.training.seed or 0


@contextmanager
def facts_that_fit(trace: Trace) -> Iterator[None]:
    """While words and images are made, facts that contradict each other are a
    ``DamagedTraceError``.
    """
    try:
        yield
    except CONTRADICTIONS as error:
        raise DamagedTraceError(
            "The trace can be read, but its facts do not fit together: "
            f"{type(error).__name__}: {error}.",
            where=str(trace.run.title),
            hint="If the file came from elsewhere, ask for it again. "
            "If pipetrace wrote it here, please report this.",
        ) from error


def minutes_to_read(made: Document) -> int:
    """How long the text that is not collapsed takes to read, from its words, images and charts."""
    shown = list(flattened(document_blocks(made)))
    texts = [block.text for block in shown if isinstance(block, (Paragraph, Labelled))]
    texts += [row.observation for block in shown if isinstance(block, Epochs) for row in block.rows]
    images = sum(isinstance(block, (Figure, Chart)) for block in shown)
    words = sum(len(text.split()) for text in texts)
    return max(1, round(words / WORDS_PER_MINUTE + images * SECONDS_PER_IMAGE / 60))


def _reading_time(made: Document) -> str:
    minutes = minutes_to_read(made)
    if minutes > MAX_MINUTES:
        return f"more than {MAX_MINUTES} minutes to read"
    return f"about {counted(minutes, 'minute')} to read"


def _trained(trace: Trace) -> tuple[str, ...]:
    if not trained(trace):
        return ("not trained",)
    # As the foot tells it: all of fit, without the recording.
    overhead = trace.overhead.training if trace.overhead else 0.0
    seconds = overhead or sum(epoch.seconds for epoch in trace.epochs)
    epochs = counted(len(trace.epochs), "epoch")
    return (epochs, f"{duration(seconds)} of training") if trace.epochs else (epochs,)


def _question(trace: Trace, question: Question) -> QuestionView:
    return QuestionView(
        text=question.text,
        options=question.options,
        answer=question.answer,
        remarks=question.remarks,
        evidence=question.evidence,
        place=place(trace, question.evidence),
        row=question.row,
    )


def place(trace: Trace, evidence: str) -> str:
    """The name of the place on the page that has the answer of a question."""
    part, _, name = evidence.partition("/")
    if part == "stage":
        position = [stage.name for stage in trace.stages].index(name)
        return f"data flow, stage {position + 1}, {operation(trace.stages[position]).title}"
    if part == "epoch":
        return f"training, epoch {name}"
    if part == "prediction":
        return f"prediction, {operation(trace.stage(name)).title}"
    return "right and wrong" if part == RESULTS else "training, what a step is"
