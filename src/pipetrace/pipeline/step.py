"""What a step is: a function of the rows, or a fitted transformer as in scikit-learn."""

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipetrace.errors import ArgumentError

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Step:
    """A step, checked."""

    name: str  # what its stage is called
    does: Any  # the callable or the transformer
    transformer: bool = False  # whether its ``transform`` is what runs
    both: bool = False  # whether it takes the targets too, where there are any
    needs: bool = False  # whether it cannot do without them

    def __call__(self, x: Any, y: Any) -> Any:
        """What the step gives for rows and, where it takes them, their targets."""
        if self.transformer:
            return self.does.transform(x)
        return self.does(x, y) if self.both and (self.needs or y is not None) else self.does(x)

    @property
    def config(self) -> dict[str, Any]:
        """Its kind and its name, as plain JSON."""
        does = self.does
        while isinstance(does, functools.partial):
            does = does.func
        type_ = {"class": type(does).__name__, "module": type(does).__module__}
        if self.transformer:
            return {"kind": "transformer", **type_}
        name = getattr(does, "__qualname__", None) or getattr(does, "__name__", None)
        if not isinstance(name, str):
            return {"kind": "object", **type_}
        is_lambda = name.endswith("<lambda>")
        return {
            "kind": "function",
            "name": "a lambda" if is_lambda else name.replace("<locals>.", ""),
        }


def check_steps(steps: Any, where: str = "steps") -> tuple[Step, ...]:
    """Check the steps of a pipeline without running them, or raise an ``ArgumentError``.

    Each is a pair of a name, not empty and once only, and a callable or a fitted transformer.
    """
    found: list[Step] = []
    try:
        pairs: list[tuple[Any, Any]] = [(name, step) for name, step in steps]
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            "The steps are no list of pairs, each of a name and a step.",
            where=where,
            hint='Give them as [("Scale", lambda x: x / 255), ...].',
        ) from error
    for position, (name, step) in enumerate(pairs):
        place = f"{where}[{position}]"
        if not isinstance(name, str) or not name.strip():
            raise ArgumentError(
                f"Step {position + 1} has the name {name!r}; expected a string.",
                where=place,
                hint='Give each step a name, such as "Scale".',
            )
        if any(each.name == name for each in found):
            raise ArgumentError(
                f"Two steps are called {name!r}.", where=place, hint="Give each its own name."
            )
        found.append(_checked(name, step, place))
    return tuple(found)


def not_fitted(name: str, step: Any, where: str) -> ArgumentError:
    """The error for a transformer that has learnt nothing yet."""
    return ArgumentError(
        f"The step {name!r}, an object of class {type(step).__name__}, was not fitted.",
        where=where,
        hint="Fit it on the training rows first: fit(x_train). A pipeline never fits.",
    )


def _checked(name: str, step: Any, where: str) -> Step:
    if isinstance(step, type) and hasattr(step, "transform"):
        raise ArgumentError(
            f"The step {name!r} is the class {step.__name__} itself, not an object of it.",
            where=where,
            hint=f"Make one and fit it: {step.__name__}().fit(x).",
        )
    if callable(getattr(step, "transform", None)):
        if not _is_fitted(step):
            raise not_fitted(name, step, where)
        return Step(name, step, transformer=True)
    if not callable(step):
        raise ArgumentError(
            f"The step {name!r} is an object of class {type(step).__name__}, which can neither be "
            "called nor transforms.",
            where=where,
            hint="Give a function of the rows, such as lambda x: x / 255, or a fitted transformer.",
        )
    both, needs = _takes_both(step)
    return Step(name, step, both=both, needs=needs)


def _is_fitted(step: Any) -> bool:
    """By the conventions of scikit-learn's ``check_is_fitted``."""
    if hasattr(step, "__sklearn_is_fitted__"):
        return bool(step.__sklearn_is_fitted__())
    if not hasattr(step, "fit"):
        return True
    tags = getattr(step, "__sklearn_tags__", None)
    if callable(tags) and getattr(tags(), "requires_fit", True) is False:
        return True
    held: Mapping[str, Any] = getattr(step, "__dict__", {})
    return any(name.endswith("_") and not name.startswith("_") for name in held)


def _takes_both(step: Any) -> tuple[bool, bool]:
    """Whether a callable takes rows and targets, and whether it needs them.

    It takes them with two positional parameters that have no default, with a second one named
    ``y``, or with ``*arrays`` and no required others, as ``train_test_split`` has.
    """
    try:
        parameters = list(inspect.signature(step).parameters.values())
    except (ValueError, TypeError):  # built-in functions may tell nothing
        return False, False
    kinds = {each.kind for each in parameters}
    positional = [each for each in parameters if each.kind in POSITIONAL]
    if not positional:
        several = inspect.Parameter.VAR_POSITIONAL in kinds
        return several and inspect.Parameter.VAR_KEYWORD not in kinds, False
    needed = [each for each in positional if each.default is inspect.Parameter.empty]
    named = len(positional) >= 2 and len(needed) <= 2 and positional[1].name == "y"
    return len(needed) == 2 or named, len(needed) == 2
