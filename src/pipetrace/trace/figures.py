"""The figures of measurements, made when they are asked for: a long run has thousands, and the rules look at a tenth."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipetrace.trace.schema import decode_figures
from pipetrace.trace.summaries import DAMAGE, damaged
from pipetrace.trace.texts import from_json


class Figures(Mapping[str, float]):
    """The figures of one measurement by their keys, out of a file that was read and may be gone.

    They hold the text that the file has of them, and no file. Asking for one raises ``DamagedTraceError`` where that is no
    text that a writer wrote.

    Args:
        text: JSON.
        place: the file, for the message.
    """

    __slots__ = ("_made", "_place", "_text")

    def __init__(self, text: str, place: Path) -> None:
        self._text, self._place = text, place
        self._made: dict[str, float] | None = None

    @property
    def _values(self) -> dict[str, float]:
        if self._made is None:
            try:
                self._made = decode_figures(from_json(self._text))
            except DAMAGE as error:
                raise damaged(self._place, error) from error
        return self._made

    def __getitem__(self, key: str) -> float:
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)
