"""What a training may be given that raises whatever it is asked."""

import sys
from typing import Any

import keras
from benchmarks.reliability.small_model import rows


class Hostile(BaseException):
    """Raised by whatever is looked at; not even an ``Exception``."""


def is_asked_by_pipetrace() -> bool:
    """Whether it is pipetrace that looks, and not Keras, which may do so within a recorded fit."""
    frame = sys._getframe(1)
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package in ("keras", "pipetrace"):
            return package == "pipetrace"
        frame = frame.f_back  # type: ignore[assignment] # None ends the loop
    return False


def raising(error: type[BaseException], usual: Any = None) -> Any:
    """A property that raises when pipetrace asks."""

    def get(_: Any) -> Any:
        if is_asked_by_pipetrace():
            raise error("looked at")
        if usual is None:
            raise AttributeError
        return usual

    return property(get)


def methods(error: type[BaseException], *names: str) -> dict[str, Any]:
    """Methods that raise when pipetrace calls them, and else do what ``object`` does."""

    def method(name: str) -> Any:
        def called(self: Any, *args: Any) -> Any:
            if is_asked_by_pipetrace():
                raise error(name)
            return getattr(object, name)(self, *args)

        return called

    return {name: method(name) for name in names}


def layer(error: type[BaseException]) -> Any:
    """A layer that cannot be described."""

    class Layer(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, x: Any) -> Any:
            return x * 2

        def get_config(self) -> Any:
            if is_asked_by_pipetrace():
                raise error("described")
            return super().get_config()

        kernel = raising(error)

    return _made(Layer, error)(name="hostile")


def callback(error: type[BaseException]) -> Any:
    """A callback that cannot be compared, counted or printed."""

    class Callback(keras.callbacks.Callback):  # type: ignore[misc]
        callbacks = raising(error)

    return _made(Callback, error)()


def loss(error: type[BaseException]) -> Any:
    """A loss whose name and configuration raise."""

    class Loss(keras.losses.SparseCategoricalCrossentropy):  # type: ignore[misc]
        def get_config(self) -> Any:
            if is_asked_by_pipetrace():
                raise error("described")
            return super().get_config()

        __name__ = raising(error)

    return _made(Loss, error)(from_logits=True)


def dataset(error: type[BaseException]) -> Any:
    """Batches whose number and attributes raise."""

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            if is_asked_by_pipetrace():
                raise error("counted")
            return 3

        def __getitem__(self, index: int) -> Any:
            x, y = rows()
            return x[index * 16 : index * 16 + 16], y[index * 16 : index * 16 + 16]

        shape = raising(error)
        element_spec = raising(error)

    return _made(Batches, error)()


def _made(kind: type, error: type[BaseException]) -> Any:
    """A class like one, which cannot be compared or printed either."""
    more = methods(error, "__eq__", "__repr__", "__str__")
    return type(kind.__name__, (kind,), {**more, "__hash__": object.__hash__})


class Stream:
    """A stream whose methods raise."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        raise self.error(name)

    def write(self, text: str) -> int:  # noqa: ARG002
        """Raise."""
        raise self.error("written")
