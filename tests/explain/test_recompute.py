"""The second computation of a prediction: it agrees with what ran, and finds whatever was changed
afterwards."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from tests.explain.conftest import SIZES, Net, trace_of

from pipetrace.explain.recompute import TOLERANCE, recompute
from pipetrace.trace import Trace
from pipetrace.trace.document import SOURCE, Prediction, Spec, Stage, Stages


@settings(deadline=None, max_examples=25)
@given(sizes=SIZES)
def test_it_agrees_with_an_independent_forward_pass(sizes: dict[str, Any]) -> None:
    trace = trace_of(net=Net(**sizes))
    found = recompute(trace, trace.predictions[0])
    assert (found.stages, found.unknown) == (5, None)
    assert found.difference < 5e-6
    assert found.agrees


def with_output(prediction: Prediction, stage: str, change: Callable[[Any], Any]) -> Prediction:
    """The prediction with one stage's recorded output changed."""
    values = prediction.outputs[stage].copy()
    return replace(prediction, outputs={**prediction.outputs, stage: change(values)})


def first(value: float) -> Callable[[Any], Any]:
    """Put a value in the first place of an array."""

    def change(values: Any) -> Any:
        values.reshape(-1)[0] = value
        return values

    return change


@pytest.mark.parametrize("stage", ["scale", "conv2d", "max_pooling2d", "flatten", "dense"])
@pytest.mark.parametrize("value", [0.123, 1e6, np.nan, np.inf])
def test_a_changed_output_is_found(stage: str, value: float) -> None:
    trace = trace_of()
    found = recompute(trace, with_output(trace.predictions[0], stage, first(value)))
    assert not found.agrees
    assert found.unknown is None
    assert found.difference == np.inf if not np.isfinite(value) else found.difference > 0.01


@pytest.mark.parametrize("weight", ["conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"])
@pytest.mark.parametrize("change", [0.01, np.nan])
def test_a_changed_weight_is_found(weight: str, change: float) -> None:
    trace = trace_of()
    changed = trace.weights[weight].copy()
    changed[..., 0] += np.float32(change)
    weights = {**trace.weights, weight: changed}
    found = recompute(replace(trace, weights=weights), trace.predictions[0])
    assert not found.agrees


def test_a_difference_just_above_the_tolerance_is_found() -> None:
    trace = trace_of()
    prediction = trace.predictions[0]
    assert prediction.outputs["dense"].max() < 1
    assert TOLERANCE == 0.00001
    for apart, agrees in ((0.5 * TOLERANCE, True), (1.5 * TOLERANCE, False)):
        outputs = {**prediction.outputs, "dense": prediction.outputs["dense"].astype(float) + apart}
        assert recompute(trace, replace(prediction, outputs=outputs)).agrees == agrees


def test_another_shape_is_found() -> None:
    trace = trace_of()
    found = recompute(trace, with_output(trace.predictions[0], "dense", lambda values: values[:1]))
    assert found.difference == np.inf


def test_nothing_recomputed_is_no_agreement() -> None:
    trace = trace_of()
    found = recompute(trace, replace(trace.predictions[0], outputs={}))
    assert (found.stages, found.agrees, found.unknown) == (0, False, "image")


@pytest.mark.parametrize(
    ("changed", "change"),
    [
        *(("conv2d", {"config": {"padding": each}}) for each in ("same", None)),
        ("conv2d", {"config": {"groups": 2}}),
        ("conv2d", {"config": {"dilation_rate": [2, 2]}}),
        ("conv2d", {"config": {"data_format": "channels_first"}}),
        ("conv2d", {"config": {"activation": "gelu"}}),
        ("max_pooling2d", {"config": {"padding": "same"}}),
        ("flatten", {"config": {"data_format": "channels_first"}}),
        ("dense", {"config": {"activation": "softplus"}}),
        ("scale", {"config": {"operation": "normalise"}}),
        ("conv2d", {"layer": "BatchNormalization"}),
        ("conv2d", {"layer": None}),
        ("conv2d", {"kind": "op"}),
        ("conv2d", {"inputs": ()}),
        ("conv2d", {"inputs": (Spec((None, 8, 8, 1), "float32", "elsewhere"),)}),
    ],
)
def test_what_it_does_not_know_it_names(changed: str, change: dict[str, Any]) -> None:
    trace = trace_of()
    at = [stage.name for stage in trace.stages].index(changed)
    stage = trace.stages[at]
    made = replace(stage, **{**change, "config": {**stage.config, **change.get("config", {})}})
    stages = Stages((*trace.stages[:at], made, *trace.stages[at + 1 :]))
    found = recompute(replace(trace, stages=stages), trace.predictions[0])
    assert (found.unknown, found.stages) == (changed, at - 1)
    assert found.agrees == (found.stages > 0)


@pytest.mark.parametrize("gone", ["conv2d/kernel", "dense/bias"])
def test_a_weight_that_is_not_there_is_reported(gone: str) -> None:
    trace = trace_of()
    weights = {name: values for name, values in trace.weights.items() if name != gone}
    assert (
        recompute(replace(trace, weights=weights), trace.predictions[0]).unknown
        == gone.split("/", maxsplit=1)[0]
    )


def test_the_second_call_of_a_layer_uses_the_weights_of_the_first() -> None:
    # The kernel of 1 x 1 fits its own output, as there are as many filters as channels.
    trace = trace_of(net=Net(image=(6, 6, 1), filters=1, kernel=(1, 1), pool=(1, 1)))
    conv, outputs = trace.stages[2], dict(trace.predictions[0].outputs)
    again = replace(conv, name="conv2d:2", inputs=(replace(conv.inputs[0], source="conv2d"),))
    outputs["conv2d:2"] = np.maximum(
        0, outputs["conv2d"] * trace.weights["conv2d/kernel"][0, 0] + trace.weights["conv2d/bias"]
    )
    found = recompute(
        replace(trace, stages=Stages((*trace.stages[:3], again))),
        replace(trace.predictions[0], outputs=outputs),
    )
    assert (found.stages, found.unknown) == (3, None)
    assert found.agrees


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_infinite_or_nan_on_both_sides_agrees(value: float) -> None:
    trace = trace_of()
    lowest = np.finfo(np.float32).min
    outputs = dict(trace.predictions[0].outputs)
    weights = {**trace.weights, "conv2d/bias": np.full(4, value, np.float32)}
    outputs["conv2d"] = np.full_like(outputs["conv2d"], value)
    for name in ("max_pooling2d", "flatten"):  # the pooling passes over NaN
        outputs[name] = np.full_like(outputs[name], lowest if np.isnan(value) else value)
    found = recompute(
        replace(trace, weights=weights), replace(trace.predictions[0], outputs=outputs)
    )
    # What comes of adding such values depends on the order, so the check ends before them.
    assert (found.stages, found.difference, found.unknown) == (4, 0.0, "dense")


def test_large_outputs_are_compared_by_what_float32_keeps() -> None:
    trace = trace_of()
    weights = {**trace.weights, "conv2d/bias": trace.weights["conv2d/bias"] + np.float32(5000)}
    outputs = dict(trace.predictions[0].outputs)
    stages = trace.stages[:3]
    for apart, agrees in ((0.002, True), (1.0, False)):
        outputs["conv2d"] = recomputed_maps(trace, weights) + np.float32(apart)
        found = recompute(
            replace(trace, stages=stages, weights=weights),
            replace(trace.predictions[0], outputs=outputs),
        )
        assert found.agrees == agrees


def recomputed_maps(trace: Trace, weights: dict[str, Any]) -> Any:
    x = trace.predictions[0].outputs["scale"].astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(x[..., 0], (3, 3))
    maps = (
        np.einsum("hwij,ijf->hwf", windows, weights["conv2d/kernel"][:, :, 0].astype(float))
        + weights["conv2d/bias"]
    )
    return np.maximum(0, maps).astype(np.float32)


@pytest.mark.framework
def test_strides_odd_sizes_and_broken_weights_against_keras() -> None:
    from pipetrace.capture.backend import load
    from pipetrace.capture.forward import Forward

    layers = load().layers
    model = load().Sequential(
        [
            layers.Input((27, 20, 3)),
            # Without a ReLU, since on some processors TensorFlow's fused one makes 0 of NaN.
            layers.Conv2D(5, (3, 4), strides=(1, 2), name="conv2d"),
            layers.MaxPooling2D((3, 2), strides=(2, 1)),
            layers.Conv2D(4, 2, use_bias=False, name="conv2d_1"),
            layers.MaxPooling2D((2, 3)),
            layers.Dense(6, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", use_bias=False),
        ]
    )
    row = np.random.default_rng(0).random((1, 27, 20, 3)).astype(np.float32)
    forward = Forward(model, row, [("rows", 0)])
    spec = Spec((None, 27, 20, 3), "float32")
    source = Stage("rows", SOURCE, None, "rows", {}, (spec,), (spec,))
    for scale in (1.0, 300.0, np.nan):
        model.layers[0].kernel.assign(model.layers[0].kernel * scale)
        outputs = {"rows": row[0], **{name: values[0] for name, values in forward(row).items()}}
        trace = replace(
            trace_of(), stages=Stages((source, *forward.stages)), weights=forward.weights()
        )
        found = recompute(trace, Prediction(0, None, outputs))
        # After a broken kernel the first pooling gives the lowest float, and no sum of those is
        # sure.
        assert (found.stages, found.unknown) == ((2, "conv2d_1") if np.isnan(scale) else (7, None))
        assert found.difference <= 1e-5, scale
