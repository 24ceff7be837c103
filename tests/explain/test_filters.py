"""What filters look for, in words that follow what was measured."""

import re
from dataclasses import replace

import numpy as np
import pytest

from pipetrace.explain.filters import filter_texts
from pipetrace.explain.remarks import example
from pipetrace.trace import Trace
from pipetrace.trace.document import Array

EDGE = np.array([[-1.0, 0, 1]] * 3)


def texts(trace: Trace, kernel: Array, layer: str = "Conv2D") -> tuple[str, ...]:
    weights = dict(trace.weights) | {"conv2d/kernel": kernel.astype(np.float32)}
    stage = replace(trace.stages["conv2d"], layer=layer)
    return filter_texts(replace(trace, weights=weights), stage)


def one(trace: Trace, kernel: Array) -> str:
    [text] = texts(trace, kernel[:, :, None, None])
    return text


def test_every_filter_has_a_sentence_with_its_measured_shares(digits_trace: Trace) -> None:
    kernel = digits_trace.weights["conv2d/kernel"]
    found = filter_texts(digits_trace, digits_trace.stages["conv2d"])
    assert len(found) == kernel.shape[-1]
    # The share of the mean, by definition.
    blur = kernel.sum(axis=(0, 1, 2)) ** 2 / 9 / (kernel**2).sum(axis=(0, 1, 2))
    for text, expected in zip(found, blur, strict=True):
        told = re.search(r"([\d.]+) % blur[ ,.(]", text.partition("Of random")[0])
        assert (told is not None) == (expected >= 0.1)
        if told:
            assert float(told[1]) == pytest.approx(100 * expected, abs=0.51)


def test_the_example_in_the_terminal_has_the_sentence_of_its_filter(digits_trace: Trace) -> None:
    stage = digits_trace.stages["conv2d"]
    assert stage.example is not None
    strongest = int(stage.example.max(axis=(0, 1)).argmax())
    assert filter_texts(digits_trace, stage)[strongest] in (example(digits_trace, stage) or "")


@pytest.mark.parametrize(
    ("turns", "orientation", "side"),
    [(0, "vertical", "right"), (1, "horizontal", "top"), (2, "vertical", "left")],
)
def test_edges_have_a_direction(
    digits_trace: Trace, turns: int, orientation: str, side: str
) -> None:
    text = one(digits_trace, np.rot90(EDGE, turns))
    assert orientation in text
    assert side in text


def test_no_direction_is_told_where_none_is_common(digits_trace: Trace) -> None:
    alike = np.stack([EDGE, -EDGE], axis=-1)[..., None]
    crossed = np.stack([EDGE, EDGE.T], axis=-1)[..., None]
    assert "vertical" in texts(digits_trace, alike)[0]
    assert not re.search("vertical|horizontal|diagonal", texts(digits_trace, crossed)[0])


def test_nothing_is_called_main_that_has_less_than_half(digits_trace: Trace) -> None:
    corner = np.zeros((3, 3))
    corner[0, 0] = 1
    assert "no main pattern" in one(digits_trace, corner)
    assert "no main pattern" not in one(digits_trace, EDGE)


def test_what_is_not_measured_is_said(digits_trace: Trace) -> None:
    assert one(digits_trace, np.zeros((3, 3))) != one(digits_trace, np.full((3, 3), np.nan))
    assert "%" not in one(digits_trace, np.zeros((3, 3))) + one(
        digits_trace, np.full((3, 3), np.inf)
    )
    assert len(texts(digits_trace, np.ones((1, 1, 4, 8)))) == 1
    assert "not measured" in texts(digits_trace, np.ones((1, 1, 4, 8)))[0]
    assert texts(digits_trace, EDGE[:, :, None, None], "Dense") == ()


def test_a_depthwise_filter_sees_one_channel(digits_trace: Trace) -> None:
    kernel = np.stack([EDGE, EDGE.T], axis=-1)[..., None]
    first, second = texts(digits_trace, kernel, "DepthwiseConv2D")
    assert "vertical" in first
    assert "horizontal" in second
