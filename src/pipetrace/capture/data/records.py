"""The columns of TFRecord files, and encoded images as arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.capture.backend import load
from pipetrace.errors import ArrayFormatError, ImageError, first_line
from pipetrace.trace.document import Array

COMPRESSION = {".gz": "GZIP", ".zlib": "ZLIB"}
HINT = "Write tf.train.Example records with the same features in each, or use Parquet or NPZ."


def columns(path: Path, where: str) -> dict[str, Array]:
    """The features of a TFRecord file of ``tf.train.Example``, as arrays with an axis of rows.

    They are float32 or int64 ``(n,)`` or ``(n, length)``, or objects of bytes. Errors name
    ``where``.

    Raises:
        ArrayFormatError: it is none, is damaged, or its records differ.
    """
    load()
    import tensorflow as tf

    try:
        return {name: _stacked(name, values) for name, values in _features(path).items()}
    except (tf.errors.OpError, ValueError) as error:
        raise _unreadable(error, where) from error
    except Exception as error:
        if type(error).__name__ != "DecodeError":  # of protobuf, which is not ours to import
            raise
        raise _unreadable(error, where) from error


def _features(path: Path) -> dict[str, list[Array]]:
    """The values of each feature, record by record."""
    import tensorflow as tf

    found: dict[str, list[Array]] = {}
    records = tf.data.TFRecordDataset(str(path), COMPRESSION.get(path.suffix, ""))
    for count, record in enumerate(records.as_numpy_iterator()):
        features = tf.train.Example.FromString(record).features.feature
        if count and set(features) != set(found):
            raise ValueError(f"record {count} has other features than the first")
        for name in sorted(features):
            found.setdefault(name, []).append(_values(features[name]))
    return found


def _unreadable(error: Exception, where: str) -> ArrayFormatError:
    reason = first_line(error)[:200]
    return ArrayFormatError(
        f"The file cannot be read as TFRecord: {reason}.", where=where, hint=HINT
    )


def _values(feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else ()
    if kind == "bytes_list":
        made = np.empty(len(values), object)
        made[:] = list(values)
        return made
    return np.array(values, np.int64 if kind == "int64_list" else np.float32)


def _stacked(name: str, values: Sequence[Array]) -> Array:
    lengths = {len(each) for each in values}
    if len(lengths) > 1:
        raise ValueError(f"the feature {name} has {min(lengths)} to {max(lengths)} values")
    table = np.stack(values)
    return table[:, 0] if table.shape[1] == 1 else table


def decoded(files: Sequence[bytes], shape: Sequence[int | None], names: Sequence[str]) -> Array:
    """Encoded images as ``image_dataset_from_directory`` gives them: float32 from 0 to 255.

    They are fitted into the height and width of ``shape`` by bilinear interpolation, where known.

    Raises:
        ImageError: one cannot be decoded, or they differ in size where the model takes any.
    """
    load()
    import tensorflow as tf

    height, width, channels = shape
    made = []
    for content, name in zip(files, names, strict=True):
        try:
            image = tf.io.decode_image(content, channels=channels or 0, expand_animations=False)
        except (tf.errors.OpError, ValueError) as error:
            raise ImageError(
                f"The image {name} cannot be decoded.",
                where=name,
                hint="Replace the file or remove it. BMP, GIF, JPEG and PNG are read.",
            ) from error
        if height is not None and width is not None:
            image = tf.image.resize(image, (height, width), method="bilinear")
        made.append(np.asarray(image, np.float32))
    if len({each.shape for each in made}) > 1:
        raise ImageError(
            f"The images differ in size: {made[0].shape} and others.",
            where=names[0],
            hint="Resize them, or use a model with a fixed input size.",
        )
    return np.stack(made)
