"""The public names: they are there, documented, typed, and do what the design says."""

import dataclasses
import importlib.metadata
import inspect
import io
import re
import shutil
import textwrap
import typing
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.resources import files
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import pipetrace
from pipetrace import errors
from pipetrace.present.build.document import document
from pipetrace.present.text import document_text

PUBLIC = sorted(pipetrace.__all__)


def public(name: str) -> Any:
    return getattr(pipetrace, name)


def test_the_names_are_few_and_all_there() -> None:
    assert len(set(PUBLIC)) == len(PUBLIC) <= 20
    star: dict[str, object] = {}
    exec("from pipetrace import *", star)
    assert star.keys() - {"__builtins__"} == set(PUBLIC)
    assert {
        "read",
        "show",
        "write_page",
        "observations",
        "findings",
        "quiz",
        "Trace",
        "TraceError",
    } <= set(PUBLIC)


def test_each_name_is_documented_with_its_arguments_or_fields() -> None:
    for name in PUBLIC:
        made = public(name)
        told = inspect.getdoc(made) or ""
        # What `dataclass` writes by itself says nothing.
        assert not told.startswith(f"{name}("), name
        assert told.split("\n")[0].endswith("."), name
        parts: list[str] = []
        if isinstance(made, FunctionType):
            parameters = inspect.signature(made).parameters
            assert typing.get_type_hints(made).keys() == {*parameters, "return"}, name
            places = [each for each in parameters.values() if each.kind is not each.KEYWORD_ONLY]
            most = 4 if name in ("watch", "recording") else 3  # as of Recorder
            assert len(places) <= most, name
            kinds = {each.kind for each in parameters.values()}
            assert inspect.Parameter.VAR_KEYWORD not in kinds
            assert inspect.Parameter.VAR_POSITIONAL not in kinds or name == "compare"
            parts = [*parameters]
        elif dataclasses.is_dataclass(made):
            with pytest.raises(dataclasses.FrozenInstanceError):
                object.__new__(public(name)).anything = 1
            parts = [field.name for field in dataclasses.fields(made)]
        for part in parts:
            assert re.search(rf"\b{part}\b", told), f"{name} does not tell of {part}"


@pytest.mark.framework
def test_editors_see_the_options_of_recorder_and_watch() -> None:
    recorder, watch = (inspect.signature(public(name)).parameters for name in ("Recorder", "watch"))
    assert {"budget", "title", "class_names", "verbose"} <= recorder.keys()
    assert watch.keys() == {"model", *recorder}
    for name, each in recorder.items():
        assert (watch[name].default, watch[name].annotation) == (each.default, each.annotation)
    told = inspect.getdoc(pipetrace.Recorder) or ""
    assert all(re.search(rf"\b{name}\b", told) for name in recorder)


def test_its_types_are_shipped() -> None:
    assert (files("pipetrace") / "py.typed").is_file()


def test_the_version_is_the_installed_one() -> None:
    assert pipetrace.__version__ == importlib.metadata.version("pipetrace")


def test_the_example_of_the_package_runs(
    digits_file: Path,
    digits_trace: pipetrace.Trace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(digits_file, tmp_path / "digits.trace")
    monkeypatch.chdir(tmp_path)
    found = re.search(r"(?m)(?:^ {4}.+\n?)+", pipetrace.__doc__ or "")
    assert found is not None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(textwrap.dedent(found[0]), {"pipetrace": pipetrace})
    assert printed.getvalue() == document_text(document(digits_trace))


def test_read_gives_a_frozen_document(digits_file: Path, digits_trace: pipetrace.Trace) -> None:
    for path in (digits_file, str(digits_file)):
        trace = pipetrace.read(path)
        assert isinstance(trace, pipetrace.Trace)
        assert [stage.name for stage in trace.stages] == [
            stage.name for stage in digits_trace.stages
        ]
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.rows = 3  # type: ignore[misc]


def test_every_error_is_a_pipetrace_error_with_a_slug_of_its_own() -> None:
    raised = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, Exception)
    ]
    kinds = [each for each in raised if issubclass(each, pipetrace.PipetraceError)]
    assert kinds == raised
    slugs = [kind.slug for kind in kinds]
    assert len(set(slugs)) == len(slugs) > 20
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in slugs)


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = pipetrace.TraceError("It broke.", where="here", hint="Mend it.")
    assert (error.what, error.where, error.hint) == ("It broke.", "here", "Mend it.")
    assert str(error) == "It broke. (here) Mend it. [bad-trace]"
    assert (
        str(pipetrace.PipetraceError("It broke.", hint="Mend it.")) == "It broke. Mend it. [error]"
    )


def test_observations_are_one_for_each_epoch(digits_trace: pipetrace.Trace) -> None:
    found = pipetrace.observations(digits_trace)
    assert [each.epoch for each in found] == [epoch.number for epoch in digits_trace.epochs]
    assert {type(each) for each in found} == {pipetrace.Observation}
    assert all(each.text and each.kinds for each in found)


class FewRows(pipetrace.Rule):
    """A rule of one's own, from the public names alone."""

    code, name, category, level = "MY001", "few-rows", "too_little_data", "note"
    what, why = "Fewer than a million rows.", "So are all runs here."

    def check(self, trace: pipetrace.Trace) -> Iterator[pipetrace.Finding]:
        evidence = pipetrace.Evidence(f"{trace.rows} rows.", trace.rows, "rows")
        yield self.found(
            "There are few rows.",
            [evidence],
            "Take more.",
            epochs=[epoch.number for epoch in trace.epochs],
        )


def test_findings_tell_what_is_wrong_where_and_what_to_do(digits_trace: pipetrace.Trace) -> None:
    assert all(isinstance(each, pipetrace.Finding) for each in pipetrace.findings(digits_trace))
    (found,) = pipetrace.findings(digits_trace, rules=[FewRows], select=["MY"])
    assert (found.code, found.name, found.level, found.category) == (
        "MY001",
        "few-rows",
        "note",
        "too_little_data",
    )
    assert (found.stage, found.epochs, found.why) == (None, (1, 2, 3), "So are all runs here.")
    assert (found.text, found.advice, found.change) == ("There are few rows.", "Take more.", "")
    assert (found.confidence, found.symptoms) == (1.0, ())
    assert [(each.text, each.value, each.place) for each in found.evidence] == [
        ("200 rows.", 200, "rows")
    ]
    assert pipetrace.findings(digits_trace, rules=[FewRows], select=["MY"], level="warning") == ()


def test_the_quiz_is_the_same_for_the_same_seed(digits_trace: pipetrace.Trace) -> None:
    first = pipetrace.quiz(digits_trace)
    assert first == pipetrace.quiz(digits_trace, seed=0) == pipetrace.quiz(digits_trace, 0)
    assert len({pipetrace.quiz(digits_trace, seed) for seed in range(8)}) > 1
    for question in first:
        assert isinstance(question, pipetrace.Question)
        assert len(set(question.options)) == len(question.options) == len(question.remarks) == 4
        assert question.remarks[question.answer] == question.explanation
        assert question.evidence.partition("/")[0] in ("stage", "epoch", "training", "prediction")


def test_show_prints_the_trace_and_draws_in_a_terminal_unless_plain_text_is_wanted(
    digits_trace: pipetrace.Trace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for options in ({}, {"plain": True}):
        pipetrace.show(digits_trace, **options)
        assert capsys.readouterr().out == document_text(document(digits_trace))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    pipetrace.show(digits_trace)
    assert "\x1b[" in capsys.readouterr().out
    pipetrace.show(digits_trace, plain=True)
    assert "\x1b" not in capsys.readouterr().out


def test_a_path_is_taken_where_a_trace_is_and_nothing_else(
    digits_trace: pipetrace.Trace,
    digits_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pages = iter(range(99))

    def page(trace: Any) -> bytes:
        place = tmp_path / f"{next(pages)}.html"
        pipetrace.write_page(trace, place)
        return place.read_bytes()

    def shown(trace: Any) -> str:
        pipetrace.show(trace)
        return capsys.readouterr().out

    functions: tuple[Any, ...] = (pipetrace.findings, pipetrace.observations, pipetrace.quiz)
    for function in (*functions, page, shown):
        for path in (digits_file, str(digits_file)):
            assert function(path) == function(digits_trace)
        with pytest.raises(pipetrace.TraceError) as missing:
            function(tmp_path / "missing.trace")
        assert missing.value.slug == "trace-not-found"
        for wrong in (None, 3, [digits_trace], digits_trace.run):
            with pytest.raises(pipetrace.PipetraceError) as caught:
                function(wrong)
            assert (caught.value.slug, caught.value.where) == ("bad-argument", "trace")


def test_dir_holds_the_public_names() -> None:
    assert set(dir(pipetrace)) == {*pipetrace.__all__, "__version__"}
