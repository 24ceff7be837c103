"""Measurements: one frozen record a kind. The recorder builds them and rules read them.

A field that was not measured is None. ``docs/trace-format.md`` lists when each kind is measured.
"""

from dataclasses import dataclass
from typing import ClassVar

from pipetrace.trace.records import Record

TRAINING, VALIDATION, TRAINING_MODE = "training", "validation", "training_mode"
"""Names of outcomes: training rows, validation rows, and training rows passed in training mode."""
LINEAR, KERNEL = "linear", "kernel"
"""Names of the baseline models: ridge regression, linear and with a Gaussian kernel."""
ALIGNED, REVERSED = "0", "reversed"
"""Names of shifted targets: not shifted, in reverse order. Others are numbers of rows: ``-2``."""


@dataclass(frozen=True, repr=False, eq=False)
class Figures(Record):
    """The figures of one measurement."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True, repr=False, eq=False)
class Signal(Figures):
    """The output of a stage on at most 256 training rows; a unit is an index of the last axis.

    Attributes:
        rms: root mean square.
        std: standard deviation over the rows, as the root mean square over all positions.
        dead_units: share of units that are zero everywhere.
        std_low, std_high: 5 % and 95 % quantile of the units' standard deviations.
        mean_rms: root mean square of the units' means.
        units: how many there are.
        not_finite: share of values that are NaN or Inf. With any, nothing else is measured.
    """

    kind: ClassVar[str] = "signal"
    rms: float | None = None
    std: float | None = None
    dead_units: float | None = None
    std_low: float | None = None
    std_high: float | None = None
    mean_rms: float | None = None
    units: int | None = None
    not_finite: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class NormalizedInput(Figures):
    """What a batch normalization receives, against the moving averages that it normalises with.

    Attributes:
        std_ratio: standard deviation of the input over the moving one, median over the channels.
        mean_offset: distance of the means in moving standard deviations, median over the channels.
            Neither is measured while the moving averages are those from before any training.
    """

    kind: ClassVar[str] = "normalized_input"
    std_ratio: float | None = None
    mean_offset: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class UntrackedVariables(Figures):
    """Trainable TensorFlow variables that a stage reads beside the model's; ``model`` with none.

    Attributes:
        count, values: how many variables, and how many numbers they hold.
        changed: whether any changed while it was watched, as where a loop of one's own trains it.
    """

    kind: ClassVar[str] = "untracked_variables"
    count: int | None = None
    values: int | None = None
    changed: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class BatchDependence(Figures):
    """How much the output of a stage for a row depends on the other rows of its batch.

    Attributes:
        difference: root mean square of the change where its neighbours are others, over the
            standard deviation of the output over the rows.
    """

    kind: ClassVar[str] = "batch_dependence"
    difference: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class InitialWeight(Figures):
    """A weight before training.

    Attributes:
        fan_in, fan_out: as Keras counts them; only of weights with two axes or more.
        duplicate_units: share of units (last axis) whose weights equal those of another unit.
    """

    kind: ClassVar[str] = "initial_weight"
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    fan_in: int | None = None
    fan_out: int | None = None
    duplicate_units: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class LossPoint(Figures):
    """The loss of at most 64 training rows in training mode.

    Attributes:
        loss: all of it.
        penalty: the part that regularizers and ``add_loss`` add.
    """

    kind: ClassVar[str] = "loss"
    loss: float | None = None
    penalty: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Gradient(Figures):
    """The gradient of that loss with respect to a weight.

    Attributes:
        norm: Euclidean.
        rms: root mean square.
        max: the largest absolute value.
        zeros: share of entries that are zero.
        penalty_norm: Euclidean norm of the gradient of the penalty alone.
        not_finite: share of entries that are NaN or Inf. With any, the others are not measured.
    """

    kind: ClassVar[str] = "gradient"
    norm: float | None = None
    rms: float | None = None
    max: float | None = None
    zeros: float | None = None
    penalty_norm: float | None = None
    not_finite: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Update(Figures):
    """How far a weight moved in an epoch, in Euclidean norms.

    Attributes:
        update_norm: of the epoch's change.
        weight_norm: of the weight after the epoch.
        from_start: of the change since the start of training.
        last_step: of the change in the epoch's last step.
        cosine: between this epoch's change and that of the epoch before.
    """

    kind: ClassVar[str] = "update"
    update_norm: float | None = None
    weight_norm: float | None = None
    from_start: float | None = None
    last_step: float | None = None
    cosine: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class StepLosses(Figures):
    """The loss of each step of an epoch.

    Attributes:
        count, not_finite: how many steps there were, and how many had a loss of NaN or Inf.
        first, last: means over the first and the last tenth of the steps.
        noise: standard deviation from one step to the next, over the root of 2.
        jumps: share of steps with more than twice the loss of the step before and of the median.
    """

    kind: ClassVar[str] = "step_losses"
    count: int | None = None
    not_finite: int | None = None
    first: float | None = None
    last: float | None = None
    min: float | None = None
    max: float | None = None
    median: float | None = None
    noise: float | None = None
    jumps: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Outcome(Figures):
    """The outputs of the model against their targets.

    Attributes:
        rows: how many were passed.
        not_finite: how many values are NaN or Inf.
        min, max, mean: of the outputs.
        std: over the rows, as the root mean square over all positions.
        sum_min, sum_max: of the sums over the last axis.
        target_binary: share of targets that are 0 or 1.
        target_below_minus_one, target_below_zero, target_above_one: shares of targets.
        loss: mean over the rows.
        batch_loss, row_losses: where a loss of one's own gets targets with fewer axes than outputs,
            that of a few rows together, and the mean of those of each alone.
        balanced_accuracy: mean of each class's recall.
        majority_share: of the most frequent class.
        classes: how many the model tells apart.
        classes_present: how many of them occur.
        log_loss: mean negative logarithm of the true class's probability; None for other outputs.
        mean_squared_error_of_mean: what predicting each output's mean gives.
        mean_squared_error_of_last: what repeating the last step of the input gives, for series.
        binary_accuracy: of several independent targets of 0 or 1.
    """

    kind: ClassVar[str] = "outcome"
    rows: int | None = None
    not_finite: int | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    sum_min: float | None = None
    sum_max: float | None = None
    target_min: float | None = None
    target_max: float | None = None
    target_mean: float | None = None
    target_std: float | None = None
    target_sum_min: float | None = None
    target_sum_max: float | None = None
    target_binary: float | None = None
    target_below_minus_one: float | None = None
    target_below_zero: float | None = None
    target_above_one: float | None = None
    loss: float | None = None
    batch_loss: float | None = None
    row_losses: float | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    majority_share: float | None = None
    classes: int | None = None
    classes_present: int | None = None
    log_loss: float | None = None
    mean_squared_error: float | None = None
    mean_absolute_error: float | None = None
    mean_squared_error_of_mean: float | None = None
    mean_squared_error_of_last: float | None = None
    r2: float | None = None
    binary_accuracy: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class ClassOutcome(Figures):
    """One class: its rows, the rows predicted to be of it, and how many of those are correct."""

    kind: ClassVar[str] = "class_outcome"
    rows: int | None = None
    predicted: int | None = None
    correct: int | None = None


@dataclass(frozen=True, repr=False, eq=False)
class FitArguments(Figures):
    """The arguments of ``fit`` that decide which rows it trains on, and in which order."""

    kind: ClassVar[str] = "fit_arguments"
    shuffle: bool | None = None
    validation_split: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class DatasetCheck(Figures):
    """What is known of rows and targets without any model.

    Attributes:
        rows, distinct: how many rows, and how many different inputs among them.
        contradictory: share of rows whose inputs occur with another target too.
        possible_rows: how many rows the values of the columns could make; Inf for very many.
        input_rms: root mean square of the inputs.
        inputs_not_finite, targets_not_finite: how many values are NaN or Inf.
        class_runs, expected_class_runs: runs of one class in this order, and in a random one.
        targets_are_inputs: share of rows whose target equals their input.
        targets_among_inputs: share of rows whose target equals the input of some row.
        seen_in_training: share of validation rows whose inputs occur in training.
        seen_in_earlier_fits: share of them that an earlier ``fit`` trained on; None without one.
        unseen_classes: share of validation rows of classes that training has no row of.
        class_shift: total variation between the class shares of training and validation.
        class_shift_sigmas: Pearson's chi-squared of the counts, in sigmas above chance.
        column_shift: median over the columns of the difference of two means, in standard
            deviations. Of validation rows against training rows; of training rows their second
            half against the first, which says how much to expect.
        column_scale: of the same, the median ratio of the standard deviations, at least 1.
        column_sign: of the same, share of columns with values below zero in one part alone.
        overlapping: share of validation windows of which half are steps of a training window.
        target_columns, target_column: how many columns alone give the target; the first, from 0.
        inputs_padded, targets_padded: share of steps that are padding at the end of their row; of
            several arrays that with most.
        own_correlation: where inputs and targets have the same positions, correlation over these of
            an input and its own target, mean over the rows.
        best_correlation: the same of the target that correlates best with it.
        mutual_best: share of inputs that are the best ones of their best target in turn.
    """

    kind: ClassVar[str] = "dataset_check"
    rows: int | None = None
    distinct: int | None = None
    contradictory: float | None = None
    possible_rows: float | None = None
    input_rms: float | None = None
    inputs_not_finite: int | None = None
    targets_not_finite: int | None = None
    class_runs: int | None = None
    expected_class_runs: float | None = None
    targets_are_inputs: float | None = None
    targets_among_inputs: float | None = None
    seen_in_training: float | None = None
    seen_in_earlier_fits: float | None = None
    unseen_classes: float | None = None
    class_shift: float | None = None
    class_shift_sigmas: float | None = None
    column_shift: float | None = None
    column_scale: float | None = None
    column_sign: float | None = None
    overlapping: float | None = None
    target_columns: int | None = None
    target_column: int | None = None
    inputs_padded: float | None = None
    targets_padded: float | None = None
    own_correlation: float | None = None
    best_correlation: float | None = None
    mutual_best: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class BaselineModel(Figures):
    """Scores of a baseline model on the same rows: accuracy for classes, R2 for numbers.

    Attributes:
        rows: training rows that it learned from.
        classification: whether the scores are accuracies.
        score, balanced: leave-one-out on the training rows; balanced is the mean of the classes.
        validation, validation_balanced: on the validation rows.
        within_validation: leave-one-out among the validation rows.
    """

    kind: ClassVar[str] = "baseline_model"
    rows: int | None = None
    classification: bool | None = None
    score: float | None = None
    balanced: float | None = None
    validation: float | None = None
    validation_balanced: float | None = None
    within_validation: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class ShiftedTargets(Figures):
    """The linear baseline's leave-one-out score where the targets are moved to other rows."""

    kind: ClassVar[str] = "shifted_targets"
    score: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class PrincipalComponents(Figures):
    """R2 of the rows rebuilt from so many principal components as the name says."""

    kind: ClassVar[str] = "principal_components"
    r2: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Dimensions(Figures):
    """In how many directions the rows differ at a stage.

    Attributes:
        participation_ratio: (sum of the variances)^2 over the sum of their squares.
        values: how many values a row has there.
    """

    kind: ClassVar[str] = "dimensions"
    participation_ratio: float | None = None
    values: int | None = None


@dataclass(frozen=True, repr=False, eq=False)
class StageTime(Figures):
    """How long a batch takes at a stage of the forward pass: the median of several passes."""

    kind: ClassVar[str] = "stage_time"
    seconds: float | None = None
    rows: int | None = None
    passes: int | None = None


KINDS = {each.kind: each for each in Figures.__subclasses__()}
"""The records by the name that the file has for their kind."""
