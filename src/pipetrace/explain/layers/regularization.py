"""Layers that work in training alone, against overfitting: dropout and noise."""

from functools import partial

from pipetrace.explain.formatting import figure
from pipetrace.explain.layers.parts import SAME_VALUES, Fields, Known, demand, share_of
from pipetrace.trace.document import Stage

IDLE = "[idle] Its rate is 0, so it changes nothing, not even in training."
ACTIVE = "[not idle] At prediction time it changes nothing."
DROPOUT = """
[all] During training, sets all {dropped} to 0.
[some] During training, sets a random {rate:percent} of the {dropped} to 0, drawn anew at every
    step. The others are multiplied by 1 / (1 - {rate:number}), about {scale}, so that their mean
    stays the same.
[grouped] Some of the values are dropped together (noise_shape).
"""


def _rate(dropped: str, stage: Stage) -> Fields:
    rate = share_of(stage.config["rate"])
    return {
        "idle": rate == 0,
        "all": rate == 1,
        "some": 0 < rate < 1,
        "dropped": dropped,
        "scale": figure(1 / (1 - rate)) if rate < 1 else "",
        "grouped": rate > 0 and bool(stage.config.get("noise_shape")),
    }


def _gaussian_dropout(stage: Stage) -> Fields:
    rate = share_of(stage.config["rate"])
    demand(rate < 1)
    return {"idle": rate == 0, "spread": figure((rate / (1 - rate)) ** 0.5)}


LAYERS = {
    **{
        name: Known((IDLE, DROPOUT, ACTIVE), steady=SAME_VALUES, fields=partial(_rate, dropped))
        for name, dropped in (
            ("Dropout", "values"),
            *((f"SpatialDropout{dims}D", "channels") for dims in (1, 2, 3)),
        )
    },
    "AlphaDropout": Known(
        (
            IDLE,
            """
            [not idle] During training, sets a random {rate:percent} of the values to -1.76, the
                lowest value that SELU gives. All values are then scaled and shifted so that their
                mean and standard deviation stay the same.
            """,
            ACTIVE,
        ),
        steady=SAME_VALUES,
        fields=partial(_rate, "values"),
    ),
    "GaussianDropout": Known(
        (
            IDLE,
            """
            [not idle] During training, multiplies every value by a random number with mean 1 and
                standard deviation {spread}.
            """,
            ACTIVE,
        ),
        steady=SAME_VALUES,
        fields=_gaussian_dropout,
    ),
    "GaussianNoise": Known(
        """
        [stddev] During training, adds to every value a random number with mean 0 and standard
            deviation {stddev:number}. At prediction time it changes nothing.
        [not stddev] Its noise is 0, so it changes nothing, not even in training.
        """,
        steady=SAME_VALUES,
    ),
}
"""The layers against overfitting."""
