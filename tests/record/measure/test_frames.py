"""What a data frame calls its columns stays with the values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipetrace
from pipetrace.present.build.model import model_view
from pipetrace.record.recorder import Recorder

pytestmark = pytest.mark.framework

COLUMNS = ("age", "income", "visits")


class Frame:
    """As much of a data frame as Keras looks at."""

    columns: Any = COLUMNS

    def __init__(self, values: Any) -> None:
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.values

    def __getitem__(self, places: Any) -> Any:
        return self.values[places]

    def to_numpy(self) -> Any:
        return self.values


class Nameless(Frame):
    @property
    def columns(self) -> Any:
        raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("kind", "anonymous", "wanted"),
    [(Frame, False, COLUMNS), (Frame, True, ()), (Nameless, False, ())],
)
def test_columns_keep_their_names(
    kind: Any, anonymous: bool, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    import keras

    values = np.random.default_rng(0).normal(5, 2, (40, 3))  # of 64 bits, as tables often are
    scale = keras.layers.Normalization(name="scaled")
    scale.adapt(values)
    layers = [keras.Input((3,), name="table"), scale, keras.layers.Dense(3, name="hidden")]
    model = keras.Sequential([*layers, keras.layers.Dense(1, name="answer")])
    model.compile("sgd", "mse")
    recorder = Recorder(tmp_path / "run.trace", verbose=False, anonymous=anonymous)
    model.fit(kind(values), values[:, :1], verbose=0, callbacks=[recorder])
    trace = pipetrace.read(tmp_path / "run.trace")
    assert trace.run.data.feature_names == wanted
    view = model_view(trace)
    assert view is not None
    names = {stage.name: stage.unit_names for stage in view.stages}
    # Three units of a Dense layer are not the three columns.
    assert list(names.values()) == [wanted, wanted, (), ()]
