"""What a training may be given that raises whatever it is asked."""

import traceback
from typing import Any

import keras
from benchmarks.reliability.small_model import rows


class Hostile(BaseException):
    """Raised by whatever is looked at; not even an ``Exception``."""


def raising(error: type[BaseException]) -> Any:
    """A property that raises."""

    def get(_: Any) -> Any:
        raise error("looked at")

    return property(get)


def layer(error: type[BaseException]) -> Any:
    """A layer that cannot be described."""

    class Layer(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        def call(self, x: Any) -> Any:
            return x * 2

        def get_config(self) -> Any:
            if any("pipetrace/record" in each.filename for each in _stack()):
                raise error("described")
            return super().get_config()

        def __repr__(self) -> str:
            raise error("printed")

        kernel = raising(error)

    return Layer(name="hostile")


def _stack() -> Any:
    return traceback.extract_stack()


def callback(error: type[BaseException]) -> Any:
    """A callback that cannot be compared, counted or printed."""

    class Callback(keras.callbacks.Callback):  # type: ignore[misc]
        def __eq__(self, other: object) -> bool:
            raise error("compared")

        __hash__ = object.__hash__

        def __len__(self) -> int:
            raise error("counted")

        def __bool__(self) -> bool:
            return True

        def __repr__(self) -> str:
            raise error("printed")

    return Callback()


def loss(error: type[BaseException]) -> Any:
    """A loss whose name and configuration raise."""

    class Loss(keras.losses.SparseCategoricalCrossentropy):  # type: ignore[misc]
        def get_config(self) -> Any:
            raise error("described")

        def __repr__(self) -> str:
            raise error("printed")

        __name__ = raising(error)

    return Loss(from_logits=True)


def dataset(error: type[BaseException]) -> Any:
    """Batches whose attributes raise, but for those that Keras needs."""

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            if any("pipetrace" in each.filename for each in _stack()):
                raise error("counted")
            return 3

        def __getitem__(self, index: int) -> Any:
            x, y = rows()
            return x[index * 16 : index * 16 + 16], y[index * 16 : index * 16 + 16]

        def __repr__(self) -> str:
            raise error("printed")

        shape = raising(error)
        element_spec = raising(error)

    return Batches()


class Stream:
    """A stream whose methods raise."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        raise self.error(name)

    def write(self, text: str) -> int:  # noqa: ARG002
        """Raise."""
        raise self.error("written")
