"""What is held of a golden trace: facts (numbers, kinds, codes, names, shapes) and, apart from them, words.

Facts come from ``pipetrace export``, from the document inside ``pipetrace page`` and from
``pipetrace check --format json``. Prose is left out of them, so better words never change a fact. Words come
from ``pipetrace show --plain`` and ``pipetrace check``.

What differs from run to run is left out of both: times, dates, paths, versions, process numbers, fingerprints,
what recording took, and text that Keras or Python wrote.
"""

import base64
import contextlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from pipetrace.cli import commands

NAMES = ("digits", "unet", "attention", "tf_data", "nan", "raising", "saved", "killed")
HERE = Path(__file__).parent
STORED = HERE / "stored"
WIDTH = 160
SCRUBBED = "<scrubbed>"

VOLATILE = re.compile(
    "seconds|created|called_from|constructed_at|command|versions|platform|cost|overhead|schema|.*fingerprint|python|process|host|version|pipetrace"
)
"""Keys whose values differ from run to run, or from version to version."""

LEFT_OUT = {
    "histogram",
    "channels",
    "config",
    "texts",
    "foot",
    "columns",
    "x",
    "y",
    "width",
    "height",
}
"""Keys that hold much and say little, words alone, or where something is drawn."""

USUALLY_ZERO = {"nan", "positive_infinity", "negative_infinity"}
"""Keys that are held only where they are not 0."""

PROSE = re.compile(r"message|error|description|notice|text|label|title|why|advice|change|.*_text")
"""Keys that hold sentences, or numbers written for a reader."""

WORD = re.compile(r"[A-Za-z_][\w./:-]*")
"""A value that is one word: a kind, a code, a name. Anything longer is prose."""

NAMING = ("id", "part", "kind", "name", "epoch", "number", "code")
"""Keys by which an entry of a list is found again when the list grows."""

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
FOOT = re.compile(
    r"^ *(Recording|Command|Versions): .*?(?=^ *(?:Command|Seed|Training|Data|Model|Versions): |^$)",
    re.MULTILINE | re.DOTALL,
)
TABLE = re.compile(r"^epoch .*seconds\n(?:.+\n)+", re.MULTILINE)
VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+\d\d:\d\d"), "<date>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<fingerprint>"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "<version>"),
    (re.compile(r"(?:under )?[\d.,]+\s(?:ms|s|min|h)\sof\straining"), "<time> of training"),
    (
        re.compile(r"[\d.,]+\sms\sfor\sa\sbatch\sof\s(\d+)\srows?,\s(under )?[\d.]+\s%"),
        "<time> for a batch",
    ),
    (re.compile(r"about \d+\sminutes?\sto\sread"), "<time> to read"),
    (re.compile(r"\b[\w./-]+\.py:\d+"), "<line>"),
)


def pipetrace(
    *arguments: object, expect: tuple[int, ...] = (0,), folder: Path | None = None
) -> str:
    """What one command line prints, in the folder."""
    with contextlib.chdir(folder or Path.cwd()):
        runner = CliRunner(env={"COLUMNS": "88"})
        done = runner.invoke(commands, list(map(str, arguments)), prog_name="pipetrace")
    assert done.exit_code in expect, done.output
    return done.stdout


def record(folder: Path) -> None:
    """Record the eight traces into the folder. The process that does it is killed by its last run."""
    done = subprocess.run(
        [sys.executable, str(HERE / "record_traces.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert {path.stem for path in folder.glob("*.trace")} == set(NAMES)


def facts(trace: Path) -> dict[str, Any]:
    """The facts of a trace, by where they come from."""
    export = json.loads(pipetrace("export", trace))
    page = trace.with_suffix(".page.html")
    pipetrace("page", trace, "--out", page, "--force")
    check = json.loads(
        pipetrace("check", "--format", "json", "--level", "note", trace, expect=(0, 1))
    )
    # Measurements that waited are written when there is time, in one order or another.
    export["measurements"].sort(key=lambda each: (each["epoch"] or 0, each["kind"], each["name"]))
    return {"export": plain(export), "page": plain(document(page)), "check": plain(check)}


def document(page: Path) -> Any:
    """The JSON document that a page carries."""
    found = re.findall(
        r'<script type="application/json"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL
    )
    documents = [made for made in map(json.loads, found) if "stages" in made]
    assert len(documents) == 1
    return without_seconds(documents[0])


def without_seconds(made: Any) -> Any:
    """The page's document, its training table without the column of seconds."""
    training = made.get("training") or {}
    columns = training.get("columns") or []
    for place in [place for place, name in enumerate(columns) if "seconds" in str(name)]:
        for row in training["rows"]:
            row["cells"][place] = row["exact"][place] = "0"
    return made


def plain(value: Any) -> Any:
    """The value without what varies and without prose; arrays become their measures."""
    if isinstance(value, dict):
        if "base64" in value:
            return measures(value)
        return {key: plain(item) for key, item in sorted(value.items()) if is_held(key, item)}
    if isinstance(value, list):
        if len(value) > 16 and all(isinstance(item, int | float) for item in value):
            return {"length": len(value), "sum": rounded(sum(value)), "max": rounded(max(value))}
        if all(isinstance(item, str) for item in value):
            return " ".join(item for item in value if not is_prose(item))
        return [plain(item) for item in value]
    return rounded(value) if isinstance(value, float) else value


def is_held(key: str, value: Any) -> bool:
    """Whether a key's value is a fact that stays the same from run to run."""
    if VOLATILE.fullmatch(key) or key in LEFT_OUT or value in (None, [], {}, ""):
        return False
    if key in USUALLY_ZERO and value == 0:
        return False
    if isinstance(value, list) and all(isinstance(item, str) and is_prose(item) for item in value):
        return False
    return not (isinstance(value, str) and is_prose(value, key))


def is_prose(text: str, key: str = "") -> bool:
    """Whether this is for reading: more than one word, or one under a key that holds sentences."""
    return not number(text) and (not WORD.fullmatch(text) or bool(PROSE.fullmatch(key)))


def measures(array: dict[str, Any]) -> dict[str, Any]:
    """What is held of an array that is written as base64."""
    values = np.frombuffer(base64.b64decode(array["base64"]), dtype=array["dtype"]).astype(
        "float64"
    )
    made: dict[str, Any] = {"dtype": array["dtype"], "shape": array["shape"]}
    if values.size and np.isfinite(values).all():
        made |= {
            "mean": rounded(values.mean()),
            "std": rounded(values.std()),
            "max": rounded(values.max()),
        }
    elif values.size:
        made |= {"finite": int(np.isfinite(values).sum())}
    return made


def number(text: str) -> bool:
    """Whether the text is a number, perhaps with a percent sign."""
    return bool(NUMBER.fullmatch(text.removesuffix("%").strip()))


def rounded(value: float) -> Any:
    """Six significant digits; JSON has no NaN."""
    return float(f"{value:.6g}") if math.isfinite(value) else str(float(value))


def words(trace: Path) -> str:
    """The plain text of a trace and of its check, without what varies."""
    place, name = trace.parent, trace.name
    told = pipetrace("show", "--plain", name, folder=place) + "\n=== check\n"
    options = ("--plain", "--level", "note")
    told += pipetrace("check", *options, name, expect=(0, 1), folder=place)
    told = FOOT.sub(lambda found: f"{found[1]}: {SCRUBBED}\n", told)
    for pattern, name in VARYING:
        told = pattern.sub(name, told)
    return TABLE.sub(lambda table: re.sub(r" +[\d.]+$", "", table[0], flags=re.MULTILINE), told)


def written(value: Any, indent: int = 0) -> str:
    """JSON that shows well in a difference: what fits on a line is on one line."""
    line = json.dumps(value)
    if len(line) + indent <= WIDTH or not isinstance(value, dict | list):
        return line
    inner = " " * (indent + 1)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {written(item, indent + 1)}" for key, item in value.items()]
        first, last = "{}"
    else:
        parts = [written(item, indent + 1) for item in value]
        first, last = "[]"
    return f"{first}\n{inner}" + f",\n{inner}".join(parts) + f"\n{' ' * indent}{last}"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each single value with its path; an entry of a list goes by its name where it has one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}/{key}")
    elif isinstance(value, list):
        seen: set[str] = set()
        for place, item in enumerate(value):
            named = [item[key] for key in NAMING if key in item] if isinstance(item, dict) else []
            name = ":".join(map(str, named))
            name = f"{name}#{place}" if not name or name in seen else name
            seen.add(name)
            yield from leaves(item, f"{path}/{name}")
    else:
        yield path, value


def close(one: Any, two: Any) -> bool:
    """Whether two values are the same; numbers may differ a little, as they do from machine to machine."""
    if isinstance(one, str) and isinstance(two, str):
        return same_text(one, two)
    if isinstance(one, bool) or isinstance(two, bool) or not isinstance(one, int | float):
        return bool(one == two)
    if not isinstance(two, int | float):
        return False
    small = isinstance(one, int) and isinstance(two, int) and abs(one) < 1000
    return one == two if small else math.isclose(one, two, rel_tol=1e-3, abs_tol=1e-6)


def same_text(one: str, two: str) -> bool:
    """Whether two texts have the same words and numbers, however their lines break."""
    first, second = NUMBER.sub("#", one).split(), NUMBER.sub("#", two).split()
    return first == second and all(map(near, NUMBER.findall(one), NUMBER.findall(two)))


def near(one: str, two: str) -> bool:
    """Whether two written numbers are the same; the last digit after a point may be off by one."""
    if one == two:
        return True
    first, second = float(one.replace(",", "")), float(two.replace(",", ""))
    places = len(one.partition(".")[2].partition("e")[0])
    return math.isclose(
        first, second, rel_tol=1e-3, abs_tol=1.01 * 10**-places if places else 0
    ) and ("." in one or abs(first) >= 1000)


def differences(stored: Any, made: Any) -> list[str]:
    """What differs between two facts, a line each; what only moved is said to have moved."""
    old, new = dict(leaves(stored)), dict(leaves(made))
    gone = {path: value for path, value in old.items() if path not in new}
    come = {path: value for path, value in new.items() if path not in old}
    told = [
        f"{path}: {old[path]!r} became {new[path]!r}"
        for path in old
        if path in new and not close(old[path], new[path])
    ]
    for path, value in gone.items():
        place = next((other for other, moved in come.items() if close(value, moved)), None)
        if place is None:
            told.append(f"{path}: {value!r} is gone")
        else:
            told.append(f"{path}: {value!r} moved to {place}")
            del come[place]
    return told + [f"{path}: {value!r} is new" for path, value in come.items()]
