"""What is measured of inputs and normalisations of a real training, against the arrays themselves."""

from pathlib import Path

import numpy as np
import pytest

import pipetrace
from pipetrace.trace import Trace
from pipetrace.trace.measurements import DatasetCheck, NormalizedInput, Outcome

pytestmark = pytest.mark.framework


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Two batch normalizations, of which the first one trains; validation rows of another scale."""
    import keras

    keras.utils.set_random_seed(0)
    path: Path = tmp_path_factory.mktemp("inputs") / "run.trace"
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, size=(128, 4))  # float64, as NumPy makes it
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.BatchNormalization(momentum=0.5, name="first"),
            layers.Dense(3, name="dense"),
            layers.BatchNormalization(trainable=False, name="second"),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile("sgd", "mse")
    pipetrace.watch(model, path, verbose=False, budget=None)
    data = (x * 10, x[:, :1])
    model.fit(x, x[:, :1], validation_data=data, epochs=2, batch_size=32, verbose=0)
    return pipetrace.read(path)


def test_inputs_of_a_normalization_are_held_against_its_moving_averages(run: Trace) -> None:
    figures = run.measurements.of(NormalizedInput, "first", 2)
    mean, variance = (run.weights[f"first/moving_{name}"] for name in ("mean", "variance"))
    x = np.random.default_rng(0).normal(3, 2, size=(128, 4)).astype("float32")
    assert figures.std_ratio == pytest.approx(
        np.median(x.std(axis=0) / np.sqrt(variance)), rel=1e-4
    )
    offset = np.median(np.abs(x.mean(axis=0) - mean) / np.sqrt(variance))
    assert figures.mean_offset == pytest.approx(offset, rel=1e-4)
    # Averages that no training has touched tell nothing.
    assert run.measurements.of(NormalizedInput, "first", 0) == NormalizedInput()
    assert run.measurements.of(NormalizedInput, "second", 2) == NormalizedInput()


def test_columns_of_validation_rows_are_compared(run: Trace) -> None:
    ours, theirs = (run.measurements.of(DatasetCheck, name) for name in ("training", "validation"))
    assert theirs.column_scale == pytest.approx(10, rel=1e-5)
    assert ours.column_scale is not None
    assert ours.column_scale < 1.3


def test_series_are_held_against_their_last_step(tmp_path: Path) -> None:
    import keras

    steps = np.random.default_rng(0).normal(size=108).cumsum()
    x, y = np.stack([steps[at : at + 8] for at in range(100)])[..., None], steps[8:, None]
    model = keras.Sequential(
        [keras.Input((8, 1)), keras.layers.Flatten(), keras.layers.Dense(1, name="out")]
    )
    model.compile("sgd", "mse")
    pipetrace.watch(model, tmp_path / "run.trace", verbose=False, budget=None)
    model.fit(x, y, epochs=1, verbose=0)
    measured = pipetrace.read(tmp_path / "run.trace").measurements
    error = measured.of(Outcome, "training").mean_squared_error_of_last
    assert error == pytest.approx(((y - x[:, -1]) ** 2).mean())
    assert measured.of(DatasetCheck, "training").inputs_padded == 0
