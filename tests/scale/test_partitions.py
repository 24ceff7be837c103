"""Which files a pattern names, and what is read from each kind of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import (
    ArrayFormatError,
    ClusterError,
    ColumnsError,
    DataNotFoundError,
    ImageError,
    PipetraceError,
)
from pipetrace.scale import partitions
from pipetrace.scale.columns import read
from pipetrace.scale.partitions import Partition, are_many, cluster_address, find
from pipetrace.storage import without_secrets

pytest.importorskip("fsspec")
X = np.arange(60, dtype=np.float32).reshape(5, 3, 4)
Y = np.array([3, 1, 4, 1, 5])


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "b.npz", "a.npz", "deep/c.npz", "_SUCCESS", ".hidden.npz", "read.me")
    names = {"*.npz": ["a", "b"], "**/*.npz": ["a", "b", "c"], "": ["a", "b", "c"], "b.npz": ["b"]}
    for pattern, expected in names.items():
        found = find(str(tmp_path / pattern))
        assert [Path(each.urls[0]).stem for each in found] == expected, pattern
        assert [(each.number, each.total) for each in found] == [
            (place, len(expected)) for place in range(len(expected))
        ]


def test_files_of_one_kind_are_wanted(tmp_path: Path) -> None:
    touch(tmp_path, "a.npz", "b/c.parquet", "d/e.txt")
    for name in ("", "d", "none", "*.tfrecord"):
        with pytest.raises(DataNotFoundError):
            find(str(tmp_path / name))
    with pytest.raises(DataNotFoundError):
        find("nosuch://bucket/a.npz")


def test_images_are_grouped_and_their_folders_are_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "IMAGES_TOGETHER", 2)
    touch(tmp_path, "cats/1.png", "cats/2.JPG", "dogs/1.png")
    found = find(str(tmp_path))
    assert [len(each.urls) for each in found] == [2, 1]
    assert {each.classes for each in found} == {("cats", "dogs")}


def test_which_data_are_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a[1].npz", "b.parquet", "folder/c.npz")
    many = ["rows/*.npz", "s3://bucket/a.npz", "b.parquet", "missing.tfrecord", "folder"]
    assert [each for each in many if not are_many(each)] == []
    assert [each for each in ("a[1].npz", "missing.npz", "missing.npy") if are_many(each)] == []


@pytest.mark.parametrize("on", ["", "ray", "dask:8786", "dask://", "dask://[::1]:80", "dask://h:x"])
def test_addresses_of_clusters(on: str) -> None:
    if on.endswith(("//", "80")):
        assert cluster_address(on) == (None if on == "dask://" else "tcp://[::1]:80")
        return
    with pytest.raises(ClusterError):
        cluster_address(on)


def test_secrets_of_an_address_are_not_shown() -> None:
    assert without_secrets("s3://me:secret@bucket/a.npz?token=1") == "s3://bucket/a.npz"
    assert without_secrets("file:///data/a.npz") == "/data/a.npz"


def write_npz(path: Path, x: Any, y: Any) -> None:
    np.savez(path, x=x, y=y)


def write_parquet(path: Path, x: Any, y: Any) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [row.reshape(-1).tolist() for row in x]
    kind = arrow.list_(arrow.float32())
    parquet.write_table(arrow.table({"x": arrow.array(rows, kind), "y": y}), path, row_group_size=2)


def write_records(path: Path, x: Any, y: Any) -> None:
    import tensorflow as tf

    def example(row: Any, label: int) -> bytes:
        features = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=row.reshape(-1))),
            "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        }
        made = tf.train.Example(features=tf.train.Features(feature=features))
        return bytes(made.SerializeToString())

    options = tf.io.TFRecordOptions("GZIP" if path.suffix == ".gz" else "")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for row, label in zip(x, y, strict=True):
            writer.write(example(row, label))


WRITERS: dict[str, Callable[[Path, Any, Any], None]] = {
    "a.npz": write_npz,
    "a.parquet": write_parquet,
    "a.tfrecord": write_records,
    "a.tfrecord-00000-of-00001.gz": write_records,
}


@pytest.mark.framework
@pytest.mark.parametrize("name", WRITERS)
def test_each_kind_of_file_gives_the_rows_that_were_written(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, X, Y)
    (partition,) = find(str(tmp_path))
    found = read(partition, {"input": (3, 4)})
    assert found is not None
    for ours, theirs in zip(found, (X, Y), strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    with pytest.raises(ColumnsError):
        read(partition, {"input": (5, 5)})
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ArrayFormatError):
        read(partition, {"input": (3, 4)})


@pytest.mark.framework
def test_columns_of_single_numbers_stand_side_by_side(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", b=X[:, 0, 0], a=X[:, 0, 1], y=Y)
    (partition,) = find(str(tmp_path))
    found = read(partition, {"input": (2,)})
    assert found is not None
    assert np.array_equal(found[0], np.stack([X[:, 0, 0], X[:, 0, 1]], axis=1))
    several = read(partition, {"a": (), "b": ()})
    assert several is not None
    assert several[0].keys() == {"a", "b"}
    for inputs in ({"a": (), "c": ()}, {"input": (3,)}):
        with pytest.raises(ColumnsError):
            read(partition, inputs)


@pytest.mark.framework
def test_images_are_what_keras_makes_of_them(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    random = np.random.default_rng(0)
    for name in ("cats/1", "cats/2", "dogs/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image = random.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        (tmp_path / f"{name}.png").write_bytes(tf.io.encode_png(image).numpy())
    options = {"image_size": (4, 5), "shuffle": False, "batch_size": None, "verbose": False}
    expected = keras.utils.image_dataset_from_directory(tmp_path, **options)
    images, labels = zip(*expected.as_numpy_iterator(), strict=True)
    (partition,) = find(str(tmp_path))
    found = read(partition, {"input": (4, 5, 3)})
    assert found is not None
    assert np.array_equal(found[0], np.stack(images))
    assert found[1].tolist() == list(labels)
    with pytest.raises(ColumnsError):
        read(partition, {"input": (4,)})
    (tmp_path / "dogs" / "1.png").write_bytes(b"no image")
    with pytest.raises(ImageError):
        read(partition, {"input": (4, 5, 3)})


def test_files_in_memory_are_fetched_and_missing_ones_told(tmp_path: Path) -> None:
    import fsspec

    np.savez(tmp_path / "a.npz", x=X, y=Y)
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/partitions/a.npz", (tmp_path / "a.npz").read_bytes())
    (partition,) = find("memory://partitions/*.npz")
    found = read(partition, {"input": (3, 4)})
    assert found is not None
    assert np.array_equal(found[0], X)
    memory.rm("/partitions/a.npz")
    with pytest.raises(DataNotFoundError):
        read(partition, {"input": (3, 4)})


def test_errors_are_whole_after_a_journey() -> None:
    import pickle

    sent = ColumnsError("What.", where="a.npz", hint="Do.")
    came = pickle.loads(pickle.dumps(sent))
    assert isinstance(came, PipetraceError)
    assert (type(came), str(came), came.exit_code) == (ColumnsError, str(sent), 2)


def test_a_partition_is_called_by_its_first_file() -> None:
    assert Partition(0, 1, "NPZ", ("s3://k:s@b/a.npz", "s3://b/b.npz")).name == "s3://b/a.npz"
