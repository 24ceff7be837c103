"""MNIST by Keras; folders of images are tested with the demo's data."""

import socket
from typing import Any

import numpy as np
import pytest

from pipetrace.capture.data import image_data
from pipetrace.errors import DataUnavailableError

pytestmark = pytest.mark.framework


def test_mnist_comes_from_keras(
    keras: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = np.zeros((3, 28, 28), np.uint8), np.arange(3)
    during = []

    def load_data() -> Any:
        during.append(socket.getdefaulttimeout())
        print("a progress bar")
        return (x, y), (None, None)

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    assert all(ours is theirs for ours, theirs in zip(image_data.mnist(), (x, y), strict=True))
    assert (during, socket.getdefaulttimeout()) == ([image_data.DOWNLOAD_TIMEOUT], None)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "a progress bar\n")


def test_mnist_that_cannot_be_fetched(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_data() -> Any:
        raise OSError("URL fetch failure\nand more")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    with pytest.raises(
        DataUnavailableError, match="could not be downloaded: URL fetch failure\\. "
    ) as caught:
        image_data.mnist()
    assert caught.value.where == "--data mnist"
    assert isinstance(caught.value.__cause__, OSError)
    assert socket.getdefaulttimeout() is None
