"""The model computed in the page, from recorded weights, beside what Keras recorded."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from pipetrace.capture.backend import load
from pipetrace.present.page import import_map
from pipetrace.record.measure.rows import Rows
from pipetrace.record.pipeline import record_model
from pipetrace.trace import Trace, read
from pipetrace.trace.document import Array, Stage

TOLERANCE = 2e-6
"""Of the largest value of a stage; both sides sum float32 products, in another order."""

INPUTS: Mapping[str, tuple[tuple[int, ...], str]] = {
    "image": ((9, 8, 4), "float32"),
    "steps": ((6, 4), "float32"),
    "volume": ((5, 6, 5, 2), "float32"),
    "table": ((12,), "float32"),
    "words": ((6,), "int32"),
}
Make = Callable[[Any, Mapping[str, Any]], Any]
"""Makes an output of Keras' layers and the inputs."""


def on(name: str, layer: str, *arguments: Any, **options: Any) -> Make:
    return lambda layers, inputs: getattr(layers, layer)(*arguments, **options)(inputs[name])


def masked(layer: str, *arguments: Any, **options: Any) -> Make:
    def make(layers: Any, inputs: Mapping[str, Any]) -> Any:
        vectors = layers.Embedding(7, 4, mask_zero=True)(inputs["words"])
        return getattr(layers, layer)(*arguments, **options)(vectors)

    return make


def merged(layer: str, *, halves: bool = False, **options: Any) -> Make:
    def make(layers: Any, inputs: Mapping[str, Any]) -> Any:
        one = layers.Dense(5)(inputs["steps"])
        other = layers.Dense(5, name=None)(inputs["steps"][:, :1] if halves else inputs["steps"])
        return getattr(layers, layer)(**options)([one, other])

    return make


def attending(layer: str, *, value: str = "steps", **options: Any) -> Make:
    def make(layers: Any, inputs: Mapping[str, Any]) -> Any:
        given = inputs["steps"]
        if value == "words":
            given = layers.Embedding(7, 4, mask_zero=True)(inputs["words"])
        made, query = getattr(layers, layer)(**options), inputs["steps"]
        return made([query, given]) if layer == "Attention" else made(query, given)

    return make


def both_ways(layer: str, *, sequences: bool = False, **options: Any) -> Make:
    def make(layers: Any, inputs: Mapping[str, Any]) -> Any:
        inner = getattr(layers, layer)(3, return_sequences=sequences)
        return layers.Bidirectional(inner, **options)(inputs["steps"])

    return make


ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "sigmoid", "log_sigmoid", "silu"),
    *("hard_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "softplus", "softsign", "hard_silu"),
    *("gelu", "mish", "exponential", "squareplus", "softmax", "log_softmax", "linear"),
)

CASES: Mapping[str, Make] = {
    "conv valid": on("image", "Conv2D", 5, 3, activation="relu"),
    "conv same": on("image", "Conv2D", 5, (3, 2), padding="same"),
    "conv same stride": on("image", "Conv2D", 5, 3, strides=(2, 3), padding="same"),
    "conv dilated": on("image", "Conv2D", 5, 2, dilation_rate=(2, 3), padding="same"),
    "conv groups": on("image", "Conv2D", 6, 3, groups=2, use_bias=False, activation="tanh"),
    "conv 1": on("steps", "Conv1D", 5, 3, strides=2),
    "conv causal": on("steps", "Conv1D", 5, 3, padding="causal", dilation_rate=2),
    "conv 3": on("volume", "Conv3D", 3, (2, 3, 2), padding="same", strides=2),
    "depthwise": on("image", "DepthwiseConv2D", 3, depth_multiplier=2, padding="same"),
    "depthwise 1": on("steps", "DepthwiseConv1D", 3, strides=2),
    "separable": on("image", "SeparableConv2D", 5, 3, depth_multiplier=2, activation="relu"),
    "separable 1": on("steps", "SeparableConv1D", 5, 3, padding="same"),
    "transposed": on("image", "Conv2DTranspose", 3, 3, strides=2),
    "transposed same": on("image", "Conv2DTranspose", 3, (4, 3), strides=(2, 3), padding="same"),
    "transposed gap": on("image", "Conv2DTranspose", 3, 2, strides=3),
    "transposed 1": on("steps", "Conv1DTranspose", 3, 4, strides=2, padding="same"),
    "transposed 3": on("volume", "Conv3DTranspose", 2, 3, strides=2, padding="same"),
    "max pool": on("image", "MaxPooling2D", 2),
    "max pool same": on("image", "MaxPooling2D", 3, strides=2, padding="same"),
    "mean pool same": on("image", "AveragePooling2D", (3, 2), strides=(2, 1), padding="same"),
    "max pool 1": on("steps", "MaxPooling1D", 3),
    "mean pool 3": on("volume", "AveragePooling3D", 2),
    "global max": on("image", "GlobalMaxPooling2D"),
    "global mean": on("image", "GlobalAveragePooling2D", keepdims=True),
    "global mean 1": on("steps", "GlobalAveragePooling1D"),
    "global mean masked": masked("GlobalAveragePooling1D"),
    "dense": on("table", "Dense", 6, activation="sigmoid"),
    "dense steps": on("steps", "Dense", 6, use_bias=False),
    "embedding": on("words", "Embedding", 7, 5),
    "batch norm": on("image", "BatchNormalization"),
    "batch norm plain": on("steps", "BatchNormalization", center=False, scale=False),
    "batch norm rows": on("image", "BatchNormalization", axis=1),
    "layer norm": on("steps", "LayerNormalization"),
    "layer norm axes": on("image", "LayerNormalization", axis=[1, 3]),
    "group norm": on("image", "GroupNormalization", groups=2),
    "instance norm": on("image", "GroupNormalization", groups=-1),
    "rms norm": on("steps", "RMSNormalization"),
    "unit norm": on("steps", "UnitNormalization"),
    "normalization": on("table", "Normalization", mean=2.0, variance=4.0),
    "normalization weights": on("steps", "Normalization"),
    "normalization back": on("table", "Normalization", mean=2.0, variance=4.0, invert=True),
    "rescaling": on("image", "Rescaling", 1 / 255, offset=-0.5),
    "flatten": on("image", "Flatten"),
    "reshape": on("image", "Reshape", (4, -1)),
    "permute": on("image", "Permute", (3, 1, 2)),
    "repeat": on("table", "RepeatVector", 3),
    "padding": on("image", "ZeroPadding2D", ((1, 2), (0, 3))),
    "padding 1": on("steps", "ZeroPadding1D", (2, 1)),
    "cropping": on("image", "Cropping2D", ((1, 2), (2, 1))),
    "cropping 1": on("steps", "Cropping1D", (1, 3)),
    "upsampling": on("image", "UpSampling2D", (2, 3)),
    "upsampling 1": on("steps", "UpSampling1D", 2),
    "masking": on("steps", "Masking", 0.0),
    "dropout": on("table", "Dropout", 0.5),
    "relu layer": on("steps", "ReLU", max_value=1.0, negative_slope=0.1, threshold=0.2),
    "leaky": on("steps", "LeakyReLU", negative_slope=0.3),
    "elu layer": on("steps", "ELU", alpha=0.7),
    "prelu": on("steps", "PReLU"),
    "softmax axis": on("steps", "Softmax", axis=1),
    "add": merged("Add"),
    "subtract": merged("Subtract"),
    "multiply": merged("Multiply"),
    "average": merged("Average"),
    "maximum": merged("Maximum"),
    "minimum": merged("Minimum"),
    "add repeated": merged("Add", halves=True),
    "concatenate": merged("Concatenate"),
    "concatenate steps": merged("Concatenate", halves=True, axis=1),
    "simple rnn": on("steps", "SimpleRNN", 3),
    "lstm": on("steps", "LSTM", 3),
    "lstm steps": on("steps", "LSTM", 3, return_sequences=True, use_bias=False),
    "lstm states": on("steps", "LSTM", 3, return_state=True),
    "lstm back": on("steps", "LSTM", 3, go_backwards=True, return_sequences=True),
    "lstm masked": masked("LSTM", 3),
    "lstm masked steps": masked("LSTM", 3, return_sequences=True),
    "gru": on("steps", "GRU", 3),
    "gru before": on("steps", "GRU", 3, reset_after=False, return_sequences=True),
    "gru masked": masked("GRU", 3),
    "bidirectional": both_ways("LSTM"),
    "bidirectional steps": both_ways("GRU", sequences=True),
    "bidirectional sum": both_ways("LSTM", sequences=True, merge_mode="sum"),
    "heads": attending("MultiHeadAttention", num_heads=2, key_dim=3),
    "heads values": attending("MultiHeadAttention", num_heads=2, key_dim=3, value_dim=5),
    "heads masked": attending("MultiHeadAttention", value="words", num_heads=2, key_dim=3),
    "attention": attending("Attention"),
    "attention scale": attending("Attention", use_scale=True),
    **{f"activation {name}": on("steps", "Activation", name) for name in ACTIVATIONS},
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, silent: Any) -> Trace:
    """One model that has every case as an output, with random weights."""
    keras = load()
    random = np.random.default_rng(7)
    inputs = {
        name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in INPUTS.items()
    }
    outputs = [make(keras.layers, inputs) for make in CASES.values()]
    model = keras.Model(inputs, outputs)
    for variable in model.variables:
        if "seed" not in variable.name and variable.name != "count":
            values = random.normal(size=variable.shape)
            variable.assign(np.abs(values) + 0.1 if "variance" in variable.name else values * 0.4)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it uses copies of its variables
    x: dict[str, Array] = {
        name: random.integers(0, 7, (4, *shape)).astype(dtype)
        if dtype == "int32"
        else (random.normal(size=(4, *shape)) * (random.random((4, *shape)) > 0.2)).astype(dtype)
        for name, (shape, dtype) in INPUTS.items()
    }
    path = tmp_path_factory.mktemp("model") / "cases.trace"
    record_model(model, Rows(x, None), path, silent, exact=True)
    return read(path)


def encoded(values: Array) -> dict[str, Any]:
    data = base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()
    return {"shape": list(values.shape), "data": data}


def layer_of(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "layer": stage.layer or "",
        "config": json.loads(json.dumps(dict(stage.config), default=list)),
        "inputs": [{"source": spec.source, "output": spec.output} for spec in stage.inputs],
        "outputs": [{"shape": spec.shape[1:]} for spec in stage.outputs],
    }


@pytest.fixture(scope="module")
def engine(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page with the viewer's modules and nothing else."""
    path: Path = tmp_path_factory.mktemp("engine") / "engine.html"
    path.write_text(f'<script type="importmap">{import_map()}</script>', encoding="utf-8")
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    yield page
    context.close()


COMPUTE = """async ({ stages, weights, known, places }) => {
  const { Evaluation } = await import("viewer/model/evaluate.js");
  const { LAYERS } = await import("viewer/model/layers.js");
  const { channelMaps } = await import("viewer/model/channel_maps.js");
  const decode = ({ shape, data }) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    return { shape, data: new Float32Array(bytes.buffer) };
  };
  const all = (given, f) => new Map(Object.entries(given).map(([name, value]) => [name, f(value)]));
  const tensors = (given) => Object.fromEntries(Object.entries(given).map(([k, v]) => [k, decode(v)]));
  const own = all(weights, tensors);
  const given = all(known, decode);
  const byName = new Map(stages.map((stage) => [stage.name, stage]));
  const pass = new Evaluation(byName, own, (name) => given.get(name) ?? null);
  return stages.flatMap((stage) => {
    const result = pass.get(stage.name);
    if (!result) return [];
    const outputs = result.outputs.map(({ shape, data }) => ({ shape, data: [...data].map(String) }));
    const family = LAYERS.get(stage.layer);
    const received = pass.inputs(stage);
    const origins = family?.origin && received && places[stage.name].map((place) =>
      family.origin(stage, received.inputs, own.get(stage.name), place, received.masks));
    const filters = outputs[0].shape.at(-1);
    const maps = received && Array.from({ length: filters }, (_, filter) => channelMaps(stage, received.inputs[0], own.get(stage.name), filter));
    const addends = stage.layer.includes("Conv") && maps?.[0] ? maps.map((each) => each.compute(0, each.names.length).map((map) => [...map])) : [];
    return [{ name: stage.name, outputs, origins: origins || [], addends }];
  });
}"""


@pytest.fixture(scope="module")
def computed(recorded: Trace, engine: Page) -> Mapping[str, Any]:
    """By stage the outputs in the page, and how some of their values came to be."""
    weights: dict[str, dict[str, Any]] = {stage.name: {} for stage in recorded.stages}
    for stage in recorded.stages:
        for each in stage.weights:
            weights[stage.name][each.name] = encoded(recorded.weights[f"{stage.name}/{each.name}"])
    outputs = recorded.predictions[0].outputs
    known = {
        stage.name: encoded(outputs[stage.name])
        for stage in recorded.stages
        if stage.kind == "source" or stage.layer == "GetItem"
    }
    given = {
        "stages": [layer_of(stage) for stage in recorded.stages],
        "weights": weights,
        "known": known,
        "places": {name: places(values) for name, values in outputs.items()},
    }
    return {each["name"]: each for each in engine.evaluate(COMPUTE, given)}


def places(values: Array) -> list[list[int]]:
    """The first, the last and one in the middle."""
    return [
        [int(index) for index in np.unravel_index(at, values.shape)]
        for at in (0, values.size // 2, values.size - 1)
    ]


def numbers(tensor: Mapping[str, Any]) -> Array:
    return np.array([float(text) for text in tensor["data"]]).reshape(tensor["shape"])


def apart(ours: Any, theirs: Array) -> float:
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def test_every_family_is_computed_as_keras_recorded_it(
    recorded: Trace, computed: Mapping[str, Any]
) -> None:
    wrong = {}
    for stage in recorded.stages:
        theirs = recorded.predictions[0].outputs[stage.name]
        if stage.name not in computed:
            wrong[stage.name] = f"{stage.layer}: not computed"
            continue
        ours = numbers(computed[stage.name]["outputs"][0])
        if ours.shape != theirs.shape or not apart(ours, theirs) <= TOLERANCE:
            wrong[stage.name] = f"{stage.layer}: {ours.shape}, {theirs.shape}"
        for output, other in zip(computed[stage.name]["outputs"][1:], stage.others, strict=False):
            if not apart(numbers(output), other) <= TOLERANCE:
                wrong[stage.name] = f"{stage.layer}: a further output"
    assert not wrong


JOINED: Mapping[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "mean": sum,
    "normalise": sum,
    "copy": sum,
    "look-up": sum,
    "largest": max,
    "smallest": min,
    "product": lambda terms: float(np.prod(terms)),
}
FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def test_the_terms_of_a_value_give_that_value(recorded: Trace, computed: Mapping[str, Any]) -> None:
    wrong, seen = [], set()
    for stage in recorded.stages:
        theirs = recorded.predictions[0].outputs[stage.name]
        found = computed[stage.name]["origins"]
        for origin, place in zip(found, places(theirs), strict=bool(found)):
            if origin is None:
                continue  # a layer of the family that is only computed
            if origin["activation"] not in FUNCTIONS:
                continue  # computed above, from all values of the layer
            seen.add(stage.layer)
            total = JOINED[origin["how"]]([term["product"] for term in origin["terms"]])
            value = FUNCTIONS[origin["activation"]](total + (origin["bias"] or 0.0))
            if not abs(value - theirs[tuple(place)]) <= TOLERANCE * max(1.0, np.abs(theirs).max()):
                wrong.append((stage.name, place, value, float(theirs[tuple(place)])))
    assert not wrong
    assert {"Conv2D", "SeparableConv2D", "MaxPooling2D", "Dense", "Embedding"} <= seen


def test_the_maps_of_the_input_channels_add_up(
    recorded: Trace, computed: Mapping[str, Any]
) -> None:
    """Of every kind of convolution, one map for each input channel that a filter looks at."""
    channels: dict[str, set[int]] = {}
    for stage in recorded.stages:
        found = computed[stage.name]["addends"]
        if stage.config.get("activation", "linear") not in FUNCTIONS or not found:
            continue
        theirs = recorded.predictions[0].outputs[stage.name]
        bias = recorded.weights.get(f"{stage.name}/bias", np.zeros(theirs.shape[-1]))
        for number, maps in enumerate(found):
            total = np.sum(maps, axis=0).reshape(theirs.shape[:-1]) + bias[number]
            ours = np.vectorize(FUNCTIONS[stage.config["activation"]])(total)
            assert apart(ours, theirs[..., number]) <= TOLERANCE, stage.name
        channels.setdefault(stage.layer or "", set()).add(len(found[0]))
    assert channels == {
        "Conv1D": {4},
        "Conv2D": {4, 2},  # two groups of two
        "Conv3D": {2},
        "DepthwiseConv1D": {1},
        "DepthwiseConv2D": {1},
        "SeparableConv1D": {4},
        "SeparableConv2D": {8},
        "Conv1DTranspose": {4},
        "Conv2DTranspose": {4},
        "Conv3DTranspose": {2},
    }


def test_a_map_of_a_channel_is_that_channel_by_its_kernel(
    recorded: Trace, computed: Mapping[str, Any]
) -> None:
    [stage] = [
        each for each in recorded.stages if each.layer == "Conv2D" and each.config["groups"] == 2
    ]
    [source] = [spec.source for spec in stage.inputs]
    image = recorded.predictions[0].outputs[str(source)].astype(float)
    kernel = recorded.weights[f"{stage.name}/kernel"].astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(0, 1))
    for number, maps in enumerate(computed[stage.name]["addends"]):
        first = number // 3 * 2  # three filters a group, two channels each
        for at, found in enumerate(maps):
            wanted = np.einsum("rcij,ij->rc", windows[:, :, first + at], kernel[:, :, at, number])
            assert np.allclose(np.reshape(found, wanted.shape), wanted, atol=1e-6)
