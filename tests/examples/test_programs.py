"""Whole programs as people publish them, run as `pipetrace run` runs them."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.agreement import contradictions
from tests.examples.gallery import EXAMPLES, PROGRAMS
from tests.examples.run_programs import traces_of

import pipetrace
from pipetrace.explain import task
from pipetrace.explain.findings import WARNING
from pipetrace.explain.fits import model_part, own_losses
from pipetrace.trace import Trace

pytestmark = pytest.mark.framework

FORMS = {
    "contrastive_pretraining": [()],
    "cross_validation": 5 * [("numbers",)],
    "ctc": [("sequence",)],
    "ddpm": [()],
    "distillation": 2 * [("classes",)],
    "fine_tuned_twice": [("numbers",), ("mask",)],
    "gat": [()],
    "image_folder": [("classes",)],
    "imbalanced": [("binary",)],
    "metric_learning": [("unknown",)],
    "recommender": [("numbers",)],
    "seq2seq": [("sequence",)],
    "sweep": 4 * [("binary",)],
    "table_columns": [("binary",)],
    "text_generation": [("sequence",)],
    "vae_train_step": [()],
    "weather": [("numbers",)],
}
"""For each model of a program, in the order of training, what its outputs are."""
VALIDATED = {"image_folder": 36, "table_columns": 150, "weather": None, "seq2seq": 410}
"""Rows that were validated on; more than can be kept are not known of a dataset."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Trace]]:
    """The traces of all programs, which run in two processes at once."""
    folder = tmp_path_factory.mktemp("programs")
    names = list(FORMS)
    parts = names[::2], names[1::2]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.examples.run_programs", str(folder), *part],
            cwd=EXAMPLES.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for part in parts
    ]
    for process, part in zip(started, parts, strict=True):
        said, errors = process.communicate()
        codes = [line for line in said.splitlines() if line.endswith(": 0")]
        assert process.returncode == 0, errors[-3000:]
        assert len(codes) == len(part), said
        assert "pipetrace: error" not in errors  # nothing is found wrong while they train
    return {name: [pipetrace.read(path) for path in traces_of(folder, name)] for name in names}


def test_the_table_names_every_program() -> None:
    assert sorted(FORMS) == sorted(path.stem for path in PROGRAMS.glob("*.py"))
    readme = (EXAMPLES / "README.md").read_text()
    assert [name for name in FORMS if f"programs/{name}.py" not in readme] == []


def test_every_model_is_recorded_for_what_it_is(runs: dict[str, list[Trace]]) -> None:
    for name, forms in FORMS.items():
        traces = runs[name]
        found = [tuple(each.form for each in task.outputs(trace)) for trace in traces]
        assert found == forms, name
        for trace in traces:
            assert trace.ending.kind in ("finished", "stopped"), name
            assert trace.epochs, name
            assert not contradictions(trace), name
    for name, count in VALIDATED.items():
        assert runs[name][-1].run.data.validation_rows == count, name


def test_two_fits_are_two_fits(runs: dict[str, list[Trace]]) -> None:
    trace = runs["fine_tuned_twice"][-1]
    assert [fit.first_epoch for fit in trace.fits] == [1, 5]


def test_the_losses_are_those_that_the_step_makes_smaller(runs: dict[str, list[Trace]]) -> None:
    """Keras' own tracker, which such a step leaves at 0, is none."""
    (trace,) = runs["contrastive_pretraining"]
    assert trace.epochs[-1].metrics["loss"] == 0
    assert own_losses(trace) == ("contrastive_loss", "probe_loss")
    assert "loss" not in model_part(trace).epochs[-1].metrics


def test_a_step_shows_the_models_that_it_calls(runs: dict[str, list[Trace]]) -> None:
    """Also one that calls its own model with a whole graph, while the rows are numbers of nodes."""
    for name, groups in {"vae_train_step": ["encoder", "decoder"], "ddpm": ["network"]}.items():
        assert [each.path for each in runs[name][0].groups if each.path] == groups
    (graph,) = runs["gat"]
    layers = [each for each in graph.stages if each.kind == "layer"]
    assert [each.layer for each in layers] == ["Dense", "GraphAttention", "GraphAttention", "Dense"]
    assert {each.outputs[0].shape[0] for each in layers} == {300}
    assert [each.rows for each in graph.evaluations] == [100]


def test_nothing_is_found_wrong_with_them(runs: dict[str, list[Trace]]) -> None:
    found = {
        f"{name} {number}": [each.code for each in pipetrace.findings(trace, level=WARNING)]
        for name, traces in runs.items()
        for number, trace in enumerate(traces)
    }
    assert {name: codes for name, codes in found.items() if codes} == {}


def test_each_can_be_shown(runs: dict[str, list[Trace]], tmp_path: Path) -> None:
    for name, traces in runs.items():
        page = tmp_path / f"{name}.html"
        pipetrace.write_page(traces[-1], page)
        assert page.stat().st_size > 100_000, name
        assert len(pipetrace.quiz(traces[-1])) > 0, name
