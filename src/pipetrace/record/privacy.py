"""What a trace says of the person, the machine and the place: as little as it can."""

import re
import shlex
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pipetrace.trace.document import DROPPED, Ending, Run, Stage
from pipetrace.trace.events import Event

MASKED = "***"
"""What stands for a value that looks like a secret."""
PACKAGE = Path(__file__).parent.parent
INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of packages, which may lie in a folder of the program's."""
NAME = re.compile(r"(--[A-Za-z][\w.-]{0,39}|-[A-Za-z](?![\w.-])|[A-Za-z_][\w.]{0,39}(?==))")
"""The name of an option: ``--epochs``, ``-e``, or that before ``=`` in ``lr=0.1``."""
SECRET_NAME = re.compile(
    r"token|key|pass|pwd|secret|auth|credential|cookie|session|bearer|private|signature|dsn",
    re.IGNORECASE,
)
SECRET = re.compile(
    r"""(?:sk|pk|gh[opsur]|github_pat|hf|glpat|xox[a-z]|AKIA|ASIA|AIza|eyJ)[-_]?[\w.-]{8,}
    | (?=[^/\\]*\d)(?=[^/\\]*[A-Za-z])[\w+=.~-]{24,}   # long and random, and no path
    | \b(?:bearer|basic)\s+\S+""",
    re.VERBOSE | re.IGNORECASE,
)
USER_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]+@")
QUERY_OF_ADDRESS = re.compile(r"(?<=\w)\?\S*=\S*")
HOME_OR_ROOT = re.compile(r"(?:file:)?(?:~|[A-Za-z]:)?[/\\][\w.~ @+-]+(?:[/\\][^\s'\":,)\]]*)+")


def command_line(program: Sequence[str], arguments: Sequence[str], *, values: bool = False) -> str:
    """How a program was started: its name, without a folder, and the names of its options.

    With ``values`` those of options too. What looks like a secret, by the option's name or by
    itself, is masked all the same.
    """
    words, is_value_of = [Path(each).name for each in program], ""
    for word in arguments:
        name = found[0] if (found := NAME.match(word)) else ""
        value = word[len(name) :].lstrip("=") if name else word
        if name and (value or "=" in word):
            words.append(f"{name}={_shown(name, value, values=values)}")
        elif name:
            words.append(name)
        elif values or words[-1] != DROPPED:
            words.append(_shown(is_value_of, value, values=values))
        is_value_of = name if name and not value else ""
    plain = (each if DROPPED in each or MASKED in each else shlex.quote(each) for each in words)
    return " ".join(plain).encode(errors="surrogateescape").decode(errors="replace")


def started(*, values: bool = False) -> str:
    """How this process was started; ``notebook`` in a notebook, whose command tells nothing."""
    if "ipykernel" in sys.modules and "ipykernel" in sys.argv[0]:
        return "notebook"
    return command_line([sys.executable, *sys.argv[:1]], sys.argv[1:], values=values)


def is_own(file: Path, here: Path) -> bool:
    """Whether a file is of the program that runs in a folder, and of no installed package."""
    within = file.is_relative_to(here) and not file.is_relative_to(PACKAGE)
    return within and file.suffix == ".py" and INSTALLED.isdisjoint(file.parts)


def place_of_call() -> str:
    """The file and the line of the program from which this thread came here: ``train.py:23``.

    The innermost frame counts that lies in the current folder and in no installed package. Empty
    where there is none, as in a notebook: a whole path would tell of the machine.
    """
    with suppress(OSError, ValueError):
        here = Path.cwd()
        for frame, line in traceback.walk_stack(None):
            file = Path(frame.f_code.co_filename).absolute()
            if is_own(file, here):
                return f"{file.relative_to(here).as_posix()}:{line}"
    return ""


def _shown(name: str, value: str, *, values: bool) -> str:
    if not values:
        return DROPPED
    if SECRET_NAME.search(name) or SECRET_NAME.search(value.partition("=")[0].partition(":")[0]):
        return MASKED
    shown = QUERY_OF_ADDRESS.sub(f"?{MASKED}", USER_IN_ADDRESS.sub(f"{MASKED}@", value))
    return SECRET.sub(MASKED, shown)


def unnamed_run(run: Run) -> Run:
    """The facts of a run without what names a person, a machine or a place."""
    created = datetime.fromisoformat(run.created).astimezone(UTC).isoformat(timespec="seconds")
    is_ours = run.data.origin in ("fit", "embedded")
    data = replace(
        run.data,
        name=run.data.name if is_ours else "rows",
        description=run.data.description if is_ours else "",
        origin=run.data.origin if is_ours else "",
        class_names=(),
        feature_names=(),
    )
    model = run.model and replace(run.model, config=_unnamed(run.model.config))
    return replace(run, created=created, command="", data=data, model=model)


def unnamed_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages without the paths and the words in their configurations."""
    return tuple(replace(each, config=_unnamed(each.config)) for each in stages)


Told = TypeVar("Told", Event, Ending)


def unnamed(told: Told) -> Told:
    """An event or an ending with no more of an error than its class: the message may name
    anything."""
    return replace(told, error=told.error and told.error.partition(":")[0])


def _unnamed(value: Any) -> Any:
    """A configuration without paths and vocabularies."""
    if isinstance(value, str):
        return HOME_OR_ROOT.sub(DROPPED, value)
    if isinstance(value, Mapping):
        return {
            key: None if key == "vocabulary" else _unnamed(entry) for key, entry in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_unnamed(entry) for entry in value]
    return value
