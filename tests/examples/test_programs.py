"""Whole programs as people publish them, run as `pipetrace run` runs them."""

import io
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from tests.agreement import contradictions
from tests.examples.gallery import EXAMPLES, PROGRAMS

import pipetrace
from pipetrace.explain import task
from pipetrace.explain.findings import WARNING
from pipetrace.explain.fits import model_part, own_losses
from pipetrace.record.run import Watched, run_script
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


GROUPS = {"vae_train_step": ["encoder", "decoder"], "ddpm": ["network"]}
"""The models that a step of the user's own calls."""
FEW = (
    "contrastive_pretraining",
    "gat",
    "image_folder",
    "metric_learning",
    "table_columns",
)
"""One for most ways to train, to give rows and to be judged; the others run in ``make test-all``."""

Runs = Mapping[str, list[Trace]]


def traced(folder: Path, names: Sequence[str]) -> Runs:
    """The traces of programs, each run as `pipetrace run` runs it, in the order in which its models were trained."""
    found = {}
    for name in names:
        paths = [folder / f"{name}-{number}.trace" for number in range(1, 9)]
        watched = Watched(
            lambda number, paths=paths: paths[number - 1],  # type: ignore[misc]
            {"after_training": "all", "verbose": False},
        )
        program, said = str(PROGRAMS / f"{name}.py"), io.StringIO()
        with redirect_stderr(said), warnings.catch_warnings(action="ignore"):
            run_script(program, [], is_module=False, watched=watched, told=print, made=[])
        assert "pipetrace: error" not in said.getvalue()  # nothing is found wrong while they train
        found[name] = [pipetrace.read(path) for path in paths if path.exists()]
    return found


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return traced(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="module", params=["few", pytest.param("others", marks=pytest.mark.slow)])
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    if request.param == "few":
        found: Runs = request.getfixturevalue("few")
        return found
    others = [name for name in FORMS if name not in FEW]
    return traced(tmp_path_factory.mktemp("others"), others)


def test_the_table_names_every_program() -> None:
    assert sorted(FORMS) == sorted(path.stem for path in PROGRAMS.glob("*.py"))
    readme = (EXAMPLES / "README.md").read_text()
    assert [name for name in FORMS if f"programs/{name}.py" not in readme] == []


def test_every_model_is_recorded_for_what_it_is(runs: Runs) -> None:
    for name, traces in runs.items():
        found = [tuple(each.form for each in task.outputs(trace)) for trace in traces]
        assert found == FORMS[name], name
        for trace in traces:
            assert trace.ending.kind in ("finished", "stopped"), name
            assert trace.epochs, name
            assert not contradictions(trace), name
        if name in VALIDATED:
            assert traces[-1].run.data.validation_rows == VALIDATED[name], name
        if name == "fine_tuned_twice":
            assert [fit.first_epoch for fit in traces[-1].fits] == [1, 5]
        if name in GROUPS:
            assert [each.path for each in traces[0].groups if each.path] == GROUPS[name]


def test_the_losses_are_those_that_the_step_makes_smaller(few: Runs) -> None:
    """Keras' own tracker, which such a step leaves at 0, is none."""
    (trace,) = few["contrastive_pretraining"]
    assert trace.epochs[-1].metrics["loss"] == 0
    assert own_losses(trace) == ("contrastive_loss", "probe_loss")
    assert "loss" not in model_part(trace).epochs[-1].metrics


def test_a_step_calls_its_model_with_a_whole_graph_and_gets_numbers_of_nodes(few: Runs) -> None:
    (graph,) = few["gat"]
    layers = [each for each in graph.stages if each.kind == "layer"]
    assert [each.layer for each in layers] == ["Dense", "GraphAttention", "GraphAttention", "Dense"]
    assert {each.outputs[0].shape[0] for each in layers} == {300}
    assert [each.rows for each in graph.evaluations] == [100]


def test_nothing_is_found_wrong_with_them(runs: Runs) -> None:
    found = {
        f"{name} {number}": [each.code for each in pipetrace.findings(trace, level=WARNING)]
        for name, traces in runs.items()
        for number, trace in enumerate(traces)
    }
    assert {name: codes for name, codes in found.items() if codes} == {}


def test_each_can_be_shown(runs: Runs, tmp_path: Path) -> None:
    for name, traces in runs.items():
        page = tmp_path / f"{name}.html"
        pipetrace.write_page(traces[-1], page)
        assert page.stat().st_size > 100_000, name
        assert len(pipetrace.quiz(traces[-1])) > 0, name
