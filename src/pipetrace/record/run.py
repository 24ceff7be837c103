"""Running somebody's program as Python would, with every model that it fits recorded."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pkgutil
import shutil
import sys
import zipimport
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from pipetrace.capture.guard import contained
from pipetrace.errors import ArgumentError, PipetraceError, in_short
from pipetrace.record import live_findings
from pipetrace.record.privacy import command_line
from pipetrace.record.standard_error import say
from pipetrace.trace.output_place import check_place


@dataclass(frozen=True)
class Watched:
    """How what a program fits is recorded."""

    # gives the path of the trace for a model's number, 1 for the first that is fitted
    path_of: Callable[[int], Path]
    options: Mapping[str, Any] = field(default_factory=dict)  # as for ``Recorder``


def run_script(
    program: str,
    arguments: Sequence[str],
    *,
    is_module: bool,
    watched: Watched,
    told: Callable[[str], None],
    made: list[Path],
) -> None:
    """Run a program in this process as ``python program arguments``, or ``python -m``, would.

    Its arguments, its exit code and its exceptions pass through. Keras is imported when the program
    imports it, with the settings that the program makes before. ``told`` hears why nothing is
    recorded, where that is so; ``made`` is filled with the traces that were begun.

    Raises:
        ArgumentError: there is no such program.
        SystemExit: the program's own, or 1 where it raised; the error is then printed as by Python.
    """
    check_program(program, is_module=is_module)
    command = ""
    if not watched.options.get("anonymous"):
        values = bool(watched.options.get("record_arguments"))
        command = command_line(["pipetrace", "run", program], arguments, values=values)
    copies: dict[Path, Path] = {}
    with ExitStack() as stack:
        stack.callback(_copy_traces, copies, made)

        def ready() -> None:
            record_all(stack, watched, made, told, command, copies)

        stack.enter_context(when_imported(("keras", "tensorflow"), ready))
        run_alone(program, arguments, is_module=is_module)


def check_program(program: str, *, is_module: bool) -> None:
    """See whether there is a script of that name, or raise an ``ArgumentError``."""
    if not is_module and not Path(program).is_file():
        raise ArgumentError(
            f"There is no script {program}.",
            where="SCRIPT",
            hint="Give the path of a Python file, or -m and a module.",
        )


def run_alone(program: str, arguments: Sequence[str], *, is_module: bool) -> None:
    """Run a program in this process as Python would, with nobody watching, and with its
    ``SystemExit``.

    It stays the main program of the process: functions that Python calls at its end, threads that
    live on and objects that are pickled then find ``__main__`` and the paths as they were.
    """
    main = ModuleType("__main__")
    try:
        sys.argv = [program, *arguments]
        code = _module_code(program, main) if is_module else _script_code(program, main)
        sys.modules["__main__"] = main
        exec(code, vars(main))  # noqa: S102 the program, which the user wants to run
    except Exception as error:
        # As Python ends a program that raises, without the frames between it and the program.
        error.__traceback__ = _own_frames(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from error


def _script_code(program: str, main: ModuleType) -> Any:
    if isinstance(pkgutil.get_importer(program), zipimport.zipimporter):
        sys.path.insert(0, program)
        return _code_of(importlib.machinery.PathFinder.find_spec("__main__", [program]), main)
    sys.path.insert(0, str(Path(program).resolve().parent))
    program = str(Path(program).absolute())
    loader = importlib.machinery.SourceFileLoader("__main__", program)
    vars(main).update(__file__=program, __loader__=loader, __cached__=None, __annotations__={})
    return loader.source_to_code(loader.get_data(program), program)


def _module_code(program: str, main: ModuleType) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    spec = importlib.util.find_spec(program)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{program}.__main__")
    if spec is None:
        raise ModuleNotFoundError(f"No module named {program!r}", name=program)
    sys.argv[0] = str(spec.origin)
    return _code_of(spec, main)


def _code_of(spec: Any, main: ModuleType) -> Any:
    if spec is None or not hasattr(spec.loader, "get_code"):
        raise ImportError(f"{spec.name if spec else '__main__'} cannot be run as a program")
    vars(main).update(
        __spec__=spec, __file__=spec.origin, __loader__=spec.loader, __package__=spec.parent
    )
    return spec.loader.get_code(spec.name)


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """The program's part of a traceback."""
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames


def note(text: str) -> None:
    """Say something of pipetrace's own beside what a program writes."""
    say(f"pipetrace: {text}")


def report_traces(made: Sequence[Path]) -> None:
    """Say at the end of a program which traces were made, and what is wrong in them."""
    for each in made:
        with contained(lambda error: note(in_short(error))):
            for text in live_findings.at_end(each):
                say(text)
    if not made:
        note("no model was fitted, so there is no trace.")
        if "keras" in sys.modules:
            note("A training loop of your own is recorded by: with pipetrace.recording(model, ...)")


def _copy_traces(copies: Mapping[Path, Path], made: list[Path]) -> None:
    """Copy the traces that the program made itself to where they were asked for."""
    for asked, own in copies.items():
        try:
            _copy(own, asked)
        except Exception as error:  # its folder may be gone with the program
            note(f"{own} cannot be copied to {asked}: {in_short(error)}")
            made[:] = [own if each == asked else each for each in made]


def _copy(own: Path, asked: Path) -> None:
    check_place(asked)
    draft = asked.with_name(f".{asked.name}.{os.getpid()}.new")
    try:
        shutil.copyfile(own, draft)
        draft.replace(asked)
    finally:
        draft.unlink(missing_ok=True)


def record_all(
    stack: ExitStack,
    watched: Watched,
    made: list[Path],
    told: Callable[[str], None],
    command: str,
    copies: dict[Path, Path],
) -> None:
    """Record from now on, until the stack is left, every model that is fitted; Keras is imported.

    ``told`` hears why nothing is recorded, where that is so; ``made`` and ``copies`` are filled as
    by ``watching_all``.
    """
    try:
        from pipetrace.record.watch import watching_all

        options: Any = dict(watched.options)
        stack.enter_context(watching_all(watched.path_of, made, copies, command=command, **options))
    except PipetraceError as error:  # another backend: the program runs, and nothing is recorded
        told(f"{error.what} Nothing is recorded.")
    except Exception as error:  # whatever it is, the program is to run
        told(f"the recorder does not start: {type(error).__name__}: {error}. Nothing is recorded.")


@contextmanager
def when_imported(names: tuple[str, ...], then: Callable[[], None]) -> Iterator[None]:
    """Call something once a module has been imported, or at once where it is there already.

    The other names may import it while they are being imported themselves: then it is waited until
    they are there too.
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
