"""For each generator what the right answer is, computed from the trace or from the question's own numbers."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from pipetrace.explain.formatting import share
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


def _stage(trace: Trace, draft: Draft) -> Stage:
    return trace.stages[draft.about["stage"]]


def _given(stage: Stage) -> tuple[int, ...]:
    return tuple(int(each or 0) for each in stage.outputs[0].shape[1:])


def _taken(stage: Stage) -> tuple[int, ...]:
    return tuple(int(each or 0) for each in stage.inputs[0].shape[1:])


def _by_keras(layer: str, taken: tuple[int, ...], **settings: Any) -> tuple[int, ...]:
    """The shape that Keras computes."""
    import keras

    made = getattr(keras.layers, layer)(**settings)
    return tuple(made.compute_output_shape((None, *taken))[1:])


def _parameters_by_keras(layer: str, taken: tuple[int, ...], **settings: Any) -> int:
    import keras

    made = getattr(keras.layers, layer)(**settings)
    made.build((None, *taken))
    return sum(math.prod(each.shape) for each in made.weights)


def _convolved(**changed: str) -> Callable[[Trace, Draft], object]:
    def truth(trace: Trace, draft: Draft) -> object:
        stage = _stage(trace, draft)
        settings = {key: stage.config[key] for key in ("filters", "kernel_size", "padding")}
        settings |= {key: draft.about[key] for key in changed}
        return _by_keras("Conv2D", _taken(stage), **settings)

    return truth


def _owner(stage: Stage) -> str:
    return re.sub(r":\d+$", "", stage.name)


def _size(trace: Trace, name: str) -> int:
    stage = trace.stages[name]
    of_weights = sum(math.prod(each.shape) for each in stage.weights)
    return of_weights or stage.parameters.total  # traces made by hand may list no weights


def _total(trace: Trace) -> int:
    return sum(_size(trace, each.name) for each in trace.stages if each.name == _owner(each))


def _rows(trace: Trace) -> int:
    return int(trace.run.data.rows or sum(trace.run.data.class_counts))


def _updates(trace: Trace, draft: Draft) -> int:
    batch = trace.run.training.batch_size or 1
    return len(range(0, _rows(trace), batch)) * int(draft.about["epochs"])


def _epochs_for(trace: Trace, draft: Draft) -> int:
    steps = len(range(0, _rows(trace), trace.run.training.batch_size or 1))
    return next(each for each in range(1, 99_999) if each * steps >= draft.about["updates"])


def _best_epoch(trace: Trace, draft: Draft) -> str:
    losses = {each.number: each.metrics.get("val_loss", math.inf) for each in trace.epochs}
    return f"Epoch {min(losses, key=lambda number: losses[number])}"


def _loss_fell(trace: Trace, draft: Draft) -> float:
    one, two = (
        next(each.metrics["loss"] for each in trace.epochs if each.number == number)
        for number in draft.about["epochs"]
    )
    return float(100 * (one - two) / one)


def _epoch(trace: Trace, draft: Draft) -> Any:
    return next(each for each in trace.epochs if each.number == draft.about["epoch"])


def _relative(trace: Trace, draft: Draft) -> float:
    found = trace.measurements.of(Update, draft.about["name"], draft.about["epoch"])
    return float(found.update_norm or 0) / float(found.weight_norm or 1)


def _most_moved(trace: Trace, draft: Draft) -> str:
    def moved(name: str) -> float:
        last = max(each or 0 for each in trace.measurements.epochs(Update, name))
        return float(trace.measurements.of(Update, name, last).from_start or 0)

    return str(max(draft.about["names"], key=moved))


def _shares(trace: Trace, draft: Draft) -> Any:
    """The class probabilities of the row that is asked about."""
    made = next(each for each in trace.predictions if each.row == draft.about["row"])
    stage = next(each for each in reversed(trace.stages) if each.name in made.outputs)
    values = made.outputs[stage.name].astype(float).reshape(-1)
    if stage.config.get("activation") not in ("softmax", "sigmoid"):
        values = np.exp(values - values.max()) if len(values) > 1 else 1 / (1 + np.exp(-values))
        values = values / values.sum() if len(values) > 1 else values
    return values if len(values) > 1 else np.array([1 - values[0], values[0]])


def _named(trace: Trace, index: int) -> str:
    names = trace.run.data.class_names
    return f"'{names[index]}'" if index < len(names) else f"Class {index}"


def _second(trace: Trace, draft: Draft) -> str:
    return _named(trace, int(np.argsort(_shares(trace, draft))[-2]))


def _odds(trace: Trace, draft: Draft) -> float:
    one, two = np.sort(_shares(trace, draft))[::-1][:2]
    return float(np.log(one) - np.log(two))


def _row_loss(trace: Trace, draft: Draft) -> float:
    made = next(each for each in trace.predictions if each.row == draft.about["row"])
    return float(-np.log(_shares(trace, draft)[made.label]))


def _yes_or_no(trace: Trace, draft: Draft) -> str:
    values = _shares(trace, draft)
    return f"{_named(trace, int(values.argmax()))}, {share(float(values.max()))}"


def _residual(trace: Trace, draft: Draft) -> float:
    made = next(each for each in trace.predictions if each.row == draft.about["row"])
    stage = next(each for each in reversed(trace.stages) if each.name in made.outputs)
    return float((made.outputs[stage.name].reshape(-1)[0] - made.targets[0].reshape(-1)[0]) ** 2)


def _kind(trace: Trace) -> str:
    return VALIDATION if trace.measurements.has(Outcome, VALIDATION) else TRAINING


def _class(trace: Trace, index: int) -> ClassOutcome:
    return trace.measurements.of(ClassOutcome, f"{_kind(trace)}/{index}")


def _f1(trace: Trace, draft: Draft) -> float:
    found = _class(trace, draft.about["index"])
    recall, precision = found.correct / found.rows, found.correct / found.predicted  # type: ignore[operator]
    return 200 * recall * precision / (recall + precision)


def _ratio(part: str, whole: str) -> Callable[[Trace, Draft], float]:
    def truth(trace: Trace, draft: Draft) -> float:
        found = _class(trace, draft.about["index"])
        return 100 * float(getattr(found, part)) / float(getattr(found, whole))

    return truth


def _class_of(choose: Callable[..., int]) -> Callable[[Trace, Draft], str]:
    def truth(trace: Trace, draft: Draft) -> str:
        def recall(index: int) -> float:
            found = _class(trace, index)
            return float(found.correct or 0) / float(found.rows or 1)

        return _named(trace, choose(draft.about["classes"], key=recall))

    return truth


def _example(trace: Trace, draft: Draft) -> float:
    """The recorded value at the place that is asked about."""
    example = _stage(trace, draft).example
    assert example is not None
    return float(example[draft.about["place"]])


def _pooled(trace: Trace, draft: Draft) -> float:
    block = numbers(draft.text.partition("holds ")[2].partition(". What")[0])
    return float(max(block) if draft.about["kind"].startswith("Max") else np.mean(block))


def _contribution(trace: Trace, draft: Draft) -> str:
    stage = _stage(trace, draft)
    kernel = trace.weights[f"{_owner(stage)}/kernel"][:, draft.about["unit"]]
    given = trace.stages[stage.inputs[0].source or ""].example
    assert given is not None
    return f"Input {max(draft.about['inputs'], key=lambda at: given[at] * kernel[at])}"


def _score(trace: Trace, draft: Draft) -> float:
    summary = _stage(trace, draft).summary
    assert summary is not None
    return float((draft.about["value"] - summary.mean) / summary.std)  # type: ignore[operator]


def _zeros(trace: Trace, draft: Draft) -> float:
    summary = _stage(trace, draft).summary
    assert summary is not None
    return 100 * summary.zeros / summary.count


def _multiplications(trace: Trace, draft: Draft) -> int:
    stage = _stage(trace, draft)
    kernel = next(each.shape for each in stage.weights if each.name == "kernel")
    return math.prod(_given(stage)) * math.prod(kernel[:-1])


def _filter(trace: Trace, draft: Draft) -> str:
    shape = _taken(_stage(trace, draft))
    return f"Filter {np.unravel_index(draft.about['index'], shape)[2]}"


def _next(trace: Trace, draft: Draft) -> str:
    [user] = [
        each
        for each in trace.stages
        if each.inputs and each.inputs[0].source == draft.about["stage"]
    ]
    return f"{user.layer} ({user.name})"


def _window(trace: Trace, draft: Draft) -> tuple[int, ...]:
    """By marking each line of the input and seeing which marks arrive."""
    stage = _stage(trace, draft)
    size = stage.config.get("kernel_size") or stage.config.get("pool_size")
    step = stage.config.get("strides") or size
    lines = np.arange(_taken(stage)[0])
    windows = np.lib.stride_tricks.sliding_window_view(lines, size[0])[:: step[0]]
    seen = windows[draft.about["line"]]
    return int(seen[0]), int(seen[-1])


def _field(trace: Trace, draft: Draft) -> tuple[int, int]:
    """By going back from one value through both layers."""
    first, last = 0, 0
    stage: Stage = _stage(trace, draft)
    for each in (stage, trace.stages[stage.inputs[0].source or ""]):
        size = each.config.get("kernel_size") or each.config.get("pool_size")
        step = (each.config.get("strides") or size)[0]
        first, last = first * step, last * step + size[0] - 1
    return last - first + 1, last - first + 1


def _recurrent(trace: Trace, draft: Draft) -> object:
    stage = _stage(trace, draft)
    units = int(stage.config["units"])
    return _by_keras(
        str(stage.layer), _taken(stage), units=units, return_sequences=draft.about["whole"]
    )


def _memory(trace: Trace, draft: Draft) -> int:
    import keras

    made = keras.optimizers.get(trace.run.training.optimizer)
    variables = [keras.Variable(np.zeros(3, np.float32))]
    made.build(variables)
    slots = sum(tuple(each.shape) == (3,) for each in made.variables)
    total = sum(each.parameters.trainable for each in trace.stages if each.name == _owner(each))
    return slots * total


TRUTHS: dict[str, Callable[[Trace, Draft], object]] = {
    "Accuracy": lambda t, d: (
        100
        * sum(_class(t, each).correct or 0 for each in range(999))
        / sum(_class(t, each).rows or 0 for each in range(999))
    ),
    "AttentionScores": lambda t, d: (
        _stage(t, d).config["num_heads"] * _taken(_stage(t, d))[0] ** 2
    ),
    "BatchShape": lambda t, d: (d.about["batch"], *_given(_stage(t, d))),
    "BestEpoch": _best_epoch,
    "BiasAndActivation": _example,
    "ChanceLoss": lambda t, d: -math.log(1 / numbers(d.text)[0]),
    "ChannelOfValue": _filter,
    "ConvolutionParameters": lambda t, d: _size(t, _owner(_stage(t, d))),
    "ConvolutionShape": _convolved(),
    "ConvolutionValue": _example,
    "DenseInputs": lambda t, d: (
        len(t.weights[f"{d.evidence.partition('/')[2]}/kernel"])
        + (f"{d.evidence.partition('/')[2]}/bias" in t.weights)
    ),
    "DenseInstead": lambda t, d: _parameters_by_keras(
        "Dense", (math.prod(_taken(_stage(t, d))),), units=math.prod(_given(_stage(t, d)))
    )
    if math.prod(_taken(_stage(t, d))) * math.prod(_given(_stage(t, d))) < 1e6
    else (math.prod(_taken(_stage(t, d))) + 1) * math.prod(_given(_stage(t, d))),
    "DenseParameters": lambda t, d: _parameters_by_keras(
        "Dense", _taken(_stage(t, d)), units=d.about["units"]
    ),
    "DenseValue": lambda t, d: float(_stage(t, d).example[d.about["unit"]]),  # type: ignore[index]
    "DropoutScale": lambda t, d: d.about["value"] / (1 - _stage(t, d).config["rate"]),
    "EasiestClass": _class_of(max),
    "EmbeddingParameters": lambda t, d: _parameters_by_keras(
        "Embedding",
        _taken(_stage(t, d)),
        input_dim=_stage(t, d).config["input_dim"],
        output_dim=d.about["width"],
    ),
    "EmptyWindow": _example,
    "EpochsForUpdates": _epochs_for,
    "ExplainedVariance": lambda t, d: (
        1
        - t.measurements.of(Outcome, _kind(t)).mean_squared_error  # type: ignore[operator]
        / t.measurements.of(Outcome, _kind(t)).mean_squared_error_of_mean
    ),
    "F1": _f1,
    "FilterDepth": lambda t, d: math.prod(_stage(t, d).weights[0].shape[:-1]),
    "FlattenIndex": lambda t, d: int(
        np.ravel_multi_index(d.about["place"], _taken(_stage(t, d)))
    ),
    "FlattenLength": lambda t, d: _by_keras("Flatten", _taken(_stage(t, d))),
    "GlobalPooling": lambda t, d: _by_keras(str(_stage(t, d).layer), _taken(_stage(t, d))),
    "HardestClass": _class_of(min),
    "Joined": lambda t, d: _given(_stage(t, d)),
    "LargestContribution": _contribution,
    "LastBatch": lambda t, d: (_rows(t) - 1) % d.about["batch"] + 1,
    "LastStepOnly": _recurrent,
    "LearningRate": lambda t, d: Exact(
        d.about["weight"] - float(t.epochs[-1].learning_rate or 0) * d.about["slope"]
    ),
    "LossFell": _loss_fell,
    "LossOfRow": _row_loss,
    "MajorityAccuracy": lambda t, d: (
        100 * max(t.run.data.class_counts) / sum(t.run.data.class_counts)
    ),
    "MeanOfALoss": lambda t, d: float(_epoch(t, d).metrics["loss"]) ** 0.5,
    "MostMoved": _most_moved,
    "MostParameters": lambda t, d: (
        lambda stage: f"{stage.layer} ({stage.name})"
    )(max(t.stages, key=lambda each: _size(t, each.name))),
    "Multiplications": _multiplications,
    "NextStage": _next,
    "NormalizationParameters": lambda t, d: sum(
        math.prod(each.shape) for each in _stage(t, d).weights if each.name in ("gamma", "beta")
    ),
    "OddsOfTwo": _odds,
    "OptimizerMemory": _memory,
    "OtherBatchSize": lambda t, d: len(range(0, _rows(t), d.about["batch"])),
    "OtherFilters": lambda t, d: _parameters_by_keras(
        "Conv2D",
        _taken(_stage(t, d)),
        filters=d.about["filters"],
        kernel_size=d.about["kernel_size"],
    ),
    "OtherKernel": _convolved(kernel_size="drawn"),
    "OtherPadding": _convolved(padding="drawn"),
    "ParameterShare": lambda t, d: 100 * _size(t, d.about["stage"]) / _total(t),
    "PooledValue": _pooled,
    "PoolingShape": lambda t, d: _by_keras(
        str(_stage(t, d).layer), _taken(_stage(t, d)), pool_size=d.about["pool_size"]
    ),
    "Positions": lambda t, d: math.prod(_given(_stage(t, d))[:2]),
    "Precision": _ratio("correct", "predicted"),
    "Recall": _ratio("correct", "rows"),
    "ReceptiveField": _field,
    "RecurrentParameters": lambda t, d: _parameters_by_keras(
        str(_stage(t, d).layer), _taken(_stage(t, d)), units=d.about["units"]
    ),
    "RelativeUpdate": _relative,
    "Residual": _residual,
    "RestOfProbability": lambda t, d: float(100 * (1 - _shares(t, d).max())),
    "RootOfError": lambda t, d: (
        float(t.measurements.of(Outcome, _kind(t)).mean_squared_error or 0) ** 0.5
    ),
    "RowsAxis": lambda t, d: "The rows of a batch, however many pass at once",
    "ScaledValue": lambda t, d: Exact(_stage(t, d).example[d.about["place"]]),  # type: ignore[index]
    "SecondChoice": _second,
    "ShareOfZeros": _zeros,
    "SmallerImage": lambda t, d: _size(t, _owner(_stage(t, d))),
    "StandardScore": _score,
    "StepsInProgressBar": lambda t, d: (
        f"{len(range(0, _rows(t), t.run.training.batch_size or 1)):,} batches of rows"
    ),
    "StepTime": lambda t, d: 1000 * _epoch(t, d).seconds / _epoch(t, d).steps,
    "StridedShape": _convolved(strides="drawn"),
    "ValidationAhead": lambda t, d: (
        "Training loss is averaged over the epoch, validation comes after it"
    ),
    "ValuesOfRow": lambda t, d: math.prod(_given(_stage(t, d))),
    "WeightBytes": lambda t, d: np.dtype(d.about["dtype"]).itemsize * _total(t),
    "WeightUpdates": _updates,
    "WindowLines": _window,
    "WithoutWeights": lambda t, d: _size(t, d.about["stage"]),
    "YesOrNo": _yes_or_no,
}
