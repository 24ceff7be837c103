"""Which part of the package may import which, read from the source."""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "pipetrace"

MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "errors": frozenset(),
    "config": frozenset(),
    "storage": frozenset(),
    "trace": frozenset({"storage"}),
    "stats": frozenset({"trace"}),
    "pipeline": frozenset({"trace"}),
    "capture": frozenset({"trace", "stats", "pipeline"}),
    "explain": frozenset({"trace", "stats"}),
    "comparison": frozenset({"trace", "stats", "explain"}),
    "record": frozenset({"trace", "stats", "pipeline", "capture"}),
    "run_table": frozenset({"trace", "explain", "storage"}),
    "present": frozenset({"trace", "stats", "explain", "comparison", "run_table"}),
    "demo": frozenset({"trace", "stats", "pipeline", "capture", "record"}),
    "scale": frozenset({"storage", "trace", "stats", "pipeline", "capture", "record"}),
    "pytest_plugin": frozenset({"trace", "explain", "comparison", "present", "config"}),
    "selfcheck": frozenset({"trace", "capture", "explain", "record", "present"}),
    "gallery": frozenset({"trace"}),
    "ablate": frozenset({"__init__", "trace", "capture", "explain", "record", "demo"}),
    # The public names. Those that record are imported at their first use: reading a trace loads no recorder.
    "__init__": frozenset({"trace", "explain", "comparison", "run_table", "present", "record"}),
    "__main__": frozenset({"cli"}),
    "serve": frozenset({"trace", "comparison", "run_table", "present"}),
    "cli": frozenset(
        {
            "serve",
            "__init__",
            "trace",
            "stats",
            "pipeline",
            "capture",
            "explain",
            "comparison",
            "record",
            "run_table",
            "present",
            "demo",
            "selfcheck",
            "scale",
            "storage",
            "ablate",
            "gallery",
            "config",
        }
    ),
}
"""For each part, the others that it may import besides ``errors``, which anyone may."""

FRAMEWORKS = frozenset({"keras", "tensorflow", "jax", "torch"})
MAY_IMPORT_FRAMEWORKS = frozenset({"capture"})
UNPROMISED = re.compile(r"keras\.src|tensorflow\.python|_keras_mask|_flatten_layers|_getframe")
MAY_USE_UNPROMISED = frozenset({"capture/internals.py", "pipeline/kinds.py"})
"""`kinds` tells a dataset by the module of its class, without importing TensorFlow."""

EMPTY = {
    f"{part}.py" if (PACKAGE / f"{part}.py").is_file() else f"{part}/__init__.py": ""
    for part in MAY_IMPORT
}
"""The files of a package of the same parts, with nothing in them."""


PROGRAMS = Path("gallery") / "programs"
"""Programs as users write them, which are run and never imported."""


def sources(package: Path) -> list[Path]:
    return [file for file in package.rglob("*.py") if package / PROGRAMS not in file.parents]


def part_of(file: Path, package: Path) -> str:
    """The folder below the package, or the file's own name where it lies at the top."""
    inside = file.relative_to(package)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imported(file: Path, package: Path) -> Iterator[str]:
    """The full name of each module or name that a file imports, also within functions."""
    yield from _imported(file.read_text(), file.relative_to(package.parent).with_suffix("").parts)


@functools.cache
def _imported(text: str, inside: tuple[str, ...]) -> list[str]:
    return list(_imports(text, inside))


def _imports(text: str, inside: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "importlib.import_module",
            "__import__",
        ):
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def parts_in(package: Path) -> set[str]:
    return {part_of(file, package) for file in sources(package)}


def part_named(name: str, package: str, parts: set[str]) -> str | None:
    """The part that an imported name lies in; None for what is not ours."""
    ours, *rest = name.split(".")
    if ours != package:
        return None
    return rest[0] if rest and rest[0] in parts else "__init__"


def violations(package: Path) -> list[str]:
    """Every import that the rules forbid."""
    found, parts = [], parts_in(package)
    for file in sorted(sources(package)):
        part, where = part_of(file, package), file.relative_to(package)
        if part not in MAY_IMPORT:
            found.append(f"{where} is in {part}, for which there is no rule")
            continue
        for name in imported(file, package):
            other = part_named(name, package.name, parts)
            if other is None:
                if name.split(".")[0] in FRAMEWORKS and part not in MAY_IMPORT_FRAMEWORKS:
                    found.append(f"{where} imports {name}, a framework")
            elif other not in {part, "errors", *MAY_IMPORT[part]}:
                found.append(f"{where} imports {name}, but {part} may not import {other}")
    return found


def unpromised(package: Path) -> list[str]:
    """The files that use private names of Keras or TensorFlow and are not the place for them."""
    used = {
        file.relative_to(package).as_posix()
        for file in sources(package)
        if UNPROMISED.search(file.read_text())
    }
    return sorted(used - MAY_USE_UNPROMISED)


def module_of(name: str, modules: set[str]) -> str | None:
    """The module that an imported name is or lies in."""
    parts = name.split(".")
    return next(
        (
            ".".join(parts[:end])
            for end in (len(parts), len(parts) - 1)
            if ".".join(parts[:end]) in modules
        ),
        None,
    )


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """A way from a node back to it; empty where there is none."""
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node not in done:
            for other in sorted(graph.get(node, ())):
                if found := visit(other, [*way, node]):
                    return found
            done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def module_graph(package: Path) -> dict[str, set[str]]:
    """For each module of the package the others that it imports, the packages' own ``__init__`` files included."""
    files = {}
    for file in sources(package):
        parts = file.relative_to(package.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    graph = {}
    for module, file in files.items():
        others = (module_of(name, set(files)) for name in imported(file, package))
        graph[module] = {other for other in others if other is not None and other != module}
    return graph


def part_graph(package: Path) -> dict[str, set[str]]:
    """For each part the others that it imports."""
    parts = parts_in(package)
    graph: dict[str, set[str]] = {part: set() for part in parts}
    for file in sources(package):
        part = part_of(file, package)
        others = (part_named(name, package.name, parts) for name in imported(file, package))
        graph[part].update(other for other in others if other is not None and other != part)
    return graph


def planted(folder: Path, files: Mapping[str, str]) -> Path:
    """A package of the same name with these files in it."""
    package = folder / PACKAGE.name
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


def test_every_part_imports_only_what_it_may() -> None:
    assert violations(PACKAGE) == []


def test_private_names_of_keras_are_used_in_one_file(tmp_path: Path) -> None:
    assert unpromised(PACKAGE) == []
    assert UNPROMISED.search((PACKAGE / "capture" / "internals.py").read_text())
    package = planted(tmp_path, {"capture/forward.py": "mask = tensor._keras_mask"})
    assert unpromised(package) == ["capture/forward.py"]


def test_the_rules_name_parts_that_exist() -> None:
    assert set(MAY_IMPORT) == parts_in(PACKAGE)
    for part, others in MAY_IMPORT.items():
        assert part not in others
        assert others <= set(MAY_IMPORT)


def test_no_part_and_no_module_imports_itself_by_a_detour() -> None:
    assert circle(part_graph(PACKAGE)) == []
    assert circle(module_graph(PACKAGE)) == []


def test_the_imports_were_found_at_all() -> None:
    graph = part_graph(PACKAGE)
    assert graph["record"] >= {"capture", "stats", "trace", "errors"}
    assert "pipetrace.trace.document" in module_graph(PACKAGE)["pipetrace.trace.reader"]
    assert "tensorflow" in set(imported(PACKAGE / "capture" / "forward.py", PACKAGE))


FORBIDDEN = (
    ("trace/writer.py", "from pipetrace import record"),
    ("trace/writer.py", "from ..stats import merge"),
    ("trace/writer.py", "from .. import stats"),
    ("trace/writer.py", "def late():\n    from pipetrace import stats"),
    ("trace/writer.py", "import importlib\nimportlib.import_module('pipetrace.stats')"),
    ("trace/writer.py", "from pipetrace import read"),
    ("record/run.py", "import keras.layers"),
    ("pipeline/steps.py", "from torch import nn"),
    ("explain/quiz.py", "from pipetrace.present import views"),
    ("errors.py", "import pipetrace.trace"),
    ("fresh/part.py", "import json"),
)
ALLOWED = (
    (
        "trace/writer.py",
        "import json\nfrom pipetrace.errors import TraceError\nfrom .document import Trace",
    ),
    ("capture/forward.py", "import tensorflow\nfrom pipetrace.trace.document import Trace"),
    ("cli/group.py", "from pipetrace import __version__\nfrom pipetrace.record import digits"),
)


def test_a_forbidden_import_is_found_and_an_allowed_one_is_not(tmp_path: Path) -> None:
    for place, (file, text) in enumerate(FORBIDDEN):
        assert violations(planted(tmp_path / f"{place}", {file: text})), text
    for place, (file, text) in enumerate(ALLOWED):
        assert violations(planted(tmp_path / f"allowed-{place}", {**EMPTY, file: text})) == [], text


def test_a_circle_is_found(tmp_path: Path) -> None:
    files = {
        "trace/one.py": "from pipetrace.trace import two",
        "trace/two.py": "def late():\n    from pipetrace.trace.three import name",
        "trace/three.py": "import pipetrace.trace.one",
    }
    names = [f"pipetrace.trace.{each}" for each in ("one", "two", "three")]
    package = planted(tmp_path, files)
    assert set(circle(module_graph(package))) == set(names)
    (package / "trace" / "three.py").write_text("import json")
    assert circle(module_graph(package)) == []
