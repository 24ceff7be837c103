"""Every public layer of Keras, made once, and stages of layers made as the recorder makes them."""

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from pipetrace.capture.backend import load
from pipetrace.trace.document import LAYER, Parameters, Spec, Stage, Weight

Made: TypeAlias = tuple[Callable[[Any], Any], Sequence[Any]]
"""How a layer is made, and its inputs' shapes after the rows, in a pair with another dtype."""

WRITTEN_FOR = (3, 15)
"""The version of Keras whose layers are all described; a newer one may have more."""

IMAGE = (8, 8, 3)
STEPS = (10, 8)
VOLUME = (6, 6, 6, 2)
TEXT = ((1,), "string")
NUMBERS = ((5,), "int64")

ABSTRACT: Mapping[str, str] = {
    "Layer": "the base of all layers, it computes nothing",
    "Wrapper": "the base of layers around a layer, it has no call of its own",
    "InputSpec": "no layer: what a layer demands of its inputs",
}
"""The public classes that are no layer that data could pass, and why."""

ELSEWHERE: Mapping[str, Mapping[str, Any]] = {
    "TFSMLayer": {"filepath": "saved", "call_endpoint": "serve", "call_training_endpoint": None},
    "JaxLayer": {"call_fn": {"class_name": "function", "config": "apply"}, "init_fn": None},
    "FlaxLayer": {"module": {"class_name": "MLP", "config": {}}, "method": None},
    "TorchModuleWrapper": {"module": "UEsDBAAACAgAAA==", "output_shape": None},
}
"""The layers that need another framework or a file to be made, with their configuration."""


def named(name: str, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
    """A layer of a class by its name."""
    return lambda layers: getattr(layers, name)(*arguments, **options)


CORE: Mapping[str, Made] = {
    "Activation": (lambda layers: layers.Activation("gelu"), [(4,)]),
    "ActivityRegularization": (lambda layers: layers.ActivityRegularization(0.01, 0.1), [(4,)]),
    "Dense": (lambda layers: layers.Dense(10), [(128,)]),
    "ELU": (lambda layers: layers.ELU(), [(4,)]),
    "EinsumDense": (
        lambda layers: layers.EinsumDense("abc,cd->abd", (10, 6), activation="relu", bias_axes="d"),
        [STEPS],
    ),
    "Embedding": (lambda layers: layers.Embedding(1000, 16, mask_zero=True), [((10,), "int32")]),
    "Flatten": (lambda layers: layers.Flatten(), [IMAGE]),
    "Identity": (lambda layers: layers.Identity(), [(4,)]),
    "InputLayer": (lambda layers: layers.InputLayer((28, 28, 1)), []),
    "Lambda": (lambda layers: layers.Lambda(lambda rows: rows * 2), [(4,)]),
    "LeakyReLU": (lambda layers: layers.LeakyReLU(0.25), [(4,)]),
    "Masking": (lambda layers: layers.Masking(-1.0), [STEPS]),
    "PReLU": (lambda layers: layers.PReLU(shared_axes=[1, 2]), [IMAGE]),
    "Permute": (lambda layers: layers.Permute((2, 1)), [STEPS]),
    "ReLU": (lambda layers: layers.ReLU(max_value=6, negative_slope=0.125, threshold=1), [(4,)]),
    "RepeatVector": (lambda layers: layers.RepeatVector(10), [(32,)]),
    "Reshape": (lambda layers: layers.Reshape((-1, 2, 5)), [STEPS]),
    "ReversibleEmbedding": (
        lambda layers: layers.ReversibleEmbedding(1000, 16),
        [((10,), "int32")],
    ),
    "Softmax": (lambda layers: layers.Softmax(), [(10,)]),
    "TimeDistributed": (
        lambda layers: layers.TimeDistributed(layers.Dense(3, activation="relu")),
        [STEPS],
    ),
    **{
        f"ZeroPadding{dims}D": (named(f"ZeroPadding{dims}D", 1), [shape])
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
    **{
        f"Cropping{dims}D": (named(f"Cropping{dims}D", 1), [shape])
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
    **{
        f"UpSampling{dims}D": (named(f"UpSampling{dims}D", 2), [shape])
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
}

SLIDING: Mapping[str, Made] = {
    "Conv1D": (
        lambda layers: layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu"),
        [STEPS],
    ),
    "Conv2D": (lambda layers: layers.Conv2D(32, 3, activation="relu"), [(28, 28, 1)]),
    "Conv3D": (lambda layers: layers.Conv3D(4, (1, 2, 3), groups=2), [VOLUME]),
    "Conv1DTranspose": (
        lambda layers: layers.Conv1DTranspose(4, 3, strides=2, padding="same"),
        [STEPS],
    ),
    "Conv2DTranspose": (lambda layers: layers.Conv2DTranspose(8, 3, strides=2), [(26, 26, 32)]),
    "Conv3DTranspose": (
        lambda layers: layers.Conv3DTranspose(4, (1, 2, 3), strides=3, **output_padding()),
        [VOLUME],
    ),
    "DepthwiseConv1D": (lambda layers: layers.DepthwiseConv1D(3, depth_multiplier=2), [STEPS]),
    "DepthwiseConv2D": (lambda layers: layers.DepthwiseConv2D(3, activation="relu"), [IMAGE]),
    "SeparableConv1D": (lambda layers: layers.SeparableConv1D(16, 3), [STEPS]),
    "SeparableConv2D": (
        lambda layers: layers.SeparableConv2D(16, 3, depth_multiplier=2, strides=2),
        [IMAGE],
    ),
    **{
        f"{kind}Pooling{dims}D": (named(f"{kind}Pooling{dims}D", 2), [shape])
        for kind in ("Max", "Average", "AdaptiveMax", "AdaptiveAverage")
        for dims, shape in ((1, (11, 8)), (2, IMAGE), (3, VOLUME))
    },
    **{
        f"Global{kind}Pooling{dims}D": (named(f"Global{kind}Pooling{dims}D"), [shape])
        for kind in ("Max", "Average")
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
}

STEADY: Mapping[str, Made] = {
    "BatchNormalization": (lambda layers: layers.BatchNormalization(), [(26, 26, 32)]),
    "LayerNormalization": (lambda layers: layers.LayerNormalization(), [STEPS]),
    "GroupNormalization": (lambda layers: layers.GroupNormalization(4), [(8, 8, 16)]),
    "RMSNormalization": (lambda layers: layers.RMSNormalization(), [STEPS]),
    "UnitNormalization": (lambda layers: layers.UnitNormalization(), [STEPS]),
    "SpectralNormalization": (
        lambda layers: layers.SpectralNormalization(layers.Conv2D(4, 3)),
        [IMAGE],
    ),
    "Dropout": (lambda layers: layers.Dropout(0.25), [(4,)]),
    "AlphaDropout": (lambda layers: layers.AlphaDropout(0.25), [(4,)]),
    "GaussianDropout": (lambda layers: layers.GaussianDropout(0.25), [(4,)]),
    "GaussianNoise": (lambda layers: layers.GaussianNoise(0.1), [(4,)]),
    "SpatialDropout1D": (lambda layers: layers.SpatialDropout1D(0.5), [STEPS]),
    "SpatialDropout2D": (lambda layers: layers.SpatialDropout2D(0.5), [IMAGE]),
    "SpatialDropout3D": (lambda layers: layers.SpatialDropout3D(0.5), [VOLUME]),
    "Add": (lambda layers: layers.Add(), [(8, 8, 2), (8, 8, 2), (1, 8, 2)]),
    "Average": (lambda layers: layers.Average(), [(4,), (4,)]),
    "Concatenate": (lambda layers: layers.Concatenate(), [(8,), (4,)]),
    "Dot": (lambda layers: layers.Dot(-1, normalize=True), [(16,), (16,)]),
    "Maximum": (lambda layers: layers.Maximum(), [(4,), (4,)]),
    "Minimum": (lambda layers: layers.Minimum(), [(4,), (4,)]),
    "Multiply": (lambda layers: layers.Multiply(), [(4,), (4,)]),
    "Subtract": (lambda layers: layers.Subtract(), [(4,), (4,)]),
}

STEP_BY_STEP: Mapping[str, Made] = {
    "SimpleRNN": (lambda layers: layers.SimpleRNN(16), [STEPS]),
    "LSTM": (lambda layers: layers.LSTM(16, return_state=True, dropout=0.2), [STEPS]),
    "GRU": (lambda layers: layers.GRU(16, return_sequences=True, go_backwards=True), [STEPS]),
    "RNN": (lambda layers: layers.RNN([layers.LSTMCell(16), layers.GRUCell(4)]), [STEPS]),
    "SimpleRNNCell": (lambda layers: layers.SimpleRNNCell(4), [(8,), [(4,)]]),
    "LSTMCell": (lambda layers: layers.LSTMCell(4), [(8,), [(4,), (4,)]]),
    "GRUCell": (lambda layers: layers.GRUCell(4), [(8,), [(4,)]]),
    "StackedRNNCells": (
        lambda layers: layers.StackedRNNCells([layers.GRUCell(4), layers.LSTMCell(5)]),
        [(8,), [[(4,)], [(5,), (5,)]]],
    ),
    "Bidirectional": (lambda layers: layers.Bidirectional(layers.LSTM(16)), [STEPS]),
    **{
        f"ConvLSTM{dims}D": (named(f"ConvLSTM{dims}D", 4, 3), [(5, *shape)])
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
    "MultiHeadAttention": (lambda layers: layers.MultiHeadAttention(8, 16), [(10, 64), (12, 64)]),
    "GroupQueryAttention": (
        lambda layers: layers.GroupQueryAttention(16, 8, 2),
        [(10, 64), (10, 64)],
    ),
    "Attention": (lambda layers: layers.Attention(use_scale=True), [[(10, 8), (12, 8)]]),
    "AdditiveAttention": (lambda layers: layers.AdditiveAttention(), [[(10, 8), (12, 8)]]),
}

READYING: Mapping[str, Made] = {
    "Rescaling": (lambda layers: layers.Rescaling(1 / 127.5, offset=-1), [IMAGE]),
    "Normalization": (lambda layers: layers.Normalization(), [(4,)]),
    "Discretization": (
        lambda layers: layers.Discretization([0.0, 0.5, 1.0], output_mode="one_hot"),
        [(1,)],
    ),
    "CategoryEncoding": (lambda layers: layers.CategoryEncoding(5), [NUMBERS]),
    "Hashing": (lambda layers: layers.Hashing(10), [TEXT]),
    "HashedCrossing": (lambda layers: layers.HashedCrossing(10), [[TEXT, TEXT]]),
    "IntegerLookup": (
        lambda layers: layers.IntegerLookup(vocabulary=[7, 8, 9], output_mode="multi_hot"),
        [NUMBERS],
    ),
    "StringLookup": (
        lambda layers: layers.StringLookup(vocabulary=["yes", "no"], mask_token=""),
        [TEXT],
    ),
    "TextVectorization": (
        lambda layers: layers.TextVectorization(
            vocabulary=["yes", "no"], output_sequence_length=12
        ),
        [TEXT],
    ),
    "STFTSpectrogram": (
        lambda layers: layers.STFTSpectrogram(frame_length=64, window=None),
        [(1000, 1)],
    ),
    "MelSpectrogram": (
        lambda layers: layers.MelSpectrogram(fft_length=256, sequence_stride=128),
        [(16000,)],
    ),
    "Pipeline": (
        lambda layers: layers.Pipeline([layers.Rescaling(1 / 255), layers.RandomFlip()]),
        [IMAGE],
    ),
    "CenterCrop": (lambda layers: layers.CenterCrop(4, 5), [IMAGE]),
    "Resizing": (lambda layers: layers.Resizing(4, 5), [IMAGE]),
    "AutoContrast": (lambda layers: layers.AutoContrast(), [IMAGE]),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        lambda layers: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2)),
        [IMAGE],
    ),
    "MaxNumBoundingBoxes": (
        lambda layers: layers.MaxNumBoundingBoxes(max_number=4, bounding_box_format="xyxy"),
        [IMAGE],
    ),
}

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "AugMix": {},
    "CutMix": {},
    "Equalization": {},
    "MixUp": {},
    "RandAugment": {},
    "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": (0.1, 0.2)},
    "RandomColorJitter": {"hue_factor": 0.1, "contrast_factor": 0.1},
    "RandomContrast": {"factor": 0.2},
    "RandomCrop": {"height": 4, "width": 5},
    "RandomElasticTransform": {},
    "RandomErasing": {"factor": 0.5},
    "RandomFlip": {"mode": "horizontal"},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.1},
    "RandomInvert": {"factor": (0.5, 0.5)},
    "RandomPerspective": {"factor": (1.0, 1.0)},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": (0.3, 0.7)},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.1, "y_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.1},
    "Solarization": {},
}
"""What changes images at random in training alone, with how each is made."""

AT_RANDOM: Mapping[str, Made] = {
    name: (named(name, **given), [IMAGE]) for name, given in CHANGES.items()
}

EVERY: Mapping[str, Made] = {**CORE, **SLIDING, **STEADY, **STEP_BY_STEP, **READYING, **AT_RANDOM}
"""Each public layer by the name that its documentation has, made and given example inputs."""


def keras_version() -> tuple[int, ...]:
    """The version of Keras that runs: its first two numbers."""
    return tuple(int(part) for part in load().__version__.split(".")[:2])


def output_padding() -> dict[str, Any]:
    """An option for a transposed convolution; Keras 3.8 gives another shape than it says with it."""
    return {"output_padding": 1} if keras_version() >= WRITTEN_FOR else {}


def accepted(layer: Any, **options: Any) -> dict[str, Any]:
    """Those of the options that this version of Keras knows for a layer's class."""
    known = inspect.signature(layer.__init__).parameters
    return {name: value for name, value in options.items() if name in known}


def public() -> dict[str, Any]:
    """The public classes of ``keras.layers``, each once, by their documented name."""
    layers = load().layers
    found: dict[int, list[str]] = {}
    for name in dir(layers):
        if inspect.isclass(getattr(layers, name)):
            found.setdefault(id(getattr(layers, name)), []).append(name)
    # Several names of one class: its own, or the longest where its own is not public.
    chosen = [
        next(
            (name for name in names if getattr(layers, name).__name__ == name), max(names, key=len)
        )
        for names in found.values()
    ]
    return {name: getattr(layers, name) for name in chosen}


def plain(value: Any) -> Any:
    """A configuration as a trace holds it."""
    return json.loads(json.dumps(value, default=str))


def stage_of(layer: Any, received: Sequence[Any], given: Sequence[Any]) -> Stage:
    """The stage of a layer that was called with such tensors, or anything with shape and dtype."""
    weights = [(variable, bool(variable.trainable)) for variable in layer.weights]
    return Stage(
        name=layer.name,
        kind=LAYER,
        layer=type(layer).__name__,
        path=layer.name,
        config=plain(layer.get_config()),
        inputs=tuple(spec(tensor) for tensor in received),
        outputs=tuple(spec(tensor) for tensor in given),
        parameters=Parameters(
            sum(math.prod(variable.shape) for variable, trains in weights if trains),
            sum(math.prod(variable.shape) for variable, trains in weights if not trains),
        ),
        weights=tuple(
            Weight(variable.name, tuple(variable.shape), trains) for variable, trains in weights
        ),
    )


def spec(tensor: Any) -> Spec:
    """The form of a tensor, its rows unknown."""
    return Spec(
        (None, *tensor.shape[1:]), str(load().backend.standardize_dtype(tensor.dtype)), None
    )


def called(layer: Any, inputs: Sequence[Any], **arguments: Any) -> Stage:
    """The stage of a layer called on symbolic inputs of these shapes: nothing is computed."""
    keras = load()
    given = tensors(keras, inputs)
    if type(layer).__name__ == "InputLayer":
        return stage_of(layer, [], [layer.output])
    return stage_of(
        layer, keras.tree.flatten(given), keras.tree.flatten(layer(*given, **arguments))
    )


def tensors(keras: Any, inputs: Sequence[Any]) -> list[Any]:
    """Symbolic tensors of these shapes, in lists as the shapes are."""
    found = []
    for each in inputs:
        if isinstance(each, list):
            found.append(tensors(keras, each))
        else:
            shape, dtype = each if isinstance(each[0], tuple) else (each, "float32")
            found.append(keras.KerasTensor((None, *shape), dtype))
    return found


MERGING = frozenset(
    {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
)
"""The layers that take their inputs as a list."""


@cache
def made(name: str) -> Stage:
    """The stage of a layer of the table, or of another framework by its configuration alone."""
    if name in ELSEWHERE:
        rows = Spec((None, 4), "float32")
        return Stage(
            "it",
            LAYER,
            name,
            "it",
            {"name": "it", **ELSEWHERE[name]},
            (rows,),
            (rows,),
            Parameters(20),
        )
    make, inputs = EVERY[name]
    return called(make(load().layers), [list(inputs)] if name in MERGING else inputs)
