"""What a program measures and predicts with a model beside its training."""

import inspect
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipetrace.capture.fit import callback_class, callbacks_in, callbacks_of, with_callback
from pipetrace.record.attached import evaluated
from pipetrace.record.budget import DEFAULT_SHARE
from pipetrace.record.describe import READ_BYTES_A_SECOND, metrics_of
from pipetrace.record.measure.dataset import HASHED_BYTES, fingerprint
from pipetrace.record.measure.rows import Rows, kind_of, plain_rows
from pipetrace.record.standard_error import not_recorded
from pipetrace.record.state import Settings
from pipetrace.trace.training import Evaluation

EVALUATE, PREDICT = "evaluate", "predict"
READ_SECONDS = 0.1
"""Seconds that reading the rows of a short evaluation may take."""
_Callback: Any = callback_class()


class Hearing(_Callback):  # type: ignore[misc] # Keras has no types
    """Hears what a call of ``evaluate`` or ``predict`` that it was given to has measured."""

    async_safe = True
    found: Evaluation | None = None

    def on_test_end(self, logs: Any = None) -> None:
        """``evaluate`` is over."""
        self.heard(Evaluation(EVALUATE, metrics=metrics_of(logs or {}), batches=self._batches_of))

    def on_predict_end(self, logs: Any = None) -> None:  # noqa: ARG002 Keras' signature
        """``predict`` is over."""
        self.heard(Evaluation(PREDICT, batches=self._batches_of))

    def heard(self, found: Evaluation) -> None:
        """What is known of the call from here."""
        self.found = found

    @property
    def _batches_of(self) -> int | None:
        """How many there were, where Keras knows that."""
        steps = (self.params or {}).get("steps")
        return steps if isinstance(steps, int) else None


def recorded(
    method: Callable[..., Any],
    model: Any,
    settings_of: Callable[[], Settings | None],
    args: Any,
    kwargs: Any,
) -> Any:
    """Call ``evaluate`` or ``predict``, and remember what it was given and what it measured.

    The validation of a ``fit``, which hands on its own list of callbacks, is none of these.
    """
    heard = given = None
    with not_recorded("This evaluation is"):
        callbacks = callbacks_of(method, args, kwargs)
        is_heard = hasattr(callbacks, "callbacks") or any(
            isinstance(each, Hearing) for each in callbacks_in(callbacks)
        )
        if not is_heard and "callbacks" in inspect.signature(method).parameters:
            heard = Hearing()
            given = with_callback(method, args, kwargs, heard)[:2]
    if heard is None or given is None:
        return method(*args, **kwargs)
    began, process = time.perf_counter(), os.getpid()
    result = method(*given[0], **given[1])
    seconds = time.perf_counter() - began
    with not_recorded("This evaluation is"):
        if heard.found is not None and os.getpid() == process:
            evaluated(model, settings_of(), _with_rows(heard.found, method, args, kwargs, seconds))
    return result


def _with_rows(
    found: Evaluation, method: Any, args: Any, kwargs: Any, seconds: float
) -> Evaluation:
    bound = inspect.signature(method).bind(*args, **kwargs).arguments
    x = bound.get("x")
    rows = plain_rows(x, bound.get("y"), bound.get("sample_weight"))
    count = len(rows) if rows is not None and bound.get("steps") is None else None
    return replace(
        found,
        data="" if x is None else kind_of(x, rows),
        rows=count,
        fingerprint=_fingerprint(rows, seconds) if found.kind == EVALUATE and count else "",
    )


def _fingerprint(rows: Rows | None, seconds: float) -> str:
    """Of the rows, where reading them is little beside the evaluation."""
    if rows is None:
        return ""
    read = min(HASHED_BYTES, sum(each.nbytes for each in (*rows.arrays, *rows.targets)))
    room = max(READ_SECONDS, DEFAULT_SHARE * seconds)
    return fingerprint(rows) if read / READ_BYTES_A_SECOND <= room else ""
