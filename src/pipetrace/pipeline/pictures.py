"""A folder of pictures with one subfolder a class, read with Pillow."""

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipetrace.errors import DataNotFoundError, PictureError, PictureFolderError
from pipetrace.pipeline.arrays import CLASSES, DIGITS, SIDE, Source, from_arrays
from pipetrace.pipeline.files import FORMS, MAX_ROWS, cannot_read, plural, shown

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".gif",
        ".webp",
        ".pbm",
        ".pgm",
        ".ppm",
        ".pnm",
    ]
)
"""The endings of file names, in lower case, that mark a picture; other files are left out."""

# No other readers are tried, whatever a file's content claims to be: some start other programs, and the one for TIFF
# writes about damaged files to the terminal.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
_LAYOUT = "Give a folder with 2 to 10 subfolders, one a class, that hold the pictures."
_ARCHIVE_LITTER = "__MACOSX"


class _Entry(NamedTuple):
    path: Path
    label: int


class _Picture(NamedTuple):
    """One picture at the final size.

    Attributes:
        ink: uint8, shape (28, 28); the grey values, times the opacity.
        clear: uint8, shape (28, 28); how transparent each pixel is; 0 is opaque. None where all are opaque.
        done: what was done to it, in a word each.
    """

    ink: NDArray[np.uint8]
    clear: NDArray[np.uint8] | None
    done: tuple[str, ...]


@dataclass(frozen=True)
class _Folder:
    """What lies in the folder, before any picture is read."""

    entries: list[_Entry]
    class_names: tuple[str, ...]
    classes: int
    outside: int


def load_pictures(folder: Path, progress: Callable[[int, int], None] | None = None) -> Source:
    """Read a folder of pictures with one subfolder a class.

    The classes are the sorted names of the subfolders; where all are digits, the digit is the label. Hidden files and
    folders and files that are no pictures are left out. The rows are sorted by class and then by file name, so whoever
    trains on them has to draw them at random.

    Each picture is turned as its EXIF data says, made grey (ITU-R 601-2 luma), fitted into 28x28 pixels with its aspect
    ratio kept (bicubic, antialiased), and padded with the median of its border pixels. Of an animation, the first
    frame is taken. Transparent pixels become black or white for the whole folder, whichever lies farther from the mean
    of what is visible, so that the ink stays visible.

    Args:
        folder: the folder that holds the subfolders.
        progress: called with the pictures done and all pictures, after each one.

    Raises:
        DataNotFoundError: the folder is empty or may not be read.
        PictureError: pictures cannot be read.
        PictureFolderError: there are fewer than two classes, more than ten, or a class without pictures.
    """
    try:
        found = _scan(folder)
    except (
        OSError
    ) as error:  # A folder that is listed can still refuse to say what its entries are.
        raise cannot_read(folder, error) from error
    total = len(found.entries)
    ink = np.zeros((total, SIDE, SIDE), dtype=np.uint8)
    clear = np.zeros((total, SIDE, SIDE), dtype=np.uint8)
    done: Counter[str] = Counter()
    failures: list[tuple[Path, Exception]] = []
    with warnings.catch_warnings():
        _set_warnings()
        for row, entry in enumerate(found.entries):
            try:
                picture = _read(entry.path)
            except Exception as error:  # Pillow's readers raise nearly anything on damaged files.
                failures.append((entry.path, error))
            else:
                ink[row] = picture.ink
                if picture.clear is not None:
                    clear[row] = picture.clear
                done.update(picture.done)
            if progress is not None:
                progress(row + 1, total)
    if failures:
        raise _unreadable(folder, failures, total) from failures[0][1]
    return from_arrays(
        _on_background(ink, clear, done),
        np.array([entry.label for entry in found.entries], dtype=np.int64),
        name=shown(folder.resolve().name) or "pictures",
        description=_description(found, done),
        origin=shown(folder),
        class_names=found.class_names,
    )


def _scan(folder: Path) -> _Folder:
    top = _visible(folder)
    if not top:
        raise DataNotFoundError("The folder is empty.", where=shown(folder), hint=FORMS)
    classes = [entry for entry in top if entry.is_dir() and entry.name != _ARCHIVE_LITTER]
    outside = sum(_is_picture(entry) for entry in top)
    if not classes:
        raise _no_classes(folder, top, outside)
    if not 2 <= len(classes) <= CLASSES:
        listed = ", ".join(shown(each.name) for each in classes[:4]) + (
            ", ..." if len(classes) > 4 else ""
        )
        raise PictureFolderError(
            f"The folder has {plural(len(classes), 'subfolder')} ({listed}); expected 2 to {CLASSES}, one a class.",
            where=shown(folder),
            hint=_LAYOUT,
        )
    files = {each: [entry for entry in _visible(each) if _is_picture(entry)] for each in classes}
    for each, pictures in files.items():
        if not pictures:
            raise _empty_class(each)
    total = sum(map(len, files.values()))
    if total > MAX_ROWS:
        raise PictureFolderError(
            f"The folder holds {total:,} pictures; at most {MAX_ROWS:,} are read.",
            where=shown(folder),
            hint="Give a folder with a part of them.",
        )
    labels, names = _labels([each.name for each in classes])
    entries = [
        _Entry(path, label)
        for each, label in zip(classes, labels, strict=True)
        for path in files[each]
    ]
    return _Folder(entries, names, len(classes), outside)


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise cannot_read(folder, error) from error


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and path.is_file()


def _no_classes(
    folder: Path, top: list[Path], outside: int
) -> DataNotFoundError | PictureFolderError:
    where = shown(folder)
    if outside:
        return PictureFolderError(
            f"The folder holds {plural(outside, 'picture')} but no subfolders, so the labels are unknown.",
            where=where,
            hint=_LAYOUT,
        )
    archives = [entry.name for entry in top if entry.suffix.lower() == ".npz"]
    if archives:
        names = ", ".join(shown(name) for name in archives[:3])
        return DataNotFoundError(
            f"The folder holds {names}, but neither IDX files nor pictures.",
            where=where,
            hint=f"Give the file itself: {shown(folder / archives[0])}.",
        )
    return DataNotFoundError(
        "The folder holds neither IDX files nor pictures.", where=where, hint=FORMS
    )


def _empty_class(folder: Path) -> PictureFolderError:
    inner = next((entry for entry in _visible(folder) if entry.is_dir()), None)
    return PictureFolderError(
        "The class has no pictures." + (" It holds subfolders instead." if inner else ""),
        where=shown(folder),
        hint=f"If the classes lie one folder deeper, give {shown(folder)}."
        if inner
        else f"Put pictures into it or remove it. Their names end in {', '.join(sorted(ENDINGS))}.",
    )


def _labels(folders: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """Return a label for each folder, and the ten class names; outputs beyond the last class are named as unused."""
    if all(name in DIGITS for name in folders):
        return [int(name) for name in folders], DIGITS
    unused = tuple(f"unused {label}" for label in range(len(folders), CLASSES))
    return list(range(len(folders))), tuple(shown(name) for name in folders) + unused


def _set_warnings() -> None:
    from PIL import Image

    # Harmless oddities, such as damaged EXIF data, are none of the user's concern; a picture so large that it looks
    # like an attack is an error.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _read(path: Path) -> _Picture:
    from PIL import Image, ImageChops, ImageOps

    done = []
    with Image.open(path, formats=_FORMATS) as opened:
        image = ImageOps.exif_transpose(opened)
    clear = None
    # Pillow cannot lay 16-bit grey on a background, and a transparent value is rare there.
    if image.has_transparency_data and not image.mode.startswith(("I", "F")):
        image = image.convert("RGBA")
        opacity = image.getchannel("A")
        if opacity.getextrema() == (255, 255):
            image = image.convert("RGB")
        else:
            clear = ImageOps.invert(opacity)
            done.append("transparent")
    if image.mode != "L":
        grey = _grey(image)
        done.append("grey")
    else:
        grey = image
    ink = grey if clear is None else ImageChops.multiply(grey, ImageOps.invert(clear))
    if image.size != (SIDE, SIDE):
        done.append("resized")
    if image.width != image.height:
        done.append("padded")
    fitted = _fitted(ink, None if clear is None else 0)
    return _Picture(fitted, None if clear is None else _fitted(clear, 255), tuple(done))


def _grey(image: "Image") -> "Image":
    """Return a picture in 8-bit grey; 16 bits are scaled down, since Pillow would cut them off at 255."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("pixels that are floats have no known range")
    if not image.mode.startswith("I"):
        return image.convert("L")
    return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))


def _fitted(image: "Image", padding: int | None) -> NDArray[np.uint8]:
    """Fit a grey picture into 28x28 pixels; the padding is the median of its own border where none is given."""
    from PIL import Image

    if image.size != (SIDE, SIDE):
        scale = SIDE / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, dtype=np.uint8)
    height, width = pixels.shape
    if padding is None:
        border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
        padding = int(np.median(border))
    canvas = np.full((SIDE, SIDE), padding, dtype=np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def _on_background(
    ink: NDArray[np.uint8], clear: NDArray[np.uint8], done: Counter[str]
) -> NDArray[np.uint8]:
    """Lay transparent pictures on black or white, one for all; the ink holds the opacity already."""
    if not done["transparent"]:
        return ink
    affected = clear.any(axis=(1, 2))
    opacity = int((255 - clear[affected].astype(np.int64)).sum())
    brightness = 255 * int(ink[affected].sum(dtype=np.int64)) / opacity if opacity else 255.0
    if brightness > 127:
        done["on black"] = done["transparent"]
        return ink
    done["on white"] = done["transparent"]
    on_white: NDArray[np.uint8] = np.minimum(ink.astype(np.int16) + clear, 255).astype(np.uint8)
    return on_white


def _unreadable(folder: Path, failures: list[tuple[Path, Exception]], total: int) -> PictureError:
    named = "; ".join(
        f"{shown(path.relative_to(folder))} ({_reason(error)})" for path, error in failures[:3]
    )
    more = f"; and {len(failures) - 3:,} more" if len(failures) > 3 else ""
    return PictureError(
        f"{len(failures):,} of {plural(total, 'picture')} cannot be read: {named}{more}.",
        where=shown(folder),
        hint="Replace these files or remove them.",
    )


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not a picture of a known form"
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return f"more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error).rstrip(".")) or type(error).__name__


def _description(found: _Folder, done: Counter[str]) -> str:
    total = len(found.entries)
    steps = [
        f"{'all' if done[key] == total else f'{done[key]:,}'} {words}"
        for key, words in (
            ("on black", "laid on black where transparent"),
            ("on white", "laid on white where transparent"),
            ("grey", "made grey"),
            ("resized", f"resized to {SIDE}x{SIDE}"),
            ("padded", "padded to a square"),
        )
        if done[key]
    ]
    changes = f"; {', '.join(steps)}" if steps else ""
    left_out = (
        f"; {plural(found.outside, 'picture')} outside of the subfolders left out"
        if found.outside
        else ""
    )
    return f"{plural(total, 'picture')} in {plural(found.classes, 'class')}, one subfolder each{changes}{left_out}."
