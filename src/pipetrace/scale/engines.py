"""Where partitions are measured: in this process, or by the workers of a Dask cluster.

Both merge by the same tree: always so many neighbours at a time, in the order of the partitions.
So the sums are taken in the same order, and the figures are equal to the bit.
"""

import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pipetrace.errors import ClusterError, PipetraceError, in_short
from pipetrace.scale.measuring import FAN_IN, ModelFile, Part, measured, merged
from pipetrace.scale.partitions import Partition, cluster_address
from pipetrace.storage import library

LOOPBACK = "127.0.0.1"
CONNECT_SECONDS, WORKER_SECONDS = 10, 30
"""How long to wait for a scheduler, and for its first worker."""
DRAWN_EVERY = 0.1
"""Seconds between two looks at the progress."""

Show = Callable[[int, int], None]
T = TypeVar("T")


def fold(items: Iterable[T], combine: Callable[[list[T], int], T]) -> T:
    """Combine neighbours, so many at a time, and then what this gave, until one is left.

    No more are held than so many for each level, which ``combine`` gets too, from 0.
    """
    levels: list[list[T]] = [[]]
    for item in items:
        levels[0].append(item)
        for level, held in enumerate(levels):
            if len(held) < FAN_IN:
                break
            if level + 1 == len(levels):
                levels.append([])
            levels[level + 1].append(combine(held[:], level))
            held.clear()
    left: list[T] = []
    for level, held in enumerate(levels):
        found = [*held, *left]
        left = [combine(found, level)] if len(found) > 1 else found
    return left[0]


def here(partitions: Sequence[Partition], file: ModelFile, show: Show) -> Part | None:
    """What all partitions tell, measured one after the other in this process."""

    def parts() -> Iterator[Part | None]:
        for partition in partitions:
            yield measured(partition, file)
            show(partition.number + 1, partition.total)

    return fold(parts(), lambda group, _: merged(group))


def over_dask(on: str, partitions: Sequence[Partition], file: ModelFile, show: Show) -> Part | None:
    """What all partitions tell, measured by the workers of a Dask cluster.

    What was measured of a partition stays with the workers until it is merged there; this process
    gets the last result alone. When a worker dies, Dask measures its partitions again elsewhere.
    ``on`` is ``dask``, for this machine's own processes, or ``dask://HOST:PORT``. ``show`` gets
    the partitions that are done, and how many there are.

    Raises:
        ClusterError: the cluster cannot be reached, or fails.
        MissingLibraryError: Dask is not installed.
        PipetraceError: what ``measured`` and ``merged`` raise.
    """
    distributed = library("distributed", "--on")
    with _quiet(), _client(distributed, cluster_address(on), len(partitions)) as client:
        done = 0

        def one_more(_: Any) -> None:
            nonlocal done
            done += 1

        def futures() -> Iterator[Any]:
            for partition in partitions:
                made = client.submit(measured, partition, model, pure=False)
                made.add_done_callback(one_more)
                yield made

        try:
            model = client.submit(_same, file, pure=False)
            # A merge comes before further partitions, so that their results do not pile up.
            root = fold(
                futures(),
                lambda group, level: client.submit(merged, group, pure=False, priority=level + 1),
            )
            while not root.done():
                show(done, len(partitions))
                time.sleep(DRAWN_EVERY)
            found: Part | None = root.result()
        except PipetraceError:
            raise
        except Exception as error:
            raise ClusterError(
                f"The work failed on the cluster: {in_short(error)}",
                where="--on",
                hint="Every worker needs pipetrace, Keras and TensorFlow in the versions that run "
                "here, enough memory for one file, and access to the files.",
            ) from error
    show(len(partitions), len(partitions))
    return found


def _same(file: ModelFile) -> ModelFile:
    return file


@contextmanager
def _client(distributed: Any, address: str | None, partitions: int) -> Iterator[Any]:
    if address is not None:
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except Exception as error:
            raise _unreachable(address, f"no scheduler answers: {in_short(error)}") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=WORKER_SECONDS)
            except Exception as error:
                raise _unreachable(address, "its scheduler has no workers") from error
            yield client
        return
    with (
        tempfile.TemporaryDirectory(prefix="pipetrace-") as folder,
        distributed.LocalCluster(
            n_workers=min(partitions, os.cpu_count() or 1),
            threads_per_worker=1,
            host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:0",
            worker_dashboard_address=None,
            scheduler_kwargs={"dashboard": False},
            memory_limit=None,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _unreachable(address: str, why: str) -> ClusterError:
    return ClusterError(
        f"The cluster cannot be used: {why}",
        where=address,
        hint="Start one with: dask scheduler --host 127.0.0.1, and "
        "dask worker tcp://127.0.0.1:8786",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """No notes of Dask's own among the lines of a command."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
