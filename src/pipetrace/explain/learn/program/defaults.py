"""Defaults of Keras' layers, initializers, optimizers, losses, metrics and so on, as their
configurations have them; ``tests/explain/learn/test_defaults.py`` compares them with Keras."""

from collections.abc import Mapping
from typing import Any

NONE = """
activity_regularizer beta_constraint beta_regularizer bias_constraint bias_regularizer class_id
clipnorm clipvalue depthwise_constraint depthwise_regularizer ema_overwrite_frequency
gamma_constraint gamma_regularizer global_clipnorm gradient_accumulation_steps idf_weights
input_axes kernel_constraint kernel_regularizer loss_scale_factor max_tokens output_axes
output_padding quantization_config recurrent_constraint recurrent_regularizer seed thresholds
vocabulary weight_decay
"""
FALSE = """
from_logits go_backwards invert keepdims pad_to_max_tokens return_sequences return_state sparse
stateful unroll use_ema zero_output_for_mask
"""
COMMON: Mapping[str, Any] = {
    **dict.fromkeys(NONE.split()),
    **dict.fromkeys(FALSE.split(), False),
    "activation": "linear",
    "axis": -1,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "beta_initializer": "zeros",
    "bias_initializer": "zeros",
    "center": True,
    "depth_multiplier": 1,
    "depthwise_initializer": "glorot_uniform",
    "dilation_rate": 1,
    "dropout": 0.0,
    "ema_momentum": 0.99,
    "epsilon": 1e-07,
    "factor": (0, 1.0),
    "fill_mode": "reflect",
    "fill_value": 0.0,
    "gamma_initializer": "ones",
    "groups": 1,
    "interpolation": "bilinear",
    "kernel_initializer": "glorot_uniform",
    "learning_rate": 0.001,
    "num_thresholds": 200,
    "output_mode": "int",
    "padding": "valid",
    "recurrent_activation": "sigmoid",
    "recurrent_dropout": 0.0,
    "recurrent_initializer": "orthogonal",
    "reduction": "sum_over_batch_size",
    "scale": True,
    "size": 2,
    "strides": 1,
    "unit_forget_bias": True,
    "use_bias": True,
    "value_range": (0, 255),
}
"""Defaults of most classes that have these arguments. A tuple of equal whole numbers is that
number; an initializer, a regularizer and a constraint without settings is its name."""

PLAIN = """
Accuracy Activation Adamax Add Average AveragePooling1D AveragePooling2D AveragePooling3D CTC
CategoricalAccuracy CategoricalHinge CenterCrop Concatenate ConcordanceCorrelation Conv1D
Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose CosineSimilarity Dense
DepthwiseConv1D DepthwiseConv2D FalseNegatives FalsePositives Flatten GaussianDropout
GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlorotNormal GlorotUniform HeNormal
HeUniform Hinge Huber KLDivergence LecunNormal LecunUniform LogCosh LogCoshError MaxPooling1D
MaxPooling2D MaxPooling3D Maximum Mean MeanAbsoluteError MeanAbsolutePercentageError
MeanSquaredError MeanSquaredLogarithmicError Minimum Multiply Nadam NonNeg Ones PearsonCorrelation
Permute PiecewiseConstantDecay Poisson PrecisionAtRecall RandomBrightness RandomContrast
RandomRotation RandomTranslation RecallAtPrecision RepeatVector Reshape RootMeanSquaredError
SensitivityAtSpecificity Softmax SparseCategoricalAccuracy SpatialDropout1D SpatialDropout2D
SpatialDropout3D SpecificityAtSensitivity SquaredHinge Subtract Sum TimeDistributed TrueNegatives
TruePositives UnitNormalization UpSampling1D UpSampling3D Zeros
"""
"""Classes of which all defaults are these."""

OWN: Mapping[str, Mapping[str, Any]] = {
    **{name: {} for name in PLAIN.split()},
    "AUC": {
        "curve": "ROC",
        "summation_method": "interpolation",
        "multi_label": False,
        "num_labels": None,
        "label_weights": None,
    },
    "ActivityRegularization": {"l1": 0.0, "l2": 0.0},
    "Adadelta": {"rho": 0.95},
    "Adafactor": {
        "beta_2_decay": -0.8,
        "epsilon_1": 1e-30,
        "epsilon_2": 0.001,
        "clip_threshold": 1.0,
        "relative_step": True,
    },
    "Adagrad": {"initial_accumulator_value": 0.1},
    "Adam": {"amsgrad": False},
    "AdamW": {"weight_decay": 0.004, "amsgrad": False},
    "AdditiveAttention": {"use_scale": True},
    "AlphaDropout": {"noise_shape": None},
    "Attention": {"use_scale": False, "score_mode": "dot"},
    "BatchNormalization": {
        "momentum": 0.99,
        "epsilon": 0.001,
        "moving_mean_initializer": "zeros",
        "moving_variance_initializer": "ones",
        "synchronized": False,
        "renorm": False,
        "renorm_clipping": None,
        "renorm_momentum": 0.99,
    },
    "Bidirectional": {"merge_mode": "concat"},
    "BinaryAccuracy": {"threshold": 0.5},
    "BinaryCrossentropy": {"label_smoothing": 0.0},
    "BinaryFocalCrossentropy": {
        "label_smoothing": 0.0,
        "apply_class_balancing": False,
        "alpha": 0.25,
        "gamma": 2.0,
    },
    "BinaryIoU": {"target_class_ids": (0, 1), "threshold": 0.5},
    "CategoricalCrossentropy": {"label_smoothing": 0.0},
    "CategoricalFocalCrossentropy": {"label_smoothing": 0.0, "alpha": 0.25, "gamma": 2.0},
    "Constant": {"value": 0.0},
    "ConvLSTM1D": {"activation": "tanh"},
    "ConvLSTM2D": {"activation": "tanh"},
    "ConvLSTM3D": {"activation": "tanh"},
    "CosineDecay": {"alpha": 0.0, "warmup_target": None, "warmup_steps": 0},
    "CosineDecayRestarts": {"t_mul": 2.0, "m_mul": 1.0, "alpha": 0.0},
    "Cropping1D": {"cropping": 1},
    "Cropping2D": {"cropping": 0},
    "Cropping3D": {"cropping": 1},
    "Dice": {"axis": None},
    "Dot": {"normalize": False},
    "Dropout": {"noise_shape": None},
    "ELU": {"alpha": 1.0},
    "EinsumDense": {"bias_axes": None},
    "Embedding": {
        "embeddings_initializer": "random_uniform",
        "embeddings_regularizer": None,
        "embeddings_constraint": None,
        "mask_zero": False,
    },
    "ExponentialDecay": {"staircase": False},
    "F1Score": {"average": None, "threshold": None},
    "FBetaScore": {"average": None, "beta": 1.0, "threshold": None},
    "Ftrl": {
        "learning_rate_power": -0.5,
        "initial_accumulator_value": 0.1,
        "l1_regularization_strength": 0.0,
        "l2_regularization_strength": 0.0,
        "l2_shrinkage_regularization_strength": 0.0,
        "beta": 0.0,
    },
    "GRU": {"activation": "tanh", "reset_after": True},
    "GRUCell": {"activation": "tanh", "reset_after": True},
    "GroupNormalization": {"groups": 32, "epsilon": 0.001},
    "IntegerLookup": {
        "num_oov_indices": 1,
        "oov_token": -1,
        "mask_token": None,
        "vocabulary_dtype": "int64",
        "oov_method": "floormod",
        "salt": None,
    },
    "InverseTimeDecay": {"staircase": False},
    "L1": {"l1": 0.01},
    "L1L2": {"l1": 0.0, "l2": 0.0},
    "L2": {"l2": 0.01},
    "LSTM": {"activation": "tanh"},
    "LSTMCell": {"activation": "tanh"},
    "LayerNormalization": {"epsilon": 0.001, "rms_scaling": False},
    "LeakyReLU": {"negative_slope": 0.3},
    "Lion": {"beta_2": 0.99},
    "Masking": {"mask_value": 0.0},
    "MaxNorm": {"max_value": 2, "axis": 0},
    "MeanIoU": {"ignore_class": None, "sparse_y_true": True, "sparse_y_pred": True},
    "MinMaxNorm": {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0},
    "MultiHeadAttention": {
        "use_gate": False,
        "output_shape": None,
        "attention_axes": None,
        "sliding_window": None,
    },
    "Normalization": {"mean": None, "variance": None},
    "Orthogonal": {"gain": 1.0},
    "OrthogonalRegularizer": {"factor": 0.01, "mode": "rows"},
    "PReLU": {
        "alpha_initializer": "zeros",
        "alpha_regularizer": None,
        "alpha_constraint": None,
        "shared_axes": None,
    },
    "PolynomialDecay": {"end_learning_rate": 0.0001, "power": 1.0, "cycle": False},
    "Precision": {"top_k": None},
    "R2Score": {"class_aggregation": "uniform_average", "num_regressors": 0},
    "RMSNormalization": {"epsilon": 1e-06},
    "RMSprop": {"rho": 0.9, "momentum": 0.0, "centered": False},
    "RandomFlip": {"mode": "horizontal_and_vertical"},
    "RandomGrayscale": {"factor": 0.5},
    "RandomNormal": {"mean": 0.0, "stddev": 0.05},
    "RandomUniform": {"minval": -0.05, "maxval": 0.05},
    "RandomZoom": {"width_factor": None},
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "Recall": {"top_k": None},
    "Rescaling": {"offset": 0.0},
    "Resizing": {
        "crop_to_aspect_ratio": False,
        "pad_to_aspect_ratio": False,
        "fill_mode": "constant",
        "antialias": False,
    },
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "SeparableConv1D": {
        "pointwise_initializer": "glorot_uniform",
        "pointwise_regularizer": None,
        "pointwise_constraint": None,
    },
    "SeparableConv2D": {
        "pointwise_initializer": "glorot_uniform",
        "pointwise_regularizer": None,
        "pointwise_constraint": None,
    },
    "SimpleRNN": {"activation": "tanh"},
    "SimpleRNNCell": {"activation": "tanh"},
    "SparseCategoricalCrossentropy": {"ignore_class": None},
    "SparseTopKCategoricalAccuracy": {"k": 5},
    "SpectralNormalization": {"power_iterations": 1},
    "StringLookup": {
        "num_oov_indices": 1,
        "oov_token": "[UNK]",
        "mask_token": None,
        "oov_method": "floormod",
        "salt": None,
        "encoding": "utf-8",
    },
    "TextVectorization": {
        "standardize": "lower_and_strip_punctuation",
        "split": "whitespace",
        "ngrams": None,
        "output_sequence_length": None,
        "ragged": False,
        "encoding": "utf-8",
    },
    "TopKCategoricalAccuracy": {"k": 5},
    "TruncatedNormal": {"mean": 0.0, "stddev": 0.05},
    "Tversky": {"alpha": 0.5, "beta": 0.5, "axis": None},
    "UnitNorm": {"axis": 0},
    "UpSampling2D": {"interpolation": "nearest"},
    "VarianceScaling": {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"},
    "ZeroPadding1D": {"padding": 1},
    "ZeroPadding2D": {"padding": 1},
    "ZeroPadding3D": {"padding": 1},
}
"""Defaults of other classes where they differ. Of a class that is in neither, all is written."""

ALONE = """
kernel_size pool_size units activation rate stddev target_shape dims n layer scale factor
learning_rate l1 l2
"""
POSITIONAL = (
    ("filters", "kernel_size"),
    ("input_dim", "output_dim"),
    *((name,) for name in ALONE.split()),
)
"""Arguments that are written without their names where a class begins with them."""
