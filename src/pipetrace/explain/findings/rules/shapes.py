"""PT322: shapes of outputs and targets that a loss stretches to each other."""

import math
from collections.abc import Iterator

from pipetrace.explain import task
from pipetrace.explain.findings.finding import ERROR, Evidence, Finding
from pipetrace.explain.findings.measured_run import MeasuredRun
from pipetrace.explain.findings.questions import POOR, REGRESSION_LOSSES
from pipetrace.explain.findings.rule import RunRule
from pipetrace.explain.formatting import counted, dimensions

Shape = tuple[int | None, ...]


class OutputShape(RunRule):
    code = "PT322"
    name = "output-shape-mismatch"
    category = "output_shape"
    level = ERROR
    needs = ("stages", "targets")
    root_cause_of = (*POOR, "PT305", "PT309", "PT402", "PT502")
    what = "An output has fewer values for a row than its target, and the loss repeats them."
    why = "One value is then compared with many, so the best the model can do is their mean."

    def faults(self, run: MeasuredRun) -> Iterator[Finding]:
        for output in task.outputs(run.trace):
            target = output.target
            if target is None or output.loss not in REGRESSION_LOSSES | task.YES_OR_NO:
                continue
            given, wanted = without_last_ones(output.shape), without_last_ones(target.shape)
            if not _is_repeated(given, wanted):
                continue
            values, places = (
                math.prod(each or 1 for each in shape[1:]) for shape in (given, wanted)
            )
            change = f"keras.layers.Dense({places})" if len(wanted) == 2 else ""
            yield self.fault(
                Evidence(
                    f"{output.stage} has {counted(values, 'output')} for a row, its target has "
                    f"{places:,} values; {output.loss} compares each output with several of them.",
                    float(values),
                    f"stages[{output.stage}].outputs[0].shape",
                ),
                Evidence(
                    f"The shape of a row's target is {dimensions(target.shape)}.",
                    float(places),
                    "run.data.targets[0].shape",
                ),
                advice="Give the output the shape of the target: a unit for each value, or a layer "
                "that keeps the steps (return_sequences=True).",
                stage=run.before_reshaping(output.stage).name,
                change=change,
            )


def without_last_ones(shape: Shape) -> Shape:
    """A shape without the last axes of length 1, which Keras drops before it compares."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _is_repeated(given: Shape, wanted: Shape) -> bool:
    """Whether an output is repeated along axes of its target: where it has a length of 1, or none
    but the rows."""
    if None in given[1:] or None in wanted[1:]:
        return False
    if len(given) == 1:
        return len(wanted) > 1
    pairs = list(zip(given[1:], wanted[1:], strict=False))
    return (
        len(given) == len(wanted)
        and any(one == 1 != other for one, other in pairs)
        and all(one in (1, other) for one, other in pairs)
    )
