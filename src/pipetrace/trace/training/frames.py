"""Columns, and data frames of them, of pandas or polars, whichever is there; neither is needed."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pipetrace.errors import ArgumentError, MissingLibraryError

LIBRARIES = ("pandas", "polars")


class Tabular:
    """Something with columns of equal length, that can be had as a data frame."""

    __slots__ = ()

    def columns(self) -> dict[str, list[Any]]:
        """The values by name: a list each, with None where a line has no value."""
        raise NotImplementedError

    def to_frame(self, library: str | None = None) -> Any:
        """The columns as a data frame: a line for each epoch of a trace, for each of several runs.

        Args:
            library: ``pandas`` or ``polars``. When left out, the one that the program has
                imported, else the one that is installed, pandas first.

        Raises:
            ArgumentError: it is neither.
            MissingLibraryError: it is not installed, or neither is.
        """
        if library is not None and library not in LIBRARIES:
            raise ArgumentError(
                f"There is no library {library!r} for data frames here.",
                where="library",
                hint=f"Give {' or '.join(LIBRARIES)}, or leave it out.",
            )
        wanted = LIBRARIES if library is None else (library,)
        there = [each for each in wanted if each in sys.modules]
        there += [each for each in wanted if each not in sys.modules and find_spec(each)]
        if not there:
            raise MissingLibraryError(
                f"{' and '.join(wanted)} {'is' if library else 'are'} not installed.",
                where="to_frame",
                hint=f"Install one: pip install {wanted[0]}",
            )
        # Of a column with texts and numbers polars asks for leave.
        options = {"strict": False} if there[0] == "polars" else {}
        return import_module(there[0]).DataFrame(self.columns(), **options)


class EpochTable(Tabular):
    """The figures of epochs, as Keras and as data frames have them."""

    epochs: tuple[Any, ...]

    @property
    def history(self) -> dict[str, list[float]]:
        """The metrics as ``History.history`` of Keras has them: a list each, of the epochs that
        measured it."""
        found: dict[str, list[float]] = {}
        for epoch in self.epochs:
            for name, value in epoch.metrics.items():
                found.setdefault(name, []).append(value)
        return found

    def columns(self) -> dict[str, list[Any]]:
        """The figures of the epochs: number, metrics, learning rate, seconds, steps."""
        own = {
            "epoch": [each.number for each in self.epochs],
            "learning_rate": [each.learning_rate for each in self.epochs],
            "seconds": [each.seconds for each in self.epochs],
            "steps": [each.steps for each in self.epochs],
        }
        names = [name for name in self.history if name not in own]
        measured = {name: [each.metrics.get(name) for each in self.epochs] for name in names}
        return {"epoch": own.pop("epoch"), **measured, **own}
