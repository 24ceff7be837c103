"""A run as rules see it: its measurements, its layers, and how well the model does."""

import math
from functools import cached_property

from pipetrace.explain import facts, task
from pipetrace.explain.cache import once
from pipetrace.explain.findings.finding import Evidence
from pipetrace.explain.findings.layer_kinds import LAYER_ACTIVATIONS, RESHAPING
from pipetrace.explain.fits import last_stretch
from pipetrace.explain.formatting import figure, share
from pipetrace.explain.judgement import judgement
from pipetrace.trace.document import LAYER, SOURCE, Stage, Trace, stage_of_weight
from pipetrace.trace.events import NON_FINITE
from pipetrace.trace.measurements import (
    LINEAR,
    TRAINING,
    VALIDATION,
    BaselineModel,
    DatasetCheck,
    Dimensions,
    InitialWeight,
    LossPoint,
    Outcome,
    PrincipalComponents,
    Signal,
    Update,
)

NO_SKILL = 0.1
"""A lower skill is chance level: a tenth of the way from chance to perfect. With the 300 rows of a
small validation set, chance alone reaches 0.06 (two standard errors of a share of one half,
twice)."""
BEHIND_BASELINE = 0.2
"""How far a model may be behind the better baseline model: about two standard errors of the
difference of two shares of 300 rows."""
BEHIND_COMPONENTS = 0.6
"""The same for an autoencoder: principal components are the best linear code of a width, and
networks come close to them only after very many epochs."""


class MeasuredRun:
    """A trace, of any run, with its measurements."""

    def __init__(self, trace: Trace) -> None:
        # trace: the part of it whose epochs compare with the last one
        # whole: the trace
        self.whole, self.trace = trace, last_stretch(trace)
        measurements = self.trace.measurements
        self.of, self.has = measurements.of, measurements.has
        self.names, self.course = measurements.names, measurements.course
        self.epochs_of = measurements.epochs

    # Its layers

    @cached_property
    def output(self) -> task.Output | None:
        """The single output, or None where there are several."""
        return task.only(self.trace)

    @cached_property
    def last_activation(self) -> str | None:
        """The activation that the single output went through last."""
        output = self.output
        return task.activation(self.trace, self.stage(output.stage)) if output else None

    @cached_property
    def last_stage(self) -> Stage | None:
        """The stage that applies it, before those that only reshape."""
        return self.before_reshaping(self.output.stage, RESHAPING) if self.output else None

    def before_reshaping(self, name: str, reshaping: frozenset[str] = task.PASSING) -> Stage:
        """The stage of this name or, if it only reshapes, the one before."""
        stage = self.stage(name)
        while stage.layer in reshaping and (before := self.before(stage)) is not None:
            stage = before
        return stage

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return self.trace.stage(name)

    def owner(self, weight: str) -> str:
        """The name of the stage that a weight is of."""
        return stage_of_weight(weight, self.trace.stages.by_name)

    def before(self, stage: Stage) -> Stage | None:
        """The stage that the first input comes from."""
        return facts.before(self.trace, stage)

    def after(self, stage: Stage) -> list[Stage]:
        """The stages that use a stage's output."""
        return list(self._users.get(stage.name, ()))

    @cached_property
    def _users(self) -> dict[str, list[Stage]]:
        found: dict[str, list[Stage]] = {}
        for each in self.layers:
            for source in {spec.source for spec in each.inputs if spec.source is not None}:
                found.setdefault(source, []).append(each)
        return found

    @cached_property
    def sources(self) -> list[Stage]:
        """The stages that the rows come from."""
        return [stage for stage in self.trace.stages if stage.kind == SOURCE]

    @cached_property
    def layers(self) -> list[Stage]:
        """The stages within the model."""
        return facts.layer_stages(self.trace)

    @cached_property
    def hidden(self) -> list[Stage]:
        """The stages within the model but those that make its outputs.

        Of a training step of the program's own, which has none, what no stage takes goes into its
        losses.
        """
        model, step = self.trace.run.model, self.trace.run.step
        last = {spec.source for spec in model.outputs} if model else set()
        if step is not None and step.own:
            taken = {spec.source for stage in self.layers for spec in stage.inputs}
            last |= {stage.name for stage in self.layers if stage.name not in taken}
        if self.last_stage is not None:
            last.add(self.last_stage.name)
        return [stage for stage in self.layers if stage.name not in last and stage.outputs]

    @cached_property
    def weighted(self) -> list[Stage]:
        """The layers that have a kernel."""
        return [
            stage
            for stage in self.layers
            if any(weight.name.endswith("kernel") for weight in stage.weights)
        ]

    @cached_property
    def kernels(self) -> list[str]:
        """The trainable kernels, such as ``dense/kernel``, in the order of execution."""
        return [
            f"{stage.name}/{weight.name}"
            for stage in self.weighted
            for weight in stage.weights
            if weight.trainable
            and weight.name.split("/")[-1] in ("kernel", "pointwise_kernel", "depthwise_kernel")
        ]

    def initial_kernel(self, stage: Stage) -> InitialWeight:
        """The kernel of a stage before training."""
        names = [weight.name for weight in stage.weights if weight.name.endswith("kernel")]
        return self.of(InitialWeight, f"{stage.name}/{names[0] if names else 'kernel'}", 0)

    def activation(self, stage: Stage) -> str:
        """The activation that a stage applies itself; ``linear`` where it applies none."""
        if stage.layer in LAYER_ACTIVATIONS:
            return LAYER_ACTIVATIONS[stage.layer or ""]
        found = task.own_activation(stage.config)
        if found is None and stage.kind != LAYER:
            return (stage.layer or "linear").lower()
        return found or "linear"

    # How well it does

    @cached_property
    def last_epoch(self) -> int:
        """The last epoch that was recorded, 0 where there is none."""
        return self.trace.epochs[-1].number if self.trace.epochs else 0

    @property
    def outcome(self) -> str:
        """What came of the run, as headline and insight have it: see ``Judgement``."""
        return judgement(self.trace).outcome

    @cached_property
    def first_outcome(self) -> Outcome:
        """The outcome on training rows after training, or before it where there is no other."""
        return self.of(Outcome, TRAINING, None if self.has(Outcome, TRAINING) else 0)

    @cached_property
    def evaluated_rows(self) -> str:
        """The rows that the model is judged by: validation rows where there are any."""
        return VALIDATION if self.has(Outcome, VALIDATION) else TRAINING

    @cached_property
    def has_answers(self) -> bool:
        """Whether the outputs answer something, and are not the embedding of a row.

        Under a loss of one's own the largest of several outputs is an answer only behind a softmax
        or where each has a target.
        """
        output = self.output
        if output is None or output.loss is None or output.loss in task.KNOWN_LOSSES:
            return True
        bounded = self.last_activation in ("softmax", "sigmoid", "hard_sigmoid", "log_softmax")
        target = output.target
        return (
            bounded
            or (output.shape[-1] or 0) < 2
            or (target is not None and target.shape == output.shape)
        )

    def skill(self, rows: str, epoch: int | None = None) -> float | None:
        """How good the model is, from chance level (0) to perfect (1); negative below chance.

        For classes by the balanced accuracy, for numbers R2.
        """
        outcome = self.of(Outcome, rows, epoch)
        if not self.has_answers:
            return None
        if outcome.balanced_accuracy is not None:
            return skill_of(outcome.balanced_accuracy, outcome.classes_present)
        return outcome.r2

    @cached_property
    def rebuilds(self) -> bool:
        """Whether the targets are the inputs, as for an autoencoder."""
        return facts.rebuilds(self.trace)

    @cached_property
    def baselines(self) -> dict[str, BaselineModel]:
        """The baseline models that were measured, by name."""
        return {name: self.of(BaselineModel, name) for name in self.names(BaselineModel)}

    @cached_property
    def baseline_skill(self) -> float | None:
        """The skill of the better baseline model on the evaluated rows; None if unknown."""
        outcome = self.of(Outcome, self.evaluated_rows)
        validation = self.evaluated_rows == VALIDATION
        found = []
        for baseline in self.baselines.values():
            if baseline.classification != (outcome.balanced_accuracy is not None):
                return None  # One has classes and the other numbers, as for the pixels of a mask.
            if baseline.classification:
                accuracy = baseline.validation_balanced if validation else baseline.balanced
                known = accuracy is not None
                found.append(skill_of(accuracy or 0.0, outcome.classes_present) if known else None)
            else:
                found.append(baseline.validation if validation else baseline.score)
        return max((each for each in found if each is not None), default=None)

    @cached_property
    def attainable(self) -> float | None:
        """The skill that the model should have at least, by baseline models; None where unknown."""
        if not self.rebuilds:
            return self.baseline_skill
        widths = [self.of(Dimensions, stage.name).values for stage in self.layers]
        width = min((each for each in widths if each), default=0)
        components = {
            name: self.of(PrincipalComponents, name).r2 for name in self.names(PrincipalComponents)
        }
        fits = [r2 for name, r2 in components.items() if int(name) <= width and r2 is not None]
        return max(fits) - BEHIND_COMPONENTS if fits else None

    @cached_property
    def behind(self) -> float | None:
        """How far the model's skill is behind what is attainable; None where either is unknown."""
        skill = self.skill(self.evaluated_rows)
        return None if skill is None or self.attainable is None else self.attainable - skill

    @cached_property
    def allowed_behind(self) -> float:
        """How far it may be behind."""
        return 0.0 if self.rebuilds else BEHIND_BASELINE

    @cached_property
    def broken(self) -> bool:
        """Whether the loss, a kernel, or what the model gives became NaN or Inf."""
        norms = [self.of(Update, name, self.last_epoch).weight_norm for name in self.kernels]
        losses = [epoch.metrics.get("loss", 0.0) for epoch in self.trace.epochs]
        known = [norm for norm in norms if norm is not None]
        return not all(map(math.isfinite, [*known, *losses])) or any(
            event.kind in NON_FINITE for event in self.trace.events
        )

    @cached_property
    def data_broken(self) -> bool:
        """Whether inputs or targets are NaN or Inf."""
        check = self.of(DatasetCheck, TRAINING)
        return bool(check.inputs_not_finite or check.targets_not_finite)

    @cached_property
    def reads_tokens(self) -> bool:
        """Whether the inputs are token numbers, which baseline models cannot use."""
        return any(stage.layer == "Embedding" for stage in self.layers)

    def loss_at(self, epoch: int) -> float | None:
        """The loss of fixed training rows in training mode after an epoch (0: before)."""
        return self.of(LossPoint, TRAINING, epoch).loss

    def rms(self, stage: Stage, epoch: int = 0) -> float:
        """The root mean square of a stage's output after an epoch; 0 where it was not measured."""
        return self.of(Signal, stage.name, epoch).rms or 0.0

    @cached_property
    def first_not_finite(self) -> Stage | None:
        """The first stage whose output is NaN or Inf before training."""
        return next(
            (each for each in self.layers if self.of(Signal, each.name, 0).not_finite is not None),
            None,
        )

    def how_well(self) -> list[Evidence]:
        """The skill of the model and of the better baseline model, as evidence."""
        found: list[Evidence] = []
        outcome = self.of(Outcome, self.evaluated_rows)
        if not self.has_answers:
            return found
        rows = f"{self.evaluated_rows} rows"
        place = f"measurements[outcome/{self.evaluated_rows}]"
        if outcome.accuracy is not None:
            text = (
                f"Accuracy on the {rows} is {share(outcome.accuracy)}; always predicting the most "
                f"frequent class gives {share(outcome.majority_share or 0)}."
            )
            found.append(Evidence(text, outcome.accuracy, f"{place}.accuracy"))
        elif outcome.r2 is not None:
            text = f"R2 on the {rows} is {figure(outcome.r2)}; always predicting the mean gives 0."
            found.append(Evidence(text, outcome.r2, f"{place}.r2"))
        if self.baseline_skill is not None and not self.rebuilds and self.baseline_skill > NO_SKILL:
            found.append(self._better_baseline())
        return found

    def _better_baseline(self) -> Evidence:
        field = "validation" if self.evaluated_rows == VALIDATION else "score"
        scores = {name: getattr(each, field) for name, each in self.baselines.items()}
        known = {name: score for name, score in scores.items() if score is not None}
        name = max(known, key=lambda each: known[each], default=LINEAR)
        value, baseline = known.get(name, math.nan), self.of(BaselineModel, name)
        kind = "linear" if name == LINEAR else "kernel ridge"
        score = f"accuracy {share(value)}" if baseline.classification else f"R2 {figure(value)}"
        text = f"A {kind} baseline model reaches {score} on the {self.evaluated_rows} rows."
        return Evidence(text, value, f"measurements[baseline_model/{name}].{field}")


@once
def measured(trace: Trace) -> MeasuredRun:
    """A trace with its measurements. The last one is kept, since every rule needs it."""
    return MeasuredRun(trace)


def skill_of(balanced_accuracy: float, classes: int | None) -> float | None:
    """A balanced accuracy from chance level (0) to perfect (1); None for fewer than two classes."""
    if classes is None or classes < 2:
        return None
    return (balanced_accuracy - 1 / classes) / (1 - 1 / classes)
