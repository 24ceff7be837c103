"""The measurements of a trace, found by kind, name and epoch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, cast, overload

from pipetrace.trace.measurements import KINDS, Figures
from pipetrace.trace.records import same

F = TypeVar("F", bound=Figures)


@dataclass(frozen=True)
class Measurement:
    """Figures of one thing at one time."""

    name: str  # a weight (``conv2d/kernel``), a stage, or rows (``training``, ``validation``)
    epoch: int | None  # after which it was taken, 0 for before training; None for once, at the end
    figures: Figures  # of what kind, and the figures
    kind: str = field(init=False)  # of the figures, as the file names it

    def __post_init__(self) -> None:
        """Take the kind from the figures."""
        object.__setattr__(self, "kind", self.figures.kind)


Stored: TypeAlias = tuple[str, str, int | None, Figures | int]
"""Kind, name and epoch of a measurement, and its figures or the number of the content with them."""
Decode: TypeAlias = Callable[[type[Figures], int], Figures]


class Measurements(Sequence[Measurement]):
    """The measurements of a trace, in order. Figures from a file are decoded when first asked for.

    The last of a kind, name and epoch holds; unknown kinds are left out.
    """

    def __init__(
        self, measured: Iterable[Measurement | Stored] = (), decode: Decode | None = None
    ) -> None:
        self._decode = decode or _undecodable
        self._by: dict[str, dict[str, dict[int | None, Figures | int]]] = {}
        self._given: list[Any] = list(measured) if decode else list(map(_parts, measured))
        known: dict[tuple[str, str], dict[int | None, Figures | int]] = {}
        for kind, name, epoch, figures in self._given:  # thousands, of a few dozen names
            try:
                known[kind, name][epoch] = figures
            except KeyError:
                place = self._by.setdefault(kind, {}) if kind in KINDS else {}
                known[kind, name] = place.setdefault(name, {})
                known[kind, name][epoch] = figures

    def of(self, kind: type[F], name: str, epoch: int | None = None) -> F:
        """The figures of one thing; a record without any where it was not measured.

        Raises:
            DamagedTraceError: the file holds something else.
        """
        if not self.has(kind, name, epoch):
            return kind()
        return cast(F, self._figures(kind.kind, name, epoch))

    def has(self, kind: type[Figures], name: str, epoch: int | None = None) -> bool:
        """Whether something was measured."""
        return epoch in self._by.get(kind.kind, {}).get(name, {})

    def epochs(self, kind: type[Figures], name: str) -> list[int | None]:
        """After which epochs something was measured, in their order; None is the last.

        They are written as there is time for them, also an earlier one after a later one.
        """
        found = self._by.get(kind.kind, {}).get(name, {})
        return sorted(found, key=lambda epoch: (epoch is None, epoch or 0))

    def names(self, kind: type[Figures]) -> list[str]:
        """What was measured of a kind, in order."""
        return list(self._by.get(kind.kind, {}))

    def course(
        self, kind: type[F], name: str, field: Callable[[F], float | None]
    ) -> dict[int, float]:
        """One figure by epoch, 0 for before training; epochs without it are left out."""
        epochs = (each for each in self.epochs(kind, name) if each is not None)
        found = ((epoch, field(self.of(kind, name, epoch))) for epoch in epochs)
        return {epoch: value for epoch, value in found if value is not None}

    def kept(self, counts: Callable[[str, int | None], bool]) -> "Measurements":
        """Those whose kind and epoch count; none is decoded for that."""
        given = [each[:3] for each in self._given if counts(each[0], each[2])]
        return Measurements(
            [(*each, self._by[each[0]][each[1]][each[2]]) for each in given if each[0] in KINDS],
            self._decode,
        )

    @cached_property
    def _order(self) -> list[tuple[str, str, int | None]]:
        """Kind, name and epoch of each, in order, each once."""
        return list(dict.fromkeys(each[:3] for each in self._given if each[0] in KINDS))

    def _figures(self, kind: str, name: str, epoch: int | None) -> Figures:
        figures = self._by[kind][name][epoch]
        if not isinstance(figures, Figures):
            figures = self._by[kind][name][epoch] = self._decode(KINDS[kind], figures)
        return figures

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Measurement]:
        for kind, name, epoch in self._order:
            yield Measurement(name, epoch, self._figures(kind, name, epoch))

    @overload
    def __getitem__(self, place: int) -> Measurement: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Measurement]: ...
    def __getitem__(self, place: int | slice) -> Measurement | Sequence[Measurement]:
        if isinstance(place, slice):
            return list(self)[place]
        kind, name, epoch = self._order[place]
        return Measurement(name, epoch, self._figures(kind, name, epoch))

    def __eq__(self, other: object) -> bool:
        return same(list(self), list(other)) if isinstance(other, Measurements) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} of {len(self._by)} kinds)"


def _undecodable(_kind: type[Figures], _number: int) -> Figures:
    raise ValueError("nothing can decode these figures")


def _parts(each: Any) -> tuple[str, str, int | None, Figures]:
    return each.kind, each.name, each.epoch, each.figures
