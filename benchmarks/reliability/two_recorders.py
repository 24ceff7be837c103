"""Two recorders of one training, and one of two: which trace holds what."""

from pathlib import Path
from typing import Any

import keras
from benchmarks.reliability.harm import told_of
from benchmarks.reliability.small_model import classifier, rows

import pipetrace


def small() -> Any:
    """A model that trains at once, without a graph."""
    return classifier(optimizer="sgd", run_eagerly=True)


class Tried:
    """One case of two recorders: traces with short names in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()

    def recorder(self, trace: str) -> Any:
        """A recorder into a trace."""
        return pipetrace.Recorder(self.folder / trace, verbose=False)

    def watch(self, model: Any, trace: str) -> Any:
        """Watch a model into a trace."""
        return pipetrace.watch(model, self.folder / trace, verbose=False)

    def fit(self, model: Any, *callbacks: Any, epochs: int = 2) -> None:
        """Train for some epochs."""
        x, y = rows()
        model.fit(x, y, epochs=epochs, batch_size=16, verbose=0, callbacks=list(callbacks))

    @property
    def told(self) -> list[Any]:
        """What the traces hold, in the order of their names."""
        return [[each.name, told_of(each)] for each in sorted(self.folder.iterdir())]


def two(_: str, folder: Path) -> dict[str, Any]:
    """Two doors at one model, one door at two models; what the traces hold."""
    found: dict[str, Any] = {}
    for case in (two_in_a_list, one_twice, recorder_in_watch, watched_again, nested, *TWO_MODELS):
        tried = Tried(folder, case.__name__)
        case(tried)
        found[case.__name__] = tried.told
    return found


def two_in_a_list(tried: Tried) -> None:
    """The first one records."""
    tried.fit(small(), tried.recorder("a"), tried.recorder("b"))


def one_twice(tried: Tried) -> None:
    """The same recorder twice in a list."""
    one = tried.recorder("a")
    tried.fit(small(), one, one)


def recorder_in_watch(tried: Tried) -> None:
    """What ``fit`` itself is given records; then the watch has its turn."""
    model = small()
    tried.watch(model, "a")
    tried.fit(model, tried.recorder("b"))
    tried.fit(model)


def watched_again(tried: Tried) -> None:
    """The first of two watches is put on again."""
    model = small()
    for trace in ("a", "b", "a"):
        tried.watch(model, trace)
        tried.fit(model)


def nested(tried: Tried) -> None:
    """A watch within a watch."""
    model = small()
    with tried.watch(model, "a"):
        with tried.watch(model, "b"):
            tried.fit(model)
        tried.fit(model, epochs=1)
    tried.fit(model)


def one_recorder(tried: Tried) -> None:
    """One recorder for two models, in turn."""
    one, first, second = tried.recorder("a"), small(), small()
    tried.fit(first, one)
    tried.fit(second, one, epochs=1)
    tried.fit(first, one, epochs=3)


def one_path(tried: Tried) -> None:
    """Two models into one file; the second one twice."""
    first, second = small(), small()
    tried.fit(first, tried.recorder("a"))
    tried.fit(second, tried.recorder("a"), epochs=1)
    tried.fit(second, tried.recorder("a"), epochs=1)


def in_the_middle(tried: Tried) -> None:
    """Another model is trained into the file while the first one trains."""
    first, second = small(), small()

    def train(*_: Any) -> None:
        tried.fit(second, tried.recorder("a"), epochs=1)

    within = keras.callbacks.LambdaCallback(on_epoch_end=train)
    tried.fit(first, tried.recorder("a"), within)


TWO_MODELS = (one_recorder, one_path, in_the_middle)
