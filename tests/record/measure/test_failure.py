"""What breaks in a training stands in its trace, and the user's exception goes on as it was."""

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import as_arrays, batches, classifier, rows

import pipetrace
from pipetrace.capture import eager
from pipetrace.explain.findings.finding import flat
from pipetrace.record.describe import Description
from pipetrace.record.measure import failure
from pipetrace.trace import Trace
from pipetrace.trace.events import Event

pytestmark = [
    pytest.mark.framework,
    pytest.mark.filterwarnings(
        "ignore:.*shuffle:UserWarning", "ignore:Your input ran out of data:UserWarning"
    ),
]

Fit = Callable[..., Trace]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Fits a model with a recorder and gives the trace; with ``raises`` the fit must raise that, unchanged."""

    def run(
        model: Any,
        raises: type[BaseException] | None = None,
        match: str | None = None,
        **arguments: Any,
    ) -> Trace:
        pipetrace.watch(model, tmp_path / "run.trace", verbose=False)
        others = arguments.pop("others", [])
        arguments = {"epochs": 3, "verbose": 0, "callbacks": others, **arguments}
        if raises is None:
            model.fit(**arguments)
        else:
            with pytest.raises(raises, match=match):
                model.fit(**arguments)
        return pipetrace.read(tmp_path / "run.trace")

    return run


def told(trace: Trace) -> list[tuple[str, int | None, int | None, str | None]]:
    return [(event.kind, event.epoch, event.step, event.stage) for event in trace.events]


def subclassed(*layers: Any) -> Any:
    import keras

    class Chain(keras.Model):  # type: ignore[misc] # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.chain = list(layers)

        def call(self, x: Any) -> Any:
            for layer in self.chain:
                x = layer(x)
            return x

    model = Chain()
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("size", [1000.0, 1.0])
def test_a_loss_that_raises_is_explained_by_the_layer_that_made_infinity(
    fit: Fit, size: float
) -> None:
    import keras

    def strict(target: Any, given: Any) -> Any:
        raise ValueError(f"{keras.ops.shape(given)} are not what I want")

    def dense(name: str, activation: str) -> Any:
        return keras.layers.Dense(2, activation, name=name, kernel_initializer="ones")

    model = keras.Sequential(
        [keras.Input((2,)), dense("first", "exponential"), dense("last", "linear")]
    )
    model.compile("sgd", strict)
    trace = fit(model, ValueError, x=np.full((8, 2), size), y=np.ones((8, 2)))
    infinite = [("output", 1, 1, "first")] if size > 1 else []
    assert told(trace) == [("exception", 1, 1, None), *infinite]
    found = [each for each in flat(pipetrace.findings(trace)) if each.code == "PT701"]
    # No update was made yet, so a lower learning rate would change nothing.
    assert [each.change for each in found] == ["" for _ in infinite]


def test_a_layer_that_raises_is_where_the_trace_ends(fit: Fit) -> None:
    import keras

    class Picky(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            raise RuntimeError("the layer's own words")

    x, y = rows()
    model = subclassed(
        keras.layers.Dense(4, name="first"),
        Picky(name="picky"),
        keras.layers.Dense(1, name="never"),
    )
    trace = fit(model, RuntimeError, "the layer's own words", x=x, y=y)
    assert (trace.ending.kind, trace.ending.stage) == ("failed", "picky")
    assert "the layer's own words" in str(trace.ending.error)
    assert [stage.name for stage in trace.stages] == ["input", "first", "picky"]
    failed = trace.stages[-1]
    assert failed.outputs == ()
    assert [(spec.shape, spec.source) for spec in failed.inputs] == [((None, 4), "first")]
    assert failed.config["name"] == "picky"
    assert told(trace) == [("exception", 1, 1, "picky")]


def test_the_stages_stay_where_the_rows_are_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    known, read, write = threading.Event(), Description._read, Description.write

    def read_late(self: Description) -> None:
        if threading.current_thread() is not threading.main_thread():
            known.wait(60)
        read(self)

    def written(self: Description, stages: Any = ()) -> None:
        write(self, stages)
        if stages:
            known.set()

    monkeypatch.setattr(Description, "_read", read_late)
    monkeypatch.setattr(Description, "write", written)
    x, y = rows()
    model = subclassed(keras.layers.Dense(4, name="first"), keras.layers.Reshape((5,), name="odd"))
    pipetrace.watch(model, tmp_path / "run.trace", budget=None, verbose=False)
    with pytest.raises(ValueError, match="total size"):
        model.fit(x, y, verbose=0)
    assert known.is_set()
    trace = pipetrace.read(tmp_path / "run.trace")
    assert [stage.name for stage in trace.stages] == ["input", "first", "odd"]


def test_a_value_that_a_layer_cannot_take(fit: Fit) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((3,), dtype="int32"), layers.Embedding(5, 2, name="words"), layers.Flatten()]
    )
    model.compile("sgd", "mse")
    x = np.arange(300).reshape(100, 3) % 5
    x[70, 1] = 9
    trace = fit(model, Exception, "9", x=x, y=np.ones((100, 6)))
    assert (trace.ending.kind, trace.ending.stage) == ("failed", "words")
    assert "= 9 is not in [0, 5)" in str(trace.ending.error)
    assert "File" not in str(trace.ending.error)
    assert all(stage.outputs for stage in trace.stages)


@pytest.mark.parametrize(
    ("loss", "labels", "event"),
    [
        (
            "categorical_crossentropy",
            "as they are",
            Event("target_shape", 1, 1, "answer", shape=(None, 3), target_shape=(None,)),
        ),
        (
            "sparse_categorical_crossentropy",
            "out of range",
            Event("target_range", 1, 1, "answer", shape=(None, 3), low=0.0, high=7.0),
        ),
    ],
)
def test_labels_that_do_not_fit_the_loss(fit: Fit, loss: str, labels: str, event: Event) -> None:
    x, y = rows()
    if labels == "out of range":
        y[y == 2] = 7
    trace = fit(classifier(loss=loss, metrics=[]), Exception, x=x, y=y)
    assert (trace.ending.kind, trace.ending.stage) == ("failed", None)
    assert [stage.name for stage in trace.stages] == ["input", "hidden", "norm", "drop", "answer"]
    assert [each.kind for each in trace.events] == ["exception", event.kind]
    assert trace.events[1] == event
    assert trace.run.data.targets[0].max == y.max()


def test_a_source_that_raises(fit: Fit) -> None:
    def source() -> Iterator[tuple[Any, Any]]:
        for number, batch in enumerate(batches(*rows())):
            if number == 3:
                raise OSError("the disk is gone")
            yield batch

    trace = fit(
        classifier(), Exception, "the disk is gone", x=source(), steps_per_epoch=6, shuffle=False
    )
    assert (trace.ending.kind, trace.ending.epoch) == ("failed", 1)
    assert told(trace) == [("exception", 1, 4, None)]
    assert len(trace.stages) == 5


def test_data_that_is_empty(fit: Fit) -> None:
    import tensorflow as tf

    x, y = rows()
    empty = tf.data.Dataset.from_tensor_slices((x[:0], y[:0])).batch(8)
    trace = fit(classifier(), x=empty, epochs=1, shuffle=False)
    assert told(trace) == [("no_batches", 1, None, None)]


def test_a_learning_rate_that_is_far_too_high(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come at any time, so other weights pass without being put into the variables."""
    import keras
    import tensorflow as tf

    x, y = rows()
    model = classifier(optimizer=keras.optimizers.SGD(1e30), loss="mse", metrics=[])
    assigned, kind, ours = list[str](), type(model.weights[0]), {id(each) for each in model.weights}
    assign = kind._direct_assign

    def noted(self: Any, value: Any) -> Any:
        if id(self) in ours and tf.executing_eagerly():
            assigned.append(self.path)
        return assign(self, value)

    monkeypatch.setattr(kind, "_direct_assign", noted)
    trace = fit(model, x=x, y=np.eye(3)[y])
    assert trace.ending.kind == "finished"
    kinds = [event.kind for event in trace.events]
    assert kinds[0] == "loss"
    assert len(kinds) == 2
    assert trace.events[1].stage in {"hidden", "norm", "answer"}
    assert assigned == []


def test_a_value_of_the_data_that_is_not_finite(fit: Fit) -> None:
    import keras

    x, y = rows()
    x[61, 2] = np.nan
    # On some processors TensorFlow's fused ReLU makes 0 of NaN, and the loss stays a number.
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trace = fit(model, x=x, y=y, batch_size=10, shuffle=False)
    assert told(trace) == [("loss", 1, 7, None), ("inputs", 1, 7, "input")]
    assert math.isnan(trace.events[0].value or 0)
    assert trace.events[0].last_finite_step == 6
    assert (trace.events[1].count, trace.events[1].row) == (1, 61)
    source = trace.stages[0].summary
    assert source is not None
    assert source.nan == 1


def test_an_output_that_is_not_finite(fit: Fit) -> None:
    import keras

    given = keras.Input((6,))
    low = keras.ops.log(keras.ops.relu(given[:, :1]))
    model = keras.Model(given, keras.layers.Dense(1, name="out")(low))
    model.compile("sgd", "mse")
    x, y = rows()
    trace = fit(model, x=x, y=y)
    assert [event[:3] for event in told(trace)] == [("loss", 1, 1), ("output", 1, 1)]
    assert trace.stage(str(trace.events[1].stage)).layer == "Log"


def test_a_gradient_that_is_not_finite(fit: Fit) -> None:
    import keras

    given = keras.Input((6,))
    hidden = keras.layers.Dense(3, name="hidden")(given)
    root = keras.ops.sqrt(hidden * 0)
    model = keras.Model(given, keras.layers.Dense(1, name="out")(root))
    model.compile("sgd", "mse")
    x, y = rows()
    trace = fit(model, x=x, y=y)
    assert told(trace) == [("loss", 1, 2, None), ("gradient", 1, 2, "hidden")]


def test_the_gradients_of_all_batches_are_searched_with_one_function(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    made = []

    def counted(*given: Any) -> Any:
        made.append(given)
        return eager.gradients_of(*given)

    monkeypatch.setattr(failure, "gradients_of", counted)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e30), "mse")
    x, _ = rows()
    trace = fit(model, x=x, y=x[:, :1], batch_size=4, epochs=1)
    assert trace.events[0].kind == "loss"
    assert len(made) == 1 < len(x) // 4


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (KeyError("of the callback"), "failed", "KeyError: 'of the callback'"),
        (KeyboardInterrupt(), "interrupted", None),
        (SystemExit(), "failed", "SystemExit"),
    ],
)
def test_what_another_callback_raises(
    fit: Fit, error: BaseException, kind: str, said: str | None
) -> None:
    import keras

    class Raising(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise error

    trace = fit(classifier(), type(error), **as_arrays(), others=[Raising()])
    assert [epoch.number for epoch in trace.epochs] == [1]
    assert (trace.ending.kind, trace.ending.epoch, trace.ending.error) == (kind, 2, said)
