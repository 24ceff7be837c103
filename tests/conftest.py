"""What several test files share: a silent progress, and one recorded run of the reference pipeline."""

import contextlib
import fcntl
import functools
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from pipetrace.demo.data import embedded_digits
from pipetrace.demo.model import Plan
from pipetrace.present.progress import Silent
from pipetrace.trace import Trace, read

os.environ.pop("COLUMNS", None)  # which the workers of pytest-xdist set, and texts follow

# A busy machine is slow to draw and to run examples, and no fault of what is tested.
BUSY = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], derandomize=True
)
hypothesis.settings.register_profile("same", BUSY)
# Other examples each time: for `make test-all`, as what is found by chance stops no other change.
hypothesis.settings.register_profile("other", BUSY, derandomize=False)
hypothesis.settings.load_profile("same")

gc.set_threshold(
    20_000, 20, 20
)  # a training makes many objects, and hardly one that goes in a circle

_begun: set[Path] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--accept-facts", action="store_true", help="take the facts of tests/golden as they are now"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that train come first, so that no worker is left with a long one at the end."""
    trains = {item.path for item in items if item.get_closest_marker("framework")}
    items.sort(key=lambda item: item.path not in trains)


def once_for_all(
    folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """This worker's copy of a file that the first worker to ask for it makes."""
    own = folders.mktemp("shared") / name
    shared = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / name).exists():
            make(own)
            shutil.copy(own, shared / name)
    if not own.exists():
        shutil.copy(shared / name, own)
    return own


@functools.cache
def trace_once() -> None:
    """Let Keras make the variables of an optimizer before the first step, where TensorFlow traces that step anew.

    That second trace is a third of a short training. Programs in processes of their own train without this.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

    make = TensorFlowTrainer.make_train_function

    def made(model: Any, force: bool = False) -> Any:
        is_kerass = type(model).train_step is TensorFlowTrainer.train_step
        if is_kerass and model.built and not getattr(model.optimizer, "built", True):
            model.optimizer.build(model.trainable_variables)
        return make(model, force)

    TensorFlowTrainer.make_train_function = made


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What earlier files left stays until the end, so that no collection looks at it again.

    Keras collects at each ``clear_session``: without this, a file takes twice as long after others.
    """
    if item.get_closest_marker("framework"):
        trace_once()
    if item.path not in _begun:
        _begun.add(item.path)
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _roomy_allowance() -> Iterator[None]:
    """What is measured does not depend on how busy the machine is, nor on its disk.

    For the session, so that it holds for the trainings that tests share too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipetrace.record.budget.WHOLE_SECONDS", 600.0)
        patch.setattr("pipetrace.record.writer_thread.MOST_WAITING_EPOCHS", 1000)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept in the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def silent() -> Silent:
    return Silent()


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory: pytest.TempPathFactory, silent: Silent) -> Path:
    """The trace file of a short run: 200 rows, 3 epochs, seed 0. It is shared: read it, leave it as it is."""
    from pipetrace.demo.run import record_digits

    def record(path: Path) -> None:
        plan = Plan(rows=200, epochs=3, seed=0)
        with contextlib.chdir(path.parent):  # so that no line of a test calls ``fit``
            record_digits(embedded_digits(), plan, path, silent, command="pipetrace digits")

    return once_for_all(tmp_path_factory, "digits.trace", record)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trace]:
    """Gives the trace of a program of the gallery, recorded when first asked for."""
    from pipetrace.gallery.record import SHIPPED
    from pipetrace.record.run import Watched, run_script

    def record(name: str, path: Path) -> None:
        watched = Watched(lambda _: path, {"verbose": False})
        with contextlib.suppress(SystemExit):
            run_script(
                str(SHIPPED / f"{name}.py"),
                [],
                is_module=False,
                watched=watched,
                told=print,
                made=[],
            )

    @functools.cache
    def recorded(name: str) -> Trace:
        make = functools.partial(record, name)
        return read(once_for_all(tmp_path_factory, f"{name}.trace", make))

    return recorded


@pytest.fixture(scope="session")
def digits_trace(digits_file: Path) -> Trace:
    """The same run, read back."""
    return read(digits_file)
