"""Make the embedded digits, ``src/pipetrace/demo/uci_digits.npz``, from the copy that scikit-learn ships.

scikit-learn is no dependency of the package; install it to run this. The file comes out the same on every run: the
archive carries no dates, and its bytes depend on the installed zlib only.

Usage: python tools/make_uci_digits.py [PATH]
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).resolve().parents[1] / "src" / "pipetrace" / "demo" / "uci_digits.npz"


def digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the ink counts, shape (1797, 8, 8), 0 to 16, and the labels, shape (1797,)."""
    from sklearn.datasets import load_digits  # type: ignore[import-not-found, import-untyped, unused-ignore]

    found = load_digits()
    small = found.images.astype(np.uint8)
    if small.shape != (1797, 8, 8) or small.max() != 16 or not np.array_equal(small, found.images):
        raise SystemExit(
            f"These are not the expected digits: {found.images.shape}, up to {found.images.max()}"
        )
    return small, found.target.astype(np.uint8)


def packed(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> bytes:
    """Return the two arrays as the bytes of an ``.npz`` file that carries no date."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in (("x", x), ("y", y)):
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            archive.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()


def main() -> None:
    """Write the file."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    content = packed(*digits())
    path.write_bytes(content)
    print(f"{path}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
