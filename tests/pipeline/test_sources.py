import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import DataNotFoundError, IdxFormatError, PictureError
from pipetrace.pipeline import sources
from pipetrace.pipeline.files import plural, shown
from pipetrace.pipeline.sources import Source, load

ACCEPTED = ("IDX", ".npz", "folder of pictures")


def npz(path: Path) -> Path:
    x = np.zeros((2, 28, 28), dtype=np.uint8)
    x[:, 14, 14] = 9
    np.savez(path, x=x, y=np.array([0, 1]))
    return path


def test_nothing_there_names_the_accepted_forms(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    with pytest.raises(DataNotFoundError, match="no such file or folder") as caught:
        load(path)
    assert caught.value.where == str(path)
    for form in ACCEPTED:
        assert form in caught.value.hint
    assert "Did you mean" not in caught.value.hint


def test_a_similar_name_is_suggested(tmp_path: Path) -> None:
    npz(tmp_path / "digits.npz")
    for wrong in ("digit.npz", "digits.npy", "dgits.npz"):
        with pytest.raises(DataNotFoundError) as caught:
            load(tmp_path / wrong)
        assert caught.value.hint.startswith(f"Did you mean {tmp_path / 'digits.npz'}? ")


def test_a_path_through_a_file_or_a_missing_folder_is_no_traceback(tmp_path: Path) -> None:
    file = npz(tmp_path / "digits.npz")
    for path in (file / "inside", tmp_path / "a" / "b"):
        with pytest.raises(DataNotFoundError, match="no such file"):
            load(path)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "\ud800", "\ufffd\x1b"])
def test_names_that_no_file_can_have_are_no_traceback(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataNotFoundError) as caught:
        load(tmp_path / name)
    assert str(caught.value).encode().decode().isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataNotFoundError, match="neither a file nor a folder"):
        load(tmp_path / "pipe")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_and_circles_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(npz(tmp_path / "digits.npz"))
    assert len(load(tmp_path / "link").y) == 2
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(DataNotFoundError, match="cannot be read"):
        load(tmp_path / "circle")


def refuse(*_: Any, **__: Any) -> Any:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        *(("pathlib.Path.stat", name) for name in ("digits.npz", "a-images", "folder")),
        *(("pathlib.Path.open", name) for name in ("digits.npz", "a-images")),
        *(("pathlib.Path.iterdir", name) for name in ("a-images", "folder")),
    ],
)
def test_what_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, name: str
) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "a-images":
        path.write_bytes(b"\0\0\x08\x03" + bytes(12))
        (tmp_path / "a-labels").write_bytes(b"\0\0\x08\x01" + bytes(4))
    else:
        npz(path)
    with monkeypatch.context() as patch:
        patch.setattr(function, refuse)
        with pytest.raises(DataNotFoundError, match="cannot be read: Permission denied") as caught:
            load(path)
    assert "permissions" in caught.value.hint
    assert isinstance(caught.value.__cause__, PermissionError)


@pytest.mark.parametrize(
    ("target", "name"), [("zipfile.ZipFile.__init__", "digits.npz"), ("os.fstat", "a-images")]
)
def test_a_file_that_fails_while_it_is_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, name: str
) -> None:
    npz(tmp_path / "digits.npz")
    (tmp_path / "a-images").write_bytes(b"\0\0\x08\x03")
    (tmp_path / "a-labels").write_bytes(b"\0\0\x08\x01")

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(target, fail)
        with pytest.raises(DataNotFoundError, match="cannot be read: Input/output error") as caught:
            load(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert caught.value.hint.startswith("Copy the data")


def test_a_picture_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.new("L", (28, 28)).save(tmp_path / name / "a.png")
    monkeypatch.setattr("PIL.Image.open", refuse)
    with pytest.raises(PictureError, match=r"2 of 2 .*one/a\.png \(Permission denied\)"):
        load(tmp_path)


def test_a_text_file_is_refused_with_the_accepted_forms(tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text("label,pixel0\n")
    with pytest.raises(IdxFormatError, match="not an IDX file") as caught:
        load(tmp_path / "digits.csv")
    for form in ACCEPTED:
        assert form in caught.value.hint


def test_a_relative_path_is_kept_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npz(tmp_path / "digits.npz")
    monkeypatch.chdir(tmp_path)
    assert load(Path("digits.npz")).origin == "digits.npz"
    with pytest.raises(DataNotFoundError) as caught:
        load(Path("digit.npz"))
    assert caught.value.hint.startswith("Did you mean digits.npz?")


def test_a_source_is_frozen() -> None:
    source = sources.embedded_digits()
    assert isinstance(source, Source)
    with pytest.raises(AttributeError):
        source.name = "other"  # type: ignore[misc]
    assert (
        source != sources.embedded_digits()
    )  # arrays have no single answer to being equal, so objects are compared


def test_names_are_shown_without_what_a_terminal_would_obey() -> None:
    assert shown("a\x1b[31m\nb\udcff é 数") == "a\ufffd[31m\ufffdb\ufffd é 数"


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (1797, "1,797 rows")])
def test_plural(count: int, text: str) -> None:
    assert plural(count, "row") == text
    assert plural(count, "class") == text.replace("row", "class").replace("classs", "classes")


def test_the_import_brings_neither_a_framework_nor_pillow() -> None:
    program = (
        "import sys, pipetrace.pipeline.sources; "
        "print(*sorted({'keras', 'tensorflow', 'PIL', 'rich', 'click'} & set(sys.modules)))"
    )
    root = str(Path(sources.__file__).parents[2])
    # The environment is handed on with the package's folder, so that an uninstalled checkout works too.
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert result.stdout.strip() == ""
