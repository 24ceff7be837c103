"""The tail tells: no long file, no long function, no long list of parameters, but for a few that are named here."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "benchmarks", "tools")

FILES, LINES, BODY, PARAMETERS = 20, 400, 60, 8
"""The most files of a folder, lines of a file, lines of a function's body without its docstring, and parameters without self."""

EXCEPTIONS: Mapping[str, int] = {
    # Editors complete options only where a signature names each; watch shows those of this one.
    "src/pipetrace/record/recorder.py::Recorder.__init__()": 14,
}
"""What may be longer for now, ``path`` or ``path::function``, and its measure."""


def functions(
    tree: ast.AST, around: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its full name, such as ``Class.method``."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            continue  # no expression holds a function but a lambda
        name = around
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{around}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from functions(node, name)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From the first statement after the docstring to the last, comments and empty lines between them included."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many there are, ``*rest`` and ``**options`` included; ``self`` and ``cls`` are not."""
    given = function.args
    named = [each.arg for each in (*given.posonlyargs, *given.args)]
    counted = len(named) - (named[:1] in (["self"], ["cls"]))
    return counted + len(given.kwonlyargs) + (given.vararg is not None) + (given.kwarg is not None)


def too_long(root: Path) -> dict[str, int]:
    """What breaks a limit, and by what measure."""
    found, beside = dict[str, int](), Counter[Path]()
    for file in sorted(each for folder in FOLDERS for each in (root / folder).rglob("*")):
        if file.suffix not in (".py", ".js") or "node_modules" in file.parts:
            continue
        beside[file.parent] += 1
        where, text = file.relative_to(root).as_posix(), file.read_text()
        if len(text.splitlines()) > LINES:
            found[where] = len(text.splitlines())
        if file.suffix == ".py":
            for name, function in functions(ast.parse(text)):
                if body_lines(function) > BODY:
                    found[f"{where}::{name}"] = body_lines(function)
                if parameters(function) > PARAMETERS:
                    found[f"{where}::{name}()"] = parameters(function)
    return found | {
        f"{folder.relative_to(root).as_posix()}/": count
        for folder, count in beside.items()
        if count > FILES
    }


def complaints(found: Mapping[str, int], exceptions: Mapping[str, int]) -> list[str]:
    """What is longer than it may be, and which exceptions are no longer needed."""
    said = [
        f"{name} has {measure}"
        for name, measure in found.items()
        if measure > exceptions.get(name, 0)
    ]
    return said + [f"{name} is within its limit" for name in exceptions if name not in found]


def test_nothing_is_longer_than_its_limit() -> None:
    assert complaints(too_long(ROOT), EXCEPTIONS) == []


def test_pytest_looks_into_every_folder_of_tests(pytestconfig: pytest.Config) -> None:
    passed_over = pytestconfig.getini("norecursedirs")
    files = [each.relative_to(ROOT) for each in (ROOT / "tests").rglob("test_*.py")]
    folders = {folder for file in files for folder in file.parts[:-1]}
    assert {"tests", "build"} <= folders
    assert [each for each in sorted(folders) if any(fnmatch(each, on) for on in passed_over)] == []


def long_function(lines: int) -> str:
    return 'def long():\n    """A docstring\n    of two lines."""\n' + "    a = 1\n" * lines


WITHIN = {
    "src/a.py": "a = 1\n" * LINES,
    "tools/a.txt": "a\n" * (LINES + 1),
    "tests/a.py": long_function(BODY),
    "benchmarks/a.py": "def many(a, b, c, d, e, f, g, h): pass",
    "tools/a.py": "class A:\n    def many(self, a, b, c, d, e, f, g, h): pass",
}
BEYOND = {
    "src/b.js": ("a\n" * (LINES + 1), "", LINES + 1),
    "src/c.py": ("def a():\n    def b(a, b, c, d, e, f, g, h, i): pass", "::a.b()", 9),
    "tests/b.py": (long_function(BODY + 1), "::long", BODY + 1),
    "benchmarks/b.py": ("def many(a, b, c, /, d, e=1, *f, g, h, **i): pass", "::many()", 9),
    "tools/b.py": (
        "class A:\n    async def many(self, a, b, c, d, e, f, g, h, i): pass",
        "::A.many()",
        9,
    ),
}
"""What breaks a limit: the text, where in the file it is found, and its measure."""


def test_what_breaks_a_limit_is_found(tmp_path: Path) -> None:
    for file, text in (*WITHIN.items(), *((name, text) for name, (text, _, _) in BEYOND.items())):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    for number in range(FILES + 1):
        (tmp_path / "src" / "many").mkdir(exist_ok=True)
        (tmp_path / "src" / "many" / f"{number}.py").touch()
    assert too_long(tmp_path) == {"src/many/": FILES + 1} | {
        f"{file}{where}": measure for file, (_, where, measure) in BEYOND.items()
    }
    assert complaints({"a.py": 600}, {"a.py": 600}) == []
    assert complaints({"a.py": 601}, {"a.py": 600}) == ["a.py has 601"]
    assert complaints({}, {"a.py": 600}) == ["a.py is within its limit"]
