"""What an output is, decided from facts, and what its values are then."""

from dataclasses import replace

import numpy as np
import pytest
from tests.documents import a_trace, changed
from tests.tasks import KINDS, autoencoder, binary, logits, regression, several

from pipetrace.explain import task
from pipetrace.explain.facts import classes, probabilities, row_noun, train_rows, trained
from pipetrace.present.build.document import document
from pipetrace.trace import Trace
from pipetrace.trace.document import LAYER, SOURCE, STEP, Spec, Stage, Stages

FORMS = {
    "regression": ("numbers", "plain"),
    "two numbers": ("numbers", "plain"),
    "binary": ("binary", "probabilities"),
    "binary logits": ("binary", "logits"),
    "binary scores": ("binary", "scores"),
    "logits": ("classes", "logits"),
    "multilabel": ("multilabel", "probabilities"),
    "autoencoder": ("image", "plain"),
    "steps": ("sequence", "probabilities"),
    "waves": ("sequence", "plain"),
    "mask": ("mask", "probabilities"),
    "stopped": ("numbers", "plain"),
    "untrained": ("unknown", "plain"),
    "one axis": ("unknown", "plain"),
    "too large": ("image", "plain"),
}


def only(trace: Trace) -> task.Output:
    output = task.only(trace)
    assert output is not None
    return output


@pytest.mark.parametrize("kind", FORMS)
def test_the_form_of_the_output_follows_from_the_facts(kind: str) -> None:
    output = only(KINDS[kind]())
    assert (output.form, output.scale) == FORMS[kind]


def test_each_of_several_outputs_has_its_own_form_and_loss() -> None:
    found = task.outputs(several())
    assert [(each.name, each.form, each.loss) for each in found] == [
        ("kind", "classes", "sparse categorical crossentropy"),
        ("weight", "numbers", "mean squared error"),
    ]
    assert task.only(several()) is None


def test_a_trace_that_names_no_outputs_has_its_last_stage(digits_trace: Trace) -> None:
    trace = replace(digits_trace, run=replace(digits_trace.run, model=None))
    output = only(trace)
    assert (output.stage, output.form, output.scale) == ("dense", "classes", "probabilities")
    assert output.name is None


def test_an_input_is_no_output_while_no_layer_is_recorded(digits_trace: Trace) -> None:
    before_model = Stages(each for each in digits_trace.stages if each.kind in (SOURCE, STEP))
    assert before_model
    run = replace(digits_trace.run, model=None)
    assert task.outputs(replace(digits_trace, run=run, stages=before_model)) == ()


def test_a_run_that_failed_before_its_output_has_none() -> None:
    assert task.outputs(KINDS["failed"]()) == ()


def with_last(trace: Trace, **changes: object) -> Trace:
    """The trace with another configuration of its last stage."""
    last = trace.stages[-1]
    config = {**last.config, **changes}
    return replace(trace, stages=Stages((*trace.stages[:-1], replace(last, config=config))))


@pytest.mark.parametrize(
    ("loss", "activation", "form", "scale"),
    [
        ("BinaryCrossentropy", "sigmoid", "binary", "probabilities"),
        ("binary_focal_crossentropy", "sigmoid", "binary", "probabilities"),
        ("mse", "sigmoid", "numbers", "plain"),
        ("my_loss", "sigmoid", "binary", "probabilities"),
        ("my_loss", "linear", "unknown", "plain"),
        ("", "linear", "unknown", "plain"),
        ("categorical_crossentropy", "softmax", "unknown", "plain"),
    ],
)
def test_a_unit_is_what_its_loss_activation_and_target_say(
    loss: str, activation: str, form: str, scale: str
) -> None:
    output = only(with_last(changed(binary(), training={"loss": loss}), activation=activation))
    assert (output.form, output.scale) == (form, scale)


def test_grey_values_between_0_and_1_are_no_answer_of_yes_or_no() -> None:
    trace = binary()
    (target,) = trace.run.data.targets
    grey = replace(target, whole=False, distinct=None)
    assert only(changed(trace, data={"targets": (grey,)})).form == "numbers"
    unseen = only(changed(autoencoder(), data={"targets": ()}))
    assert unseen.form == "image", "a picture whose target nobody saw is no mask"


def test_the_activation_is_found_behind_layers_that_only_pass_on() -> None:
    trace = logits()
    last = with_last(trace, activation="softmax").stages[-1]
    spec = replace(last.outputs[0], source=last.name)
    passing = Stage("again", "layer", "Reshape", "again", {}, (spec,), last.outputs)
    assert (
        task.activation(replace(trace, stages=Stages((trace.stages[0], last, passing))), passing)
        == "softmax"
    )
    assert task.activation(trace, replace(passing, layer="Custom")) is None
    assert task.activation(trace, replace(passing, layer="Softmax", kind="op")) == "softmax"
    wrapped = {"layer": {"class_name": "Dense", "config": {"activation": "sigmoid"}}}
    assert (
        task.activation(trace, replace(passing, layer="TimeDistributed", config=wrapped))
        == "sigmoid"
    )


def test_scores_become_probabilities_only_as_the_loss_makes_them() -> None:
    output = only(logits())
    values = np.array([1.0, 2.0, 3.0, 1000.0], np.float32)
    found = task.shares(output, values)
    assert found is not None
    assert found.sum() == pytest.approx(1)
    assert found.argmax() == 3
    assert task.shares(replace(output, scale=task.SCORES), values) is None
    assert task.shares(output, np.array([1.0, np.nan, 0.0, 0.0])) is None
    sigmoid = task.shares(only(binary(logits=True)), np.array([-1000.0, 0.0, 1000.0, 2.0]))
    assert sigmoid is not None
    assert sigmoid.tolist() == pytest.approx([0, 0.5, 1, 1 / (1 + np.exp(-2))])


def test_the_two_shares_of_one_unit_are_those_of_no_and_yes() -> None:
    trace = binary()
    found = probabilities(trace, trace.predictions[0])
    assert found is not None
    assert found.tolist() == pytest.approx([1 - found[1], found[1]])
    assert found[1] == pytest.approx(float(trace.predictions[0].outputs["pleased"][0]))
    assert probabilities(regression(), regression().predictions[0]) is None


def test_what_a_run_has_not_is_not_asked_of_it() -> None:
    assert classes(regression()) == 0
    assert train_rows(KINDS["one axis"]()) == 0
    assert not trained(KINDS["untrained"]())


def test_images_without_channels_are_those_that_get_them_or_are_taken_apart() -> None:
    def spec(*shape: int) -> Spec:
        return Spec((None, *shape), "float32", "rows")

    def net(shape: tuple[int, ...], layer: str, given: tuple[int, ...]) -> Trace:
        rows = Stage("rows", SOURCE, None, "rows", {}, (), (spec(*shape),))
        first = Stage("first", LAYER, layer, "first", {}, (spec(*shape),), (spec(*given),))
        before = replace(spec(*given), source="first")
        last = Stage("last", LAYER, "Reshape", "last", {}, (before,), (spec(*shape),))
        return a_trace([rows, first, last])

    cases = {
        ("Flatten", (28, 28), (784,)): True,
        ("Reshape", (20, 28), (20, 28, 1)): True,
        ("Flatten", (24, 5), (120,)): False,
        ("Flatten", (24, 12), (288,)): False,
        ("LSTM", (28, 28), (8,)): False,
        ("Conv1D", (28, 28), (26, 28)): False,
    }
    for (layer, shape, given), is_image in cases.items():
        trace = net(shape, layer, given)
        assert task.flat_images(trace) == ({"rows", "last"} if is_image else set()), layer
        (output,) = task.outputs(trace)
        assert (output.form == "image") is is_image
        assert (row_noun(trace) == "image") is is_image
        view = document(trace).stages[0]
        assert ("height" in view.input) is is_image
