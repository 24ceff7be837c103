"""The key figures of a run, under its headline: what it reached, its size, and its findings."""

import math

from pipetrace.explain import metrics
from pipetrace.explain.balance import accuracy_at_chance
from pipetrace.explain.facts import layer_stages, measured_rows, row_noun
from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.finding import LEVELS
from pipetrace.explain.fits import loss_name, model_part
from pipetrace.explain.formatting import counted, figure, number, points, share
from pipetrace.explain.judgement import Score, chance, judgement
from pipetrace.present.views import KeyFigure
from pipetrace.trace.document import Stage, Trace


def key_figures(trace: Trace, report: Report) -> tuple[KeyFigure, ...]:
    """Up to five figures, the most important first. What was not measured has none."""
    judged, trace = judgement(trace), model_part(trace)
    reached: list[KeyFigure | None]
    if judged.broken:  # an accuracy of such a model means nothing
        value, since = trace.epochs[-1].metrics["loss"], judged.broken.number
        reached = [
            KeyFigure(
                loss_name(trace).capitalize(),
                figure(value),
                f"since epoch {since}",
                "error",
                _column(trace, "loss", validation=False),
            )
        ]
    else:
        reached = [_score(trace), *_other(trace), _loss(trace)]
    found = [*reached, _parameters(trace), _checks(report)]
    kept = [each for each in found if each is not None]
    if not trace.epochs and measured_rows(trace):
        noun = row_noun(trace).capitalize()
        kept.insert(0, KeyFigure(f"{noun}s passed", number(measured_rows(trace)), ""))
    return tuple(kept)


def _score(trace: Trace) -> KeyFigure | None:
    score = judgement(trace).score
    if score is None or not math.isfinite(score.value):
        return None
    guess, level = chance(trace), accuracy_at_chance(trace)
    note = ""
    if level and metrics.base(score.metric) in metrics.ACCURACIES:
        note = level.text
    elif guess and score.metric == "loss":
        note = f"chance: {figure(guess.level)}"
    value = metrics.writer(trace, score.metric)(score.value)
    column = _column(trace, score.metric, validation=score.validation)
    return KeyFigure(_named(trace, score), value, note, column=column)


def _column(trace: Trace, metric: str, *, validation: bool) -> int | None:
    """The column of a metric in the table of epochs, after the number of the epoch."""
    name, names = f"{metrics.VALIDATION if validation else ''}{metric}", metrics.names(trace)
    return names.index(name) + 1 if name in names else None


def _named(trace: Trace, score: Score) -> str:
    if score.metric == "loss" and not score.validation:
        return loss_name(trace).capitalize()
    name = "accuracy" if score.is_accuracy else score.metric
    return f"{'Validation' if score.validation else 'Training'} {name}"


def _other(trace: Trace) -> list[KeyFigure]:
    """The training's value of a score that was measured on the validation set."""
    score = judgement(trace).score
    value = trace.epochs[-1].metrics.get(score.metric) if score and score.validation else None
    if score is None or value is None or not math.isfinite(value):
        return []
    apart = value - score.value
    note = ""
    if score.is_accuracy and math.isfinite(apart) and apart:
        note = f"{points(abs(apart))} {'above' if apart > 0 else 'below'} validation"
    training = Score(score.metric, value, False, 0, score.is_accuracy)
    column = _column(trace, score.metric, validation=False)
    text = metrics.writer(trace, score.metric)(value)
    return [KeyFigure(_named(trace, training), text, note, column=column)]


def _loss(trace: Trace) -> KeyFigure | None:
    """The loss that goes with the score, where that is not the loss itself."""
    score = judgement(trace).score
    if score is None or score.metric == "loss" or not trace.epochs:
        return None
    key = "val_loss" if score.validation else "loss"
    value, guess = trace.epochs[-1].metrics.get(key), chance(trace)
    if value is None:
        return None
    name = "Validation loss" if score.validation else loss_name(trace).capitalize()
    column = _column(trace, "loss", validation=score.validation)
    of = " on training rows" if score.validation and guess and guess.informed else ""
    note = f"chance{of}: {figure(guess.level)}" if guess else ""
    return KeyFigure(name, figure(value), note, column=column)


def _parameters(trace: Trace) -> KeyFigure | None:
    model = trace.run.model
    if model is None or not model.parameters.total:
        return None
    largest: Stage | None = max(
        layer_stages(trace), key=lambda stage: stage.parameters.total, default=None
    )
    note = ""
    if largest and largest.parameters.total:
        part = share(largest.parameters.total / model.parameters.total)
        note = f"{part} of them in {largest.layer or largest.name}"
    return KeyFigure("Parameters", number(model.parameters.total), note)


def _checks(report: Report) -> KeyFigure | None:
    """How many findings of each level; that there is none is only said of rules that ran."""
    if not report.ran:
        return None
    ran = f"{counted(len(report.ran), 'rule')} checked the run"
    if report.not_run:
        ran += f", {len(report.not_run)} could not"
    counts = {level: sum(each.level == level for each in report.findings) for level in LEVELS}
    if not report.findings:
        return KeyFigure("Checks", "No finding", ran)
    parts = [counted(count, level) for level, count in counts.items() if count]
    return KeyFigure(
        "Checks", ", ".join(parts[:2]), ran, level=next(level for level in LEVELS if counts[level])
    )
