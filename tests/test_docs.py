"""The documents against the code: what is there is written down, and what is written down is there."""

import dataclasses
import inspect
import itertools
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import numpy as np
import pytest
from tests.markdown import (
    DOCS,
    ROOT,
    anchors,
    blocks,
    documents,
    links,
    sections,
    tables,
    whole_section,
)
from tools.make_declarations import records

import pipetrace
from pipetrace.cli import commands
from pipetrace.explain.events import SENTENCES
from pipetrace.trace.document import Data, Run
from pipetrace.trace.measurements import KINDS, Figures
from pipetrace.trace.overhead import Overhead
from pipetrace.trace.schema import APPLICATION_ID, SCHEMA, TABLES
from pipetrace.trace.training import Training

FORMAT = (DOCS / "trace-format.md").read_text(encoding="utf-8")
COMMANDS = (DOCS / "command-line.md").read_text(encoding="utf-8")
API = (DOCS / "api.md").read_text(encoding="utf-8")


# The trace file


def declared(layout: str) -> dict[str, list[tuple[str, str]]]:
    """The columns and their types of each table, as SQLite has them."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(layout)
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            table: [
                (row[1], row[2] or "any") for row in database.execute(f"PRAGMA table_info({table})")
            ]
            for table in names
        }


def described(text: str) -> dict[str, list[tuple[str, str]]]:
    """The columns and their types of each table, as the document has them."""
    found = {}
    for part in whole_section(text, "Tables")[1:]:
        ((*rows,),) = tables(part.text)
        found[part.heading] = [(name, kind) for name, kind, _ in rows]
    return found


def test_every_table_and_column_is_described_and_nothing_else() -> None:
    assert described(FORMAT) == declared(TABLES)
    assert described(FORMAT) != declared(f"{TABLES}; ALTER TABLE run ADD COLUMN more TEXT")
    assert described(FORMAT.replace("| `flops` | INTEGER |", "| `flops` | REAL |")) != declared(
        TABLES
    )


def test_columns_that_can_be_null_say_what_it_means() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        for part in whole_section(FORMAT, "Tables")[1:]:
            for name, _, meaning in tables(part.text)[0]:
                query = f"SELECT \"notnull\" OR pk FROM pragma_table_info('{part.heading}') WHERE name = ?"
                (never_null,) = database.execute(query, (name,)).fetchone()
                assert ("NULL" in meaning) != bool(never_null), (part.heading, name)


def keys(heading: str) -> list[str]:
    (part, *_) = whole_section(FORMAT, heading)
    return [row[0] for row in tables(part.text)[0]]


def test_the_keys_of_run_are_described() -> None:
    assert keys("The keys of run") == [
        *names(Run),
        "rows",
        "writer",
        "histogram_rows",
        "overhead",
        "ablations",
    ]
    assert keys("overhead") == names(Overhead)
    assert keys("data") == names(Data)
    assert keys("training") == names(Training)


def names(record: type) -> list[str]:
    return [field.name for field in dataclasses.fields(record)]


@pytest.fixture
def manifold(tmp_path: Path) -> Path:
    """The trace of a model that has all that a trace can hold: masks, attention, layers with two modes."""
    import keras

    layers = keras.layers
    given = layers.Input((5,))
    words = layers.Embedding(7, 4, mask_zero=True)(given)
    mixed = layers.MultiHeadAttention(1, 4)(words, words)
    model = keras.Model(
        given, layers.Dense(1)(layers.Dropout(0.5)(layers.GlobalAveragePooling1D()(mixed)))
    )
    model.compile("adam", "mse")
    x = np.arange(200, dtype=np.float32).reshape(40, 5) % 7
    recorder = pipetrace.Recorder(tmp_path / "run.trace", verbose=False)
    model.fit(x, x[:, :1].astype(np.float32), epochs=1, verbose=0, callbacks=[recorder])
    return tmp_path / "run.trace"


@pytest.mark.framework
def test_what_a_run_writes_is_described(manifold: Path) -> None:
    with closing(sqlite3.connect(manifold)) as database:

        def column(query: str) -> set[str]:
            return {value for (value,) in database.execute(query)}

        assert column("SELECT key FROM run") == set(keys("The keys of run")) - {"ablations"}
        assert column(
            "SELECT more.key FROM run, json_each(run.value) AS more WHERE run.key = 'writer'"
        ) == set(keys("writer"))
        (parts,) = tables(whole_section(FORMAT, "The parts of summary and tensor")[0].text)
        for table in ("summary", "tensor"):
            numbered = {
                re.sub(r"\d+$", "1", part) for part in column(f"SELECT DISTINCT part FROM {table}")
            }
            assert numbered == {row[1] for row in parts if row[0] == table}
        assert set(keys("The kinds of event")) == SENTENCES.keys()
        (figures,) = tables(whole_section(FORMAT, "The kinds of measurement")[0].text)
        told = {row[0]: set(re.findall(r"[a-z][a-z0-9_]*", row[3])) for row in figures}
        assert told.keys() == KINDS.keys()
        for kind, record in KINDS.items():
            assert {each.name for each in dataclasses.fields(record)} <= told[kind], kind
        written = column("SELECT DISTINCT kind FROM measurement")
        # This one has numbers in place of classes and of its inputs, and no batch normalization.
        others = {"principal_components", "class_outcome", "normalized_input"}
        assert written == told.keys() - others
        cost = whole_section(FORMAT, "cost")[0].text
        assert all(f"`{part}`" in cost for part in column("SELECT part FROM cost"))


def test_the_numbers_that_identify_a_trace_are_given() -> None:
    (rows,) = tables(whole_section(FORMAT, "What identifies it")[0].text)
    assert (
        f"{APPLICATION_ID}, or 0x{APPLICATION_ID:08x}, or `{APPLICATION_ID.to_bytes(4, 'big').decode()}`"
        in rows[1][1]
    )
    assert rows[2][1] == str(SCHEMA)


# The command line


def options(command: click.Command) -> dict[str, str]:
    """Each option's names and default, as Click has them; an argument by its name in capitals."""
    found = {}
    top = commands.make_context("pipetrace", [], resilient_parsing=True)
    for parameter in command.get_params(
        click.Context(command, parent=top, **command.context_settings)
    ):
        if isinstance(parameter, click.Option):
            long_first = sorted(parameter.opts, key=len, reverse=True)
            shown = (
                parameter.default
                if isinstance(parameter.default, int | str) and not parameter.is_flag
                else ""
            )
            found["`, `".join(long_first)] = str(shown)
        else:
            found[str(parameter.name).upper()] = ""
    return found


def described_options(text: str, heading: str) -> dict[str, str]:
    (part, *_) = whole_section(text, heading)
    return {row[0].strip("`"): row[2] for row in tables(part.text)[0]}


ALL_COMMANDS = {
    "pipetrace": commands,
    **{f"pipetrace {name}": each for name, each in commands.commands.items()},
}


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    found = [part.heading for part in sections(COMMANDS) if part.heading.startswith("pipetrace")]
    assert sorted(found) == sorted(ALL_COMMANDS)


def test_every_option_is_described_and_nothing_else() -> None:
    for heading, command in ALL_COMMANDS.items():
        found, expected = described_options(COMMANDS, heading), options(command)
        assert sorted(found) == sorted(expected), heading
        for name, default in expected.items():
            assert default in found[name], name
            assert default or not found[name].isdigit(), name


def shown_commands(text: str) -> list[str]:
    """The calls of pipetrace in code that is fenced or indented, without comments and what follows a pipe."""
    calls = re.findall(r"^(?:    |\$ )(pipetrace .*)$", text, re.MULTILINE)
    return [shlex.join(before_the_shells_own(call)) for call in calls]


def before_the_shells_own(call: str) -> Iterator[str]:
    """The words of a call up to a pipe or a redirection; those in quotes are words of the call."""
    words = shlex.shlex(call, posix=True, punctuation_chars="|>")
    words.whitespace_split = True
    return itertools.takewhile(lambda word: not set(word) <= set("|>"), words)


def test_the_commands_that_are_shown_can_be_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a file at an address a copy is made, which is nowhere here.
    monkeypatch.setattr("pipetrace.storage.local_copy", Path)
    # The messages show commands that fail.
    calls = {
        call: path
        for path in documents()
        if path.name != "messages.md"
        for call in shown_commands(path.read_text(encoding="utf-8"))
    }
    assert len(calls) > 50
    for call in calls:
        parse(call)


def parse(call: str) -> None:
    _, name, *arguments = shlex.split(call)
    if name == "--version":
        assert not arguments
    else:
        # Without the context of the whole, Click would remember other names of --help for the tests after this one.
        around = commands.make_context("pipetrace", [name])
        commands.commands[name].make_context(name, arguments, parent=around)


# The Python interface


def test_every_public_name_has_a_section_and_every_section_a_name() -> None:
    assert sorted(part.heading for part in sections(API) if part.level == 2) == sorted(
        pipetrace.__all__
    )


def test_every_public_name_has_an_example_and_its_signature() -> None:
    for name in pipetrace.__all__:
        (part, *_) = whole_section(API, name)
        assert any(block.language == "python" for block in blocks(part.text)), name
        if inspect.isfunction(getattr(pipetrace, name)):
            signature = inspect.signature(getattr(pipetrace, name))
            bare = [
                each.replace(annotation=inspect.Parameter.empty)
                for each in signature.parameters.values()
            ]
            shown = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
            assert " ".join(part.text.split()).startswith(f"`{name}{shown}` ")


def test_every_attribute_is_described_and_nothing_else() -> None:
    described = [
        *records(pipetrace.Trace),
        pipetrace.Observation,
        pipetrace.Finding,
        pipetrace.Question,
    ]
    # The fields of figures are described with the file; the test of what a run writes holds the two together.
    described = [each for each in described if not issubclass(each, Figures)]
    for record in described:
        (part, *_) = whole_section(API, record.__name__)
        assert [row[0] for row in tables(part.text)[0]] == names(record), record.__name__
    known = {record.__name__ for record in described}
    assert {part.heading for part in sections(API) if part.level == 3} <= known


# The links


def broken_links(path: Path) -> list[str]:
    """The links of a document that lead nowhere; those to other hosts are taken as they are."""
    found = []
    for target in links(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = path.parent / name if name else path
        if not place.exists() or (
            anchor and anchor not in anchors(place.read_text(encoding="utf-8"))
        ):
            found.append(target)
    return found


def test_the_links_lead_somewhere(tmp_path: Path) -> None:
    assert {ROOT / "README.md", DOCS / "trace-format.md", DOCS / "messages.md"} <= set(documents())
    assert {path: found for path in documents() if (found := broken_links(path))} == {}
    path = tmp_path / "some.md"
    path.write_text(
        "# A `b` c\n\n[1](some.md#a-b-c) [2](#a-c) ![3](no.png) [4](other.md) `[5](code.md)`\n"
    )
    assert broken_links(path) == ["#a-c", "no.png", "other.md"]


def test_the_site_has_every_document() -> None:
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    rules = {f"rules/{path.name}" for path in (DOCS / "rules").glob("PT*.md")}
    assert {*listed} == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - rules
