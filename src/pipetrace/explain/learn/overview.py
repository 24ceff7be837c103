"""Learn: what the pipeline does, its key numbers, and its program."""

from pipetrace.explain import metrics as names_of_metrics
from pipetrace.explain.facts import layers_words, train_rows, trained, validation_rows
from pipetrace.explain.formatting import counted, full_shape, listed, number
from pipetrace.explain.headline import sentences
from pipetrace.explain.insight import insight
from pipetrace.explain.layers import operation
from pipetrace.explain.learn.lesson import Lesson, Part, Place, Table, sentence
from pipetrace.explain.learn.program import program
from pipetrace.trace.document import Trace

ABOUT = "what it does, its numbers, its program"
INTRO = "What this pipeline does, from the first value to the answer, and the code that does it."
MOST_STAGES = 14
"""Of a larger model the first and last ones are told."""


def learn(trace: Trace) -> Lesson:
    """The pipeline in plain words, its key numbers and its program."""
    parts = [_what(trace), _numbers(trace), _program(trace)]
    said = insight(trace)
    if said:
        parts.append(Part("What to remember", tuple(said), place=Place("top", "the figures")))
    return Lesson("learn", ABOUT, INTRO, parts=tuple(parts))


def _what(trace: Trace) -> Part:
    head, *_ = sentences(trace) or ("",)
    stages, half = list(trace.stages), MOST_STAGES // 2
    shown = stages if len(stages) <= MOST_STAGES else stages[:half] + stages[-half:]
    lines = [
        (
            operation(stage).title,
            sentence(operation(stage).does),
            full_shape(stage.outputs[0], trace.rows) if stage.outputs else "not recorded",
        )
        for stage in shown
    ]
    left = len(stages) - len(shown)
    return Part(
        "What it does",
        (sentence(head),) if head else (),
        table=Table(
            ("stage", "what it does", "gives"),
            tuple(lines),
            f"{counted(left, 'stage')} between the first {half} and the last ones are not listed."
            if left
            else "",
        ),
        place=Place("flow", "the data flow"),
    )


def _numbers(trace: Trace) -> Part:
    rows = train_rows(trace)
    lines = [
        ("training rows", number(rows) if rows else "not recorded"),
        ("validation rows", number(validation_rows(trace) or 0)),
        ("layers", layers_words(trace)),
    ]
    model = trace.run.model
    if model is not None:
        lines.append(("parameters", number(model.parameters.total)))
    if trained(trace) and trace.epochs:
        first, last = trace.epochs[0], trace.epochs[-1]
        training = trace.run.training
        lines += [("epochs", number(len(trace.epochs)))]
        lines += [("batch size", number(training.batch_size))] if training.batch_size else []
        lines += [("optimizer", training.optimizer)] if training.optimizer else []
        for name in names_of_metrics.names(trace):
            if name in first.metrics and name in last.metrics:
                write = names_of_metrics.writer(trace, name)
                one, other = write(first.metrics[name]), write(last.metrics[name])
                told = f"{one} after epoch {first.number}, {other} after epoch {last.number}"
                lines.append((names_of_metrics.title(name), told))
    lines = [line for line in lines if line[1] != "0"]
    return Part("Its numbers", table=Table(("what", "measured"), tuple(lines)))


def _program(trace: Trace) -> Part:
    made = program(trace)
    texts = ["The Keras program that builds and trains this model, from what was recorded of it."]
    texts += [f"It lacks {listed(list(made.missing))}."] if made.missing else []
    return Part("Its program", tuple(texts), code=made.code)
