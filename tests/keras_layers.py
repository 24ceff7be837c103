"""Every public layer of Keras, made once, and stages of layers made as the recorder makes them."""

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, TypeAlias

from pipetrace.capture.backend import load
from pipetrace.trace.document import LAYER, Parameters, Spec, Stage, Weight

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


class Layer:
    """A layer that is yet to be made, by its name in ``keras.layers``; so may be some arguments."""

    def __init__(self, name: str, *arguments: Any, **options: Any) -> None:
        self.name, self.arguments, self.options = name, arguments, options

    def __call__(self, layers: Any) -> Any:
        def ready(value: Any) -> Any:
            if isinstance(value, list):
                return [ready(each) for each in value]
            return value(layers) if isinstance(value, Layer) else value

        return getattr(layers, self.name)(*map(ready, self.arguments), **self.options)


Row: TypeAlias = tuple[Sequence[Any], tuple[Any, ...], dict[str, Any]]
"""The inputs' shapes after the rows, in a pair with another dtype; and a layer's arguments."""


def row(inputs: Sequence[Any], *arguments: Any, **options: Any) -> Row:
    return inputs, arguments, options


def keras_version() -> tuple[int, ...]:
    """The version of Keras that is installed: its first two numbers."""
    return tuple(int(part) for part in version("keras").split(".")[:2])


PADDED = {"output_padding": 1} if keras_version() >= WRITTEN_FOR else {}
"""An option for a transposed convolution; Keras 3.8 gives another shape than it says with it."""

COMPUTED: Mapping[str, Row] = {
    "Activation": row([(4,)], "gelu"),
    "ActivityRegularization": row([(4,)], 0.01, 0.1),
    "Dense": row([(128,)], 10),
    "ELU": row([(4,)]),
    "EinsumDense": row([STEPS], "abc,cd->abd", (10, 6), activation="relu", bias_axes="d"),
    "Embedding": row([((10,), "int32")], 1000, 16, mask_zero=True),
    "Flatten": row([IMAGE]),
    "Identity": row([(4,)]),
    "InputLayer": row([], (28, 28, 1)),
    "Lambda": row([(4,)], lambda rows: rows * 2),
    "LeakyReLU": row([(4,)], 0.25),
    "Masking": row([STEPS], -1.0),
    "PReLU": row([IMAGE], shared_axes=[1, 2]),
    "Permute": row([STEPS], (2, 1)),
    "ReLU": row([(4,)], max_value=6, negative_slope=0.125, threshold=1),
    "RepeatVector": row([(32,)], 10),
    "Reshape": row([STEPS], (-1, 2, 5)),
    "ReversibleEmbedding": row([((10,), "int32")], 1000, 16),
    "Softmax": row([(10,)]),
    "TimeDistributed": row([STEPS], Layer("Dense", 3, activation="relu")),
    **{
        f"{kind}{dims}D": row([shape], size)
        for kind, size in (("ZeroPadding", 1), ("Cropping", 1), ("UpSampling", 2))
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
    "Conv1D": row([STEPS], 8, 3, padding="causal", dilation_rate=2, activation="relu"),
    "Conv2D": row([(28, 28, 1)], 32, 3, activation="relu"),
    "Conv3D": row([VOLUME], 4, (1, 2, 3), groups=2),
    "Conv1DTranspose": row([STEPS], 4, 3, strides=2, padding="same"),
    "Conv2DTranspose": row([(26, 26, 32)], 8, 3, strides=2),
    "Conv3DTranspose": row([VOLUME], 4, (1, 2, 3), strides=3, **PADDED),
    "DepthwiseConv1D": row([STEPS], 3, depth_multiplier=2),
    "DepthwiseConv2D": row([IMAGE], 3, activation="relu"),
    "SeparableConv1D": row([STEPS], 16, 3),
    "SeparableConv2D": row([IMAGE], 16, 3, depth_multiplier=2, strides=2),
    **{
        f"{kind}Pooling{dims}D": row([shape], 2)
        for kind in ("Max", "Average", "AdaptiveMax", "AdaptiveAverage")
        for dims, shape in ((1, (11, 8)), (2, IMAGE), (3, VOLUME))
    },
    **{
        f"Global{kind}Pooling{dims}D": row([shape])
        for kind in ("Max", "Average")
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
    "BatchNormalization": row([(26, 26, 32)]),
    "LayerNormalization": row([STEPS]),
    "GroupNormalization": row([(8, 8, 16)], 4),
    "RMSNormalization": row([STEPS]),
    "UnitNormalization": row([STEPS]),
    "SpectralNormalization": row([IMAGE], Layer("Conv2D", 4, 3)),
    "Dropout": row([(4,)], 0.25),
    "AlphaDropout": row([(4,)], 0.25),
    "GaussianDropout": row([(4,)], 0.25),
    "GaussianNoise": row([(4,)], 0.1),
    "SpatialDropout1D": row([STEPS], 0.5),
    "SpatialDropout2D": row([IMAGE], 0.5),
    "SpatialDropout3D": row([VOLUME], 0.5),
    "Add": row([(8, 8, 2), (8, 8, 2), (1, 8, 2)]),
    "Average": row([(4,), (4,)]),
    "Concatenate": row([(8,), (4,)]),
    "Dot": row([(16,), (16,)], -1, normalize=True),
    "Maximum": row([(4,), (4,)]),
    "Minimum": row([(4,), (4,)]),
    "Multiply": row([(4,), (4,)]),
    "Subtract": row([(4,), (4,)]),
    "SimpleRNN": row([STEPS], 16),
    "LSTM": row([STEPS], 16, return_state=True, dropout=0.2),
    "GRU": row([STEPS], 16, return_sequences=True, go_backwards=True),
    "RNN": row([STEPS], [Layer("LSTMCell", 16), Layer("GRUCell", 4)]),
    "SimpleRNNCell": row([(8,), [(4,)]], 4),
    "LSTMCell": row([(8,), [(4,), (4,)]], 4),
    "GRUCell": row([(8,), [(4,)]], 4),
    "StackedRNNCells": row(
        [(8,), [[(4,)], [(5,), (5,)]]], [Layer("GRUCell", 4), Layer("LSTMCell", 5)]
    ),
    "Bidirectional": row([STEPS], Layer("LSTM", 16)),
    **{
        f"ConvLSTM{dims}D": row([(5, *shape)], 4, 3)
        for dims, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    },
    "MultiHeadAttention": row([(10, 64), (12, 64)], 8, 16),
    "GroupQueryAttention": row([(10, 64), (10, 64)], 16, 8, 2),
    "Attention": row([[(10, 8), (12, 8)]], use_scale=True),
    "AdditiveAttention": row([[(10, 8), (12, 8)]]),
}

READYING: Mapping[str, Row] = {
    "Rescaling": row([IMAGE], 1 / 127.5, offset=-1),
    "Normalization": row([(4,)]),
    "Discretization": row([(1,)], [0.0, 0.5, 1.0], output_mode="one_hot"),
    "CategoryEncoding": row([NUMBERS], 5),
    "Hashing": row([TEXT], 10),
    "HashedCrossing": row([[TEXT, TEXT]], 10),
    "IntegerLookup": row([NUMBERS], vocabulary=[7, 8, 9], output_mode="multi_hot"),
    "StringLookup": row([TEXT], vocabulary=["yes", "no"], mask_token=""),
    "TextVectorization": row([TEXT], vocabulary=["yes", "no"], output_sequence_length=12),
    "STFTSpectrogram": row([(1000, 1)], frame_length=64, window=None),
    "MelSpectrogram": row([(16000,)], fft_length=256, sequence_stride=128),
    "Pipeline": row([IMAGE], [Layer("Rescaling", 1 / 255), Layer("RandomFlip")]),
    "CenterCrop": row([IMAGE], 4, 5),
    "Resizing": row([IMAGE], 4, 5),
    "AutoContrast": row([IMAGE]),
    "ContrastLimitedAdaptiveHistogramEqualization": row([IMAGE], tile_grid_size=(2, 2)),
    "MaxNumBoundingBoxes": row([IMAGE], max_number=4, bounding_box_format="xyxy"),
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

EVERY: Mapping[str, tuple[Layer, Sequence[Any]]] = {
    name: (Layer(name, *arguments, **options), inputs)
    for name, (inputs, arguments, options) in {
        **COMPUTED,
        **READYING,
        **{name: row([IMAGE], **given) for name, given in CHANGES.items()},
    }.items()
}
"""Each public layer by the name that its documentation has, made and given example inputs."""


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
