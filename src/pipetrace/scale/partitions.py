"""The files that rows lie in: found by a pattern, each a partition that is read by itself.

A partition is the unit of all measuring, on one machine as on many: its rows pass the model by
themselves, and what was measured of it is merged in the order of the partitions.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipetrace.errors import ClusterError, DataNotFoundError
from pipetrace.storage import filesystem, is_address, is_local, reason, without_secrets

PARQUET, NPZ, RECORDS, IMAGES = "Parquet", "NPZ", "TFRecord", "images"
KINDS = {
    PARQUET: re.compile(r"\.(parquet|pq)$", re.IGNORECASE),
    NPZ: re.compile(r"\.npz$", re.IGNORECASE),
    RECORDS: re.compile(r"\.tfrecords?(-\d+-of-\d+)?(\.gz|\.zlib)?$", re.IGNORECASE),
    IMAGES: re.compile(r"\.(bmp|gif|jpe?g|png)$", re.IGNORECASE),
}
MAGIC = r"[*?\[]"
"""What makes a pattern of a path."""
IMAGES_TOGETHER = 500
"""Images that make a partition; of other files each is one."""
HINT = (
    'Give a pattern of files, such as "rows/*.parquet" or s3://bucket/rows/*.npz, or a folder with '
    "one folder of images for each class."
)


@dataclass(frozen=True)
class Partition:
    """A part of the rows."""

    number: int  # its place among the partitions, from 0; ``total``: how many there are
    total: int
    kind: str  # of its files
    urls: tuple[str, ...]  # of its files, in order
    classes: tuple[str, ...] = ()  # the folders of images, whose places are their labels

    @property
    def name(self) -> str:
        """What it is called in errors: its first file, without what may be a secret."""
        return without_secrets(self.urls[0])


def are_many(data: str) -> bool:
    """Whether data are files of this kind, and no single file of arrays."""
    other = any(sign.search(data) for kind, sign in KINDS.items() if kind != NPZ)
    if Path(data).is_file():
        return other
    return other or is_address(data) or bool(re.search(MAGIC, data)) or Path(data).is_dir()


def find(pattern: str, on: str | None = None) -> list[Partition]:
    """The partitions that a pattern names, in the order of the files' names.

    It is a file, a folder, or has ``*``, ``?``, ``[...]`` and ``**``, local or with the address of
    an object storage. The address of the cluster that is to read them is checked as well. A
    ``DataNotFoundError`` where no file matches, or files of several kinds do.
    """
    if on is not None:
        cluster_address(on)
    files, where = _files(pattern), without_secrets(pattern)
    kinds = {kind: [each for each in files if sign.search(each)] for kind, sign in KINDS.items()}
    kinds = {kind: found for kind, found in kinds.items() if found}
    if len(kinds) != 1:
        what = f"several kinds: {', '.join(kinds)}" if kinds else "no kind that is read"
        what = f"The files are of {what}" if files else "No file matches"
        raise DataNotFoundError(f"{what}.", where=where, hint=HINT)
    ((kind, urls),) = kinds.items()
    if kind != IMAGES:
        return [Partition(place, len(urls), kind, (url,)) for place, url in enumerate(urls)]
    classes = tuple(sorted({class_of(url) for url in urls}))
    groups = [urls[at : at + IMAGES_TOGETHER] for at in range(0, len(urls), IMAGES_TOGETHER)]
    return [
        Partition(place, len(groups), kind, tuple(group), classes)
        for place, group in enumerate(groups)
    ]


def class_of(url: str) -> str:
    """The folder of an image, which is its class."""
    return PurePosixPath(url).parent.name


def _files(pattern: str) -> list[str]:
    system, path = filesystem(pattern, DataNotFoundError)
    try:
        if re.search(MAGIC, path):
            there = system.glob(path, detail=True)
            folders = [name for name, each in there.items() if each["type"] == "directory"]
            files = [name for name, each in there.items() if each["type"] == "file"]
            files += [name for folder in folders for name in system.find(folder)]
        else:
            files = system.find(path)
    except Exception as error:  # of whichever library reads such addresses
        raise DataNotFoundError(
            f"The files cannot be listed: {reason(error)}.",
            where=without_secrets(pattern),
            hint=HINT,
        ) from error
    shown = (each for each in files if not PurePosixPath(each).name.startswith((".", "_")))
    return [system.unstrip_protocol(each) for each in sorted(set(shown))]


@contextmanager
def local(url: str) -> Iterator[Path]:
    """A file as one of this machine; what is fetched for it is deleted afterwards.

    Raises:
        DataNotFoundError: it cannot be read.
    """
    system, path = filesystem(url, DataNotFoundError)
    if is_local(system):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="pipetrace-") as folder:
        copy = Path(folder) / PurePosixPath(path).name
        try:
            system.get_file(path, str(copy))
        except Exception as error:  # of whichever library reads such addresses
            raise unreadable(url, error) from error
        yield copy


def contents(urls: Sequence[str]) -> list[bytes]:
    """What is in the files.

    Raises:
        DataNotFoundError: one cannot be read.
    """
    found = []
    for url in urls:
        system, path = filesystem(url, DataNotFoundError)
        try:
            found.append(system.cat_file(path))
        except Exception as error:  # of whichever library reads such addresses
            raise unreadable(url, error) from error
    return found


def unreadable(url: str, error: Exception) -> DataNotFoundError:
    """That a file which was found cannot be read."""
    return DataNotFoundError(
        f"The file cannot be read: {reason(error)}.",
        where=without_secrets(url),
        hint="Every worker must be able to read the files by the same address.",
    )


def cluster_address(on: str) -> str | None:
    """The address of the scheduler that ``--on`` names; None for a cluster of one's own.

    Raises:
        ClusterError: it is neither ``dask`` nor ``dask://HOST:PORT``.
    """
    if on in ("dask", "dask://"):
        return None
    found = re.fullmatch(r"dask://((?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5})/?", on)
    if found is None:
        raise ClusterError(
            f"{on} is no address of a cluster.",
            where="--on",
            hint="Use --on dask for a cluster on this machine, or --on dask://HOST:PORT.",
        )
    return f"tcp://{found[1]}"
