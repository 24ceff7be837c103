"""Pictures of any tensor, on the page and in the terminal: steps, colours, heads, texts, masks, and what training does."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.graphs import CHAIN, deep, lined, measured, stage, trace_of

from pipetrace.explain.formatting import share
from pipetrace.present import terminal_graphics
from pipetrace.present.build import images
from pipetrace.present.build.data_flow import written
from pipetrace.present.build.detail import DETAILS, NORMAL
from pipetrace.present.build.document import document
from pipetrace.present.page import page
from pipetrace.present.terminal_graphics import colours
from pipetrace.present.text import document_text
from pipetrace.present.views import Document, StageView
from pipetrace.stats import summarise
from pipetrace.trace.document import Array, Parameters, Spec, Stage, Stages

RANDOM = np.random.default_rng(3)


def view_of(found: Stage) -> StageView:
    """The view of a stage that receives from a source."""
    return made_of(found).stages[1]


def made_of(found: Stage) -> Document:
    return document(trace_of([stage("x", "InputLayer"), found]))


def with_example(values: Array, layer: str = "Dense", **more: Any) -> Stage:
    spec = Spec((None, *values.shape), str(values.dtype) if values.dtype.kind != "O" else "string")
    return replace(stage("s", layer, "x"), outputs=(spec,), example=values, **more)


def test_steps_go_downward_and_hidden_ones_are_marked_and_counted() -> None:
    values = RANDOM.normal(size=(12, 6)).astype(np.float32)
    mask = np.array([True] * 5 + [False] * 7)
    view = view_of(
        with_example(
            values,
            "Embedding",
            example_mask=mask,
            mask=summarise(np.array([1, 1, 0, 1], np.float32)),
        )
    )
    assert view.image is not None
    assert (view.image.kind, view.image.shape, view.image.hidden) == (
        "steps",
        (1, 12, 6),
        tuple(range(5, 12)),
    )
    np.testing.assert_array_equal(view.image.values[0], values)
    assert view.mask == "7 of 12 steps hidden in the example, 25 % of the steps hidden in all rows."
    drawn = terminal_graphics.steps(view.image, 60, colour=False).plain.splitlines()
    assert len(drawn) == 13
    assert [line.endswith("hidden") for line in drawn[:12]] == [False] * 5 + [True] * 7
    assert "7 of 12 steps hidden" in drawn[12]


def test_many_steps_share_lines_and_very_many_are_cut() -> None:
    values = RANDOM.normal(size=(500, 300)).astype(np.float32)
    view = view_of(with_example(values)).image
    assert view is not None
    assert view.shape == (1, 200, 200)
    assert view.note == "the first 200 of 500 steps, the first 200 of 300 channels"
    assert view.note in view.label
    lines = terminal_graphics.steps(view, 50, colour=False).plain.splitlines()
    assert len(lines) <= terminal_graphics.MOST_LINES + 1
    assert max(map(len, lines[:-1])) <= 50
    assert view.note in lines[-1]


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(0, 1, (0, 1)), (0, 255, (0, 255)), (3, 90, (0, 255)), (-2, 2, (-2, 2)), (0, 300, (0, 300))],
)
def test_a_colour_image_is_shown_in_its_colours(
    low: float, high: float, ends: tuple[float, float]
) -> None:
    values = RANDOM.uniform(low, high, (6, 5, 3)).astype(np.float32)
    values[0, 0], values[1, 1] = low, high
    view = view_of(with_example(values, "RandomFlip")).image
    assert view is not None
    assert (view.kind, view.shape, (view.low, view.high)) == ("colour", (3, 6, 5), ends)
    drawn = terminal_graphics.maps(view, 40, colour=True)
    assert len(drawn.plain.splitlines()) == 3
    first = str(drawn.spans[0].style).split(" on ")[0]
    expected = np.rint(255 * (values[0, 0] - ends[0]) / (ends[1] - ends[0])).astype(int)
    assert first == "#" + "".join(f"{band:02x}" for band in expected)
    shades = terminal_graphics.maps(view, 40, colour=False).plain
    assert set(shades) <= set(terminal_graphics.SHADES + "\n")


def test_three_channels_of_another_layer_are_maps() -> None:
    view = view_of(with_example(RANDOM.normal(size=(6, 5, 3)).astype(np.float32), "Conv2D")).image
    assert view is not None
    assert (view.kind, view.names) == ("maps", ("filter 0", "filter 1", "filter 2"))


def test_the_weights_of_an_attention_are_drawn_by_head() -> None:
    weights = RANDOM.uniform(size=(2, 6, 9)).astype(np.float32)
    values = RANDOM.normal(size=(6, 4)).astype(np.float32)
    (view,) = view_of(with_example(values, "MultiHeadAttention", others=(weights,))).others
    assert (view.names, view.shape) == (("head 0", "head 1"), (2, 6, 9))
    np.testing.assert_array_equal(view.values, weights)
    assert "Attention weights" in view.label
    (state,) = view_of(with_example(values, "LSTM", others=(values[0],))).others
    assert state.kind == "vector"
    assert state.label.startswith("Output 2 of LSTM")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array(["good"], object), "“good”"),
        (np.array('a "b" <c>', object), '“a "b" <c>”'),
        (np.array([b"caf\xc3\xa9", b"\xff"], object), "“café”, “\N{REPLACEMENT CHARACTER}”"),
        (np.array(list("abcdefg"), object), "“a”, “b”, “c”, “d”, “e” and 2 more"),
        (np.array(["w" * 500], object), f"“{'w' * 160}…”"),
        (np.array([1.0]), None),
    ],
)
def test_texts_are_quoted(values: Array, expected: str | None) -> None:
    assert written(values) == expected


@pytest.mark.parametrize(
    "values",
    [
        np.float32(0.5),
        np.array([3], np.int64),
        np.array(["text"], object),
        np.array([True, False]),
        RANDOM.normal(size=7).astype(np.float16),
        RANDOM.integers(0, 9, 40),
        RANDOM.normal(size=(1, 1, 300)).astype(np.float32),
        RANDOM.normal(size=(4, 5, 6, 7)).astype(np.float32),
        RANDOM.normal(size=(3, 600)).astype(np.float32),
        RANDOM.normal(size=(2, 2, 2, 2, 2)).astype(np.float32),
        np.full((3, 4), np.nan, np.float32),
        np.zeros((0, 4), np.float32),
        RANDOM.normal(size=(300, 260, 64)).astype(np.float32),
    ],
    ids=lambda values: f"{np.asarray(values).dtype} {np.asarray(values).shape}",
)
def test_any_tensor_can_be_shown(values: Any) -> None:
    made = made_of(with_example(np.asarray(values)))
    view = made.stages[1].image
    if view is not None:
        assert view.values.size <= max(images.MOST_VALUES + images.FOLD, 3 * images.LARGEST_MAP**2)
        assert view.values.dtype == np.float32
        for colour in (True, False):
            drawing = (
                terminal_graphics.strip
                if view.kind == "vector"
                else terminal_graphics.steps
                if view.kind == "steps"
                else terminal_graphics.maps
            )
            lines = drawing(view, 70, colour=colour).plain.splitlines()
            assert max(map(len, lines[:-1])) <= 70
    assert document_text(made)
    assert page(made)


def test_a_large_map_is_thinned_and_says_so() -> None:
    values = RANDOM.normal(size=(450, 300, 2)).astype(np.float32)
    view = view_of(with_example(values, "Conv2D")).image
    assert view is not None
    assert view.note is not None
    assert "every third" in view.note
    assert "first" not in view.note, "all maps are shown"
    np.testing.assert_array_equal(view.values[1], values[::3, ::3, 1])


def dropped(rate: float = 0.5) -> Stage:
    values = RANDOM.uniform(0.5, 1.5, (8, 200)).astype(np.float32)
    cut = np.where(RANDOM.uniform(size=values.shape) < rate, 0, values / (1 - rate)).astype(
        np.float32
    )
    return with_example(
        values[0],
        "Dropout",
        summary=summarise(values),
        training=summarise(cut),
        training_example=cut[0],
    )


def test_what_training_does_differently_is_measured_and_shown_on_one_scale() -> None:
    found = dropped()
    view = view_of(found).change
    assert view is not None
    assert view.prediction is not None
    assert view.training is not None
    assert found.training is not None
    assert found.training_example is not None
    zeros = found.training.zeros / found.training.count
    assert f"the share of zeros is {share(zeros)} (in a prediction 0 %)" in view.text
    assert (
        f"Of the example's 200 values {int((found.training_example == 0).sum())} become 0."
        in view.text
    )
    assert (view.prediction.low, view.prediction.high) == (view.training.low, view.training.high)
    assert view.training.high == pytest.approx(float(found.training_example.max()))
    assert "in training" in view.training.label


def test_a_stage_that_does_the_same_in_training_says_so() -> None:
    values = RANDOM.normal(size=9).astype(np.float32)
    view = view_of(with_example(values, "Dropout", training_example=values.copy())).change
    assert view is not None
    assert "the same as in a prediction" in view.text
    assert (view.prediction, view.training) == (None, None)
    assert view_of(with_example(values)).change is None


def test_bars_are_for_classes_alone_and_of_very_many_the_largest() -> None:
    def bars(count: int, layer: str) -> StageView:
        powers = np.exp(RANDOM.normal(size=count))
        shares = (powers / powers.sum()).astype(np.float32)
        found = with_example(shares, "Dense", config={"units": count, "activation": layer})
        made = trace_of([stage("x", "InputLayer", shape=(4,)), found])
        training = replace(made.run.training, loss="sparse_categorical_crossentropy")
        return document(replace(made, run=replace(made.run, training=training))).stages[1]

    few = bars(4, "softmax")
    assert few.image is None
    assert [bar.name for bar in few.bars] == ["class 0", "class 1", "class 2", "class 3"]
    assert few.bars_label == "The 4 probabilities for the example"
    many = bars(300, "softmax")
    assert len(many.bars) == 20
    assert [bar.marked for bar in many.bars] == [True] + [False] * 19
    assert many.bars_label == "The 20 largest of the 300 probabilities for the example"
    plain_numbers = bars(4, "linear")
    assert (plain_numbers.bars, plain_numbers.bars_label) == ((), "")
    assert plain_numbers.image is not None


def test_the_example_of_a_chain_keeps_its_image() -> None:
    made = document(trace_of([measured(each) for each in lined(CHAIN)]))
    assert all(each.image for each in made.stages)


@pytest.mark.parametrize("nested", [False, True])
def test_a_page_of_three_hundred_stages_stays_small(nested: bool) -> None:
    trace = deep(34, nested=nested)
    wide = Spec((None, 16, 16, 64), "float32")
    stages = tuple(
        measured(replace(each, outputs=(wide,), parameters=Parameters(9)), index)
        for index, each in enumerate(trace.stages)
    )
    assert len(stages) > 300
    made = document(replace(trace, stages=Stages(stages)))
    text = page(made)
    assert len(text) < 3_000_000
    omitted = [each for each in made.stages if each.omitted]
    assert 200 < len(omitted) < 310
    assert sum(images.weight(each.image) for each in made.stages) <= DETAILS[NORMAL].images
    assert all(
        re.search(r"pipetrace show FILE --stage \S+", each.omitted or "") for each in omitted
    )
    visible = [
        each
        for index, each in enumerate(made.stages)
        if not any(group.first <= index <= group.last for group in made.groups)
    ]
    assert all(each.omitted is None for each in visible)


def test_the_colours_of_steps_are_those_of_the_ramp() -> None:
    values = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4)
    view = images.tensor(values, "these", "activation")
    assert view is not None
    drawn = terminal_graphics.steps(view, 40, colour=True)
    painted = [
        str(span.style).split(" on ")[0] for span in drawn.spans if str(span.style).startswith("#")
    ]
    expected = [
        "#" + bytes(each).hex()
        for each in colours(values.astype(np.float64), "activation").reshape(-1, 3)
    ]
    assert painted == expected
