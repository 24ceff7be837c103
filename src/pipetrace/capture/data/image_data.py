"""Images with labels through Keras: MNIST, and a folder with one subfolder per class."""

import contextlib
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipetrace.capture import backend
from pipetrace.errors import DataUnavailableError, ImageError, first_line

ENDINGS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png"})
"""The endings of file names that Keras takes for images."""
DOWNLOAD_TIMEOUT = 30
"""Seconds without an answer after which a download is given up."""


def mnist() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """MNIST's training images (60000, 28, 28) and labels, by Keras' own download and cache.

    A ``DataUnavailableError`` where it is not in the cache and could not be fetched.
    """
    keras = backend.load_quietly()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        # Keras draws a progress bar of its own on standard output.
        with contextlib.redirect_stdout(sys.stderr):
            (x, y), _ = keras.datasets.mnist.load_data()
    except Exception as error:
        raise DataUnavailableError(
            f"MNIST is not in Keras' cache and could not be downloaded: {first_line(error)}.",
            where="--data mnist",
            hint="Leave --data out to use the built-in digits, or give the path of IDX files, an "
            ".npz or a folder of images: --data PATH. With a network, try again.",
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return x, y


def folder(
    path: Path, side: int, progress: Callable[[int, int], None] | None = None
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Pixels (rows, side, side, 1) of a folder's images, and the numbers of their sorted classes.

    Each of its subfolders is a class. ``keras.utils.image_dataset_from_directory`` decodes them;
    they are made grey, and fitted into a square with their aspect ratio kept, padded with black.
    ``progress`` is called with the images read so far and the number of all.

    Raises:
        ImageError: an image cannot be decoded.
    """
    keras = backend.load_quietly()
    import tensorflow as tf

    try:
        images = keras.utils.image_dataset_from_directory(
            path,
            color_mode="grayscale",
            batch_size=None,
            image_size=(side, side),
            shuffle=False,
            interpolation="bicubic",
            pad_to_aspect_ratio=True,
            verbose=False,
        )
    except ValueError:  # no images at all
        return np.zeros((0, side, side, 1), np.uint8), np.zeros(0, np.int64)
    files = images.file_paths
    x = np.zeros((len(files), side, side, 1), np.uint8)
    labels = np.zeros(len(files), np.int64)
    done = 0
    try:
        for image, label in images.as_numpy_iterator():
            # Bicubic interpolation overshoots a little.
            x[done], labels[done] = np.clip(np.rint(image), 0, 255), label
            done += 1
            if progress is not None:
                progress(done, len(files))
    except tf.errors.OpError as error:
        raise ImageError(
            f"The image {Path(files[done]).relative_to(path)} cannot be decoded; {done:,} of "
            f"{len(files):,} were read before it.",
            where=str(path),
            hint="Replace the file or remove it. BMP, GIF, JPEG and PNG are read.",
        ) from error
    return x, labels
