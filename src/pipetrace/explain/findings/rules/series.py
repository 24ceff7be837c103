"""PT152 to PT154: rows that are series of steps."""

from collections.abc import Iterator

from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, margin, struggles
from pipetrace.explain.findings.rule import RunRule, as_note
from pipetrace.explain.formatting import figure, share
from pipetrace.trace.document import Stage
from pipetrace.trace.measurements import TRAINING, DatasetCheck, Outcome, Signal

MOSTLY_PADDING = 0.5
"""Share of steps from which on padding outweighs what is meant."""
FORGOTTEN = 0.01
"""Spread of the rows over the size of the outputs, below which a recurrent layer gives the same for
every row. With a forget gate at one half, its initial state, seven steps of padding leave 0.01."""
CLOSE_TO_LAST = 0.8
"""R2 of repeating the last step, from which on that is the forecast to beat: a correlation of 0.9
between steps. Below it the last step says little."""


class PaddingNotMasked(RunRule):
    code = "PT152"
    name = "padding-not-masked"
    needs = ("stages", "training rows", "activations", "outcomes")
    root_cause_of = (*POOR, "PT201", "PT402", "PT405", "PT502", "PT604", "PT607")
    what = "A recurrent layer reads long padding after each row, and its last step forgets the row."
    why = "Without a mask the state after the padding is the same, whatever came before."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        check = run.of(DatasetCheck, TRAINING)
        padding = check.inputs_padded or 0.0
        if padding < MOSTLY_PADDING or not struggles(run):
            return
        for stage in run.layers:
            measured = run.trace.measurements.epochs(Signal, stage.name)
            # The state is forgotten before training, too, where no later epoch was measured.
            epoch = max((each for each in measured if each is not None), default=0)
            signal = run.of(Signal, stage.name, epoch)
            if not _ends_at_last_step(stage) or _is_masked(run, stage) or not signal.rms:
                continue
            spread = (signal.std or 0.0) / signal.rms
            if spread < FORGOTTEN:
                embedding = _before(run, stage, "Embedding")
                sizes = [] if embedding is None else [embedding.config.get("input_dim", "...")]
                sizes += [] if embedding is None else [embedding.config.get("output_dim", "...")]
                advice = (
                    "Set mask_zero=True in the Embedding, if 0 stands for padding; or pad in front."
                )
                change = f"keras.layers.Embedding({', '.join(map(str, sizes))}, mask_zero=True)"
                if embedding is None:
                    advice = "Add a Masking layer in front of it, or pad in front."
                    change = f"keras.layers.Masking()  # ahead of {stage.name}"
                yield self.fault(
                    f"{share(padding)} of the steps are padding at the end of their row, and "
                    f"the last output of {stage.name} is nearly the same for every row.",
                    padding,
                    "measurements[dataset_check/training].inputs_padded",
                    Evidence(
                        "Its standard deviation over the rows is "
                        f"{figure(spread)} of its root mean square.",
                        spread,
                        f"measurements[signal/{stage.name}, epoch {epoch}].std",
                    ),
                    *run.how_well(),
                    advice=advice,
                    stage=stage.name,
                    change=change,
                    confidence=0.9,
                )
                return


class WorseThanLastStep(RunRule):
    code = "PT153"
    name = "worse-than-last-step"
    category = "persistence"
    needs = ("stages", "outcomes")
    root_cause_of = ("PT310", "PT402", "PT404", "PT502")
    what = "A forecast is worse than repeating the last step of the input."
    why = "R2 looks good for any forecast that follows a slow series, so it hides this."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        rows = run.evaluated_rows
        outcome = run.of(Outcome, rows)
        error, last = outcome.mean_squared_error, outcome.mean_squared_error_of_last
        mean = outcome.mean_squared_error_of_mean
        if not error or not last or not mean or run.rebuilds:
            return
        if 1 - last / mean < CLOSE_TO_LAST or error <= last:
            return
        yield self.fault(
            f"On the {rows} rows the mean squared error is {figure(error)}; repeating the "
            f"last step of each input gives {figure(last)}.",
            1 - error / last,
            f"measurements[outcome/{rows}].mean_squared_error_of_last",
            *run.how_well(),
            advice="Predict the change from the last step, and add that step to the prediction. "
            "Judge by the error against this forecast, not by R2.",
            change="y = y - x[:, -1, :1]  # of each window, and its target the same for validation",
            confidence=margin(error / last, 1.0, 2.0),
        )


class TargetsMostlyPadding(RunRule):
    code = "PT154"
    name = "targets-mostly-padding"
    category = "class_imbalance"
    needs = ("stages", "training rows", "outcomes")
    root_cause_of = (*POOR, "PT110", "PT502")
    what = "Most targets of a sequence are padding, which counts in loss and accuracy."
    why = "Predicting the padding is easy, so the metrics look good while the rest is not learned."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        outcome = run.of(Outcome, TRAINING)
        if not targets_are_padding(run) or outcome.balanced_accuracy is None:
            return
        padding = run.of(DatasetCheck, TRAINING).targets_padded or 0.0
        found = self.fault(
            f"{share(padding)} of the targets are padding at the end of their row, and count "
            "in loss and metrics.",
            padding,
            "measurements[dataset_check/training].targets_padded",
            *run.how_well(),
            advice="Mask the padding: mask_zero=True in the Embedding, or sample weights of the "
            "targets' shape that are 0 for padding, and weighted_metrics for the accuracy.",
            change="model.fit(x, y, sample_weight=(y != 0).astype('float32'), ...)",
            confidence=margin(padding, MOSTLY_PADDING, 0.9),
        )
        yield found if struggles(run) else as_note(found)


def targets_are_padding(run: MeasuredRun) -> bool:
    """Whether most targets are padding that neither a mask nor weights take out of the loss."""
    padding = run.of(DatasetCheck, TRAINING).targets_padded or 0.0
    output = run.output
    weighted = run.trace.run.training.is_weighted
    masked = output is not None and run.stage(output.stage).mask is not None
    return padding >= MOSTLY_PADDING and not weighted and not masked and not run.rebuilds


def _ends_at_last_step(stage: Stage) -> bool:
    config = stage.config
    return (
        stage.layer in ("LSTM", "GRU", "SimpleRNN")
        and not config.get("return_sequences")
        and not config.get("go_backwards")
    )


def _is_masked(run: MeasuredRun, stage: Stage) -> bool:
    source = run.before(stage)
    if source is not None and source.mask is not None:
        return True
    embedding = _before(run, stage, "Embedding")
    masks = embedding is not None and bool(embedding.config.get("mask_zero"))
    return masks or _before(run, stage, "Masking") is not None


def _before(run: MeasuredRun, stage: Stage, layer: str) -> Stage | None:
    """The nearest stage of a class of layers on the way to another."""
    current = run.before(stage)
    while current is not None and current.layer != layer:
        current = run.before(current)
    return current
