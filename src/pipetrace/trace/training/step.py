"""What a training step does: which losses it makes smaller, with which optimizers, how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
