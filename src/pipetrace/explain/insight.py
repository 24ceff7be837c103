"""The key insight: what a reader should take away from this run."""

import itertools
import math

from pipetrace.explain import metrics
from pipetrace.explain.balance import majority_words, missed_words
from pipetrace.explain.events import called
from pipetrace.explain.facts import (
    first_call,
    layer_stages,
    row_noun,
    stage_of,
    validation_rows,
)
from pipetrace.explain.fits import loss_name, model_part
from pipetrace.explain.formatting import (
    counted,
    dimensions,
    exact,
    figure,
    listed,
    moved,
    number,
    share,
)
from pipetrace.explain.judgement import (
    AHEAD,
    AT_CHANCE,
    BROKEN,
    FOLLOWS,
    GAP,
    LEARNING,
    MAJORITY,
    NO_EPOCH,
    OTHER_ROWS,
    OVERFITTING,
    TURNED,
    UNCLEAR,
    UNTRAINED,
    WORSE,
    EpochJudgement,
    chance,
    judgement,
    luck,
)
from pipetrace.explain.metrics import accuracy, validation_accuracy
from pipetrace.explain.task import outputs
from pipetrace.trace.document import FAILED, Epoch, Stage, Trace
from pipetrace.trace.events import LOSS, NON_FINITE
from pipetrace.trace.summary import Summary


def insight(trace: Trace) -> tuple[str, ...]:
    """A few sentences that follow from the figures of the model that the run left."""
    trace = model_part(trace)
    found = {
        UNTRAINED: (_what_failed, _parameters_and_flops),
        NO_EPOCH: (_what_failed,),
        BROKEN: (_last_finite, _first_non_finite, _silent, _rate),
        WORSE: (_silent, _rate),
        AT_CHANCE: (_still_falling, _silent, _weights_moved),
    }.get(
        judgement(trace).outcome, (_parameters_and_flops, _improvement, _output_losses, _validation)
    )
    return tuple(sentence for write in found if (sentence := write(trace)))


UNTOLD_SETTINGS = (
    "name",
    "trainable",
    "dtype",
    "registered_name",
    "module",
    "build_config",
    "autocast",
)
"""Settings that every layer has and that tell nothing of what it does."""


def _what_failed(trace: Trace) -> str:
    """The stage that failed: its settings, and what was passed to it."""
    stage = stage_of(trace, trace.ending.stage)
    if trace.ending.kind != FAILED or stage is None:
        return ""
    settings = [
        f"{name}={value}"
        for name, value in stage.config.items()
        if name not in UNTOLD_SETTINGS
        and isinstance(value, str | int | float | list)
        and len(str(value)) <= 40
    ]
    found = [f"{called(stage)} has {', '.join(settings[:4])}."] if settings else []
    for spec in stage.inputs:
        source, shape = stage_of(trace, spec.source), dimensions(spec.shape)
        giver = called(source) if source else "an unknown stage"
        found.append(f"{called(stage)} received rows of shape {shape} from {giver}.")
    return " ".join(found)


ADAPTED = ("Normalization",)
"""Layers whose parameters are counted from the data and not learned."""
APART = 1.5
"""A layer with this many times its share of the parameters in FLOPs is worth an explanation."""


def _parameters_and_flops(trace: Trace) -> str:
    """Which layers hold the parameters, and which do the arithmetic."""
    layers = layer_stages(trace)
    owners = [
        each for each in layers if first_call(trace, each) == each.name and each.parameters.total
    ]
    workers = [stage for stage in layers if stage.flops]
    if len(owners) < 2 or not workers or not all(stage.outputs for stage in layers):
        return ""
    total = sum(stage.parameters.total for stage in owners)
    learned = [each for each in owners if each.layer not in ADAPTED] or owners
    largest = max(learned, key=lambda stage: stage.parameters.total)
    busiest = max(workers, key=lambda stage: stage.flops or 0)
    part = share(largest.parameters.total / total)
    holds = f"{_named(trace, largest)} holds {part} of the {number(total)} parameters"
    if any(stage.parameters.total and stage.flops is None for stage in layers):
        return f"{holds}."  # the FLOPs of some layers are unknown, and so are all shares of them
    effort = (busiest.flops or 0) / sum(stage.flops or 0 for stage in layers)
    if largest.name == busiest.name:
        return f"{holds} and does {share(effort)} of the FLOPs."
    held = busiest.parameters.total / total
    text = f"{_named(trace, busiest)} does {share(effort)} of the FLOPs"
    text += f" with {share(held)} of the parameters"
    positions = math.prod(length or 1 for length in busiest.outputs[0].shape[1:-1])
    if effort >= APART * held and busiest.layer == "Conv2D" and positions > 1:
        text += f", because each weight is used at {number(positions)} positions"
    return f"{holds}. {text}."


def _improvement(trace: Trace) -> str:
    """When the training loss fell, from chance level where that is known, and whether it still
    does."""
    guess, called = chance(trace), loss_name(trace)
    numbers = [epoch.number for epoch in trace.epochs]
    losses = [epoch.metrics.get("loss", math.nan) for epoch in trace.epochs]
    if guess and losses[0] <= guess.level:
        numbers, losses = [0, *numbers], [guess.level, *losses]
    if len(losses) < 3 or not all(map(math.isfinite, losses)):
        return ""
    whole, falls = losses[0] - losses[-1], [was - now for was, now in itertools.pairwise(losses)]
    if whole <= 0 or figure(losses[0]) == figure(losses[-1]):
        return ""
    if min(falls) < 0:
        # Shares of an improvement would add up to more than all of it.
        rose = [str(numbers[at + 1]) for at, fall in enumerate(falls) if fall < 0]
        if len(rose) > 3:
            return f"The {called} rose in {len(rose)} of {len(trace.epochs)} epochs."
        return f"The {called} rose in epoch{'s' * (len(rose) > 1)} {listed(rose)}."
    at = falls.index(max(falls))
    part = falls[at] / whole
    where = f"between epochs {numbers[at]} and {numbers[at + 1]}" if numbers[at] else "in epoch 1"
    over = " over chance level" if numbers[0] == 0 else ""
    text = f"{_fraction(part)} of the improvement in {called}{over} came {where} ({share(part)})."
    if judgement(trace).trend != LEARNING:
        return f"{text} In epoch {numbers[-1]} it barely changed."
    slightly = " slightly" if falls[-1] < 0.1 * losses[-2] else ""
    return f"{text} In epoch {numbers[-1]} the {called} was still falling{slightly}."


def _fraction(part: float) -> str:
    """A share in words, for the beginning of a sentence."""
    words = {1.0: "All", 0.9: "Almost all", 0.6: "Most", 0.45: "About half"}
    return next((word for least, word in words.items() if part >= least), "The largest part")


MOST_OUTPUTS = 4
"""The losses of more outputs than this are left to the table."""


def _output_losses(trace: Trace) -> str:
    """How the loss of each output moved."""
    first, last = trace.epochs[0].metrics, trace.epochs[-1].metrics
    names = [name for name in metrics.kinds(trace) if name.endswith("_loss")]
    names = [name for name in names if metrics.finite((first.get(name), last.get(name)))]
    if not 2 <= len(names) <= MOST_OUTPUTS or len(trace.epochs) < 2:
        return ""
    each = listed([moved(name, first[name], last[name], figure) for name in names])
    return f"By output, {each}." if len(outputs(trace)) > 1 else f"{each}."


def _validation(trace: Trace) -> str:
    """What the validation set tells of the model."""
    last, best = judgement(trace).last, judgement(trace).best
    if last is None or best is None:
        return ""
    if last.validation == OTHER_ROWS:
        noun = f"{row_noun(trace)}s"
        return (
            f"The validation {noun} are scaled differently from the training {noun}, so their loss "
            "says nothing about the model."
        )
    lowest = (
        f"Validation loss was lowest in epoch {best.number} ({figure(best.metrics['val_loss'])})"
    )
    end = last.epoch.metrics.get("val_loss", math.nan)
    if last.validation in (OVERFITTING, TURNED):
        text = f"{lowest} and rose to {figure(end)} by epoch {last.epoch.number}."
        if last.validation == TURNED:
            return text
        fell = moved("training loss", best.metrics["loss"], last.epoch.metrics["loss"], figure)
        return f"{text} Meanwhile {fell}: the model is overfitting."
    theirs, rows = validation_accuracy(trace, last.epoch), validation_rows(trace)
    if theirs is not None and rows:
        return _misclassified(trace, last, theirs, rows)
    if len(trace.epochs) < 2:
        return ""
    if best is last.epoch:
        return lowest.replace(f"epoch {best.number}", "the last epoch") + "."
    moved_on = math.isfinite(end) and figure(end) != figure(best.metrics["val_loss"])
    return f"{lowest}; it is {figure(end)} now." if moved_on else f"{lowest}."


def _misclassified(trace: Trace, last: EpochJudgement, theirs: float, rows: int) -> str:
    wrong, images = round((1 - theirs) * rows), f"validation {row_noun(trace)}"
    text = f"The model misclassifies {number(wrong)} of {counted(rows, images)}."
    if last.validation == MAJORITY:
        beside = majority_words(trace)
        return f"{text} Its accuracy is {share(theirs)}; {beside}. {missed_words(trace)}".strip()
    guess, ours = chance(trace), accuracy(trace, last.epoch)
    if guess and theirs <= luck(guess, rows):
        reach = share(luck(guess, rows))
        return f"{text} By luck, chance level can reach an accuracy of {reach} on as many."
    if ours is None:
        return text
    training = f"training accuracy ({share(ours)})"
    pair = f"validation accuracy ({share(theirs)}) and {training}"
    comparison = {
        GAP: f"The gap between {pair} is a sign of overfitting.",
        UNCLEAR: f"With so few {row_noun(trace)}s, the difference to {training} can be luck.",
        FOLLOWS: f"{pair[0].upper()}{pair[1:]} are close: no sign of overfitting.",
        AHEAD: f"An accuracy of {share(theirs)} is above {training}: no sign of overfitting.",
    }.get(last.validation or "", "")
    return f"{text} {comparison}".strip()


def _last_finite(trace: Trace) -> str:
    finite = [epoch for epoch in trace.epochs if metrics.finite([epoch.metrics.get("loss")])]
    if not finite:
        return "No epoch had a finite training loss."
    last = finite[-1]
    return (
        f"The last finite training loss was {figure(last.metrics['loss'])}, in epoch {last.number}."
    )


def _first_non_finite(trace: Trace) -> str:
    if any(event.kind in NON_FINITE - {LOSS} for event in trace.events):
        return ""  # an event tells it, from the very step
    for epoch in trace.epochs:
        for stage in trace.stages:
            summary = epoch.probe.get(stage.name)
            if summary and summary.non_finite:
                name = _named(trace, stage)
                return (
                    f"{name} was the first stage to output NaN or Inf, after epoch {epoch.number}."
                )
    return ""


def _still_falling(trace: Trace) -> str:
    """Of a run at chance level, how its training loss moved."""
    loss, guess = trace.epochs[-1].metrics.get("loss"), chance(trace)
    if loss is None or guess is None:
        return ""
    text = f"The training loss is {figure(loss)}; chance level is {figure(guess.level)}."
    return (
        f"{text} It was still falling when the run ended."
        if judgement(trace).trend == LEARNING
        else text
    )


def _silent(trace: Trace) -> str:
    """A stage whose every output is 0."""
    for stage in layer_stages(trace):
        summary = stage.summary or trace.epochs[-1].probe.get(stage.name)
        if summary is not None and summary.count and summary.zeros == summary.count:
            return f"{_named(trace, stage)} outputs 0 for every row."
    return ""


def _rate(trace: Trace) -> str:
    epoch = judgement(trace).broken
    if epoch is None or epoch.learning_rate is None:
        return ""
    return f"The learning rate was {_chosen(epoch.learning_rate)} in epoch {epoch.number}."


def _weights_moved(trace: Trace) -> str:
    first, last = trace.epochs[0], trace.epochs[-1]
    rates, rate = {epoch.learning_rate for epoch in trace.epochs}, ""
    if len(rates) == 1 and last.learning_rate is not None:
        rate = f"learning rate {_chosen(last.learning_rate)}"
    names = [name for name in first.weights if name in last.weights]
    if first is last or not names:
        return f"The {rate.replace('rate', 'rate was')}." if rate else ""
    changed = sum(_measures(first, name) != _measures(last, name) for name in names)
    how = f"from epoch {first.number} to {last.number}{f' ({rate})' if rate else ''}"
    if not changed:
        return f"The weights did not change {how}."
    return f"{changed} of {counted(len(names), 'weight array')} changed {how}."


def _measures(epoch: Epoch, name: str) -> tuple[float | None, ...]:
    summary: Summary = epoch.weights[name]
    return summary.min, summary.max, summary.mean, summary.std


def _chosen(rate: float) -> str:
    """A learning rate as somebody chose it: 0.001, not 0.00100."""
    return exact(rate) if abs(rate) < 1e6 else figure(rate)


def _named(trace: Trace, stage: Stage) -> str:
    """A stage's class, with its name where several stages are of that class."""
    if stage.layer is None:
        return stage.name
    alone = sum(each.layer == stage.layer for each in trace.stages) == 1
    return stage.layer if alone else f"{stage.layer} ({stage.name})"
