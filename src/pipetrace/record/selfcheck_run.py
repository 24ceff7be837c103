"""One run of a selfcheck, in a process of its own: the program, recorded or not, and then what it left."""

import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.record.run import Watched, record_all, run_alone, when_imported
from pipetrace.trace.selfcheck import ENDING, LEFT

MOST_BYTES = 400_000_000
"""Of all arrays together that are kept, so that the elements that differ can be told; of the others only the SHA-256."""


@dataclass(frozen=True)
class Order:
    """What a run is to do.

    Attributes:
        folder: where it puts what it found, and its traces.
        program, arguments, is_module: as for ``run_script``.
        recorded: whether to record it.
        budget: of the recorder.
        seed: what to seed; None for nothing.
        deterministic: whether TensorFlow is to be deterministic.
    """

    folder: str
    program: str
    arguments: tuple[str, ...]
    is_module: bool
    recorded: bool
    budget: float | None
    seed: int | None
    deterministic: bool


def main() -> None:
    """Do what the first argument of the process says, as JSON: an ``Order``."""
    order = Order(**json.loads(sys.argv[1]))
    with tidy_at_exit() as at_exit:
        found, ending = trained(order)
    write(order, found, ending, at_exit)


@contextmanager
def tidy_at_exit() -> Iterator[list[str]]:
    """What is registered within the block to be called at the end of Python."""
    from pipetrace.capture.surroundings import noting_at_exit

    noted: list[str] = []
    with noting_at_exit(noted):
        yield noted


class Programs:
    """What is known when the program has ended.

    Attributes:
        fitted: the models that it fitted.
        methods: Keras' methods as they were when it was imported; empty where it was not.
        traces: those of a recorded run.
        told: why nothing is recorded, where that is so.
    """

    def __init__(self) -> None:
        self.fitted: list[Any] = []
        self.methods: Mapping[str, Any] = {}
        self.traces: list[Path] = []
        self.told: list[str] = []


def trained(order: Order) -> tuple[Programs, Mapping[str, str]]:
    """Run the program; what it fitted, and how it ended: by ``kind``, ``code`` and ``text``."""
    known = Programs()
    if order.seed is not None:
        _seed_python(order.seed)
    ending = {"kind": "finished", "code": "0", "text": ""}
    with ExitStack() as stack:
        stack.enter_context(
            when_imported(("keras", "tensorflow"), lambda: _ready(order, known, stack))
        )
        try:
            run_alone(order.program, order.arguments, is_module=order.is_module)
        except SystemExit as error:
            code = error.code if error.code is not None else 0
            ending = {"kind": "ended" if code else "finished", "code": str(code), "text": ""}
            if error.__cause__ is not None:
                ending = {"kind": "raised", "code": "1", "text": _in_short(error.__cause__)}
        except BaseException as error:  # Ctrl-C of the program's own, say
            traceback.print_exc()
            ending = {"kind": "raised", "code": "", "text": _in_short(error)}
    return known, ending


def _ready(order: Order, known: Programs, stack: ExitStack) -> None:
    """Keras was imported: seed, and watch as ``pipetrace run`` does."""
    from pipetrace.capture import fingerprints, surroundings

    fingerprints.prepare(order.seed, deterministic=order.deterministic)
    known.methods = surroundings.methods()
    if order.recorded:
        traces = Path(order.folder) / "traces"
        traces.mkdir()
        watched = Watched(lambda number: traces / f"{number}.trace", {"budget": order.budget})
        record_all(stack, watched, known.traces, known.told.append, "pipetrace selfcheck")
    stack.enter_context(fingerprints.remembering(known.fitted))


def write(order: Order, known: Programs, ending: Mapping[str, str], at_exit: list[str]) -> None:
    """Put into the folder what the program left: ``found.json``, and ``arrays.npz`` with the arrays as far as they fit."""
    from pipetrace.capture import surroundings
    from pipetrace.capture.fingerprints import Value, name_of, values_of

    values = values_of(known.fitted)
    values += [Value(LEFT, "", name, texts) for name, texts in surroundings.surroundings().items()]
    values.append(Value(LEFT, "", "functions to call at the end of Python", tuple(at_exit)))
    if known.methods:
        now = surroundings.methods()
        replaced = [name for name, value in known.methods.items() if now.get(name) is not value]
        values.append(Value(LEFT, "", "methods of Keras that were replaced", tuple(replaced)))
    values.append(
        Value(ENDING, "", "end of the program", (ending["kind"], ending["code"], ending["text"]))
    )
    entries, kept, size = [], {}, 0
    for number, value in enumerate(values):
        entry: dict[str, Any] = {
            "kind": value.kind,
            "owner": value.owner,
            "name": value.name,
            "digest": value.digest,
        }
        if isinstance(value.content, tuple):
            entry["texts"] = value.content
        else:
            entry |= {"dtype": value.content.dtype.name, "shape": value.content.shape}
            if size + value.content.nbytes <= MOST_BYTES:
                size += value.content.nbytes
                kept[str(number)] = _plain(value.content)
        entries.append(entry)
    folder = Path(order.folder)
    np.savez(folder / "arrays.npz", **kept)
    made = {
        "order": asdict(order),
        "models": [name_of(number, each.model) for number, each in enumerate(known.fitted, 1)],
        "traces": [str(each) for each in known.traces],
        "records_itself": any(
            "pipetrace" in name
            for each in known.fitted
            for names in each.callbacks
            for name in names
        ),
        "told": known.told,
        "ending": dict(ending),
        "values": entries,
    }
    (folder / "found.json").write_text(json.dumps(made))


def _seed_python(seed: int) -> None:
    """What a program may use ahead of Keras; Keras' seeding does it once more."""
    import random

    random.seed(seed)
    np.random.seed(seed)


def _plain(array: Any) -> Any:
    """An array of a type that NumPy can write; bfloat16 and the like are exact in float32."""
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _in_short(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


if __name__ == "__main__":
    main()
