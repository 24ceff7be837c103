"""Where a run comes from, so that it can be made again: a program, or the built-in digits."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipetrace.errors import PipetraceError, RetrainError
from pipetrace.record.run import check_program, run_alone
from pipetrace.trace.document import Trace

PROGRAM, DIGITS = "program", "digits"

Source = Mapping[str, Any]
"""What ``start`` gets, as JSON has it."""


def of_program(program: str, arguments: Sequence[str], *, is_module: bool) -> Source:
    """A program as the source of a run; an ``ArgumentError`` where there is no such script."""
    check_program(program, is_module=is_module)
    text = b"" if is_module else Path(program).read_bytes()
    return {
        "kind": PROGRAM,
        "program": program if is_module else str(Path(program).absolute()),
        "arguments": list(arguments),
        "is_module": is_module,
        "digest": hashlib.sha256(text).hexdigest(),
    }


def of_trace(trace: Trace, path: Path) -> Source:
    """The source of a trace's run: the built-in digits, drawn again; of other runs a
    ``RetrainError``.
    """
    from pipetrace.demo.model import TITLE, Plan, draw
    from pipetrace.demo.run import fingerprint

    run, training = trace.run, trace.run.training
    hint = "Run the program that trained it: pipetrace ablate train.py"
    if not trace.epochs:
        raise RetrainError("The trace has no finished epoch.", where=str(path), hint=hint)
    rate = training.optimizer_config.get("learning_rate")
    if run.title != TITLE or training.seed is None or not isinstance(rate, float):
        raise RetrainError(
            "Of traces, only those of pipetrace digits hold what it takes to train again.",
            where=str(path),
            hint=hint,
        )
    plan = Plan(
        rows=sum(run.data.class_counts),
        epochs=training.epochs,
        batch_size=training.batch_size or 1,
        learning_rate=rate,
        seed=training.seed,
        validation_rows=run.data.validation_rows,
    )
    try:
        digits = _digits(run.data.origin)
        same = fingerprint(digits, draw(digits, plan)) == run.data.fingerprint
    except PipetraceError as error:
        raise RetrainError(
            f"The rows of the run cannot be read again: {error.what}", where=str(path), hint=hint
        ) from error
    if not same:
        raise RetrainError(
            f"The data {run.data.origin!r} holds other rows than the run had.",
            where=str(path),
            hint="Restore the data, or record the run again.",
        )
    return {"kind": DIGITS, "origin": run.data.origin, "plan": asdict(plan)}


def start(source: Source) -> None:
    """Run what a source stands for; it calls ``fit``, and may raise whatever a program raises."""
    if source["kind"] == PROGRAM:
        run_alone(source["program"], source["arguments"], is_module=source["is_module"])
        return
    from pipetrace.demo.model import Plan
    from pipetrace.demo.run import train_digits

    train_digits(_digits(source["origin"]), Plan(**source["plan"]))


def _digits(origin: str) -> Any:
    from pipetrace.demo import data

    if origin == "embedded":
        return data.embedded_digits()
    return data.mnist() if origin == "keras" else data.load(Path(origin))
