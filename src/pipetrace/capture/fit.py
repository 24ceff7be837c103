"""Training a Keras model with somebody listening."""

from collections.abc import Mapping
from typing import Any, Protocol

from pipetrace.capture.backend import load
from pipetrace.trace.document import Array


class Listener(Protocol):
    """Who is told what ``fit`` does."""

    def epoch_begins(self, number: int) -> None:
        """Epoch ``number``, 1 for the first, begins."""

    def step_ends(self, number: int, logs: Mapping[str, float]) -> None:
        """Step ``number`` of the epoch, 1 for the first, is done; ``logs`` has the averages so far."""

    def epoch_ends(self, number: int, logs: Mapping[str, float], learning_rate: float | None) -> None:
        """The epoch is done, its validation too; ``logs`` has its metrics as Keras names them."""


def train(
    model: Any, rows: tuple[Array, Array], validation: tuple[Array, Array], *, epochs: int, batch_size: int,
    listener: Listener | None,
) -> None:  # fmt: skip
    """Fit the model on rows, with validation after each epoch.

    Args:
        model: compiled.
        rows, validation: pictures and labels.
        epochs, batch_size: as in ``fit``.
        listener: who is told; None trains unwatched.
    """
    callbacks = [] if listener is None else [_callback(listener)]
    model.fit(*rows, validation_data=validation, epochs=epochs, batch_size=batch_size, callbacks=callbacks, verbose=0)


def _callback(listener: Listener) -> Any:
    keras = load()

    base: Any = keras.callbacks.Callback

    class Told(base):  # type: ignore[misc] # Keras has no types
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 Keras' signature
            listener.epoch_begins(epoch + 1)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            listener.step_ends(batch + 1, logs or {})

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
            listener.epoch_ends(epoch + 1, dict(logs or {}), None if rate is None else float(rate))

    return Told()
