"""What a step is: a function of the rows, or a fitted transformer that follows scikit-learn's conventions."""

import ast
import functools
import inspect
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, LambdaType
from typing import Any

import numpy as np

from pipetrace.errors import ArgumentError

MOST_LISTED = 1000
"""Numbers of a fitted attribute that are kept; of a larger one the shape alone."""
MOST_TEXT = 200
"""Characters of a text or of a function's source that are kept."""
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Action:
    """A step, checked.

    Attributes:
        name: what its stage is called.
        step: the callable or the transformer.
        transformer: whether its ``transform`` is what runs.
        both: whether it takes the targets too, where there are any.
        needs: whether it cannot do without them.
    """

    name: str
    step: Any
    transformer: bool
    both: bool
    needs: bool = False

    def __call__(self, x: Any, y: Any) -> Any:
        """What the step gives for rows and, where it takes them, their targets."""
        if self.transformer:
            return self.step.transform(x)
        return self.step(x, y) if self.both and (self.needs or y is not None) else self.step(x)


def action(name: str, step: Any, where: str) -> Action:
    """Check a step.

    Args:
        name: of its stage.
        step: a callable, or an object with ``transform``.
        where: the argument that error messages name.

    Raises:
        ArgumentError: it is neither, or a transformer that was not fitted.
    """
    if isinstance(step, type) and hasattr(step, "transform"):
        raise ArgumentError(
            f"The step {name!r} is the class {step.__name__} itself, not an object of it.",
            where=where,
            hint=f"Make one and fit it: {step.__name__}().fit(x).",
        )
    if hasattr(step, "transform") and callable(step.transform):
        if not is_fitted(step):
            raise not_fitted(name, step, where)
        return Action(name, step, transformer=True, both=False)
    if not callable(step):
        raise ArgumentError(
            f"The step {name!r} is {an(type(step).__name__)}, which can neither be called nor transforms.",
            where=where,
            hint="Give a function of the rows, such as lambda x: x / 255, or a fitted transformer.",
        )
    both, needs = takes_both(step)
    return Action(name, step, False, both, needs)


def not_fitted(name: str, step: Any, where: str) -> ArgumentError:
    """The error for a transformer that has learnt nothing yet."""
    return ArgumentError(
        f"The step {name!r} is {an(type(step).__name__)} that was not fitted.",
        where=where,
        hint="Fit it on the training rows first: fit(x_train). A pipeline transforms and never fits.",
    )


def is_fitted(step: Any) -> bool:
    """Whether a transformer was fitted, by the conventions of scikit-learn's ``check_is_fitted``."""
    if hasattr(step, "__sklearn_is_fitted__"):
        return bool(step.__sklearn_is_fitted__())
    if not hasattr(step, "fit"):
        return True
    tags = getattr(step, "__sklearn_tags__", None)
    if callable(tags) and getattr(tags(), "requires_fit", True) is False:
        return True
    return any(name.endswith("_") and not name.startswith("_") for name in attributes(step))


def attributes(step: Any) -> Mapping[str, Any]:
    """What an object itself holds."""
    return getattr(step, "__dict__", {})


def takes_both(step: Any) -> tuple[bool, bool]:
    """Whether a callable takes rows and targets, and whether it needs them.

    It takes them with two positional parameters that have no default, with a second one named ``y``, or with ``*arrays``
    and no ``**options``, as scikit-learn's ``train_test_split`` has.
    """
    try:
        parameters = list(inspect.signature(step).parameters.values())
    except (ValueError, TypeError):  # built-in functions may tell nothing
        return False, False
    kinds = {each.kind for each in parameters}
    positional = [each for each in parameters if each.kind in POSITIONAL]
    if not positional:
        return (
            inspect.Parameter.VAR_POSITIONAL in kinds
            and inspect.Parameter.VAR_KEYWORD not in kinds,
            False,
        )
    needed = [each for each in positional if each.default is inspect.Parameter.empty]
    named = len(positional) >= 2 and len(needed) <= 2 and positional[1].name == "y"
    return len(needed) == 2 or named, len(needed) == 2


def described(act: Action) -> dict[str, Any]:
    """What a step is, as plain JSON: its class or name, and what it was made with or has learnt."""
    step = act.step
    found: dict[str, Any] = {}
    if act.transformer:
        found |= {
            "kind": "transformer",
            "class": type(step).__name__,
            "module": type(step).__module__,
        }
        found["parameters"] = _parameters(step)
        found["fitted"] = {
            name: plain(value)
            for name, value in attributes(step).items()
            if name.endswith("_") and not name.startswith("_")
        }
        return found
    found["kind"] = "function"
    # A partial is the function that it calls, with some of its arguments given.
    given: dict[str, Any] = {}
    while isinstance(step, functools.partial):
        given = {
            **{str(at): plain(each) for at, each in enumerate(step.args)},
            **_plain_items(step.keywords),
            **given,
        }
        step = step.func
    if given:
        found["given"] = given
    name = getattr(step, "__qualname__", None) or getattr(step, "__name__", None)
    if isinstance(step, FunctionType) and step.__name__ == "<lambda>":
        found["name"] = "a lambda"
        if text := lambda_source(step):
            found["source"] = text
    elif isinstance(name, str):
        found |= {
            "name": name.replace("<locals>.", ""),
            "module": str(getattr(step, "__module__", None) or ""),
        }
    else:
        found |= {"kind": "object", "class": type(step).__name__, "module": type(step).__module__}
    config = getattr(step, "config", None)
    if isinstance(config, Mapping):
        found["config"] = _plain_items(config)
    return found


def lambda_source(function: LambdaType) -> str | None:
    """The text of a lambda, where its file still has it and only one lambda there can be meant."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, IndentationError):
        return None
    candidates = list(dict.fromkeys(_lambdas(text)))
    alike = [each for each in candidates if _code(each) == _essence(function.__code__)]
    found = alike if len(alike) == 1 else candidates
    return shortened(" ".join(found[0].split())) if len(found) == 1 else None


def plain(value: Any) -> Any:
    """A value as JSON can hold it: small arrays as lists, large ones by their shape, functions by their name."""
    if value is None or isinstance(value, bool | int | str):
        return shortened(value) if isinstance(value, str) else value
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        if value.size > MOST_LISTED:
            return {"shape": list(value.shape), "dtype": str(value.dtype)}
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return (
            _plain_items(value)
            if len(value) <= MOST_LISTED
            else {"class": "dict", "length": len(value)}
        )
    if isinstance(value, list | tuple | set | frozenset):
        few = len(value) <= MOST_LISTED
        return (
            [plain(each) for each in value]
            if few
            else {"class": type(value).__name__, "length": len(value)}
        )
    name = getattr(value, "__qualname__", None)
    return {"name": str(name)} if name else {"class": type(value).__name__}


def an(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1] in 'AEIOUaeiou' else 'a'} {noun}"


def shortened(text: str) -> str:
    """A text of at most so many characters, with a sign where it was cut."""
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 3]}..."


def _parameters(step: Any) -> dict[str, Any]:
    try:
        return _plain_items(step.get_params(deep=False))
    except Exception:  # not of scikit-learn, or of an odd constructor
        return {}


def _plain_items(items: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): plain(value) for key, value in items.items()}


def _lambdas(text: str) -> Iterator[str]:
    """Every piece of a text that is a lambda: from the word to the last place where it is one whole expression."""
    start = text.find("lambda")
    while start >= 0:
        for end in range(min(len(text), start + 5 * MOST_TEXT), start, -1):
            try:
                tree = ast.parse(text[start:end].strip(), mode="eval")
            except (SyntaxError, ValueError):
                continue
            if isinstance(tree.body, ast.Lambda):
                yield (
                    ast.get_source_segment(text[start:end].strip(), tree.body)
                    or text[start:end].strip()
                )
                break
        start = text.find("lambda", start + 1)


def _code(text: str) -> tuple[Any, ...] | None:
    # Compiled to be compared; it is never run.
    inner = [
        each for each in compile(text, "<step>", "eval").co_consts if isinstance(each, CodeType)
    ]
    return _essence(inner[0]) if inner else None


def _essence(code: CodeType) -> tuple[Any, ...]:
    constants = [_essence(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.co_code, repr(constants), code.co_names, code.co_varnames
