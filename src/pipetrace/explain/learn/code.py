"""A layer as a line of code, with blanks where something is to be filled in."""

import numpy as np

from pipetrace.explain.quiz.windows import POOLINGS
from pipetrace.trace.document import Stage

RECURRENT = ("LSTM", "GRU", "SimpleRNN")


def call(stage: Stage, **blank: str) -> str:
    """A layer as code, with blanks for some of its arguments."""
    config = {**stage.config, **blank}
    given: list[str] = []
    if stage.layer in ("Conv1D", "Conv2D", "Conv3D"):
        sides = tuple(stage.config["kernel_size"])
        side = blank.get("kernel_size") or (sides[0] if len({*sides}) == 1 else sides)
        given = [f"{config['filters']}", f"{side}"]
        moves = tuple(np.atleast_1d(stage.config.get("strides", 1)).tolist())
        given += [f"strides={moves[0] if len({*moves}) == 1 else moves}"] if {*moves} != {1} else []
        given += ['padding="same"'] if stage.config.get("padding") == "same" else []
    elif stage.layer in POOLINGS:
        pool = tuple(stage.config["pool_size"])
        given = [f"{blank.get('pool_size') or (pool[0] if len({*pool}) == 1 else pool)}"]
    elif stage.layer in ("Dense", *RECURRENT):
        given = [f"{config['units']}"]
        given += ["return_sequences=True"] if stage.config.get("return_sequences") else []
    elif stage.layer == "Embedding":
        given = [f"{config['input_dim']}", f"{config['output_dim']}"]
    activation = stage.config.get("activation")
    usual = {"LSTM": "tanh", "GRU": "tanh", "SimpleRNN": "tanh"}.get(stage.layer or "", "linear")
    if isinstance(activation, str) and activation != usual:
        given.append(f'activation="{activation}"')
    return f"layers.{stage.layer}({', '.join(given)})"
