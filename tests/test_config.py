"""``[tool.pipetrace]``: where it is looked for, what it may hold, and what is said of the rest."""

from pathlib import Path

import pytest

from pipetrace.config import Config, config
from pipetrace.errors import SettingsError

ALL = """
[project]
name = "somebodys"

[tool.pipetrace]
select = ["PT2", "PT305"]
ignore = []
level = "note"
format = "sarif"
expect = ["val_accuracy >= 0.9"]
baseline = "traces/good.trace"
tolerance = 1
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "pyproject.toml"
    place.write_text(text)
    return place


def test_every_key_is_read(tmp_path: Path) -> None:
    write(tmp_path, ALL)
    assert config(tmp_path) == Config(
        ("PT2", "PT305"),
        (),
        "note",
        "sarif",
        ("val_accuracy >= 0.9",),
        tmp_path / "traces" / "good.trace",
        1.0,
    )


def test_without_a_file_or_a_table_nothing_is_set(tmp_path: Path) -> None:
    assert config(tmp_path) == Config()
    write(tmp_path, "[project]\nname = 'x'\n[tool.other]\n")
    assert config(tmp_path) == Config()


def test_the_nearest_table_upwards_holds(tmp_path: Path) -> None:
    write(tmp_path, '[tool.pipetrace]\nlevel = "error"\ntolerance = 0.5\n')
    deep = tmp_path / "a" / "b"
    write(deep, "[tool.other]\n")
    assert config(deep).level == "error"
    write(deep.parent, '[tool.pipetrace]\nlevel = "note"\n')
    # One table holds as a whole; tables are not merged.
    assert config(deep) == Config(level="note")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("selects = ['PT2']", "unknown key 'selects'"),
        ("selekt = []", "Did you mean 'select'"),
        ("Level = 'note'", "unknown key 'Level'"),
        ("select = 'PT2'", "select is 'PT2', expected a list of strings"),
        ("expect = [3]", "expect is"),
        ("level = 'severe'", "level is 'severe', expected one of error, warning, note"),
        ("level = ['note']", "level is"),
        ("format = 'xml'", "format is 'xml', expected one of text, json, sarif, github"),
        ("baseline = ''", "baseline is ''"),
        ("baseline = 3", "baseline is 3"),
        ("tolerance = '0.1'", "tolerance is '0.1', expected a share"),
        ("tolerance = true", "tolerance is True"),
    ],
)
def test_what_is_not_known_is_an_error_that_names_it(tmp_path: Path, text: str, told: str) -> None:
    place = write(tmp_path, f"[tool.pipetrace]\n{text}\n")
    with pytest.raises(SettingsError, match=told) as caught:
        config(tmp_path)
    assert caught.value.where == str(place)


@pytest.mark.parametrize("text", [b"[tool.pipetrace", b"\xff\xfe", b"[tool]\npipetrace = 3\n"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text)
    with pytest.raises(SettingsError):
        config(tmp_path)
