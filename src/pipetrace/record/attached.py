"""What hangs on a model while it is recorded; it goes when the model goes."""

import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PLACE = "_pipetrace_kept"


@dataclass(eq=False)
class Kept:
    """What is known of a model beside it.

    A dictionary from models would keep them all: what is recorded of a model refers to it. As an
    attribute of the model it forms a circle with it, which Python's garbage collection takes away
    as a whole.

    Attributes:
        sessions: the recordings by file; another ``fit`` into the same file continues one.
        recorder: what records the model where all models are watched, or None.
        watched: what watches the model, the latest last; ``fit``: the method that does.
        recording: the recorder that records the ``fit`` that runs, or recorded the last one.
    """

    sessions: dict[Path, Any] = field(default_factory=dict)
    recorder: Any = None
    watched: list[Any] = field(default_factory=list)
    fit: Any = None
    recording: weakref.ref[Any] | None = None


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


_writing: weakref.WeakValueDictionary[Path, Any] = weakref.WeakValueDictionary()


def session_into(place: Path) -> Any:
    """The recording that this process wrote into a file last; None where there is none."""
    return _writing.get(place)


def write_into(place: Path, session: Any) -> None:
    """Remember which recording a file holds."""
    _writing[place] = session
