"""The words for the changes of an ablation, by their codes."""

from collections.abc import Mapping

from pipetrace.trace.records import Record

LAYERS, ROWS, TRAINING = "the layers", "the rows", "the optimizer"
"""What a change concerns."""


class Words(Record):
    """A change in words."""

    title: str  # as a heading, and as the beginning of a sentence
    part: str  # what is taken away or changed, as the subject of a sentence
    concerns: str  # one of the three above


WORDS: Mapping[str, Words] = {
    "no_scaling": Words("Without scaling", "scaling the rows", ROWS),
    "no_pooling": Words("Without pooling", "pooling", LAYERS),
    "one_filter": Words("With one filter", "having several filters", LAYERS),
    "no_activation": Words("Without activations", "a non-linear activation", LAYERS),
    "linear_model": Words("With a linear model", "having hidden layers", LAYERS),
    "no_normalization": Words("Without normalization", "normalization", LAYERS),
    "no_dropout": Words("Without dropout", "dropout", LAYERS),
    "no_augmentation": Words("Without augmentation", "augmentation", LAYERS),
    "no_penalty": Words("Without weight penalties", "penalizing large weights", LAYERS),
    "half_units": Words("With half of the units", "the other half of the units", LAYERS),
    "one_layer_fewer": Words("With one layer fewer", "the last hidden layer", LAYERS),
    "untrained_layers": Words("With untrained hidden layers", "training the hidden layers", LAYERS),
    "half_rows": Words("With half of the rows", "the other half of the rows", ROWS),
    "no_shuffling": Words("Without shuffling", "shuffling the rows", ROWS),
    "no_class_weights": Words("Without class weights", "weighting the classes", TRAINING),
    "plain_sgd": Words("With plain SGD", "the optimizer of the run", TRAINING),
    "rate_times_100": Words(
        "With 100 times the learning rate", "a learning rate this small", TRAINING
    ),
    "rate_by_100": Words(
        "With a hundredth of the learning rate", "a learning rate this large", TRAINING
    ),
}


def words(code: str) -> Words:
    """The words for a change; of one that only a newer version knows, its code."""
    return WORDS.get(code) or Words(f"With the change {code}", f"what {code} changes", LAYERS)
