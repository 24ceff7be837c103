"""Runs whole programs one after another in this process, each as `pipetrace run` runs it.

    python -m tests.examples.run_programs FOLDER NAME [NAME ...]

The traces go to FOLDER, by the names of the programs; each program's exit code is printed.
"""

import sys
from pathlib import Path

from tests.examples.gallery import PROGRAMS

from pipetrace.record.run import Watched, run_script


def traces_of(folder: Path, name: str) -> list[Path]:
    """The traces of a program, in the order in which its models were first trained."""
    found = [
        folder / f"{name}.trace",
        *(folder / f"{name}-{number}.trace" for number in range(2, 9)),
    ]
    return [each for each in found if each.exists()]


def main(folder: Path, *names: str) -> None:
    for name in names:
        paths = [
            folder / f"{name}{f'-{number}' if number > 1 else ''}.trace" for number in range(1, 9)
        ]
        watched = Watched(
            lambda number, paths=paths: paths[number - 1],  # type: ignore[misc]
            {"after_training": "all", "verbose": False},
        )
        code = 0
        try:
            run_script(
                str(PROGRAMS / f"{name}.py"),
                [],
                is_module=False,
                watched=watched,
                told=print,
                made=[],
            )
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        print(f"{name}: {code}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
