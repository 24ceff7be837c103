"""Attention in the explorer: the scores of a head as an image, a line of it as numbers, compared with NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, address
from tests.graphs import lined, trace_of

from pipetrace.trace import Trace
from pipetrace.trace.document import Parameters, Prediction, Stages, Weight

pytestmark = pytest.mark.browser

STEPS, DEPTH, HEADS, LENGTH = 6, 4, 3, 5


def made() -> tuple[Trace, np.ndarray]:
    """A model of one attention, and its scores by head."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(STEPS, DEPTH)).astype(np.float32)
    shapes = dict.fromkeys(("query", "key", "value"), (DEPTH, HEADS, LENGTH))
    weights = {
        f"{name}/kernel": draw.normal(size=shape).astype(np.float32)
        for name, shape in {**shapes, "attention_output": (HEADS, LENGTH, DEPTH)}.items()
    }
    query, key, value = (
        np.einsum("td,dhk->htk", x, weights[f"{name}/kernel"]) for name in ("query", "key", "value")
    )
    raw = np.einsum("htk,hsk->hts", query, key) / np.sqrt(LENGTH)
    scores = np.exp(raw) / np.exp(raw).sum(-1, keepdims=True)
    mean = np.einsum("hts,hsk->htk", scores, value)
    output = np.einsum("htk,hkd->td", mean, weights["attention_output/kernel"]).astype(np.float32)
    trace = trace_of(lined("x InputLayer\nlook MultiHeadAttention x x", shape=(STEPS, DEPTH)))
    named = tuple(Weight(name, each.shape) for name, each in weights.items())
    stages = [
        trace.stages[0],
        replace(
            trace.stages[1],
            weights=named,
            parameters=Parameters(sum(each.size for each in weights.values())),
            config={"num_heads": HEADS, "key_dim": LENGTH},
        ),
    ]
    held = {f"look/{name}": each for name, each in weights.items()}
    row = Prediction(0, None, {"x": x, "look": output}, "best", 0.1)
    return replace(trace, stages=Stages(stages), weights=held, predictions=(row,)), scores


def line(page: Page) -> list[float]:
    cells = page.locator(".attention tbody td:nth-child(3)").all_text_contents()
    return [float(text.strip("<%\u00a0 ")) / 100 for text in cells]


def test_a_line_of_a_head_is_that_of_numpy_and_is_chosen_by_pointer_and_keys(pages: Pages) -> None:
    trace, scores = made()
    page = pages.open(trace, place="#stage=look&at=2.1&head=1")
    np.testing.assert_allclose(line(page), scores[1, 2], atol=1e-3)
    page.get_by_role("button", name="head 2").click()
    np.testing.assert_allclose(line(page), scores[2, 2], atol=1e-3)
    page.locator(".attention .picture").focus()
    page.keyboard.press("ArrowDown")
    np.testing.assert_allclose(line(page), scores[2, 3], atol=1e-3)
    assert address(page).endswith("#stage=look&at=3.1&head=2")
    box = page.locator(".attention .picture").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] * 0.5 / STEPS)
    np.testing.assert_allclose(line(page), scores[2, 0], atol=1e-3)
    told = page.locator(".attention p").first.text_content() or ""
    assert f"step {scores[2, 0].argmax()}:" in told
    painted = page.locator(".attention canvas").evaluate("each => [each.height, each.width]")
    assert painted == [STEPS, STEPS]
    assert page.locator(".check.wrong").count() == 0
    assert page.locator(".check b").count() == 1


def test_an_attention_without_projections_is_summed_by_step(pages: Pages) -> None:
    x = np.random.default_rng(1).normal(size=(STEPS, DEPTH)).astype(np.float32)
    raw = np.exp(x @ x.T)
    scores = raw / raw.sum(-1, keepdims=True)
    trace = trace_of(lined("x InputLayer\nlook Attention x x", shape=(STEPS, DEPTH)))
    look = replace(trace.stages[1], config={"score_mode": "dot", "use_scale": False})
    row = Prediction(0, None, {"x": x, "look": scores @ x}, "best", 0.1)
    stages = Stages([trace.stages[0], look])
    page = pages.open(replace(trace, stages=stages, predictions=(row,)), place="#stage=look&at=2.1")
    expect(page.locator(".calc .check b")).to_contain_text("Keras recorded")
    assert page.locator(".check.wrong").count() == 0
    shown = page.locator(".calc").inner_text()
    largest = int(np.abs(scores[2] * x[:, 1]).argmax())
    assert f"step {largest}" in shown
    assert f"{scores[2, largest] * x[largest, 1]:.4f}".lstrip("-") in shown
