"""Measurements: one frozen record a kind. The recorder builds them and rules read them.

A field that was not measured is None. ``docs/trace-format.md`` lists when each kind is measured.
"""

from typing import ClassVar

from pipetrace.trace.records import Record

TRAINING, VALIDATION, TRAINING_MODE = "training", "validation", "training_mode"
"""Names of outcomes: training rows, validation rows, and training rows passed in training mode."""
LINEAR, KERNEL = "linear", "kernel"
"""Names of the baseline models: ridge regression, linear and with a Gaussian kernel."""
ALIGNED, REVERSED = "0", "reversed"
"""Names of shifted targets: not shifted, in reverse order. Others are numbers of rows: ``-2``."""


class Figures(Record):
    """The figures of one measurement."""

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, kind: str) -> None:
        cls.kind = kind
        super().__init_subclass__()


class Signal(Figures, kind="signal"):
    """The output of a stage on at most 256 training rows; a unit is an index of the last axis."""

    rms: float | None = None  # root mean square
    # standard deviation over the rows, as the root mean square over all positions
    std: float | None = None
    dead_units: float | None = None  # share of units that are zero everywhere
    # std_low, std_high: 5 % and 95 % quantile of the units' standard deviations
    std_low: float | None = None
    std_high: float | None = None
    mean_rms: float | None = None  # root mean square of the units' means
    units: int | None = None  # how many there are
    # share of values that are NaN or Inf. With any, nothing else is measured.
    not_finite: float | None = None


class NormalizedInput(Figures, kind="normalized_input"):
    """What a batch normalization receives, against the moving averages that it normalises with."""

    # standard deviation of the input over the moving one, median over the channels
    std_ratio: float | None = None
    # distance of the means in moving standard deviations, median over the channels. Neither is
    # measured while the moving averages are those from before any training.
    mean_offset: float | None = None


class UntrackedVariables(Figures, kind="untracked_variables"):
    """Trainable TensorFlow variables that a stage reads beside the model's; ``model`` with none."""

    # count, values: how many variables, and how many numbers they hold
    count: int | None = None
    values: int | None = None
    # whether any changed while it was watched, as where a loop of one's own trains it
    changed: bool | None = None


class BatchDependence(Figures, kind="batch_dependence"):
    """How much the output of a stage for a row depends on the other rows of its batch."""

    # root mean square of the change where its neighbours are others, over the standard deviation of
    # the output over the rows
    difference: float | None = None


class InitialWeight(Figures, kind="initial_weight"):
    """A weight before training."""

    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    # fan_in, fan_out: as Keras counts them; only of weights with two axes or more
    fan_in: int | None = None
    fan_out: int | None = None
    # share of units (last axis) whose weights equal those of another unit
    duplicate_units: float | None = None


class LossPoint(Figures, kind="loss"):
    """The loss of at most 64 training rows in training mode."""

    loss: float | None = None  # all of it
    penalty: float | None = None  # the part that regularizers and ``add_loss`` add


class Gradient(Figures, kind="gradient"):
    """The gradient of that loss with respect to a weight."""

    norm: float | None = None  # Euclidean
    rms: float | None = None  # root mean square
    max: float | None = None  # the largest absolute value
    zeros: float | None = None  # share of entries that are zero
    penalty_norm: float | None = None  # Euclidean norm of the gradient of the penalty alone
    # share of entries that are NaN or Inf. With any, the others are not measured.
    not_finite: float | None = None


class Update(Figures, kind="update"):
    """How far a weight moved in an epoch, in Euclidean norms."""

    update_norm: float | None = None  # of the epoch's change
    weight_norm: float | None = None  # of the weight after the epoch
    from_start: float | None = None  # of the change since the start of training
    last_step: float | None = None  # of the change in the epoch's last step
    cosine: float | None = None  # between this epoch's change and that of the epoch before


class StepLosses(Figures, kind="step_losses"):
    """The loss of each step of an epoch."""

    # count, not_finite: how many steps there were, and how many had a loss of NaN or Inf
    count: int | None = None
    not_finite: int | None = None
    # first, last: means over the first and the last tenth of the steps
    first: float | None = None
    last: float | None = None
    min: float | None = None
    max: float | None = None
    median: float | None = None
    noise: float | None = None  # standard deviation from one step to the next, over the root of 2
    # share of steps with more than twice the loss of the step before and of the median
    jumps: float | None = None


class Outcome(Figures, kind="outcome"):
    """The outputs of the model against their targets."""

    rows: int | None = None  # how many were passed
    not_finite: int | None = None  # how many values are NaN or Inf
    # min, max, mean: of the outputs
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None  # over the rows, as the root mean square over all positions
    # sum_min, sum_max: of the sums over the last axis
    sum_min: float | None = None
    sum_max: float | None = None
    target_min: float | None = None
    target_max: float | None = None
    target_mean: float | None = None
    target_std: float | None = None
    target_sum_min: float | None = None
    target_sum_max: float | None = None
    target_binary: float | None = None  # share of targets that are 0 or 1
    # target_below_minus_one, target_below_zero, target_above_one: shares of targets
    target_below_minus_one: float | None = None
    target_below_zero: float | None = None
    target_above_one: float | None = None
    loss: float | None = None  # mean over the rows
    # batch_loss, row_losses: where a loss of one's own gets targets with fewer axes than outputs,
    # that of a few rows together, and the mean of those of each alone
    batch_loss: float | None = None
    row_losses: float | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None  # mean of each class's recall
    majority_share: float | None = None  # of the most frequent class
    classes: int | None = None  # how many the model tells apart
    classes_present: int | None = None  # how many of them occur
    # mean negative logarithm of the true class's probability; None for other outputs
    log_loss: float | None = None
    mean_squared_error: float | None = None
    mean_absolute_error: float | None = None
    mean_squared_error_of_mean: float | None = None  # what predicting each output's mean gives
    # what repeating the last step of the input gives, for series
    mean_squared_error_of_last: float | None = None
    r2: float | None = None
    binary_accuracy: float | None = None  # of several independent targets of 0 or 1


class ClassOutcome(Figures, kind="class_outcome"):
    """One class: its rows, the rows predicted to be of it, and how many of those are correct."""

    rows: int | None = None
    predicted: int | None = None
    correct: int | None = None


class FitArguments(Figures, kind="fit_arguments"):
    """The arguments of ``fit`` that decide which rows it trains on, and in which order."""

    shuffle: bool | None = None
    validation_split: float | None = None


class DatasetCheck(Figures, kind="dataset_check"):
    """What is known of rows and targets without any model."""

    # rows, distinct: how many rows, and how many different inputs among them
    rows: int | None = None
    distinct: int | None = None
    contradictory: float | None = None  # share of rows whose inputs occur with another target too
    # how many rows the values of the columns could make; Inf for very many
    possible_rows: float | None = None
    input_rms: float | None = None  # root mean square of the inputs
    # inputs_not_finite, targets_not_finite: how many values are NaN or Inf
    inputs_not_finite: int | None = None
    targets_not_finite: int | None = None
    # class_runs, expected_class_runs: runs of one class in this order, and in a random one
    class_runs: int | None = None
    expected_class_runs: float | None = None
    targets_are_inputs: float | None = None  # share of rows whose target equals their input
    # share of rows whose target equals the input of some row
    targets_among_inputs: float | None = None
    seen_in_training: float | None = None  # share of validation rows whose inputs occur in training
    # share of them that an earlier ``fit`` trained on; None without one
    seen_in_earlier_fits: float | None = None
    # share of validation rows of classes that training has no row of
    unseen_classes: float | None = None
    # total variation between the class shares of training and validation
    class_shift: float | None = None
    # Pearson's chi-squared of the counts, in sigmas above chance
    class_shift_sigmas: float | None = None
    # median over the columns of the difference of two means, in standard deviations. Of validation
    # rows against training rows; of training rows their second half against the first, which says
    # how much to expect.
    column_shift: float | None = None
    # of the same, the median ratio of the standard deviations, at least 1
    column_scale: float | None = None
    # of the same, share of columns with values below zero in one part alone
    column_sign: float | None = None
    # share of validation windows of which half are steps of a training window
    overlapping: float | None = None
    # target_columns, target_column: how many columns alone give the target; the first, from 0
    target_columns: int | None = None
    target_column: int | None = None
    # inputs_padded, targets_padded: share of steps that are padding at the end of their row; of
    # several arrays that with most
    inputs_padded: float | None = None
    targets_padded: float | None = None
    # where inputs and targets have the same positions, correlation over these of an input and its
    # own target, mean over the rows
    own_correlation: float | None = None
    best_correlation: float | None = None  # the same of the target that correlates best with it
    # share of inputs that are the best ones of their best target in turn
    mutual_best: float | None = None


class BaselineModel(Figures, kind="baseline_model"):
    """Scores of a baseline model on the same rows: accuracy for classes, R2 for numbers."""

    rows: int | None = None  # training rows that it learned from
    classification: bool | None = None  # whether the scores are accuracies
    # score, balanced: leave-one-out on the training rows; balanced is the mean of the classes
    score: float | None = None
    balanced: float | None = None
    # validation, validation_balanced: on the validation rows
    validation: float | None = None
    validation_balanced: float | None = None
    within_validation: float | None = None  # leave-one-out among the validation rows


class ShiftedTargets(Figures, kind="shifted_targets"):
    """The linear baseline's leave-one-out score where the targets are moved to other rows."""

    score: float | None = None


class PrincipalComponents(Figures, kind="principal_components"):
    """R2 of the rows rebuilt from so many principal components as the name says."""

    r2: float | None = None


class Dimensions(Figures, kind="dimensions"):
    """In how many directions the rows differ at a stage."""

    # (sum of the variances)^2 over the sum of their squares
    participation_ratio: float | None = None
    values: int | None = None  # how many values a row has there


class StageTime(Figures, kind="stage_time"):
    """How long a batch takes at a stage of the forward pass."""

    seconds: float | None = None  # median of the passes
    rows: int | None = None  # of the batch
    passes: int | None = None  # that were timed, after one that was not


KINDS = {each.kind: each for each in Figures.__subclasses__()}
"""The records by the name that the file has for their kind."""
