import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipetrace.capture import backend, fit
from pipetrace.capture.forward import Forward
from pipetrace.pipeline.digits import PIPELINE, Plan, draw
from pipetrace.pipeline.pipeline import Model
from pipetrace.pipeline.sources import Source
from pipetrace.record.cost import Cost
from pipetrace.record.data_flow import Flow, stages_before
from pipetrace.record.training import EpochRecorder
from pipetrace.summary import summarise
from pipetrace.trace import Trace, TraceWriter, read
from pipetrace.trace.document import Array, Ending, Epoch, Summary


class Watched:
    """A training run with a recorder of our own making; what is left of it afterwards."""

    def __init__(
        self, source: Source, plan: Plan, like: Trace, path: Path, progress: Any, model: Model = PIPELINE.model
    ) -> None:
        drawn = draw(source, plan)
        backend.set_seed(plan.seed)
        self.model = backend.build(model)
        self.forward = Forward(self.model, PIPELINE.prepare(source.x[:1]), [("scale", 0)])
        self.flow = Flow(PIPELINE, "input_image", self.forward)
        stages = stages_before(PIPELINE, "input_image", source.x[:1], {}) + self.forward.stages
        self.probe = source.x[drawn.train[:16]]
        self.cost = Cost()
        writer = TraceWriter(path, like.run, stages)
        recorder = EpochRecorder(writer, self.forward, self.flow, self.probe, progress, self.cost)
        train(self.model, source, plan, recorder)
        self.drawn = next_random_numbers()
        writer.end(Ending("finished"), self.cost.parts)
        self.trace = read(path)


def train(model: Any, source: Source, plan: Plan, listener: Any) -> None:
    drawn = draw(source, plan)
    parts = [(PIPELINE.prepare(source.x[rows]), source.y[rows]) for rows in (drawn.train, drawn.validation)]
    fit.train(model, parts[0], parts[1], epochs=plan.epochs, batch_size=plan.batch_size, listener=listener)


def trained(source: Source, plan: Plan, description: Model = PIPELINE.model) -> Any:
    """A model trained without a recorder."""
    backend.set_seed(plan.seed)
    model = backend.build(description)
    train(model, source, plan, None)
    model.drawn = next_random_numbers()
    return model


def next_random_numbers() -> tuple[float, float, float]:
    """What Python, NumPy and Keras draw next."""
    return random.random(), float(np.random.random()), float(backend.load().random.uniform(()))


@pytest.fixture(scope="module")
def unwatched(source: Source, plan: Plan) -> Any:
    return trained(source, plan)


@pytest.fixture(scope="module")
def watched(
    source: Source, plan: Plan, short_trace: Trace, silent: Any, tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    return Watched(source, plan, short_trace, tmp_path_factory.mktemp("watched") / "run.trace", silent)


def same_weights(ours: list[Array], theirs: list[Array]) -> bool:
    return all(np.array_equal(mine, yours) for mine, yours in zip(ours, theirs, strict=True))


def same(ours: Summary, theirs: Summary) -> bool:
    numbers = ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max", "mean", "std")
    return (
        all(getattr(ours, name) == getattr(theirs, name) for name in numbers)
        and np.array_equal(ours.histogram.keys, theirs.histogram.keys)
        and np.array_equal(ours.histogram.counts, theirs.histogram.counts)
        and all(same(mine, yours) for mine, yours in zip(ours.channels or (), theirs.channels or (), strict=True))
    )


@pytest.mark.framework
def test_watching_changes_no_bit_of_the_weights(unwatched: Any, watched: Watched, short_trace: Trace) -> None:
    assert same_weights(watched.model.get_weights(), unwatched.get_weights())
    # Nor does the whole recording of a run, with its data flow, prediction and writing.
    assert same_weights(list(short_trace.weights.values()), unwatched.get_weights())


@pytest.mark.framework
def test_watching_changes_no_bit_of_the_history(unwatched: Any, watched: Watched, short_trace: Trace) -> None:
    history = unwatched.history.history
    assert watched.model.history.history == history
    for trace in (watched.trace, short_trace):
        assert [epoch.metrics for epoch in trace.epochs] == [
            {name: values[index] for name, values in history.items()} for index in range(2)
        ]


@pytest.mark.framework
def test_watching_draws_no_random_number(unwatched: Any, watched: Watched) -> None:
    assert watched.drawn == unwatched.drawn


@pytest.mark.framework
def test_watching_a_model_that_draws_random_numbers_changes_no_bit(
    source: Source, plan: Plan, short_trace: Trace, silent: Any, tmp_path: Path
) -> None:
    layers = list(PIPELINE.model.config["layers"])
    layers.insert(-1, {"class_name": "Dropout", "config": {"rate": 0.5, "name": "dropout"}})
    layers.insert(-1, {"class_name": "BatchNormalization", "config": {"name": "norm"}})
    description = replace(PIPELINE.model, config={**PIPELINE.model.config, "layers": layers})
    watched = Watched(source, plan, short_trace, tmp_path / "run.trace", silent, description)
    unwatched = trained(source, plan, description)
    ours, theirs = ([variable.numpy() for variable in each.variables] for each in (watched.model, unwatched))
    assert same_weights(ours, theirs)
    assert watched.model.history.history == unwatched.history.history


@pytest.mark.framework
def test_the_comparison_of_weights_can_fail(source: Source, plan: Plan, unwatched: Any) -> None:
    class Touching:
        def __init__(self) -> None:
            self.model: Any = None

        def epoch_begins(self, number: int) -> None:
            """Nothing."""

        def step_ends(self, number: int, logs: Mapping[str, float]) -> None:
            """Nothing."""

        def epoch_ends(self, number: int, logs: Mapping[str, float], learning_rate: float | None) -> None:
            bias = self.model.layers[-1].bias
            bias.assign(np.nextafter(bias.numpy(), np.float32(9)))

    touching = Touching()
    backend.set_seed(plan.seed)
    touching.model = backend.build(PIPELINE.model)
    train(touching.model, source, plan, touching)
    assert not same_weights(touching.model.get_weights(), unwatched.get_weights())
    other = trained(source, Plan(rows=96, epochs=2, seed=6))
    assert not same_weights(other.get_weights(), unwatched.get_weights())


@pytest.mark.framework
def test_an_epoch_has_what_the_model_was_after_it(watched: Watched, source: Source, plan: Plan) -> None:
    first, last = watched.trace.epochs
    assert (first.number, last.number) == (1, 2)
    assert first.steps == last.steps == 3
    assert last.learning_rate == pytest.approx(0.001)
    outputs = watched.flow.outputs(watched.probe)
    assert list(outputs) == [stage.name for stage in watched.trace.stages]
    assert set(last.probe) == set(outputs)
    for name, values in outputs.items():
        assert same(last.probe[name], summarise(values)), name
        np.testing.assert_array_equal(watched.trace.stage(name).example, values[0])
    weights = watched.forward.weights()
    assert set(weights) == set(last.weights) == {"conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"}
    for name, values in weights.items():
        assert same(last.weights[name], summarise(values)), name
        assert not same(first.weights[name], summarise(values)), name
    # The source and the steps learn nothing.
    assert same(first.probe["scale"], last.probe["scale"])
    assert not same(first.probe["conv2d"], last.probe["conv2d"])


@pytest.mark.framework
def test_the_cost_is_told_by_part(watched: Watched) -> None:
    assert set(watched.cost.parts) == {"probe", "weights", "writing"}
    assert all(seconds > 0 for seconds in watched.cost.parts.values())


def test_an_epoch_lasts_from_its_begin_to_its_end_without_the_recording(
    monkeypatch: pytest.MonkeyPatch, progress: Any
) -> None:
    now = 0.0

    def slow(result: Any) -> Any:
        nonlocal now
        now += 100
        return result

    monkeypatch.setattr("time.perf_counter", lambda: now)
    written: list[Epoch] = []
    writer = SimpleNamespace(add_epoch=lambda epoch, examples: written.append(slow(epoch)))
    flow = SimpleNamespace(outputs=lambda rows: slow({"stage": rows}))
    forward = SimpleNamespace(weights=lambda: slow({}))
    cost = Cost()
    recorder = EpochRecorder(writer, forward, flow, np.ones((2, 3), np.float32), progress, cost)  # type: ignore[arg-type]
    recorder.epoch_begins(1)
    for step in (1, 2):
        now += 1.5
        recorder.step_ends(step, {"loss": 2.0})
    recorder.epoch_ends(1, {"loss": np.float32(2.5)}, None)  # type: ignore[dict-item]
    recorder.epoch_begins(2)
    now += 0.5
    recorder.epoch_ends(2, {}, 0.25)
    assert [epoch.seconds for epoch in written] == [3.0, 0.5]
    assert [epoch.steps for epoch in written] == [2, 0]
    assert [epoch.learning_rate for epoch in written] == [None, 0.25]
    assert written[0].metrics == {"loss": 2.5}
    assert type(written[0].metrics["loss"]) is float
    assert cost.parts == {"probe": 200, "weights": 200, "writing": 200}
    assert progress.steps == [(1, 1), (1, 2)]
    assert progress.epochs == written


def test_what_an_error_interrupts_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 10.0, 12.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(moments))
    cost = Cost()
    with cost.of("part"):
        pass
    with pytest.raises(ZeroDivisionError), cost.of("part"):
        raise ZeroDivisionError
    assert cost.parts == {"part": 3.0}
