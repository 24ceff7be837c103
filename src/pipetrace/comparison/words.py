"""What a comparison comes to, in sentences."""

import math
from collections.abc import Iterator, Sequence

from pipetrace.comparison.courses import LEARNING_RATE
from pipetrace.comparison.records import (
    DATA,
    DIVERGED,
    LOSS,
    METRIC,
    PROGRAM,
    SAME,
    SEED,
    SEEDS,
    SETTINGS,
    UNSEEDED,
    Comparison,
    Course,
    Difference,
    Effect,
    FirstDifference,
    Missing,
    WeightsCheck,
)
from pipetrace.explain import metrics
from pipetrace.explain.formatting import counted, figure, listed, number, points, share
from pipetrace.explain.metrics import VALIDATION, written

MOST_NAMED = 3
"""Settings that the headline names; more are counted."""


def headline(made: Comparison) -> tuple[str, ...]:
    """What a comparison comes to, in a few sentences."""
    said = {
        SAME: _same,
        SEEDS: _seeds,
        UNSEEDED: _seeds,
        DIVERGED: _diverged,
        SETTINGS: _settings,
    }.get(made.verdict)
    known = said(made) if said else ["No results were recorded that could be compared."]
    return (*known, *_failures(made))


def main_course(made: Comparison) -> Course | None:
    """The metric by which the runs are compared: validation accuracy or another share, else a
    loss; None without one that all runs have. Values of different losses are not compared."""
    other_loss = any(each.kind == LOSS and each.decides for each in made.differences)
    known = [
        each
        for each in made.courses
        if each.name != LEARNING_RATE
        and all(value is not None for value in each.last)
        and not (other_loss and each.name.endswith("loss"))
    ]
    by_name = {each.name: each for each in known}
    shares = [each.name for each in known if metrics.SHARES.search(metrics.base(each.name))]
    validated = [name for name in shares if name.startswith(VALIDATION)]
    order = ("val_accuracy", *validated, "val_loss", *shares, "loss", *by_name)
    return next((by_name[name] for name in order if name in by_name), None)


def metric_name(name: str) -> str:
    """A metric's name in words: ``validation accuracy``."""
    return metrics.title(name).replace("val ", "validation ").replace("_", " ")


def metric_title(name: str) -> str:
    """A metric's name at the head of a chart: ``Validation accuracy``."""
    words = metric_name(name)
    return f"{words[:1].upper()}{words[1:]}"


def value_text(value: object) -> str:
    """A setting's value in a cell: a number with three digits, a list, or a text."""
    if isinstance(value, Missing):
        return "-" if value is Missing.ABSENT else str(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join("rows" if each is None else value_text(each) for each in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {value_text(each)}" for key, each in value.items()) or "none"
    return str(value)


def name_text(each: Difference) -> str:
    """What differs, with its stage."""
    plain = each.name.replace("_", " ") if not each.name.startswith("-") else each.name
    if each.name == "stage":
        return f"stage {each.stage}"
    if each.name == "fingerprint":
        plain = "rows (fingerprint)"
    return f"{each.stage}: {plain}" if each.stage else plain


def cell_text(each: Difference, value: object, absent: str = "-") -> str:
    """A value of a difference, with a fingerprint in short."""
    if value is Missing.ABSENT:
        return "not given" if each.kind == PROGRAM else absent
    text = value_text(value)
    return text[:12] if each.name.endswith("fingerprint") and len(text) > 40 else text


def causes(made: Comparison) -> tuple[Difference, ...]:
    """What may be a cause: without options that only say where results go."""
    return tuple(
        each for each in made.differences if each.decides or each.kind not in (PROGRAM, SEED)
    ) + tuple(each for each in made.differences if each.kind == SEED)


def settings_text(made: Comparison) -> str:
    """How many settings differ, and the first of them with their values; empty where none does."""
    deciding = [each for each in made.differences if each.decides]
    inner = [each for each in deciding if each.kind != PROGRAM] or deciding
    named = [_in_short(each) for each in inner[:MOST_NAMED]]
    more = len(inner) - len(named)
    rest = [f"{number(more)} more"] if more else []
    return f"{counted(len(inner), 'setting')}: {listed([*named, *rest])}" if inner else ""


def _settings(made: Comparison) -> Iterator[str]:
    yield f"The runs differ in {settings_text(made)}."
    if any(each.kind == SEED for each in made.differences) and not _has_noise(made):
        yield "Their seeds differ as well."
    course = main_course(made)
    if course is not None:
        for effect in course.final_effects:
            yield from _effect(made, course, effect)


def _in_short(each: Difference) -> str:
    if each.name.endswith("fingerprint"):
        return f"{each.name.removesuffix('fingerprint')}the rows"
    texts = [cell_text(each, value, "absent") for value in each.values]
    return f"{name_text(each)} ({' against '.join(dict.fromkeys(texts))})"


def _has_noise(made: Comparison) -> bool:
    return any(each.noise is not None for course in made.courses for each in course.effects)


def _effect(made: Comparison, course: Course, effect: Effect) -> Iterator[str]:
    of = [[run.label for run in made.runs if run.setting == at] for at in (0, effect.setting)]
    mean = " on average" if max(map(len, of)) > 1 else ""
    values = [written(course.name, each) for each in (effect.before, effect.after)]
    if values[0] == values[1]:
        where = "both" if len(made.runs) == 2 else listed([*of[0], *of[1]])
        yield f"After epoch {effect.epoch}, {metric_name(course.name)} is {values[0]} in {where}."
        return
    yield (
        f"After epoch {effect.epoch}, {metric_name(course.name)} is {values[1]}{mean} "
        f"({listed(of[1])}) against {values[0]} ({listed(of[0])})."
    )
    if effect.is_larger is None:
        yield (
            "Whether that is more than the noise of seeds is unknown: give several runs of each "
            "setting, with different seeds."
        )
    elif effect.noise is not None:
        size = amount(course.name, effect.noise)
        much = "more than" if effect.is_larger else "within"
        yield f"That is {much} the noise of seeds, {size}."


def amount(name: str, size: float) -> str:
    """The size of a difference of a metric: points of a share, else a number."""
    is_share = metrics.SHARES.search(metrics.base(name))
    return points(size) if is_share else figure(size)


def _seeds(made: Comparison) -> Iterator[str]:
    if made.verdict == UNSEEDED:
        yield "The runs have the same settings. No seed was set, so they began with other weights."
    else:
        seeds = next(each for each in made.differences if each.kind == SEED)
        texts = [value_text(value) for value in seeds.values]
        yield f"The runs have the same settings and differ in their seeds: {listed(texts)}."
    if any(each.kind == DATA and each.name == "fingerprint" for each in made.differences):
        yield "The seed chose other rows, too."
    course = main_course(made)
    known = [each for each in course.last if each is not None] if course else []
    if course and known and all(map(math.isfinite, known)):
        low, high = min(known), max(known)
        texts = [written(course.name, each) for each in (low, high)]
        apart = amount(course.name, high - low)
        yield (
            f"At the end, {metric_name(course.name)} is between {texts[0]} and {texts[1]}. "
            f"These {apart} are the noise."
        )


def _same(made: Comparison) -> Iterator[str]:
    parts = []
    if made.weights.equal:
        parts.append(f"{counted(made.weights.compared, 'weight')} after training")
    shared = [each for each in made.courses if each.epochs and each.name != LEARNING_RATE]
    if shared:
        epochs = max(len(each.epochs) for each in shared)
        parts.append(f"{counted(len(shared), 'metric')} over {counted(epochs, 'epoch')}")
    if made.rows:
        parts.append(f"the predictions for {counted(made.rows.common, 'row')}")
    yield f"The runs are the same. Equal to the last bit: {listed(parts)}."


def _diverged(made: Comparison) -> Iterator[str]:
    seed = "" if any(each.kind == SEED for each in made.differences) else " and the same seed"
    yield f"The runs have the same settings{seed}, and yet they differ."
    if made.first:
        yield from first_text(made, made.first)
    elif made.weights.equal is None:
        yield "All that both recorded of the same epochs is equal."
    if "the fingerprint of the rows" in made.unknown:
        yield "Whether the rows are the same was not recorded."


def first_text(made: Comparison, first: FirstDifference) -> Iterator[str]:
    """Where two runs differ first, in sentences."""
    when = {None: "after training", 0: "before training"}.get(
        first.epoch, f"after epoch {first.epoch}"
    )
    where = f" in stage {first.stage}" if first.stage else ""
    other = made.runs[first.run].label
    yield f"{made.runs[0].label} and {other} differ first {when}{where}."
    yield f"{_place(first)} {_values(first.values)}."
    if math.isfinite(first.absolute):
        of_stage = "" if first.what == METRIC or first.figure else " over all its values"
        yield (
            f"The tolerance needed here is {small(first.absolute)}{of_stage}, "
            f"{share(first.relative)} of the value there."
        )
    if first.upstream:
        yield f"Equal upstream: {listed(first.upstream)}."
    if first.equal_epochs:
        last = first.equal_epochs[-1]
        yield f"Everything recorded of {_epochs(first.equal_epochs[0], last)} is equal."


def _epochs(low: int, high: int) -> str:
    if not low and not high:
        return "the time before training"
    if not low:
        return f"the time up to the end of epoch {high}"
    return f"epoch {high}" if low == high else f"epochs {low} to {high}"


def _place(first: FirstDifference) -> str:
    what = {"weights": "Weight", "output": "The output of", "gradient": "The gradient of"}
    name = f"{what.get(first.what, '')} {first.name}".strip()
    if first.what == METRIC:
        name = metric_title(first.name)
    if first.figure:
        return f"{name}, by its {first.figure}, is"
    return f"{name} at {list(first.place)} is" if first.place is not None else f"{name} is"


def _values(values: Sequence[float]) -> str:
    if all(map(math.isnan, values)):
        return "different in shape or distribution"
    return f"{values[0]:.9g} against {values[1]:.9g}"


def small(value: float) -> str:
    """A tolerance: it may be far below what tables write as nearly zero."""
    return f"{value:.2g}"


def weights_text(made: Comparison, check: WeightsCheck, when: str) -> str:
    """How the weights of the runs compare, before or after training."""
    if check.equal is None:
        return f"The weights {when} training were not recorded in all runs."
    if check.equal:
        how = "to the last bit" if check.exact else "as far as they were kept"
        return f"The weights {when} training are equal {how}."
    runs = [made.runs[each].label for each in sorted({each.run for each in check.differences})]
    known = [each for each in check.differences if math.isfinite(each.absolute)]
    first = made.runs[0].label
    if not known:
        return f"The weights {when} training differ in shape or number."
    most = max(known, key=lambda each: each.absolute)
    reshaped = len(check.differences) - len(known)
    others = f" {counted(reshaped, 'weight')} cannot be compared: their shapes differ."
    return (
        f"The weights {when} training of {listed(runs)} differ from those of {first}, most in "
        f"{most.name}: {_values(most.values)}.{others if reshaped else ''}"
    )


def _failures(made: Comparison) -> Iterator[str]:
    for run in made.runs:
        if run.status not in ("finished", "stopped"):
            why = f": {run.error.rstrip('.')}" if run.error else ""
            yield f"{run.label} ended as {run.status} after {counted(run.epochs, 'epoch')}{why}."
