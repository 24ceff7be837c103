"""One training of an ablation, in a process of its own: ``python -m pipetrace.ablate.child``."""

import contextlib
import json
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

import pipetrace
from pipetrace.ablate.sources import start
from pipetrace.capture.backend import set_seed
from pipetrace.capture.editing.fit import intercepted
from pipetrace.errors import RetrainError, in_short
from pipetrace.record.run import Watched, record_all, when_imported

PROGRAM_SEED = 0
"""Seeds Python, NumPy and TensorFlow before the program, which may seed them anew."""


def main(path: str, task: str) -> None:
    """Train once with the change ``task``, in JSON, and end; trouble before goes to ``.failed``."""
    _end_with_parent()
    asked, out, told = json.loads(task), Path(path), list[str]()
    stack = ExitStack()
    is_ready = False

    def end(error: BaseException | None) -> None:
        with contextlib.suppress(Exception):
            stack.close()  # the trace is whole from here on
        if not out.exists():
            nothing = RetrainError(" ".join(told) or "Nothing was recorded.", hint="")
            _note_failure(out, error or nothing)
        if error is not None:
            traceback.print_exception(error)
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing of the program runs any more: it would evaluate and save a model that is another.
        os._exit(0)

    def ready() -> None:
        nonlocal is_ready
        is_ready = True
        set_seed(PROGRAM_SEED)
        watched = Watched(lambda _: out, {"verbose": False})
        record_all(stack, watched, [], told.append, "", {})
        stack.enter_context(intercepted(asked["edit"], asked["seed"], end))

    random.seed(PROGRAM_SEED)
    np.random.seed(PROGRAM_SEED)
    pipetrace.watch = _watch_nothing  # its traces are the program's
    try:
        with when_imported(("keras", "tensorflow"), ready):
            start(asked["source"])
    except BaseException as error:
        end(error.__cause__ or error if isinstance(error, SystemExit) else error)
    why = "calls fit of no Keras model" if is_ready else "does not import Keras"
    end(RetrainError(f"The program {why}.", hint=""))


def _end_with_parent() -> None:
    """End this process and what it starts when standard input ends; the program has none."""
    kept, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        os.read(kept, 1)
        os.killpg(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _note_failure(out: Path, error: BaseException) -> None:
    draft = out.with_suffix(".new")
    draft.write_text(json.dumps({"error": in_short(error)}))
    draft.replace(failure_of(out))


def failure_of(out: Path) -> Path:
    """Where it is written why there is no trace."""
    return out.with_suffix(".failed")


def _watch_nothing(*_: Any, **__: Any) -> Any:
    return contextlib.nullcontext(_Nothing())


class _Nothing:
    """What ``watch`` gives here."""

    def stop(self) -> None:
        """Nothing."""


def reason(out: Path) -> str | None:
    """Why a training did not begin; None where nothing says so."""
    try:
        found: Mapping[str, str] = json.loads(failure_of(out).read_text())
        return found["error"]
    except (OSError, ValueError, LookupError):
        return None


if __name__ == "__main__":
    main(*sys.argv[1:])
