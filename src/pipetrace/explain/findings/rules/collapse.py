"""PT220, PT308, PT324, PT325: rows that become alike, and where."""

from collections.abc import Iterator

from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.layer_kinds import NORMALISING
from pipetrace.explain.findings.measured_run import NO_SKILL, MeasuredRun
from pipetrace.explain.findings.questions import POOR, first_alike
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import figure, share
from pipetrace.trace.measurements import TRAINING, Gradient, Outcome, Signal

CONSTANT_OUTPUT = 0.02
"""Standard deviation of the outputs over that of the targets; with an R2 of 0.01 it is already a
tenth."""
COLLAPSED = 1e-4
"""Standard deviation of an embedding over that before training. A loss of distances has the sizes
of embeddings grow or shrink by a factor of ten or so."""
PENALTY_LEADS, SPREAD_LEFT = 0.9, 0.01
"""Part of a gradient that is of the penalty, from which training obeys it alone; and what is left
of a stage's standard deviation where the penalty has won."""


class FractionsIntoEmbedding(RunRule):
    code = "PT220"
    name = "fractions-into-embedding"
    category = "embedding_input"
    level = ERROR
    needs = ("stages", "summaries")
    root_cause_of = (*POOR, "PT201", "PT325", "PT402", "PT405", "PT502", "PT604")
    what = "An Embedding receives numbers that are not whole."
    why = "It casts them to whole numbers, so that values from 0 to 1 are all token 0."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for stage in run.layers:
            before = run.before(stage) if stage.layer == "Embedding" else None
            summary = before.summary if before is not None else None
            if before is None or summary is None or summary.min is None or summary.max is None:
                continue
            if float(summary.min).is_integer() and float(summary.max).is_integer():
                continue
            yield self.fault(
                f"{stage.name} looks up whole numbers, but receives values from "
                f"{figure(summary.min)} to {figure(summary.max)}.",
                summary.max,
                f"stages[{before.name}].summary",
                *run.how_well(),
                advice="Give an Embedding token numbers as they are, and scale none of them. For "
                "numbers use a Dense layer.",
                stage=stage.name,
                change="x = tokens.astype('int32')",
            )


class ConstantOutput(RunRule):
    code = "PT308"
    name = "constant-output"
    needs = ("stages", "outcomes")
    root_cause_of = ("PT309",)
    what = "The model outputs nearly the same for every row."
    why = "It predicts the most frequent class or the mean, and ignores the inputs."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        outcome, skill = run.of(Outcome, TRAINING), run.skill(TRAINING)
        std, expected = outcome.std, outcome.target_std
        if not expected or std is None or (skill is not None and skill > NO_SKILL):
            return
        if std / (expected if outcome.r2 is not None else 0.5) > CONSTANT_OUTPUT:
            return
        evidence = [
            Evidence(
                f"Over {outcome.rows or 0:,} rows the outputs have a standard deviation of "
                f"{figure(std)}.",
                std,
                "measurements[outcome/training].std",
            )
        ]
        alike, advice = first_alike(run), "Find the first stage whose outputs do not differ."
        if alike is not None:
            signal = run.of(Signal, alike.name, run.last_epoch)
            text = (
                f"{alike.name} is the first layer whose outputs do not differ between rows "
                f"(standard deviation {figure(signal.std or 0.0)} at a root mean square of "
                f"{figure(signal.rms or 0.0)}), while its inputs do."
            )
            place = f"measurements[signal/{alike.name}, epoch {run.last_epoch}].std"
            evidence.append(Evidence(text, signal.std, place))
            advice = f"Look at {alike.name}: its weights, its activation and what it receives."
        yield self.shown(
            *evidence,
            *run.how_well(),
            advice=advice,
            stage=alike.name if alike else run.output.stage if run.output else None,
            confidence=0.9,
        )


class EmbeddingCollapse(RunRule):
    code = "PT324"
    name = "embedding-collapse"
    needs = ("stages", "epochs", "outcomes")
    root_cause_of = (*POOR, "PT201", "PT401", "PT402", "PT405", "PT502", "PT607")
    what = "A loss that compares rows with each other has made all embeddings the same."
    why = "Equal embeddings have distances of 0, so the loss stays at its margin and nothing moves."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        output, now = run.output, run.of(Outcome, TRAINING).std
        start = run.of(Outcome, TRAINING, 0).std
        if output is None or run.has_answers or not run.trace.epochs or not start or now is None:
            return
        # Outputs of one number are no embedding.
        if (output.shape[-1] or 0) < 2 or now >= COLLAPSED * start:
            return
        losses = [each.metrics.get("loss") for each in run.trace.epochs]
        evidence = [
            Evidence(
                f"The standard deviation of {output.stage} over the rows fell from "
                f"{figure(start)} before training to {figure(now)}.",
                now / start,
                "measurements[outcome/training].std",
            )
        ]
        last = losses[-1]
        same = sum(each is not None and figure(each) == figure(last or 0.0) for each in losses)
        if last is not None and same > 1:
            text = f"The loss is {figure(last)} in {same} of {len(losses)} epochs."
            evidence.append(Evidence(text, last, f"epochs[{run.last_epoch}].metrics[loss]"))
        stage = run.before_reshaping(output.stage, NORMALISING | {"Lambda", "Activation"})
        yield self.shown(
            *evidence,
            advice="Lower the learning rate by a factor of 10, scale embeddings to length 1, and "
            "begin with the mean over all pairs or triplets in place of the hardest.",
            stage=stage.name,
            change="keras.layers.UnitNormalization()  # the last layer",
            confidence=0.9,
        )


class PosteriorCollapse(RunRule):
    code = "PT325"
    name = "posterior-collapse"
    needs = ("stages", "epochs", "outcomes", "activations", "gradients")
    root_cause_of = (*POOR, "PT201", "PT402", "PT405", "PT502", "PT503", "PT604")
    what = "A penalty on a hidden layer has made its outputs the same for every row."
    why = "The rest of the model then gets nothing from it, and can only output the mean."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        outcome, skill = run.of(Outcome, TRAINING), run.skill(TRAINING)
        if not outcome.target_std or outcome.std is None or _is_regularised(run):
            return
        # Where noise is drawn, outputs differ without saying anything of their rows.
        constant = outcome.std / outcome.target_std <= CONSTANT_OUTPUT
        if not constant if skill is None else skill >= NO_SKILL:
            return
        name, part = _led_by_penalty(run)
        left = {
            stage.name: (run.of(Signal, stage.name, run.last_epoch).std or 0.0) / start
            for stage in run.layers
            if (start := run.of(Signal, stage.name, 0).std)
        }
        stage = next((each for each, now in left.items() if now < SPREAD_LEFT), None)
        if name is None or stage is None:
            return
        yield self.fault(
            f"At {stage} the standard deviation over the rows is {share(left[stage])} of what "
            "it was before training.",
            left[stage],
            f"measurements[signal/{stage}, epoch {run.last_epoch}].std",
            Evidence(
                f"The penalty makes {share(part)} of the first gradient of {name}.",
                part,
                f"measurements[gradient/{name}].penalty_norm",
            ),
            *run.how_well(),
            advice="Weaken the penalty (such as the KL divergence) by a factor of 100, and raise "
            "it over the first epochs. Sum the error over a row's values as the penalty is summed.",
            stage=stage,
            change="self.add_loss(0.001 * kl)",
            confidence=0.9,
        )


def _is_regularised(run: MeasuredRun) -> bool:
    """Whether weights have penalties, which are another matter."""
    return any(
        value and str(key).endswith("_regularizer") and not str(key).startswith("activity")
        for stage in run.layers
        for key, value in stage.config.items()
    )


def _led_by_penalty(run: MeasuredRun) -> tuple[str | None, float]:
    """A kernel whose gradient was nearly all penalty at first, and which part of it."""
    for name in run.kernels:
        for epoch in (0, 1):
            found = run.of(Gradient, name, epoch)
            penalty, whole = found.penalty_norm, found.norm
            if whole and penalty and penalty > PENALTY_LEADS * whole:
                return name, min(1.0, penalty / whole)
    return None, 0.0
