"""Layers that do something in training alone, so that the model relies on no single value: dropout and noise."""

from functools import partial

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    demand,
    demand_no_parameters,
    demand_same_shape,
    numbers,
    real,
    share_of,
)
from pipetrace.explain.text import figure, share
from pipetrace.trace.document import Stage

PREDICTION = "in prediction it changes nothing"
STAYS = "Every value keeps its place, so the shape stays."


def _idle(stage: Stage) -> Operation:
    return Operation(
        stage.layer or "", "Its rate is 0, so it changes nothing, in training neither.", STAYS
    )


def _rate(stage: Stage) -> float:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    return share_of(stage.config["rate"])


def _dropout(what: str, stage: Stage) -> Operation:
    rate = _rate(stage)
    if rate == 0:
        return _idle(stage)
    if rate == 1:
        return Operation(
            stage.layer or "", f"In training sets {what} to zero, all of them; {PREDICTION}.", STAYS
        )
    if stage.config.get("noise_shape"):
        what = what.replace("the values", "the values, some of them together,")
    return Operation(
        stage.layer or "",
        f"In training sets a random {share(rate)} of {what} to zero, drawn anew for each step, and multiplies the others "
        f"by 1 / (1 - {numbers(rate)}), about {figure(1 / (1 - rate))}, so that their mean stays; {PREDICTION}.",
        STAYS,
    )


def _alpha(stage: Stage) -> Operation:
    rate = _rate(stage)
    if rate == 0:
        return _idle(stage)
    return Operation(
        "AlphaDropout",
        f"In training sets a random {share(rate)} of the values to -1.76, the lowest that SELU gives, and scales and "
        f"shifts all so that mean and standard deviation stay; {PREDICTION}.",
        STAYS,
    )


def _gaussian_dropout(stage: Stage) -> Operation:
    rate = _rate(stage)
    if rate == 0:
        return _idle(stage)
    demand(rate < 1)
    spread = figure((rate / (1 - rate)) ** 0.5)
    return Operation(
        "GaussianDropout",
        f"In training multiplies every value by a random number around 1 with standard deviation {spread}; {PREDICTION}.",
        STAYS,
    )


def _noise(stage: Stage) -> Operation:
    demand_same_shape(stage)
    demand_no_parameters(stage)
    spread = real(stage.config["stddev"])
    if spread == 0:
        return Operation(
            "GaussianNoise", "Its noise is 0, so it changes nothing, in training neither.", STAYS
        )
    return Operation(
        "GaussianNoise",
        f"In training adds to every value a random number around 0 with standard deviation {numbers(spread)}; "
        f"{PREDICTION}.",
        STAYS,
    )


LAYERS = {
    "Dropout": Known(partial(_dropout, "the values"), "rate"),
    **{
        f"SpatialDropout{dims}D": Known(partial(_dropout, "the channels"), "rate", dims + 2)
        for dims in (1, 2, 3)
    },
    "AlphaDropout": Known(_alpha, "rate"),
    "GaussianDropout": Known(_gaussian_dropout, "rate"),
    "GaussianNoise": Known(_noise, "stddev"),
}
"""The layers against memorising that have words."""
