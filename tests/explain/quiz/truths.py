"""For each generator what the right answer is, computed from the trace or by Keras."""

import math
from collections.abc import Callable

import numpy as np
from tests.explain.quiz import computed

from pipetrace.explain.formatting import as_written
from pipetrace.explain.quiz.generator import Draft
from pipetrace.trace import Trace
from pipetrace.trace.measurements import Outcome

TRUTHS: dict[str, Callable[[Trace, Draft], object]] = {
    "Accuracy": lambda t, d: (
        100
        * sum(computed.class_outcome(t, each).correct or 0 for each in range(999))
        / sum(computed.class_outcome(t, each).rows or 0 for each in range(999))
    ),
    "AttentionScores": lambda t, d: (
        computed.asked_stage(t, d).config["num_heads"] * computed.comes_in(t, d)[0] ** 2
    ),
    "BatchForUpdates": computed.only(
        lambda t, d, option: (
            len(range(0, computed.rows(t), int(computed.numbers(option)[0]))) == d.about["updates"]
        )
    ),
    "BatchShape": lambda t, d: (d.about["batch"], *computed.goes_out(t, d)),
    "BestEpoch": computed.best_epoch,
    "BiasAndActivation": computed.example,
    "ChanceLoss": lambda t, d: -math.log(1 / computed.numbers(d.text)[0]),
    "ChannelOfValue": computed.filter_of,
    "ChooseLayer": computed.only(computed.is_chosen_layer),
    "ConvolutionParameters": lambda t, d: computed.size(
        t, computed.owner(computed.asked_stage(t, d))
    ),
    "ConvolutionShape": computed.convolved(),
    "ConvolutionValue": computed.example,
    "DenseInputs": lambda t, d: (
        d.about["inputs"] + (f"{d.evidence.partition('/')[2]}/bias" in t.weights)
    ),
    "DenseInstead": computed.dense_instead,
    "DenseParameters": lambda t, d: computed.parameters_by_keras(
        "Dense", computed.comes_in(t, d), units=d.about["units"]
    ),
    "DenseValue": lambda t, d: computed.value(t, d, "unit"),
    "DropoutScale": lambda t, d: d.about["value"] / (1 - computed.asked_stage(t, d).config["rate"]),
    "EasiestClass": computed.class_of(max),
    "EmbeddingParameters": lambda t, d: computed.parameters_by_keras(
        "Embedding",
        computed.comes_in(t, d),
        input_dim=computed.asked_stage(t, d).config["input_dim"],
        output_dim=d.about["width"],
    ),
    "EmptyWindow": computed.example,
    "EpochsForUpdates": computed.epochs_for,
    "ExplainedVariance": lambda t, d: (
        1
        - as_written(t.measurements.of(Outcome, computed.kind(t)).mean_squared_error or 0)
        / as_written(t.measurements.of(Outcome, computed.kind(t)).mean_squared_error_of_mean or 1)
    ),
    "F1": computed.f1,
    "FilterDepth": lambda t, d: math.prod(computed.asked_stage(t, d).weights[0].shape[:-1]),
    "FindTheFault": computed.only(computed.rule_of),
    "FlattenIndex": lambda t, d: int(
        np.ravel_multi_index(d.about["place"], computed.comes_in(t, d))
    ),
    "FlattenLength": lambda t, d: computed.by_keras("Flatten", computed.comes_in(t, d)),
    "GlobalPooling": lambda t, d: computed.by_keras(
        str(computed.asked_stage(t, d).layer), computed.comes_in(t, d)
    ),
    "HardestClass": computed.class_of(min),
    "Joined": computed.goes_out,
    "KernelForSize": computed.only(
        computed.windowed("Conv2D", "kernel_size", filters=1, padding="valid")
    ),
    "LargestContribution": computed.contribution,
    "LastBatch": lambda t, d: (computed.rows(t) - 1) % d.about["batch"] + 1,
    "LastStepOnly": computed.recurrent,
    "LearningRate": lambda t, d: computed.Exact(
        d.about["weight"] - float(t.epochs[-1].learning_rate or 0) * d.about["slope"]
    ),
    "LossFell": computed.loss_fell,
    "LossOfRow": computed.row_loss,
    "MajorityAccuracy": lambda t, d: (
        100 * max(t.run.data.class_counts) / sum(t.run.data.class_counts)
    ),
    "MeanOfALoss": lambda t, d: float(computed.epoch(t, d).metrics["loss"]) ** 0.5,
    "MostMoved": computed.most_moved,
    "MostParameters": lambda t, d: computed.named_stage(
        max(t.stages, key=lambda each: computed.size(t, each.name))
    ),
    "Multiplications": computed.multiplications,
    "NextStage": computed.next_stage,
    "NormalizationParameters": lambda t, d: sum(
        math.prod(each.shape)
        for each in computed.asked_stage(t, d).weights
        if each.name in ("gamma", "beta")
    ),
    "OddsOfTwo": computed.odds,
    "OptimizerMemory": computed.memory,
    "OtherBatchSize": lambda t, d: len(range(0, computed.rows(t), d.about["batch"])),
    "OtherFilters": lambda t, d: computed.parameters_by_keras(
        "Conv2D",
        computed.comes_in(t, d),
        filters=d.about["filters"],
        kernel_size=d.about["kernel_size"],
    ),
    "OtherKernel": computed.convolved(kernel_size="drawn"),
    "OtherPadding": computed.convolved(padding="drawn"),
    "ParameterShare": lambda t, d: 100 * computed.size(t, d.about["stage"]) / computed.total(t),
    "PoolForSize": computed.only(computed.windowed("MaxPooling2D", "pool_size")),
    "PooledValue": computed.pooled,
    "PoolingShape": lambda t, d: computed.by_keras(
        str(computed.asked_stage(t, d).layer),
        computed.comes_in(t, d),
        pool_size=d.about["pool_size"],
    ),
    "Positions": lambda t, d: math.prod(computed.goes_out(t, d)[:2]),
    "Precision": computed.ratio("correct", "predicted"),
    "Recall": computed.ratio("correct", "rows"),
    "ReceptiveField": computed.field,
    "RecurrentParameters": lambda t, d: computed.parameters_by_keras(
        str(computed.asked_stage(t, d).layer),
        computed.comes_in(t, d),
        units=d.about["units"],
    ),
    "RelativeUpdate": computed.relative,
    "Residual": computed.residual,
    "RestOfProbability": lambda t, d: float(100 * (1 - computed.shares(t, d).max())),
    "RootOfError": lambda t, d: (
        float(t.measurements.of(Outcome, computed.kind(t)).mean_squared_error or 0) ** 0.5
    ),
    "RowsAxis": lambda t, d: "The rows of a batch, however many pass at once",
    "ScaledValue": lambda t, d: computed.Exact(computed.example(t, d)),
    "SecondChoice": computed.second,
    "ShareOfZeros": computed.zeros,
    "SmallerImage": lambda t, d: computed.size(t, computed.owner(computed.asked_stage(t, d))),
    "StandardScore": computed.score,
    "StepsInProgressBar": lambda t, d: (
        f"{len(range(0, computed.rows(t), t.run.training.batch_size or 1)):,} batches of rows"
    ),
    "StepTime": lambda t, d: (
        1000 * as_written(computed.epoch(t, d).seconds) / computed.epoch(t, d).steps
    ),
    "StridedShape": computed.convolved(strides="drawn"),
    "UnitsForParameters": computed.most_units,
    "ValidationAhead": lambda t, d: (
        "Training loss is averaged over the epoch, validation comes after it"
    ),
    "ValuesOfRow": lambda t, d: math.prod(computed.goes_out(t, d)),
    "WeightBytes": lambda t, d: np.dtype(d.about["dtype"]).itemsize * computed.total(t),
    "WeightUpdates": computed.updates,
    "WindowLines": computed.window,
    "WithoutWeights": lambda t, d: computed.size(t, d.about["stage"]),
    "YesOrNo": computed.yes_or_no,
}
