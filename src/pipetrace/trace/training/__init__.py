"""How a model was trained: the arguments of ``compile`` and ``fit``, its steps, its ablations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from pipetrace.trace.records import Record

Config: TypeAlias = Mapping[str, Any]
MOST_EVALUATIONS = 100
"""Evaluations that a trace keeps, the first ones: a program may evaluate after every step."""


class Callback(Record):
    """A callback that ``fit`` was given; pipetrace's own are left out."""

    name: str  # its class, such as ``EarlyStopping``
    # those that say what it watches and what it does, by Keras' names: ``monitor``, ``mode``,
    # ``patience``, ``restore_best_weights`` and so on; none where it has none
    settings: Config = field(default_factory=dict)


class Training(Record):
    """The arguments of ``compile`` and ``fit``."""

    epochs: int  # how many were planned, over all calls of ``fit`` so far; 0 without training
    # rows in a step, or None where the source makes the batches and does not tell
    batch_size: int | None
    optimizer: str  # its class; empty where there is none
    optimizer_config: Config  # its Keras configuration
    loss: str  # its name as Keras writes it; several are joined by commas
    metrics: tuple[str, ...]  # their names
    seed: int | None  # where the run has one
    probe_rows: int  # how many rows the probe has
    # the loss of each output, by the output's name or position
    losses: Mapping[str, str] = field(default_factory=dict)
    # what each of them was made with, such as ``label_smoothing``, and its ``weight`` in the sum;
    # none of a function
    loss_settings: Mapping[str, Config] = field(default_factory=dict)
    from_logits: bool = False  # whether a loss takes scores and makes probabilities of them itself
    callbacks: tuple[Callback, ...] = ()  # the other callbacks of ``fit``
    # the weight of each class in the loss, by the class; none without any
    class_weights: Mapping[str, float] = field(default_factory=dict)
    sample_weights: bool = False  # whether ``fit`` was given a weight for each row
    # copies of the model, each of which gets an equal share of a step's rows; None for one
    replicas: int | None = None
    # devices: those that ``keras.distribution`` spreads rows and weights over; None for one
    # processes: those that train together, as of ``jax.distributed``; None for one
    devices: int | None = None
    processes: int | None = None
    policy: str = "float32"  # the dtype policy, such as ``float32`` or ``mixed_float16``
    # the arguments of ``compile`` as Keras writes them, without the optimizer; empty where it
    # cannot
    compile_config: Config = field(default_factory=dict)
    # further arguments of ``fit``: ``shuffle``, ``validation_split``, ``steps_per_epoch``,
    # ``validation_steps``, ``initial_epoch``; empty where not known
    fit_config: Config = field(default_factory=dict)

    @property
    def is_weighted(self) -> bool:
        """Whether classes or rows weigh differently in the loss."""
        return self.sample_weights or bool(self.class_weights)


class Fit(Record):
    """One call of ``fit``."""

    # the number that its first epoch has or would have; epochs are counted through
    first_epoch: int
    training: Training  # its own settings; ``epochs`` counts those planned up to its end
    data: str = ""  # what its rows came as, such as ``array``
    fingerprint: str = ""  # SHA-256 of its rows; empty where they were not read
    rows: int | None = None  # how many an epoch trains on; None where unknown
    # how many its validation measured; 0 without any, None where unknown
    validation_rows: int | None = None
    steps: int | None = None  # batches of an epoch; None where Keras does not know
    frozen: tuple[str, ...] = ()  # the layers with weights of which none was trained
    # after which epoch the model had the weights that this fit began with; 0 for before training;
    # None where that was not recorded, or after none
    initial_epoch: int | None = None
    weights_epoch: int | None = None  # the same of the weights that it left
    # whether these differ from those after its last epoch, as where an earlier epoch was restored;
    # None where that was not recorded
    weights_differ: bool | None = None
    # where the program called it, such as ``train.py:23``, relative to the folder that it ran in;
    # empty for a program elsewhere, and in an anonymous trace
    called_from: str = ""
    last_epoch: int | None = None  # the last one that it finished; None where it finished none


class Evaluation(Record):
    """A call of ``evaluate`` or ``predict``, other than the validation of a ``fit``."""

    kind: str  # ``evaluate`` or ``predict``
    epoch: int = 0  # the epoch that ended last before it; 0 for before training
    step: int = 0  # how many steps of the next epoch were done by then; 0 between epochs
    # what ``evaluate`` measured, by Keras' names
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: str = ""  # what its rows came as, such as ``array``; empty where that is not known
    rows: int | None = None  # how many they are; None where unknown
    batches: int | None = None  # how many they came in; None where Keras does not know
    # SHA-256 of the rows that ``evaluate`` got, made as that of a ``Fit``; empty where they were
    # not read
    fingerprint: str = ""


def with_ends(fits: tuple[Fit, ...], last: int) -> tuple[Fit, ...]:
    """The fits, in order, with the last epoch that each finished, from the last one of all."""
    ends = [*(each.first_epoch - 1 for each in fits[1:]), last]
    return tuple(
        replace(each, last_epoch=end if end >= each.first_epoch else None)
        for each, end in zip(fits, ends, strict=False)
    )


NONE = "none"
"""The change of the baseline, which changes nothing."""


class Ablation(Record):
    """One training, from the same start and on the same rows as the run, with one thing changed."""

    change: str  # the code of the change, such as ``no_pooling``; ``none`` for the baseline
    # 1 for the initial weights and the order of rows that the run has itself; any other number drew
    # both anew
    seed: int
    ending: str  # as of a trace: ``finished``, ``stopped``, ``failed`` and so on
    epochs: int = 0  # how many it finished
    # those of the epoch whose weights the model has; none where no epoch was finished
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: int | None = None  # how many the model has; None where it could not be built
    seconds: float | None = None  # of its epochs, without the recording
    layers: tuple[str, ...] = ()  # the layers that were removed or changed
    error: str | None = None  # why it failed, or could not be tried; None otherwise
    file: str = ""  # the name of its trace; empty where it has none


@dataclass(frozen=True)
class OptimizerFacts:
    """An optimizer of the model."""

    name: str  # the attribute that holds it: ``optimizer``, or ``critic_optimizer`` of a GAN
    optimizer: str  # its class
    config: Mapping[str, Any] = field(default_factory=dict)  # its Keras configuration
    # how often it changed weights in this recording; None where that is not known
    updates: int | None = None


@dataclass(frozen=True)
class StepFacts:
    """What a training step does."""

    # whether the stages are those of a training step of the program's own, as of a model without
    # ``call``, which has no outputs
    own: bool = False
    # the metrics of the losses that its optimizers make smaller; none where not known
    losses: tuple[str, ...] = ()
    # those that changed weights; all of the model's until that is known
    optimizers: tuple[OptimizerFacts, ...] = ()
    # whether Keras' ``fit`` made the steps, and not a loop of the program's own
    by_fit: bool = True
