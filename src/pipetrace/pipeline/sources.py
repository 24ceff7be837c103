"""Where rows come from: the embedded digits, files, folders and arrays, all checked alike."""

import difflib
import stat
from collections.abc import Callable
from pathlib import Path

from pipetrace.errors import DataNotFoundError, PictureFolderError
from pipetrace.pipeline import idx, npz, pictures
from pipetrace.pipeline.arrays import Source, from_arrays
from pipetrace.pipeline.embedded import embedded_digits
from pipetrace.pipeline.files import FORMS, cannot_read, plural, shown

__all__ = ["Source", "embedded_digits", "from_arrays", "load"]

_ZIP = b"PK"
_NPY = b"\x93NUMPY"


def load(path: Path, progress: Callable[[int, int], None] | None = None) -> Source:
    """Read rows from files, in the form that their content shows.

    The forms are a folder with a pair of IDX files, the images file of such a pair (plain or packed with gzip), an
    ``.npz`` file with ``x`` and ``y``, or ``x_train`` and ``y_train``, and a folder of pictures with one subfolder a
    class. No form can run code. At most a million rows are read.

    Args:
        path: the file or folder.
        progress: for pictures, called with the pictures done and all pictures, after each one.

    Raises:
        ArrayFormatError: an ``.npz`` file is damaged, lacks the arrays, or they have a wrong shape or type.
        CountMismatchError: there are not as many labels as pictures.
        DataNotFoundError: there is nothing, nothing of a known form, or it may not be read.
        IdxFormatError: a file is not IDX, is damaged, has a wrong length, or its pictures are not 28x28.
        LabelError: a label is outside 0 to 9 or not whole, or all labels are the same.
        PictureError: pictures cannot be read.
        PictureFolderError: a folder of pictures has fewer than two classes, more than ten, or a class without any.
        PixelError: a pixel is outside 0 to 255 or not finite, or the pixels are scaled already.
    """
    if _is_folder(path):
        pair = idx.find_pair(path)
        return pictures.load_pictures(path, progress) if pair is None else _from_idx(pair, path)
    beginning = _beginning(path)
    ending = path.suffix.lower()
    if beginning.startswith((_ZIP, _NPY)) or ending in {".npz", ".npy"}:
        return _from_npz(path)
    if ending in pictures.ENDINGS:
        raise PictureFolderError(
            "This is a single picture.",
            where=shown(path),
            hint="Give the folder whose subfolders, one a class, hold the pictures.",
        )
    return _from_idx(idx.pair_of(path), path)


def _is_folder(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except OSError as error:
        raise cannot_read(path, error) from error
    except ValueError as error:  # a null character, which no name can have
        raise DataNotFoundError(
            "This is no name that a file can have.", where=shown(path), hint=FORMS
        ) from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise DataNotFoundError(
            "This is neither a file nor a folder.", where=shown(path), hint=FORMS
        )
    return stat.S_ISDIR(mode)


def _missing(path: Path) -> DataNotFoundError:
    try:
        names = [entry.name for entry in path.absolute().parent.iterdir()]
    except OSError:
        names = []
    # The word that --data takes for the download is misspelt as easily as a name.
    similar = difflib.get_close_matches(
        path.name, [*names, *(["mnist"] if path == Path(path.name) else [])], n=1
    )
    suggestion = f"Did you mean {shown(path.with_name(similar[0]))}? " if similar else ""
    return DataNotFoundError(
        "There is no such file or folder.", where=shown(path), hint=suggestion + FORMS
    )


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_NPY))
    except OSError as error:
        raise cannot_read(path, error) from error


def _from_idx(pair: idx.Pair, origin: Path) -> Source:
    x, y = idx.read_pair(pair)
    others = ", ".join(shown(other.name) for other in pair.others)
    left_out = f" The folder's other pairs were left out: {others}." if others else ""
    name = shown(pair.images.name)
    return from_arrays(
        x,
        y,
        name=name,
        description=f"{plural(len(x), 'picture')} of 28x28 pixels from the IDX file {name}.{left_out}",
        origin=shown(origin),
    )


def _from_npz(path: Path) -> Source:
    x, y, others = npz.read_npz(path)
    listed = ", ".join(shown(name) for name in others[:8])
    left_out = f" The file's other arrays were left out: {listed}." if others else ""
    return from_arrays(
        x,
        y,
        name=shown(path.name),
        description=f"{plural(len(x), 'picture')} of 28x28 pixels from the arrays of {shown(path.name)}.{left_out}",
        origin=shown(path),
    )
