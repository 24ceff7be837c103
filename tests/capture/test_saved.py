from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.saved import DAMAGED, check_model, load_model
from pipetrace.errors import ModelFileError

pytestmark = [
    pytest.mark.framework,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

ROWS = np.ones((2, 3), np.float32)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".KERAS"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_saved_model_gives_what_it_gave(keras: Any, tmp_path: Path, suffix: str) -> None:
    small = keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]
    )
    small.compile("adam", loss="mse")
    saved = tmp_path / f"model{suffix.lower()}"
    small.save(saved)
    path = saved.rename(tmp_path / f"other{suffix}")
    if suffix == ".KERAS":
        check_model(path)
        return
    found = load_model(path)
    np.testing.assert_array_equal(found.predict(ROWS, verbose=0), small.predict(ROWS, verbose=0))
    assert getattr(found, "optimizer", None) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.keras", "There is no file"),
        ("folder", "is a folder"),
        ("model.pb", "does not end in"),
    ],
)
def test_what_is_no_model_is_said_before_it_is_read(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "model.pb").write_bytes(b"")
    with pytest.raises(ModelFileError, match=said) as caught:
        check_model(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert "model.save('model.keras')" in caught.value.hint


def test_a_damaged_file(keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"not a zip file")
    with pytest.raises(ModelFileError, match="Keras cannot load it") as caught:
        load_model(path)
    assert caught.value.hint == DAMAGED


def test_code_out_of_a_file_is_not_run(keras: Any, tmp_path: Path) -> None:
    path, ran = tmp_path / "model.keras", tmp_path / "ran"
    text = f"__import__('pathlib').Path({str(ran)!r}).touch()"
    layer = keras.layers.Lambda(eval(f"lambda x: ({text}, x)[1]"))
    keras.Sequential([keras.layers.Input((3,)), layer]).save(path)
    ran.unlink(missing_ok=True)
    with pytest.raises(ModelFileError, match="safe mode") as caught:
        load_model(path)
    assert not ran.exists()
    assert "enable_unsafe_deserialization" not in str(caught.value)
    assert "Lambda" in caught.value.hint


def test_a_part_that_only_a_program_knows(keras: Any, tmp_path: Path) -> None:
    class Own(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, rows: Any) -> Any:
            return rows

    path = tmp_path / "model.keras"
    keras.Sequential([keras.layers.Input((3,)), Own()]).save(path)
    with pytest.raises(ModelFileError, match="only your program knows") as caught:
        load_model(path)
    assert "pipetrace.watch" in caught.value.hint
