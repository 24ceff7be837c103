"""Rows in many files, and a saved model to pass them through."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.record.models import classifier

SIZES = (40, 1, 0, 300, 17, 64, 5, 33, 260, 12, 9)
"""Rows of each file: more files than are merged at a time, one of them empty."""


@dataclass(frozen=True)
class Files:
    """A folder with ``model.keras`` and ``rows/*.npz``, and all of the rows."""

    folder: Path
    x: Any
    y: Any

    @property
    def model(self) -> Path:
        return self.folder / "model.keras"

    @property
    def pattern(self) -> str:
        return str(self.folder / "rows" / "*.npz")


def split(values: Any) -> list[Any]:
    return np.split(values, np.cumsum(SIZES)[:-1])


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("scale")
    (folder / "rows").mkdir()
    random = np.random.default_rng(5)
    x = random.normal(size=(sum(SIZES), 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 1)
    for number, (rows, targets) in enumerate(zip(split(x), split(y), strict=True)):
        np.savez(folder / "rows" / f"{number:02}.npz", x=rows, y=targets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras and NumPy between themselves
        classifier().save(folder / "model.keras")
    return Files(folder, x, y)
