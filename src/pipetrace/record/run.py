"""Running somebody's program as Python would, with every model that it fits recorded."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from pipetrace.errors import ArgumentError, PipetraceError


@dataclass(frozen=True)
class Watched:
    """How what a program fits is recorded.

    Attributes:
        path_of: gives the path of the trace for a model's number, 1 for the first that is fitted.
        options: as for ``Recorder``.
    """

    path_of: Callable[[int], Path]
    options: Mapping[str, Any] = field(default_factory=dict)


def run_script(
    program: str,
    arguments: Sequence[str],
    *,
    is_module: bool,
    watched: Watched,
    told: Callable[[str], None],
    made: list[Path],
) -> None:
    """Run a program in this process as ``python program arguments`` would.

    Its arguments, its exit code and its exceptions pass through. Keras is imported when the program
    imports it, with the settings that the program makes before.

    Args:
        program: the path of a script, or the name of a module.
        arguments: what it finds in ``sys.argv`` after its name.
        is_module: whether the program is a module, as with ``python -m``.
        watched: how its models are recorded.
        told: hears why nothing is recorded, where that is so.
        made: is filled with the traces that were begun, in order.

    Raises:
        ArgumentError: there is no such program.
        SystemExit: the program's own, or 1 where it raised; the error is then printed as by Python.
    """
    check_program(program, is_module=is_module)
    command = shlex.join(["pipetrace", *sys.argv[1:]])
    with ExitStack() as stack:
        stack.enter_context(
            when_imported(
                ("keras", "tensorflow"), lambda: record_all(stack, watched, made, told, command)
            )
        )
        run_alone(program, arguments, is_module=is_module)


def check_program(program: str, *, is_module: bool) -> None:
    """See whether there is a script of that name.

    Raises:
        ArgumentError: there is none.
    """
    if not is_module and not Path(program).is_file():
        raise ArgumentError(
            f"There is no script {program}.",
            where="SCRIPT",
            hint="Give the path of a Python file, or -m and a module.",
        )


def run_alone(program: str, arguments: Sequence[str], *, is_module: bool) -> None:
    """Run a program in this process as Python would, with nobody watching.

    Raises:
        SystemExit: the program's own, or 1 where it raised; the error is then printed as by Python.
    """
    before = sys.argv, sys.path[:]
    try:
        sys.argv = [program, *arguments]
        if is_module:
            sys.path.insert(0, "")
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(program).resolve().parent))
            runpy.run_path(program, run_name="__main__")
    except Exception as error:
        # As Python ends a program that raises, without the frames between it and the program.
        error.__traceback__ = _own_frames(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from error
    finally:
        sys.argv, sys.path[:] = before


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """The program's part of a traceback."""
    while frames is not None and frames.tb_frame.f_code.co_filename in (
        __file__,
        "<frozen runpy>",
        runpy.__file__,
    ):
        frames = frames.tb_next
    return frames


def record_all(
    stack: ExitStack, watched: Watched, made: list[Path], told: Callable[[str], None], command: str
) -> None:
    """Record from now on, until the stack is left, every model that is fitted; Keras is imported.

    Args:
        stack: takes what has to be undone.
        watched: how they are recorded.
        made: is filled with the paths of the traces.
        told: hears why nothing is recorded, where that is so.
        command: how the program was started.
    """
    try:
        from pipetrace.record.watch import watching_all

        options: Any = dict(watched.options)
        stack.enter_context(watching_all(watched.path_of, made, command=command, **options))
    except PipetraceError as error:  # another backend: the program runs, and nothing is recorded
        told(f"{error.what} Nothing is recorded.")
    except Exception as error:  # whatever it is, the program is to run
        told(f"the recorder does not start: {type(error).__name__}: {error}. Nothing is recorded.")


@contextmanager
def when_imported(names: tuple[str, ...], then: Callable[[], None]) -> Iterator[None]:
    """Call something once a module has been imported, or at once where it is there already.

    Args:
        names: the module, and others that may import it while they are being imported themselves:
            then it is waited until they are there too.
        then: what to call.
    """
    if names[0] in sys.modules:
        then()
        yield
        return
    finder = _Finder(names, then)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules as the other finders would, and calls back when all of them are there."""

    def __init__(self, names: tuple[str, ...], then: Callable[[], None]) -> None:
        self.names, self.then = names, then
        self.found = {name for name in names if name in sys.modules}
        self.asking: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Any = None,  # noqa: ARG002 the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.names or fullname in self.asking:
            return None
        self.asking.add(fullname)  # the others are asked through the same door
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.asking.discard(fullname)
        loader = spec.loader if spec else None
        if spec is None or loader is None:
            return spec
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._is_there(fullname)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def _is_there(self, name: str) -> None:
        self.found.add(name)
        begun = {each for each in self.names if each in sys.modules}
        if self.names[0] in self.found and begun <= self.found and self in sys.meta_path:
            sys.meta_path.remove(self)
            self.then()
