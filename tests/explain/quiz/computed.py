"""What the answers to questions are computed with: the trace, and Keras."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from pipetrace.explain.formatting import as_written, share
from pipetrace.explain.quiz.generator import Draft
from pipetrace.trace import Trace
from pipetrace.trace.document import Stage
from pipetrace.trace.measurements import TRAINING, VALIDATION, ClassOutcome, Outcome, Update

NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")


def numbers(text: str) -> tuple[float, ...]:
    return tuple(float(each.replace(",", "")) for each in NUMBER.findall(text))


class Exact(float):
    """A value that is written with all its digits."""


def holds(option: str, truth: object) -> bool:
    """Whether an option says what is true: a text, or numbers to the digits that are written."""
    if isinstance(truth, str):
        return option == truth
    wanted = truth if isinstance(truth, tuple) else (truth,)
    found = numbers(option)
    if option in ("nearly zero", "under 0.001 %"):
        found = (0.0,)
    return len(found) == len(wanted) and all(
        a == b
        if isinstance(b, int)
        else abs(a - b) <= (1e-6 if isinstance(b, Exact) else 0.0051) * abs(b) + 1e-6
        for a, b in zip(found, wanted, strict=True)
    )


def asked_stage(trace: Trace, draft: Draft) -> Stage:
    return trace.stage(draft.about["stage"])


def value(trace: Trace, draft: Draft, key: str) -> float:
    """The recorded value of the example at the place that was drawn."""
    example = asked_stage(trace, draft).example
    assert example is not None
    return float(example[draft.about[key]])


def given(stage: Stage) -> tuple[int, ...]:
    return tuple(int(each or 0) for each in stage.outputs[0].shape[1:])


def taken(stage: Stage) -> tuple[int, ...]:
    return tuple(int(each or 0) for each in stage.inputs[0].shape[1:])


def goes_out(trace: Trace, draft: Draft) -> tuple[int, ...]:
    """What the stage that is asked about gives for a row."""
    return given(asked_stage(trace, draft))


def comes_in(trace: Trace, draft: Draft) -> tuple[int, ...]:
    return taken(asked_stage(trace, draft))


def dense_instead(trace: Trace, draft: Draft) -> int:
    """By Keras, where the kernel does not take too much memory."""
    one, other = math.prod(comes_in(trace, draft)), math.prod(goes_out(trace, draft))
    small = one * other < 1e6
    return parameters_by_keras("Dense", (one,), units=other) if small else (one + 1) * other


def by_keras(layer: str, taken: tuple[int, ...], **settings: Any) -> tuple[int, ...]:
    """The shape that Keras computes."""
    import keras

    made = getattr(keras.layers, layer)(**settings)
    return tuple(made.compute_output_shape((None, *taken))[1:])


def parameters_by_keras(layer: str, taken: tuple[int, ...], **settings: Any) -> int:
    import keras

    made = getattr(keras.layers, layer)(**settings)
    made.build((None, *taken))
    return sum(math.prod(each.shape) for each in made.weights)


def convolved(**changed: str) -> Callable[[Trace, Draft], object]:
    def truth(trace: Trace, draft: Draft) -> object:
        stage = asked_stage(trace, draft)
        settings = {key: stage.config[key] for key in ("filters", "kernel_size", "padding")}
        settings |= {key: draft.about[key] for key in changed}
        return by_keras("Conv2D", taken(stage), **settings)

    return truth


def named_stage(stage: Stage) -> str:
    return f"{stage.layer} ({stage.name})"


def owner(stage: Stage) -> str:
    return re.sub(r":\d+$", "", stage.name)


def size(trace: Trace, name: str) -> int:
    stage = trace.stages[name]
    of_weights = sum(math.prod(each.shape) for each in stage.weights)
    return of_weights or stage.parameters.total  # traces made by hand may list no weights


def total(trace: Trace) -> int:
    return sum(size(trace, each.name) for each in trace.stages if each.name == owner(each))


def rows(trace: Trace) -> int:
    return int(trace.run.data.rows or sum(trace.run.data.class_counts))


def updates(trace: Trace, draft: Draft) -> int:
    batch = trace.run.training.batch_size or 1
    return len(range(0, rows(trace), batch)) * int(draft.about["epochs"])


def epochs_for(trace: Trace, draft: Draft) -> int:
    steps = len(range(0, rows(trace), trace.run.training.batch_size or 1))
    return next(each for each in range(1, 99_999) if each * steps >= draft.about["updates"])


def best_epoch(trace: Trace, draft: Draft) -> str:
    losses = {each.number: each.metrics.get("val_loss", math.inf) for each in trace.epochs}
    return f"Epoch {min(losses, key=lambda number: losses[number])}"


def loss_fell(trace: Trace, draft: Draft) -> float:
    one, two = (
        next(each.metrics["loss"] for each in trace.epochs if each.number == number)
        for number in draft.about["epochs"]
    )
    return float(100 * (one - two) / one)


def epoch(trace: Trace, draft: Draft) -> Any:
    return next(each for each in trace.epochs if each.number == draft.about["epoch"])


def relative(trace: Trace, draft: Draft) -> float:
    found = trace.measurements.of(Update, draft.about["name"], draft.about["epoch"])
    return float(found.update_norm or 0) / float(found.weight_norm or 1)


def most_moved(trace: Trace, draft: Draft) -> str:
    def moved(name: str) -> float:
        last = max(each or 0 for each in trace.measurements.epochs(Update, name))
        return float(trace.measurements.of(Update, name, last).from_start or 0)

    return str(max(draft.about["names"], key=moved))


def shares(trace: Trace, draft: Draft) -> Any:
    """The class probabilities of the row that is asked about."""
    made = next(each for each in trace.predictions if each.row == draft.about["row"])
    stage = next(each for each in reversed(trace.stages) if each.name in made.outputs)
    values = made.outputs[stage.name].astype(float).reshape(-1)
    if stage.config.get("activation") not in ("softmax", "sigmoid"):
        values = np.exp(values - values.max()) if len(values) > 1 else 1 / (1 + np.exp(-values))
        values = values / values.sum() if len(values) > 1 else values
    return values if len(values) > 1 else np.array([1 - values[0], values[0]])


def named(trace: Trace, index: int) -> str:
    names = trace.run.data.class_names
    return f"'{names[index]}'" if index < len(names) else f"Class {index}"


def second(trace: Trace, draft: Draft) -> str:
    return named(trace, int(np.argsort(shares(trace, draft))[-2]))


def odds(trace: Trace, draft: Draft) -> float:
    one, two = np.sort(shares(trace, draft))[::-1][:2]
    return float(np.log(as_written(one / two)))


def row_loss(trace: Trace, draft: Draft) -> float:
    made = next(each for each in trace.predictions if each.row == draft.about["row"])
    return float(-np.log(shares(trace, draft)[made.label]))


def yes_or_no(trace: Trace, draft: Draft) -> str:
    values = shares(trace, draft)
    return f"{named(trace, int(values.argmax()))}, {share(float(values.max()))}"


def residual(trace: Trace, draft: Draft) -> float:
    made = next(each for each in trace.predictions if each.row == draft.about["row"])
    stage = next(each for each in reversed(trace.stages) if each.name in made.outputs)
    both = (made.outputs[stage.name].reshape(-1)[0], made.targets[0].reshape(-1)[0])
    given, wanted = (as_written(float(each)) for each in both)
    return (given - wanted) ** 2


def kind(trace: Trace) -> str:
    return VALIDATION if trace.measurements.has(Outcome, VALIDATION) else TRAINING


def class_outcome(trace: Trace, index: int) -> ClassOutcome:
    return trace.measurements.of(ClassOutcome, f"{kind(trace)}/{index}")


def f1(trace: Trace, draft: Draft) -> float:
    found = class_outcome(trace, draft.about["index"])
    recall, precision = found.correct / found.rows, found.correct / found.predicted  # type: ignore[operator]
    return 200 * recall * precision / (recall + precision)


def ratio(part: str, whole: str) -> Callable[[Trace, Draft], float]:
    def truth(trace: Trace, draft: Draft) -> float:
        found = class_outcome(trace, draft.about["index"])
        return 100 * float(getattr(found, part)) / float(getattr(found, whole))

    return truth


def class_of(choose: Callable[..., int]) -> Callable[[Trace, Draft], str]:
    def truth(trace: Trace, draft: Draft) -> str:
        def recall(index: int) -> float:
            found = class_outcome(trace, index)
            return float(found.correct or 0) / float(found.rows or 1)

        return named(trace, choose(draft.about["classes"], key=recall))

    return truth


def example(trace: Trace, draft: Draft) -> float:
    return value(trace, draft, "place")


def pooled(trace: Trace, draft: Draft) -> float:
    block = numbers(draft.text.partition("holds ")[2].partition(". What")[0])
    return float(max(block) if draft.about["kind"].startswith("Max") else np.mean(block))


def contribution(trace: Trace, draft: Draft) -> str:
    stage = asked_stage(trace, draft)
    kernel = trace.weights[f"{owner(stage)}/kernel"][:, draft.about["unit"]]
    given = trace.stages[stage.inputs[0].source or ""].example
    assert given is not None
    return f"Value {max(draft.about['inputs'], key=lambda at: given[at] * kernel[at])}"


def score(trace: Trace, draft: Draft) -> float:
    summary = asked_stage(trace, draft).summary
    assert summary is not None
    assert summary.mean is not None
    assert summary.std
    apart = draft.about["value"] - as_written(summary.mean)
    assert (" below the mean " if apart < 0 else " above the mean ") in draft.text
    return float(abs(apart) / as_written(summary.std))


def zeros(trace: Trace, draft: Draft) -> float:
    summary = asked_stage(trace, draft).summary
    assert summary is not None
    return 100 * summary.zeros / summary.count


def multiplications(trace: Trace, draft: Draft) -> int:
    stage = asked_stage(trace, draft)
    kernel = next(each.shape for each in stage.weights if each.name == "kernel")
    return int(draft.about["rows"]) * math.prod(given(stage)) * math.prod(kernel[:-1])


def filter_of(trace: Trace, draft: Draft) -> str:
    shape = comes_in(trace, draft)
    return f"Filter {np.unravel_index(draft.about['index'], shape)[2]}"


def setting(stage: Stage, *keys: str) -> tuple[int, ...]:
    """The first of these settings of a layer that it has."""
    return tuple(next(stage.config[key] for key in keys if stage.config.get(key)))


def next_stage(trace: Trace, draft: Draft) -> str:
    [user] = [
        each
        for each in trace.stages
        if each.inputs and each.inputs[0].source == draft.about["stage"]
    ]
    return f"{user.layer} ({user.name})"


def window(trace: Trace, draft: Draft) -> tuple[int, ...]:
    """By marking each line of the input and seeing which marks arrive."""
    stage = asked_stage(trace, draft)
    size = setting(stage, "kernel_size", "pool_size")
    step = setting(stage, "strides", "pool_size")
    lines = np.arange(taken(stage)[0])
    windows = np.lib.stride_tricks.sliding_window_view(lines, size[0])[:: step[0]]
    seen = windows[draft.about["line"]]
    return int(seen[0]), int(seen[-1])


def field(trace: Trace, draft: Draft) -> tuple[int, int]:
    """By going back from one value through both layers."""
    first, last = 0, 0
    stage: Stage = asked_stage(trace, draft)
    for each in (stage, trace.stages[stage.inputs[0].source or ""]):
        size = setting(each, "kernel_size", "pool_size")[0]
        step = setting(each, "strides", "pool_size")[0]
        first, last = first * step, last * step + size - 1
    return last - first + 1, last - first + 1


def recurrent(trace: Trace, draft: Draft) -> object:
    stage = asked_stage(trace, draft)
    units = int(stage.config["units"])
    return by_keras(
        str(stage.layer), taken(stage), units=units, return_sequences=draft.about["whole"]
    )


def memory(trace: Trace, draft: Draft) -> int:
    import keras

    made = keras.optimizers.get(draft.about["optimizer"])
    variables = [keras.Variable(np.zeros(3, np.float32))]
    made.build(variables)
    slots = sum(tuple(each.shape) == (3,) for each in made.variables)
    total = sum(each.parameters.trainable for each in trace.stages if each.name == owner(each))
    return slots * total


def only(is_true: Callable[[Trace, Draft, str], bool]) -> Callable[[Trace, Draft], object]:
    """The one answer of all that were drafted of which something is so."""

    def truth(trace: Trace, draft: Draft) -> object:
        options = (draft.right, *(answer for answer, _ in draft.wrong))
        return next((each for each in options if is_true(trace, draft, each)), "none")

    return truth


def is_chosen_layer(_: Trace, draft: Draft, option: str) -> bool:
    """Whether a layer, made by Keras, gives the shape and has the parameters that are asked for."""
    import keras

    made = eval(f"keras.layers.{option}", {"keras": keras})
    made.build((None, *draft.about["taken"]))
    shape = tuple(made.compute_output_shape((None, *draft.about["taken"]))[1:])
    return bool((shape, made.count_params()) == (draft.about["given"], draft.about["parameters"]))


def windowed(layer: str, argument: str, **more: Any) -> Callable[[Trace, Draft, str], bool]:
    """Whether the argument in an option makes Keras give the size that is asked for."""

    def is_true(trace: Trace, draft: Draft, option: str) -> bool:
        settings = {argument: int(numbers(option)[0]), **more}
        shape = comes_in(trace, draft)
        return bool(by_keras(layer, shape, **settings)[:2] == draft.about["wanted"])

    return is_true


def most_units(_: Trace, draft: Draft) -> int:
    width, limit = draft.about["width"], draft.about["limit"]
    return max(each for each in range(200) if each * width + each <= limit)


FAULTS = {
    "from_logits": "PT304",
    "y + ": "PT111",
    'Dense(1, activation="softmax")': "PT301",
    "the last layer": "PT303",
    'activation="softmax"': "PT203",
    "zeros": "PT602",
    "metrics": "PT320",
    "validation_data=(x[": "PT505",
}
"""What a line has in it that a rule finds; the later ones are looked at only if no earlier one fits.
That the rules do find them is seen in test_planted.py."""


def rule_of(_: Trace, draft: Draft, option: str) -> bool:
    line = draft.text.partition("program")[2]
    code = next(code for mark, code in FAULTS.items() if mark in line)
    return option.endswith(f"({code})")
