"""PT650 and PT651: what a model reads beside its inputs and weights."""

from collections.abc import Iterator

from pipetrace.explain import task
from pipetrace.explain.findings.finding import Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, margin
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import counted, share
from pipetrace.trace.measurements import BatchDependence, UntrackedVariables

DEPENDENT = 0.05
"""Change of a stage's output with other neighbours, over its spread over the rows. Sums in another
order change less, also of 16-bit numbers."""
DEPENDENT_PREDICTION = 0.01
"""The same of the prediction, which must change too: below it nobody sees the difference."""


class UntrackedWeights(RunRule):
    code = "PT650"
    name = "untracked-variables"
    category = "untracked_weights"
    needs = ("stages", "untracked variables")
    root_cause_of = (*POOR, "PT402", "PT502", "PT603", "PT607")
    what = "A layer reads TensorFlow variables that Keras does not know."
    why = "Keras neither trains nor saves them, so they stay as they were drawn."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for stage in run.names(UntrackedVariables):
            held = run.of(UntrackedVariables, stage)
            # Somebody's own loop may train them.
            if held.changed or not held.count:
                continue
            yield self.fault(
                f"{stage} reads {counted(held.count, 'trainable tf.Variable')} of "
                f"{counted(held.values or 0, 'value')} that Keras does not know. Training left "
                "all of it as it was.",
                float(held.values or 0),
                f"measurements[untracked_variables/{stage}].values",
                *run.how_well(),
                advice="Make them with self.add_weight, or as keras.Variable. Give constants "
                "trainable=False.",
                stage=stage,
                change="self.w = self.add_weight(shape=(inputs, units), name='w')",
            )


class BatchDependentOutput(RunRule):
    code = "PT651"
    name = "batch-dependent-output"
    category = "batch_dependence"
    needs = ("stages", "batch comparisons")
    root_cause_of = (*POOR, "PT106", "PT501", "PT502")
    what = "What the model predicts for a row depends on the other rows of its batch."
    why = "The same row gets another prediction in another batch, or alone."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        measured = {
            stage.name: run.of(BatchDependence, stage.name).difference or 0.0
            for stage in run.layers
            if run.has(BatchDependence, stage.name)
        }
        outputs = {output.stage for output in task.outputs(run.trace)}
        last = max((measured[name] for name in outputs if name in measured), default=0.0)
        first = next((name for name, apart in measured.items() if apart > DEPENDENT), None)
        # Called with training=True it takes the batch's own averages, as it is told.
        if (
            first is None
            or last <= DEPENDENT_PREDICTION
            or run.stage(first).layer == "BatchNormalization"
        ):
            return
        evidence = [
            Evidence(
                f"With other rows in its batch, the output of {name} for a row changes by "
                f"{share(measured[name])} of its standard deviation over the rows.",
                measured[name],
                f"measurements[batch_dependence/{name}].difference",
            )
            for name in dict.fromkeys((first, *outputs))
            if measured.get(name, 0.0) > DEPENDENT_PREDICTION
        ]
        yield self.shown(
            *evidence,
            advice="Look for an operation there that sums or compares over the first axis, such as "
            "tensordot or matmul of two batches. For a product of two rows: "
            "keras.ops.sum(a * b, axis=-1).",
            stage=first,
            change="x = keras.ops.sum(user * item, axis=-1, keepdims=True)",
            confidence=margin(measured[first], DEPENDENT, 0.5),
        )
