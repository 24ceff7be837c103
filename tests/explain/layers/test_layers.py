"""The words of stages: every sum in them is worked out, and must come out."""

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.explain.conftest import trace_of
from tests.sums import came_out, positions, sums

from pipetrace.explain.layers import operation
from pipetrace.trace.document import LAYER, SOURCE, STEP, Parameters, Spec, Stage


def layer(
    name: str,
    taken: tuple[int | None, ...],
    given_: tuple[int | None, ...],
    total: int = 0,
    **config: Any,
) -> Stage:
    config.setdefault("data_format", "channels_last")
    return Stage(
        "it",
        LAYER,
        name,
        "it",
        config,
        (Spec((None, *taken), "float32", "before"),),
        (Spec((None, *given_), "float32"),),
        Parameters(total),
    )


@given(
    st.integers(1, 6000), st.integers(1, 300), st.booleans(), st.sampled_from([(), (7,), (3, 5)])
)
def test_the_sum_of_a_dense_layer_comes_out(
    width: int, units: int, bias: bool, positions: tuple[int, ...]
) -> None:
    total = width * units + units * bias
    stage = layer(
        "Dense",
        (*positions, width),
        (*positions, units),
        total,
        units=units,
        use_bias=bias,
        activation="softmax",
    )
    words = operation(stage)
    assert came_out(words.parameters) == [total]
    assert (f"the {width:,} inputs" in words.does) == (width > 1)
    assert (f"the {units} scores" in words.does) == (units > 1)
    assert ("at every position" in words.does) == bool(positions)
    assert ("at each position" in str(words.shape)) == bool(positions)
    assert ("bias" in words.does) == ("bias" in str(words.parts)) == bias


def test_activations() -> None:
    named: dict[str, Any] = {
        "ReLU": "relu",
        "0 to 1": "sigmoid",
        "-1 to 1": "tanh",
        "{0}": "{0}",
        "Mine": {"class_name": "Mine"},
        "of its own": {"config": {}},
    }
    for words, activation in named.items():
        stage = layer("Dense", (4,), (2,), 10, units=2, activation=activation)
        assert words in operation(stage).does
    for activation in ("linear", None):
        stage = layer("Dense", (4,), (2,), 10, units=2, activation=activation)
        assert operation(stage).does.endswith("and a bias is added.")


def test_steps_and_sources() -> None:
    source, scale = trace_of().stages[:2]
    words = operation(source)
    assert (words.title, words.parameters) == ("Input image", None)
    assert "0 to 255" in words.does
    for by, title in ((255, "Scale to 0..1"), (127.5, "Scale to 0..2")):
        words = operation(replace(scale, config={"operation": "divide", "by": by}))
        assert words.title == title
        assert f" {by}." in words.does
    other = Stage("mine", STEP, None, "mine", {}, source.inputs, source.outputs)
    assert operation(other).title == "mine"
    assert operation(other).does.endswith(".")
    rows = Stage("rows", SOURCE, None, "rows", {}, (), (Spec((None, 4), "float32"),))
    assert operation(rows).title == "Input"


def test_the_check_of_sums_finds_a_wrong_one() -> None:
    assert list(sums("fits at (28 - 3) / 2 rounded down + 1 = 13 positions")) == [(13, 13)]
    assert list(sums("27 / 2 rounded up = 14 and 27 / 2 rounded down = 13")) == [(14, 14), (13, 13)]
    assert list(sums("3 x 3 x 1 x 32 + 32 = 321; 1,000 x 2 = 2,000")) == [(320, 321), (2000, 2000)]
    assert list(sums("of 3, 4 x ((8 + 16) x 16 + 16) = 1,600, 9 / 2 = 4")) == [
        (1600, 1600),
        (4.5, 4),
    ]
    assert positions(
        "fits at (8 - 3) / 2 rounded down + 1 = 3 positions down and 9 - 3 + 1 = 7 across.", 2
    ) == (
        3,
        7,
    )
    with pytest.raises(AssertionError):
        came_out("2 + 2 = 5")
