"""The changes that apply to models of all families, and the models that they make."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.examples.gallery import fit, load

import pipetrace
from pipetrace.ablate.changes import CHANGES, Edit, offered
from pipetrace.errors import RetrainError
from pipetrace.explain.ablations.words import WORDS

ROWS = 24
ANY = {"half_rows", "no_shuffling", "plain_sgd", "rate_times_100", "rate_by_100"}
HIDDEN = {"no_activation", "half_units", "untrained_layers"}
CONVOLUTIONS = HIDDEN | {"one_filter", "one_layer_fewer"}
APPLY: Mapping[str, set[str]] = {
    "augmentation": CONVOLUTIONS
    | {"no_pooling", "linear_model", "no_normalization", "no_dropout", "no_augmentation"},
    "bidirectional": {"untrained_layers"},
    "custom_train_step": set(),
    "gan": set(),
    "nested_model": CONVOLUTIONS | {"no_pooling", "linear_model"},
    "normalization": HIDDEN | {"no_scaling", "linear_model", "one_layer_fewer"},
    "residual": CONVOLUTIONS | {"no_pooling"},
    "shared_layer": HIDDEN,
    "subclassed_lists": set(),
    "text": HIDDEN | {"no_pooling", "one_layer_fewer"},
    "unet": HIDDEN | {"no_pooling", "one_filter"},
}
"""What applies to an example, beside what applies to any."""
REFUSED = {("text", "no_pooling"), ("unet", "no_pooling")}
"""What does not fit: a mask that nothing takes, and images of two sizes."""
WITHOUT_ARRAYS = {"gan": ANY}
QUICK = ("augmentation", "nested_model", "residual", "subclassed_lists", "text")


def values(variables: Any) -> list[Any]:
    return [each.numpy() for each in variables]


def check_edit(model: Any, edit: Edit) -> None:
    """The changed model has what was asked for, and all else as it was."""
    from pipetrace.capture.editing.model import edited

    before = values(model.variables)
    copy = edited(model, edit.layers, edit.frozen)
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [each.shape for each in copy.outputs] == [each.shape for each in model.outputs]
    top = {each.name: each for each in model.layers}
    for layer in copy.layers:
        change = edit.layers.get(layer.name)
        if isinstance(change, str):
            assert type(layer).__name__ == change
        elif change:
            assert {name: layer.get_config()[name] for name in change} == change or (
                layer.get_config()["activation"] == change["activation"]
            )
        if layer.name in edit.frozen:
            assert layer.weights
            assert not layer.trainable_weights
        ours, theirs = top[layer.name].variables, layer.variables
        if [each.shape for each in ours] == [each.shape for each in theirs]:
            assert all(map(np.array_equal, values(ours), values(theirs)))


@pytest.mark.framework
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in APPLY],
)
def test_what_applies_is_offered_and_changes_that_alone(name: str, tmp_path: Path) -> None:
    example = load(name)
    model = example.build()
    with pipetrace.watch(model, tmp_path / "run.trace", verbose=False, after_training="none"):
        fit(example, model, ROWS)
    edits = offered(pipetrace.read(tmp_path / "run.trace"))
    assert edits.keys() == APPLY[name] | (ANY - WITHOUT_ARRAYS.get(name, set()))
    assert all(list(edits.values()).count(edit) == 1 for edit in edits.values())
    for code, edit in edits.items():
        if (name, code) in REFUSED:
            with pytest.raises(RetrainError, match="does not fit"):
                check_edit(model, edit)
        elif edit.layers or edit.frozen:
            check_edit(model, edit)


def test_every_change_has_words() -> None:
    assert WORDS.keys() == CHANGES.keys()


@pytest.mark.framework
def test_weights_are_drawn_anew_unless_they_were_loaded() -> None:
    import keras

    from pipetrace.capture.backend import set_seed
    from pipetrace.capture.editing.model import redraw

    def made() -> Any:
        return keras.Sequential(
            [
                keras.Input((6, 3)),
                keras.layers.Dense(5, name="frozen", trainable=False),
                keras.layers.LSTM(4, name="drawn", return_sequences=True),
                keras.layers.Dense(5, name="biased"),
                keras.layers.Dense(9, use_bias=False, name="spread"),
                keras.layers.BatchNormalization(name="norm"),
            ]
        )

    model = made()
    model.get_layer("biased").bias.assign(np.full(5, 0.1))
    model.get_layer("spread").kernel.assign(9 * model.get_layer("spread").kernel)
    before = {each.name: values(each.weights) for each in model.layers}
    set_seed(2)
    redraw(model)
    same = {
        each.name
        for each in model.layers
        if all(map(np.array_equal, before[each.name], values(each.weights)))
    }
    assert same == {"frozen", "biased", "spread", "norm"}
    again = values(model.get_layer("drawn").weights)
    set_seed(2)
    redraw(model)
    assert all(map(np.array_equal, again, values(model.get_layer("drawn").weights)))
