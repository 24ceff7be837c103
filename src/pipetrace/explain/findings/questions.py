"""What several rules ask of a run: how good it is, what targets belong to, if signals arrive."""

import math
from collections.abc import Sequence

from pipetrace.explain.facts import stage_of
from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.layer_kinds import (
    NONLINEAR,
    NORMALISING,
    RESHAPING,
    SERIES_LAYERS,
)
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.pairing import misaligned
from pipetrace.explain.formatting import figure, listed
from pipetrace.explain.judgement import AT_CHANCE, BETTER, WORSE
from pipetrace.explain.task import DISTANCES
from pipetrace.trace.document import SOURCE, STEP, Stage
from pipetrace.trace.measurements import TRAINING, Signal

POOR = ("PT308", "PT309", "PT310")
"""The rules that only say that the outcome is poor: whatever says why is their root cause."""
REGRESSION_LOSSES = DISTANCES - {"poisson", "cosine similarity"}
ALIKE, DIFFERENT = 1e-6, 1e-2
"""Standard deviation over the rows, relative to the size: the first is the rounding of 32 bits."""
FADED = 0.05
"""Standard deviation of the last hidden stage over that of the first, before training. With Glorot
initialization a ReLU layer keeps about 0.7 of it: this is the loss of nine layers. He
initialization keeps all (He et al. 2015)."""
MOST_NAMES = 6
"""Layers that a change names one by one."""
WEAK_KERNEL = 0.5
"""Standard deviation of a kernel over Glorot's, below which the signal fades."""


# Whether it struggles


def struggles(run: MeasuredRun) -> bool:
    """Whether the model is at chance level or worse, clearly behind a baseline model, or broke."""
    if run.broken or run.outcome == WORSE:
        return True
    skill = run.skill(run.evaluated_rows)
    if (skill is None and run.outcome != AT_CHANCE) or hopeless(run):
        return False
    return at_chance(run, skill) or (run.behind is not None and run.behind > run.allowed_behind)


def at_chance(run: MeasuredRun, skill: float | None) -> bool:
    """Whether the run was judged worse than chance, or not judged better and has no skill.

    A run that is judged to be at chance level because it has few rows may have some skill.
    """
    if skill is None:
        return run.outcome in (AT_CHANCE, WORSE)
    return run.outcome == WORSE or (run.outcome != BETTER and skill < NO_SKILL)


def hopeless(run: MeasuredRun) -> bool:
    """Whether no baseline model learns anything from these rows either."""
    attainable = run.attainable
    nothing = attainable is not None and attainable <= NO_SKILL and not run.reads_tokens
    return nothing and misaligned(run) is None


def unrelated(run: MeasuredRun) -> bool:
    """Whether neither the model nor a baseline model finds anything that inputs say of targets.

    Of the tokens and steps of a series the baseline models know nothing, whatever these say.
    """
    series = any(stage.layer in SERIES_LAYERS for stage in run.layers)
    skill = run.skill(TRAINING)
    learned = skill is not None and skill >= NO_SKILL
    return run.attainable is not None and hopeless(run) and not series and not learned


def underfits(run: MeasuredRun) -> bool:
    """Whether it struggles on its own training rows."""
    if run.broken:
        return True
    skill, attainable = run.skill(TRAINING), run.attainable
    if skill is None or not struggles(run):
        return False
    behind = attainable is not None and skill < attainable - run.allowed_behind
    return at_chance(run, skill) or behind


def margin(value: float, limit: float, certain: float) -> float:
    """The confidence of a finding: 0.6 at the limit, 0.95 from ``certain`` on."""
    if not (math.isfinite(value) and certain != limit):
        return 0.95
    return round(0.6 + 0.35 * min(1.0, max(0.0, (value - limit) / (certain - limit))), 2)


def log_margin(value: float, limit: float, decades: float) -> float:
    """The same for a small ratio, by its order of magnitude, up to 10 ** -decades."""
    return margin(-math.log10(max(value, 1e-12)), -math.log10(limit), decades)


# How signals move


def model_inputs(run: MeasuredRun) -> list[Stage]:
    """The inputs of the first layers with a kernel, where only scaled or reshaped."""
    found: list[Stage] = []
    for stage in run.weighted:
        for spec in stage.inputs:
            before = stage_of(run.trace, spec.source)
            if before is not None and before not in found and _only_scaled(run, before):
                found.append(before)
    return found


def _only_scaled(run: MeasuredRun, stage: Stage) -> bool:
    """Whether a stage is a source, or only reshapes, joins or scales one."""
    current: Stage | None = stage
    while current is not None and current.kind != SOURCE:
        layer = current.layer
        plain = layer in RESHAPING | NORMALISING or layer in ("Rescaling", "Concatenate")
        if current.kind != STEP and not plain:
            return False
        current = run.before(current)
    return current is not None


def first_alike(run: MeasuredRun) -> Stage | None:
    """The first stage whose output is the same for all rows after training, unlike its inputs."""
    for stage in run.layers:
        own = _spread(run, stage.name)
        if own is None or own > ALIKE:
            continue
        before = [_spread(run, spec.source) for spec in stage.inputs if spec.source is not None]
        if any(each is not None and each >= DIFFERENT for each in before):
            return stage
    return None


def _spread(run: MeasuredRun, name: str) -> float | None:
    """Standard deviation over the rows relative to the size; 0 where all is 0."""
    signal = run.of(Signal, name, run.last_epoch)
    if signal.std is None or signal.rms is None:
        return None
    return signal.std / signal.rms if signal.rms else 0.0


def faded_signal(run: MeasuredRun) -> Evidence | None:
    """That rows hardly differ at the last hidden activation, before training.

    None where it was not measured, where a layer normalises, or where sigmoids are to blame. The
    evidence's place names the stage.
    """
    # After an activation: a bounded one shrinks the values, but not the differences.
    kinds = {stage.name: run.activation(stage) for stage in run.hidden}
    stages = [
        stage.name
        for stage in run.hidden
        if kinds[stage.name] in NONLINEAR and stage.layer not in RESHAPING
    ]
    stds = {name: run.of(Signal, name, 0).std for name in stages}
    known = {name: std for name, std in stds.items() if std is not None}
    if len(known) < 3 or any(each.layer in NORMALISING for each in run.layers):
        return None
    (first, *_), (*_, last) = known.values(), known.values()
    nonlinear = [kind for kind in kinds.values() if kind in NONLINEAR]
    # The derivative of these is at most 1/4.
    sigmoids = sum(kind in ("sigmoid", "softmax", "hard_sigmoid") for kind in nonlinear)
    if not first or last / first >= FADED or sigmoids > len(nonlinear) / 2:
        return None
    name = list(known)[-1]
    return Evidence(
        f"Before training the standard deviation over the rows at {name} is "
        f"{figure(last / first)} of that at the first hidden layer.",
        last / first,
        f"measurements[signal/{name}, epoch 0].std",
    )


def of_all_alike(run: MeasuredRun, change: str, name: str) -> str:
    """A change of a hidden layer, and of those of its class with the same activation."""
    stage = run.stage(name)
    kind = stage.layer, run.activation(stage)
    return of_all(change, [s.name for s in run.hidden if (s.layer, run.activation(s)) == kind])


def of_all(change: str, names: Sequence[str]) -> str:
    """A change of several layers, which it names where they are more than one."""
    if len(names) < 2:
        return change
    some = listed(names) if len(names) <= MOST_NAMES else f"{names[0]} to {names[-1]}"
    return f"{change}  # in {some}"


def glorot_ratios(run: MeasuredRun) -> dict[str, float]:
    """Each kernel's initial standard deviation over that of Glorot and Bengio (2010), by stage."""
    ratios = {}
    for stage in run.weighted:
        start = run.initial_kernel(stage)
        fan_in, fan_out = start.fan_in or 0, start.fan_out or 0
        # Fewer weights have no meaningful standard deviation.
        if start.std is not None and fan_in * fan_out >= 16:
            ratios[stage.name] = start.std / math.sqrt(2 / (fan_in + fan_out))
    return ratios


def weak_kernels(ratios: dict[str, float]) -> list[str]:
    """The stages whose kernels start too small for the signal, if there are two or more."""
    weak = [name for name, ratio in ratios.items() if ratio < WEAK_KERNEL]
    return weak if len(weak) >= 2 else []
