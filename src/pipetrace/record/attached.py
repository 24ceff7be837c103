"""What hangs on a model while it is recorded; it goes when the model goes."""

import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipetrace.capture.distributed import processes
from pipetrace.capture.fit import callback_class, running_call
from pipetrace.capture.guard import contained
from pipetrace.record.session import Session
from pipetrace.record.standard_error import say_once
from pipetrace.record.state import Settings
from pipetrace.trace.document import INTERRUPTED, Ending
from pipetrace.trace.training import MOST_EVALUATIONS, Evaluation

_PLACE = "_pipetrace_kept"
_Callback: Any = callback_class()


class LastCallback(_Callback):  # type: ignore[misc] # Keras has no types
    """The last in Keras' list of callbacks: a recorder hears of an epoch after all others."""

    async_safe = True

    def __init__(self, recorder: Any, others: list[Any]) -> None:
        super().__init__()
        self.recorder, self.others = recorder, others

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """All others have seen the epoch."""
        self.recorder.epoch_is_over(logs)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """All others have seen the end."""
        self.recorder.training_is_over()


class TellsWeights(_Callback):  # type: ignore[misc] # Keras has no types
    """The last in Keras' list where another process records: that one hears of the weights."""

    async_safe = True

    def __init__(self, meeting: str, model: Any, others: list[Any]) -> None:
        super().__init__()
        self.meeting, self.others = meeting, others
        self.set_model(model)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """All others have seen the end."""
        with contained(_unheard):
            self.others[:] = [each for each in self.others if each is not self]
            processes.tell(self.meeting, self.model)


@dataclass(eq=False)
class Kept:
    """What is known of a model beside it.

    A dictionary from models would keep them all: what is recorded of a model refers to it. As an
    attribute of the model it forms a circle with it, which Python's garbage collection takes away
    as a whole.
    """

    # the recordings by file; another ``fit`` into the same file continues one
    sessions: dict[Path, Session] = field(default_factory=dict)
    recorder: Any = None  # what records the model where all models are watched, or None
    # what watches the model, the latest last; ``methods``: those that do
    watched: list[Any] = field(default_factory=list)
    methods: dict[str, Any] = field(default_factory=dict)
    # those of the model before anything of it is recorded
    evaluations: list[Evaluation] = field(default_factory=list)
    loop: Any = None  # what records the steps of a loop of the program's own
    # the recorder that records the ``fit`` that runs, or recorded the last one; ``callback_list``:
    # Keras' list in that ``fit``, where it is known
    recording: weakref.ref[Any] | None = None
    callback_list: weakref.ref[Any] | None = None


def kept_of(model: Any) -> Kept:
    """What a model keeps; nothing so far where it is new."""
    found = vars(model).get(_PLACE)
    if not isinstance(found, Kept):
        found = Kept()
        object.__setattr__(
            model, _PLACE, found
        )  # Keras would look at it as at one of the model's own parts
    return found


def forget(model: Any) -> None:
    """Leave nothing on a model."""
    vars(model).pop(_PLACE, None)


def end_loop(model: Any) -> None:
    """No step follows in a loop of the program's own."""
    loop, kept_of(model).loop = kept_of(model).loop, None
    if loop is not None:
        loop.end()


_writing: weakref.WeakValueDictionary[Path, Session] = weakref.WeakValueDictionary()
"""By file, the recording that this process wrote into it last."""


def interrupt_all() -> None:
    """Say in all traces that are being written that the training was interrupted."""
    for session in list(_writing.values()):
        if session.is_open:
            session.close(Ending(INTERRUPTED, None, None, *session.state.moment))


def session_for(model: Any, settings: Settings) -> Session | None:
    """The recording of a model into a file: a new one, or that of an earlier ``fit``.

    A file holds one model's recording. Another model's takes its place when it has ended; None
    where it is being recorded now.
    """
    known, place = kept_of(model).sessions, settings.path.absolute()
    session, latest = known.get(place), _writing.get(place)
    if latest is not None and latest is not session and latest.is_open:
        say_once(
            f"pipetrace: {settings.path} is being written for another model; "
            "this fit is not recorded."
        )
        return None
    if session is None or latest is not session or not session.state.path.exists():
        session = known[place] = _writing[place] = Session(model, settings)
        for each in kept_of(model).evaluations:
            session.evaluated(each)
        kept_of(model).evaluations.clear()
    else:
        session.state.settings = settings
    return session


def evaluated(model: Any, settings: Settings | None, found: Evaluation) -> None:
    """Remember an evaluation of a model with its recording, or with the latest of any settings."""
    kept = kept_of(model)
    place = settings.path if settings is not None else next(reversed(kept.sessions), None)
    session = kept.sessions.get(place) if place is not None else None
    if session is not None:
        if _writing.get(session.state.settings.path) is session:  # else another model has its file
            session.evaluated(found)
    elif len(kept.evaluations) < MOST_EVALUATIONS:
        kept.evaluations.append(found)


def is_recorded_already(model: Any, callback_list: Any, recorder: Any) -> bool:
    """Whether a recorder, this one or another, has this ``fit`` already; said where another."""
    kept = kept_of(model)
    known = kept.recording() if kept.recording is not None else None
    if known is None or not known.is_recording:
        return False
    if (kept.callback_list() if kept.callback_list is not None else None) is not callback_list:
        return False  # of an earlier fit, whose end nobody heard of
    if known is not recorder:
        say_joined(known, recorder)
    return True


def remember_recorder(model: Any, callback_list: Any, recorder: Any) -> None:
    """Remember who records the ``fit`` that begins; see ``is_recorded_already``."""
    kept = kept_of(model)
    kept.recording = weakref.ref(recorder)
    kept.callback_list = None if callback_list is None else weakref.ref(callback_list)


def say_joined(recording: Any, other: Any) -> None:
    """Say that a second recorder leaves a ``fit`` to the one that records it already."""
    into, path = recording.settings.path, other.settings.path
    say_once(f"pipetrace: This fit is recorded into {into} already; nothing is written to {path}.")


def tell_at_end(recorder: Any) -> None:
    """Tell the process that records the running ``fit`` which weights this one ends with."""
    with contained(_unheard):
        model = recorder.model
        _, callback_list = running_call(model)
        others = [] if callback_list is None else callback_list.callbacks
        if others and not any(isinstance(each, TellsWeights) for each in others):
            meeting = processes.meeting(recorder.settings.path.name)
            others.append(TellsWeights(meeting, model, others))


def _unheard(error: BaseException) -> None:
    """The process that records says what it was not told."""
