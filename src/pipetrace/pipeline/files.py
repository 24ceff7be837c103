"""What every reader of files needs: the accepted forms in words, names that can be shown, and wrapped system errors."""

import unicodedata
from pathlib import Path

from pipetrace.errors import DataNotFoundError

MAX_ROWS = 1_000_000
"""The most rows that are read from files. It bounds the memory: 784 MB of pixels."""

FORMS = (
    "Give a folder with a pair of IDX files (*images*, *labels*), the images file of such a pair, an .npz file with "
    "x and y, or a folder of pictures with one subfolder a class."
)


def shown(path: object) -> str:
    """Return a path, or another text from outside, as text that every output can carry.

    A name on disk is bytes, and need not be valid UTF-8. Python keeps such bytes as lone surrogates, which no file,
    database or terminal takes. They become U+FFFD here, and so do control characters, which a terminal would obey.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in {"Cc", "Cs"} else c
        for c in str(path)
    )


def cannot_read(path: Path, error: OSError) -> DataNotFoundError:
    """Return the error for a file or folder that the system refuses to read.

    Args:
        path: the file or folder.
        error: what the system said.
    """
    reason = error.strerror or type(error).__name__
    if isinstance(error, PermissionError):
        hint = "Change its permissions, or copy the data to where you may read it."
    else:
        hint = "Copy the data to another place and try again."
    return DataNotFoundError(f"The data cannot be read: {reason}.", where=shown(path), hint=hint)


def plural(count: int, word: str) -> str:
    """Return a count and its noun, such as ``1 picture`` or ``1,797 pictures``; a class becomes classes."""
    ending = "" if count == 1 else "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{ending}"
