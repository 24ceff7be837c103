"""What the records of a trace have in common: equality with arrays, and a ``repr`` of one line.

What a notebook shows of them needs words and pages, which the facts do not import. The package
registers where those are made; they are loaded when a notebook asks for the first time. As the
package registers them when it is imported, NumPy is imported where it is used.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields, is_dataclass
from functools import cache, cached_property, partial
from typing import (
    Any,
    Protocol,
    Self,
    SupportsIndex,
    TypeVar,
    cast,
    dataclass_transform,
    overload,
)

from pipetrace.errors import UnknownStageError

LONGEST = 80
"""Characters of a value in a ``repr``; a longer one is told by its size."""


@dataclass_transform(frozen_default=True, eq_default=False)
class Record:
    """A record that may hold arrays: a frozen dataclass, as is every class made of it.

    Two are equal if all their values are, NaN to NaN and array by array. A record has no hash, as
    with other values that are compared by content and may be large.

    ``dataclass`` compiles three methods for each frozen class. These here are the same for all: to
    show a trace imports a hundred records, and took a seventh of its time for that.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, *values: Any, **by_name: Any) -> None:
        known, own = _defaults(cast(Hashable, type(self))), vars(self)
        own.update(zip(known, values, strict=False), **by_name)
        given = len(values) + len(by_name)
        if len(values) > len(known) or len(own) < given:
            raise TypeError(f"{type(self).__name__} was given a value twice, or too many")
        if given < len(known) or own.keys() != known.keys():
            for name, default in known.items():
                if name not in own:
                    own[name] = default()
            if unknown := own.keys() - known.keys():
                raise TypeError(f"{type(self).__name__} has no {', '.join(unknown)}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """As a dataclass has it, for what follows from the values."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be assigned to")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return same(self, other)

    def __repr__(self) -> str:
        shown = [
            f"{each.name}={brief(value)}"
            for each in fields(self)  # type: ignore[arg-type] # every subclass is a dataclass
            if (value := getattr(self, each.name)) is not None and not _is_empty(value)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


@cache
def _defaults(kind: Hashable) -> dict[str, Callable[[], Any]]:
    """What makes the value of each field that is not given."""

    def missing(name: str) -> Any:
        raise TypeError(f"{cast(type, kind).__name__} needs {name}")

    found: dict[str, Callable[[], Any]] = {}
    for each in fields(cast(Any, kind)):
        if each.default_factory is not MISSING:
            found[each.name] = each.default_factory
        elif each.default is not MISSING:
            found[each.name] = partial(lambda default: default, each.default)
        else:
            found[each.name] = partial(missing, each.name)
    return found


class Named(Protocol):
    """Something with a name."""

    @property
    def name(self) -> str:
        """Its name."""


T = TypeVar("T", bound=Named)


class ByName(tuple[T, ...]):
    """A tuple whose entries are also found by name."""

    @cached_property
    def by_name(self) -> Mapping[str, T]:
        """Each entry by its name, the first one of several."""
        return {each.name: each for each in reversed(self)}

    @overload
    def __getitem__(self, place: SupportsIndex | str) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: SupportsIndex | str | slice) -> T | Self:
        """One entry, by place or by name, or several.

        Raises:
            UnknownStageError: there is none of that name; it is a KeyError too.
            IndexError: there is none at that place.
        """
        if isinstance(place, slice):
            return type(self)(super().__getitem__(place))
        if not isinstance(place, str):
            return super().__getitem__(place)
        if place in self.by_name:
            return self.by_name[place]
        import difflib

        names = [each.name for each in self]
        near = difflib.get_close_matches(place, names, 3) or names[:5]
        raise UnknownStageError(
            f"There is no stage {place!r}.",
            where="stages",
            hint=f"Did you mean {' or '.join(map(repr, near))}?" if near else "There are none.",
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(each.name for each in self)})"


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, arrays by dtype, shape and values, and NaN to NaN."""
    import numpy as np

    if one is other:
        return True
    arrays = [each for each in (one, other) if isinstance(each, np.ndarray)]
    if arrays:
        alike = len(arrays) == 2 and one.dtype == other.dtype and one.shape == other.shape
        return alike and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if is_dataclass(one) and type(one) is type(other):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, Sequence) and isinstance(other, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or _are_nan(one, other)


def brief(value: Any) -> str:
    """A value in a few characters: what is large is told by its size."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return f"<{' x '.join(map(str, value.shape)) or 'one'} {value.dtype}>"
    if is_dataclass(value) and isinstance(value, Record):
        return f"<{type(value).__name__}>"
    if isinstance(value, (Mapping, Sequence)) and not isinstance(value, str):
        values = value.values() if isinstance(value, Mapping) else value
        plain = all(isinstance(each, (str, int, float, type(None))) for each in values)
        text = _listed(value) if plain and len(value) <= LONGEST else ""
        return text if 0 < len(text) <= LONGEST else f"<{len(value)}>"
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1]}"


def _are_nan(*values: Any) -> bool:
    return all(isinstance(each, float) and math.isnan(each) for each in values)


def _listed(value: Mapping[Any, Any] | Sequence[Any]) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {brief(each)}' for key, each in value.items())}}}"
    return f"({', '.join(map(brief, value))}{',' * (len(value) == 1)})"


def _is_empty(value: Any) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not len(value)


class Presenter(Protocol):
    """Makes what a notebook shows."""

    def bundle(self, shown: Any) -> dict[str, str]:
        """The text of each MIME type."""


_load: Callable[[], Presenter] | None = None


def register_presenter(load: Callable[[], Presenter]) -> None:
    """Register what loads the presenter; nothing is loaded yet."""
    global _load  # noqa: PLW0603 one for the process
    _load = load


class Shown:
    """Something that a notebook shows by more than its ``repr``."""

    __slots__ = ()

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, str]:
        return _load().bundle(self) if _load else {"text/plain": repr(self)}


class ShownTable(Shown):
    """The same for a sequence, of which IPython would show its own plain text."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(self._repr_mimebundle_()["text/plain"])
