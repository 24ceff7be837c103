"""The reference run beside the same training without a recorder, to the bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.capture import backend
from pipetrace.demo.model import MODEL, Plan, draw, scaled, training
from pipetrace.demo.source import Source
from pipetrace.stats import summarise
from pipetrace.trace import Trace, read
from pipetrace.trace.document import Array
from pipetrace.trace.summary import Summary

pytestmark = pytest.mark.framework


def trained(source: Source, plan: Plan, callback: Any = None) -> Any:
    """A model trained without a recorder."""
    drawn = draw(source, plan)
    backend.set_seed(plan.seed)
    model = backend.build(MODEL, training(plan.learning_rate))
    parts = [(scaled(source.x[rows]), source.y[rows]) for rows in (drawn.train, drawn.validation)]
    model.fit(
        *parts[0],
        validation_data=parts[1],
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        callbacks=[callback] if callback else [],
        verbose=0,
    )
    return model


@pytest.fixture(scope="module")
def unwatched(source: Source, plan: Plan) -> Any:
    return trained(source, plan)


def same_weights(ours: list[Array], theirs: list[Array]) -> bool:
    return all(np.array_equal(mine, yours) for mine, yours in zip(ours, theirs, strict=True))


def same(ours: Summary, theirs: Summary) -> bool:
    return replace(ours, channels=None) == replace(theirs, channels=None)


def test_watching_changes_no_bit_of_weights_and_history(
    short_trace: Trace, unwatched: Any, plan: Plan
) -> None:
    assert same_weights(list(short_trace.weights.values()), unwatched.get_weights())
    assert [epoch.metrics for epoch in short_trace.epochs] == [
        {name: values[index] for name, values in unwatched.history.history.items()}
        for index in range(plan.epochs)
    ]


def test_the_comparison_of_weights_can_fail(source: Source, plan: Plan, unwatched: Any) -> None:
    keras = backend.load()

    class Touching(keras.callbacks.Callback):  # type: ignore[misc, name-defined] # Keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            bias = self.model.layers[-1].bias
            bias.assign(np.nextafter(bias.numpy(), np.float32(9)))

    assert not same_weights(
        trained(source, plan, Touching()).get_weights(), unwatched.get_weights()
    )


def test_an_epoch_has_what_the_model_was_after_it(
    short_trace: Trace, source: Source, plan: Plan, unwatched: Any
) -> None:
    keras = backend.load()
    first, last = short_trace.epochs
    assert (first.number, last.number) == (1, 2)
    assert first.steps == last.steps == 3
    assert last.learning_rate == pytest.approx(0.003)
    drawn = draw(source, plan)
    rows = scaled(source.x[drawn.train])
    outputs = keras.Model(unwatched.inputs[0], [layer.output for layer in unwatched.layers])(rows)
    by_name = dict(
        zip([layer.name for layer in unwatched.layers], map(np.asarray, outputs), strict=True)
    )
    assert set(last.probe) == {"scale", *by_name}
    for name, values in {**by_name, "scale": rows}.items():
        assert same(last.probe[name], summarise(values, bits=last.probe[name].histogram.bits)), name
    for variable in unwatched.weights:
        name, values = variable.path.removeprefix("digits/"), variable.numpy()
        assert same(last.weights[name], summarise(values, by_channel=False, bits=12)), name
        assert not same(first.weights[name], last.weights[name]), name
    assert same(first.probe["scale"], last.probe["scale"])
    assert not same(first.probe["conv2d"], last.probe["conv2d"])


def test_what_came_before_the_model_is_told_of_all_rows(
    short_trace: Trace, source: Source, plan: Plan
) -> None:
    drawn = draw(source, plan)
    for name, values in (
        ("input_image", source.x[drawn.train]),
        ("scale", scaled(source.x[drawn.train])),
    ):
        summary = short_trace.stage(name).summary
        assert summary is not None
        assert (summary.count, summary.min, summary.max) == (
            values.size,
            values.min(),
            values.max(),
        )
        assert summary.mean == pytest.approx(values.astype(np.float64).mean(), rel=1e-12)
    assert short_trace.stage("scale").inputs[0].source == "input_image"


def test_an_epoch_lasts_without_the_recording(
    tmp_path: Path, source: Source, plan: Plan, silent: Any, monkeypatch: Any
) -> None:
    import time

    from pipetrace.demo.run import record_digits
    from pipetrace.record.measure.epoch import EpochPass

    def slow(*given: Any) -> Any:
        time.sleep(2)  # an epoch takes less, also where others work
        return EpochPass(*given)

    monkeypatch.setattr("pipetrace.record.epochs.recorder.EpochPass", slow)
    record_digits(source, plan, tmp_path / "run.trace", silent)
    trace = read(tmp_path / "run.trace")
    assert trace.epochs[1].seconds < 2
