"""The whole `pipetrace digits` beside a plain Keras script that fits the same model on the same rows.

    python benchmarks/wall_time.py FOLDER_OF_MNIST_FILES [--pairs 7]

Both are started as whole processes, in turn, so that a machine that slows down slows both; what counts is the ratio of
each pair, and of all pairs the median. One pair beforehand is not counted. Terminal output and page are included.
"""

import argparse
import os
import pty
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent


def seconds(command: list[str]) -> float:
    """Run a command on a terminal of its own, so that it draws what a person would see."""
    began = time.perf_counter()
    main, side = pty.openpty()
    process = subprocess.Popen(
        command, stdout=side, stderr=side, env={**os.environ, "TERM": "xterm-256color"}
    )
    os.close(side)
    while True:
        try:
            if not os.read(main, 65536):
                break
        except OSError:  # the other side is closed
            break
    os.close(main)
    if process.wait():
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a folder of MNIST's IDX files")
    parser.add_argument("--pairs", type=int, default=7, help="how many pairs are counted")
    arguments = parser.parse_args()
    plain = [sys.executable, str(HERE / "plain_digits.py"), arguments.data]
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "digits.trace")
        digits = [
            sys.executable,
            "-m",
            "pipetrace",
            "digits",
            "--force",
            "--data",
            arguments.data,
            "--out",
            out,
        ]
        ratios = []
        for number in range(arguments.pairs + 1):
            ours, theirs = seconds(digits), seconds(plain)
            if number:
                ratios.append(ours / theirs)
            note = "" if number else "  (not counted)"
            print(
                f"pipetrace {ours:6.2f} s, plain {theirs:6.2f} s, ratio {ours / theirs:.2f}{note}",
                flush=True,
            )
    print(f"ratio: median {median(ratios):.2f}, least {min(ratios):.2f}, most {max(ratios):.2f}")


if __name__ == "__main__":
    main()
