"""A ``fit`` that a program calls, carried out with one thing changed."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from pipetrace.capture import internals, structures
from pipetrace.capture.backend import load, set_seed
from pipetrace.capture.editing.model import built, edited, is_editable, redraw
from pipetrace.capture.fit import FitCall, bound_call, callbacks_in, patched_fit
from pipetrace.errors import RetrainError

WRITERS = ("ModelCheckpoint", "BackupAndRestore", "CSVLogger", "TensorBoard", "RemoteMonitor")
"""Callbacks that write the program's files, or send something; they are left out."""

Ended = Callable[[BaseException | None], Any]


@contextmanager
def intercepted(edit: Mapping[str, Any], seed: int, ended: Ended) -> Iterator[None]:
    """Within the block the first ``fit`` of a program trains with one thing changed.

    ``edit`` has the fields of ``pipetrace.ablate.changes.Edit``. With seed 1 the first weights and
    the random state stay as they are; any other number draws both anew. ``ended`` is called when
    that ``fit`` is over, with what it raised, or None.
    """
    compiled: dict[int, tuple[Any, Mapping[str, Any]]] = {}

    def noted(compile_: Any, model: Any, args: Any, kwargs: Any) -> Any:
        given = inspect.signature(compile_).bind(*args, **kwargs).arguments
        compiled[id(model)] = model, given
        return compile_(*args, **kwargs)

    def fit(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        try:
            given = dict(inspect.signature(original).bind(*args, **kwargs).arguments)
            _, settings = compiled.get(id(model), (None, {}))
            target = _prepared(model, given, settings, edit, seed)
            if edit["every"] != 1 and given.get("validation_split"):
                given.update(_with_split_made(bound_call(original, args, kwargs)))
            original.__func__.__get__(target)(**_arguments(given, edit))
        except Exception as error:
            return ended(error)
        return ended(None)

    with ExitStack() as stack:
        stack.enter_context(patched_fit(noted, "compile"))
        stack.enter_context(patched_fit(fit))
        yield


def _prepared(
    model: Any,
    given: Mapping[str, Any],
    settings: Mapping[str, Any],
    edit: Mapping[str, Any],
    seed: int,
) -> Any:
    """The model that is trained in place of the program's."""
    if seed != 1:
        set_seed(seed)
        built(model, given.get("x"))
        redraw(model)
    if edit["layers"] or edit["frozen"]:
        built(model, given.get("x"))
        if not is_editable(model):
            raise RetrainError(
                f"The layers of {type(model).__name__} cannot be changed from outside.",
                hint="Build the model as Sequential or with the functional API.",
            )
        model = edited(model, edit["layers"], edit["frozen"])
        model.compile(**settings)
    if edit["optimizer"]:
        rate = float(model.optimizer.learning_rate)
        kind = getattr(load().optimizers, edit["optimizer"])
        model.compile(**{**settings, "optimizer": kind(learning_rate=rate)})
    if edit["rate"] != 1:
        model.optimizer.learning_rate = float(model.optimizer.learning_rate) * edit["rate"]
    if seed != 1:
        set_seed(seed)
    return model


def _with_split_made(call: FitCall | None) -> Mapping[str, Any]:
    """The arguments of a ``fit`` whose last rows validate, so that the same rows go on to do so."""
    if call is None or call.validation is None:
        raise RetrainError(
            "The rows that validate cannot be told from the others.",
            hint="Give fit validation_data in place of validation_split.",
        )
    return {
        "x": call.x,
        "y": call.y,
        "sample_weight": call.sample_weight,
        "validation_split": 0.0,
        "validation_data": tuple(each for each in call.validation if each is not None),
    }


def _arguments(given: dict[str, Any], edit: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``fit``, changed: nothing of the program's is written."""
    kept = [each for each in callbacks_in(given.get("callbacks")) if _is_kept(each)]
    found = {**given, "verbose": 0, "callbacks": kept, **edit["fit"]}
    for name in ("x", "y", "sample_weight"):
        if edit["every"] != 1 and found.get(name) is not None:
            found[name] = structures.mapped(lambda each: each[:: edit["every"]], found[name])
    if edit["scale"] != 1:
        found["x"] = _scaled(found["x"], edit["scale"])
        if found.get("validation_data") is not None:
            x, *rest = found["validation_data"]
            found["validation_data"] = (_scaled(x, edit["scale"]), *rest)
    return found


def _scaled(x: Any, by: float) -> Any:
    return structures.mapped(lambda each: each * each.dtype.type(by), x)


def _is_kept(callback: Any) -> bool:
    kinds = [each for each in type(callback).__mro__ if internals.is_of_keras(each)]
    ours = type(callback).__module__.partition(".")[0] == __name__.partition(".")[0]
    return not ours and not any(each.__name__ in WRITERS for each in kinds)
