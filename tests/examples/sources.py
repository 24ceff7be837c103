"""Where the inputs of the stages come from, read off the examples by hand.

For each stage its inputs in order: the name of the stage that each comes from, with ``.1`` behind it where it is that
stage's second output. Where Keras names an operation, its class stands here in capitals.
Numbers count in the order in which Keras runs the calls, which is not always that of the text.
"""

from collections.abc import Mapping

SOURCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "functional_branches": {
        "features": ("measurements",),
        "gate": ("measurements",),
        "gated": ("features", "gate"),
        "hidden": ("gated",),
        "joined": ("hidden", "measurements"),
        "decision": ("joined",),
    },
    "residual": {
        "stem": ("image",),
        "block_1_conv_1": ("stem",),
        "block_1_conv_2": ("block_1_conv_1",),
        "block_1_add": ("stem", "block_1_conv_2"),
        "block_1_relu": ("block_1_add",),
        "block_2_conv_1": ("block_1_relu",),
        "block_2_add": ("block_1_relu", "block_2_conv_2"),
        "pool": ("block_2_relu",),
    },
    "unet": {
        "down_1": ("image",),
        "pool_1": ("down_1",),
        "pool_2": ("down_2",),
        "up_2": ("bottom",),
        "skip_2": ("down_2", "up_2"),
        "up_1": ("merge_2",),
        "skip_1": ("down_1", "up_1"),
        "mask": ("merge_1",),
    },
    "towers": {
        "window_1": ("image",),
        "window_3": ("image",),
        "window_5": ("image",),
        "window_3_pool": ("window_3",),
        "joined": ("window_1_pool", "window_3_pool", "window_5_pool"),
        "mixed": ("joined",),
    },
    "dict_inputs": {
        "numbers_dense": ("numbers",),
        "region_vector": ("region",),
        "history_dense": ("history",),
        "joined": ("numbers_dense", "region_vector", "history_dense"),
    },
    "multi_output": {
        "body_1": ("measured",),
        "kind": ("body_2",),
        "weight": ("body_2",),
    },
    "nested_model": {
        "soften": ("image",),
        "shrink": ("soften",),
        "flat": ("shrink",),
        "code": ("flat",),
        "quarter": ("code",),
    },
    "shared_layer": {
        "look": ("right",),
        "look:2": ("left",),
        "code": ("look:2",),
        "code:2": ("look",),
        "apart": ("code", "code:2"),
        "ABSOLUTE": ("apart",),
        "same": ("ABSOLUTE",),
    },
    "subclassed_lists": {
        "widen": ("input",),
        "bend_1": ("widen",),
        "straighten_1": ("bend_1",),
        "add": ("widen", "straighten_1"),
        "bend_2": ("add",),
        "add_1": ("add", "straighten_2"),
        "add_2": ("add_1", "straighten_3"),
        "height": ("add_2",),
    },
    "custom_layers": {
        "split": ("signals",),
        "compare": ("split", "split.1"),
        "moments": ("compare",),
        "joined": ("moments", "moments.1"),
        "hidden": ("joined",),
    },
    "vae": {
        "encode": ("wave",),
        "mean": ("encode",),
        "log_variance": ("encode",),
        "sampling": ("mean", "log_variance"),
        "decode": ("sampling",),
    },
    "rnn_states": {
        "read_gru": ("past",),
        "read_lstm": ("read_gru",),
        "go_on": ("clock", "read_lstm.1", "read_lstm.2"),
        "future": ("go_on",),
    },
    "attention": {
        "vectors": ("positions",),
        "attention": ("vectors", "vectors"),
        "add_1": ("vectors", "attention"),
        "norm_1": ("add_1",),
        "widen": ("norm_1",),
        "add_2": ("norm_1", "narrow"),
        "mean": ("norm_2",),
    },
    "ops_functional": {
        "MULTIPLY": ("readings",),
        "ADD": ("MULTIPLY",),
        "GETITEM": ("ADD",),
        "GETITEM 2": ("ADD",),
        "MEAN": ("GETITEM 2",),
        "MEAN 2": ("GETITEM",),
        "SUBTRACT": ("GETITEM", "GETITEM 2"),
        "TANH": ("SUBTRACT",),
        "CONCATENATE": ("MEAN", "MEAN 2", "TANH"),
        "hidden": ("CONCATENATE",),
    },
    "frozen_backbone": {
        "scale": ("image",),
        "Conv1": ("scale",),
        "block_2_add": ("block_1_project_BN", "block_2_project_BN"),
        "block_3_expand": ("block_2_add",),
        "pool": ("out_relu",),
        "colour": ("pool",),
    },
}
