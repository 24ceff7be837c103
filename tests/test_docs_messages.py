"""``docs/messages.md`` against the code: every kind of error has its heading, and every example is what is said."""

import errno
import shlex
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.markdown import DOCS, blocks, sections, tables, whole_section

from pipetrace.capture import backend
from pipetrace.cli import main
from pipetrace.errors import PipetraceError
from pipetrace.explain.findings import Rule, selection

MESSAGES = (DOCS / "messages.md").read_text(encoding="utf-8")
FAMILIES = {"error", "bad-data", "bad-trace", "bad-output"}
IN_PYTHON = {"step-failed"}
"""What no command brings about: its example is a block of Python, which runs with those of the other documents."""
ELSEWHERE = "/path/to"
"""What stands in the examples for the folder that they ran in."""


def kinds(error: type[PipetraceError] = PipetraceError) -> Iterator[type[PipetraceError]]:
    yield error
    for each in error.__subclasses__():
        yield from kinds(each)


def slugs() -> set[str]:
    return {kind.slug for kind in kinds() if kind.__module__.startswith("pipetrace.")}


def headings(text: str) -> list[str]:
    return [part.heading for part in sections(text) if part.level == 3]


def test_every_slug_is_a_heading_and_every_heading_a_slug() -> None:
    assert sorted(headings(MESSAGES)) == sorted(slugs())
    assert sorted(headings(MESSAGES.replace("### not-a-trace\n", "### no-trace\n"))) != sorted(
        slugs()
    )


def test_each_message_says_why_and_what_to_do() -> None:
    for slug in slugs() - FAMILIES:
        (section,) = whole_section(MESSAGES, slug)
        assert "**Why:**" in section.text, slug
        assert "**What to do:**" in section.text, slug


def no_framework(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.delitem(sys.modules, "keras", raising=False)
    patch.setitem(sys.modules, "tensorflow", None)


def at_step(patch: pytest.MonkeyPatch, epoch: int, error: BaseException) -> None:
    """Have the first step of an epoch raise an error."""
    from pipetrace.demo.shown_recorder import ShownRecorder

    def step(self: Any, batch: int, logs: Any = None) -> None:
        if self.epoch == epoch:
            raise error

    patch.setattr(ShownRecorder, "on_train_batch_end", step)


def training_failed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    class ResourceExhaustedError(Exception):
        pass

    at_step(
        patch, 1, ResourceExhaustedError("OOM when allocating tensor with shape[1024,26,26,32]")
    )


def interrupted(folder: Path, patch: pytest.MonkeyPatch) -> None:
    at_step(patch, 3, KeyboardInterrupt())


def data_unavailable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def load_data() -> None:
        raise OSError("[Errno -3] Temporary failure in name resolution")

    mnist = SimpleNamespace(load_data=load_data)
    patch.setattr(backend, "load", lambda: SimpleNamespace(datasets=SimpleNamespace(mnist=mnist)))


def unreadable_image(folder: Path, patch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    image = tf.io.encode_png(X[0][..., None]).numpy()
    for name in ("cats", "dogs"):
        (folder / "animals" / name).mkdir(parents=True)
        (folder / "animals" / name / "1.png").write_bytes(image)
    (folder / "animals/dogs/2.png").write_bytes(image[:4])


def damaged_trace(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(folder / "digits.trace")) as database:
        database.execute("CREATE INDEX by_name ON summary (name)")


def newer_trace(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(folder / "digits.trace")) as database:
        database.execute("PRAGMA user_version = 4")


def incomplete_trace(folder: Path, patch: pytest.MonkeyPatch) -> None:
    # No run of the reference pipeline is so short that nothing can be asked.
    patch.setattr("pipetrace.present.formats.quiz.quiz", lambda *_: ())


def library_missing(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "genanki", None)


def disk_full(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def replace(path: Path, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(Path, "replace", replace)


def rows_do_not_fit(folder: Path, patch: pytest.MonkeyPatch) -> None:
    import keras

    inner = [keras.Input((4,), name="four"), keras.layers.Dense(2, name="dense")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras and NumPy between themselves
        keras.Sequential(inner, name="small").save(folder / "model.keras")
    np.savez(folder / "rows.npz", x=np.zeros((5, 3), np.float32))


def columns_differ(folder: Path, patch: pytest.MonkeyPatch) -> None:
    rows_do_not_fit(folder, patch)
    (folder / "rows").mkdir()
    for number, kind in ((1, np.int64), (2, np.int32)):
        x, y = np.zeros((5, 4), np.float32), np.zeros(5, kind)
        np.savez(folder / "rows" / f"{number}.npz", x=x, y=y)


def storage_unreachable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """As s3fs does it, which is not installed here; tests/scale asks a server."""

    class NoCredentialsError(Exception):
        pass

    class System:
        protocol = "s3"

        def info(self, _: str) -> Any:
            raise NoCredentialsError("Unable to locate credentials")

    patch.setattr("pipetrace.storage.filesystem", lambda *_: (System(), "bucket/run.trace"))


def installed(patch: pytest.MonkeyPatch, **rules: type[Rule] | None) -> None:
    """Make these rules those of installed packages; None stands for one that is not there."""

    class Made(EntryPoint):
        def load(self) -> Any:
            rule = rules[self.name.replace("-", "_")]
            return super().load() if rule is None else rule

    entries = [
        Made(name.replace("_", "-"), "mypackage.rules:FewRows", selection.GROUP) for name in rules
    ]
    patch.setattr(selection, "entry_points", lambda: entries)


def own_rule(name: str, module: str) -> type[Rule]:
    def check(self: Rule, trace: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    told = {
        "code": "MY001",
        "name": "few-validation-rows",
        "category": "own",
        "what": "What.",
        "why": "Why.",
        "check": check,
    }
    return type(name, (Rule,), {**told, "__module__": module})


def rule_failed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    installed(patch, few=own_rule("FewValidationRows", "mypackage.rules"))


def bad_rule(folder: Path, patch: pytest.MonkeyPatch) -> None:
    installed(patch, few_rows=None, other=own_rule("FewRows", "other.rules"))


def rule_clash(folder: Path, patch: pytest.MonkeyPatch) -> None:
    installed(
        patch,
        few_rows=own_rule("FewRows", "mypackage.rules"),
        more=own_rule("FewRows", "theirs.rules"),
    )


def cannot_retrain(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(folder / "digits.trace")) as database, database:
        database.execute("UPDATE run SET value = '\"my model\"' WHERE key = 'title'")


X = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
Y = np.arange(20) % 10

FILES: Mapping[str, Mapping[str, str | Mapping[str, Any]]] = {
    "bad-arrays": {"digits.npz": {"images": X, "labels": Y}},
    "bad-image-folder": {"images/first.png": "", "images/second.png": ""},
    "bad-labels": {"digits.npz": {"x": X, "y": Y + 1}},
    "bad-pixels": {"digits.npz": {"x": X / 255, "y": Y}},
    "bad-settings": {"pyproject.toml": '[tool.pipetrace]\nselects = ["PT2"]\n'},
    "count-mismatch": {"digits.npz": {"x": X, "y": Y[:18]}},
    "data-not-found": {"images/": ""},
    "no-cluster": {"model.keras": ""},
    "not-a-trace": {"notes.txt": "Buy milk.\n"},
    "not-idx": {
        f"digits/train-{name}-ubyte.gz": "<html>Not found</html>"
        for name in ("images-idx3", "labels-idx1")
    },
    "nothing-to-compare": {"train.py": 'print("no model here")\n'},
    "output-exists": {"digits.trace": "", "digits.html": ""},
    "script-failed": {"train.py": 'raise ValueError("there are no rows")\n'},
}
"""The files that bring about a kind of error: their texts, or the arrays that they hold."""


def prepare(slug: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Bring about a kind of error by its files, by its function above, or by the command alone."""
    for name, held in FILES.get(slug, {}).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            place.mkdir()
        elif isinstance(held, str):
            place.write_text(held)
        else:
            np.savez(place, **held)
    if make := globals().get(slug.replace("-", "_")):
        make(folder, patch)


def example(slug: str) -> tuple[list[str], str]:
    """The arguments and the message that the document shows for a kind of error."""
    (section,) = whole_section(MESSAGES, slug)
    (block,) = [each for each in blocks(section.text) if each.language == "console"]
    command, _, said = block.text.partition("\n")
    assert command.startswith("$ pipetrace ")
    return shlex.split(command)[2:], said


@pytest.mark.framework
def test_the_examples_are_what_the_commands_say(
    digits_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for slug in sorted(slugs() - FAMILIES - IN_PYTHON):
        arguments, said = example(slug)
        folder = tmp_path / slug
        folder.mkdir()
        if {"digits.trace", "--where"}.intersection(arguments):  # of a file, or of the folder's
            shutil.copy(digits_file, folder / "digits.trace")
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["pipetrace", *arguments])
            prepare(slug, folder, patch)
            with pytest.raises(SystemExit) as ending:
                main()
        assert capsys.readouterr().err.replace(str(folder), ELSEWHERE) == said
        assert ending.value.code == (130 if slug == "interrupted" else 2), slug


def test_the_exit_codes_are_those_of_the_classes() -> None:
    (codes,) = tables(whole_section(MESSAGES, "Exit codes")[0].text)
    assert {"0", "1", *(str(kind.exit_code) for kind in kinds())} == {row[0] for row in codes}
