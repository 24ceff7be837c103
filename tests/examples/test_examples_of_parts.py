"""Examples whose stages are parts of what Keras knows as one: a training step, a loop, a layer."""

from pathlib import Path

import numpy as np
import pytest
from tests.agreement import contradictions
from tests.examples.gallery import load
from tests.examples.test_examples_traced import recorded

import pipetrace

pytestmark = pytest.mark.framework


def test_a_gan_shows_both_models_losses_and_optimizers(tmp_path: Path) -> None:
    _, trace = recorded("gan", tmp_path / "run.trace")
    assert contradictions(trace) == []
    assert trace.events == ()
    paths = [group.path for group in trace.groups if group.path]
    assert paths == ["generator", "discriminator", "generator:2", "discriminator:2"]
    assert trace.stages["look"].outputs[0].shape == (32, 16)
    assert trace.stages["look:2"].outputs[0].shape == (None, 16)
    step = trace.run.step
    assert step is not None
    assert step.losses == ("discriminator_loss", "generator_loss")
    names = [(each.name, each.updates) for each in step.optimizers]
    assert sorted(names) == [("discriminator_optimizer", 8), ("generator_optimizer", 8)]


def test_positions_have_no_rows(tmp_path: Path) -> None:
    _, trace = recorded("positions", tmp_path / "run.trace")
    assert contradictions(trace) == []
    position = trace.stages["position"]
    assert [spec.shape for spec in (*position.inputs, *position.outputs)] == [(10,), (10, 8)]
    assert position.summary is not None
    assert position.summary.count == 80
    np.testing.assert_array_equal(position.example, trace.weights["position/embeddings"])


def test_a_loop_of_its_own_is_recorded(tmp_path: Path) -> None:
    example, path = load("own_loop"), tmp_path / "run.trace"
    x, y = example.rows(64)
    model = example.build()
    model.compile("adam", example.LOSS)
    with pipetrace.recording(model, path, x, y, epochs=2, verbose=False) as run:
        example.train(model, x, y, run.step, run.epoch, 2)
    trace = pipetrace.read(path)
    assert contradictions(trace) == []
    assert [epoch.steps for epoch in trace.epochs] == [4, 4]
    assert trace.run.step is not None
    assert [each.updates for each in trace.run.step.optimizers] == [8]
