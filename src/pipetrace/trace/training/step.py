"""What a training step does: which losses it makes smaller, with which optimizers, how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class OptimizerFacts:
    """An optimizer of the model.

    Attributes:
        name: the attribute that holds it: ``optimizer``, or ``critic_optimizer`` of a GAN.
        optimizer: its class.
        config: its Keras configuration.
        updates: how often it changed weights in this recording; None where that is not known.
    """

    name: str
    optimizer: str
    config: Mapping[str, Any] = field(default_factory=dict)
    updates: int | None = None


@dataclass(frozen=True)
class StepFacts:
    """What a training step does.

    Attributes:
        own: whether the stages are those of a training step of the program's own, as of a model
            without ``call``, which has no outputs.
        losses: the metrics of the losses that its optimizers make smaller; none where not known.
        optimizers: those that changed weights; all of the model's until that is known.
        by_fit: whether Keras' ``fit`` made the steps, and not a loop of the program's own.
    """

    own: bool = False
    losses: tuple[str, ...] = ()
    optimizers: tuple[OptimizerFacts, ...] = ()
    by_fit: bool = True
