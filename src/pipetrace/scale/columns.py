"""The rows of a partition, in the form that the model takes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.capture.data import records
from pipetrace.errors import ArrayFormatError, ColumnsError, first_line, visible
from pipetrace.pipeline.files import arrays_in, split_rows
from pipetrace.scale.partitions import (
    IMAGES,
    NPZ,
    PARQUET,
    Partition,
    class_of,
    contents,
    local,
    unreadable,
)
from pipetrace.storage import library, without_secrets
from pipetrace.trace.document import Array

Shape = tuple[int | None, ...]


def read(partition: Partition, inputs: Mapping[str, Shape]) -> tuple[Any, Any] | None:
    """The rows and targets of a partition, as ``load_rows`` has them; None where it has none.

    ``inputs`` has the model's inputs by name, each with the shape of a row; empty where unknown. A
    ``DataError``, an ``ImageError`` or a ``ColumnsError`` where files or columns do not fit.
    """
    where = partition.name
    if partition.kind == IMAGES:
        return _images(partition, inputs)
    with local(partition.urls[0]) as path:
        columns = _columns(partition.kind, path, where)
    if not any(len(each) if each.ndim else 0 for each in columns.values()):
        return None
    x, y = split_rows(columns, where)
    return _fitted(x, inputs, where), y


def _columns(kind: str, path: Path, where: str) -> dict[str, Array]:
    if kind == NPZ:
        try:
            return arrays_in(path)
        except ArrayFormatError as error:  # whose path may be that of a copy
            raise ArrayFormatError(error.what, where=where, hint=error.hint) from error
    if kind == PARQUET:
        return _parquet(path, where)
    return records.columns(path, where)


def _parquet(path: Path, where: str) -> dict[str, Array]:
    arrow, parquet = (library(name, "--data") for name in ("pyarrow", "pyarrow.parquet"))
    try:
        table = parquet.ParquetFile(path).read()
        return {name: _of_arrow(arrow, table.column(name)) for name in table.column_names}
    except (arrow.ArrowException, ValueError) as error:
        raise ArrayFormatError(
            f"The file cannot be read as Parquet: {visible(first_line(error))}.",
            where=where,
            hint="Columns are numbers, texts, or lists of one length. Write the file anew.",
        ) from error
    except OSError as error:
        raise unreadable(where, error) from error


def _of_arrow(arrow: Any, column: Any) -> Array:
    """A column as an array; lists of one length make further axes."""
    if isinstance(column, arrow.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if not (
        arrow.types.is_list(kind)
        or arrow.types.is_large_list(kind)
        or arrow.types.is_fixed_size_list(kind)
    ):
        values: Array = column.to_numpy(zero_copy_only=False)
        return values
    inner = _of_arrow(arrow, column.flatten())
    lengths = {len(each) if each is not None else None for each in column[:1]} | set(
        column.value_lengths().unique().to_pylist()
    )
    if len(lengths) > 1 or None in lengths:
        raise ValueError("a column holds lists of several lengths")
    return inner.reshape(len(column), -1, *inner.shape[1:])


def _images(partition: Partition, inputs: Mapping[str, Shape]) -> tuple[Any, Any]:
    shapes = [shape for shape in inputs.values() if len(shape) == 3]
    if len(inputs) > 1 or (inputs and not shapes):
        raise ColumnsError(
            f"The model takes no images: its inputs are {_said(inputs)}.",
            where=partition.name,
            hint="Images are read for a model with one input of height, width and channels.",
        )
    names = [without_secrets(url) for url in partition.urls]
    shape = shapes[0] if shapes else (None, None, 3)
    x = records.decoded(contents(partition.urls), shape, names)
    place = {name: number for number, name in enumerate(partition.classes)}
    return x, np.array([place[class_of(url)] for url in partition.urls])


def _fitted(x: Any, inputs: Mapping[str, Shape], where: str) -> Any:
    """The rows in the form of the model's inputs, as far as these are known.

    A single input takes the one column there is, or single numbers side by side, in their order. A
    flat list is brought into the shape of a row.
    """
    if len(inputs) > 1:
        missing = sorted(set(inputs) - set(x)) if isinstance(x, dict) else sorted(inputs)
        if missing:
            raise ColumnsError(
                f"There is no column for the model's inputs {', '.join(missing)}.",
                where=where,
                hint="Name the columns as the inputs are named.",
            )
        return {name: _shaped(x[name], shape, where) for name, shape in inputs.items()}
    if isinstance(x, dict) and len(x) == 1:
        (x,) = x.values()
    if not inputs:
        return x
    ((_, shape),) = inputs.items()
    if not isinstance(x, dict):
        return _shaped(x, shape, where)
    columns = list(x.values())
    if any(each.ndim > 1 or each.dtype.kind not in "biuf" for each in columns):
        raise ColumnsError(
            f"The model has one input, and these columns are not single numbers: {', '.join(x)}.",
            where=where,
            hint="Put the rows into one column x, or give the model an input for each column.",
        )
    return _shaped(np.stack(columns, axis=1), shape, where)


def _shaped(values: Array, shape: Shape, where: str) -> Array:
    own: Sequence[int] = values.shape[1:]
    if values.dtype == object and len(shape) == 3 and not own and isinstance(values[0], bytes):
        return records.decoded(list(values), shape, [where] * len(values))
    if len(own) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(own, shape, strict=True)
    ):
        return values
    sizes = [each for each in shape if each is not None]
    known, count = math.prod(sizes), math.prod(own)
    if len(sizes) == len(shape) and known == count:
        return values.reshape(len(values), *sizes)
    raise ColumnsError(
        f"A row has the shape {tuple(own)}, and the model takes {shape}.",
        where=where,
        hint="Give the columns that the model was trained on, in their order.",
    )


def _said(inputs: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in inputs.items())
