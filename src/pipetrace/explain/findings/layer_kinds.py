"""Which layers normalise, activate or only reshape: sets of names."""

from pipetrace.explain.layers.activation import ACTIVATIONS

NORMALISING = frozenset(
    {
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization"),
        *("Normalization", "RMSNormalization", "SpectralNormalization"),
    }
)
NONLINEAR = frozenset(
    {
        *ACTIVATIONS,
        *("prelu", "thresholdedrelu", "crelu", "swish", "glu", "tanh_shrink", "hard_swish"),
        "squareplus",
    }
)
"""Activations that are not linear."""
LAYER_ACTIVATIONS = {
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
    "Softmax": "softmax",
    "ThresholdedReLU": "thresholdedrelu",
}
"""Layers that are an activation."""
RESHAPING = frozenset(
    {
        *("InputLayer", "Identity", "Flatten", "Reshape", "Permute", "RepeatVector"),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout"),
        *("GaussianNoise", "GaussianDropout", "ActivityRegularization"),
        *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
        *("Cropping1D", "Cropping2D", "Cropping3D"),
    }
)
"""Layers that leave values as they are, or only move, drop or disturb them."""
SERIES_LAYERS = frozenset(
    {
        *("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D"),
        *("Conv1D", "SeparableConv1D", "MultiHeadAttention", "GroupQueryAttention", "Attention"),
        *("AdditiveAttention", "Embedding", "TimeDistributed"),
    }
)
"""Layers that read the steps of a series."""
