"""Faults that can be planted in the program of a run, each with the rule that finds it.

That the rules do find them is tested by planting them.
"""

from collections.abc import Iterator

from pipetrace.explain import task
from pipetrace.explain.facts import layer_stages
from pipetrace.explain.layers import kernel
from pipetrace.explain.quiz.generator import has_known_shapes, lengths
from pipetrace.trace.document import Trace
from pipetrace.trace.records import Record

LAST = " (the last layer)"


class Fault(Record):
    """A change of a program that is a fault."""

    rule: str  # the code of the rule that reports it
    code: str  # the line as it is then
    reason: str  # why the rule reports it
    # rules that it might also be reported by, which are no wrong answers
    unlike: tuple[str, ...] = ()
    where: str = ""  # the layer that the line is of, in brackets behind a blank, if it is of one


def faults(trace: Trace) -> Iterator[Fault]:
    """The faults that can be planted in the program of a run, each with the rule that finds it."""
    output, training = task.only(trace), trace.run.training
    if output is None or not training.loss or not trace.epochs:
        return
    own = layer_stages(trace)
    if own and own[-1].layer == "Dense" and output.scale == task.PROBABILITIES:
        yield from _of_last(output)
    hidden = (each for each in own[:-1] if each.layer in ("Dense", "Conv2D"))
    wide = (each for each in hidden if has_known_shapes(each) and lengths(each.outputs[0])[-1] > 2)
    if (stage := next(wide, None)) is not None:
        width = lengths(stage.outputs[0])[-1]
        side = f", {kernel(stage)[0]}" if stage.layer == "Conv2D" and kernel(stage) else ""
        yield Fault(
            "PT203",
            f'layers.{stage.layer}({width}{side}, activation="softmax")',
            f"Behind a hidden layer the softmax makes its {width} outputs share a sum of 1, so "
            "that hardly any signal is left.",
            where=f" (layer {stage.name})",
        )
        yield Fault(
            "PT602",
            f'layers.{stage.layer}({width}{side}, kernel_initializer="zeros")',
            f"With the same start all {width} units get the same gradient and stay the same.",
            ("PT607", "PT405", "PT601", "PT309"),
            f" (layer {stage.name})",
        )
    if output.what == task.NUMBERS:
        yield Fault(
            "PT320",
            'model.compile(..., metrics=["accuracy"])',
            "Accuracy counts equal classes; the targets here are numbers that hardly ever are.",
        )
    yield Fault(
        "PT505",
        "model.fit(x, y, validation_data=(x[:100], y[:100]), ...)",
        "The rows that are to judge the model are among those that it is trained on.",
    )


def _of_last(output: task.Output) -> Iterator[Fault]:
    """Faults of the last layer, the loss, or the targets of a classification."""
    units = output.shape[-1] or 1
    if output.what == task.CLASSES and units > 2:
        if output.loss == task.SPARSE:
            yield Fault(
                "PT304",
                "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
                f"The last layer already ends in a softmax over {units} classes, and "
                "from_logits=True applies it once more.",
            )
            yield Fault(
                "PT111",
                f"model.fit(x, y + {units}, ...)",
                f"The loss expects class numbers from 0 to {units - 1}; these begin at {units}.",
                ("PT701", "PT302"),
            )
        yield Fault(
            "PT303",
            f"layers.Dense({units})",
            f"The loss expects probabilities, and nothing makes any of the {units} logits.",
            ("PT306", "PT302"),
            LAST,
        )
        yield Fault(
            "PT301",
            'layers.Dense(1, activation="softmax")',
            "A softmax over a single unit is always 1, whatever the model computes.",
            ("PT305", "PT308", "PT111"),
            LAST,
        )
    if output.loss == task.BINARY_LOSS:
        yield Fault(
            "PT304",
            "loss=keras.losses.BinaryCrossentropy(from_logits=True)",
            "The last layer already ends in a sigmoid, and from_logits=True applies it once more.",
        )
